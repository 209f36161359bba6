/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzes the watermark file: what is taken gives the same bytes again and keeps its rules; ranges can be added to it. */
#include "config.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectord/watermark.h"

enum { CRC_LEN = 4, MAGIC_LEN = 4, SIZE_AT = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool right)
{
	if (!right)
		abort();
}

static void well_formed(const struct nc_have *h)
{
	size_t ranges = 0;

	check(h->n <= NC_HAVE_EPOCHS && h->ranges <= NC_HAVE_RANGES);
	for (size_t i = 0; i < h->n; i++) {
		const struct nc_have_epoch *e = &h->epochs[i];
		uint64_t low = e->floor;
		check(low > 0);
		for (size_t k = 0; k < e->n; k++) {
			check(e->ranges[k].from >= low && e->ranges[k].to >= e->ranges[k].from);
			check(nc_have_state(h, e->id, e->ranges[k].from) == NC_HAVE_YES);
			low = e->ranges[k].to > UINT64_MAX - 2 ? UINT64_MAX : e->ranges[k].to + 2;
		}
		ranges += e->n;
	}
	check(ranges == h->ranges);
}

/* Numbers from the input itself, near those that are there. */
static void use(struct nc_have *h, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i + 2 < n && i < 96; i += 3) {
		uint64_t id = h->n ? h->epochs[data[i] % h->n].id : data[i], from = 1 + data[i + 1] * 3u;
		uint64_t to = from + data[i + 2] % 16;
		if (data[i + 2] & 0x80) {
			check(nc_have_remove(h, id, from, to) == 0);
			check(nc_have_state(h, id, from) != NC_HAVE_YES);
		} else {
			check(nc_have_add(h, id, from, to) == 0);
			check(nc_have_state(h, id, to) != NC_HAVE_NOT);
		}
		if (data[i + 2] == 0x55)
			nc_have_floor(h, id, from);
	}
	well_formed(h);
}

static void parse(const uint8_t *data, size_t n)
{
	struct nc_buf again = { .max = 0 };
	struct nc_watermark w;
	int rc = nc_watermark_parse(data, n, &w);

	check(rc == 0 || rc == -EBADMSG || rc == -EPROTONOSUPPORT);
	if (rc)
		return;
	check(n <= NC_WATERMARK_MAX && w.n <= NC_WATERMARK_FILES);
	well_formed(&w.have);
	nc_watermark_pack(&w.have, w.files, w.n, &again);
	check(again.len == n && memcmp(again.data, data, n) == 0);
	use(&w.have, data, n);
	nc_buf_free(&again);
	nc_watermark_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	parse(data, n);
	if (n < SIZE_AT + MAGIC_LEN + CRC_LEN)
		return 0;
	/* size and sum put right, so that the rest is looked at */
	uint8_t *mended = malloc(n);
	check(mended);
	memcpy(mended, data, n);
	for (unsigned i = 0; i < 4; i++)
		mended[SIZE_AT + i] = (uint8_t)(n >> (8 * i));
	uint32_t crc = libdeflate_crc32(0, mended, n - CRC_LEN);
	for (unsigned i = 0; i < CRC_LEN; i++)
		mended[n - CRC_LEN + i] = (uint8_t)(crc >> (8 * i));
	parse(mended, n);
	free(mended);
	return 0;
}
