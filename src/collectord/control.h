/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector answers on its control socket. */
#ifndef NC_COLLECTORD_CONTROL_H
#define NC_COLLECTORD_CONTROL_H

#include <jansson.h>

#include "base/buf.h"
#include "collectord/collector.h"
#include "collectord/gate.h"
#include "collectord/receive.h"
#include "collectord/tail.h"
#include "collectord/rekey.h"
#include "control/control.h"

/* What the commands work on; the `user` of their functions. */
struct nc_collector_control {
	struct nc_collector *collector;
	const struct nc_receiver *receiver; /* NULL: no datagrams */
	struct nc_gate *gate;               /* NULL: no sessions (tests) */
	struct nc_state *state;
	struct nc_rekey *rekey;             /* NULL: the keys stay (tests) */
	struct nc_control_server *server;   /* for answers that come later */
	struct nc_tail *tail;               /* NULL: records can't be followed (tests) */
	const char *own;                    /* folder where authorised keys are put */
	/* the list of sensors read again: 0 or negative errno, err gets a line */
	int (*relist)(void *user, struct nc_buf *err);
	/* what is in effect: file, text, options that wait for a restart */
	const char *(*config)(void *user, struct nc_buf *text, struct nc_buf *restart);
	/* configuration read again: 0, restart gets the names of options that need one; else negative errno, err gets a line */
	int (*reload)(void *user, struct nc_buf *restart, struct nc_buf *err);
	void *user;
};

/* The commands of a collector with their functions, into `out`; returns their number or -EINVAL (a bug). */
int nc_collector_commands(struct nc_control_command *out);
/* Everything there is to say, as a new reference; NULL when memory is short. */
json_t *nc_collector_status(const struct nc_collector_control *c, struct nc_instant now);

#endif
