/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows that no worker sees whole, put together from the parts that all of them saw. */
#include "flow/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/text.h"
#include "base/time.h"
#include "flow/ident.h"
#include "flow/idle.h"

#define COUNT_MAX (UINT64_MAX / 4) /* of packets and bytes in one part */

struct whole {
	struct nc_flow_part p; /* kind _NONE: free */
	uint64_t key;
	uint32_t next;         /* free ones are linked: index plus one */
};

struct nc_merge {
	struct nc_flow_options o;
	uint8_t seed[NC_SIPHASH_KEY];
	struct whole *wholes;
	uint64_t *slots; /* upper half of the hash, index plus one */
	uint32_t slot_mask, used, free, live;
	uint64_t evicted;
};

struct nc_merge *nc_merge_new(const struct nc_flow_options *o, const uint8_t seed[static 16])
{
	struct nc_merge *m = calloc(1, sizeof(*m));
	uint32_t slots = 64;

	if (!m)
		return NULL;
	m->o = *o;
	memcpy(m->seed, seed, sizeof(m->seed));
	while (slots / 4 * 3 < o->max)
		slots *= 2;
	m->slot_mask = slots - 1;
	m->slots = calloc(slots, sizeof(*m->slots));
	m->wholes = calloc(o->max, sizeof(*m->wholes));
	if (m->slots && m->wholes)
		return m;
	nc_merge_free(m);
	return NULL;
}

void nc_merge_change(struct nc_merge *m, const struct nc_flow_options *o)
{
	m->o.flow_timeout = o->flow_timeout;
	m->o.conn_timeout = o->conn_timeout;
	m->o.active_timeout = o->active_timeout;
}

void nc_merge_free(struct nc_merge *m)
{
	if (!m)
		return;
	free(m->slots);
	free(m->wholes);
	free(m);
}

uint32_t nc_merge_live(const struct nc_merge *m)
{
	return m->live;
}

uint64_t nc_merge_evicted(const struct nc_merge *m)
{
	return m->evicted;
}

/* --- table -------------------------------------------------------------------------------------------------------------------
 */

static uint64_t key_of(const struct nc_flow_part *p)
{
	if (p->kind == NC_FLOW_TRANSPORT)
		return nc_ident_ports(p->sport, p->dport, (enum nc_endpoint)p->proto);
	return p->has_mac ? nc_ident_hash(p->src, p->dst, 6, NC_END_MAC) : 0;
}

static uint32_t hash_of(const struct nc_merge *m, uint8_t kind, uint64_t key)
{
	uint64_t text[2] = { key, kind };

	return (uint32_t)(nc_siphash(m->seed, text, sizeof(text)) >> 32);
}

static void insert(struct nc_merge *m, uint32_t i)
{
	uint32_t hash = hash_of(m, m->wholes[i].p.kind, m->wholes[i].key), at = hash & m->slot_mask;

	while (m->slots[at])
		at = (at + 1) & m->slot_mask;
	m->slots[at] = (uint64_t)hash << 32 | (i + 1);
	m->live++;
}

static void close_gap(struct nc_merge *m, uint32_t at)
{
	for (uint32_t k = (at + 1) & m->slot_mask; m->slots[k]; k = (k + 1) & m->slot_mask) {
		uint32_t home = (uint32_t)(m->slots[k] >> 32) & m->slot_mask;
		if (((k - home) & m->slot_mask) < ((k - at) & m->slot_mask))
			continue;
		m->slots[at] = m->slots[k];
		at = k;
	}
	m->slots[at] = 0;
}

static void discard(struct nc_merge *m, uint32_t i)
{
	uint32_t hash = hash_of(m, m->wholes[i].p.kind, m->wholes[i].key), at = hash & m->slot_mask;

	while (m->slots[at] != ((uint64_t)hash << 32 | (i + 1)))
		at = (at + 1) & m->slot_mask;
	close_gap(m, at);
	m->wholes[i].p.kind = NC_FLOW_NONE;
	m->wholes[i].next = m->free;
	m->free = i + 1;
	m->live--;
}

static int64_t timeout(const struct nc_merge *m, uint8_t kind)
{
	return kind == NC_FLOW_CONNECTION ? m->o.conn_timeout : m->o.flow_timeout;
}

/* Whether b is more than limit ns behind a; 0: never. */
static bool apart(int64_t a, int64_t b, int64_t limit)
{
	int64_t gap;

	if (limit == 0 || b <= a)
		return false;
	return __builtin_sub_overflow(b, a, &gap) || gap > limit;
}

static bool near(const struct nc_merge *m, const struct nc_flow_part *a, const struct nc_flow_part *b)
{
	int64_t limit = timeout(m, a->kind);

	return !apart(a->last_ns, b->first_ns, limit) && !apart(b->last_ns, a->first_ns, limit);
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* The addresses are those of the earliest packet; of two at one time, of the one that stands first in the capture. */
static void join(struct nc_flow_part *to, const struct nc_flow_part *p)
{
	struct nc_flow_part early = *to;

	if (p->first_ns < to->first_ns || (p->first_ns == to->first_ns && p->order < to->order))
		early = *p;
	early.last_ns = p->last_ns > to->last_ns ? p->last_ns : to->last_ns;
	early.packets = add(to->packets, p->packets);
	early.bytes = add(to->bytes, p->bytes);
	*to = early;
}

/* The next one from *at on that the part belongs to; 0: there is none, else its index plus one. */
static uint32_t next_near(const struct nc_merge *m, const struct nc_flow_part *p, uint64_t key, uint32_t hash, uint32_t *at)
{
	for (; m->slots[*at]; *at = (*at + 1) & m->slot_mask) {
		uint64_t v = m->slots[*at];
		const struct whole *w = &m->wholes[(uint32_t)v - 1];
		if ((uint32_t)(v >> 32) == hash && w->key == key && w->p.kind == p->kind && near(m, &w->p, p))
			return (uint32_t)v;
	}
	return 0;
}

/* --- records -----------------------------------------------------------------------------------------------------------------
 */

struct texts {
	char first[NC_TIME_TEXT], last[NC_TIME_TEXT], src[NC_TEXT_MAC], dst[NC_TEXT_MAC], uid[NC_MD5_TEXT];
	int64_t duration;
};

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int64_t clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int32_t clamp32(uint64_t v)
{
	return v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

static void describe(const struct nc_flow_part *p, struct texts *t)
{
	nc_time_stamp(t->first, p->first_ns);
	nc_time_stamp(t->last, p->last_ns);
	if (__builtin_sub_overflow(p->last_ns, p->first_ns, &t->duration))
		t->duration = INT64_MAX;
	t->src[0] = t->dst[0] = '\0';
	if (p->has_mac) {
		nc_text_mac(t->src, p->src);
		nc_text_mac(t->dst, p->dst);
	}
}

static void write_link(const struct whole *w, struct texts *t, const struct nc_sink *sink)
{
	Types__LinkFlow m = TYPES__LINK_FLOW__INIT;

	m.timestampfirst = t->first;
	m.timestamplast = t->last;
	m.duration = t->duration;
	m.proto = text(nc_ident_link_name(w->p.proto));
	m.srcmac = t->src;
	m.dstmac = t->dst;
	m.totalsize = clamp(w->p.bytes);
	m.numpackets = clamp(w->p.packets);
	m.uid = w->key;
	sink->record(sink->user, &m.base, w->p.first_ns);
}

static void write_transport(const struct whole *w, struct texts *t, const struct nc_sink *sink)
{
	Types__TransportFlow m = TYPES__TRANSPORT_FLOW__INIT;

	m.timestampfirst = t->first;
	m.timestamplast = t->last;
	m.duration = t->duration;
	m.proto = text(nc_ident_transport_name(w->p.proto));
	m.srcport = w->p.sport;
	m.dstport = w->p.dport;
	m.totalsize = clamp(w->p.bytes);
	m.numpackets = clamp(w->p.packets);
	m.uid = w->key;
	sink->record(sink->user, &m.base, w->p.first_ns);
}

static void write_connection(const struct whole *w, struct texts *t, const struct nc_sink *sink)
{
	Types__Connection m = TYPES__CONNECTION__INIT;

	nc_ident_connection(w->key, 0, 0, t->uid);
	m.timestampfirst = t->first;
	m.timestamplast = t->last;
	m.duration = t->duration;
	m.linkproto = text(nc_ident_link_name(w->p.proto));
	m.srcmac = t->src;
	m.dstmac = t->dst;
	m.totalsize = clamp32(w->p.bytes);
	m.numpackets = clamp32(w->p.packets);
	m.uid = t->uid;
	sink->record(sink->user, &m.base, w->p.first_ns);
}

static void write_whole(const struct whole *w, const struct nc_sink *sink)
{
	struct texts t;

	describe(&w->p, &t);
	switch (w->p.kind) {
	case NC_FLOW_LINK:
		write_link(w, &t, sink);
		break;
	case NC_FLOW_TRANSPORT:
		write_transport(w, &t, sink);
		break;
	default:
		write_connection(w, &t, sink);
		break;
	}
}

/* --- parts -------------------------------------------------------------------------------------------------------------------
 */

static int64_t idle_since(const struct nc_merge *m)
{
	int64_t times[NC_IDLE_SAMPLES];
	size_t n = 0;
	uint32_t step = m->used / NC_IDLE_SAMPLES + 1;

	for (uint32_t i = 0; i < m->used && n < NC_IDLE_SAMPLES; i += step)
		if (m->wholes[i].p.kind != NC_FLOW_NONE)
			times[n++] = m->wholes[i].p.last_ns;
	return nc_idle_since(times, n);
}

static void evict(struct nc_merge *m, const struct nc_sink *sink)
{
	int64_t threshold = idle_since(m);
	uint32_t quota = m->o.max / NC_IDLE_SHARE;

	for (uint32_t i = 0; i < m->used && quota > 0; i++) {
		if (m->wholes[i].p.kind == NC_FLOW_NONE || m->wholes[i].p.last_ns > threshold)
			continue;
		write_whole(&m->wholes[i], sink);
		discard(m, i);
		m->evicted++;
		quota--;
	}
}

static bool sound(const struct nc_flow_part *p)
{
	if (p->first_ns > p->last_ns || p->packets == 0 || p->packets > COUNT_MAX || p->bytes > COUNT_MAX || p->has_mac > 1)
		return false;
	switch (p->kind) {
	case NC_FLOW_LINK:
		return p->has_mac;
	case NC_FLOW_CONNECTION:
		return true;
	case NC_FLOW_TRANSPORT:
		return *nc_ident_transport_name(p->proto) != '\0';
	default:
		return false;
	}
}

static void append(struct nc_merge *m, const struct nc_flow_part *p, uint64_t key, const struct nc_sink *sink)
{
	if (m->live == m->o.max)
		evict(m, sink);
	uint32_t i = m->free ? m->free - 1 : m->used;
	if (m->free)
		m->free = m->wholes[i].next;
	else
		m->used++;
	m->wholes[i].p = *p;
	m->wholes[i].key = key;
	insert(m, i);
}

bool nc_merge_add(struct nc_merge *m, const struct nc_flow_part *p, const struct nc_sink *sink)
{
	if (!sound(p))
		return false;
	uint64_t key = key_of(p);
	uint32_t hash = hash_of(m, p->kind, key), at = hash & m->slot_mask, i = next_near(m, p, key, hash, &at);
	if (i == 0) {
		append(m, p, key, sink);
		return true;
	}
	struct nc_flow_part *to = &m->wholes[i - 1].p;
	/* what the part stands between was apart before */
	for (at = (at + 1) & m->slot_mask; (i = next_near(m, p, key, hash, &at)) != 0;) {
		join(to, &m->wholes[i - 1].p);
		discard(m, i - 1);
	}
	join(to, p);
	return true;
}

void nc_merge_sweep(struct nc_merge *m, int64_t now_ns, const struct nc_sink *sink)
{
	for (uint32_t i = 0; i < m->used; i++) {
		const struct nc_flow_part *p = &m->wholes[i].p;
		if (p->kind == NC_FLOW_NONE ||
		    (!apart(p->last_ns, now_ns, timeout(m, p->kind)) && !apart(p->first_ns, now_ns, m->o.active_timeout)))
			continue;
		write_whole(&m->wholes[i], sink);
		discard(m, i);
	}
}

void nc_merge_all(struct nc_merge *m, const struct nc_sink *sink)
{
	for (uint32_t i = 0; i < m->used; i++) {
		if (m->wholes[i].p.kind == NC_FLOW_NONE)
			continue;
		write_whole(&m->wholes[i], sink);
		discard(m, i);
	}
	m->used = m->free = 0;
}
