/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a TCP segment means for its connection: beginning, bytes, acknowledgement, end (RFC 9293 section 3.10). */
#include "flow/assembly.h"

#include <string.h>

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define ACK 0x10u

#define PAGE        ((size_t)4096)
#define RST_WINDOW  (1 << 16)     /* a reset is believed this far behind what came before it */
#define LATE_WINDOW (1 << 20)     /* what comes to a closed connection from farther away is of another one */
#define CONN_SHARE  8u            /* of the memory, for the table */
#define QUIET_SHARE 4u            /* of the table, for connections without data */
#define CONNS_MAX   (1u << 20)
#define MEMORY_MIN  ((size_t)2 << 20)

_Static_assert(sizeof(struct nc_conn) == 128, "two cache lines");

#define COUNT(FIELD, TEXT) { #FIELD, TEXT, offsetof(struct nc_tcp_counters, FIELD) }

const struct nc_tcp_count nc_tcp_counts[] = {
	COUNT(segments, "TCP segments"),
	COUNT(streams, "streams"),
	COUNT(recognised, "streams recognised"),
	COUNT(live, "streams live"),
	COUNT(out_of_order, "segments out of order"),
	COUNT(retransmitted, "bytes retransmitted"),
	COUNT(overlaps, "bytes that came twice, different"),
	COUNT(outside, "segments outside of their stream"),
	COUNT(gaps, "gaps in streams"),
	COUNT(lost, "bytes in these gaps"),
	COUNT(timeouts, "streams ended by time"),
	COUNT(evicted, "streams given up for memory"),
	COUNT(quiet_evicted, "half-open streams given up"),
	COUNT(overflows, "streams with too long a message"),
	COUNT(no_memory, "stream readers without memory"),
	COUNT(abandoned, "streams lost with a worker"),
};
const size_t nc_tcp_counts_count = sizeof(nc_tcp_counts) / sizeof(nc_tcp_counts[0]);
_Static_assert(sizeof(nc_tcp_counts) / sizeof(nc_tcp_counts[0]) == sizeof(struct nc_tcp_counters) / sizeof(uint64_t), "all of them");

/* --- set-up ------------------------------------------------------------------------------------------------------------------
 */

static bool reader_useful(const struct nc_stream_reader *r, const bool *wanted)
{
	for (const ProtobufCMessageDescriptor *const *d = r->records; d && *d; d++) {
		const struct nc_type *type = nc_type_by_desc(*d);
		if (type && wanted[nc_type_slot(type)])
			return true;
	}
	return false;
}

bool nc_tcp_useful(const bool wanted[static NC_TYPES_MAX])
{
	if (wanted[nc_type_slot(nc_type_by_desc(&types__flow__descriptor))] ||
	    wanted[nc_type_slot(nc_type_by_desc(&types__connection__descriptor))])
		return true;
	for (size_t i = 0; i < nc_stream_readers_count; i++)
		if (reader_useful(nc_stream_readers[i], wanted))
			return true;
	return false;
}

static uint32_t readers_wanted(const struct nc_tcp *t, const bool *wanted)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < t->reader_count; i++)
		if (reader_useful(t->readers[i], wanted))
			set |= 1u << i;
	for (unsigned i = 0; set && i < t->reader_count; i++)
		if (t->readers[i]->hands_over)
			set |= 1u << i;
	return set;
}

static void note_readers(struct nc_tcp *t, const struct nc_tcp_options *o)
{
	size_t n = o->readers ? o->reader_count : nc_stream_readers_count;

	t->readers = o->readers ? o->readers : nc_stream_readers;
	t->reader_count = n < NC_STREAM_READERS_MAX ? (unsigned)n : NC_STREAM_READERS_MAX;
	t->readers_wanted = readers_wanted(t, t->wanted);
}

static void note_stamps(struct nc_tcp *t)
{
	for (size_t i = 0; i < nc_types_count; i++) {
		const ProtobufCMessageDescriptor *d = nc_types[i].desc;
		const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, "Timestamp");
		if (f && f->type == PROTOBUF_C_TYPE_STRING)
			t->stamps[i] = f->offset;
	}
}

size_t nc_tcp_min(void)
{
	return MEMORY_MIN;
}

static size_t page_up(size_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

/* The parts lie one behind the other: this struct, arena, buckets, connections, pool. */
static void lay_out(struct nc_tcp *t, uint8_t *mem, size_t size)
{
	uint32_t n = 1024;
	size_t at = page_up(sizeof(*t));

	while (n < CONNS_MAX && (size_t)n * 2 * sizeof(struct nc_conn) <= size / CONN_SHARE)
		n *= 2;
	nc_arena_init(&t->arena, mem + at, NC_STREAM_ARENA);
	at += page_up(NC_STREAM_ARENA);
	t->buckets = (uint32_t *)(void *)(mem + at);
	t->bucket_mask = n - 1;
	at += page_up(n * sizeof(*t->buckets));
	t->conns = (struct nc_conn *)(void *)(mem + at);
	t->conn_max = n;
	t->conn_fresh = 1;
	t->quiet_max = n / QUIET_SHARE;
	at += page_up(n * sizeof(struct nc_conn));
	nc_pool_init(&t->pool, mem + at, size - at);
	t->reserve = t->pool.size / 16;
}

struct nc_tcp *nc_tcp_init(void *mem, size_t size, const struct nc_tcp_options *o)
{
	struct nc_tcp *t = mem;

	if (size < MEMORY_MIN || (uintptr_t)mem % PAGE != 0)
		return NULL;
	t->counters = o->counters;
	t->timeout_ns = o->timeout_ns;
	t->sink = *o->sink;
	t->bad = o->bad;
	t->bad_user = o->bad_user;
	memcpy(t->seed, o->seed, sizeof(t->seed));
	memcpy(t->wanted, o->wanted, sizeof(t->wanted));
	note_readers(t, o);
	note_stamps(t);
	lay_out(t, mem, size);
	t->counters->abandoned += t->counters->live;
	t->counters->live = 0;
	return t;
}

size_t nc_tcp_used(const struct nc_tcp *t)
{
	return t->pool.used;
}

/* --- key ---------------------------------------------------------------------------------------------------------------------
 */

/* Inside of a tunnel the pair of tunnel ends is part of the key: so it does not matter that workers share the packets by it. */
static uint32_t tunnel_of(const struct nc_tcp *t, const struct nc_packet *p, const struct nc_segment *s)
{
	const struct nc_outer *o = &p->outer;
	uint8_t pair[32];

	if (!o->net_src || o->net_src == s->src || o->net_size > 16)
		return 0;
	bool swap = memcmp(o->net_src, o->net_dst, o->net_size) > 0;
	memcpy(pair, swap ? o->net_dst : o->net_src, o->net_size);
	memcpy(pair + o->net_size, swap ? o->net_src : o->net_dst, o->net_size);
	return (uint32_t)nc_siphash(t->seed, pair, 2u * o->net_size) | 1;
}

/* Returns the side that the segment comes from. */
static unsigned make_key(const struct nc_tcp *t, const struct nc_packet *p, const struct nc_segment *s, struct nc_conn_key *k)
{
	size_t n = s->version == 4 ? 4 : 16;
	int order = memcmp(s->src, s->dst, n);
	unsigned from = order > 0 || (order == 0 && s->sport > s->dport);

	*k = (struct nc_conn_key){ .version = s->version, .tunnel = tunnel_of(t, p, s) };
	memcpy(k->ip[from], s->src, n);
	memcpy(k->ip[!from], s->dst, n);
	k->port[from] = s->sport;
	k->port[!from] = s->dport;
	return from;
}

/* --- life --------------------------------------------------------------------------------------------------------------------
 */

void nc_tcp_finish(struct nc_tcp *t, struct nc_conn *c)
{
	int64_t now = t->now_ns;

	if (c->flags & NC_CONN_CLOSED)
		return;
	t->now_ns = c->last_ns;
	for (unsigned d = 0; d < 2; d++)
		nc_order_flush(t, c, d);
	nc_feed_end(t, c);
	nc_conn_enlist(t, c, NC_LIST_NONE);
	c->flags |= NC_CONN_CLOSED;
	t->now_ns = now;
}

static bool is_among(const struct nc_tcp *t, const struct nc_stream_reader *r, uint32_t set)
{
	for (unsigned i = 0; i < t->reader_count; i++)
		if (t->readers[i] == r)
			return set & 1u << i;
	return false;
}

void nc_tcp_change(struct nc_tcp *t, const bool wanted[static NC_TYPES_MAX], int64_t timeout_ns)
{
	uint32_t next = readers_wanted(t, wanted), gone = t->readers_wanted & ~next;
	int64_t now = t->now_ns;

	for (uint32_t i = 1; gone && i < t->conn_fresh; i++) {
		struct nc_conn *c = &t->conns[i];
		if (!c->feed || !c->feed->reader || !is_among(t, c->feed->reader, gone))
			continue;
		t->now_ns = c->last_ns;
		nc_feed_end(t, c);
	}
	t->now_ns = now;
	memcpy(t->wanted, wanted, sizeof(t->wanted));
	t->readers_wanted = next;
	t->timeout_ns = timeout_ns;
}

void nc_tcp_end(struct nc_tcp *t)
{
	for (uint32_t i = 1; i < t->conn_fresh; i++)
		nc_tcp_finish(t, &t->conns[i]);
}

/* --- segments ----------------------------------------------------------------------------------------------------------------
 */

static bool has_bytes(const struct nc_segment *s)
{
	return s->len || s->missing;
}

/* A SYN that is not the one we know (RFC 9293 section 3.6.1 lets ports be used again with a higher number). One that comes late
 * stands just before what we know. */
static bool other_syn(const struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	const struct nc_conn_dir *y = &c->dir[d];

	if (!(y->flags & NC_DIR_SYNCED))
		return (c->flags & NC_CONN_CLOSED) != 0;
	if ((c->flags & NC_CONN_CLOSED) || (y->flags & NC_DIR_SYN))
		return s->seq + 1 != y->begin;
	int32_t ahead = nc_seq_diff(y->next, s->seq);
	return ahead <= 0 || ahead > LATE_WINDOW;
}

/* Whether the segment belongs to another connection between the same ports. */
static bool is_other(const struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	const struct nc_conn_dir *y = &c->dir[d];

	if (s->flags & RST)
		return false;
	if (s->flags & SYN)
		return other_syn(c, d, s);
	if (!(c->flags & NC_CONN_CLOSED) || !has_bytes(s) || !(y->flags & NC_DIR_SYNCED))
		return false;
	int32_t ahead = nc_seq_diff(s->seq, y->next);
	return ahead > LATE_WINDOW || ahead < -LATE_WINDOW;
}

static struct nc_conn *begin(struct nc_tcp *t, const struct nc_conn_key *k, uint32_t bucket, unsigned from,
                             const struct nc_segment *s)
{
	if ((s->flags & RST) || !((s->flags & SYN) || has_bytes(s)))
		return NULL;
	struct nc_conn *c = nc_conn_new(t, k, bucket);
	if (!c)
		return NULL;
	bool answer = (s->flags & (SYN | ACK)) == (SYN | ACK);
	c->first = (uint8_t)(answer ? !from : from);
	if (!has_bytes(s))
		nc_conn_enlist(t, c, NC_LIST_QUIET);
	return c;
}

static void take_syn(struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	struct nc_conn_dir *y = &c->dir[d];

	c->flags |= NC_CONN_OPENED;
	if (y->flags & NC_DIR_SYNCED)
		return;
	y->flags |= NC_DIR_SYN | NC_DIR_SYNCED;
	y->begin = y->next = s->seq + 1;
}

/* Where a side is of which nothing was seen: behind what the other one acknowledges when it begins. */
static void sync_by_ack(struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	struct nc_conn_dir *y = &c->dir[!d];

	if ((y->flags & NC_DIR_SYNCED) || !(c->flags & NC_CONN_OPENED) || (c->flags & NC_CONN_DATA))
		return;
	y->flags |= NC_DIR_SYNCED;
	y->begin = y->next = s->ack;
}

static void take_ack(struct nc_tcp *t, struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	struct nc_conn_dir *y = &c->dir[!d];

	sync_by_ack(c, d, s);
	if (!(y->flags & NC_DIR_SYNCED) || (y->flags & NC_DIR_DONE))
		return;
	int32_t ahead = nc_seq_diff(s->ack, y->next);
	if (ahead <= 0 || ahead > NC_TCP_FAR || ((y->flags & NC_DIR_ACKED) && nc_seq_diff(s->ack, y->acked) <= 0))
		return;
	y->acked = s->ack;
	y->flags |= NC_DIR_ACKED;
	nc_order_settle(t, c, !d);
}

static void first_bytes(struct nc_tcp *t, struct nc_conn *c)
{
	c->flags |= NC_CONN_DATA | NC_CONN_LIVE;
	t->counters->streams++;
	t->counters->live++;
	if (c->list == NC_LIST_QUIET)
		nc_conn_enlist(t, c, NC_LIST_NONE);
}

/* Bytes behind the FIN are nobody's. */
static size_t before_fin(const struct nc_conn_dir *y, uint32_t seq, size_t n)
{
	int32_t room = nc_seq_diff(y->fin, seq);

	if (!(y->flags & NC_DIR_FIN))
		return n;
	return room <= 0 ? 0 : (size_t)room < n ? (size_t)room : n;
}

static void take_bytes(struct nc_tcp *t, struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	struct nc_conn_dir *y = &c->dir[d];
	uint32_t seq = s->seq + ((s->flags & SYN) != 0);

	if (!(y->flags & NC_DIR_SYNCED)) {
		y->flags |= NC_DIR_SYNCED;
		y->begin = y->next = seq;
	}
	if (!(c->flags & NC_CONN_DATA))
		first_bytes(t, c);
	size_t all = before_fin(y, seq, s->len + s->missing), n = s->len < all ? s->len : all;
	if (n)
		nc_order_take(t, c, d, seq, s->data, n);
	if (all > n)
		nc_order_take(t, c, d, seq + (uint32_t)n, NULL, all - n);
}

static void take_fin(struct nc_tcp *t, struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	struct nc_conn_dir *y = &c->dir[d];
	uint32_t at = s->seq + (uint32_t)(s->len + s->missing) + ((s->flags & SYN) != 0);

	if ((y->flags & NC_DIR_FIN) || (y->flags & NC_DIR_SYNCED) == 0)
		return;
	if (nc_seq_diff(at, y->next) < 0)
		return;
	y->flags |= NC_DIR_FIN;
	y->fin = at;
	nc_order_settle(t, c, d);
}

static bool at_end(const struct nc_conn_dir *y)
{
	return (y->flags & NC_DIR_FIN) && ((y->flags & NC_DIR_DONE) || y->next == y->fin);
}

/* Blind resets must not end a stream (RFC 5961 section 3); the exact number is too much to ask of a capture with losses. */
static bool reset_is_sound(const struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	const struct nc_conn_dir *y = &c->dir[d], *other = &c->dir[!d];
	int32_t ahead = nc_seq_diff(s->seq, y->next);

	if (y->flags & NC_DIR_SYNCED)
		return ahead >= -1 && ahead <= RST_WINDOW;
	/* the answer to a SYN: RFC 9293 section 3.10.7.3 */
	return (s->flags & ACK) && (other->flags & NC_DIR_SYNCED) && s->ack == other->next;
}

static bool is_outside(const struct nc_conn_dir *y, const struct nc_segment *s)
{
	int32_t ahead = nc_seq_diff(s->seq, y->next);

	return (y->flags & NC_DIR_SYNCED) && (ahead > NC_TCP_FAR || ahead < -NC_TCP_FAR);
}

static void take(struct nc_tcp *t, struct nc_conn *c, unsigned d, const struct nc_segment *s)
{
	if (s->flags & RST) {
		if (reset_is_sound(c, d, s))
			nc_tcp_finish(t, c);
		else
			t->counters->outside++;
		return;
	}
	if (is_outside(&c->dir[d], s)) {
		t->counters->outside++;
		return;
	}
	if (s->flags & SYN)
		take_syn(c, d, s);
	if (s->flags & ACK)
		take_ack(t, c, d, s);
	if (has_bytes(s)) {
		nc_tcp_reserve(t, c);
		take_bytes(t, c, d, s);
	}
	if (s->flags & FIN)
		take_fin(t, c, d, s);
	if (at_end(&c->dir[0]) && at_end(&c->dir[1]))
		nc_tcp_finish(t, c);
}

unsigned nc_tcp_segment(void *user, const struct nc_packet *p, const struct nc_segment *s)
{
	struct nc_tcp *t = user;
	struct nc_conn_key k;
	uint32_t bucket;
	unsigned from = make_key(t, p, s, &k);

	t->counters->segments++;
	t->now_ns = p->ts_ns;
	struct nc_conn *c = nc_conn_find(t, &k, &bucket);
	if (c && nc_conn_expired(t, c, p->ts_ns)) {
		t->counters->timeouts += (c->flags & NC_CONN_LIVE) != 0;
		nc_conn_drop(t, c);
		c = NULL;
	}
	if (c && is_other(c, from ^ c->first, s)) {
		nc_conn_drop(t, c);
		c = NULL;
	}
	if (!c)
		c = begin(t, &k, bucket, from, s);
	if (!c)
		return 0;
	if (p->ts_ns > c->last_ns)
		c->last_ns = p->ts_ns;
	t->dir = from ^ c->first;
	t->packet = p;
	if (!(c->flags & NC_CONN_CLOSED))
		take(t, c, t->dir, s);
	t->packet = NULL;
	return c->app;
}
