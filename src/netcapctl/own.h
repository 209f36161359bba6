/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of netcapctl share: the command line as it was read, and the commands that are netcapctl's own. */
#ifndef NC_NETCAPCTL_OWN_H
#define NC_NETCAPCTL_OWN_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

#include "base/buf.h"
#include "netcapctl/ask.h"

#define NC_CTL_DAEMONS   2
#define NC_CTL_ARGUMENTS 2

struct nc_ctl {
	FILE *out, *err;
	bool json, watch, all, openmetrics, help, version;
	const char *socket;
	const char *type, *sensor; /* --type, --sensor */
	int daemon;                /* enum nc_control_daemon, or -1: not named */
	const char *command;
	const char *arguments[NC_CTL_ARGUMENTS];
	size_t argument_count;
	const char *flag; /* of rotate-keys */
	struct nc_ctl_history *history; /* --watch status */
};

/* The object inside {"status": {…}}, or the object itself. Borrowed. */
json_t *nc_ctl_unwrap(json_t *reply);
/* Writes v as JSON and a line end. */
void nc_ctl_print_json(const struct nc_ctl *c, json_t *v);
/* Says that nobody runs; the exit code for it. */
int nc_ctl_nobody(const struct nc_ctl *c, const struct nc_ctl_target targets[static NC_CTL_DAEMONS]);
/* The status of a daemon into *ret (a new reference), or the exit code after a message; NC_CTL_NOT_RUNNING without one. */
int nc_ctl_status(const struct nc_ctl *c, const struct nc_ctl_target *t, json_t **ret);

/* --- status for people (screen.c) --------------------------------------------------------------------------------- */

/* What --watch remembers between two rounds: the numbers of the last one, and packets per second of each interface. */
struct nc_ctl_history *nc_ctl_history_new(void);
void nc_ctl_history_free(struct nc_ctl_history *h);
/* Appends the status of a daemon on half a screen; history NULL: without rates. now is monotonic, in ns. */
void nc_ctl_screen(struct nc_buf *out, enum nc_control_daemon d, json_t *status, struct nc_ctl_history *h, int64_t now);
/* A number with three digits and k, M, G …; for tests. */
void nc_ctl_count(struct nc_buf *out, double v);
/* Bars for the values, the largest as a whole one; in ASCII unless utf8. For tests. */
void nc_ctl_spark(struct nc_buf *out, const double *v, size_t n, bool utf8);

/* --- own commands --------------------------------------------------------------------------------------------------- */

/* What is wrong with a daemon: appends short texts with "; " between them to `bad`, and what is right to `good`. before is its
 * status a second ago. */
void nc_ctl_health(enum nc_control_daemon d, json_t *before, json_t *now, struct nc_buf *bad, struct nc_buf *good);
int nc_ctl_run_health(const struct nc_ctl *c, const struct nc_ctl_target targets[static NC_CTL_DAEMONS]);
int nc_ctl_run_metrics(const struct nc_ctl *c, const struct nc_ctl_target targets[static NC_CTL_DAEMONS]);
int nc_ctl_run_tail(const struct nc_ctl *c, const struct nc_ctl_target *t, const struct nc_control_command *cmd);
/* The public key in text or in the file of that name ("-": standard input), as 64 hexadecimal digits into a buffer of 65 bytes;
 * false when there is none. */
bool nc_ctl_key(char out[static 65], const char *text);

#endif
