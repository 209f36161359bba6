/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks: the exact bytes, round trips at all levels, and every kind of damage. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "block/block.h"

static const struct nc_block_info sample = {
	.kind = NC_BLOCK_RECORDS,
	.type = 0x1234,
	.count = 7,
	.first_ns = INT64_C(1331904607290000000),
	.last_ns = INT64_C(1331904608000000001),
	.epoch = UINT64_C(0x1122334455667788),
	.seq = UINT64_C(0x99aabbccddeeff00),
};

static size_t build_level(int level, const void *data, size_t n, uint8_t *dst, size_t room)
{
	struct nc_deflater *d = nc_deflater_new(level);
	struct nc_block_info info = sample;

	assert_non_null(d);
	size_t size = nc_block_build(d, &info, data, n, dst, room);
	if (size)
		assert_int_equal(info.size, size);
	nc_deflater_free(d);
	return size;
}

static size_t build(const void *data, size_t n, uint8_t *dst, size_t room)
{
	return build_level(1, data, n, dst, room);
}

static int try_open(const uint8_t *p, size_t n, struct nc_buf *out)
{
	struct nc_inflater *i = nc_inflater_new();

	assert_non_null(i);
	int rc = nc_block_open(i, p, n, out);
	nc_inflater_free(i);
	return rc;
}

/* Bytes that compress a little. */
static uint8_t *some_bytes(size_t n, unsigned seed)
{
	uint8_t *p = malloc(n ? n : 1);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		p[i] = (uint8_t)(seed >> (16 + i % 7));
	}
	return p;
}

static void test_exact_header(void **state)
{
	static const uint8_t want[NC_BLOCK_HEADER_LEN] = {
		0x1f, 0x8b, 8, 4, 0x60, 0x40, 0x63, 0x4f, 4, 0xff, 48, 0, 'N', 'C', 44, 0,
		1, 1, 0x34, 0x12, 0, 0, 0, 0, 7, 0, 0, 0,
	};
	uint8_t block[256], expected[NC_BLOCK_HEADER_LEN];
	(void)state;
	size_t size = build("abc", 3, block, sizeof(block));

	assert_int_not_equal(size, 0);
	memcpy(expected, want, sizeof(want));
	expected[20] = (uint8_t)size;
	const uint64_t words[] = { (uint64_t)sample.first_ns, (uint64_t)sample.last_ns, sample.epoch, sample.seq };
	for (size_t w = 0; w < 4; w++) {
		for (size_t i = 0; i < 8; i++)
			expected[28 + 8 * w + i] = (uint8_t)(words[w] >> (8 * i));
	}
	assert_memory_equal(block, expected, sizeof(expected));
	/* CRC-32 of "abc" and its length */
	static const uint8_t trailer[] = { 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0 };
	assert_memory_equal(block + size - 8, trailer, sizeof(trailer));
}

static void test_mtime_is_clipped(void **state)
{
	static const struct {
		int64_t ns;
		uint8_t mtime[4];
	} cases[] = {
		{ -1, { 0, 0, 0, 0 } },
		{ INT64_MIN, { 0, 0, 0, 0 } },
		{ 0, { 0, 0, 0, 0 } },
		{ INT64_C(1999999999), { 1, 0, 0, 0 } },
		{ INT64_C(4294967295999999999), { 0xff, 0xff, 0xff, 0xff } },
		{ INT64_C(4294967296000000000), { 0xff, 0xff, 0xff, 0xff } },
		{ INT64_MAX, { 0xff, 0xff, 0xff, 0xff } },
	};
	struct nc_deflater *d = nc_deflater_new(1);
	uint8_t block[256];
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nc_block_info info = sample, back;
		info.last_ns = cases[i].ns;
		assert_int_not_equal(nc_block_build(d, &info, "x", 1, block, sizeof(block)), 0);
		assert_memory_equal(block + 4, cases[i].mtime, 4);
		assert_int_equal(nc_block_info(block, sizeof(block), &back), 0);
		assert_true(back.last_ns == cases[i].ns);
	}
	nc_deflater_free(d);
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 65535, 65536, 1000000, NC_BLOCK_INFLATED_MAX };
	struct nc_buf out = { 0 };
	(void)state;

	for (int level = 0; level <= 12; level++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			if (level > 1 && sizes[k] > 65536)
				continue; /* time */
			uint8_t *data = some_bytes(sizes[k], (unsigned)level), *block = malloc(nc_block_bound(sizes[k]));
			struct nc_block_info info;
			size_t n = build_level(level, data, sizes[k], block, nc_block_bound(sizes[k]));
			assert_int_not_equal(n, 0);
			assert_int_equal(nc_block_info(block, n, &info), 0);
			assert_int_equal(info.size, n);
			assert_int_equal(info.kind, sample.kind);
			assert_int_equal(info.type, sample.type);
			assert_int_equal(info.count, sample.count);
			assert_true(info.first_ns == sample.first_ns && info.last_ns == sample.last_ns);
			assert_true(info.epoch == sample.epoch && info.seq == sample.seq);
			assert_int_equal(try_open(block, n, &out), 0);
			assert_int_equal(out.len, sizes[k]);
			assert_memory_equal(out.data, data, sizes[k]);
			free(block);
			free(data);
		}
	}
	nc_buf_free(&out);
}

/* gunzip's view: zlib must open what we build. */
static void test_zlib_opens_it(void **state)
{
	uint8_t *data = some_bytes(50000, 3), block[60000], back[50001];
	(void)state;
	size_t n = build(data, 50000, block, sizeof(block));
	z_stream z = { .next_in = block, .avail_in = (unsigned)n, .next_out = back, .avail_out = sizeof(back) };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, 50000);
	assert_int_equal(z.total_in, n);
	assert_memory_equal(back, data, 50000);
	inflateEnd(&z);
	free(data);
}

static void test_bounds(void **state)
{
	uint8_t *data = some_bytes(NC_BLOCK_INFLATED_MAX + 1, 9), *block = malloc(NC_BLOCK_SIZE_MAX + 100);
	(void)state;

	assert_true(nc_block_bound(NC_BLOCK_INFLATED_MAX) <= NC_BLOCK_SIZE_MAX);
	assert_int_equal(build(data, NC_BLOCK_INFLATED_MAX + 1, block, NC_BLOCK_SIZE_MAX + 100), 0);
	/* any room that is too small is refused and nothing behind it is touched */
	size_t full = build(data, 300, block, NC_BLOCK_SIZE_MAX);
	for (size_t room = 0; room < full; room++) {
		uint8_t *exact = malloc(room ? room : 1);
		assert_int_equal(build(data, 300, exact, room), 0);
		free(exact);
	}
	free(block);
	free(data);
}

static void test_stamp(void **state)
{
	uint8_t block[256];
	struct nc_block_info info;
	struct nc_buf out = { 0 };
	(void)state;
	size_t n = build("abc", 3, block, sizeof(block));

	nc_block_stamp(block, UINT64_MAX, 42);
	assert_int_equal(nc_block_info(block, n, &info), 0);
	assert_true(info.epoch == UINT64_MAX);
	assert_true(info.seq == 42);
	assert_int_equal(info.count, sample.count);
	assert_true(info.last_ns == sample.last_ns);
	assert_int_equal(try_open(block, n, &out), 0);
	nc_buf_free(&out);
}

static void test_info_of_prefixes(void **state)
{
	uint8_t block[256];
	struct nc_block_info info;
	(void)state;
	size_t size = build("abc", 3, block, sizeof(block));

	for (size_t n = 0; n < NC_BLOCK_HEADER_LEN; n++) {
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, block, n);
		assert_int_equal(nc_block_info(exact, n, &info), -EAGAIN);
		free(exact);
	}
	assert_int_equal(nc_block_info(block, NC_BLOCK_HEADER_LEN, &info), 0);
	assert_int_equal(info.size, size);
}

static int info_with(size_t at, uint8_t value)
{
	uint8_t block[256];
	struct nc_block_info info;

	build("abc", 3, block, sizeof(block));
	block[at] = value;
	return nc_block_info(block, sizeof(block), &info);
}

static void test_info_refuses(void **state)
{
	(void)state;
	assert_int_equal(info_with(0, 0x1e), -EBADMSG);
	assert_int_equal(info_with(1, 0x8c), -EBADMSG);
	assert_int_equal(info_with(2, 7), -EBADMSG);
	assert_int_equal(info_with(3, 0), -ENOMSG);
	assert_int_equal(info_with(3, 0x0c), -ENOMSG); /* a name too: not as we write it */
	assert_int_equal(info_with(3, 0x84), -EBADMSG); /* reserved flag */
	for (size_t i = 4; i < 10; i++)
		assert_int_equal(info_with(i, 0x5a), 0);
	for (size_t i = 10; i < 16; i++)
		assert_int_equal(info_with(i, 0x5a), -ENOMSG);
	assert_int_equal(info_with(16, 0), -EBADMSG);
	assert_int_equal(info_with(16, 2), -EBADMSG);
	assert_int_equal(info_with(17, 4), -EBADMSG);
	assert_int_equal(info_with(17, 3), 0);
	assert_int_equal(info_with(20, 69), -EBADMSG); /* less than header, empty deflate and trailer */
	assert_int_equal(info_with(20, 70), 0);
	assert_int_equal(info_with(22, 0x11), -EBADMSG); /* beyond NC_BLOCK_SIZE_MAX */
	assert_int_equal(info_with(23, 0x80), -EBADMSG);
}

static void test_newer(void **state)
{
	uint8_t block[256];
	(void)state;

	build("abc", 3, block, sizeof(block));
	assert_false(nc_block_newer(block, sizeof(block)));
	block[16] = 2;
	assert_true(nc_block_newer(block, 17));
	assert_false(nc_block_newer(block, 16));
	block[12] = 'X';
	assert_false(nc_block_newer(block, sizeof(block)));
}

/* No single changed byte behind the header goes unnoticed; in the header only what names the block is free. */
static void test_every_byte_matters(void **state)
{
	uint8_t *data = some_bytes(500, 5), block[1024], bad[1024];
	struct nc_buf out = { 0 };
	(void)state;
	for (size_t i = 0; i < 500; i++)
		data[i] &= 15; /* or it would be stored, with bits that mean nothing at its start */
	size_t n = build(data, 500, block, sizeof(block));

	for (size_t i = NC_BLOCK_HEADER_LEN; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, block, n);
			bad[i] ^= (uint8_t)(1u << bit);
			/* bits that pad the last deflate byte mean nothing */
			int rc = try_open(bad, n, &out);
			if (rc == 0) {
				assert_int_equal(i, n - NC_BLOCK_TRAILER_LEN - 1);
				assert_int_equal(out.len, 500);
				assert_memory_equal(out.data, data, 500);
			} else {
				assert_true(rc == -EBADMSG || rc == -E2BIG);
				assert_int_equal(out.len, 0);
			}
		}
	}
	nc_buf_free(&out);
	free(data);
}

static void test_every_cut(void **state)
{
	uint8_t *data = some_bytes(200, 6), block[512];
	struct nc_buf out = { 0 };
	(void)state;
	size_t n = build(data, 200, block, sizeof(block));

	for (size_t k = 0; k < n; k++) {
		uint8_t *exact = malloc(k ? k : 1);
		memcpy(exact, block, k);
		assert_int_equal(try_open(exact, k, &out), -EBADMSG);
		/* with a size that fits the cut the content doesn't */
		if (k >= 70) {
			exact[20] = (uint8_t)k;
			exact[21] = (uint8_t)(k >> 8);
			assert_true(try_open(exact, k, &out) < 0);
		}
		free(exact);
	}
	assert_int_equal(try_open(block, n + 1, &out), -EBADMSG);
	nc_buf_free(&out);
	free(data);
}

static void test_too_large_inside(void **state)
{
	uint8_t block[256];
	struct nc_buf out = { 0 };
	(void)state;
	size_t n = build("abc", 3, block, sizeof(block));

	/* ISIZE of 1 MiB + 1: refused before anything is inflated */
	block[n - 4] = 1;
	block[n - 2] = 0x10;
	assert_int_equal(try_open(block, n, &out), -E2BIG);
	/* more than deflate can hold: refused without the memory */
	block[n - 4] = 0;
	assert_int_equal(try_open(block, n, &out), -EBADMSG);
	assert_true(out.cap < 65536);
	nc_buf_free(&out);
	/* a buffer with a limit of its own */
	n = build("abc", 3, block, sizeof(block));
	nc_buf_init(&out, 2);
	assert_int_equal(try_open(block, n, &out), -ENOMEM);
	nc_buf_free(&out);
}

/* A member whose ISIZE is smaller than what it holds must not overrun, one with more behind the deflate data is refused. */
static void test_lies(void **state)
{
	uint8_t *data = some_bytes(1000, 8), block[2048];
	struct nc_buf out = { 0 };
	(void)state;
	size_t n = build(data, 1000, block, sizeof(block));

	block[n - 4] = 10;
	block[n - 3] = 0;
	assert_int_equal(try_open(block, n, &out), -EBADMSG);
	n = build(data, 1000, block, sizeof(block));
	memmove(block + n - 8 + 1, block + n - 8, 8);
	n++;
	block[20] = (uint8_t)n;
	block[21] = (uint8_t)(n >> 8);
	assert_int_equal(try_open(block, n, &out), -EBADMSG);
	nc_buf_free(&out);
	free(data);
}

static void test_null(void **state)
{
	(void)state;
	nc_deflater_free(NULL);
	nc_inflater_free(NULL);
	assert_null(nc_deflater_new(13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_header),
		cmocka_unit_test(test_mtime_is_clipped),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_zlib_opens_it),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_info_of_prefixes),
		cmocka_unit_test(test_info_refuses),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_every_byte_matters),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_too_large_inside),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
