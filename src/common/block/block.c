/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds, describes and opens blocks: gzip members with the 'NC' subfield. */
#include "config.h"

#include "block/block.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "base/time.h"
#include "block/deflate.h"

enum {
	FLG_FEXTRA = 0x04,
	FLG_RESERVED = 0xe0,
	OFF_FLG = 3,
	OFF_VERSION = 16,
	OFF_EPOCH = 44,
	OFF_SEQ = 52,
	EXTRA_LEN = 44,
	XLEN = EXTRA_LEN + 4,
	BLOCK_VERSION = 1,
	DEFLATE_MIN = 2,      /* an empty block with fixed codes, RFC 1951 section 3.2.6 */
	DEFLATE_RATIO = 1032, /* one 258-byte match in two bits is the best that deflate can do */
};

struct nc_inflater {
	struct libdeflate_decompressor *d;
};

struct nc_inflater *nc_inflater_new(void)
{
	struct nc_inflater *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->d = libdeflate_alloc_decompressor();
	if (!i->d) {
		free(i);
		return NULL;
	}
	return i;
}

void nc_inflater_free(struct nc_inflater *i)
{
	if (!i)
		return;
	libdeflate_free_decompressor(i->d);
	free(i);
}

size_t nc_block_bound(size_t n)
{
	return NC_BLOCK_HEADER_LEN + libdeflate_deflate_compress_bound(NULL, n) + NC_BLOCK_TRAILER_LEN;
}

static uint8_t *put(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	return p + n;
}

static uint32_t mtime(int64_t ns)
{
	if (ns <= 0)
		return 0;
	int64_t s = ns / NC_NS_PER_S;
	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static void put_header(uint8_t *p, const struct nc_block_info *info, uint8_t xfl)
{
	static const uint8_t magic[] = { 0x1f, 0x8b, 8, FLG_FEXTRA };

	memcpy(p, magic, sizeof(magic));
	p = put(p + sizeof(magic), mtime(info->last_ns), 4);
	p = put(p, xfl, 1);
	p = put(p, 0xff, 1);
	p = put(p, XLEN, 2);
	*p++ = 'N';
	*p++ = 'C';
	p = put(p, EXTRA_LEN, 2);
	p = put(p, BLOCK_VERSION, 1);
	p = put(p, info->kind, 1);
	p = put(p, info->type, 2);
	p = put(p, info->size, 4);
	p = put(p, info->count, 4);
	p = put(p, (uint64_t)info->first_ns, 8);
	p = put(p, (uint64_t)info->last_ns, 8);
	p = put(p, info->epoch, 8);
	put(p, info->seq, 8);
}

size_t nc_block_build(struct nc_deflater *d, struct nc_block_info *info, const void *data, size_t n, uint8_t *dst, size_t room)
{
	const size_t around = NC_BLOCK_HEADER_LEN + NC_BLOCK_TRAILER_LEN;

	if (n > NC_BLOCK_INFLATED_MAX || room < around)
		return 0;
	if (room > NC_BLOCK_SIZE_MAX)
		room = NC_BLOCK_SIZE_MAX;
	size_t deflated = nc_deflate(d, data, n, dst + NC_BLOCK_HEADER_LEN, room - around);
	if (deflated == 0)
		return 0;
	info->size = (uint32_t)(around + deflated);
	put_header(dst, info, nc_deflate_xfl(d));
	uint8_t *p = put(dst + NC_BLOCK_HEADER_LEN + deflated, libdeflate_crc32(0, data, n), 4);
	put(p, n, 4);
	return info->size;
}

void nc_block_stamp(uint8_t *block, uint64_t epoch, uint64_t seq)
{
	put(block + OFF_EPOCH, epoch, 8);
	put(block + OFF_SEQ, seq, 8);
}

/* Whether the first n bytes are (so far) the gzip header of a block; MTIME, XFL and OS are free. As nc_block_info. */
static int check_prefix(const uint8_t *p, size_t n)
{
	static const uint8_t want[OFF_VERSION] = { 0x1f, 0x8b, 8, FLG_FEXTRA, 0, 0, 0, 0, 0, 0, XLEN, 0, 'N', 'C', EXTRA_LEN, 0 };
	size_t have = n < OFF_VERSION ? n : OFF_VERSION;

	for (size_t i = 0; i < have; i++) {
		if (i >= 4 && i < 10)
			continue;
		if (p[i] == want[i])
			continue;
		if (i < OFF_FLG || (i == OFF_FLG && p[i] & FLG_RESERVED))
			return -EBADMSG;
		return -ENOMSG;
	}
	return n < OFF_VERSION ? -EAGAIN : 0;
}

int nc_block_info(const uint8_t *p, size_t n, struct nc_block_info *ret)
{
	int rc = check_prefix(p, n);

	if (rc)
		return rc;
	if (n < NC_BLOCK_HEADER_LEN)
		return -EAGAIN;
	struct nc_rd r = nc_rd_over(p + OFF_VERSION, EXTRA_LEN);
	uint8_t version = nc_rd_u8(&r);
	struct nc_block_info info = { .kind = nc_rd_u8(&r) };
	info.type = nc_rd_le16(&r);
	info.size = nc_rd_le32(&r);
	info.count = nc_rd_le32(&r);
	info.first_ns = (int64_t)nc_rd_le64(&r);
	info.last_ns = (int64_t)nc_rd_le64(&r);
	info.epoch = nc_rd_le64(&r);
	info.seq = nc_rd_le64(&r);
	if (version != BLOCK_VERSION || info.kind > NC_BLOCK_LOG)
		return -EBADMSG;
	if (info.size < NC_BLOCK_HEADER_LEN + DEFLATE_MIN + NC_BLOCK_TRAILER_LEN || info.size > NC_BLOCK_SIZE_MAX)
		return -EBADMSG;
	*ret = info;
	return 0;
}

bool nc_block_newer(const uint8_t *p, size_t n)
{
	return check_prefix(p, n) == 0 && n > OFF_VERSION && p[OFF_VERSION] > BLOCK_VERSION;
}

/* Inflates n bytes to exactly size bytes at to. */
static int inflate_exactly(struct nc_inflater *i, const uint8_t *p, size_t n, uint8_t *to, size_t size)
{
	size_t used = 0;
	enum libdeflate_result res = libdeflate_deflate_decompress_ex(i->d, p, n, to, size, &used, NULL);

	return res == LIBDEFLATE_SUCCESS && used == n ? 0 : -EBADMSG;
}

int nc_block_open(struct nc_inflater *i, const uint8_t *p, size_t n, struct nc_buf *out)
{
	struct nc_block_info info;

	nc_buf_reset(out);
	if (n < NC_BLOCK_HEADER_LEN || nc_block_info(p, n, &info) || info.size != n)
		return -EBADMSG;
	size_t deflated = n - NC_BLOCK_HEADER_LEN - NC_BLOCK_TRAILER_LEN;
	struct nc_rd r = nc_rd_over(p + NC_BLOCK_HEADER_LEN + deflated, NC_BLOCK_TRAILER_LEN);
	uint32_t crc = nc_rd_le32(&r);
	size_t size = nc_rd_le32(&r);
	if (size > NC_BLOCK_INFLATED_MAX)
		return -E2BIG;
	if (size > deflated * DEFLATE_RATIO)
		return -EBADMSG;
	uint8_t *to = nc_buf_reserve(out, size + 1); /* never NULL for 0 bytes */
	if (!to)
		return -ENOMEM;
	int rc = inflate_exactly(i, p + NC_BLOCK_HEADER_LEN, deflated, to, size);
	if (rc)
		return rc;
	if (libdeflate_crc32(0, to, size) != crc)
		return -EBADMSG;
	out->len = size;
	return 0;
}
