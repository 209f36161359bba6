/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor as a daemon: command line, signals, control socket, systemd. */
#ifndef NC_SENSORD_DAEMON_H
#define NC_SENSORD_DAEMON_H

/* The whole program; returns its exit status: 0, 1 when something failed, 2 for a wrong command line or configuration. */
int nc_sensord_main(int argc, char **argv);

#endif
