/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hopping over the blocks of a seekable file and finding the next whole one behind damage. */
#include "config.h"

#include "block/scan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	CHUNK = 64 * 1024,
	/* Headers that looked right and whose blocks didn't open, in one search: a crafted file would else cost an inflation per
	 * few bytes. */
	FALSE_MAX = 1024,
};

void nc_scan_free(struct nc_scan *s)
{
	nc_buf_free(&s->raw);
	nc_buf_free(&s->data);
}

int64_t nc_scan_read(int fd, void *to, size_t n, uint64_t off)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = pread(fd, (uint8_t *)to + got, n - got, (off_t)(off + got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (int64_t)got;
}

int nc_scan_info(const struct nc_scan *s, uint64_t off, struct nc_block_info *ret, bool *newer)
{
	uint8_t head[NC_BLOCK_HEADER_LEN];
	int64_t n = nc_scan_read(s->fd, head, sizeof(head), off);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENODATA;
	if (newer)
		*newer = nc_block_newer(head, (size_t)n);
	return nc_block_info(head, (size_t)n, ret);
}

int nc_scan_open(struct nc_scan *s, uint64_t off, const struct nc_block_info *info)
{
	nc_buf_reset(&s->raw);
	uint8_t *to = nc_buf_reserve(&s->raw, info->size);
	if (!to)
		return -ENOMEM;
	int64_t n = nc_scan_read(s->fd, to, info->size, off);
	if (n < 0)
		return (int)n;
	if ((size_t)n < info->size)
		return -EBADMSG;
	return nc_block_open(s->inflater, to, info->size, &s->data);
}

/* Whether a whole block stands at off: 1, 0, or negative errno for what is not the file's fault. */
static int is_block(struct nc_scan *s, uint64_t off, unsigned *failures)
{
	struct nc_block_info info;
	int rc = nc_scan_info(s, off, &info, NULL);

	if (rc == -EBADMSG || rc == -ENOMSG || rc == -EAGAIN || rc == -ENODATA)
		return 0;
	if (rc < 0)
		return rc;
	rc = nc_scan_open(s, off, &info);
	if (rc != -EBADMSG && rc != -E2BIG)
		return rc < 0 ? rc : 1;
	(*failures)++;
	return 0;
}

/* Tries the place where the damaged block's size leads. 1: a block; 0: search from *from on; -ENODATA: no more; other errno. */
static int try_hop(struct nc_scan *s, uint64_t hop, uint64_t *from, unsigned *failures)
{
	static const uint8_t zeros[NC_BLOCK_HEADER_LEN];
	uint8_t head[sizeof(zeros)];
	int rc = is_block(s, hop, failures);

	if (rc)
		return rc;
	int64_t n = nc_scan_read(s->fd, head, sizeof(head), hop);
	if (n <= 0)
		return n < 0 ? (int)n : -ENODATA;
	if (memcmp(head, zeros, (size_t)n) == 0)
		*from = hop;
	return 0;
}

int nc_scan_find(struct nc_scan *s, uint64_t from, uint64_t hop, uint64_t *ret)
{
	static const uint8_t magic[] = { 0x1f, 0x8b, 8, 4 };
	uint8_t chunk[CHUNK];
	unsigned failures = 0;

	if (hop) {
		int rc = try_hop(s, hop, &from, &failures);
		*ret = hop;
		if (rc)
			return rc == -ENODATA ? 0 : rc;
	}
	for (;;) {
		int64_t n = nc_scan_read(s->fd, chunk, sizeof(chunk), from);
		if (n < (int64_t)sizeof(magic))
			return n < 0 ? (int)n : 0;
		size_t at = 0, len = (size_t)n;
		const uint8_t *hit;
		while ((hit = memmem(chunk + at, len - at, magic, sizeof(magic)))) {
			at = (size_t)(hit - chunk);
			int rc = is_block(s, from + at, &failures);
			*ret = from + at;
			if (rc)
				return rc;
			if (failures >= FALSE_MAX)
				return 0;
			at++;
		}
		from += len - (sizeof(magic) - 1);
	}
}
