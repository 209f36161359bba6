/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The flow table: finds the entries of a packet, makes and removes them. */
#include "flow/flows.h"

#include "flow/flowtable.h"

#define ALIGN 64u

static size_t align(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

#define SLOTS_MIN 32768u

/* At most three quarters full. */
static uint32_t slots_for(uint32_t max)
{
	uint32_t n = SLOTS_MIN;

	while (n / 4 * 3 < max)
		n *= 2;
	return n;
}

static uint64_t *slot(const struct nc_flows *f, uint32_t i)
{
	return (uint64_t *)nc_flows_at(f, f->slots_at) + i;
}

/* Where a flow was seen last, under a hash that takes no time; whoever aims at it only makes us look the flow up. Half of it is
 * an index plus one, half tells flows apart that share a place. */
static uint64_t *hint_of(const struct nc_flows *f, const struct nc_outer *o, uint32_t *tag)
{
	uint32_t h = (uint32_t)o->sport << 16 | o->dport, w;

	for (size_t i = 0; i < o->net_size; i += 4) {
		memcpy(&w, o->net_src + i, 4);
		h = (h ^ w) * 0x9e3779b1u;
		memcpy(&w, o->net_dst + i, 4);
		h = ((h ^ w) * 0x85ebca6bu) ^ h >> 15;
	}
	*tag = h;
	return (uint64_t *)nc_flows_at(f, f->hints_at) + ((h ^ h >> 13) & f->slot_mask / 2);
}

static size_t place(struct nc_flows *f, uint32_t max)
{
	size_t at = align(sizeof(*f));

	f->slot_mask = SLOTS_MIN - 1;
	f->slots_at = at;
	at = align(at + (size_t)slots_for(max) * sizeof(uint64_t));
	f->hints_at = at;
	at += (size_t)slots_for(max) / 2 * sizeof(uint64_t);
	f->part_slots_at = at;
	at += (NC_FLOW_PART_MASK + 1) * sizeof(uint32_t);
	f->parts_at = at;
	at = align(at + NC_FLOW_PARTS * sizeof(struct nc_flow_part));
	f->entries_at = at;
	at += (size_t)max * sizeof(struct nc_flow_entry);
	f->addresses_at = at;
	return at + (size_t)max * 32;
}

size_t nc_flows_size(uint32_t max)
{
	struct nc_flows f;

	return place(&f, max);
}

struct nc_flows *nc_flows_init(void *mem, size_t size, const uint8_t seed[static 16], const struct nc_flow_options *o,
                               struct nc_flow_counters *counters)
{
	struct nc_flows *f = mem;

	if (o->max < NC_FLOWS_MIN || o->max > NC_FLOWS_MAX || size < nc_flows_size(o->max) || (uintptr_t)mem % ALIGN != 0)
		return NULL;
	place(f, o->max);
	memcpy(f->seed, seed, sizeof(f->seed));
	f->o = *o;
	f->counters = counters;
	f->free = NC_FLOW_NO;
	f->place.low_ns = INT64_MAX;
	return f;
}

struct nc_flows_place *nc_flows_place(struct nc_flows *f)
{
	return &f->place;
}

/* --- keys --------------------------------------------------------------------------------------------------------------------
 */

/* A slot holds the upper half of the key's hash and an index plus one. */
static uint32_t hash_flow(const struct nc_flows *f, const uint8_t *ip, bool v6, bool ports, uint16_t sport, uint16_t dport)
{
	uint8_t key[40] = { 0 };
	size_t n = v6 ? 32 : 8;

	memcpy(key, ip, n);
	memcpy(key + n, &sport, 2);
	memcpy(key + n + 2, &dport, 2);
	key[n + 4] = ports;
	return (uint32_t)(nc_siphash(f->seed, key, n + 8) >> 32);
}

static uint32_t hash_connection(const struct nc_flows *f, const uint64_t h[static 3])
{
	return (uint32_t)(nc_siphash(f->seed, h, 3 * sizeof(*h)) >> 32);
}

static uint32_t hash_network(const struct nc_flows *f, uint64_t h)
{
	return (uint32_t)(nc_siphash(f->seed, &h, sizeof(h)) >> 32);
}

static uint32_t hash_entry(const struct nc_flows *f, uint32_t i)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	uint64_t h[3];

	if (e->kind == NC_FLOW_FLOW) {
		uint16_t sport = e->transport ? e->sport : 0, dport = e->transport ? e->dport : 0;
		return hash_flow(f, nc_flow_ip(f, i), e->v6, e->transport != 0, sport, dport);
	}
	nc_flow_hashes(f, i, h);
	return e->kind == NC_FLOW_CONNECTION ? hash_connection(f, h) : hash_network(f, h[1]);
}

static uint32_t hash_seen_flow(const struct nc_flows *f, const struct nc_flow_seen *s)
{
	const struct nc_outer *o = s->o;
	uint8_t ip[32];

	memcpy(ip, o->net_src, o->net_size);
	memcpy(ip + o->net_size, o->net_dst, o->net_size);
	return hash_flow(f, ip, s->v6, s->transport != 0, s->transport ? o->sport : 0, s->transport ? o->dport : 0);
}

static void hashes_seen(const struct nc_flow_seen *s, uint64_t h[static 3])
{
	const struct nc_outer *o = s->o;

	h[0] = s->mac ? nc_ident_hash(o->link_src, o->link_dst, 6, NC_END_MAC) : 0;
	h[1] = nc_ident_hash(o->net_src, o->net_dst, o->net_size, s->v6 ? NC_END_IPV6 : NC_END_IPV4);
	h[2] = s->transport ? nc_ident_ports(o->sport, o->dport, (enum nc_endpoint)s->transport) : 0;
}

static inline bool ips(const struct nc_flows *f, uint32_t i, const uint8_t *a, const uint8_t *b)
{
	const uint8_t *ip = nc_flow_ip(f, i);

	if (nc_flow_entry(f, i)->v6)
		return memcmp(ip, a, 16) == 0 && memcmp(ip + 16, b, 16) == 0;
	return memcmp(ip, a, 4) == 0 && memcmp(ip + 4, b, 4) == 0;
}

/* One direction; the transport's own name is not part of the key, as its UID has it. */
static bool is_flow(const struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);

	if (e->kind != NC_FLOW_FLOW || e->v6 != s->v6 || (e->transport != 0) != (s->transport != 0))
		return false;
	return (!s->transport || (e->sport == s->o->sport && e->dport == s->o->dport)) && ips(f, i, s->o->net_src, s->o->net_dst);
}

static bool macs(const struct nc_flow_entry *e, const uint8_t *a, const uint8_t *b)
{
	return memcmp(e->src_mac, a, 6) == 0 && memcmp(e->dst_mac, b, 6) == 0;
}

static bool forward(const struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	const struct nc_outer *o = s->o;

	return (!s->transport || (e->sport == o->sport && e->dport == o->dport)) &&
	       (!s->mac || macs(e, o->link_src, o->link_dst)) && ips(f, i, o->net_src, o->net_dst);
}

static bool backward(const struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	const struct nc_outer *o = s->o;

	return (!s->transport || (e->sport == o->dport && e->dport == o->sport)) &&
	       (!s->mac || macs(e, o->link_dst, o->link_src)) && ips(f, i, o->net_dst, o->net_src);
}

/* Surely the packet's connection. Others may be, since the key is three hashes that don't know who stands on which side. */
static bool is_connection(const struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);

	return e->kind == NC_FLOW_CONNECTION && e->v6 == s->v6 && e->mac == s->mac && e->transport == s->transport &&
	       (forward(f, i, s) || backward(f, i, s));
}

static bool is_network(const struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);

	return e->kind == NC_FLOW_NETWORK && e->v6 == s->v6 &&
	       (ips(f, i, s->o->net_src, s->o->net_dst) || ips(f, i, s->o->net_dst, s->o->net_src));
}

/* --- table -------------------------------------------------------------------------------------------------------------------
 */

static void insert(struct nc_flows *f, uint32_t i, uint32_t hash)
{
	uint32_t at = hash & f->slot_mask;

	while (*slot(f, at) != 0)
		at = (at + 1) & f->slot_mask;
	*slot(f, at) = (uint64_t)hash << 32 | (i + 1);
}

/* Closes the gap behind a removed slot, so that no search ends there too early. */
static void take_out(struct nc_flows *f, uint32_t at)
{
	for (uint32_t k = (at + 1) & f->slot_mask; *slot(f, k) != 0; k = (k + 1) & f->slot_mask) {
		uint32_t home = (uint32_t)(*slot(f, k) >> 32) & f->slot_mask;
		if (((k - home) & f->slot_mask) < ((k - at) & f->slot_mask))
			continue;
		*slot(f, at) = *slot(f, k);
		at = k;
	}
	*slot(f, at) = 0;
}

/* Looks for the next entry with this hash behind *at; NC_FLOW_NO: there is none. */
static uint32_t next_of(const struct nc_flows *f, uint32_t hash, uint32_t *at)
{
	for (;; *at = (*at + 1) & f->slot_mask) {
		uint64_t v = *slot(f, *at);
		if (v == 0)
			return NC_FLOW_NO;
		if ((uint32_t)(v >> 32) != hash)
			continue;
		*at = (*at + 1) & f->slot_mask;
		return (uint32_t)v - 1;
	}
}

/* Few flows in a small part of the memory are found faster. The new entry is not in yet. */
static void grow(struct nc_flows *f)
{
	f->slot_mask = 2 * f->slot_mask + 1;
	memset(slot(f, 0), 0, ((size_t)f->slot_mask + 1) * sizeof(uint64_t));
	for (uint32_t i = 0; i < f->used; i++)
		if (nc_flow_entry(f, i)->kind != NC_FLOW_NONE)
			insert(f, i, hash_entry(f, i));
}

static uint32_t create(struct nc_flows *f, uint32_t hash)
{
	uint32_t i = f->free;

	if (i != NC_FLOW_NO) {
		f->free = nc_flow_entry(f, i)->next;
		f->free_count--;
	} else {
		i = f->used++;
	}
	if (++f->counters->live > f->slot_mask / 4 * 3)
		grow(f);
	insert(f, i, hash);
	nc_flow_entry(f, i)->near = nc_flow_entry(f, i)->next = NC_FLOW_NO;
	return i;
}

void nc_flows_remove(struct nc_flows *f, uint32_t i)
{
	struct nc_flow_entry *e = nc_flow_entry(f, i);
	uint32_t hash = hash_entry(f, i), at = hash & f->slot_mask;

	while (*slot(f, at) != ((uint64_t)hash << 32 | (i + 1)) && *slot(f, at) != 0)
		at = (at + 1) & f->slot_mask;
	if (*slot(f, at) != 0)
		take_out(f, at);
	e->kind = NC_FLOW_NONE;
	e->next = f->free;
	f->free = i;
	f->free_count++;
	f->counters->live--;
}

bool nc_flows_tight(const struct nc_flows *f)
{
	return f->o.max - f->used + f->free_count < NC_FLOW_PER;
}

bool nc_flows_parts_tight(const struct nc_flows *f)
{
	return f->part_count > NC_FLOW_PARTS - NC_FLOW_PER;
}

/* The entries alone tell what the table holds. */
static void rebuild(struct nc_flows *f)
{
	if (f->used > f->o.max)
		f->used = f->o.max;
	f->slot_mask = slots_for(f->used) - 1;
	memset(slot(f, 0), 0, ((size_t)f->slot_mask + 1) * sizeof(uint64_t));
	f->free = NC_FLOW_NO;
	f->free_count = 0;
	f->counters->live = 0;
	for (uint32_t i = f->used; i-- > 0;) {
		struct nc_flow_entry *e = nc_flow_entry(f, i);
		if (e->kind == NC_FLOW_FLOW || e->kind == NC_FLOW_CONNECTION || e->kind == NC_FLOW_NETWORK) {
			insert(f, i, hash_entry(f, i));
			f->counters->live++;
			continue;
		}
		e->kind = NC_FLOW_NONE;
		e->next = f->free;
		f->free = i;
		f->free_count++;
	}
	nc_flow_parts_rebuild(f);
	f->torn = false;
	f->walk.on = false;
}

/* --- packets -----------------------------------------------------------------------------------------------------------------
 */

static uint8_t *addresses(const struct nc_flows *f, uint32_t i)
{
	return (uint8_t *)nc_flows_at(f, f->addresses_at) + (size_t)i * 32;
}

static void remember(struct nc_flows *f, uint32_t i, uint64_t seq)
{
	struct nc_flows_undo *u = &f->undo;

	if (u->seq != seq)
		u->count = 0;
	u->seq = seq;
	if (u->count == NC_FLOW_PER)
		return; /* cannot be */
	u->index[u->count] = i;
	u->entries[u->count] = *nc_flow_entry(f, i);
	if (u->entries[u->count].v6)
		memcpy(u->addresses[u->count], addresses(f, i), 32);
	u->count++;
}

static void undo(struct nc_flows *f, uint64_t lost)
{
	struct nc_flows_undo *u = &f->undo;

	for (uint32_t k = 0; u->seq == lost && k < u->count && k < NC_FLOW_PER; k++) {
		if (u->index[k] >= f->used)
			continue;
		*nc_flow_entry(f, u->index[k]) = u->entries[k];
		if (u->entries[k].v6)
			memcpy(addresses(f, u->index[k]), u->addresses[k], 32);
	}
	u->count = 0;
}

static void touch(struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s, const struct nc_sink *sink)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);

	if (!nc_flow_over(f, e, s->p)) {
		nc_flow_add(f, i, s);
		return;
	}
	remember(f, i, s->p->seq);
	nc_flow_write(f, i, sink);
	nc_flow_start(f, i, e->kind, s);
}

/* The entry that the hint of these addresses names, if it does. */
static uint32_t hinted(const struct nc_flows *f, const struct nc_outer *o)
{
	uint32_t tag;
	uint64_t hint = *hint_of(f, o, &tag);

	return hint >> 32 == tag && (uint32_t)hint - 1 < f->used ? (uint32_t)hint - 1 : NC_FLOW_NO;
}

static uint32_t flow(struct nc_flows *f, const struct nc_flow_seen *s, const struct nc_sink *sink)
{
	uint32_t i = hinted(f, s->o), tag, at;

	if (i != NC_FLOW_NO && is_flow(f, i, s)) {
		/* on their way while the flow is counted */
		__builtin_prefetch(nc_flow_entry(f, nc_flow_entry(f, i)->near));
		__builtin_prefetch(nc_flow_entry(f, nc_flow_entry(f, i)->next));
		touch(f, i, s, sink);
		return i;
	}
	uint32_t hash = hash_seen_flow(f, s);
	at = hash & f->slot_mask;
	while ((i = next_of(f, hash, &at)) != NC_FLOW_NO && !is_flow(f, i, s))
		;
	if (i == NC_FLOW_NO) {
		i = create(f, hash);
		nc_flow_start(f, i, NC_FLOW_FLOW, s);
	} else {
		touch(f, i, s, sink);
	}
	/* the table may have grown, and the hint lies elsewhere now */
	uint64_t *hint = hint_of(f, s->o, &tag);
	*hint = (uint64_t)tag << 32 | (i + 1);
	return i;
}

static bool has_hashes(const struct nc_flows *f, uint32_t i, const uint64_t h[static 3])
{
	uint64_t mine[3];

	nc_flow_hashes(f, i, mine);
	return memcmp(mine, h, sizeof(mine)) == 0;
}

static uint32_t connection(struct nc_flows *f, const struct nc_flow_seen *s, const struct nc_sink *sink)
{
	uint64_t h[3];

	hashes_seen(s, h);
	uint32_t hash = hash_connection(f, h), at = hash & f->slot_mask, i;
	while ((i = next_of(f, hash, &at)) != NC_FLOW_NO)
		if (nc_flow_entry(f, i)->kind == NC_FLOW_CONNECTION && (is_connection(f, i, s) || has_hashes(f, i, h)))
			break;
	if (i == NC_FLOW_NO) {
		i = create(f, hash);
		nc_flow_start(f, i, NC_FLOW_CONNECTION, s);
	} else {
		touch(f, i, s, sink);
	}
	return i;
}

static uint32_t network(struct nc_flows *f, const struct nc_flow_seen *s, const struct nc_sink *sink)
{
	uint64_t h = nc_ident_hash(s->o->net_src, s->o->net_dst, s->o->net_size, s->v6 ? NC_END_IPV6 : NC_END_IPV4), mine[3];
	uint32_t hash = hash_network(f, h), at = hash & f->slot_mask, i;

	while ((i = next_of(f, hash, &at)) != NC_FLOW_NO) {
		if (nc_flow_entry(f, i)->kind != NC_FLOW_NETWORK)
			continue;
		nc_flow_hashes(f, i, mine);
		if (mine[1] == h)
			break;
	}
	if (i == NC_FLOW_NO) {
		i = create(f, hash);
		nc_flow_start(f, i, NC_FLOW_NETWORK, s);
	} else {
		touch(f, i, s, sink);
	}
	return i;
}

/* Through the flow's own entry, which knows where the others stood when it was seen last. */
static struct nc_flow_entry *routed(struct nc_flows *f, const struct nc_flow_seen *s, const struct nc_sink *sink)
{
	struct nc_flow_entry *e = nc_flow_entry(f, flow(f, s, sink));

	if (f->o.wanted[NC_FLOW_NETWORK]) {
		if (e->next < f->used && is_network(f, e->next, s))
			touch(f, e->next, s, sink);
		else
			e->next = network(f, s, sink);
	}
	if (!f->o.wanted[NC_FLOW_CONNECTION])
		return NULL;
	if (e->near < f->used && is_connection(f, e->near, s))
		touch(f, e->near, s, sink);
	else
		e->near = connection(f, s, sink);
	return nc_flow_entry(f, e->near);
}

static void add_parts(struct nc_flows *f, const struct nc_flow_seen *s, struct nc_flow_entry *c)
{
	if (f->o.wanted[NC_FLOW_LINK] && s->mac)
		nc_flow_part_add(f, s, NC_FLOW_LINK, c ? &c->near : NULL);
	if (f->o.wanted[NC_FLOW_TRANSPORT] && s->transport)
		nc_flow_part_add(f, s, NC_FLOW_TRANSPORT, c ? &c->next : NULL);
	if (f->o.wanted[NC_FLOW_CONNECTION] && !s->o->network)
		nc_flow_part_add(f, s, NC_FLOW_CONNECTION, NULL);
}

static bool routes(const struct nc_flows *f)
{
	return f->o.wanted[NC_FLOW_FLOW] || f->o.wanted[NC_FLOW_CONNECTION] || f->o.wanted[NC_FLOW_NETWORK];
}

void nc_flows_ahead(const struct nc_flows *f, const struct nc_outer *o, unsigned step)
{
	uint32_t tag, i;

	if (!o->network || !routes(f))
		return;
	if (step == 0) {
		__builtin_prefetch(hint_of(f, o, &tag));
		return;
	}
	i = hinted(f, o);
	if (i == NC_FLOW_NO)
		return;
	if (step == 1) {
		__builtin_prefetch(nc_flow_entry(f, i), 1);
		if (o->net_size == 16)
			__builtin_prefetch(addresses(f, i));
		return;
	}
	if (f->o.wanted[NC_FLOW_CONNECTION])
		__builtin_prefetch(nc_flow_entry(f, nc_flow_entry(f, i)->near), 1);
	if (f->o.wanted[NC_FLOW_NETWORK])
		__builtin_prefetch(nc_flow_entry(f, nc_flow_entry(f, i)->next), 1);
}

void nc_flows_packet(struct nc_flows *f, const struct nc_flow_packet *p, const struct nc_sink *sink)
{
	struct nc_flow_seen s = {
		.p = p,
		.o = p->outer,
		.kind_of_link = (uint8_t)nc_ident_link(p->outer->link),
		.transport = (uint8_t)nc_ident_transport(p->outer->transport),
		.v6 = p->outer->net_size == 16,
		.mac = p->outer->link_src && p->outer->link_dst,
	};
	struct nc_flow_entry *c = NULL;

	atomic_store_explicit(&f->busy, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (p->outer->network && routes(f))
		c = routed(f, &s, sink);
	add_parts(f, &s, c);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&f->busy, false, memory_order_relaxed);
}

/* All go, so the slots need not be kept in order meanwhile; see nc_flows_clear. */
static void forget(struct nc_flows *f, uint32_t i)
{
	f->torn = true;
	nc_flow_entry(f, i)->kind = NC_FLOW_NONE;
	f->counters->live--;
}

void nc_flows_clear(struct nc_flows *f)
{
	atomic_store_explicit(&f->busy, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	f->used = 0;
	rebuild(f);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&f->busy, false, memory_order_relaxed);
}

const struct nc_flow_options *nc_flows_options(const struct nc_flows *f)
{
	return &f->o;
}

void nc_flows_change(struct nc_flows *f, const struct nc_flow_options *o)
{
	uint32_t max = f->o.max;

	f->o = *o;
	f->o.max = max;
}

/* --- steps -------------------------------------------------------------------------------------------------------------------
 */

void nc_flows_settle(struct nc_flows *f, uint64_t done)
{
	struct nc_flows_pending *g = &f->pending;

	if (g->count == 0 && g->parts == 0)
		return;
	atomic_store_explicit(&f->busy, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (g->seq <= done) {
		for (; g->count > 0; g->count--) {
			uint32_t i = g->index[(g->count - 1) % NC_FLOW_BATCH];
			if (i < f->used && nc_flow_entry(f, i)->kind != NC_FLOW_NONE)
				(f->walk.way == NC_FLOWS_ALL ? forget : nc_flows_remove)(f, i);
		}
		if (g->parts)
			nc_flow_parts_drop(f, g->parts);
	} else if (g->count) {
		f->walk.at = g->from;
	}
	g->count = g->parts = 0;
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&f->busy, false, memory_order_relaxed);
}

void nc_flows_attach(struct nc_flows *f, uint64_t done, uint64_t lost)
{
	bool busy = atomic_load_explicit(&f->busy, memory_order_relaxed);

	undo(f, lost);
	if (busy)
		rebuild(f);
	f->counters->recovered += busy;
	nc_flows_settle(f, f->pending.seq == lost ? 0 : done);
	if (f->torn)
		rebuild(f);
}
