/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is a sensor's folder as a crash left it: the lengths of the first two of a watermark, a live and a finished file.
 * What was there stays there, and a block that is stored is there once, also for the next start. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "block/block.h"
#include "collectord/store.h"
#include "collectord/watermark.h"
#include "files.h"

#define TCP        38u
#define EPOCH      77u
#define RANGES_MAX 4096u
#define SIZE_AT    8u
#define CRC_LEN    4u

struct range {
	uint64_t epoch, from, to;
};

struct ranges {
	struct range r[RANGES_MAX];
	size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void on_range(void *user, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct ranges *all = user;

	nc_fuzz_expect(from && from <= to && all->n < RANGES_MAX);
	all->r[all->n++] = (struct range){ .epoch = epoch, .from = from, .to = to };
}

/* Whether all numbers of `a` are in `b`; a range may have grown, but is not cut. */
static void kept(const struct ranges *a, const struct ranges *b)
{
	for (size_t i = 0; i < a->n; i++) {
		bool found = false;
		for (size_t k = 0; k < b->n && !found; k++)
			found = b->r[k].epoch == a->r[i].epoch && b->r[k].from <= a->r[i].from && b->r[k].to >= a->r[i].to;
		nc_fuzz_expect(found);
	}
}

static struct nc_store *begin(const char *path, struct nc_shelf **h)
{
	const struct nc_store_options o = { .level = 1, .pending_max = 1u << 20, .open_files = 16 };
	struct nc_buf err = { .max = 1024 };
	struct nc_store *s;

	nc_fuzz_expect(nc_store_open(path, &o, &s, &err) == 0);
	nc_store_tick(s, 1000, INT64_C(1793685600000000000));
	int rc = nc_store_shelf(s, "alpha", h);
	/* a watermark of a later version is not touched */
	nc_fuzz_expect(rc == 0 || rc == -EPROTONOSUPPORT);
	nc_buf_free(&err);
	if (rc) {
		nc_store_close(s);
		return NULL;
	}
	return s;
}

static size_t make_block(uint8_t *to, size_t room, uint64_t seq, struct nc_block_info *info)
{
	static const uint8_t records[] = { 2, 0x10, 1 };
	struct nc_deflater *d = nc_deflater_new(1);

	*info = (struct nc_block_info){ .kind = NC_BLOCK_RECORDS, .type = TCP, .count = 1, .first_ns = 1, .last_ns = 1 };
	size_t n = nc_block_build(d, info, records, sizeof(records), to, room);
	nc_fuzz_expect(n > 0);
	nc_block_stamp(to, EPOCH, seq);
	nc_deflater_free(d);
	nc_fuzz_expect(nc_block_info(to, n, info) == 0);
	return n;
}

static void run(const struct nc_fuzz_folder *f)
{
	struct ranges *before = calloc(1, sizeof(*before)), *after = calloc(1, sizeof(*after));
	uint8_t block[512];
	struct nc_block_info info;
	struct nc_shelf *h;
	struct nc_store *s = begin(f->path, &h);

	nc_fuzz_expect(before && after);
	if (s) {
		(void)make_block(block, sizeof(block), 5, &info);
		nc_shelf_each(h, on_range, before);
		int first = nc_shelf_append(h, block, &info, 0);
		nc_fuzz_expect(first == 0 || first == -EEXIST || first == -ESTALE);
		nc_store_wait(s);
		nc_fuzz_expect(nc_shelf_append(h, block, &info, 0) == (first == -ESTALE ? -ESTALE : -EEXIST));
		nc_shelf_each(h, on_range, after);
		kept(before, after);
		nc_fuzz_expect(nc_store_close(s) == 0);
		s = begin(f->path, &h);
		nc_fuzz_expect(s != NULL);
		nc_fuzz_expect(nc_shelf_append(h, block, &info, 0) == (first == -ESTALE ? -ESTALE : -EEXIST));
		before->n = 0;
		nc_shelf_each(h, on_range, before);
		kept(after, before);
		nc_store_close(s);
	}
	free(before);
	free(after);
}

/* No fuzzer guesses size and sum. */
static uint8_t *mend(struct nc_rd w)
{
	uint8_t *p = malloc(w.left + 1);

	nc_fuzz_expect(p != NULL);
	memcpy(p, w.p, w.left);
	if (w.left < SIZE_AT + 4 + CRC_LEN)
		return p;
	for (unsigned i = 0; i < 4; i++)
		p[SIZE_AT + i] = (uint8_t)(w.left >> (8 * i));
	uint32_t crc = libdeflate_crc32(0, p, w.left - CRC_LEN);
	for (unsigned i = 0; i < CRC_LEN; i++)
		p[w.left - CRC_LEN + i] = (uint8_t)(crc >> (8 * i));
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_rd input = nc_rd_over(data, n);
	size_t marked = nc_rd_le16(&input), live = nc_rd_le16(&input);
	struct nc_fuzz_folder f;

	if (input.failed || marked > input.left || live > input.left - marked)
		return 0;
	nc_log_level(0);
	nc_fuzz_open(&f);
	nc_fuzz_expect(mkdirat(f.fd, "alpha", 0750) == 0);
	int dir = openat(f.fd, "alpha", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct nc_rd watermark = nc_rd_sub(&input, marked), file = nc_rd_sub(&input, live);
	uint8_t *p = mend(watermark);
	if (marked)
		nc_fuzz_put(dir, NC_WATERMARK_NAME, nc_rd_over(p, marked), 0640);
	if (live)
		nc_fuzz_put(dir, "TCP.ncap.gz", file, 0640);
	if (input.left)
		nc_fuzz_put(dir, "TCP.20261103T060000Z.ncap.gz", input, 0640);
	run(&f);
	free(p);
	close(dir);
	nc_fuzz_close(&f);
	return 0;
}
