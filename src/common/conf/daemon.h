/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that every daemon has. */
#ifndef NC_CONF_DAEMON_H
#define NC_CONF_DAEMON_H

#include "conf/conf.h"

/* The words of log.level, as nc_log_level_parse knows them. */
extern const char *const nc_conf_levels[];

/* The rows of a daemon's table for its members control_socket, control_group (texts), metrics_port (int64_t) and log_level
 * (index into nc_conf_levels). */
#define NC_CONF_DAEMON_ROWS(type, socket_path)                                                                                  \
	{                                                                                                                       \
		.key = "control.socket", .kind = NC_CONF_STRING, .offset = offsetof(type, control_socket), .dflt = socket_path, \
		.restart = true, .help = "Where netcapctl finds the daemon; empty for no control socket.",                      \
	},                                                                                                                      \
	{                                                                                                                       \
		.key = "control.group", .kind = NC_CONF_STRING, .offset = offsetof(type, control_group), .dflt = "netcap",      \
		.restart = true,                                                                                                \
		.help = "Group whose members may look; root and the daemon's own user may look and act.",                       \
	},                                                                                                                      \
	{                                                                                                                       \
		.key = "metrics.port", .kind = NC_CONF_INT, .offset = offsetof(type, metrics_port), .dflt = "0", .max = 65535,  \
		.restart = true,                                                                                                \
		.help = "Port of http://127.0.0.1:PORT/metrics for Prometheus; 0: none. Unused when systemd hands over a "      \
			"socket of the name \"metrics\".",                                                                      \
	},                                                                                                                      \
	{                                                                                                                       \
		.key = "log.level", .kind = NC_CONF_ENUM, .offset = offsetof(type, log_level), .dflt = "info",                  \
		.words = nc_conf_levels, .help = "Least important messages that are logged.",                                   \
	}

#endif
