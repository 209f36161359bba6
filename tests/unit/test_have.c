/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of block numbers against a plain array; their bounds; the bytes of the watermark file; the names of files. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collectord/have.h"
#include "collectord/name.h"
#include "collectord/watermark.h"

#define NUMBERS 200u
#define STEPS   20000u

static uint32_t next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void well_formed(const struct nc_have *h)
{
	size_t ranges = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct nc_have_epoch *e = &h->epochs[i];
		uint64_t low = e->floor;
		for (size_t k = 0; k < e->n; k++) {
			assert_true(e->ranges[k].from >= low && e->ranges[k].to >= e->ranges[k].from);
			low = e->ranges[k].to + 2;
		}
		ranges += e->n;
	}
	assert_int_equal(ranges, h->ranges);
}

static void like_an_array(void **state)
{
	bool there[3][NUMBERS + 1] = { { false } };
	struct nc_have h = { .n = 0 };
	uint32_t x = 12345;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t epoch = next(&x) % 3, from = 1 + next(&x) % NUMBERS, to = from + next(&x) % 4;
		bool add = next(&x) % 2;
		to = to > NUMBERS ? NUMBERS : to;
		assert_int_equal(add ? nc_have_add(&h, epoch, from, to) : nc_have_remove(&h, epoch, from, to), 0);
		for (uint64_t n = from; n <= to; n++)
			there[epoch][n] = add;
		well_formed(&h);
		for (unsigned e = 0; i % 64 == 0 && e < 3; e++)
			for (unsigned n = 1; n <= NUMBERS; n++)
				assert_int_equal(nc_have_state(&h, e, n), there[e][n] ? NC_HAVE_YES : NC_HAVE_NOT);
	}
	nc_have_free(&h);
}

static void the_ends_of_the_numbers(void **state)
{
	struct nc_have h = { .n = 0 };

	(void)state;
	assert_int_equal(nc_have_add(&h, 7, UINT64_MAX, UINT64_MAX), 0);
	assert_int_equal(nc_have_add(&h, 7, UINT64_MAX - 1, UINT64_MAX - 1), 0);
	assert_int_equal(nc_have_add(&h, 7, 1, 1), 0);
	assert_int_equal(h.ranges, 2);
	assert_int_equal(nc_have_state(&h, 7, UINT64_MAX), NC_HAVE_YES);
	assert_int_equal(nc_have_state(&h, 7, 2), NC_HAVE_NOT);
	assert_int_equal(nc_have_add(&h, 7, 2, UINT64_MAX - 2), 0);
	assert_int_equal(h.ranges, 1);
	nc_have_free(&h);
}

/* A million holes cost what two thousand do; what was forgotten is neither there nor missing. */
static void many_holes(void **state)
{
	struct nc_have h = { .n = 0 };

	(void)state;
	for (uint64_t n = 1; n <= 1000000; n++)
		assert_int_equal(nc_have_add(&h, 1, 2 * n, 2 * n), 0);
	assert_int_equal(h.ranges, NC_HAVE_RANGES);
	assert_int_equal(h.forgotten_ranges, 1000000 - NC_HAVE_RANGES);
	assert_true(h.epochs[0].cap <= 4 * NC_HAVE_RANGES);
	assert_int_equal(nc_have_state(&h, 1, 2000000), NC_HAVE_YES);
	assert_int_equal(nc_have_state(&h, 1, 1999999), NC_HAVE_NOT);
	assert_int_equal(nc_have_state(&h, 1, 2), NC_HAVE_UNKNOWN);
	assert_int_equal(nc_have_state(&h, 1, 3), NC_HAVE_UNKNOWN);
	well_formed(&h);
	nc_have_free(&h);
}

static void many_epochs(void **state)
{
	struct nc_have h = { .n = 0 };

	(void)state;
	for (uint64_t id = 0; id < 10000; id++)
		for (uint64_t n = 1; n < 40; n += 2)
			assert_int_equal(nc_have_add(&h, id, n, n), 0);
	assert_int_equal(h.n, NC_HAVE_EPOCHS);
	assert_true(h.ranges <= NC_HAVE_RANGES);
	assert_int_equal(h.forgotten_epochs, 10000 - NC_HAVE_EPOCHS);
	assert_int_equal(nc_have_state(&h, 9999, 39), NC_HAVE_YES);
	assert_int_equal(nc_have_state(&h, 9999, 1), NC_HAVE_YES);
	well_formed(&h);
	nc_have_free(&h);
}

static void floors(void **state)
{
	struct nc_have h = { .n = 0 };

	(void)state;
	nc_have_floor(&h, 5, 10);
	assert_int_equal(h.n, 0);
	assert_int_equal(nc_have_add(&h, 5, 1, 20), 0);
	assert_int_equal(nc_have_add(&h, 5, 30, 40), 0);
	nc_have_floor(&h, 5, 10);
	assert_int_equal(nc_have_state(&h, 5, 9), NC_HAVE_UNKNOWN);
	assert_int_equal(nc_have_state(&h, 5, 10), NC_HAVE_YES);
	nc_have_floor(&h, 5, 3);
	assert_int_equal(nc_have_state(&h, 5, 9), NC_HAVE_UNKNOWN);
	nc_have_floor(&h, 5, 25);
	assert_int_equal(h.ranges, 1);
	assert_int_equal(nc_have_add(&h, 5, 1, 24), 0);
	assert_int_equal(h.ranges, 1);
	nc_have_floor(&h, 5, UINT64_MAX);
	assert_int_equal(h.ranges, 0);
	well_formed(&h);
	nc_have_free(&h);
}

/* --- the watermark ------------------------------------------------------------------------------------------------------- */

static void fill(struct nc_have *h)
{
	for (uint64_t id = 1; id <= 20; id++)
		for (uint64_t n = id; n < 400; n += 1 + id)
			assert_int_equal(nc_have_add(h, id * 1000, n, n + id / 2), 0);
	nc_have_floor(h, 3000, 50);
}

static void watermarks_come_back(void **state)
{
	const struct nc_watermark_file files[] = { { 5, 6, 7, 8, 9, 10 }, { UINT64_MAX, INT64_MIN, -1, 0, 1, 2 } };
	struct nc_have h = { .n = 0 };
	struct nc_buf b = { .max = 0 };
	struct nc_watermark w;

	(void)state;
	fill(&h);
	nc_watermark_pack(&h, files, 2, &b);
	assert_int_equal(nc_watermark_parse(b.data, b.len, &w), 0);
	assert_int_equal(w.n, 2);
	assert_memory_equal(w.files, files, sizeof(files));
	assert_ptr_equal(nc_watermark_find(&w, 5, 6), &w.files[0]);
	assert_null(nc_watermark_find(&w, 5, 7));
	assert_int_equal(w.have.n, h.n);
	assert_int_equal(w.have.ranges, h.ranges);
	for (uint64_t id = 0; id <= 21; id++)
		for (uint64_t n = 1; n < 420; n++)
			assert_int_equal(nc_have_state(&w.have, id * 1000, n), nc_have_state(&h, id * 1000, n));
	nc_watermark_free(&w);
	/* each byte counts */
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0x20;
		assert_true(nc_watermark_parse(b.data, b.len, &w) < 0);
		b.data[i] ^= 0x20;
		assert_int_equal(nc_watermark_parse(b.data, i, &w), -EBADMSG);
	}
	b.data[4] = 2;
	assert_int_equal(nc_watermark_parse(b.data, b.len, &w), -EPROTONOSUPPORT);
	nc_buf_free(&b);
	nc_have_free(&h);
}

static void the_largest_fits(void **state)
{
	struct nc_watermark_file *files = calloc(NC_WATERMARK_FILES, sizeof(*files));
	struct nc_have h = { .n = 0 };
	struct nc_buf b = { .max = 0 };
	struct nc_watermark w;

	(void)state;
	for (uint64_t id = 0; id < NC_HAVE_EPOCHS; id++)
		for (uint64_t n = 2; n < 100; n += 2)
			assert_int_equal(nc_have_add(&h, id, n, n), 0);
	nc_watermark_pack(&h, files, NC_WATERMARK_FILES, &b);
	assert_true(b.len <= NC_WATERMARK_MAX);
	assert_int_equal(nc_watermark_parse(b.data, b.len, &w), 0);
	nc_watermark_free(&w);
	nc_buf_free(&b);
	nc_have_free(&h);
	free(files);
}

static void files_are_replaced(void **state)
{
	char dir[] = "/tmp/test-have-XXXXXX";
	struct nc_have h = { .n = 0 };
	struct nc_buf b = { .max = 0 };
	struct nc_watermark w;

	(void)state;
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(nc_watermark_load(fd, &w), -ENOENT);
	nc_watermark_pack(&h, NULL, 0, &b);
	assert_int_equal(nc_watermark_save(fd, b.data, b.len), 0);
	nc_buf_reset(&b);
	fill(&h);
	nc_watermark_pack(&h, NULL, 0, &b);
	assert_int_equal(nc_watermark_save(fd, b.data, b.len), 0);
	assert_int_equal(nc_watermark_load(fd, &w), 0);
	assert_int_equal(w.have.ranges, h.ranges);
	nc_watermark_free(&w);
	assert_int_equal(unlinkat(fd, NC_WATERMARK_NAME, 0), 0);
	/* nothing else is left, no link is followed */
	assert_int_equal(symlinkat("/etc/passwd", fd, NC_WATERMARK_NAME), 0);
	assert_int_equal(nc_watermark_load(fd, &w), -EBADMSG);
	assert_int_equal(unlinkat(fd, NC_WATERMARK_NAME, 0), 0);
	close(fd);
	assert_int_equal(rmdir(dir), 0);
	nc_buf_free(&b);
	nc_have_free(&h);
}

/* --- names --------------------------------------------------------------------------------------------------------------- */

static void names_are_read_back(void **state)
{
	static const char *const right[] = {
		"TCP.ncap.gz",
		"TCP.2.ncap.gz",
		"UDP.9.ncap.gz",
		"TCP.20261103T060000Z.ncap.gz",
		"TCP.20261103T060000Z-12.ncap.gz",
		"DNS.19700101T000000Z.ncap.gz.closing",
	};
	static const char *const wrong[] = {
		"", ".ncap.gz", "TCP", "TCP.gz", "tcp.ncap.gz", "Nothing.ncap.gz", "TCP.1.ncap.gz", "TCP.0.ncap.gz",
		"TCP.10.ncap.gz", "TCP.x.ncap.gz", "TCP.ncap.gz.closing", "TCP.20261103T060000Z-0.ncap.gz", "TCP.20261103T060000Z-.ncap.gz",
		"TCP.20261103T060000Z-99999.ncap.gz", "TCP.20261303T060000Z.ncap.gz", "TCP.2026110T060000Z.ncap.gz",
		"TCP.20261103T060000Z-1x.ncap.gz", "TCP.20261103T060000Z-+1.ncap.gz", "TCP.ncap.gz.torn-55",
		"TCP.20261103T060000Z.ncap.gz.damaged-0",
	};
	char text[NC_NAME_TEXT];
	struct nc_name n;

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_true(nc_name_parse(right[i], &n));
		nc_name_print(&n, text);
		assert_string_equal(text, right[i]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (nc_name_parse(wrong[i], &n))
			fail_msg("%s", wrong[i]);
	assert_true(nc_name_parse("TCP.20261103T060001Z-7.ncap.gz", &n));
	assert_int_equal(n.kind, NC_NAME_FINISHED);
	assert_int_equal(n.start, 1793685601);
	assert_int_equal(n.suffix, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_an_array),
		cmocka_unit_test(the_ends_of_the_numbers),
		cmocka_unit_test(many_holes),
		cmocka_unit_test(many_epochs),
		cmocka_unit_test(floors),
		cmocka_unit_test(watermarks_come_back),
		cmocka_unit_test(the_largest_fits),
		cmocka_unit_test(files_are_replaced),
		cmocka_unit_test(names_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
