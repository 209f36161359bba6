/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory for nonces: repetitions, the hour, the limit, and that nothing is forgotten in between. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "wire/datagram.h"

#define HOUR (3600 * NC_NS_PER_S)

static bool check(struct nc_replay *r, unsigned key, uint64_t nonce, int64_t now)
{
	uint8_t k[NC_KEY_LEN] = { (uint8_t)key }, n[24] = { 0 };

	memcpy(n + 5, &nonce, sizeof(nonce));
	return nc_replay_check(r, k, n, now);
}

static void refuses_repetitions(void **state)
{
	struct nc_replay *r = nc_replay_new(100);

	(void)state;
	assert_non_null(r);
	assert_true(check(r, 1, 1, 0));
	assert_false(check(r, 1, 1, 0));
	assert_false(check(r, 1, 1, 5));
	assert_true(check(r, 1, 2, 5));
	assert_true(check(r, 2, 1, 5));
	assert_false(check(r, 2, 1, 6));
	nc_replay_free(r);
}

static void forgets_after_an_hour(void **state)
{
	struct nc_replay *r = nc_replay_new(100);

	(void)state;
	assert_true(check(r, 1, 1, 1000));
	assert_true(check(r, 1, 2, 2000));
	assert_false(check(r, 1, 1, HOUR + 999));
	assert_true(check(r, 1, 1, HOUR + 1000));
	assert_false(check(r, 1, 2, HOUR + 1999));
	assert_false(check(r, 1, 1, HOUR + 2000));
	/* a clock that goes back forgets nothing */
	assert_false(check(r, 1, 1, 0));
	nc_replay_free(r);
}

static void the_oldest_go_first(void **state)
{
	struct nc_replay *r = nc_replay_new(50);

	(void)state;
	for (uint64_t i = 0; i < 60; i++)
		assert_true(check(r, 1, i, (int64_t)i));
	for (uint64_t i = 10; i < 60; i++)
		assert_false(check(r, 1, i, 60));
	assert_true(check(r, 1, 9, 60)); /* and takes the place of 10 */
	assert_true(check(r, 1, 10, 60));
	assert_false(check(r, 1, 12, 60));
	nc_replay_free(r);
}

/* Removal in the middle of chains of the hash table: against a plain model. */
static void agrees_with_a_model(void **state)
{
	enum { MAX = 97, NONCES = 300, STEPS = 60000 };
	struct nc_replay *r = nc_replay_new(MAX);
	int64_t when[NONCES], order[MAX];
	size_t count = 0;
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < NONCES; i++)
		when[i] = -1;
	for (int64_t now = 1; now < STEPS; now++) {
		x = x * 1664525u + 1013904223u;
		int64_t nonce = (x >> 16) % NONCES, t = now * (HOUR / 70);
		while (count > 0 && t - when[order[0]] >= HOUR) {
			when[order[0]] = -1;
			memmove(order, order + 1, --count * sizeof(order[0]));
		}
		bool fresh = when[nonce] < 0;
		assert_int_equal(check(r, 7, (uint64_t)nonce, t), fresh);
		if (!fresh)
			continue;
		if (count == MAX) {
			when[order[0]] = -1;
			memmove(order, order + 1, --count * sizeof(order[0]));
		}
		when[nonce] = t;
		order[count++] = nonce;
	}
	nc_replay_free(r);
}

/* The same with the limit as what makes room. */
static void agrees_when_full(void **state)
{
	enum { MAX = 61, NONCES = 150, STEPS = 60000 };
	struct nc_replay *r = nc_replay_new(MAX);
	bool in[NONCES] = { false };
	int64_t order[MAX];
	size_t count = 0;
	uint32_t x = 99;

	(void)state;
	for (int i = 0; i < STEPS; i++) {
		x = x * 1664525u + 1013904223u;
		int64_t nonce = (x >> 16) % NONCES;
		assert_int_equal(check(r, 7, (uint64_t)nonce, i), !in[nonce]);
		if (in[nonce])
			continue;
		if (count == MAX) {
			in[order[0]] = false;
			memmove(order, order + 1, --count * sizeof(order[0]));
		}
		in[nonce] = true;
		order[count++] = nonce;
	}
	nc_replay_free(r);
}

static void tiny_and_none(void **state)
{
	struct nc_replay *r = nc_replay_new(0);

	(void)state;
	assert_true(check(r, 1, 1, 0));
	assert_false(check(r, 1, 1, 0));
	assert_true(check(r, 1, 2, 0));
	assert_true(check(r, 1, 1, 0));
	nc_replay_free(r);
	nc_replay_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_repetitions), cmocka_unit_test(forgets_after_an_hour),
		cmocka_unit_test(the_oldest_go_first), cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(agrees_when_full),    cmocka_unit_test(tiny_and_none),
	};

	return nc_keys_init() < 0 ? 1 : cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
