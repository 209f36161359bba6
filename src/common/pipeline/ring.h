/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single-producer single-consumer queue of messages in shared memory; the consumer trusts nothing in it. */
#ifndef NC_PIPELINE_RING_H
#define NC_PIPELINE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define NC_RING_HEADER 64u /* bytes of a message's header, and the unit that messages are aligned to */

/* What stands before each message's bytes. */
struct nc_ring_msg {
	uint32_t magic;
	uint32_t kind;     /* enum nc_chunk_kind */
	uint32_t len;      /* bytes that follow */
	uint32_t slot;     /* stage it comes from */
	uint32_t gen;      /* generation of that stage */
	uint32_t count;    /* records */
	uint32_t datalink; /* of packets */
	uint32_t reserved;
	int64_t first_ns, last_ns;
};

/* The shared part, followed by its data. head and tail count bytes and never wrap. */
struct nc_ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the producer */
	_Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
	_Atomic uint32_t waiting;           /* the producer sleeps until there is room */
	_Alignas(64) uint8_t data[];
};

/* One side's own knowledge of the ring. */
struct nc_ring_end {
	struct nc_ring *ring;
	uint64_t size; /* bytes of data, a multiple of NC_RING_HEADER */
	uint64_t at;   /* own position */
	uint64_t next; /* consumer: position behind the message in hand */
};

/* Bytes that a ring with size bytes of data takes. */
size_t nc_ring_bytes(size_t size);
/* Producer's or consumer's end; a new producer goes on where a dead one committed last. */
struct nc_ring_end nc_ring_producer(struct nc_ring *r, size_t size);
struct nc_ring_end nc_ring_consumer(struct nc_ring *r, size_t size);
/* Throws away what is in the ring, whatever state that is in; there must be no producer. Returns the consumer's end. */
struct nc_ring_end nc_ring_clear(struct nc_ring *r, size_t size);

/* Room for a message of n bytes in one piece: where its bytes go, or NULL when there is none now. */
uint8_t *nc_ring_reserve(struct nc_ring_end *e, size_t n);
/* Publishes the reserved message; m->len is at most what was reserved. */
void nc_ring_commit(struct nc_ring_end *e, const struct nc_ring_msg *m);

/* The next message: 1, its header copied out and checked, *p at its bytes until nc_ring_release; 0 none; -EBADMSG when the
 * producer wrote nonsense (the ring is then unusable). */
int nc_ring_next(struct nc_ring_end *e, struct nc_ring_msg *ret, uint8_t **p);
void nc_ring_release(struct nc_ring_end *e);

#endif
