/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's queue: order, limits, what is counted when records go, and that it lets others have their turn. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/type.h"
#include "sensord/ship.h"

#define MANY 100u

/* A transport that takes what it is told to take. */
struct fake {
	struct nc_transport t; /* first */
	uint64_t taken[4 * MANY]; /* by sequence number */
	unsigned count;
	unsigned open;        /* so many blocks it takes, then it says not now */
	uint32_t part;        /* records of the block in hand that were sent when it said so */
	unsigned abandoned;
	bool refuse, closed;
};

static int fake_submit(struct nc_transport *t, const struct nc_transport_block *b)
{
	struct fake *f = (struct fake *)t;

	if (f->open == 0)
		return -EAGAIN;
	f->open--;
	if (f->refuse) {
		t->state.records_dropped += b->info.count;
		return -EBADMSG;
	}
	f->taken[f->count++] = b->info.seq;
	t->events->durable(t->user, b->info.epoch, b->info.seq, b->info.seq);
	return 0;
}

static uint32_t fake_abandon(struct nc_transport *t, const struct nc_transport_block *b)
{
	struct fake *f = (struct fake *)t;

	(void)b;
	f->abandoned++;
	return 10 - f->part;
}

static void fake_close(struct nc_transport *t)
{
	((struct fake *)t)->closed = true;
}

struct fixture {
	struct fake fake;
	struct nc_loop *loop;
	struct nc_ship *ship;
	struct nc_deflater *deflater;
	uint8_t block[8192];
	size_t n;
	uint64_t seq;
	unsigned turns;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->fake.t = (struct nc_transport){ .submit = fake_submit, .abandon = fake_abandon, .close = fake_close };
	f->deflater = nc_deflater_new(0);
	assert_int_equal(nc_loop_new(&f->loop), 0);
	assert_int_equal(nc_ship_new(f->loop, &f->fake.t, 4096, &f->ship), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	nc_ship_free(f->ship);
	nc_loop_free(f->loop);
	nc_deflater_free(f->deflater);
	free(f);
	return 0;
}

/* A block of 10 records and about `size` bytes into the queue. */
static void put(struct fixture *f, size_t size)
{
	static const uint8_t zeros[8000];
	struct nc_block_info info = { .kind = NC_BLOCK_RECORDS, .type = nc_types[0].number, .count = 10 };

	f->n = nc_block_build(f->deflater, &info, zeros, size, f->block, sizeof(f->block));
	assert_true(f->n > 0);
	nc_block_stamp(f->block, 1, ++f->seq);
	nc_ship_block(f->ship, f->block, f->n);
}

static struct nc_ship_state state_of(const struct fixture *f)
{
	struct nc_ship_state s;
	struct nc_transport_state t;

	nc_ship_get_state(f->ship, &s, &t);
	return s;
}

static void what_can_be_sent_is_sent_at_once(void **state)
{
	struct fixture *f = *state;

	f->fake.open = 3;
	for (unsigned i = 0; i < 3; i++)
		put(f, 100);
	assert_int_equal(f->fake.count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(f->fake.taken[i], i + 1);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(state_of(f).queue_bytes, 0);
	assert_true(nc_ship_pump(f->ship));
}

static void what_waits_goes_in_order_when_it_can(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	put(f, 100);
	put(f, 100);
	assert_int_equal(f->fake.count, 0);
	assert_int_equal(state_of(f).queue_blocks, 3);
	assert_int_equal(state_of(f).queue_bytes, 3 * f->n);
	f->fake.open = 2;
	assert_false(nc_ship_pump(f->ship));
	assert_int_equal(f->fake.count, 2);
	f->fake.open = 1;
	/* nobody asks: its own timer does it */
	while (f->fake.count < 3)
		assert_int_equal(nc_loop_once(f->loop, 1000), 0);
	assert_int_equal(f->fake.taken[2], 3);
	assert_int_equal(state_of(f).dropped_records, 0);
}

static void the_oldest_go_beyond_the_limit(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 5; i++)
		put(f, 1000);
	/* about 1100 bytes each: three fit 4096 */
	assert_int_equal(state_of(f).queue_blocks, 3);
	assert_true(state_of(f).queue_bytes <= 4096);
	assert_int_equal(state_of(f).dropped_blocks, 2);
	assert_int_equal(state_of(f).dropped_records, 20);
	/* only the first had been shown to the transport */
	assert_int_equal(f->fake.abandoned, 1);
	f->fake.open = MANY;
	assert_true(nc_ship_pump(f->ship));
	assert_int_equal(f->fake.count, 3);
	assert_int_equal(f->fake.taken[0], 3);
}

static void of_a_block_half_sent_only_the_rest_is_lost(void **state)
{
	struct fixture *f = *state;

	put(f, 1000);
	f->fake.part = 7;
	nc_ship_limit(f->ship, 0);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(state_of(f).dropped_records, 3);
	/* all of it was sent, but for the transport to say so */
	nc_ship_limit(f->ship, 4096);
	f->fake.part = 10;
	put(f, 1000);
	nc_ship_pump(f->ship);
	nc_ship_limit(f->ship, 0);
	assert_int_equal(state_of(f).dropped_records, 3);
}

static void a_block_beyond_the_limit_is_counted(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	put(f, 5000);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(state_of(f).dropped_blocks, 2);
	assert_int_equal(state_of(f).dropped_records, 20);
}

static void what_is_refused_blocks_nothing(void **state)
{
	struct fixture *f = *state;

	f->fake.refuse = true;
	f->fake.open = 2;
	put(f, 100);
	put(f, 100);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(state_of(f).dropped_records, 0);
	assert_int_equal(f->fake.t.state.records_dropped, 20);
}

static void nonsense_is_no_block(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	nc_ship_block(f->ship, f->block, f->n - 1);
	nc_ship_block(f->ship, f->block, 10);
	f->block[0] ^= 1;
	nc_ship_block(f->ship, f->block, f->n);
	assert_int_equal(state_of(f).queue_blocks, 1);
}

static void count_turn(void *user)
{
	((struct fixture *)user)->turns++;
}

/* A collector that comes back after a long time must not keep the daemon from its control socket and its workers. */
static void a_long_queue_lets_others_have_their_turn(void **state)
{
	struct fixture *f = *state;

	nc_ship_limit(f->ship, 1 << 20);
	for (unsigned i = 0; i < 4 * MANY; i++)
		put(f, 100);
	assert_int_equal(nc_loop_add_timer(f->loop, 0, 1, count_turn, f, NULL), 0);
	f->fake.open = UINT32_MAX;
	bool empty = nc_ship_pump(f->ship);
	assert_true(f->fake.count < MANY);
	while (!empty && f->fake.count < 4 * MANY)
		assert_int_equal(nc_loop_once(f->loop, 1000), 0);
	assert_true(f->turns > 3);
	assert_int_equal(state_of(f).queue_blocks, 0);
}

static void the_end_counts_what_is_left(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	put(f, 100);
	f->fake.part = 4;
	assert_int_equal(nc_ship_free(f->ship), 16);
	assert_true(f->fake.closed);
	f->ship = NULL;
	assert_int_equal(nc_ship_free(NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_can_be_sent_is_sent_at_once),
		TEST(what_waits_goes_in_order_when_it_can),
		TEST(the_oldest_go_beyond_the_limit),
		TEST(of_a_block_half_sent_only_the_rest_is_lost),
		TEST(a_block_beyond_the_limit_is_counted),
		TEST(what_is_refused_blocks_nothing),
		TEST(nonsense_is_no_block),
		TEST(a_long_queue_lets_others_have_their_turn),
		TEST(the_end_counts_what_is_left),
	};
	return cmocka_run_group_tests_name("ship", tests, NULL, NULL);
}
