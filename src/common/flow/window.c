/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of flows that main puts together: what one worker saw of them since it handed out the last ones. */
#include "flow/flowtable.h"

static struct nc_flow_part *part(const struct nc_flows *f, uint32_t i)
{
	return (struct nc_flow_part *)nc_flows_at(f, f->parts_at) + i;
}

static uint32_t *part_slot(const struct nc_flows *f, uint32_t i)
{
	return (uint32_t *)nc_flows_at(f, f->part_slots_at) + i;
}

static int64_t timeout(const struct nc_flows *f, uint8_t kind)
{
	return kind == NC_FLOW_CONNECTION ? f->o.conn_timeout : f->o.flow_timeout;
}

static bool same_macs(const struct nc_flow_part *q, const struct nc_flow_seen *s)
{
	if (q->has_mac != s->mac)
		return false;
	if (!s->mac)
		return true;
	return (memcmp(q->src, s->o->link_src, 6) == 0 && memcmp(q->dst, s->o->link_dst, 6) == 0) ||
	       (memcmp(q->src, s->o->link_dst, 6) == 0 && memcmp(q->dst, s->o->link_src, 6) == 0);
}

static bool same_ports(const struct nc_flow_part *q, const struct nc_flow_seen *s)
{
	return q->proto == s->transport && ((q->sport == s->o->sport && q->dport == s->o->dport) ||
	                                    (q->sport == s->o->dport && q->dport == s->o->sport));
}

/* Whether a part is of the packet's flow; of pairs with one hash, which are one flow by definition, main makes one. */
static bool same(const struct nc_flow_part *q, uint8_t kind, const struct nc_flow_seen *s)
{
	return q->kind == kind && (kind == NC_FLOW_TRANSPORT ? same_ports(q, s) : same_macs(q, s));
}

static void identify(struct nc_flow_part *q, const struct nc_flow_seen *s)
{
	q->order = s->p->order;
	q->proto = q->kind == NC_FLOW_TRANSPORT ? s->transport : s->kind_of_link;
	q->has_mac = s->mac;
	q->sport = s->o->sport;
	q->dport = s->o->dport;
	if (s->mac) {
		memcpy(q->src, s->o->link_src, 6);
		memcpy(q->dst, s->o->link_dst, 6);
	}
}

static void count(struct nc_flow_part *q, const struct nc_flow_seen *s)
{
	q->packets++;
	q->bytes += s->p->caplen;
	if (s->p->ts_ns > q->last_ns) {
		q->last_ns = s->p->ts_ns;
	} else if (s->p->ts_ns < q->first_ns) {
		q->first_ns = s->p->ts_ns;
		identify(q, s);
	}
}

static bool near(const struct nc_flows *f, const struct nc_flow_part *q, const struct nc_flow_seen *s)
{
	int64_t limit = timeout(f, q->kind);

	return !nc_flow_apart(q->last_ns, s->p->ts_ns, limit) && !nc_flow_apart(s->p->ts_ns, q->first_ns, limit);
}

/* A new part; nc_flows_parts_tight saw to it that there is room. */
static uint32_t append(struct nc_flows *f, uint8_t kind, const struct nc_flow_seen *s)
{
	uint32_t i = f->part_count;
	struct nc_flow_part *q = part(f, i);

	*q = (struct nc_flow_part){ .kind = kind, .first_ns = s->p->ts_ns, .last_ns = s->p->ts_ns };
	identify(q, s);
	count(q, s);
	/* a worker may die before this, but not with half a part */
	atomic_signal_fence(memory_order_seq_cst);
	f->part_count = i + 1;
	return i;
}

static uint32_t home(const struct nc_flows *f, uint8_t kind, const struct nc_flow_seen *s)
{
	uint64_t key[2] = { 0, kind };

	if (kind == NC_FLOW_TRANSPORT)
		key[0] = nc_ident_ports(s->o->sport, s->o->dport, (enum nc_endpoint)s->transport);
	else if (s->mac)
		key[0] = nc_ident_hash(s->o->link_src, s->o->link_dst, 6, NC_END_MAC);
	return (uint32_t)nc_siphash(f->seed, key, sizeof(key)) & NC_FLOW_PART_MASK;
}

static uint32_t find(struct nc_flows *f, const struct nc_flow_seen *s, uint8_t kind)
{
	uint32_t at = home(f, kind, s), i;

	for (; (i = *part_slot(f, at)) != 0; at = (at + 1) & NC_FLOW_PART_MASK) {
		if (!same(part(f, i - 1), kind, s))
			continue;
		if (i > f->part_taken && near(f, part(f, i - 1), s)) {
			count(part(f, i - 1), s);
			return i - 1;
		}
		break;
	}
	i = append(f, kind, s);
	*part_slot(f, at) = i + 1;
	return i;
}

void nc_flow_part_add(struct nc_flows *f, const struct nc_flow_seen *s, uint8_t kind, uint32_t *hint)
{
	if (hint && *hint < f->part_count && *hint >= f->part_taken && same(part(f, *hint), kind, s) &&
	    near(f, part(f, *hint), s)) {
		count(part(f, *hint), s);
		return;
	}
	uint32_t i = find(f, s, kind);
	if (hint)
		*hint = i;
}

size_t nc_flows_parts(struct nc_flows *f, uint64_t seq, struct nc_flow_part *to, size_t max)
{
	size_t n = f->part_count - f->part_taken;

	if (n > max)
		n = max;
	memcpy(to, part(f, f->part_taken), n * sizeof(*to));
	f->pending.seq = seq;
	f->pending.parts = f->part_taken + (uint32_t)n;
	return n;
}

/* The first `taken` are on their way; when these are all, the next begin anew. */
void nc_flow_parts_drop(struct nc_flows *f, uint32_t taken)
{
	f->part_taken = taken;
	if (taken < f->part_count)
		return;
	memset(part_slot(f, 0), 0, (NC_FLOW_PART_MASK + 1) * sizeof(uint32_t));
	f->part_count = f->part_taken = 0;
}

/* What is not in the slots is not found, which only makes one part more. */
void nc_flow_parts_rebuild(struct nc_flows *f)
{
	if (f->part_count > NC_FLOW_PARTS)
		f->part_count = NC_FLOW_PARTS;
	if (f->part_taken >= f->part_count)
		nc_flow_parts_drop(f, f->part_count);
}
