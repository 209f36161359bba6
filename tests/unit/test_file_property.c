/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random files, random crashes: after any cut and any garbled tail, appending goes on and no whole block is ever lost. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "block/file.h"

enum { TYPE = 45, LIVES = 6, BLOCKS_MAX = 12, RECORDS_MAX = 40 };

/* A small generator with known states (xorshift64*), so that a failure can be repeated by its seed. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * UINT64_C(2685821657736338717) >> 16) % below;
}

struct world {
	char path[256];
	int dir;
	bool plain;
	uint64_t random;
	struct nc_deflater *deflater;
	uint32_t next;           /* number of the next record */
	uint64_t ends[LIVES * BLOCKS_MAX + 1]; /* file size after each append */
	uint32_t first[LIVES * BLOCKS_MAX + 1]; /* and the next record's number then */
	size_t appends;
	uint32_t kept[LIVES * BLOCKS_MAX * RECORDS_MAX]; /* numbers of the records that the file must hold */
	size_t kept_count;
};

/* Record i: its number, and bytes that follow from it. */
static void add_record(struct nc_buf *b, uint32_t i)
{
	uint64_t s = i + 1;
	size_t n = (size_t)draw(&s, 8) == 0 ? (size_t)draw(&s, 3000) : (size_t)draw(&s, 60);

	nc_buf_varint(b, n + 4);
	nc_buf_le32(b, i);
	for (size_t k = 0; k < n; k++)
		nc_buf_u8(b, (uint8_t)draw(&s, i % 2 ? 256 : 5));
}

static void check_record(const uint8_t *p, size_t n, uint32_t i)
{
	struct nc_buf b = { 0 };

	add_record(&b, i);
	assert_true(n < b.len);
	assert_memory_equal(p, b.data + (b.len - n), n);
	assert_true(b.len - n <= 2);
	nc_buf_free(&b);
}

static struct nc_file_writer *open_writer(struct world *w, uint64_t *torn)
{
	static const struct nc_file_header h = { .created = "1.000001", .source = "x", .version = "0.1.0", .type = TYPE };
	struct nc_file_writer *f = NULL;

	assert_int_equal(nc_file_writer_open(w->dir, "f", NC_FILE_APPEND, w->plain, &h, w->deflater, torn, &f), 0);
	return f;
}

static void append(struct world *w, struct nc_file_writer *f)
{
	uint32_t count = 1 + (uint32_t)draw(&w->random, RECORDS_MAX);
	struct nc_block_info info = { .kind = NC_BLOCK_RECORDS, .type = TYPE, .count = count };
	struct nc_buf data = { 0 }, block = { 0 };

	for (uint32_t i = 0; i < count; i++)
		add_record(&data, w->next + i);
	if (w->plain) {
		nc_buf_add(&block, data.data, data.len);
	} else {
		uint8_t *to = nc_buf_reserve(&block, nc_block_bound(data.len));
		block.len = nc_block_build(w->deflater, &info, data.data, data.len, to, nc_block_bound(data.len));
		nc_block_stamp(block.data, w->random, w->next);
	}
	assert_int_equal(nc_file_writer_append(f, block.data, block.len), 0);
	for (uint32_t i = 0; i < count; i++)
		w->kept[w->kept_count++] = w->next + i;
	w->next += count;
	w->appends++;
	w->ends[w->appends] = nc_file_writer_size(f);
	w->first[w->appends] = w->next;
	nc_buf_free(&data);
	nc_buf_free(&block);
}

/* Forgets what does not end at or before size. */
static void forget_behind(struct world *w, uint64_t size)
{
	if (w->plain)
		return; /* whole records survive inside of an append; the reader's view tells which */
	while (w->appends > 0 && w->ends[w->appends] > size)
		w->appends--;
	uint32_t next = w->first[w->appends];
	while (w->kept_count > 0 && w->kept[w->kept_count - 1] >= next)
		w->kept_count--;
}

/* What was cut from a plain file is less than the record that is missing first. */
static void check_plain_loss(struct world *w, size_t have, uint64_t torn)
{
	struct nc_buf b = { 0 };

	assert_true(have < w->kept_count || torn == 0);
	if (have < w->kept_count)
		add_record(&b, w->kept[have]);
	assert_true(torn == 0 || torn < b.len);
	w->kept_count = have;
	nc_buf_free(&b);
}

/* Reads the file: exactly the records kept. With plain files, after a crash, the first n of them, n being noted. */
static void check_content(struct world *w, bool crashed, uint64_t torn)
{
	struct nc_file_reader *r;
	const uint8_t *p;
	size_t n, i = 0;
	int rc;

	assert_int_equal(nc_file_reader_open(openat(w->dir, "f", O_RDONLY | O_CLOEXEC), &r), 0);
	while ((rc = nc_file_reader_next(r, &p, &n)) == 1) {
		assert_true(i < w->kept_count);
		check_record(p, n, w->kept[i++]);
	}
	assert_int_equal(rc, 0);
	nc_file_reader_close(r);
	if (w->plain && crashed)
		check_plain_loss(w, i, torn);
	assert_int_equal(i, w->kept_count);
}

static uint64_t file_size(struct world *w)
{
	struct stat st;

	assert_int_equal(fstatat(w->dir, "f", &st, 0), 0);
	return (uint64_t)st.st_size;
}

/* A crash: the file loses its end, or what lies behind a point becomes zeros, or something half written follows. */
static void crash(struct world *w)
{
	int fd = openat(w->dir, "f", O_RDWR | O_CLOEXEC);
	uint64_t size = file_size(w), floor = w->ends[0];
	uint64_t at = floor + draw(&w->random, size - floor + 1);
	uint8_t noise[700];
	size_t n = 1 + (size_t)draw(&w->random, sizeof(noise));

	switch (draw(&w->random, w->plain ? 1 : 3)) {
	case 0:
		assert_int_equal(ftruncate(fd, (off_t)at), 0);
		break;
	case 1: /* all behind `at` zeros, of the same length */
		assert_int_equal(ftruncate(fd, (off_t)at), 0);
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		break;
	default:
		at = size;
		for (size_t i = 0; i < n; i++)
			noise[i] = (uint8_t)draw(&w->random, 256);
		noise[0] &= 0x0f; /* or it might pass for a gzip member of somebody else */
		assert_int_equal(pwrite(fd, noise, n, (off_t)size), n);
	}
	close(fd);
	forget_behind(w, at);
}

/* How many bytes all that was moved aside has. */
static uint64_t torn_bytes(struct world *w)
{
	DIR *d = fdopendir(openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;

	while ((e = readdir(d))) {
		if (strncmp(e->d_name, "f.torn-", 7) == 0 && fstatat(w->dir, e->d_name, &st, 0) == 0)
			sum += (uint64_t)st.st_size;
	}
	closedir(d);
	return sum;
}

static void clean(struct world *w)
{
	DIR *d = fdopendir(openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	while ((e = readdir(d))) {
		if (e->d_name[0] == 'f')
			unlinkat(w->dir, e->d_name, 0);
	}
	closedir(d);
}

static void live_and_die(struct world *w)
{
	uint64_t moved = 0;

	w->next = 0;
	w->appends = w->kept_count = 0;
	for (unsigned life = 0; life < LIVES; life++) {
		uint64_t torn = 0, before = life ? file_size(w) : 0, aside = torn_bytes(w);
		struct nc_file_writer *f = open_writer(w, &torn);
		if (life == 0)
			w->ends[0] = nc_file_writer_size(f);
		/* nothing vanishes: what left the file lies beside it */
		assert_int_equal(torn_bytes(w) - aside, torn);
		if (life)
			assert_int_equal(nc_file_writer_size(f) + torn, before);
		moved += torn;
		if (life)
			check_content(w, true, torn);
		for (uint64_t n = draw(&w->random, BLOCKS_MAX); n > 0; n--)
			append(w, f);
		assert_int_equal(nc_file_writer_close(f), 0);
		check_content(w, false, 0);
		crash(w);
	}
	assert_int_equal(torn_bytes(w), moved);
	clean(w);
}

static void run(bool plain, uint64_t seeds)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR"), *only = getenv("NC_SEED");

	assert_non_null(w);
	snprintf(w->path, sizeof(w->path), "%s/nc-property.XXXXXX", tmp ? tmp : P_tmpdir);
	assert_non_null(mkdtemp(w->path));
	w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->deflater = nc_deflater_new(1);
	w->plain = plain;
	uint64_t from = only ? strtoull(only, NULL, 10) : 1;
	for (uint64_t seed = from; seed < from + (only ? 1 : seeds); seed++) {
		print_message("seed %" PRIu64 "\r", seed);
		w->random = seed * UINT64_C(0x9e3779b97f4a7c15);
		live_and_die(w);
	}
	rmdir(w->path);
	close(w->dir);
	nc_deflater_free(w->deflater);
	free(w);
}

static void test_blocks(void **state)
{
	(void)state;
	run(false, 60);
}

static void test_plain(void **state)
{
	(void)state;
	run(true, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
