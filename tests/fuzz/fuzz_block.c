/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzes the header and the opening of a single block; what opens must come out the same when it is built again. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void rebuild(struct nc_inflater *i, const struct nc_block_info *info, const struct nc_buf *content)
{
	struct nc_deflater *d = nc_deflater_new(1);
	struct nc_block_info own = *info, back;
	struct nc_buf again = { 0 };
	size_t room = nc_block_bound(content->len);
	uint8_t *block = malloc(room);

	if (!d || !block)
		abort();
	size_t size = nc_block_build(d, &own, content->data, content->len, block, room);
	if (size == 0 || nc_block_info(block, size, &back) || nc_block_open(i, block, size, &again))
		abort();
	if (back.count != info->count || back.first_ns != info->first_ns || back.last_ns != info->last_ns)
		abort();
	if (again.len != content->len || memcmp(again.data, content->data, again.len) != 0)
		abort();
	free(block);
	nc_deflater_free(d);
	nc_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_inflater *i = nc_inflater_new();
	struct nc_block_info info;
	struct nc_buf out = { 0 };

	if (!i)
		return 0;
	int described = nc_block_info(data, n, &info);
	(void)nc_block_newer(data, n);
	if (nc_block_open(i, data, n, &out) == 0) {
		if (described || info.size != n || out.len > NC_BLOCK_INFLATED_MAX)
			abort();
		rebuild(i, &info, &out);
	}
	nc_buf_free(&out);
	nc_inflater_free(i);
	return 0;
}
