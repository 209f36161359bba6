/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcapctl as a function: its command line, and what it does. */
#ifndef NC_NETCAPCTL_CTL_H
#define NC_NETCAPCTL_CTL_H

#include <stdio.h>

/* Exit codes, part of the interface for scripts. */
enum nc_ctl_exit {
	NC_CTL_OK = 0,
	NC_CTL_FAILED = 1,
	NC_CTL_USAGE = 2,       /* not known: a command, an option, or what a daemon was asked for */
	NC_CTL_NOT_RUNNING = 3, /* nobody answers on the socket */
	NC_CTL_DENIED = 4,
};

/* Runs one command line; results go to out, messages to err. Returns the exit code. */
int nc_ctl_main(int argc, char *const *argv, FILE *out, FILE *err);

#endif
