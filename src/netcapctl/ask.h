/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking a daemon, and saying in words why it did not answer. */
#ifndef NC_NETCAPCTL_ASK_H
#define NC_NETCAPCTL_ASK_H

#include <stdio.h>
#include <jansson.h>

#include "control/commands.h"

#define NC_CTL_TIMEOUT_MS 5000

/* A daemon and the socket where it is expected. */
struct nc_ctl_target {
	const struct nc_control_service *service;
	char socket[128];
};

/* The target of a daemon: its socket is `path`, or when that is NULL what the environment names, or the default.
 * -ENAMETOOLONG when that is no path of a socket. */
int nc_ctl_target(enum nc_control_daemon d, const char *path, struct nc_ctl_target *t);
/* Which daemon answers on the socket at path, into *ret; negative errno as nc_control_call. */
int nc_ctl_identify(const char *path, enum nc_control_daemon *ret);
/* Calls a command of the target, with its parameters (taken over) or NULL; as nc_control_call. */
int nc_ctl_ask(const struct nc_ctl_target *t, const struct nc_control_command *c, json_t *parameters, json_t **reply);
/* Whether something answers or refuses on the target's socket: 1, or 0 when the daemon is not running. */
int nc_ctl_runs(const struct nc_ctl_target *t);
/* Writes one line on what failed and returns the exit code for it. `reply` is the error's object or NULL. */
int nc_ctl_explain(FILE *err, const struct nc_ctl_target *t, const struct nc_control_command *c, int rc, json_t *reply);

#endif
