/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker's flows: feeds the table of its shared piece, and hands out what ends. */
#include "config.h"

#include "pipeline/flows.h"

#include <string.h>

#include "base/time.h"
#include "flow/ident.h"

#define STEP       65536u        /* entries that a walk looks at in one step */
#define LIVE_TICK  NC_NS_PER_S

/* --- options -----------------------------------------------------------------------------------------------------------------
 */

void nc_flow_options_of(const struct nc_pipeline_options *o, struct nc_flow_options *ret)
{
	*ret = (struct nc_flow_options){
		.flow_timeout = o->flow_timeout,
		.conn_timeout = o->conn_timeout,
		.active_timeout = o->active_timeout,
		.max = o->max_flows ? o->max_flows : NC_MAX_FLOWS,
	};
	for (size_t i = 0; i < nc_types_count; i++)
		if (o->wanted[i])
			ret->wanted[nc_ident_kind(nc_types[i].desc)] = true;
	ret->wanted[NC_FLOW_NONE] = false;
}

bool nc_flow_options_any(const struct nc_flow_options *o)
{
	for (size_t i = 0; i < NC_FLOW_KINDS; i++)
		if (o->wanted[i])
			return true;
	return false;
}

/* --- steps -------------------------------------------------------------------------------------------------------------------
 */

/* A step looks like a packet to main, with no bytes, so that its records count all at once too. */
static uint64_t step_begin(struct nc_flow_driver *d)
{
	struct nc_current *cur = &d->shared->current;

	cur->data = NULL;
	cur->caplen = cur->len = 0;
	return nc_current_begin(cur, true);
}

static void step_end(struct nc_flow_driver *d, uint64_t seq)
{
	nc_stager_commit(d->stager);
	nc_flows_settle(d->flows, seq);
}

static bool walk_step(struct nc_flow_driver *d)
{
	uint64_t seq = step_begin(d);
	bool more = nc_flows_out(d->flows, seq, STEP, &d->sink);

	step_end(d, seq);
	return more;
}

static void walk(struct nc_flow_driver *d, enum nc_flows_way way, int64_t now)
{
	nc_flows_begin(d->flows, way, now);
	while (walk_step(d))
		;
}

/* Parts of different windows don't share a message. */
static void add_parts(struct nc_flow_driver *d, const void *p, size_t n, int64_t ts_ns)
{
	size_t room;
	uint8_t *to = nc_stager_room(d->stager, NC_STAGE_PARTS, &room);

	if (n > room)
		return; /* cannot be: a step brings less than the slack */
	memcpy(to, p, n);
	nc_stager_add(d->stager, NC_STAGE_PARTS, n, ts_ns);
}

static size_t hand_out_some(struct nc_flow_driver *d)
{
	struct nc_flow_part parts[512];
	uint64_t seq = step_begin(d);
	size_t n = nc_flows_parts(d->flows, seq, parts, sizeof(parts) / sizeof(parts[0]));

	if (n > 0)
		add_parts(d, parts, n * sizeof(parts[0]), parts[0].first_ns);
	step_end(d, seq);
	return n;
}

static void hand_out(struct nc_flow_driver *d)
{
	uint32_t window = d->live ? 0 : (uint32_t)nc_flows_place(d->flows)->windows;

	nc_stager_datalink(d->stager, NC_STAGE_PARTS, window);
	while (hand_out_some(d) > 0)
		;
}

/* Tells main something behind the parts that were handed out. */
static void tell(struct nc_flow_driver *d, enum nc_flow_kind kind, uint64_t order, int64_t ts_ns)
{
	struct nc_flow_part m = { .kind = (uint8_t)kind, .order = order, .first_ns = ts_ns, .last_ns = ts_ns };
	uint64_t seq = step_begin(d);

	add_parts(d, &m, sizeof(m), ts_ns);
	step_end(d, seq);
	nc_stager_flush_stage(d->stager, NC_STAGE_PARTS);
}

/* All workers come to the same points of the file with the same low-water time, so what ends there does not depend on them. Each
 * part of this may be done twice, when a worker dies in it. */
static void end_window(struct nc_flow_driver *d)
{
	struct nc_flows_place *at = nc_flows_place(d->flows);

	hand_out(d);
	tell(d, NC_FLOW_MARK, at->windows + 1, at->low_ns);
	if (nc_flows_due(&d->o, at, at->low_ns)) {
		walk(d, NC_FLOWS_IDLE, at->low_ns);
		at->swept_ns = at->low_ns;
		at->swept = true;
	}
	at->low_ns = INT64_MAX;
	at->windows++;
}

static void write_all(struct nc_flow_driver *d)
{
	walk(d, NC_FLOWS_ALL, 0);
	hand_out(d);
}

static void empty(struct nc_flow_driver *d)
{
	write_all(d);
	nc_flows_clear(d->flows);
}

/* --- what the worker calls ---------------------------------------------------------------------------------------------------
 */

void nc_flow_driver_init(struct nc_flow_driver *d, const struct nc_worker_start *s, struct nc_stager *g,
                         const struct nc_sink *sink)
{
	*d = (struct nc_flow_driver){ .stager = g, .shared = s->shared, .sink = *sink, .live = s->live != NULL };
	d->flushed = atomic_load(&s->shared->flow_flush);
	if (s->layout->flows_size == 0)
		return;
	d->flows = (struct nc_flows *)(void *)nc_shared_at(s->shared, s->layout->flows);
	nc_flows_attach(d->flows, atomic_load(&s->shared->current.done), s->shared->current.lost);
	/* as its predecessor left it, which may have died before it heard of a change */
	d->o = *nc_flows_options(d->flows);
	d->on = nc_flow_options_any(&d->o);
	nc_flow_driver_change(d, s->o);
	nc_flow_driver_after(d);
}

void nc_flow_driver_change(struct nc_flow_driver *d, const struct nc_pipeline_options *o)
{
	struct nc_flow_options next;

	if (!d->flows)
		return;
	nc_flow_options_of(o, &next);
	if (memcmp(next.wanted, d->o.wanted, sizeof(next.wanted)) != 0) {
		nc_flow_driver_obey(d); /* main asked for that too, and waits for what comes before the answer */
		empty(d);
	}
	nc_flows_change(d->flows, &next);
	d->o = next;
	d->on = nc_flow_options_any(&next);
	d->seen = d->seen && d->on;
}

void nc_flow_driver_read(struct nc_flow_driver *d, uint64_t number, int64_t ts_ns)
{
	if (!d->on)
		return;
	struct nc_flows_place *at = nc_flows_place(d->flows);
	at->read = number;
	if (ts_ns < at->low_ns)
		at->low_ns = ts_ns;
}

void nc_flow_driver_packet(struct nc_flow_driver *d, const struct nc_engine_result *res, int64_t ts_ns, uint32_t caplen)
{
	if (!d->on)
		return;
	const uint64_t seq = atomic_load_explicit(&d->shared->current.seq, memory_order_relaxed);
	const struct nc_flow_packet p = {
		.outer = res->outer,
		.ts_ns = ts_ns,
		.caplen = caplen,
		.order = d->live ? seq : nc_flows_place(d->flows)->read,
		.seq = seq,
	};
	nc_flows_packet(d->flows, &p, &d->sink);
	d->newest_ns = ts_ns;
	d->seen = d->fresh = true;
}

void nc_flow_driver_after(struct nc_flow_driver *d)
{
	if (!d->on)
		return;
	while (nc_flows_tight(d->flows))
		walk(d, NC_FLOWS_EVICT, 0);
	if (nc_flows_parts_tight(d->flows))
		hand_out(d);
	while (!d->live && nc_flows_place(d->flows)->read / NC_FLOW_WINDOW > nc_flows_place(d->flows)->windows)
		end_window(d);
}

void nc_flow_driver_tick(struct nc_flow_driver *d, int64_t mono)
{
	if (!d->flows || !d->seen)
		return;
	if (d->fresh)
		d->newest_mono = mono;
	d->fresh = false;
	if (nc_flows_walking(d->flows))
		(void)walk_step(d);
	if (mono - d->ticked < LIVE_TICK)
		return;
	d->ticked = mono;
	int64_t now;
	if (__builtin_add_overflow(d->newest_ns, mono - d->newest_mono, &now))
		now = INT64_MAX;
	hand_out(d);
	tell(d, NC_FLOW_MARK, 0, now);
	if (!nc_flows_walking(d->flows)) {
		nc_flows_begin(d->flows, NC_FLOWS_IDLE, now);
		(void)walk_step(d);
	}
}

void nc_flow_driver_obey(struct nc_flow_driver *d)
{
	uint32_t gen = atomic_load_explicit(&d->shared->flow_flush, memory_order_relaxed);

	if (gen == d->flushed)
		return;
	d->flushed = gen;
	if (!d->flows)
		return;
	empty(d);
	tell(d, NC_FLOW_FLUSHED, gen, 0);
	nc_stager_flush(d->stager);
}

void nc_flow_driver_end(struct nc_flow_driver *d)
{
	if (d->flows)
		write_all(d);
}
