/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells record files from captures by their first bytes. */
#include "config.h"

#define ZLIB_CONST
#include "block/file.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/rd.h"
#include "block/scan.h"

enum {
	HEAD_LEN = 16 * 1024,     /* read from a file */
	INFLATED_LEN = 16 * 1024, /* looked at behind gzip; a Header with the longest path fits */
	SUBFIELD_END = 16,        /* so many bytes of a block are constant or free */
};

/* pcap (also the variants with nanoseconds and with the longer record header, any byte order) and pcapng. */
static bool is_capture(const uint8_t *p, size_t n)
{
	static const uint32_t magics[] = { 0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34 };
	struct nc_rd be = nc_rd_over(p, n), le = be, order;
	uint32_t b = nc_rd_be32(&be), l = nc_rd_le32(&le);

	if (be.failed)
		return false;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (b == magics[i] || l == magics[i])
			return true;
	}
	if (b != 0x0a0d0d0a)
		return false;
	nc_rd_skip(&be, 4);
	order = be;
	b = nc_rd_be32(&be);
	l = nc_rd_le32(&order);
	return be.failed || b == 0x1a2b3c4d || l == 0x1a2b3c4d;
}

/* A whole Header as delimited record. */
static bool is_header(const uint8_t *p, size_t n)
{
	struct nc_file_header h;
	struct nc_rd r = nc_rd_over(p, n);
	uint64_t len = nc_rd_varint(&r);

	if (r.failed || len > r.left)
		return false;
	return nc_file_header_parse(r.p, (size_t)len, &h) == 0;
}

static enum nc_file_content probe_plain(const uint8_t *p, size_t n)
{
	if (is_capture(p, n))
		return NC_CONTENT_CAPTURE;
	return is_header(p, n) ? NC_CONTENT_RECORDS : NC_CONTENT_OTHER;
}

/* Inflates the beginning of a gzip stream, over member borders too; how many bytes came out. */
static size_t inflate_head(const uint8_t *p, size_t n, uint8_t *out, size_t room)
{
	z_stream z = { 0 };

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return 0;
	z.next_in = p;
	z.avail_in = (unsigned)n;
	z.next_out = out;
	z.avail_out = (unsigned)room;
	int rc = Z_OK;
	while (rc == Z_OK && z.avail_out > 0) {
		rc = inflate(&z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END && z.avail_in > 0)
			rc = inflateReset(&z);
	}
	size_t got = room - z.avail_out;
	inflateEnd(&z);
	return got;
}

static enum nc_file_content probe_gzip(const uint8_t *p, size_t n)
{
	uint8_t inflated[INFLATED_LEN];
	struct nc_block_info info;
	int rc = nc_block_info(p, n, &info);

	if (rc == 0 || (rc == -EAGAIN && n >= SUBFIELD_END))
		return NC_CONTENT_RECORDS;
	if (rc != -ENOMSG)
		return NC_CONTENT_OTHER;
	return probe_plain(inflated, inflate_head(p, n, inflated, sizeof(inflated)));
}

enum nc_file_content nc_file_probe(int fd, const uint8_t *head, size_t n)
{
	uint8_t buf[HEAD_LEN];

	if (fd >= 0) {
		int64_t got = nc_scan_read(fd, buf, sizeof(buf), 0);
		if (got < 0)
			return NC_CONTENT_OTHER;
		head = buf;
		n = (size_t)got;
	}
	if (n > HEAD_LEN)
		n = HEAD_LEN;
	if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
		return probe_gzip(head, n);
	return probe_plain(head, n);
}
