/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's queue: blocks wait in memory, bounded, and on disk where there is a spool, until the collector has them. */
#ifndef NC_SENSORD_SHIP_H
#define NC_SENSORD_SHIP_H

#include "base/loop.h"
#include "record/type.h"
#include "sensord/spool.h"
#include "sensord/transport.h"

/* Why records are gone. */
enum nc_ship_reason {
	NC_SHIP_MEMORY,     /* queue.limit, or none was to be had */
	NC_SHIP_FLIGHT,     /* the same, when they were on their way, and the connection broke before the collector had them */
	NC_SHIP_SPOOL,      /* spool.limit */
	NC_SHIP_DAMAGE,     /* damaged on the disk of the spool, or by the worker that made them */
	NC_SHIP_REJECTED,   /* by the collector, for good */
	NC_SHIP_UNSENDABLE, /* too large for the transport, or nothing that it can send */
	NC_SHIP_STOP,       /* left when the daemon ended */
	NC_SHIP_REASONS
};
/* One word: "memory". */
const char *nc_ship_reason_name(enum nc_ship_reason r);

struct nc_ship_tally {
	uint64_t blocks, records;
};

/* built + recovered = acknowledged + the sum of dropped + waiting, in blocks and in records. */
struct nc_ship_state {
	uint64_t queue_bytes, queue_blocks; /* in memory */
	struct nc_ship_tally built;         /* given to nc_ship_block */
	struct nc_ship_tally recovered;     /* found in the spool at the start */
	struct nc_ship_tally sent;          /* taken by the transport; again after a break counts again */
	struct nc_ship_tally acknowledged;
	struct nc_ship_tally waiting;       /* in memory or on disk, on their way or not */
	struct nc_ship_tally spooled;       /* of those: on disk only */
	struct nc_ship_tally dropped[NC_SHIP_REASONS]; /* a block of which only some records are gone counts as acknowledged */
	uint64_t dropped_types[NC_SHIP_REASONS][NC_TYPES_MAX + 1]; /* records by slot (nc_spool_slot) */
	char rejected[128];                 /* what the collector said last, "" for nothing */
	struct nc_spool_state spool;        /* zeros without one */
};

struct nc_ship;

/* Takes over the transport. limit: bytes of memory. 0 or negative errno. */
int nc_ship_new(struct nc_loop *loop, struct nc_transport *t, uint64_t limit, struct nc_ship **ret);
/* Takes over the spool. Its blocks go out before newer ones; what finds no room in memory, and what is left at the end, goes
 * into it. */
void nc_ship_set_spool(struct nc_ship *s, struct nc_spool *spool);
/* The collector's public key has changed: what is spooled from here on is sealed to this one. */
void nc_ship_seal_to(struct nc_ship *s, const uint8_t key[static NC_KEY_LEN]);
/* Whether something waits in the spool that may be sealed to an earlier key. */
bool nc_ship_behind(const struct nc_ship *s);
/* Copies a built block of `count` records into the queue and sends what can be sent. When the limit is reached, waiting
 * blocks go to the spool, the oldest first; without one they are dropped by rank (packets, then records of packets, then
 * flows and the like, the ledger last), the oldest first; blocks on their way only for one of a higher rank. */
void nc_ship_block(struct nc_ship *s, const uint8_t *block, size_t n, uint32_t count);
void nc_ship_limit(struct nc_ship *s, uint64_t limit, uint64_t spool_limit);
/* Sends what can be sent now; true when nothing is left in memory, and nothing on its way. */
bool nc_ship_pump(struct nc_ship *s);
void nc_ship_get_state(const struct nc_ship *s, struct nc_ship_state *queue, struct nc_transport_state *transport);
/* What the transport's ledger says; see struct nc_transport. -ENOTSUP: it knows none. */
int nc_ship_ledger(struct nc_ship *s, uint64_t epoch, int64_t when, const struct nc_transport_counter *list, size_t n);
/* Puts what is left into the spool, or counts it as dropped; closes spool and transport and frees. Returns the records that were
 * dropped by it; *kept (may be NULL) is what lies in the spool. */
uint64_t nc_ship_free(struct nc_ship *s, uint64_t *kept);

#endif
