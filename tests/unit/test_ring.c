/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ring: what goes in comes out in order, nonsense is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/ring.h"

#define SIZE 4096u

static struct nc_ring *ring;

static int setup(void **state)
{
	(void)state;
	ring = aligned_alloc(64, nc_ring_bytes(SIZE));
	memset(ring, 0, nc_ring_bytes(SIZE));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(ring);
	return 0;
}

static void in_order_through_many_turns(void **state)
{
	struct nc_ring_end in = nc_ring_producer(ring, SIZE), out = nc_ring_consumer(ring, SIZE);
	uint32_t next_in = 0, next_out = 0;

	(void)state;
	for (int step = 0; step < 200000; step++) {
		size_t n = (size_t)rand() % 900;
		uint8_t *p = rand() % 2 ? nc_ring_reserve(&in, n) : NULL;
		if (p) {
			/* fewer bytes than reserved may be used */
			size_t used = n - (n ? (size_t)rand() % n : 0);
			memset(p, (int)(next_in & 255), used);
			struct nc_ring_msg m = { .kind = 1, .len = (uint32_t)used, .count = next_in++ };
			nc_ring_commit(&in, &m);
		}
		struct nc_ring_msg got;
		if (rand() % 2 && nc_ring_next(&out, &got, &p) > 0) {
			assert_int_equal(got.count, next_out);
			for (size_t i = 0; i < got.len; i++)
				assert_int_equal(p[i], next_out & 255);
			next_out++;
			nc_ring_release(&out);
			if (rand() % 1000 == 0)
				in = nc_ring_producer(ring, SIZE); /* a new producer goes on */
		}
	}
	assert_true(next_out > 10000);
}

static void full_is_said(void **state)
{
	struct nc_ring_end in = nc_ring_producer(ring, SIZE);

	(void)state;
	assert_null(nc_ring_reserve(&in, SIZE));
	assert_null(nc_ring_reserve(&in, SIZE_MAX));
	for (int i = 0; i < 2; i++) {
		assert_non_null(nc_ring_reserve(&in, SIZE / 2 - NC_RING_HEADER));
		struct nc_ring_msg m = { .len = SIZE / 2 - NC_RING_HEADER };
		nc_ring_commit(&in, &m);
	}
	assert_null(nc_ring_reserve(&in, 0));
}

/* A hostile producer may write anything anywhere at any time. */
static void nonsense_is_refused(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct nc_ring_end in, out;
		struct nc_ring_msg m = { .len = 40 };
		uint8_t *p, *bytes = (uint8_t *)ring;
		memset(ring, 0, nc_ring_bytes(SIZE));
		in = nc_ring_producer(ring, SIZE);
		out = nc_ring_consumer(ring, SIZE);
		for (int i = 0; i < 5 && nc_ring_reserve(&in, 40); i++)
			nc_ring_commit(&in, &m);
		for (int i = 0; i < 6; i++)
			bytes[(size_t)rand() % (sizeof(struct nc_ring) + 400)] = (uint8_t)rand();
		for (int i = 0; i < 200 && nc_ring_next(&out, &m, &p) > 0; i++) {
			assert_true(p >= ring->data && m.len <= SIZE && (size_t)(p - ring->data) + m.len <= SIZE);
			nc_ring_release(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order_through_many_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(full_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
	};
	unsigned seed = (unsigned)time(NULL);

	printf("seed %u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
