/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store of whole blocks: each once, through restarts, rotation, limits and trouble. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/log.h"
#include "base/time.h"
#include "block/scan.h"
#include "collectord/have.h"
#include "collectord/name.h"
#include "collectord/store.h"
#include "collectord/watermark.h"

#define TCP   38u
#define UDP   37u
#define EPOCH 77u
#define SEQS  4096u

struct fixture {
	char dir[64];
	struct nc_store *s;
	struct nc_shelf *h;
	struct nc_store_options options;
	struct nc_deflater *deflater;
	int64_t mono, real;
	uint8_t durable[SEQS], failed[SEQS]; /* how often told */
	uint8_t block[NC_BLOCK_SIZE_MAX];
	struct nc_block_info info;
	struct nc_buf err;
};

/* What the files hold. */
struct found {
	uint8_t seqs[SEQS];
	unsigned live, closing, finished, other, blocks;
};

/* Syncs of the folder that is watched, in the place of the C library's. */
static atomic_ulong watched, folder_syncs;

int fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_ino == watched)
		folder_syncs++;
	return (int)syscall(SYS_fsync, fd);
}

/* --- the stage ----------------------------------------------------------------------------------------------------- */

static void on_durable(void *user, struct nc_shelf *h, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct fixture *f = user;

	assert_ptr_equal(h, f->h);
	assert_int_equal(epoch, EPOCH);
	for (uint64_t n = from; n <= to; n++)
		f->durable[n]++;
}

static void on_failed(void *user, struct nc_shelf *h, uint64_t epoch, uint64_t seq, uint64_t ticket, int code)
{
	struct fixture *f = user;

	assert_ptr_equal(h, f->h);
	assert_int_equal(epoch, EPOCH);
	assert_int_equal(ticket, seq + 1000);
	assert_true(code < 0);
	f->failed[seq]++;
}

static void begin(struct fixture *f)
{
	const struct nc_store_events events = { .user = f, .durable = on_durable, .failed = on_failed };

	assert_int_equal(nc_store_open(f->dir, &f->options, &f->s, &f->err), 0);
	nc_store_listen(f->s, &events);
	nc_store_tick(f->s, f->mono, f->real);
	assert_int_equal(nc_store_shelf(f->s, "alpha", &f->h), 0);
}

static void end(struct fixture *f)
{
	assert_int_equal(nc_store_close(f->s), 0);
	f->s = NULL;
}

static void restart(struct fixture *f)
{
	end(f);
	begin(f);
}

static void tick(struct fixture *f, int64_t seconds)
{
	f->mono += seconds * NC_NS_PER_S;
	f->real += seconds * NC_NS_PER_S;
	nc_store_tick(f->s, f->mono, f->real);
	nc_store_wait(f->s);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->options = (struct nc_store_options){ .level = 1, .pending_max = 8u << 20, .open_files = 64 };
	f->mono = 1000 * NC_NS_PER_S;
	f->real = 1793685600 * NC_NS_PER_S; /* 2026-11-03T06:00:00Z */
	f->deflater = nc_deflater_new(1);
	begin(f);
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	nc_store_close(f->s);
	nc_deflater_free(f->deflater);
	nc_buf_free(&f->err);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* --- blocks -------------------------------------------------------------------------------------------------------- */

/* A block of `records` records of 20 random bytes each. */
static void make(struct fixture *f, uint16_t type, uint64_t seq, uint32_t records)
{
	struct nc_buf data = { .max = NC_BLOCK_INFLATED_MAX };

	for (uint32_t i = 0; i < records; i++) {
		nc_buf_u8(&data, 20);
		uint8_t *to = nc_buf_reserve(&data, 20);
		randombytes_buf(to, 20);
		data.len += 20;
	}
	f->info = (struct nc_block_info){ .kind = NC_BLOCK_RECORDS, .type = type, .count = records };
	assert_int_not_equal(nc_block_build(f->deflater, &f->info, data.data, data.len, f->block, sizeof(f->block)), 0);
	nc_block_stamp(f->block, EPOCH, seq);
	assert_int_equal(nc_block_info(f->block, f->info.size, &f->info), 0);
	nc_buf_free(&data);
}

static int hand(struct fixture *f)
{
	return nc_shelf_append(f->h, f->block, &f->info, f->info.seq + 1000);
}

static int put(struct fixture *f, uint16_t type, uint64_t seq)
{
	make(f, type, seq, 50);
	return hand(f);
}

/* From..to, of two types in turn, all of which are taken. */
static void put_all(struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++)
		assert_int_equal(put(f, n % 2 ? TCP : UDP, n), 0);
}

static void look_into(const struct fixture *f, const char *name, struct found *to)
{
	struct nc_scan scan = { .inflater = nc_inflater_new() };
	struct nc_block_info info;
	struct nc_name parsed;
	char path[512];
	uint64_t off = 0;

	snprintf(path, sizeof(path), "%s/alpha/%s", f->dir, name);
	if (!nc_name_parse(name, &parsed)) {
		to->other += name[0] != '.';
		nc_inflater_free(scan.inflater);
		return;
	}
	to->live += parsed.kind == NC_NAME_LIVE;
	to->closing += parsed.kind == NC_NAME_CLOSING;
	to->finished += parsed.kind == NC_NAME_FINISHED;
	scan.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(scan.fd >= 0);
	int rc;
	while ((rc = nc_scan_info(&scan, off, &info, NULL)) == 0) {
		assert_int_equal(nc_scan_open(&scan, off, &info), 0);
		off += info.size;
		if (info.kind != NC_BLOCK_RECORDS || info.epoch != EPOCH)
			continue;
		assert_true(info.seq < SEQS);
		to->seqs[info.seq]++;
		to->blocks++;
	}
	assert_int_equal(rc, -ENODATA);
	close(scan.fd);
	nc_scan_free(&scan);
	nc_inflater_free(scan.inflater);
}

static struct found look(const struct fixture *f)
{
	struct found r = { .blocks = 0 };
	struct dirent *e;
	char path[128];

	snprintf(path, sizeof(path), "%s/alpha", f->dir);
	DIR *d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		look_into(f, e->d_name, &r);
	closedir(d);
	return r;
}

/* Each of from..to is in the files once, and was told durable once. */
static void each_once(const struct fixture *f, uint64_t from, uint64_t to)
{
	struct found r = look(f);

	for (uint64_t n = from; n <= to; n++) {
		assert_int_equal(r.seqs[n], 1);
		assert_int_equal(f->durable[n], 1);
	}
}

/* Sends all again: none is taken. */
static void all_known(struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++)
		assert_int_equal(put(f, n % 2 ? TCP : UDP, n), -EEXIST);
}

static void path_of(const struct fixture *f, const char *name, char out[static 256])
{
	snprintf(out, 256, "%s/alpha/%s", f->dir, name);
}

/* --- each once ----------------------------------------------------------------------------------------------------- */

static void a_block_is_taken_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, TCP, 1), 0);
	assert_int_equal(hand(f), -EALREADY);
	assert_int_equal(f->durable[1], 0);
	nc_store_wait(f->s);
	assert_int_equal(f->durable[1], 1);
	assert_int_equal(hand(f), -EEXIST);
	/* another of the same number is the same */
	assert_int_equal(put(f, UDP, 1), -EEXIST);
	each_once(f, 1, 1);
	struct nc_shelf_counters c = nc_shelf_counters(f->h);
	assert_int_equal(c.received.blocks, 4);
	assert_int_equal(c.stored.blocks, 1);
	assert_int_equal(c.stored.records, 50);
	assert_int_equal(c.duplicate.blocks, 3);
}

/* Nothing that is acknowledged is in a folder whose name a power failure may take. */
static void new_folders_last(void **state)
{
	struct fixture *f = *state;
	struct nc_shelf *h;
	struct stat st;

	assert_int_equal(stat(f->dir, &st), 0);
	watched = st.st_ino;
	folder_syncs = 0;
	assert_int_equal(nc_store_shelf(f->s, "beta", &h), 0);
	assert_int_equal(folder_syncs, 1);
	assert_int_equal(nc_store_shelf(f->s, "beta", &h), 0);
	assert_int_equal(folder_syncs, 1);
	/* who made it may have come to an end before the sync */
	restart(f);
	assert_true(folder_syncs > 1);
	watched = 0;
}

static void restarts_know(void **state)
{
	struct fixture *f = *state;

	put_all(f, 1, 40);
	restart(f);
	all_known(f, 1, 40);
	put_all(f, 45, 50);
	restart(f);
	all_known(f, 1, 40);
	all_known(f, 45, 50);
	put_all(f, 41, 44);
	restart(f);
	all_known(f, 1, 50);
	each_once(f, 1, 50);
}

/* As after kill -9: no watermark was saved at the end. */
static void blocks_tell_without_a_watermark(void **state)
{
	struct fixture *f = *state;
	char path[256];

	put_all(f, 1, 40);
	end(f);
	path_of(f, NC_WATERMARK_NAME, path);
	assert_int_equal(unlink(path), 0);
	begin(f);
	all_known(f, 1, 40);
	each_once(f, 1, 40);
	assert_int_equal(nc_store_counters(f->s)->lost_watermarks, 0);
}

static void a_torn_block_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[256];

	put_all(f, 1, 9);
	end(f);
	path_of(f, NC_WATERMARK_NAME, path);
	assert_int_equal(unlink(path), 0);
	path_of(f, "TCP.ncap.gz", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 5), 0);
	begin(f);
	all_known(f, 1, 8);
	assert_true(nc_store_counters(f->s)->torn_bytes > 0);
	assert_int_equal(put(f, TCP, 9), 0);
	end(f);
	f->durable[9] = 1;
	each_once(f, 1, 9);
	assert_int_equal(look(f).other, 1);
	begin(f);
}

/* Zeros where a block should be, far from the end, behind what the watermark knows. */
static void a_hole_in_the_data_is_found(void **state)
{
	struct fixture *f = *state;
	char path[256], zeros[200] = "";
	struct nc_block_info first = { .size = 0 };

	for (uint64_t n = 1; n <= 9; n++) {
		make(f, TCP, n, 40000);
		if (n == 1)
			first = f->info;
		assert_int_equal(hand(f), 0);
	}
	end(f);
	path_of(f, NC_WATERMARK_NAME, path);
	assert_int_equal(unlink(path), 0);
	path_of(f, "TCP.ncap.gz", path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), (off_t)first.size + 5000), (ssize_t)sizeof(zeros));
	close(fd);
	begin(f);
	unsigned missing = 0;
	for (uint64_t n = 1; n <= 9; n++)
		missing += put(f, TCP, n) == 0;
	assert_int_equal(missing, 1);
}

/* --- refusing ------------------------------------------------------------------------------------------------------ */

static void bad_blocks_are_refused(void **state)
{
	struct fixture *f = *state;

	make(f, TCP, 1, 50);
	f->block[100] ^= 1;
	assert_int_equal(hand(f), -EBADMSG);
	/* the framing */
	make(f, TCP, 1, 50);
	f->info.count = 49;
	assert_int_equal(hand(f), -EBADMSG);
	f->info.count = 51;
	assert_int_equal(hand(f), -EBADMSG);
	const struct {
		uint8_t kind;
		uint16_t type;
		uint64_t epoch, seq;
	} wrong[] = {
		{ NC_BLOCK_HEADER, TCP, 1, 1 },  { NC_BLOCK_PACKETS, TCP, 1, 1 }, { NC_BLOCK_RECORDS, 0, 1, 1 },
		{ NC_BLOCK_RECORDS, 1, 1, 1 },   { NC_BLOCK_RECORDS, 999, 1, 1 }, { NC_BLOCK_RECORDS, TCP, 0, 1 },
		{ NC_BLOCK_RECORDS, TCP, 1, 0 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make(f, TCP, 1, 50);
		f->info.kind = wrong[i].kind;
		f->info.type = wrong[i].type;
		f->info.epoch = wrong[i].epoch;
		f->info.seq = wrong[i].seq;
		assert_int_equal(hand(f), -EBADMSG);
	}
	assert_int_equal(nc_shelf_counters(f->h).rejected.blocks, 10);
	assert_false(nc_store_later(-EBADMSG));
	assert_true(nc_store_later(-ENOSPC));
	assert_int_equal(put(f, TCP, 1), 0);
	/* with less care */
	f->options.verify = NC_STORE_VERIFY_HEADER;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	make(f, TCP, 2, 50);
	f->block[100] ^= 1;
	assert_int_equal(hand(f), 0);
}

static void hostile_numbers_are_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t later = 0;

	make(f, TCP, 1, 1);
	for (uint64_t n = 1; n <= 3 * NC_HAVE_RANGES; n++) {
		f->info.epoch = 5000;
		f->info.seq = 2 * n;
		nc_block_stamp(f->block, 5000, 2 * n);
		later += hand(f) == -EDQUOT;
		if (n % NC_HAVE_RANGES == 0) {
			const struct nc_store_events none = { .user = NULL };
			nc_store_listen(f->s, &none);
			nc_store_wait(f->s);
		}
	}
	assert_true(later > 0 && later < 10);
	assert_true(nc_store_counters(f->s)->forgotten > NC_HAVE_RANGES);
	f->info.seq = 2;
	assert_int_equal(hand(f), -ESTALE);
	restart(f);
	f->info.seq = 6 * NC_HAVE_RANGES - 2;
	assert_int_equal(hand(f), -EEXIST);
	/* what the sensor says it never sends again */
	nc_shelf_floor(f->h, 5000, 6 * NC_HAVE_RANGES - 1);
	assert_int_equal(hand(f), -ESTALE);
}

/* --- rotation ------------------------------------------------------------------------------------------------------ */

static void files_rotate_by_size(void **state)
{
	struct fixture *f = *state;

	f->options.rotate_size = 20000;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	put_all(f, 1, 400);
	nc_store_wait(f->s);
	struct found r = look(f);
	assert_true(r.finished >= 20);
	assert_int_equal(r.closing, 0);
	assert_int_equal(nc_store_counters(f->s)->rotated_files, r.finished);
	each_once(f, 1, 400);
	all_known(f, 1, 400);
	restart(f);
	all_known(f, 1, 400);
	/* names that were taken keep their files */
	put_all(f, 401, 500);
	restart(f);
	each_once(f, 1, 500);
	all_known(f, 1, 500);
}

static void files_rotate_by_count_and_time(void **state)
{
	struct fixture *f = *state;

	f->options.rotate_records = 500;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	put_all(f, 1, 40);
	nc_store_wait(f->s);
	assert_int_equal(look(f).finished, 4);
	f->options.rotate_records = 0;
	f->options.rotate_interval = 3600 * NC_NS_PER_S;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	put_all(f, 41, 44);
	tick(f, 1800);
	put_all(f, 45, 48);
	nc_store_wait(f->s);
	assert_int_equal(look(f).finished, 4);
	/* the age of a file is known after a restart, and counts without new blocks */
	restart(f);
	tick(f, 1801);
	assert_int_equal(look(f).finished, 6);
	assert_int_equal(look(f).live, 0);
	each_once(f, 1, 48);
	all_known(f, 1, 48);
	char path[256];
	path_of(f, "TCP.20261103T060000Z.ncap.gz", path);
	assert_int_equal(access(path, F_OK), 0);
	path_of(f, "TCP.20261103T060000Z-1.ncap.gz", path);
	assert_int_equal(access(path, F_OK), 0);
}

static void a_lost_watermark_is_made_anew(void **state)
{
	struct fixture *f = *state;
	char path[256];

	f->options.rotate_size = 20000;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	put_all(f, 1, 100);
	end(f);
	path_of(f, NC_WATERMARK_NAME, path);
	assert_int_equal(truncate(path, 30), 0);
	begin(f);
	assert_int_equal(nc_store_counters(f->s)->lost_watermarks, 1);
	all_known(f, 1, 100);
	end(f);
	assert_int_equal(unlink(path), 0);
	begin(f);
	assert_int_equal(nc_store_counters(f->s)->lost_watermarks, 1);
	all_known(f, 1, 100);
	each_once(f, 1, 100);
	/* one of a later version is not touched */
	end(f);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\x09", 1, 4), 1);
	close(fd);
	const struct nc_shelf *h = f->h;
	assert_int_equal(nc_store_open(f->dir, &f->options, &f->s, &f->err), 0);
	assert_int_equal(nc_store_shelf(f->s, "alpha", &f->h), -EPROTONOSUPPORT);
	assert_ptr_equal(h, f->h);
}

static void a_file_that_was_closing_is_finished(void **state)
{
	struct fixture *f = *state;
	char from[256], to[256];

	put_all(f, 1, 20);
	end(f);
	path_of(f, "TCP.ncap.gz", from);
	path_of(f, "TCP.20261103T060000Z.ncap.gz.closing", to);
	assert_int_equal(rename(from, to), 0);
	begin(f);
	all_known(f, 1, 20);
	nc_store_wait(f->s);
	struct found r = look(f);
	assert_int_equal(r.closing, 0);
	assert_int_equal(r.finished, 1);
	each_once(f, 1, 20);
}

/* --- limits -------------------------------------------------------------------------------------------------------- */

static uint64_t used(const struct fixture *f)
{
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;
	char path[256];

	path_of(f, "", path);
	DIR *d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			sum += (uint64_t)st.st_size;
	closedir(d);
	return sum;
}

/* Puts from..to, and waits where there is no room yet. How often that was. */
static unsigned insist(struct fixture *f, uint64_t from, uint64_t to)
{
	unsigned waits = 0;

	for (uint64_t n = from; n <= to; n++) {
		int rc;
		while ((rc = put(f, n % 2 ? TCP : UDP, n)) == -EDQUOT || rc == -ENOSPC) {
			nc_store_wait(f->s);
			assert_true(++waits < 100);
		}
		assert_int_equal(rc, 0);
	}
	nc_store_wait(f->s);
	return waits;
}

static void quotas_hold(void **state)
{
	struct fixture *f = *state;

	for (int all = 0; all < 2; all++) {
		f->options.quota_sensor = all ? 0 : 100000;
		f->options.quota = all ? 70000 : 0;
		assert_int_equal(nc_store_set(f->s, &f->options), 0);
		uint64_t from = all ? 1001 : 1;
		insist(f, from, from + 400);
		assert_true(used(f) <= (all ? 70000u : 100000u));
		assert_true(used(f) > 40000);
		/* the oldest went, the newest are there, all are known */
		struct found r = look(f);
		assert_int_equal(r.seqs[from], 0);
		assert_int_equal(r.seqs[from + 400], 1);
		restart(f);
		all_known(f, from, from + 400);
	}
	struct nc_shelf_counters c = nc_shelf_counters(f->h);
	assert_int_equal(c.expired.blocks, 0);
	assert_int_equal(c.used_bytes, used(f));
	assert_int_equal(c.finished_files, look(f).finished);
	f->options.quota = 30000;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	struct found before = look(f);
	insist(f, 2001, 2001);
	c = nc_shelf_counters(f->h);
	assert_int_equal(c.expired.blocks, before.blocks + 1 - look(f).blocks);
	assert_int_equal(c.expired.records, 50 * c.expired.blocks);
}

/* A quota that leaves no finished file: the largest one is finished, and goes. */
static void a_quota_never_stops_it(void **state)
{
	struct fixture *f = *state;

	put_all(f, 1, 60);
	nc_store_wait(f->s);
	f->options.quota_sensor = used(f) / 2;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	assert_true(insist(f, 61, 70) > 0);
	assert_true(used(f) <= f->options.quota_sensor);
	all_known(f, 1, 70);
}

static void old_files_expire(void **state)
{
	struct fixture *f = *state;

	f->options.rotate_interval = 100 * NC_NS_PER_S;
	f->options.expire_age = 1000 * NC_NS_PER_S;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	put_all(f, 1, 10);
	tick(f, 101);
	put_all(f, 11, 20);
	tick(f, 101);
	struct found r = look(f);
	assert_int_equal(r.finished, 4);
	tick(f, 850);
	assert_int_equal(look(f).finished, 4);
	tick(f, 51);
	assert_int_equal(look(f).finished, 2);
	tick(f, 200);
	assert_int_equal(look(f).finished, 0);
	assert_int_equal(nc_shelf_counters(f->h).expired.blocks, 20);
	assert_int_equal(nc_store_counters(f->s)->expired_files, 4);
	all_known(f, 1, 20);
	restart(f);
	all_known(f, 1, 20);
}

static void free_space_is_kept(void **state)
{
	struct fixture *f = *state;

	f->options.rotate_size = 20000;
	f->options.min_free = UINT64_MAX / 2;
	put_all(f, 1, 40);
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	/* seen by the next look at the file system */
	tick(f, 1);
	unsigned refused = 0;
	for (uint64_t n = 41; n < 60; n++) {
		int rc = put(f, TCP, n);
		assert_true(rc == 0 || rc == -ENOSPC);
		refused += rc == -ENOSPC;
		nc_store_wait(f->s);
	}
	assert_true(refused > 10);
	assert_int_equal(look(f).finished, 0);
	assert_true(nc_store_failing(f->s));
	f->options.min_free = 1;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	tick(f, 1);
	assert_int_equal(put(f, TCP, 60), 0);
	assert_false(nc_store_failing(f->s));
}

/* --- trouble ------------------------------------------------------------------------------------------------------- */

static void a_file_that_may_not_grow(void **state)
{
	struct fixture *f = *state;
	struct rlimit l, was;

	signal(SIGXFSZ, SIG_IGN);
	put_all(f, 1, 10);
	nc_store_wait(f->s);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	l = was;
	l.rlim_cur = used(f) / 2 + 500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
	for (uint64_t n = 11; n <= 20; n++)
		assert_int_equal(put(f, n % 2 ? TCP : UDP, n), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(nc_shelf_counters(f->h).later.blocks, 10);
	put_all(f, 11, 20);
	nc_store_wait(f->s);
	each_once(f, 1, 20);
}

static void one_store_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct nc_store *other;

	assert_int_equal(nc_store_open(f->dir, &f->options, &other, &f->err), -EBUSY);
	assert_non_null(strstr(nc_buf_cstr(&f->err), "another collector"));
}

static void a_foreign_file_is_gone_by(void **state)
{
	struct fixture *f = *state;
	char path[256];

	path_of(f, "TCP.ncap.gz", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03 foreign", 18), 18);
	close(fd);
	put_all(f, 1, 10);
	restart(f);
	all_known(f, 1, 10);
	path_of(f, "TCP.2.ncap.gz", path);
	assert_int_equal(access(path, F_OK), 0);
	/* it goes away: both names are known */
	end(f);
	path_of(f, "TCP.ncap.gz", path);
	assert_int_equal(unlink(path), 0);
	begin(f);
	all_known(f, 1, 10);
	put_all(f, 11, 20);
	restart(f);
	all_known(f, 1, 20);
	each_once(f, 1, 20);
}

/* More types than files may be open. */
static void few_files_are_open(void **state)
{
	struct fixture *f = *state;
	uint64_t seq = 0;

	f->options.open_files = 2;
	assert_int_equal(nc_store_set(f->s, &f->options), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (uint16_t type = 30; type < 45; type++) {
			if (!nc_type_by_number(type))
				continue;
			int rc = put(f, type, ++seq);
			if (rc == -EMFILE) {
				nc_store_wait(f->s);
				rc = hand(f);
			}
			assert_int_equal(rc, 0);
		}
	}
	nc_store_wait(f->s);
	each_once(f, 1, seq);
}

/* The loop commits by itself, soon. */
static void the_loop_drives_it(void **state)
{
	struct fixture *f = *state;
	struct nc_loop *loop;

	assert_int_equal(nc_loop_new(&loop), 0);
	assert_int_equal(nc_store_attach(f->s, loop), 0);
	put_all(f, 1, 5);
	while (!f->durable[5])
		assert_int_equal(nc_loop_once(loop, 1000), 0);
	assert_int_equal(nc_store_counters(f->s)->syncs, 1);
	/* 4 MiB do not wait for the time */
	for (uint64_t n = 6; n <= 14; n++) {
		make(f, TCP, n, 30000);
		assert_int_equal(hand(f), 0);
	}
	while (!f->durable[14])
		assert_int_equal(nc_loop_once(loop, 1000), 0);
	each_once(f, 1, 14);
	end(f);
	nc_loop_free(loop);
}

int main(void)
{
	nc_log_open("test");
	nc_log_level(LOG_CRIT);
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(a_block_is_taken_once),
		T(new_folders_last),
		T(restarts_know),
		T(blocks_tell_without_a_watermark),
		T(a_torn_block_is_not_there),
		T(a_hole_in_the_data_is_found),
		T(bad_blocks_are_refused),
		T(hostile_numbers_are_bounded),
		T(files_rotate_by_size),
		T(files_rotate_by_count_and_time),
		T(a_lost_watermark_is_made_anew),
		T(a_file_that_was_closing_is_finished),
		T(quotas_hold),
		T(a_quota_never_stops_it),
		T(old_files_expire),
		T(free_space_is_kept),
		T(a_file_that_may_not_grow),
		T(one_store_at_a_time),
		T(a_foreign_file_is_gone_by),
		T(few_files_are_open),
		T(the_loop_drives_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
