/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines of the daemons: one table behind parsing and help, and what both do with their configuration. */
#ifndef NC_CONF_CLI_H
#define NC_CONF_CLI_H

#include <stddef.h>

#include "conf/conf.h"

#define NC_CLI_OPTIONS_MAX 16

struct nc_cli_option {
	const char *name;
	int has_arg; /* no_argument, required_argument or optional_argument of getopt_long(3) */
	int code;    /* a letter: also the short form when it stands in `letters` */
	const char *arg, *help;
};

struct nc_cli {
	const char *program, *purpose;
	const char *letters; /* short options, as getopt(3) takes them */
	const struct nc_cli_option *options;
	size_t n;
};

/* The next option's code, its argument in *arg (NULL: none); 0 behind the last (optind then names the first word that is none);
 * -1 when the line is wrong, which has been said with the nearest right name. */
int nc_cli_next(const struct nc_cli *c, int argc, char **argv, const char **arg);
/* Prints usage and options. Returns 0. */
int nc_cli_help(const struct nc_cli *c);

/* A program's settings: how they are read and freed. read: 0 or negative errno with a line in err. */
struct nc_cli_settings {
	const struct nc_conf_option *table;
	size_t n;
	void *settings;
	int (*read)(void *settings, const char *path, struct nc_buf *err);
	void (*free)(void *settings);
};
/* --check-config: exit status 0 or 2. */
int nc_cli_check_config(const struct nc_cli *c, const struct nc_cli_settings *s, const char *path);
/* --dump-config: exit status 0 or 2. */
int nc_cli_dump_config(const struct nc_cli *c, const struct nc_cli_settings *s, const char *path);

#endif
