/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts the bytes of a direction in order: what comes early waits, what came before is left out, holes become gaps. */
#include "flow/assembly.h"

#include <string.h>

/* Bytes of the segment in hand; p == NULL: they are missing. */
struct piece {
	uint32_t seq;
	const uint8_t *p;
	uint32_t n;
	int64_t ts_ns;
};

static void cut_front(struct piece *s, uint32_t n)
{
	s->seq += n;
	s->n -= n;
	if (s->p)
		s->p += n;
}

static bool has_islands(struct nc_conn *c, unsigned d)
{
	return c->feed && c->feed->dir[d].island_count;
}

void nc_order_free(struct nc_tcp *t, struct nc_feed_dir *x)
{
	for (uint32_t i = 0; i < x->island_count; i++)
		nc_pool_free(&t->pool, x->islands[i].p);
	nc_pool_free(&t->pool, x->islands);
	x->islands = NULL;
	x->island_count = x->waiting = 0;
}

static void remove_islands(struct nc_tcp *t, struct nc_feed_dir *x, uint32_t at, uint32_t n)
{
	memmove(x->islands + at, x->islands + at + n, (x->island_count - at - n) * sizeof(*x->islands));
	x->island_count -= n;
	if (x->island_count)
		return;
	nc_pool_free(&t->pool, x->islands);
	x->islands = NULL;
}

/* The next bytes in order. */
static void emit(struct nc_tcp *t, struct nc_conn *c, unsigned d, const uint8_t *p, uint32_t n, int64_t ts_ns)
{
	c->dir[d].next += n;
	if (p)
		nc_feed_bytes(t, c, d, p, n, ts_ns);
	else
		nc_feed_gap(t, c, d, n);
}

static bool acknowledged(const struct nc_conn_dir *x, uint32_t seq)
{
	return (x->flags & NC_DIR_ACKED) && nc_seq_diff(x->acked, seq) >= 0;
}

static void emit_first(struct nc_tcp *t, struct nc_conn *c, unsigned d, struct nc_feed_dir *x)
{
	struct nc_island first = x->islands[0];

	if (first.p)
		x->waiting -= first.len;
	remove_islands(t, x, 0, 1);
	emit(t, c, d, first.p, first.len, first.ts_ns);
	nc_pool_free(&t->pool, first.p);
}

void nc_order_settle(struct nc_tcp *t, struct nc_conn *c, unsigned d)
{
	struct nc_conn_dir *y = &c->dir[d];

	while (has_islands(c, d)) {
		struct nc_feed_dir *x = &c->feed->dir[d];
		uint32_t off = x->islands[0].seq - y->next;
		if (off == 0)
			emit_first(t, c, d, x);
		else if (off <= x->skip || acknowledged(y, x->islands[0].seq))
			emit(t, c, d, NULL, off, 0);
		else
			return;
	}
	if ((y->flags & NC_DIR_FIN) && y->next != y->fin && acknowledged(y, y->fin + 1))
		emit(t, c, d, NULL, y->fin - y->next, 0);
}

void nc_order_flush(struct nc_tcp *t, struct nc_conn *c, unsigned d)
{
	struct nc_conn_dir *y = &c->dir[d];

	while (has_islands(c, d)) {
		uint32_t off = c->feed->dir[d].islands[0].seq - y->next;
		if (off)
			emit(t, c, d, NULL, off, 0);
		nc_order_settle(t, c, d);
	}
	if ((y->flags & NC_DIR_FIN) && y->next != y->fin)
		emit(t, c, d, NULL, y->fin - y->next, 0);
}

/* The first island that ends behind seq; distances are from next, since all islands lie within half the number space of it. */
static uint32_t search(const struct nc_feed_dir *x, uint32_t next, uint32_t seq)
{
	uint32_t low = 0, high = x->island_count, off = seq - next;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (x->islands[mid].seq + x->islands[mid].len - next > off)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* Bytes of s that wait already with another content. */
static uint64_t differences(const struct nc_feed_dir *x, uint32_t next, const struct piece *s)
{
	uint32_t begin = s->seq - next, end = begin + s->n;
	uint64_t count = 0;

	for (uint32_t i = search(x, next, s->seq); i < x->island_count; i++) {
		const struct nc_island *g = &x->islands[i];
		uint32_t a = g->seq - next, b = a + g->len;
		if (a >= end)
			break;
		if (!g->p)
			continue;
		uint32_t from = a > begin ? a : begin, to = b < end ? b : end;
		if (memcmp(g->p + (from - a), s->p + (from - begin), to - from) == 0)
			continue;
		for (uint32_t k = from; k < to; k++)
			count += g->p[k - a] != s->p[k - begin];
	}
	return count;
}

/* How many islands s would add. */
static uint32_t new_islands(const struct nc_feed_dir *x, uint32_t next, const struct piece *s)
{
	uint32_t at = s->seq - next, end = at + s->n, count = 0;

	for (uint32_t i = search(x, next, s->seq); at < end; i++) {
		uint32_t a = i < x->island_count ? x->islands[i].seq - next : end;
		count += a > at;
		if (i == x->island_count)
			break;
		at = a + x->islands[i].len;
	}
	return count;
}

/* Melts islands that touch. What was melted counts as having come with its first bytes. */
static void compact(struct nc_tcp *t, const struct nc_conn *c, struct nc_feed_dir *x)
{
	for (uint32_t i = 0; i + 1 < x->island_count; i++) {
		struct nc_island *g = &x->islands[i];
		uint32_t n = 1, len = g->len;
		while (g->p && i + n < x->island_count && g[n].p && g->seq + len == g[n].seq)
			len += g[n++].len;
		if (n == 1)
			continue;
		uint8_t *p = nc_tcp_alloc(t, c, len);
		if (!p)
			return;
		for (uint32_t k = 0, at = 0; k < n; at += g[k++].len) {
			memcpy(p + at, g[k].p, g[k].len);
			nc_pool_free(&t->pool, g[k].p);
		}
		g->p = p;
		g->len = len;
		remove_islands(t, x, i + 1, n - 1);
	}
}

static bool grow_islands(struct nc_tcp *t, const struct nc_conn *c, struct nc_feed_dir *x, uint32_t count)
{
	if (x->islands && nc_pool_room(&t->pool, x->islands) >= count * sizeof(*x->islands))
		return true;
	struct nc_island *to = nc_tcp_alloc(t, c, count * sizeof(*to));
	if (!to)
		return false;
	if (x->island_count)
		memcpy(to, x->islands, x->island_count * sizeof(*to));
	nc_pool_free(&t->pool, x->islands);
	x->islands = to;
	return true;
}

static bool insert(struct nc_tcp *t, const struct nc_conn *c, struct nc_feed_dir *x, uint32_t at, const struct piece *s)
{
	uint8_t *p = NULL;

	if (s->p) {
		p = nc_tcp_alloc(t, c, s->n);
		if (!p)
			return false;
		memcpy(p, s->p, s->n);
		x->waiting += s->n;
	}
	memmove(x->islands + at + 1, x->islands + at, (x->island_count - at) * sizeof(*x->islands));
	x->islands[at] = (struct nc_island){ .seq = s->seq, .len = s->n, .p = p, .ts_ns = s->ts_ns };
	x->island_count++;
	return true;
}

/* Keeps what of s is not there yet. False without memory. */
static bool store(struct nc_tcp *t, const struct nc_conn *c, struct nc_feed_dir *x, uint32_t next, struct piece s)
{
	for (uint32_t i = search(x, next, s.seq); s.n; i++) {
		uint32_t hole = i < x->island_count ? x->islands[i].seq - s.seq : s.n;
		if (i < x->island_count && nc_seq_diff(x->islands[i].seq, s.seq) <= 0)
			hole = 0;
		struct piece part = s;
		part.n = hole < s.n ? hole : s.n;
		if (part.n) {
			if (!insert(t, c, x, i, &part))
				return false;
			cut_front(&s, part.n);
			continue;
		}
		uint32_t gone = x->islands[i].seq + x->islands[i].len - s.seq;
		cut_front(&s, gone < s.n ? gone : s.n);
	}
	return true;
}

/* Lets s wait. False when it can't: there is too much already, or no memory. */
static bool keep(struct nc_tcp *t, struct nc_conn *c, unsigned d, const struct piece *s)
{
	struct nc_feed *f = nc_feed_of(t, c);
	uint32_t next = c->dir[d].next;

	if (!f)
		return false;
	struct nc_feed_dir *x = &f->dir[d];
	uint32_t more = new_islands(x, next, s);
	if (x->island_count + more > NC_TCP_ISLANDS)
		compact(t, c, x);
	if (x->island_count + more > NC_TCP_ISLANDS || (s->p && x->waiting + s->n > NC_TCP_WAITING))
		return false;
	return more == 0 || (grow_islands(t, c, x, x->island_count + more) && store(t, c, x, next, *s));
}

/* Gives up the hole before the first bytes that are there, s or an island. */
static void give_up_hole(struct nc_tcp *t, struct nc_conn *c, unsigned d, uint32_t off)
{
	if (has_islands(c, d)) {
		uint32_t first = c->feed->dir[d].islands[0].seq - c->dir[d].next;
		off = first < off ? first : off;
	}
	emit(t, c, d, NULL, off, 0);
	nc_order_settle(t, c, d);
}

/* Hands out what of s comes next, up to the first island, and that too. */
static void take_next(struct nc_tcp *t, struct nc_conn *c, unsigned d, struct piece *s)
{
	uint32_t n = s->n;
	bool more = has_islands(c, d);

	if (more) {
		uint32_t first = c->feed->dir[d].islands[0].seq - c->dir[d].next;
		n = first < n ? first : n;
	}
	emit(t, c, d, s->p, n, s->ts_ns);
	cut_front(s, n);
	if (more)
		nc_order_settle(t, c, d);
}

/* Nobody wants the bytes: only how far the direction is gets noted. */
static void pass(struct nc_conn_dir *y, uint32_t end)
{
	if (nc_seq_diff(end, y->next) > 0)
		y->next = end;
}

static void drop_old(struct nc_tcp *t, struct piece *s, uint32_t old)
{
	if (old > s->n)
		old = s->n;
	if (s->p)
		t->counters->retransmitted += old;
	cut_front(s, old);
}

/* Whether a hole of `off` bytes before s need not be waited for. */
static bool hole_is_final(struct nc_conn *c, unsigned d, const struct piece *s, uint32_t off)
{
	return (c->feed && off <= c->feed->dir[d].skip) || acknowledged(&c->dir[d], s->seq);
}

void nc_order_take(struct nc_tcp *t, struct nc_conn *c, unsigned d, uint32_t seq, const uint8_t *p, size_t n)
{
	struct nc_conn_dir *y = &c->dir[d];
	struct piece s = { .seq = seq, .p = p, .n = (uint32_t)n, .ts_ns = t->now_ns };
	bool compared = false;

	while (s.n && !(y->flags & NC_DIR_DONE)) {
		int32_t off = nc_seq_diff(s.seq, y->next);
		if (off < 0) {
			drop_old(t, &s, (uint32_t)-off);
			continue;
		}
		if (!compared && s.p && has_islands(c, d))
			t->counters->overlaps += differences(&c->feed->dir[d], y->next, &s);
		compared = true;
		if (off == 0) {
			take_next(t, c, d, &s);
		} else if (!hole_is_final(c, d, &s, (uint32_t)off) && keep(t, c, d, &s)) {
			t->counters->out_of_order += s.p != NULL;
			return;
		} else {
			give_up_hole(t, c, d, (uint32_t)off);
		}
	}
	if (y->flags & NC_DIR_DONE)
		pass(y, s.seq + s.n);
}
