/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's half of the ledger: what its interfaces, workers and queue say. */
#ifndef NC_SENSORD_LEDGER_H
#define NC_SENSORD_LEDGER_H

#include "record/ledger.h"

struct nc_sensor;

/* The numbers of this moment, since the start. */
void nc_sensor_ledger(const struct nc_sensor *s, struct nc_ledger *ret);
/* Sends them: in the transport's own way, or as a record. 0; -EAGAIN: not now; -ENOTSUP: the peer is of 2019 and knows none; else
 * negative errno. */
int nc_sensor_send_ledger(struct nc_sensor *s);

#endif
