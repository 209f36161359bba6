/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector as a daemon: command line, sockets, signals, systemd. */
#ifndef NC_COLLECTORD_DAEMON_H
#define NC_COLLECTORD_DAEMON_H

/* The whole program; returns its exit status: 0, 1 when something failed, 2 for a wrong command line or configuration. */
int nc_collectord_main(int argc, char **argv);

#endif
