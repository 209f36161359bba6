/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random streams, cut, reordered, repeated, overlapping, contradicting and dropped: the reader gets the bytes that came first, in
 * order, with gaps exactly where there were none. usage: test_tcp_property [ROUNDS [SEED]] */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tape.h"

enum { ROUNDS = 100000, STREAM_MAX = 6000, ARRIVALS_MAX = 60, NOTHING = -1, CUT = -2 };

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * UINT64_C(2685821657736338717) >> 16) % below;
}

/* What comes: bytes [from, to) of a direction, the last `cut` of them missing; copy: which content, 0 is the true one. */
struct arrival {
	uint32_t from, to, cut;
	unsigned dir, copy;
	bool fin;
	uint64_t place; /* in the order of sending; arrivals are sorted by it */
};

/* A direction as it should be, and how far the reader is. */
struct side {
	uint32_t isn, len;
	bool fin;
	int16_t bytes[STREAM_MAX]; /* the content that came first, or NOTHING, or CUT */
	int64_t times[STREAM_MAX];
	uint32_t later;            /* no byte before this one comes any more */
	uint32_t at;               /* of the reader */
	uint64_t shown, missed;
};

struct world {
	uint64_t random;
	bool partial, skips;       /* how the reader behaves */
	bool ended;
	struct side side[2];
	struct arrival arrivals[ARRIVALS_MAX];
	unsigned count;
};

/* Readers have no context of their own. */
static struct world *w;

static uint8_t content(unsigned dir, uint32_t at, unsigned copy)
{
	return (uint8_t)(at * 2654435761u >> 24 ^ at ^ dir * 77u ^ copy * 13u);
}

static enum nc_guess probe(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	(void)p;
	return n < 3 && w->partial ? NC_GUESS_MORE : NC_GUESS_YES;
}

static size_t data(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns)
{
	struct side *x = &w->side[dir];

	assert_true(n > 0);
	assert_true(x->at + n <= x->len);
	assert_int_equal(ts_ns, x->times[x->at]);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], x->bytes[x->at + i]);
	size_t used = w->partial ? (size_t)draw(&w->random, n + 1) : n;
	x->at += (uint32_t)used;
	x->shown += used;
	if (w->partial && draw(&w->random, 4) == 0)
		nc_stream_want(s, dir, n - used + (size_t)draw(&w->random, 200));
	if (w->skips && draw(&w->random, 4) == 0) {
		uint32_t over = (uint32_t)draw(&w->random, 900);
		if (over > x->len - x->at)
			over = x->len - x->at;
		nc_stream_skip(s, dir, over);
		x->at += over;
	}
	return used;
}

static void gap(struct nc_stream *s, unsigned dir, uint64_t n)
{
	struct side *x = &w->side[dir];

	(void)s;
	assert_true(n > 0 && x->at + n <= x->len);
	for (uint64_t i = 0; i < n; i++)
		assert_true(x->bytes[x->at + i] < 0);
	x->at += (uint32_t)n;
	x->missed += n;
}

static void end(struct nc_stream *s)
{
	(void)s;
	assert_false(w->ended);
	w->ended = true;
}

static const ProtobufCMessageDescriptor *const records[] = { &types__http__descriptor, NULL };
static const struct nc_stream_reader reader = {
	.name = "tape", .state_size = 16, .pending_max = NC_STREAM_PENDING, .probe = probe, .data = data, .gap = gap, .end = end,
	.records = records,
};
static const struct nc_stream_reader *const readers[] = { &reader };

/* --- making a round ----------------------------------------------------------------------------------------------------------
 */

static void add(unsigned dir, uint32_t from, uint32_t to, uint64_t place, unsigned copy)
{
	const struct side *x = &w->side[dir];

	if (w->count == ARRIVALS_MAX || from >= to)
		return;
	struct arrival *a = &w->arrivals[w->count++];
	*a = (struct arrival){ .from = from, .to = to, .dir = dir, .copy = copy, .place = place };
	a->fin = x->fin && to == x->len;
}

static void send_side(unsigned dir, bool drops, bool contradicts)
{
	struct side *x = &w->side[dir];
	uint32_t size = 1 + (uint32_t)draw(&w->random, draw(&w->random, 3) ? 1460 : 40);
	uint64_t disorder = draw(&w->random, 3) ? draw(&w->random, 40) : 0;

	for (uint32_t from = 0, to; from < x->len; from = to) {
		to = from + 1 + (uint32_t)draw(&w->random, size);
		to = to < x->len ? to : x->len;
		if (drops && draw(&w->random, 8) == 0)
			continue;
		uint64_t place = (uint64_t)from * 10 + draw(&w->random, disorder * size + 1) * 10;
		add(dir, from, to, place, 0);
		if (w->count && drops && draw(&w->random, 10) == 0) {
			struct arrival *a = &w->arrivals[w->count - 1];
			a->cut = (uint32_t)draw(&w->random, a->to - a->from + 1);
		}
		if (draw(&w->random, 6) == 0) {
			uint32_t b = from - (uint32_t)draw(&w->random, from < 500 ? from + 1 : 500);
			uint32_t e = to + (uint32_t)draw(&w->random, 500);
			add(dir, b, e < x->len ? e : x->len, place + draw(&w->random, 9000), contradicts ? 1 : 0);
		}
	}
}

static int by_place(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static void make_round(void)
{
	bool drops = draw(&w->random, 2), contradicts = draw(&w->random, 3) == 0;

	w->partial = !drops && draw(&w->random, 2);
	w->skips = draw(&w->random, 4) == 0;
	w->ended = false;
	w->count = 0;
	for (unsigned d = 0; d < 2; d++) {
		struct side *x = &w->side[d];
		x->isn = draw(&w->random, 2) ? (uint32_t)draw(&w->random, 1u << 31) : 0u - (uint32_t)draw(&w->random, STREAM_MAX);
		x->len = draw(&w->random, 5) ? (uint32_t)draw(&w->random, STREAM_MAX) : (uint32_t)draw(&w->random, 30);
		x->fin = draw(&w->random, 2);
		x->at = x->later = 0;
		x->shown = x->missed = 0;
		for (uint32_t i = 0; i < x->len; i++)
			x->bytes[i] = NOTHING;
		send_side(d, drops, contradicts);
	}
	qsort(w->arrivals, w->count, sizeof(w->arrivals[0]), by_place);
}

/* --- running it --------------------------------------------------------------------------------------------------------------
 */

/* What came first counts. */
static void claim(const struct arrival *a, int64_t ts_ns)
{
	struct side *x = &w->side[a->dir];

	for (uint32_t i = a->from; i < a->to; i++) {
		if (x->bytes[i] != NOTHING)
			continue;
		x->bytes[i] = i >= a->to - a->cut ? CUT : content(a->dir, i, a->copy);
		x->times[i] = ts_ns;
	}
}

/* The first byte of a direction that an arrival from i on brings. */
static uint32_t first_later(unsigned dir, unsigned i)
{
	uint32_t first = w->side[dir].len;

	for (; i < w->count; i++)
		if (w->arrivals[i].dir == dir && w->arrivals[i].from < first)
			first = w->arrivals[i].from;
	return first;
}

static void arrive(struct tape *t, uint8_t version, const struct tape_end ends[2], unsigned i)
{
	const struct arrival *a = &w->arrivals[i];
	uint8_t bytes[STREAM_MAX];
	unsigned d = a->dir;
	int64_t ts_ns = 1000 + i;

	claim(a, ts_ns);
	for (uint32_t k = a->from; k < a->to; k++)
		bytes[k - a->from] = content(d, k, a->copy);
	/* never of bytes that are still to come */
	uint32_t ack = draw(&w->random, 2) ? first_later(!d, i) : 0;
	struct nc_segment s = {
		.seq = w->side[d].isn + 1 + a->from, .data = bytes, .len = a->to - a->from - a->cut, .missing = a->cut,
		.flags = TAPE_ACK, .ack = w->side[!d].isn + 1 + ack,
	};
	if (a->fin)
		s.flags |= TAPE_FIN;
	(void)tape_segment(t, version, &ends[d], &ends[!d], ts_ns, &s);
}

static void check_side(unsigned d)
{
	const struct side *x = &w->side[d];
	uint32_t last = 0; /* what came last, or the end that a FIN told */
	uint64_t missing = 0, there = 0;
	bool fin = false;

	for (unsigned i = 0; i < w->count; i++)
		fin |= w->arrivals[i].dir == d && w->arrivals[i].fin;
	for (uint32_t i = 0; i < x->len; i++)
		if (x->bytes[i] != NOTHING || fin)
			last = i + 1;
	for (uint32_t i = 0; i < last; i++)
		*(x->bytes[i] < 0 ? &missing : &there) += 1;
	if (w->skips) {
		assert_true(x->at >= last || w->partial);
		return;
	}
	assert_int_equal(x->missed, missing);
	if (!w->partial) {
		assert_int_equal(x->shown, there);
		assert_int_equal(x->at, last);
	}
}

static void play(struct tape *t, uint16_t port)
{
	uint8_t version = draw(&w->random, 2) ? 4 : 6;
	const struct tape_end ends[2] = { { 0x0a000001 + (uint32_t)draw(&w->random, 2) * 9, port }, { 0x0a000005, 80 } };
	struct nc_segment syn = { .seq = w->side[0].isn, .flags = TAPE_SYN };
	struct nc_segment answer = { .seq = w->side[1].isn, .flags = TAPE_SYN | TAPE_ACK, .ack = w->side[0].isn + 1 };

	(void)tape_segment(t, version, &ends[0], &ends[1], 1, &syn);
	(void)tape_segment(t, version, &ends[1], &ends[0], 2, &answer);
	for (unsigned i = 0; i < w->count; i++)
		arrive(t, version, ends, i);
	nc_tcp_end(t->tcp);
	bool any = false;
	for (unsigned d = 0; d < 2; d++)
		for (uint32_t i = 0; i < w->side[d].len; i++)
			any |= w->side[d].bytes[i] >= 0;
	assert_true(w->ended || !any || w->partial);
	if (w->ended) {
		check_side(0);
		check_side(1);
	}
	assert_int_equal(nc_tcp_used(t->tcp), 0);
	assert_int_equal(t->counters.live, 0);
}

static void streams(void **state)
{
	const uint64_t *args = *state;
	struct tape t;

	w = calloc(1, sizeof(*w));
	assert_non_null(w);
	assert_true(tape_open(&t, nc_tcp_min(), 0, readers, 1));
	for (uint64_t round = 0; round < args[0]; round++) {
		w->random = (args[1] + round) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		/* what a failure says first */
		char text[64];
		snprintf(text, sizeof(text), "%" PRIu64, args[1] + round);
		setenv("NC_ROUND", text, 1);
		make_round();
		play(&t, (uint16_t)(1024 + round % 60000));
	}
	assert_int_equal(t.counters.evicted + t.counters.overflows + t.counters.no_memory, 0);
	print_message("%" PRIu64 " streams, %" PRIu64 " out of order, %" PRIu64 " gaps, %" PRIu64 " contradicting bytes\n",
	              t.counters.streams, t.counters.out_of_order, t.counters.gaps, t.counters.overlaps);
	tape_close(&t);
	free(w);
}

int main(int argc, char **argv)
{
	uint64_t args[2] = { argc > 1 ? strtoull(argv[1], NULL, 10) : ROUNDS, argc > 2 ? strtoull(argv[2], NULL, 10) : 1 };
	const struct CMUnitTest tests[] = { cmocka_unit_test_prestate(streams, args) };

	printf("%" PRIu64 " rounds from seed %" PRIu64 "; one alone: test_tcp_property 1 SEED\n", args[0], args[1]);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	if (rc)
		printf("failed with seed %s\n", getenv("NC_ROUND"));
	return rc;
}
