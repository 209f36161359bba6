/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes in order go to the probes until a reader is found, then to it. */
#include "flow/assembly.h"

#include <string.h>

#define ALL_READERS UINT32_MAX
#define HANDS_MAX   4u /* how often the bytes of one connection may go to the probes anew */

static void fill_ends(struct nc_tcp *t, const struct nc_conn *c, struct nc_stream *s)
{
	const struct nc_outer *o = t->packet ? &t->packet->outer : NULL;

	s->ip_version = c->version;
	s->opened = c->flags & NC_CONN_OPENED;
	for (unsigned d = 0; d < 2; d++) {
		struct nc_stream_end *end = &s->end[d];
		const uint8_t *mac = !o ? NULL : d == t->dir ? o->link_src : o->link_dst;
		memcpy(end->ip, c->ip[c->first ^ d], sizeof(end->ip));
		end->port = c->port[c->first ^ d];
		end->has_mac = mac != NULL;
		if (mac)
			memcpy(end->mac, mac, sizeof(end->mac));
	}
}

struct nc_feed *nc_feed_of(struct nc_tcp *t, struct nc_conn *c)
{
	if (c->feed)
		return c->feed;
	struct nc_feed *f = nc_tcp_alloc(t, c, sizeof(*f));
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->t = t;
	f->c = c;
	f->s.arena = &t->arena;
	f->dir[0].candidates = f->dir[1].candidates = ALL_READERS;
	fill_ends(t, c, &f->s);
	c->feed = f;
	nc_conn_enlist(t, c, NC_LIST_HOLDERS);
	return f;
}

static void free_dir(struct nc_tcp *t, struct nc_feed_dir *x)
{
	nc_pend_free(t, &x->pend);
	nc_order_free(t, x);
	*x = (struct nc_feed_dir){ .candidates = ALL_READERS };
}

/* The reader's last call. */
static void end_reader(struct nc_feed *f)
{
	struct nc_tcp *t = f->t;

	if (!f->reader)
		return;
	f->s.now_ns = t->now_ns;
	f->reader->end(&f->s);
	nc_arena_reset(&t->arena);
	nc_pool_free(&t->pool, f->s.state);
	f->s.state = NULL;
	f->reader = NULL;
}

void nc_feed_end(struct nc_tcp *t, struct nc_conn *c)
{
	struct nc_feed *f = c->feed;

	c->dir[0].flags |= NC_DIR_DONE;
	c->dir[1].flags |= NC_DIR_DONE;
	if (c->flags & NC_CONN_LIVE)
		t->counters->live--;
	c->flags &= (uint8_t)~NC_CONN_LIVE;
	if (!f)
		return;
	end_reader(f);
	free_dir(t, &f->dir[0]);
	free_dir(t, &f->dir[1]);
	nc_pool_free(&t->pool, f);
	c->feed = NULL;
	nc_conn_enlist(t, c, NC_LIST_NONE);
}

/* Nobody wants the bytes of this direction any more. */
static void close_dir(struct nc_tcp *t, struct nc_conn *c, unsigned d)
{
	c->dir[d].flags |= NC_DIR_DONE;
	if (c->dir[!d].flags & NC_DIR_DONE)
		nc_feed_end(t, c);
	else if (c->feed)
		free_dir(t, &c->feed->dir[d]);
}

/* A feed that holds nothing is not kept. */
static void tidy(struct nc_tcp *t, struct nc_conn *c)
{
	struct nc_feed *f = c->feed;

	if (!f || f->reader)
		return;
	for (unsigned d = 0; d < 2; d++)
		if (f->dir[d].pend.len || f->dir[d].island_count)
			return;
	free_dir(t, &f->dir[0]);
	free_dir(t, &f->dir[1]);
	nc_pool_free(&t->pool, f);
	c->feed = NULL;
	nc_conn_enlist(t, c, NC_LIST_NONE);
}

/* What the reader asked for during a call. False when it is not there any more. */
static bool obey(struct nc_feed *f)
{
	struct nc_tcp *t = f->t;
	struct nc_conn *c = f->c;

	if (f->stop || (f->again && ++c->hands >= HANDS_MAX)) {
		nc_feed_end(t, c);
		return false;
	}
	if (f->again) {
		end_reader(f);
		f->again = false;
		for (unsigned d = 0; d < 2; d++) {
			f->dir[d].want = 0;
			f->dir[d].skip = 0;
			f->dir[d].candidates = ALL_READERS;
			c->dir[d].tries = 0;
			c->dir[d].begin = c->dir[d].next - f->dir[d].pend.len;
			c->dir[d].flags &= (uint8_t)~(NC_DIR_DONE | NC_DIR_SYN);
		}
		return false;
	}
	for (unsigned d = 0; d < 2; d++) {
		if (f->dir[d].skip == UINT64_MAX && !(c->dir[d].flags & NC_DIR_DONE))
			close_dir(t, c, d);
		if (!c->feed)
			return false;
	}
	return true;
}

static size_t ask_reader(struct nc_feed *f, unsigned d, const uint8_t *p, size_t n, int64_t ts_ns)
{
	f->s.now_ns = f->t->now_ns;
	f->dir[d].want = 0;
	size_t used = f->reader->data(&f->s, d, p, n, ts_ns);
	nc_arena_reset(&f->t->arena);
	return used < n ? used : n;
}

static void tell_gap(struct nc_feed *f, unsigned d, uint64_t n)
{
	f->s.now_ns = f->t->now_ns;
	f->dir[d].want = 0;
	f->reader->gap(&f->s, d, n);
	nc_arena_reset(&f->t->arena);
	(void)obey(f);
}

static bool has_port(const struct nc_stream_reader *r, const struct nc_conn *c)
{
	for (const uint16_t *port = r->ports; port && *port; port++)
		if (*port == c->port[0] || *port == c->port[1])
			return true;
	return false;
}

/* Of those that said yes the one whose port it is, else the first. */
static unsigned choose(const struct nc_tcp *t, const struct nc_conn *c, uint32_t yes)
{
	for (uint32_t m = yes; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctz(m);
		if (has_port(t->readers[i], c))
			return i;
	}
	return (unsigned)__builtin_ctz(yes);
}

/* Bytes of a direction before those that wait, of which `waiting` are in hand. */
static uint32_t before(const struct nc_conn_dir *y, size_t waiting)
{
	return y->next - y->begin - (uint32_t)waiting;
}

/* What came before is a gap, missing or nobody's; but not what was something else in the direction that was recognised. */
static void tell_before(struct nc_feed *f, unsigned d, size_t n)
{
	struct nc_conn_dir *y = f->c->dir;
	uint32_t here = y[d].tries == 0 ? before(&y[d], n) : 0, there = before(&y[!d], f->dir[!d].pend.len);

	y[!d].flags &= (uint8_t)~NC_DIR_DONE;
	if (here)
		tell_gap(f, d, here);
	if (there && f->c->feed && f->reader)
		tell_gap(f, !d, there);
}

/* n bytes of direction d are in hand. */
static void attach(struct nc_tcp *t, struct nc_conn *c, unsigned d, size_t n, unsigned i)
{
	const struct nc_stream_reader *r = t->readers[i];

	if (c->app == 0) {
		c->app = (uint8_t)(i + 1);
		t->counters->recognised++;
	}
	struct nc_feed *f = t->readers_wanted & 1u << i ? nc_feed_of(t, c) : NULL;
	void *state = f ? nc_tcp_alloc(t, c, r->state_size) : NULL;
	if (!state) {
		t->counters->no_memory += (t->readers_wanted & 1u << i) != 0;
		nc_feed_end(t, c);
		return;
	}
	memset(state, 0, r->state_size);
	f->s.state = state;
	f->reader = r;
	f->stop = f->again = false;
	tell_before(f, d, n);
}

static uint32_t ask(const struct nc_tcp *t, uint32_t candidates, unsigned d, const uint8_t *p, size_t n, uint32_t *more)
{
	uint32_t yes = 0;

	*more = 0;
	for (unsigned i = 0; i < t->reader_count; i++) {
		if (!(candidates & 1u << i))
			continue;
		enum nc_guess g = t->readers[i]->probe(d, p, n);
		if (g == NC_GUESS_YES)
			yes |= 1u << i;
		else if (g == NC_GUESS_MORE)
			*more |= 1u << i;
	}
	return yes;
}

/* Returns the bytes that nobody knew: all n, or none. *found: a reader said yes. */
static size_t ask_probes(struct nc_tcp *t, struct nc_conn *c, unsigned d, const uint8_t *p, size_t n, bool *found)
{
	struct nc_conn_dir *x = &c->dir[d];
	size_t shown = n < NC_STREAM_PROBE ? n : NC_STREAM_PROBE;
	uint32_t more, yes = ask(t, c->feed ? c->feed->dir[d].candidates : ALL_READERS, d, p, shown, &more);

	*found = yes != 0;
	if (yes) {
		attach(t, c, d, n, choose(t, c, yes));
		return 0;
	}
	if (more && n < NC_STREAM_PROBE) {
		struct nc_feed *f = nc_feed_of(t, c);
		if (f)
			f->dir[d].candidates = more;
		return 0;
	}
	if (c->feed)
		c->feed->dir[d].candidates = ALL_READERS;
	if (++x->tries >= NC_STREAM_TRIES)
		close_dir(t, c, d);
	return n;
}

/* Bytes that wait behind those that came just now, or these themselves. */
struct view {
	const uint8_t *p;
	size_t n;
	int64_t ts_ns;
};

/* Takes k bytes off whatever is in front. */
static void advance(struct nc_tcp *t, struct nc_feed_dir *x, struct view *v, size_t k)
{
	if (x && x->pend.len) {
		nc_pend_consume(t, &x->pend, k);
		return;
	}
	v->p += k;
	v->n -= k;
}

/* Goes over bytes that the reader does not want. */
static size_t skip(struct nc_tcp *t, struct nc_feed_dir *x, struct view *v)
{
	size_t n = x->pend.len ? x->pend.len : v->n;

	if (n > x->skip)
		n = (size_t)x->skip;
	x->skip -= n;
	if (n)
		advance(t, x, v, n);
	return n;
}

static void give_up(struct nc_tcp *t, struct nc_conn *c, uint64_t *counter)
{
	(*counter)++;
	nc_feed_end(t, c);
}

/* One look at what is in front; false when nothing more can be done now. *again: the other direction is to be looked at. */
static bool step(struct nc_tcp *t, struct nc_conn *c, unsigned d, struct view *v, bool *again)
{
	struct nc_feed *f = c->feed;
	struct nc_feed_dir *x = f ? &f->dir[d] : NULL;
	struct view now = x && x->pend.len
	                          ? (struct view){ x->pend.p + x->pend.start, x->pend.len, nc_pend_time(&x->pend) }
	                          : *v;

	if (now.n == 0 || (x && now.n < x->want))
		return false;
	if (!f || !f->reader) {
		bool found;
		size_t used = ask_probes(t, c, d, now.p, now.n, &found);
		x = c->feed ? &c->feed->dir[d] : NULL;
		if (used && !(c->dir[d].flags & NC_DIR_DONE))
			advance(t, x, v, used);
		return found || used;
	}
	size_t used = ask_reader(f, d, now.p, now.n, now.ts_ns);
	if (used)
		advance(t, x, v, used);
	size_t over = x->skip && x->skip != UINT64_MAX ? skip(t, x, v) : 0;
	bool anew = f->again && !f->stop;
	if (obey(f))
		return used || over;
	if (!anew || !c->feed)
		return false;
	c->dir[d].begin -= (uint32_t)v->n;
	*again = true;
	return true;
}

/* Shows what is there, until it is gone or waits. */
static void pump(struct nc_tcp *t, struct nc_conn *c, unsigned d, struct view v)
{
	bool again = false;

	while (c->feed && skip(t, &c->feed->dir[d], &v) > 0)
		continue;
	if (c->feed && c->feed->dir[d].pend.len && v.n) {
		if (!nc_pend_add(t, c, &c->feed->dir[d].pend, v.p, v.n, v.ts_ns)) {
			give_up(t, c, &t->counters->evicted);
			return;
		}
		v.n = 0;
	}
	while (!(c->dir[d].flags & NC_DIR_DONE) && step(t, c, d, &v, &again))
		continue;
	if (!(c->dir[d].flags & NC_DIR_DONE) && v.n) {
		struct nc_feed *f = nc_feed_of(t, c);
		if (!f || !nc_pend_add(t, c, &f->dir[d].pend, v.p, v.n, v.ts_ns))
			give_up(t, c, &t->counters->evicted);
	}
	struct nc_feed *f = c->feed;
	if (f && f->reader && f->dir[d].pend.len > f->reader->pending_max)
		give_up(t, c, &t->counters->overflows);
	if (again && c->feed)
		pump(t, c, !d, (struct view){ 0 });
	tidy(t, c);
}

void nc_feed_bytes(struct nc_tcp *t, struct nc_conn *c, unsigned d, const uint8_t *p, size_t n, int64_t ts_ns)
{
	if (!(c->dir[d].flags & NC_DIR_DONE))
		pump(t, c, d, (struct view){ p, n, ts_ns });
}

void nc_feed_gap(struct nc_tcp *t, struct nc_conn *c, unsigned d, uint32_t n)
{
	struct nc_feed *f = c->feed;

	if (c->dir[d].flags & NC_DIR_DONE)
		return;
	if (f && f->dir[d].skip) {
		uint64_t k = n < f->dir[d].skip ? n : f->dir[d].skip;
		f->dir[d].skip -= k;
		n -= (uint32_t)k;
	}
	if (n == 0)
		return;
	t->counters->gaps++;
	t->counters->lost += n;
	if (!f)
		return;
	nc_pend_free(t, &f->dir[d].pend);
	f->dir[d].candidates = ALL_READERS;
	if (f->reader)
		tell_gap(f, d, n);
	else
		tidy(t, c);
}
