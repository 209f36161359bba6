/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over the flow table: what is idle, what is evicted, and all that is left. */
#include "flow/flowtable.h"
#include "flow/idle.h"

static int64_t idle_since(const struct nc_flows *f)
{
	int64_t times[NC_IDLE_SAMPLES];
	size_t n = 0;
	uint32_t step = f->used / NC_IDLE_SAMPLES + 1;

	for (uint32_t i = 0; i < f->used && n < NC_IDLE_SAMPLES; i += step)
		if (nc_flow_entry(f, i)->kind != NC_FLOW_NONE)
			times[n++] = nc_flow_entry(f, i)->last_ns;
	return nc_idle_since(times, n);
}

void nc_flows_begin(struct nc_flows *f, enum nc_flows_way way, int64_t now)
{
	f->walk.way = way;
	f->walk.at = 0;
	f->walk.now = now;
	if (way == NC_FLOWS_EVICT) {
		f->walk.threshold = idle_since(f);
		f->walk.quota = f->o.max / NC_IDLE_SHARE;
	}
	f->walk.on = true;
}

bool nc_flows_walking(const struct nc_flows *f)
{
	return f->walk.on;
}

static bool goes(struct nc_flows *f, const struct nc_flow_entry *e)
{
	switch (f->walk.way) {
	case NC_FLOWS_IDLE:
		return nc_flow_ended(f, e, f->walk.now);
	case NC_FLOWS_EVICT:
		if (f->walk.quota == 0 || e->last_ns > f->walk.threshold)
			return false;
		f->walk.quota--;
		return true;
	default:
		return true;
	}
}

bool nc_flows_out(struct nc_flows *f, uint64_t seq, uint32_t steps, const struct nc_sink *sink)
{
	uint32_t end = f->used - f->walk.at > steps ? f->walk.at + steps : f->used;
	struct nc_flows_pending *g = &f->pending;

	if (!f->walk.on)
		return false;
	if (f->walk.at >= f->used) {
		f->walk.on = false;
		return false;
	}
	g->seq = seq;
	g->from = f->walk.at;
	for (; f->walk.at < end && g->count < NC_FLOW_BATCH; f->walk.at++) {
		const struct nc_flow_entry *e = nc_flow_entry(f, f->walk.at);
		if (e->kind == NC_FLOW_NONE || !goes(f, e))
			continue;
		nc_flow_write(f, f->walk.at, sink);
		if (f->walk.way == NC_FLOWS_EVICT)
			f->counters->evicted += f->o.wanted[e->kind];
		g->index[g->count++] = f->walk.at;
	}
	return true;
}

static int64_t shortest(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

bool nc_flows_due(const struct nc_flow_options *o, const struct nc_flows_place *at, int64_t now_ns)
{
	int64_t limit = shortest(shortest(o->flow_timeout, o->conn_timeout), o->active_timeout) / 4;

	if (limit == 0)
		return false;
	return !at->swept || nc_flow_apart(at->swept_ns, now_ns, limit) || nc_flow_apart(now_ns, at->swept_ns, limit);
}
