/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's half of the ledger: what a sensor said of itself, with what arrived of it. */
#ifndef NC_COLLECTORD_LEDGER_H
#define NC_COLLECTORD_LEDGER_H

#include "collectord/collector.h"
#include "record/ledger.h"

/* Takes a sensor's half that came as counters, fills in ours, and stores it as a record of type LossLedger in the sensor's
 * folder. Names that are not known are passed over. 0 or negative errno. */
int nc_ledger_take(struct nc_collector *c, struct nc_sensor *s, uint64_t epoch, const struct nc_ledger_counter *list, size_t n,
                   struct nc_instant now);
/* The same for a record (a message without its length) that came among others: `self` of the records that were counted as
 * received came with it. Appends what is to be stored in its place to out. 0 or negative errno. */
int nc_ledger_complete(struct nc_sensor *s, const uint8_t *p, size_t n, uint64_t self, struct nc_buf *out);
/* The last ledger of a sensor with our half as of now; NULL when there is none. A new reference. */
json_t *nc_ledger_of(const struct nc_sensor *s);

#endif
