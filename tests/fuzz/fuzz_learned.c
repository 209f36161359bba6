/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is what a sensor learned of a collector's keys: what is taken is there again after each step, the rest is refused. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "sensord/learned.h"

#define FILE_NAME "collector-0100000000000000.key"

static const uint8_t first[NC_KEY_LEN] = { 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool same(const uint8_t a[static NC_KEY_LEN], const uint8_t b[static NC_KEY_LEN])
{
	return memcmp(a, b, NC_KEY_LEN) == 0;
}

static void open_again(const struct nc_learned *l)
{
	struct nc_buf err = { .max = 1024 };
	struct nc_learned again;

	nc_fuzz_expect(nc_learned_open(&again, l->dir, first, &err) == 0 && err.len == 0);
	nc_fuzz_expect(same(l->now, again.now) && same(again.first, first) && l->has_before == again.has_before);
	nc_fuzz_expect(!l->has_before || same(l->before, again.before));
}

static void step(struct nc_learned *l, uint8_t what)
{
	uint8_t key[NC_KEY_LEN] = { what };

	if (what % 4 == 0) {
		nc_learned_used(l);
		nc_fuzz_expect(!l->has_before);
	} else {
		nc_fuzz_expect(nc_learned_take(l, key) == 0 && same(l->now, key));
	}
	open_again(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_rd input = nc_rd_over(data, n), file = nc_fuzz_part(&input);
	struct nc_fuzz_folder f;
	struct nc_buf err = { .max = 1024 };
	struct nc_learned l;

	nc_fuzz_open(&f);
	nc_fuzz_put(f.fd, FILE_NAME, file, 0640);
	int rc = nc_learned_open(&l, f.fd, first, &err);
	nc_fuzz_expect((rc == 0) == (err.len == 0));
	if (rc == 0) {
		nc_fuzz_expect(file.left > 0);
		open_again(&l);
		for (unsigned i = 0; i < 8 && input.left; i++)
			step(&l, nc_rd_u8(&input));
	} else {
		nc_fuzz_expect(nc_fuzz_holds(f.fd, FILE_NAME, file));
	}
	nc_buf_free(&err);
	nc_fuzz_close(&f);
	return 0;
}
