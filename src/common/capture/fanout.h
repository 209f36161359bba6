/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of live capture that talk to the packet socket itself. */
#ifndef NC_CAPTURE_FANOUT_H
#define NC_CAPTURE_FANOUT_H

#include <stdint.h>

/* Makes a packet socket that is bound a member of the fanout group id, which spreads by a program that computes a symmetric
 * hash of the outermost IP address pair (0 for everything else). 0 or negative errno. */
int nc_fanout_join(int fd, uint16_t id);
/* No packet reaches the socket while it is blocked. Unblocking removes whatever filter there is. */
int nc_fanout_block(int fd);
int nc_fanout_unblock(int fd);
/* The socket doesn't see what this host sends. */
int nc_fanout_incoming_only(int fd);
/* Packets and drops since the last call; packets include the dropped ones. */
int nc_fanout_counters(int fd, uint32_t *packets, uint32_t *drops);

#endif
