/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way from the sensor's queue to a collector: one interface for all transports. */
#ifndef NC_SENSORD_TRANSPORT_H
#define NC_SENSORD_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "block/block.h"

struct nc_transport_state {
	uint64_t batches, bytes, records; /* sent */
	uint64_t records_dropped;         /* could not be sent: too large for the transport, or refused for good */
	uint64_t sequence;                /* of the last batch */
	char last_error[512];             /* "" : none since the last success */
};

struct nc_transport {
	/* Sends a block: 0 all of it is on its way; -EAGAIN not now, call again with the same block; another negative errno: it
	 * never will be (counted in records_dropped by the transport). */
	int (*submit)(struct nc_transport *t, const struct nc_block_info *info, const uint8_t *block);
	/* Forgets the block that -EAGAIN was said for; returns how many of its records were not sent. */
	uint32_t (*abandon)(struct nc_transport *t);
	void (*close)(struct nc_transport *t);
	struct nc_transport_state state;
};

#endif
