/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stages of a worker: where records gather until they make a block, and how that goes into the ring. */
#include "config.h"

#include "pipeline/stage.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Writes the copy that is not valid; its age, which may make it the valid one, comes last. */
static void publish(struct nc_stager *g, unsigned stage, uint64_t age)
{
	const struct nc_current *cur = &g->s->shared->current;
	struct nc_stage *st = &g->s->shared->stages[stage];
	struct nc_stage_state *to = &st->state[nc_stage_valid(st, atomic_load_explicit(&cur->done, memory_order_relaxed)) ^ 1];

	g->now[stage].age = to->age;
	*to = g->now[stage];
	atomic_thread_fence(memory_order_release);
	to->age = age;
}

int nc_stager_init(struct nc_stager *g, const struct nc_worker_start *s)
{
	const struct nc_layout *l = s->layout;

	memset(g, 0, sizeof(*g));
	g->s = s;
	g->ring = nc_ring_producer((struct nc_ring *)(void *)nc_shared_at(s->shared, l->ring), l->ring_size);
	g->limit = (uint32_t)(l->stage_size - NC_STAGE_SLACK);
	for (unsigned i = 0; i < NC_STAGES; i++) {
		const struct nc_stage *st = &s->shared->stages[i];
		g->now[i] = st->state[nc_stage_valid(st, atomic_load(&s->shared->current.done))];
	}
	if (s->o->output == NC_OUTPUT_BLOCKS) {
		g->deflater = nc_deflater_new(s->o->level);
		if (!g->deflater)
			return -ENOMEM;
	}
	return 0;
}

uint8_t *nc_stager_room(struct nc_stager *g, unsigned stage, size_t *room)
{
	const struct nc_layout *l = g->s->layout;

	*room = l->stage_size - g->now[stage].len;
	return nc_shared_at(g->s->shared, l->stages) + stage * l->stage_size + g->now[stage].len;
}

void nc_stager_add(struct nc_stager *g, unsigned stage, size_t n, int64_t ts_ns)
{
	struct nc_stage_state *st = &g->now[stage];

	if (st->count == 0 || ts_ns < st->first_ns)
		st->first_ns = ts_ns;
	if (st->count == 0 || ts_ns > st->last_ns)
		st->last_ns = ts_ns;
	st->len += (uint32_t)n;
	st->count++;
	st->total++;
	if (!g->dirty[stage]) {
		g->dirty[stage] = true;
		g->dirty_list[g->dirty_count++] = (uint16_t)stage;
	}
}

static void signal_main(const struct nc_stager *g)
{
	static const uint64_t one = 1;
	ssize_t rc = write(g->s->data_ready, &one, sizeof(one));
	(void)rc; /* EAGAIN: main has not read the last one yet */
}

static void wait_for_main(const struct nc_stager *g)
{
	struct pollfd p = { .fd = g->s->wake, .events = POLLIN };
	uint64_t v;

	(void)poll(&p, 1, -1);
	ssize_t rc = read(g->s->wake, &v, sizeof(v));
	(void)rc; /* EAGAIN: a signal came instead */
}

/* A place in the ring; sleeps until main has made room. */
static uint8_t *reserve(struct nc_stager *g, size_t n)
{
	for (;;) {
		uint8_t *p = nc_ring_reserve(&g->ring, n);
		if (p)
			return p;
		atomic_store(&g->ring.ring->waiting, 1);
		atomic_thread_fence(memory_order_seq_cst);
		p = nc_ring_reserve(&g->ring, n);
		if (p) {
			atomic_store(&g->ring.ring->waiting, 0);
			return p;
		}
		wait_for_main(g);
	}
}

static uint32_t chunk_kind(const struct nc_stager *g, unsigned stage)
{
	switch (stage) {
	case NC_STAGE_ERRORS:
		return NC_CHUNK_ERRORS;
	case NC_STAGE_UNKNOWN:
		return NC_CHUNK_UNKNOWN;
	case NC_STAGE_LOG:
		return NC_CHUNK_LOG;
	case NC_STAGE_PARTS:
		return NC_CHUNK_PARTS;
	default:
		return g->s->o->output == NC_OUTPUT_BLOCKS  ? NC_CHUNK_BLOCK
		       : g->s->o->output == NC_OUTPUT_PLAIN ? NC_CHUNK_PLAIN
		                                            : NC_CHUNK_CSV;
	}
}

/* The length of what went to `to`: a block, or the bytes as they are. */
static size_t fill(struct nc_stager *g, unsigned stage, uint32_t kind, const uint8_t *data, uint8_t *to, size_t room)
{
	const struct nc_stage_state *st = &g->now[stage];

	if (kind != NC_CHUNK_BLOCK) {
		memcpy(to, data, st->len);
		return st->len;
	}
	struct nc_block_info info = {
		.kind = NC_BLOCK_RECORDS, .type = nc_types[stage].number, .count = st->count,
		.first_ns = st->first_ns, .last_ns = st->last_ns,
	};
	return nc_block_build(g->deflater, &info, data, st->len, to, room);
}

void nc_stager_flush_stage(struct nc_stager *g, unsigned stage)
{
	const struct nc_layout *l = g->s->layout;
	struct nc_stage_state *st = &g->now[stage];
	uint32_t kind = chunk_kind(g, stage);

	if (st->len == 0)
		return;
	size_t room = kind == NC_CHUNK_BLOCK ? nc_block_bound(st->len) : st->len;
	uint8_t *to = reserve(g, room);
	size_t n = fill(g, stage, kind, nc_shared_at(g->s->shared, l->stages) + stage * l->stage_size, to, room);
	struct nc_ring_msg m = {
		.kind = kind, .len = (uint32_t)n, .slot = stage, .gen = st->gen, .count = st->count, .datalink = st->datalink,
		.first_ns = st->first_ns, .last_ns = st->last_ns,
	};
	nc_ring_commit(&g->ring, &m);
	*st = (struct nc_stage_state){ .gen = st->gen + 1, .datalink = st->datalink, .total = st->total };
	publish(g, stage, atomic_load_explicit(&g->s->shared->current.done, memory_order_relaxed) << 1 | 1);
	signal_main(g);
}

void nc_stager_commit(struct nc_stager *g)
{
	struct nc_current *cur = &g->s->shared->current;
	uint64_t seq = atomic_load_explicit(&cur->seq, memory_order_relaxed);

	for (unsigned i = 0; i < g->dirty_count; i++) {
		unsigned stage = g->dirty_list[i];
		publish(g, stage, seq << 1);
		g->dirty[stage] = false;
	}
	atomic_store_explicit(&cur->done, seq, memory_order_release);
	for (unsigned i = 0; i < g->dirty_count; i++)
		if (g->now[g->dirty_list[i]].len >= g->limit)
			nc_stager_flush_stage(g, g->dirty_list[i]);
	g->dirty_count = 0;
}

void nc_stager_relieve(struct nc_stager *g, unsigned stage)
{
	if (g->now[stage].len >= g->limit)
		nc_stager_flush_stage(g, stage);
}

void nc_stager_flush(struct nc_stager *g)
{
	for (unsigned i = 0; i < NC_STAGES; i++)
		nc_stager_flush_stage(g, i);
}

void nc_stager_datalink(struct nc_stager *g, unsigned stage, uint32_t datalink)
{
	if (g->now[stage].datalink != datalink && g->now[stage].len > 0)
		nc_stager_flush_stage(g, stage);
	g->now[stage].datalink = datalink;
}
