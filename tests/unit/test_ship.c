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

#include "fixture.h"
#include "record/type.h"
#include "sensord/ship.h"

#define MANY  100u
#define LIMIT 4096u /* memory of the queue: three blocks of 1000 bytes */

/* What a transport was given. */
struct taken {
	uint64_t seq;
	bool sealed;
};

/* A transport that takes what it is told to take. */
struct fake {
	struct nc_transport t; /* first */
	struct taken taken[4 * MANY];
	unsigned count;
	unsigned open;        /* so many blocks it takes, then it says not now */
	uint32_t part;        /* records of the block in hand that were sent when it said so */
	unsigned abandoned;
	bool refuse, closed;
	bool slow;            /* nothing is durable before it is said */
	uint32_t too_large;   /* records of each block that it can't send */
};

static int fake_submit(struct nc_transport *t, const struct nc_transport_block *b)
{
	struct fake *f = (struct fake *)t;

	if (f->open == 0)
		return -EAGAIN;
	f->open--;
	if (f->refuse)
		return -EBADMSG;
	assert_true(f->count < 4 * MANY);
	assert_int_equal(b->len, b->sealed ? b->info.size + 48 : b->info.size);
	f->taken[f->count++] = (struct taken){ .seq = b->info.seq, .sealed = b->sealed };
	if (f->too_large)
		t->events->left_out(t->user, b->info.epoch, b->info.seq, f->too_large);
	if (!f->slow)
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
	uint64_t epoch, seq;
	unsigned turns;
	struct nc_keypair *collector;
	char dir[NC_TEST_FOLDER];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->fake.t = (struct nc_transport){ .submit = fake_submit, .abandon = fake_abandon, .close = fake_close };
	f->deflater = nc_deflater_new(0);
	f->collector = nc_test_keys();
	f->epoch = 1;
	assert_int_equal(nc_loop_new(&f->loop), 0);
	assert_int_equal(nc_ship_new(f->loop, &f->fake.t, LIMIT, &f->ship), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	nc_ship_free(f->ship, NULL);
	nc_loop_free(f->loop);
	nc_deflater_free(f->deflater);
	nc_keypair_free(f->collector);
	if (f->dir[0])
		nc_test_remove(f->dir);
	free(f);
	return 0;
}

/* A block of 10 records of the type and about `size` bytes into the queue. */
static void put_kind(struct fixture *f, unsigned kind, unsigned type, size_t size)
{
	static const uint8_t zeros[8000];
	struct nc_block_info info = { .kind = (uint8_t)kind, .type = (uint16_t)type, .count = 10 };

	f->n = nc_block_build(f->deflater, &info, zeros, size, f->block, sizeof(f->block));
	assert_true(f->n > 0);
	nc_block_stamp(f->block, f->epoch, ++f->seq);
	nc_ship_block(f->ship, f->block, f->n, 10);
}

static void put_type(struct fixture *f, unsigned type, size_t size)
{
	put_kind(f, NC_BLOCK_RECORDS, type, size);
}

static void put(struct fixture *f, size_t size)
{
	put_type(f, TYPES__TYPE__NC_TCP, size);
}

static void add(struct nc_ship_tally *sum, const struct nc_ship_tally *t)
{
	sum->blocks += t->blocks;
	sum->records += t->records;
}

/* What has come in has gone out or is here, whatever happened. */
static struct nc_ship_state state_of(const struct fixture *f)
{
	struct nc_ship_state s;
	struct nc_transport_state t;
	struct nc_ship_tally out = { 0 };

	nc_ship_get_state(f->ship, &s, &t);
	add(&out, &s.acknowledged);
	add(&out, &s.waiting);
	for (unsigned r = 0; r < NC_SHIP_REASONS; r++) {
		uint64_t types = 0;
		add(&out, &s.dropped[r]);
		for (size_t i = 0; i <= NC_TYPES_MAX; i++)
			types += s.dropped_types[r][i];
		assert_int_equal(types, s.dropped[r].records);
	}
	assert_int_equal(s.built.blocks + s.recovered.blocks, out.blocks);
	assert_int_equal(s.built.records + s.recovered.records, out.records);
	return s;
}

static uint64_t dropped(const struct fixture *f, enum nc_ship_reason r)
{
	return state_of(f).dropped[r].records;
}

static uint64_t dropped_type(const struct fixture *f, enum nc_ship_reason r, unsigned type)
{
	return state_of(f).dropped_types[r][nc_spool_slot((uint16_t)type)];
}

static void expect_taken(const struct fixture *f, const uint64_t *seqs, unsigned n)
{
	assert_int_equal(f->fake.count, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(f->fake.taken[i].seq, seqs[i]);
}

#define EXPECT_TAKEN(f, ...) \
	expect_taken(f, (const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static void pump_all(struct fixture *f)
{
	f->fake.open = UINT32_MAX;
	while (!nc_ship_pump(f->ship) && !f->fake.slow)
		assert_int_equal(nc_loop_once(f->loop, 1000), 0);
}

static void what_can_be_sent_is_sent_at_once(void **state)
{
	struct fixture *f = *state;

	f->fake.open = 3;
	for (unsigned i = 0; i < 3; i++)
		put(f, 100);
	assert_int_equal(f->fake.count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(f->fake.taken[i].seq, i + 1);
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
	assert_int_equal(f->fake.taken[2].seq, 3);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 0);
}

static void the_oldest_go_beyond_the_limit(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 5; i++)
		put(f, 1000);
	/* about 1100 bytes each: three fit 4096 */
	assert_int_equal(state_of(f).queue_blocks, 3);
	assert_true(state_of(f).queue_bytes <= 4096);
	assert_int_equal(state_of(f).dropped[NC_SHIP_MEMORY].blocks, 2);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 20);
	/* only the first had been shown to the transport */
	assert_int_equal(f->fake.abandoned, 1);
	f->fake.open = MANY;
	assert_true(nc_ship_pump(f->ship));
	assert_int_equal(f->fake.count, 3);
	assert_int_equal(f->fake.taken[0].seq, 3);
}

static void of_a_block_half_sent_only_the_rest_is_lost(void **state)
{
	struct fixture *f = *state;

	put(f, 1000);
	f->fake.part = 7;
	nc_ship_limit(f->ship, 0, 0);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 3);
	/* all of it was sent, but for the transport to say so */
	nc_ship_limit(f->ship, LIMIT, 0);
	f->fake.part = 10;
	put(f, 1000);
	nc_ship_pump(f->ship);
	nc_ship_limit(f->ship, 0, 0);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 3);
}

static void a_block_beyond_the_limit_is_counted(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	put(f, 5000);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(state_of(f).dropped[NC_SHIP_MEMORY].blocks, 2);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 20);
}

static void what_is_refused_blocks_nothing(void **state)
{
	struct fixture *f = *state;

	f->fake.refuse = true;
	f->fake.open = 2;
	put(f, 100);
	put(f, 100);
	assert_int_equal(state_of(f).queue_blocks, 0);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 0);
	assert_int_equal(dropped(f, NC_SHIP_UNSENDABLE), 20);
}

static void nonsense_is_no_block(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	nc_ship_block(f->ship, f->block, f->n - 1, 3);
	nc_ship_block(f->ship, f->block, 10, 4);
	f->block[0] ^= 1;
	nc_ship_block(f->ship, f->block, f->n, 5);
	assert_int_equal(state_of(f).queue_blocks, 1);
	assert_true(dropped(f, NC_SHIP_DAMAGE) >= 9);
}

static void count_turn(void *user)
{
	((struct fixture *)user)->turns++;
}

/* A collector that comes back after a long time must not keep the daemon from its control socket and its workers. */
static void a_long_queue_lets_others_have_their_turn(void **state)
{
	struct fixture *f = *state;

	nc_ship_limit(f->ship, 1 << 20, 0);
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

/* The attempt for later that is set does not hold up the blocks beyond a round. */
static void ready_means_now_for_all(void **state)
{
	struct fixture *f = *state;

	nc_ship_limit(f->ship, 1 << 20, 0);
	for (unsigned i = 0; i < MANY; i++)
		put(f, 100);
	assert_int_equal(f->fake.count, 0);
	f->fake.open = UINT32_MAX;
	f->fake.t.events->ready(f->fake.t.user);
	for (unsigned i = 0; i < MANY && f->fake.count < MANY; i++) {
		unsigned before = f->fake.count;
		assert_int_equal(nc_loop_once(f->loop, 0), 0);
		assert_true(f->fake.count > before);
	}
	assert_int_equal(f->fake.count, MANY);
}

static void the_end_counts_what_is_left(void **state)
{
	struct fixture *f = *state;

	put(f, 100);
	put(f, 100);
	f->fake.part = 4;
	assert_int_equal(nc_ship_free(f->ship, NULL), 16);
	assert_true(f->fake.closed);
	f->ship = NULL;
	assert_int_equal(nc_ship_free(NULL, NULL), 0);
}

/* Three blocks fit. */
static void the_lower_rank_goes_first(void **state)
{
	struct fixture *f = *state;

	put_type(f, TYPES__TYPE__NC_LossLedger, 1000); /* 1 */
	put_type(f, TYPES__TYPE__NC_Connection, 1000); /* 2 */
	put_kind(f, NC_BLOCK_PACKETS, 0, 1000);        /* 3 */
	put_type(f, TYPES__TYPE__NC_TCP, 1000);        /* 4 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, 0), 10);
	put_type(f, TYPES__TYPE__NC_HTTP, 1000);       /* 5 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_TCP), 10);
	/* nothing of its own rank or a lower one is there: it goes itself */
	put_type(f, TYPES__TYPE__NC_UDP, 1000);        /* 6 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_UDP), 10);
	put_type(f, TYPES__TYPE__NC_SSH, 1000);        /* 7 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_Connection), 10);
	put_type(f, TYPES__TYPE__NC_LossLedger, 1000); /* 8 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_HTTP), 10);
	put_type(f, TYPES__TYPE__NC_LossLedger, 1000); /* 9 */
	put_type(f, TYPES__TYPE__NC_LossLedger, 1000); /* 10 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_LossLedger), 10);
	f->fake.count = 0;
	pump_all(f);
	EXPECT_TAKEN(f, 8, 9, 10);
}

static void every_listed_type_outlives_others(void **state)
{
	static const unsigned types[] = {
		TYPES__TYPE__NC_Flow, TYPES__TYPE__NC_Connection, TYPES__TYPE__NC_LinkFlow, TYPES__TYPE__NC_NetworkFlow,
		TYPES__TYPE__NC_TransportFlow, TYPES__TYPE__NC_TLSClientHello, TYPES__TYPE__NC_HTTP,
		TYPES__TYPE__NC_TLSServerHello, TYPES__TYPE__NC_SSH, TYPES__TYPE__NC_LossLedger,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		nc_ship_limit(f->ship, LIMIT, 0);
		put_type(f, types[i], 100);
		for (unsigned k = 0; k < 4; k++)
			put_type(f, TYPES__TYPE__NC_DNS, 1000);
		assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, types[i]), 0);
		nc_ship_limit(f->ship, 0, 0);
	}
}

static void stays_until_it_is_durable(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	f->fake.slow = true;
	f->fake.open = 3;
	for (unsigned i = 0; i < 3; i++)
		put(f, 100);
	assert_int_equal(f->fake.count, 3);
	assert_int_equal(state_of(f).waiting.blocks, 3);
	assert_int_equal(state_of(f).sent.blocks, 3);
	ev->durable(f->ship, 2, 1, 3); /* another epoch */
	ev->durable(f->ship, 1, 4, UINT64_MAX);
	ev->durable(f->ship, 1, 3, 1);
	assert_int_equal(state_of(f).acknowledged.blocks, 0);
	ev->durable(f->ship, 1, 2, 2);
	assert_int_equal(state_of(f).acknowledged.blocks, 1);
	assert_int_equal(state_of(f).queue_bytes, 2 * f->n);
	ev->durable(f->ship, 1, 0, UINT64_MAX);
	assert_int_equal(state_of(f).acknowledged.records, 30);
	assert_int_equal(state_of(f).queue_bytes, 0);
	assert_true(nc_ship_pump(f->ship));
}

static void comes_again_after_a_break(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	f->fake.slow = true;
	f->fake.open = 3;
	for (unsigned i = 0; i < 4; i++)
		put(f, 100);
	ev->durable(f->ship, 1, 2, 2);
	ev->lost(f->ship);
	assert_int_equal(state_of(f).waiting.blocks, 3);
	f->fake.count = 0;
	f->fake.slow = false;
	pump_all(f);
	EXPECT_TAKEN(f, 1, 3, 4);
	assert_int_equal(state_of(f).acknowledged.blocks, 4);
	assert_int_equal(state_of(f).sent.blocks, 6);
}

/* The collector tells what it had before the break. */
static void is_not_sent_again_when_it_was_durable(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	f->fake.slow = true;
	f->fake.open = 3;
	for (unsigned i = 0; i < 3; i++)
		put(f, 100);
	ev->lost(f->ship);
	ev->durable(f->ship, 1, 1, 2);
	f->fake.count = 0;
	f->fake.open = 10;
	f->fake.slow = false;
	ev->ready(f->ship);
	EXPECT_TAKEN(f, 3);
	assert_int_equal(state_of(f).acknowledged.blocks, 3);
}

static void on_its_way_it_goes_last(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	f->fake.slow = true;
	f->fake.open = 3;
	for (unsigned i = 0; i < 3; i++)
		put(f, 1000);
	put(f, 1000); /* 4: of no higher rank than those on their way */
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 10);
	put_type(f, TYPES__TYPE__NC_SSH, 1000);        /* 5: in the memory of 1, whose fate is open */
	put_type(f, TYPES__TYPE__NC_LossLedger, 1000); /* 6: in that of 5 */
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_SSH), 10);
	nc_ship_limit(f->ship, LIMIT - 1000, 0);
	assert_int_equal(dropped_type(f, NC_SHIP_MEMORY, TYPES__TYPE__NC_LossLedger), 10);
	put_type(f, TYPES__TYPE__NC_LossLedger, 1000); /* 7: in that of 2 */
	assert_int_equal(dropped(f, NC_SHIP_FLIGHT), 0);
	ev->durable(f->ship, 1, 1, 1);
	assert_int_equal(state_of(f).acknowledged.records, 10);
	ev->lost(f->ship);
	assert_int_equal(dropped_type(f, NC_SHIP_FLIGHT, TYPES__TYPE__NC_TCP), 10);
	f->fake.count = 0;
	f->fake.slow = false;
	pump_all(f);
	EXPECT_TAKEN(f, 3, 7);
}

static void what_the_collector_refuses_for_good_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	f->fake.slow = true;
	f->fake.open = 2;
	put(f, 100);
	put(f, 100);
	ev->rejected(f->ship, 1, 1, true, "no\nway");
	ev->rejected(f->ship, 1, 9, true, "nobody");
	assert_int_equal(dropped(f, NC_SHIP_REJECTED), 10);
	assert_string_equal(state_of(f).rejected, "no\\x0away");
	assert_int_equal(state_of(f).waiting.blocks, 1);
}

static void what_the_collector_cannot_take_now_comes_later(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	f->fake.slow = true;
	f->fake.open = 10;
	put(f, 100);
	put(f, 100);
	ev->rejected(f->ship, 1, 1, false, "disk full");
	assert_false(nc_ship_pump(f->ship));
	/* not at once, while others pass */
	put(f, 100);
	EXPECT_TAKEN(f, 1, 2, 3);
	ev->durable(f->ship, 1, 2, 3);
	f->fake.slow = false;
	while (f->fake.count < 4)
		assert_int_equal(nc_loop_once(f->loop, 2000), 0);
	EXPECT_TAKEN(f, 1, 2, 3, 1);
	assert_int_equal(state_of(f).acknowledged.blocks, 3);
}

static void records_too_large_are_counted_apart(void **state)
{
	struct fixture *f = *state;

	f->fake.open = 2;
	f->fake.too_large = 4;
	put(f, 100);
	assert_int_equal(dropped(f, NC_SHIP_UNSENDABLE), 4);
	assert_int_equal(state_of(f).acknowledged.records, 6);
	f->fake.too_large = 999;
	put(f, 100);
	assert_int_equal(dropped(f, NC_SHIP_UNSENDABLE), 14);
}

/* --- with a spool ------------------------------------------------------------------------------------------------------------
 */

static void set_spool(struct fixture *f)
{
	struct nc_spool *spool;
	struct nc_buf err = { 0 };

	if (!f->dir[0])
		nc_test_folder(f->dir);
	assert_int_equal(nc_spool_open(f->dir, NC_SPOOL_LIMIT_MIN, f->collector->pub, &spool, &err), 0);
	f->fake.t.abandon = NULL;
	nc_ship_set_spool(f->ship, spool);
}

/* The daemon ends and starts again. Returns the records that were given up. */
static uint64_t restart(struct fixture *f, uint64_t *kept)
{
	uint64_t left = nc_ship_free(f->ship, kept);

	f->fake.count = 0;
	f->fake.open = 0;
	f->epoch++;
	f->seq = 100 * f->epoch;
	assert_int_equal(nc_ship_new(f->loop, &f->fake.t, LIMIT, &f->ship), 0);
	set_spool(f);
	return left;
}

static void what_finds_no_memory_goes_to_disk(void **state)
{
	struct fixture *f = *state;

	set_spool(f);
	for (unsigned i = 0; i < 10; i++)
		put(f, 1000);
	assert_int_equal(state_of(f).spooled.blocks, 7);
	assert_int_equal(state_of(f).queue_blocks, 3);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 0);
	pump_all(f);
	EXPECT_TAKEN(f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
	assert_true(f->fake.taken[6].sealed);
	assert_false(f->fake.taken[7].sealed);
	assert_int_equal(state_of(f).acknowledged.records, 100);
	assert_int_equal(state_of(f).spool.bytes, 0);
}

static void what_is_too_large_for_memory_goes_to_disk(void **state)
{
	struct fixture *f = *state;

	set_spool(f);
	put(f, 5000);
	assert_int_equal(state_of(f).spooled.blocks, 1);
	pump_all(f);
	EXPECT_TAKEN(f, 1);
}

/* Some on their way, some on disk, some in memory. */
static void all_of_it_outlives_a_restart_in_order(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;
	uint64_t kept;

	set_spool(f);
	f->fake.slow = true;
	f->fake.open = 2;
	for (unsigned i = 0; i < 8; i++)
		put(f, 1000);
	assert_int_equal(f->fake.count, 2);
	assert_int_equal(state_of(f).spooled.blocks, 5);
	f->fake.open = 1;
	ev->durable(f->ship, 1, 1, 1);
	ev->ready(f->ship); /* 3 comes from the disk */
	EXPECT_TAKEN(f, 1, 2, 3);
	assert_true(f->fake.taken[2].sealed);
	assert_int_equal(restart(f, &kept), 0);
	assert_int_equal(kept, 70);
	assert_int_equal(state_of(f).recovered.blocks, 7);
	put(f, 100);
	f->fake.slow = false;
	pump_all(f);
	EXPECT_TAKEN(f, 2, 3, 4, 5, 6, 7, 8, 201);
	assert_int_equal(state_of(f).acknowledged.blocks, 8);
}

static void from_the_disk_again_after_a_break(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	set_spool(f);
	for (unsigned i = 0; i < 6; i++)
		put(f, 1000);
	f->fake.slow = true;
	f->fake.open = 2;
	(void)nc_ship_pump(f->ship);
	EXPECT_TAKEN(f, 1, 2);
	ev->lost(f->ship);
	f->fake.count = 0;
	f->fake.slow = false;
	pump_all(f);
	EXPECT_TAKEN(f, 1, 2, 3, 4, 5, 6);
	assert_int_equal(state_of(f).spool.files, 0);
}

static void beyond_the_limit_of_the_disk_it_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_events *ev = f->fake.t.events;

	set_spool(f);
	f->fake.slow = true;
	f->fake.open = 1;
	for (unsigned i = 0; i < 4; i++)
		put(f, 7000);
	assert_int_equal(f->fake.count, 1); /* from the disk, on its way */
	for (unsigned i = 0; i < 3000; i++)
		put(f, 7000);
	struct nc_ship_state s = state_of(f);
	assert_true(s.dropped[NC_SHIP_SPOOL].blocks > 100);
	assert_true(s.spool.bytes <= NC_SPOOL_LIMIT_MIN);
	/* its file has gone meanwhile, but it arrived */
	ev->durable(f->ship, 1, 1, 1);
	assert_int_equal(state_of(f).acknowledged.blocks, 1);
	f->fake.open = 1;
	(void)nc_ship_pump(f->ship);
	assert_int_equal(f->fake.count, 2);
	for (unsigned i = 0; i < 3000; i++)
		put(f, 7000);
	uint64_t before = dropped(f, NC_SHIP_SPOOL);
	ev->lost(f->ship);
	f->fake.open = 1;
	(void)nc_ship_pump(f->ship);
	assert_int_equal(dropped(f, NC_SHIP_SPOOL), before + 20); /* one on its way, and the next one */
}

/* A disk that fails is no reason to stop: it is as without a spool, and comes back by itself. */
static void without_its_disk_it_goes_on(void **state)
{
	struct fixture *f = *state;

	set_spool(f);
	nc_test_remove(f->dir);
	for (unsigned i = 0; i < 10; i++)
		put(f, 1000);
	assert_int_equal(dropped(f, NC_SHIP_MEMORY), 70);
	assert_true(state_of(f).spool.failures > 0);
	pump_all(f);
	EXPECT_TAKEN(f, 8, 9, 10);
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
		TEST(ready_means_now_for_all),
		TEST(the_end_counts_what_is_left),
		TEST(the_lower_rank_goes_first),
		TEST(every_listed_type_outlives_others),
		TEST(stays_until_it_is_durable),
		TEST(comes_again_after_a_break),
		TEST(is_not_sent_again_when_it_was_durable),
		TEST(on_its_way_it_goes_last),
		TEST(what_the_collector_refuses_for_good_is_counted),
		TEST(what_the_collector_cannot_take_now_comes_later),
		TEST(records_too_large_are_counted_apart),
		TEST(what_finds_no_memory_goes_to_disk),
		TEST(what_is_too_large_for_memory_goes_to_disk),
		TEST(all_of_it_outlives_a_restart_in_order),
		TEST(from_the_disk_again_after_a_break),
		TEST(beyond_the_limit_of_the_disk_it_is_counted),
		TEST(without_its_disk_it_goes_on),
	};
	return nc_keys_init() < 0 ? 1 : cmocka_run_group_tests_name("ship", tests, NULL, NULL);
}
