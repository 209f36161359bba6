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
	uint64_t batches, bytes, records; /* sent; of a block that is sent again they count again */
	uint64_t records_dropped;         /* could not be sent: too large for the transport, or refused for good */
	uint64_t sequence;                /* of the last batch */
	char last_error[512];             /* "" : none since the last success */
};

/* A block on its way. */
struct nc_transport_block {
	struct nc_block_info info; /* epoch and seq name it, whatever form it has */
	const uint8_t *data;       /* valid during the call, and not after an event that ends the block */
	size_t len;                /* info.size; sealed: crypto_box_SEALBYTES more */
	bool sealed;               /* the block as crypto_box_seal left it, for the collector's public key */
};

/* A number of the sensor's ledger; the names are those of LossLedger's fields. */
struct nc_transport_counter {
	const char *name;
	uint64_t value;
};

/* What a transport tells the queue. All of it may come from inside submit. A block that the queue does not hold is passed
 * over. */
struct nc_transport_events {
	/* The blocks from to to (both included) of this epoch are the collector's: they are forgotten. */
	void (*durable)(void *user, uint64_t epoch, uint64_t from, uint64_t to);
	/* The collector did not take this block: permanently, it is counted and forgotten; else it is submitted again later. */
	void (*rejected)(void *user, uint64_t epoch, uint64_t seq, bool permanent, const char *reason);
	/* So many records of this block can't be sent; the rest of it still gets an outcome of its own. */
	void (*left_out)(void *user, uint64_t epoch, uint64_t seq, uint32_t records);
	/* The connection broke: everything that has no outcome is submitted again, oldest first. */
	void (*lost)(void *user);
	/* submit is worth calling again. */
	void (*ready)(void *user);
};

struct nc_transport {
	/* Takes a block: 0, and one of the events above will say what became of it; -EAGAIN not now: the queue calls again after
	 * `ready`, and after 0.2 s in any case, with the same block unless it was abandoned or older ones were lost; any other
	 * negative errno: not one of its records will ever be sent, and no event follows. */
	int (*submit)(struct nc_transport *t, const struct nc_transport_block *b);
	/* The queue gives up the block that -EAGAIN was said for; returns how many of its records were not sent. NULL: it is
	 * always all of them. */
	uint32_t (*abandon)(struct nc_transport *t, const struct nc_transport_block *b);
	/* Sends the sensor's half of the ledger if it can now: 0 or -EAGAIN. NULL: the transport knows no ledger, which then
	 * goes as a record in a block. */
	int (*ledger)(struct nc_transport *t, uint64_t epoch, int64_t when, const struct nc_transport_counter *list, size_t n);
	void (*close)(struct nc_transport *t);
	/* Set by the queue before the first submit. A transport must not call them before, nor from inside close. */
	const struct nc_transport_events *events;
	void *user;
	struct nc_transport_state state;
};

#endif
