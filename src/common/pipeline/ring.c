/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single-producer single-consumer queue of messages in shared memory. */
#include "pipeline/ring.h"

#include <errno.h>
#include <string.h>

#define MAGIC    UINT32_C(0x676e6972)
#define KIND_PAD UINT32_MAX /* nothing until the end of the data */

_Static_assert(sizeof(struct nc_ring_msg) <= NC_RING_HEADER, "header fits its place");

static uint64_t align_up(uint64_t n)
{
	return (n + NC_RING_HEADER - 1) & ~(uint64_t)(NC_RING_HEADER - 1);
}

size_t nc_ring_bytes(size_t size)
{
	return sizeof(struct nc_ring) + size;
}

struct nc_ring_end nc_ring_producer(struct nc_ring *r, size_t size)
{
	return (struct nc_ring_end){ .ring = r, .size = size, .at = atomic_load(&r->head) };
}

struct nc_ring_end nc_ring_consumer(struct nc_ring *r, size_t size)
{
	return (struct nc_ring_end){ .ring = r, .size = size, .at = atomic_load(&r->tail) };
}

struct nc_ring_end nc_ring_clear(struct nc_ring *r, size_t size)
{
	atomic_store(&r->head, 0);
	atomic_store(&r->tail, 0);
	atomic_store(&r->waiting, 0);
	return nc_ring_consumer(r, size);
}

uint8_t *nc_ring_reserve(struct nc_ring_end *e, size_t n)
{
	uint64_t need = NC_RING_HEADER + align_up(n), pos = e->at % e->size, to_end = e->size - pos;
	uint64_t used = e->at - atomic_load_explicit(&e->ring->tail, memory_order_acquire);

	if (n > e->size || used > e->size || need > e->size)
		return NULL;
	uint64_t room = e->size - used;
	if (need > to_end) {
		if (room < to_end || room - to_end < need)
			return NULL;
		struct nc_ring_msg pad = { .magic = MAGIC, .kind = KIND_PAD };
		memcpy(e->ring->data + pos, &pad, sizeof(pad));
		e->at += to_end;
		pos = 0;
	} else if (room < need) {
		return NULL;
	}
	return e->ring->data + pos + NC_RING_HEADER;
}

void nc_ring_commit(struct nc_ring_end *e, const struct nc_ring_msg *m)
{
	struct nc_ring_msg mine = *m;

	mine.magic = MAGIC;
	memcpy(e->ring->data + e->at % e->size, &mine, sizeof(mine));
	e->at += NC_RING_HEADER + align_up(m->len);
	atomic_store_explicit(&e->ring->head, e->at, memory_order_release);
}

int nc_ring_next(struct nc_ring_end *e, struct nc_ring_msg *ret, uint8_t **p)
{
	for (;;) {
		uint64_t head = atomic_load_explicit(&e->ring->head, memory_order_acquire);
		if (head == e->at)
			return 0;
		uint64_t have = head - e->at, pos = e->at % e->size, to_end = e->size - pos;
		struct nc_ring_msg m;
		if (have > e->size || have < NC_RING_HEADER)
			return -EBADMSG;
		memcpy(&m, e->ring->data + pos, sizeof(m));
		if (m.magic != MAGIC)
			return -EBADMSG;
		if (m.kind == KIND_PAD) {
			if (have < to_end)
				return -EBADMSG;
			e->at += to_end;
			continue;
		}
		uint64_t whole = NC_RING_HEADER + align_up(m.len);
		if (whole > have || whole > to_end)
			return -EBADMSG;
		*ret = m;
		*p = e->ring->data + pos + NC_RING_HEADER;
		e->next = e->at + whole;
		return 1;
	}
}

void nc_ring_release(struct nc_ring_end *e)
{
	e->at = e->next;
	atomic_store_explicit(&e->ring->tail, e->at, memory_order_release);
}
