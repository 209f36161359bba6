/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the reassembly: random datagrams in pieces, shuffled, doubled, overlapped; floods; timeouts; a worker that died in it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "flow/defrag.h"

#define S          INT64_C(1000000000)
#define GUARD      64
#define PAYLOAD_MAX 65535u

struct fixture {
	uint8_t *mem;
	size_t size;
	struct nc_defrag_counters c;
	struct nc_defrag *d;
	uint64_t random;
};

static const uint8_t src[16] = { 192, 0, 2, 1 }, dst[16] = { 192, 0, 2, 2 };

static uint32_t draw(struct fixture *f, uint32_t below)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (uint32_t)(f->random % below);
}

/* Exactly `size` bytes are given to it; the guard behind them must stay. */
static void start(struct fixture *f, size_t size)
{
	static const uint8_t seed[16] = { 1, 2, 3 };
	void *mem = NULL;

	memset(f, 0, sizeof(*f));
	f->size = size;
	assert_int_equal(posix_memalign(&mem, 64, size + GUARD), 0);
	f->mem = mem;
	memset(f->mem, 0xa5, size + GUARD);
	f->d = nc_defrag_init(f->mem, size, seed, &f->c);
	assert_non_null(f->d);
	f->random = 88172645463325252u;
}

static void stop(struct fixture *f)
{
	for (size_t i = 0; i < GUARD; i++)
		assert_int_equal(f->mem[f->size + i], 0xa5);
	free(f->mem);
}

static struct nc_fragment piece(uint32_t id, const uint8_t *whole, size_t from, size_t to, bool more)
{
	return (struct nc_fragment){ .version = 4,
		                     .src = src,
		                     .dst = dst,
		                     .id = id,
		                     .proto = 17,
		                     .offset = (uint32_t)from,
		                     .more = more,
		                     .data = whole + from,
		                     .len = to - from };
}

static bool give(struct fixture *f, int64_t ts, const struct nc_fragment *p, const uint8_t **data, size_t *n)
{
	/* in a buffer of exactly its size */
	uint8_t *own = malloc(p->len ? p->len : 1);
	struct nc_fragment q = *p;

	assert_non_null(own);
	if (p->len)
		memcpy(own, p->data, p->len);
	q.data = own;
	bool whole = nc_defrag_fragment(f->d, ts, &q, data, n);
	free(own);
	return whole;
}

static bool add(struct fixture *f, int64_t ts, struct nc_fragment p)
{
	const uint8_t *data;
	size_t n;

	return give(f, ts, &p, &data, &n);
}

static void test_sizes(void **state)
{
	static const uint8_t seed[16];
	struct nc_defrag_counters c = { 0 };
	void *mem = NULL;

	(void)state;
	assert_int_equal(posix_memalign(&mem, 64, nc_defrag_min()), 0);
	assert_null(nc_defrag_init(mem, nc_defrag_min() - 1, seed, &c));
	assert_null(nc_defrag_init((uint8_t *)mem + 1, nc_defrag_min(), seed, &c));
	assert_non_null(nc_defrag_init(mem, nc_defrag_min(), seed, &c));
	free(mem);
}

static void test_two(void **state)
{
	struct fixture f;
	const uint8_t *data;
	size_t n;

	(void)state;
	start(&f, nc_defrag_min());
	static const uint8_t text[] = "0123456789abcdefghij";
	struct nc_fragment a = piece(1, text, 0, 16, true), b = piece(1, text, 16, 20, false);
	assert_false(give(&f, 0, &a, &data, &n));
	assert_true(give(&f, S, &b, &data, &n));
	assert_int_equal(n, 20);
	assert_memory_equal(data, text, 20);
	/* nothing of it is left: the same again */
	assert_false(give(&f, S, &b, &data, &n));
	assert_true(give(&f, S, &a, &data, &n));
	assert_int_equal(f.c.fragments, 4);
	assert_int_equal(f.c.reassembled, 2);
	stop(&f);
}

/* What must match for fragments to belong together. */
static void test_keys(void **state)
{
	static const uint8_t text[24], other[16] = { 10 };
	struct fixture f;

	(void)state;
	start(&f, nc_defrag_min());
	assert_false(add(&f, 0, piece(1, text, 0, 16, true)));
	struct nc_fragment b = piece(1, text, 16, 24, false), x;
	x = b, x.id = 2;
	assert_false(add(&f, 0, x));
	x = b, x.proto = 6;
	assert_false(add(&f, 0, x));
	x = b, x.src = other;
	assert_false(add(&f, 0, x));
	x = b, x.dst = other;
	assert_false(add(&f, 0, x));
	x = b, x.version = 6;
	assert_false(add(&f, 0, x));
	assert_true(add(&f, 0, b));
	stop(&f);
}

static void test_malformed(void **state)
{
	static uint8_t big[65600];
	struct fixture f;

	(void)state;
	start(&f, nc_defrag_min());
	assert_false(add(&f, 0, piece(1, big, 0, 12, true)));           /* no multiple of 8 */
	assert_false(add(&f, 0, piece(1, big, 8, 8, true)));            /* nothing, and more to come */
	assert_false(add(&f, 0, piece(1, big, 65528, 65536, false)));   /* a byte too many */
	struct nc_fragment far = piece(1, big, 0, 8, false);
	far.offset = UINT32_MAX - 3;
	assert_false(add(&f, 0, far));
	assert_int_equal(f.c.bad, 4);
	/* ends that disagree; the datagram lives on */
	assert_false(add(&f, 0, piece(2, big, 16, 24, false)));
	assert_false(add(&f, 0, piece(2, big, 24, 32, true)));
	assert_false(add(&f, 0, piece(2, big, 24, 32, false)));
	assert_false(add(&f, 0, piece(2, big, 8, 16, false)));
	assert_int_equal(f.c.bad, 7);
	assert_true(add(&f, 0, piece(2, big, 0, 16, true)));
	/* an end before what is there */
	assert_false(add(&f, 0, piece(3, big, 32, 40, true)));
	assert_false(add(&f, 0, piece(3, big, 16, 24, false)));
	assert_int_equal(f.c.bad, 8);
	stop(&f);
}

/* Datagrams without data, and an end that comes as an empty fragment. */
static void test_empty(void **state)
{
	static const uint8_t text[16];
	struct fixture f;
	const uint8_t *data;
	size_t n = 1;

	(void)state;
	start(&f, nc_defrag_min());
	struct nc_fragment p = piece(1, text, 0, 0, false);
	assert_true(give(&f, 0, &p, &data, &n));
	assert_int_equal(n, 0);
	assert_false(add(&f, 0, piece(2, text, 0, 16, true)));
	p = piece(2, text, 16, 16, false);
	assert_true(give(&f, 0, &p, &data, &n));
	assert_int_equal(n, 16);
	stop(&f);
}

static void test_first_wins(void **state)
{
	struct fixture f;
	const uint8_t *data;
	size_t n;
	uint8_t one[32], two[32];

	(void)state;
	start(&f, nc_defrag_min());
	memset(one, '1', sizeof(one));
	memset(two, '2', sizeof(two));
	assert_false(add(&f, 0, piece(1, one, 8, 16, true)));
	assert_false(add(&f, 0, piece(1, one, 8, 16, true)));
	assert_int_equal(f.c.duplicates, 1);
	assert_int_equal(f.c.overlaps, 0);
	assert_false(add(&f, 0, piece(1, two, 8, 16, true)));
	assert_int_equal(f.c.duplicates, 2);
	assert_int_equal(f.c.overlaps, 8);
	assert_false(add(&f, 0, piece(1, two, 0, 24, true)));
	assert_int_equal(f.c.overlaps, 16);
	struct nc_fragment last = piece(1, one, 16, 32, false);
	assert_true(give(&f, 0, &last, &data, &n));
	assert_int_equal(f.c.overlaps, 24);
	assert_int_equal(n, 32);
	assert_memory_equal(data, "22222222111111112222222211111111", 32);
	stop(&f);
}

static void test_timeout(void **state)
{
	static const uint8_t text[16];
	struct fixture f;

	(void)state;
	start(&f, nc_defrag_min());
	assert_false(add(&f, 0, piece(1, text, 0, 8, true)));
	assert_true(add(&f, 30 * S, piece(1, text, 8, 16, false)));
	assert_false(add(&f, 100 * S, piece(2, text, 0, 8, true)));
	assert_false(add(&f, 130 * S + 1, piece(2, text, 8, 16, false)));
	assert_int_equal(f.c.timeouts, 1);
	/* time that runs backwards a little does no harm, a jump does */
	assert_false(add(&f, 200 * S, piece(3, text, 0, 8, true)));
	assert_true(add(&f, 190 * S, piece(3, text, 8, 16, false)));
	assert_false(add(&f, 200 * S, piece(4, text, 0, 8, true)));
	assert_false(add(&f, INT64_MIN, piece(4, text, 8, 16, false)));
	assert_false(add(&f, INT64_MAX, piece(4, text, 0, 8, true)));
	stop(&f);
}

/* Lone fragments without end: what is given up is counted, and a datagram whose parts are near each other still gets through. */
static void test_flood(void **state)
{
	static uint8_t big[PAYLOAD_MAX];
	struct fixture f;
	const uint64_t floods = 100000;
	uint64_t good = 0;

	(void)state;
	start(&f, nc_defrag_min());
	for (uint32_t i = 0; i < floods; i++) {
		uint32_t from = draw(&f, 8000) * 8;
		assert_false(add(&f, (int64_t)i, piece(i, big, from, from + 8, true)));
		if (i % 100 == 0) {
			struct nc_fragment a = piece(i, big, 0, 1480, true), b = piece(i, big, 1480, 2000, false);
			a.version = b.version = 6;
			assert_false(add(&f, (int64_t)i, a));
			good += add(&f, (int64_t)i, b);
		}
	}
	assert_int_equal(good, floods / 100);
	assert_int_equal(f.c.reassembled, good);
	/* what is left times out; all are accounted for */
	assert_false(add(&f, 100 * S, piece(7, big, 0, 8, true)));
	assert_int_equal(f.c.evicted + f.c.timeouts, floods);
	stop(&f);
}

/* The largest datagram when the pool is full of older things: these go, and no more of them than must. */
static void test_largest(void **state)
{
	static uint8_t big[PAYLOAD_MAX];
	struct fixture f;
	const uint8_t *data = NULL;
	size_t n = 0;
	bool whole = false;

	(void)state;
	start(&f, nc_defrag_min());
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)draw(&f, 256);
	for (uint32_t id = 2; id < 102; id++)
		assert_false(add(&f, 0, piece(id, big, 8, 16, true)));
	uint64_t before = f.c.evicted;
	for (size_t from = 0; from < sizeof(big); from += 1480) {
		size_t to = from + 1480 < sizeof(big) ? from + 1480 : sizeof(big);
		struct nc_fragment p = piece(1, big, from, to, to < sizeof(big));
		assert_false(whole);
		whole = give(&f, 0, &p, &data, &n);
	}
	assert_true(whole);
	assert_int_equal(n, sizeof(big));
	assert_int_equal(f.c.evicted - before, (sizeof(big) + 2047) / 2048);
	assert_memory_equal(data, big, n);
	stop(&f);
}

/* Every second unit of 8 bytes is missing: too many islands, given up. */
static void test_islands(void **state)
{
	static uint8_t big[PAYLOAD_MAX];
	struct fixture f;

	(void)state;
	start(&f, nc_defrag_min());
	for (uint32_t from = 0; from + 8 < sizeof(big); from += 16)
		assert_false(add(&f, 0, piece(1, big, from, from + 8, true)));
	assert_true(f.c.bad > 0);
	stop(&f);
}

/* Eight results stay valid at once. */
static void test_results(void **state)
{
	struct fixture f;
	const uint8_t *data[8];
	uint8_t text[16];
	size_t n;

	(void)state;
	start(&f, nc_defrag_min());
	for (uint32_t i = 0; i < 8; i++) {
		memset(text, (int)('a' + i), sizeof(text));
		assert_false(add(&f, 0, piece(i, text, 0, 8, true)));
		struct nc_fragment p = piece(i, text, 8, 16, false);
		assert_true(give(&f, 0, &p, &data[i], &n));
	}
	for (uint32_t i = 0; i < 8; i++)
		for (size_t k = 0; k < 16; k++)
			assert_int_equal(data[i][k], 'a' + i);
	stop(&f);
}

/* A process that dies while it works here leaves the flag set, which stands first behind seed and counters. */
static void test_death(void **state)
{
	static const uint8_t text[16];
	struct fixture f;

	(void)state;
	start(&f, nc_defrag_min());
	assert_false(add(&f, 0, piece(1, text, 0, 8, true)));
	assert_int_equal(f.mem[16 + sizeof(void *)], 0);
	f.mem[16 + sizeof(void *)] = 1;
	assert_false(add(&f, 0, piece(1, text, 8, 16, false)));
	assert_int_equal(f.c.evicted, 1);
	assert_true(add(&f, 0, piece(1, text, 0, 8, true)));
	stop(&f);
}

/* --- property: any order, doubled and overlapping pieces of one content give that content -------------------------------------
 */

#define PIECES 300u

static unsigned cut_up(struct fixture *f, const uint8_t *whole, size_t len, uint32_t id, struct nc_fragment *out)
{
	size_t step = 8 * (1 + draw(f, 185)), least = (len / 100 + 8) / 8 * 8;
	unsigned n = 0;

	if (step < least)
		step = least;
	for (size_t from = 0; from < len; from += step) {
		size_t to = from + step < len ? from + step : len;
		out[n++] = piece(id, whole, from, to, to < len);
		if (draw(f, 4) == 0 && n < PIECES - 100)
			out[n++] = piece(id, whole, from, to, to < len);
		/* one that reaches back into what others bring */
		if (draw(f, 4) == 0 && n < PIECES - 100) {
			size_t back = from / 8 ? 8 * draw(f, (uint32_t)(from / 8)) : 0;
			out[n++] = piece(id, whole, back, to, to < len);
		}
	}
	for (unsigned i = n; i > 1; i--) {
		unsigned k = draw(f, i);
		struct nc_fragment swap = out[i - 1];
		out[i - 1] = out[k];
		out[k] = swap;
	}
	return n;
}

static void one_datagram(struct fixture *f, uint32_t id)
{
	static uint8_t whole[PAYLOAD_MAX];
	static struct nc_fragment pieces[PIECES];
	size_t len = 9 + draw(f, draw(f, 2) ? 4000 : PAYLOAD_MAX - 8);
	unsigned done = 0;

	for (size_t i = 0; i < len; i++)
		whole[i] = (uint8_t)(id + i * 7 + i / 251);
	unsigned n = cut_up(f, whole, len, id, pieces);
	for (unsigned i = 0; i < n && !done; i++) {
		const uint8_t *data;
		size_t got;
		if (give(f, (int64_t)id, &pieces[i], &data, &got)) {
			assert_int_equal(got, len);
			assert_memory_equal(data, whole, len);
			done++;
		}
	}
	assert_int_equal(done, 1);
}

static void test_property(void **state)
{
	const char *given = getenv("NC_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	struct fixture f;

	(void)state;
	print_message("seed: NC_TEST_SEED=%llu\n", (unsigned long long)seed);
	start(&f, nc_defrag_min() + draw(&(struct fixture){ .random = seed | 1 }, 1000000));
	f.random = seed * 2654435761u | 1;
	for (uint32_t id = 0; id < 400; id++)
		one_datagram(&f, id);
	assert_int_equal(f.c.reassembled, 400);
	assert_int_equal(f.c.overlaps, 0);
	assert_int_equal(f.c.bad, 0);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),     cmocka_unit_test(test_two),     cmocka_unit_test(test_keys),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_empty),   cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_timeout),   cmocka_unit_test(test_flood),   cmocka_unit_test(test_largest),
		cmocka_unit_test(test_islands),   cmocka_unit_test(test_results), cmocka_unit_test(test_death),
		cmocka_unit_test(test_property),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
