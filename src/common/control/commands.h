/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of both daemons: the one table behind dispatch, rights, help, manual and completion. */
#ifndef NC_CONTROL_COMMANDS_H
#define NC_CONTROL_COMMANDS_H

#include <stddef.h>

#include "control/control.h"

#define NC_CONTROL_SENSOR    "org.netcap.Sensor"
#define NC_CONTROL_COLLECTOR "org.netcap.Collector"
#define NC_CONTROL_GROUP     "netcap"

/* More commands than any daemon has: the size of the array that nc_control_bind fills. */
#define NC_CONTROL_COMMANDS_MAX 24

enum nc_control_daemon {
	NC_CONTROL_SENSORD,
	NC_CONTROL_COLLECTORD,
};

/* What is known of a daemon without asking it. `commands` have no functions. */
struct nc_control_service {
	const char *name;      /* netcapctl's word: "sensord" */
	const char *product;   /* "netcap-sensord" */
	const char *interface; /* NC_CONTROL_SENSOR */
	const char *socket;    /* file name in the run folder: "sensord.sock" */
	const char *env;       /* variable that overrides the socket's path */
	const struct nc_control_command *commands;
	size_t count;
};

/* The service of a daemon; never NULL for a member of the enum. */
const struct nc_control_service *nc_control_service(enum nc_control_daemon d);

/* The function behind the command `name`. */
struct nc_control_binding {
	const char *name;
	nc_control_fn fn;
};

/* Copies the daemon's commands into `out` with the functions of the bindings put in. Returns their number; -EINVAL when
 * a binding names no command or a command got no function. */
int nc_control_bind(enum nc_control_daemon d, const struct nc_control_binding *bindings, size_t n,
                    struct nc_control_command out[static NC_CONTROL_COMMANDS_MAX]);

/* SetLogLevel of both daemons. */
const char *nc_control_log_level(void *user, json_t *parameters, json_t **reply);

#endif
