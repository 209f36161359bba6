/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger: its sums, its form as counters, record and JSON, and what comes from a peer that lies. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rd.h"
#include "record/ledger.h"
#include "record/pack.h"

#define WHEN (INT64_C(1700000000) * 1000000000)

static int set_up(void **state)
{
	struct nc_ledger *l = malloc(sizeof(*l));

	assert_non_null(l);
	nc_ledger_init(l, WHEN, "north", 7);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void set(struct nc_ledger *l, const char *name, uint64_t value)
{
	assert_true(nc_ledger_set(l, name, value));
}

static void sums_close_or_tell_what_is_left(void **state)
{
	struct nc_ledger *l = *state;

	set(l, "PacketsSeen", 100);
	set(l, "PacketsDecoded", 90);
	set(l, "PacketsDroppedKernel", 4);
	set(l, "PacketsDroppedInterface", 3);
	set(l, "PacketsDroppedCrash", 2);
	assert_int_equal(nc_ledger_remainder(l, "packets"), 1);
	set(l, "PacketsDroppedStop", 1);
	assert_int_equal(nc_ledger_remainder(l, "packets"), 0);
	set(l, "PacketsFiltered", 5);
	assert_int_equal(nc_ledger_remainder(l, "packets"), -5);
	assert_int_equal(nc_ledger_remainder(l, "no such sum"), 0);
}

/* Each field of the schema stands in a sum, or is no number: a new one is not forgotten. */
static void every_number_is_in_a_sum(void **state)
{
	const ProtobufCMessageDescriptor *d = &types__loss_ledger__descriptor;

	(void)state;
	for (unsigned i = 0; i < d->n_fields; i++) {
		if (d->fields[i].type != PROTOBUF_C_TYPE_UINT64 || strcmp(d->fields[i].name, "Epoch") == 0)
			continue;
		struct nc_ledger *l = malloc(sizeof(*l));
		nc_ledger_init(l, WHEN, NULL, 0);
		set(l, d->fields[i].name, 987654);
		json_t *o = nc_ledger_json(l, true);
		char *text = json_dumps(o, 0);
		assert_non_null(strstr(text, ": 987654"));
		free(text);
		json_decref(o);
		free(l);
	}
}

static void comes_back_from_its_record(void **state)
{
	struct nc_ledger *l = *state, *again = malloc(sizeof(*again));
	struct nc_buf out = { 0 };

	set(l, "RecordsBuilt", UINT64_MAX);
	set(l, "RecordsDroppedMemory", 12);
	nc_ledger_drop(l, "HTTP", "memory", 12);
	nc_ledger_drop(l, "TCP", "memory", 0);
	nc_ledger_pack(l, &out);
	struct nc_rd r = nc_rd_over(out.data, out.len);
	uint64_t n = nc_rd_varint(&r);
	assert_int_equal(n, r.left);
	assert_true(nc_record_valid(&types__loss_ledger__descriptor, r.p, r.left, true));
	assert_int_equal(nc_ledger_parse(again, r.p, r.left), 0);
	assert_string_equal(again->m.timestamp, "1700000000.000000");
	assert_int_equal(again->m.epoch, 7);
	assert_int_equal(again->m.recordsbuilt, UINT64_MAX);
	assert_int_equal(again->m.n_drops, 1);
	assert_string_equal(again->m.drops[0]->type, "HTTP");
	assert_string_equal(again->m.drops[0]->reason, "memory");
	assert_int_equal(again->m.drops[0]->records, 12);
	assert_int_equal(nc_ledger_parse(again, (const uint8_t *)"\xff\xff", 2), -EBADMSG);
	nc_buf_free(&out);
	free(again);
}

static void comes_back_from_its_counters(void **state)
{
	struct nc_ledger *l = *state, *again = malloc(sizeof(*again));
	struct nc_ledger_counter list[NC_LEDGER_COUNTERS_MAX];

	set(l, "BlocksBuilt", 3);
	set(l, "PacketsSeen", 9);
	for (unsigned i = 0; i < NC_LEDGER_DROPS_MAX + 10; i++)
		nc_ledger_drop(l, "DNS", i % 2 ? "memory" : "spool", i + 1);
	size_t n = nc_ledger_counters(l, list);
	assert_int_equal(n, NC_LEDGER_DROPS_MAX + 2);
	nc_ledger_init(again, WHEN, NULL, 7);
	for (size_t i = 0; i < n; i++)
		set(again, list[i].name, list[i].value);
	assert_int_equal(again->m.blocksbuilt, 3);
	assert_int_equal(again->m.packetsseen, 9);
	assert_int_equal(again->m.n_drops, NC_LEDGER_DROPS_MAX);
	assert_string_equal(again->m.drops[1]->reason, "memory");
	free(again);
}

static void names_of_a_liar(void **state)
{
	static const char *const wrong[] = {
		"", "Timestamp", "Drops", "Nothing", "Drop/", "Drop//", "Drop/HTTP", "Drop/HTTP/", "Drop/HTTP/Memory", "Drop/HTTP/a\nb",
		"Drop/HTTP/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct nc_ledger *l = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(nc_ledger_set(l, wrong[i], 1));
	/* a type that is not known here is named so, and a name of ours is never made of what came */
	set(l, "Drop/../../etc/memory", 5);
	assert_string_equal(l->m.drops[0]->type, "unknown");
	for (unsigned i = 0; i < NC_LEDGER_DROPS_MAX - 1; i++)
		set(l, "Drop/TCP/spool", 1);
	assert_false(nc_ledger_set(l, "Drop/TCP/spool", 1));
}

static void json_names_sum_and_remainder(void **state)
{
	struct nc_ledger *l = *state;
	json_t *o, *sum;

	set(l, "RecordsBuilt", 10);
	set(l, "RecordsAcknowledged", 4);
	nc_ledger_drop(l, "SSH", "spool", 1);
	o = nc_ledger_json(l, false);
	assert_null(json_object_get(o, "collector"));
	assert_null(json_object_get(o, "delivery"));
	sum = json_object_get(o, "records");
	assert_int_equal(json_integer_value(json_object_get(sum, "remainder")), 6);
	assert_int_equal(json_integer_value(json_object_get(sum, "built")), 10);
	assert_non_null(strstr(json_string_value(json_object_get(sum, "sum")), "built + recovered = acknowledged + "));
	assert_int_equal(json_array_size(json_object_get(o, "drops")), 1);
	json_decref(o);
	o = nc_ledger_json(l, true);
	assert_non_null(json_object_get(o, "delivery"));
	json_decref(o);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sums_close_or_tell_what_is_left),
		TEST(every_number_is_in_a_sum),
		TEST(comes_back_from_its_record),
		TEST(comes_back_from_its_counters),
		TEST(names_of_a_liar),
		TEST(json_names_sum_and_remainder),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
