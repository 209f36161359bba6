/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's queue: blocks wait in memory, bounded, until the transport takes them. */
#ifndef NC_SENSORD_SHIP_H
#define NC_SENSORD_SHIP_H

#include "base/loop.h"
#include "sensord/transport.h"

struct nc_ship_state {
	uint64_t queue_bytes, queue_blocks;
	uint64_t dropped_blocks, dropped_records; /* for want of memory or at the end */
};

struct nc_ship;

/* Takes over the transport. 0 or negative errno. */
int nc_ship_new(struct nc_loop *loop, struct nc_transport *t, uint64_t limit, struct nc_ship **ret);
/* Copies a built block into the queue and sends what can be sent; the oldest blocks go when the limit is reached. */
void nc_ship_block(struct nc_ship *s, const uint8_t *block, size_t n);
void nc_ship_limit(struct nc_ship *s, uint64_t limit);
/* Sends what can be sent now; true when the queue is empty. */
bool nc_ship_pump(struct nc_ship *s);
/* What the queue and the transport say. */
void nc_ship_get_state(const struct nc_ship *s, struct nc_ship_state *queue, struct nc_transport_state *transport);
/* Counts what is left as dropped, closes the transport and frees. Returns the records that were left. */
uint64_t nc_ship_free(struct nc_ship *s);

#endif
