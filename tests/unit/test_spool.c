/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool: what was put in comes out in order after any end, damage costs what it hit, limits hold, nobody else can read it. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "sensord/spool.h"

#define LIMIT     (UINT64_C(64) << 20)
#define RECORDS   10u
#define PATH_ROOM 320u

struct fixture {
	struct nc_spool *spool;
	struct nc_deflater *deflater;
	struct nc_keypair *collector;
	struct nc_buf err, sealed;
	uint8_t *block;
	char dir[NC_TEST_FOLDER];
	char path[NC_TEST_FOLDER + 8];
};

static int open_spool(struct fixture *f, uint64_t limit)
{
	nc_buf_reset(&f->err);
	return nc_spool_open(f->path, limit, f->collector->pub, &f->spool, &f->err);
}

static void close_spool(struct fixture *f)
{
	nc_spool_close(f->spool);
	f->spool = NULL;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->deflater = nc_deflater_new(0);
	f->collector = nc_test_keys();
	f->block = malloc(NC_BLOCK_SIZE_MAX);
	nc_test_folder(f->dir);
	snprintf(f->path, sizeof(f->path), "%s/spool", f->dir);
	assert_int_equal(open_spool(f, LIMIT), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close_spool(f);
	nc_deflater_free(f->deflater);
	nc_keypair_free(f->collector);
	nc_buf_free(&f->err);
	nc_buf_free(&f->sealed);
	nc_test_remove(f->dir);
	free(f->block);
	free(f);
	return 0;
}

static struct nc_spool_state state_of(const struct fixture *f)
{
	struct nc_spool_state s;

	nc_spool_state(f->spool, &s);
	return s;
}

/* A block of that number, of about n bytes. */
static int put_at(struct fixture *f, uint64_t seq, size_t n, bool before)
{
	struct nc_block_info info = {
		.kind = NC_BLOCK_RECORDS, .type = TYPES__TYPE__NC_TCP, .count = RECORDS, .epoch = 7, .seq = seq,
	};
	uint8_t *data = calloc(1, n);

	assert_true(nc_block_build(f->deflater, &info, data, n, f->block, NC_BLOCK_SIZE_MAX) > 0);
	nc_block_stamp(f->block, 7, seq);
	free(data);
	return nc_spool_put(f->spool, &info, f->block, before);
}

static void put(struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++)
		assert_int_equal(put_at(f, seq, 100, false), 0);
}

/* Opens what came out as the collector does; the block's number, or 0. */
static uint64_t unseal(struct fixture *f)
{
	uint8_t plain[NC_BLOCK_SIZE_MAX];
	struct nc_block_info info;

	if (f->sealed.len < crypto_box_SEALBYTES || f->sealed.len > NC_SPOOL_SEALED_MAX ||
	    crypto_box_seal_open(plain, f->sealed.data, f->sealed.len, f->collector->pub, f->collector->priv) != 0)
		return 0;
	assert_int_equal(nc_block_info(plain, f->sealed.len - crypto_box_SEALBYTES, &info), 0);
	assert_int_equal(info.size, f->sealed.len - crypto_box_SEALBYTES);
	return info.seq;
}

/* Takes out the next one, done with it or not; its number, 0 at the end, UINT64_MAX when it is damaged. */
static uint64_t take(struct fixture *f, bool done)
{
	struct nc_block_info info;
	struct nc_spool_ref ref;

	if (nc_spool_next(f->spool, &info, &ref) == 0)
		return 0;
	int rc = nc_spool_read(f->spool, &ref, &f->sealed);
	if (done)
		nc_spool_done(f->spool, &ref);
	if (rc)
		return UINT64_MAX;
	assert_int_equal(info.epoch, 7);
	assert_int_equal(info.type, TYPES__TYPE__NC_TCP);
	assert_int_equal(info.count, RECORDS);
	assert_int_equal(unseal(f), info.seq);
	return info.seq;
}

static void expect(struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++)
		assert_int_equal(take(f, true), seq);
}

/* The number of files; the name of the n-th by name into ret. */
static unsigned list(const struct fixture *f, unsigned n, char *ret, size_t size)
{
	struct dirent **names;
	unsigned count = 0;
	int all = scandir(f->path, &names, NULL, alphasort);

	assert_true(all >= 0);
	for (int i = 0; i < all; i++) {
		if (names[i]->d_name[0] != '.' && count++ == n && ret)
			snprintf(ret, size, "%s/%s", f->path, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return count;
}

static unsigned files(const struct fixture *f)
{
	return list(f, 0, NULL, 0);
}

/* The bytes of the first file. */
static size_t slurp(const struct fixture *f, char *name, size_t room, uint8_t **ret)
{
	struct stat st;

	assert_int_equal(list(f, 0, name, room), 1);
	int fd = open(name, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	*ret = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, *ret, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void spill(const char *name, const uint8_t *p, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static void what_goes_in_comes_out(void **state)
{
	struct fixture *f = *state;
	struct nc_block_info info;

	assert_int_equal(take(f, true), 0);
	put(f, 1, 20);
	assert_int_equal(state_of(f).waiting.blocks, 20);
	assert_int_equal(state_of(f).waiting.records, 20 * RECORDS);
	assert_int_equal(files(f), 1);
	assert_int_equal(nc_spool_peek(f->spool, &info), 1);
	assert_int_equal(info.seq, 1);
	expect(f, 1, 10);
	put(f, 21, 30);
	expect(f, 11, 30);
	assert_int_equal(take(f, true), 0);
	assert_int_equal(state_of(f).waiting.records, 0);
	assert_int_equal(state_of(f).bytes, 0);
	assert_int_equal(files(f), 0);
	put(f, 31, 31);
	expect(f, 31, 31);
}

static void comes_out_after_a_restart(void **state)
{
	struct fixture *f = *state;

	put(f, 1, 20);
	assert_int_equal(take(f, true), 1);
	assert_int_equal(take(f, false), 2);
	close_spool(f);
	assert_int_equal(open_spool(f, LIMIT), 0);
	/* what was handed out and not all done comes again: who has it knows its number */
	assert_int_equal(state_of(f).found.blocks, 20);
	assert_int_equal(state_of(f).found.records, 20 * RECORDS);
	put(f, 21, 25);
	assert_int_equal(files(f), 2);
	expect(f, 1, 25);
	assert_int_equal(files(f), 0);
	assert_int_equal(state_of(f).damages, 0);
}

static void older_ones_can_go_in_front(void **state)
{
	struct fixture *f = *state;

	put(f, 10, 12);
	for (uint64_t seq = 1; seq < 10; seq++)
		assert_int_equal(put_at(f, seq, 500000, true), 0);
	put(f, 13, 15);
	assert_true(files(f) > 3);
	close_spool(f);
	assert_int_equal(open_spool(f, LIMIT), 0);
	expect(f, 1, 15);
}

static void the_oldest_go_beyond_the_limit(void **state)
{
	struct fixture *f = *state;
	struct nc_spool_ref ref;
	struct nc_block_info info;

	close_spool(f);
	assert_int_equal(open_spool(f, NC_SPOOL_LIMIT_MIN), 0);
	assert_int_equal(put_at(f, 1, 500000, false), 0);
	assert_int_equal(nc_spool_next(f->spool, &info, &ref), 1);
	for (uint64_t seq = 2; seq <= 100; seq++) {
		assert_int_equal(put_at(f, seq, 500000, false), 0);
		assert_true(state_of(f).bytes <= NC_SPOOL_LIMIT_MIN);
	}
	assert_int_equal(nc_spool_read(f->spool, &ref, &f->sealed), -ESTALE);
	nc_spool_done(f->spool, &ref);
	struct nc_spool_state s = state_of(f);
	assert_int_equal(s.lost[NC_SPOOL_FULL].blocks + s.waiting.blocks, 99);
	assert_int_equal(s.lost[NC_SPOOL_FULL].records + s.waiting.records, 99 * RECORDS);
	assert_int_equal(s.lost_types[NC_SPOOL_FULL][nc_spool_slot(TYPES__TYPE__NC_TCP)], s.lost[NC_SPOOL_FULL].records);
	assert_true(s.waiting.blocks > 25);
	expect(f, 101 - s.waiting.blocks, 100);
}

/* A crash leaves any beginning of what was written. */
static void cut_at_every_byte(void **state)
{
	struct fixture *f = *state;
	char name[PATH_ROOM];
	uint8_t *bytes;

	put(f, 1, 3);
	close_spool(f);
	size_t n = slurp(f, name, sizeof(name), &bytes);
	size_t one = (n - NC_SPOOL_FILE_HEADER) / 3;
	for (size_t cut = 0; cut <= n; cut++) {
		uint64_t whole = cut < NC_SPOOL_FILE_HEADER ? 0 : (cut - NC_SPOOL_FILE_HEADER) / one;
		size_t torn = cut < NC_SPOOL_FILE_HEADER ? cut : (cut - NC_SPOOL_FILE_HEADER) % one;
		spill(name, bytes, cut);
		assert_int_equal(open_spool(f, LIMIT), 0);
		assert_int_equal(state_of(f).found.blocks, whole);
		assert_int_equal(state_of(f).damaged_bytes, torn);
		put(f, 100, 100);
		expect(f, 1, whole);
		expect(f, 100, 100);
		assert_int_equal(files(f), 0);
		close_spool(f);
	}
	free(bytes);
}

/* Any damage costs the block that it hits, and no other one. */
static void flipped_at_every_byte(void **state)
{
	struct fixture *f = *state;
	char name[PATH_ROOM];
	uint8_t *bytes;

	put(f, 1, 3);
	close_spool(f);
	size_t n = slurp(f, name, sizeof(name), &bytes);
	size_t one = (n - NC_SPOOL_FILE_HEADER) / 3;
	for (size_t at = NC_SPOOL_FILE_HEADER; at < n; at++) {
		uint64_t hit = (at - NC_SPOOL_FILE_HEADER) / one + 1;
		bytes[at] ^= 0x40;
		spill(name, bytes, n);
		bytes[at] ^= 0x40;
		assert_int_equal(open_spool(f, LIMIT), 0);
		for (uint64_t seq = 1; seq <= 3; seq++) {
			uint64_t got = seq == hit && state_of(f).damages ? seq : take(f, true);
			assert_int_equal(got, seq == hit && !state_of(f).damages ? UINT64_MAX : seq);
		}
		assert_int_equal(take(f, true), 0);
		assert_int_equal(files(f), 0);
		close_spool(f);
	}
	free(bytes);
}

/* A disk that changes its mind after the start: what is not there any more is counted, and the rest goes on. */
static void damage_while_it_runs(void **state)
{
	struct fixture *f = *state;
	char name[PATH_ROOM];

	put(f, 1, 4);
	assert_int_equal(take(f, true), 1);
	assert_int_equal(list(f, 0, name, sizeof(name)), 1);
	assert_int_equal(truncate(name, 300), 0);
	assert_int_equal(take(f, true), 0);
	assert_int_equal(state_of(f).lost[NC_SPOOL_DAMAGED].blocks, 3);
	assert_int_equal(state_of(f).lost[NC_SPOOL_DAMAGED].records, 3 * RECORDS);
	assert_int_equal(state_of(f).waiting.blocks, 0);
	put(f, 5, 6);
	expect(f, 5, 6);
}

static void others_cannot_read_it(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char name[PATH_ROOM];
	uint8_t *bytes;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put(f, 1, 1);
	size_t n = slurp(f, name, sizeof(name), &bytes);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_null(memmem(bytes, n, f->block, 16));
	free(bytes);
	/* nor we: only the collector has the key */
	struct nc_keypair *other = nc_test_keys();
	nc_spool_seal_to(f->spool, other->pub);
	put(f, 2, 2);
	assert_int_equal(take(f, true), 1);
	struct nc_block_info info;
	struct nc_spool_ref ref;
	assert_int_equal(nc_spool_next(f->spool, &info, &ref), 1);
	assert_int_equal(nc_spool_read(f->spool, &ref, &f->sealed), 0);
	assert_int_equal(unseal(f), 0);
	nc_keypair_free(other);
}

static void one_process_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct nc_spool *second = NULL;

	assert_int_equal(nc_spool_open(f->path, LIMIT, f->collector->pub, &second, &f->err), -EBUSY);
	assert_true(f->err.len > 0);
	assert_null(second);
}

static void what_is_not_ours_stays(void **state)
{
	struct fixture *f = *state;
	char name[PATH_ROOM];

	close_spool(f);
	snprintf(name, sizeof(name), "%s/0000010000000001.spool", f->path);
	spill(name, (const uint8_t *)"something else altogether", 25);
	/* a number that none can follow */
	snprintf(name, sizeof(name), "%s/ffffffffffffffff.spool", f->path);
	spill(name, (const uint8_t *)"x", 1);
	snprintf(name, sizeof(name), "%s/notes", f->path);
	spill(name, (const uint8_t *)"x", 1);
	snprintf(name, sizeof(name), "%s/0000010000000006.spool", f->path);
	assert_int_equal(symlink("/etc/passwd", name), 0);
	snprintf(name, sizeof(name), "%s/0000010000000007.spool", f->path);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(open_spool(f, LIMIT), 0);
	put(f, 1, 3);
	assert_int_equal(put_at(f, 0, 100, true), 0);
	expect(f, 0, 3);
	assert_int_equal(files(f), 5);
}

/* A folder that can't be written: an error for each block, and no more. */
static void a_folder_that_is_gone(void **state)
{
	struct fixture *f = *state;

	nc_test_remove(f->path);
	assert_true(put_at(f, 1, 100, false) < 0);
	assert_true(state_of(f).failures > 0);
	assert_true(state_of(f).last_error[0] != '\0');
	assert_int_equal(state_of(f).waiting.blocks, 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_true(put_at(f, 1, 100, false) < 0);
	close_spool(f);
	assert_int_equal(open_spool(f, LIMIT), 0);
	put(f, 1, 1);
	expect(f, 1, 1);
}

static void a_folder_that_can_not_be(void **state)
{
	struct fixture *f = *state;

	close_spool(f);
	snprintf(f->path, sizeof(f->path), "/proc/x");
	assert_true(open_spool(f, LIMIT) < 0);
	assert_true(f->err.len > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_goes_in_comes_out),
		TEST(comes_out_after_a_restart),
		TEST(older_ones_can_go_in_front),
		TEST(the_oldest_go_beyond_the_limit),
		TEST(cut_at_every_byte),
		TEST(flipped_at_every_byte),
		TEST(damage_while_it_runs),
		TEST(others_cannot_read_it),
		TEST(one_process_at_a_time),
		TEST(what_is_not_ours_stays),
		TEST(a_folder_that_is_gone),
		TEST(a_folder_that_can_not_be),
	};
	return nc_keys_init() < 0 ? 1 : cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
