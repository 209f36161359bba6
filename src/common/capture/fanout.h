/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of live capture that talk to the packet socket itself. */
#ifndef NC_CAPTURE_FANOUT_H
#define NC_CAPTURE_FANOUT_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#define NC_FANOUT_NONE UINT32_MAX

/* Makes a packet socket that is bound a member of the fanout group id, behind those that are there, which spreads over its first
 * `members` by a program that computes a symmetric hash of the outermost IP address pair (0 for everything else). One that joins
 * beyond them gets nothing yet. 0 or negative errno. */
int nc_fanout_join(int fd, uint16_t id, unsigned members, bool incoming_only);
/* Changes how the group of fd spreads: what would go to member `away` goes to the one behind the first `members`, until a member
 * leaves: the kernel then puts the last one into its place. NC_FANOUT_NONE: as in joining. When it returns no packet is under way
 * by the old rule. */
int nc_fanout_spread(int fd, unsigned members, unsigned away);
/* Puts a filter of n instructions in the place of the one that is there, at once; n 0: none. What the socket holds stays. When it
 * fails the old one stands. */
int nc_fanout_filter(int fd, struct sock_filter *insn, unsigned short n);
/* No packet reaches the socket until it gets another filter. */
int nc_fanout_block(int fd);
/* The socket doesn't see what this host sends. */
int nc_fanout_incoming_only(int fd);
/* Packets and drops since the last call; packets include the dropped ones. */
int nc_fanout_counters(int fd, uint32_t *packets, uint32_t *drops);

#endif
