/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded reader, arena, buffer: sticky failure and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rd.h"

static void reads_in_order(void **state)
{
	static const uint8_t b[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
	struct nc_rd r = nc_rd_over(b, sizeof(b));

	(void)state;
	assert_int_equal(nc_rd_u8(&r), 1);
	assert_int_equal(nc_rd_be16(&r), 0x0203);
	assert_int_equal(nc_rd_be24(&r), 0x040506);
	assert_int_equal(nc_rd_be32(&r), 0x0708090a);
	assert_int_equal(nc_rd_le16(&r), 0x0c0b);
	assert_int_equal(nc_rd_le32(&r), 0x100f0e0d);
	assert_int_equal(r.left, 1);
	assert_false(r.failed);
}

static void failure_sticks_and_consumes_nothing(void **state)
{
	static const uint8_t b[] = { 0xff, 0xff, 0xff };
	struct nc_rd r = nc_rd_over(b, sizeof(b));

	(void)state;
	assert_int_equal(nc_rd_be32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(r.left, 3);
	assert_int_equal(nc_rd_u8(&r), 0);
	assert_null(nc_rd_bytes(&r, 0));
	struct nc_rd sub = nc_rd_sub(&r, 1);
	assert_true(sub.failed);
}

static void huge_lengths_do_not_wrap(void **state)
{
	static const uint8_t b[4] = { 0 };
	struct nc_rd r = nc_rd_over(b, sizeof(b));

	(void)state;
	nc_rd_skip(&r, 1);
	assert_null(nc_rd_bytes(&r, SIZE_MAX));
	assert_true(r.failed);
}

static void sub_reader_takes_its_part(void **state)
{
	static const uint8_t b[] = { 1, 2, 3, 4 };
	struct nc_rd r = nc_rd_over(b, sizeof(b)), s = nc_rd_sub(&r, 3);

	(void)state;
	assert_int_equal(s.left, 3);
	assert_int_equal(nc_rd_be32(&s), 0);
	assert_true(s.failed);
	assert_int_equal(nc_rd_u8(&r), 4);
	nc_rd_trim(&r, 0);
	assert_false(r.failed);
}

static void varint_limits(void **state)
{
	static const uint8_t max[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 1 };
	static const uint8_t over[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 2 };
	static const uint8_t cut[] = { 0x80 };
	struct nc_rd r = nc_rd_over(max, sizeof(max));

	(void)state;
	assert_true(nc_rd_varint(&r) == UINT64_MAX);
	assert_false(r.failed);
	r = nc_rd_over(over, sizeof(over));
	nc_rd_varint(&r);
	assert_true(r.failed);
	r = nc_rd_over(cut, sizeof(cut));
	nc_rd_varint(&r);
	assert_true(r.failed);
}

static void arena_has_a_cap(void **state)
{
	_Alignas(16) uint8_t mem[64];
	struct nc_arena a;

	(void)state;
	nc_arena_init(&a, mem, sizeof(mem));
	assert_non_null(nc_arena_alloc(&a, 1));
	assert_int_equal(a.used, 8);
	assert_non_null(nc_arena_alloc(&a, 56));
	assert_null(nc_arena_alloc(&a, 1));
	assert_true(a.failed);
	nc_arena_reset(&a);
	assert_false(a.failed);
	assert_null(nc_arena_alloc(&a, SIZE_MAX));
	nc_arena_reset(&a);
	assert_null(nc_arena_calloc(&a, SIZE_MAX / 2, 4));
	assert_true(a.failed);
	nc_arena_reset(&a);
	assert_string_equal(nc_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(nc_arena_strndup(&a, "hello", 4), "hell");
}

static void buffer_has_a_limit(void **state)
{
	struct nc_buf b;

	(void)state;
	nc_buf_init(&b, 10);
	nc_buf_str(&b, "12345");
	nc_buf_str(&b, "678901");
	assert_true(b.failed);
	assert_int_equal(b.len, 5);
	nc_buf_str(&b, "6");
	assert_int_equal(b.len, 5);
	nc_buf_reset(&b);
	nc_buf_varint(&b, 300);
	assert_int_equal(b.len, 2);
	assert_int_equal(b.data[0], 0xac);
	assert_int_equal(b.data[1], 2);
	nc_buf_consume(&b, 1);
	assert_int_equal(b.data[0], 2);
	nc_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_order),
		cmocka_unit_test(failure_sticks_and_consumes_nothing),
		cmocka_unit_test(huge_lengths_do_not_wrap),
		cmocka_unit_test(sub_reader_takes_its_part),
		cmocka_unit_test(varint_limits),
		cmocka_unit_test(arena_has_a_cap),
		cmocka_unit_test(buffer_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
