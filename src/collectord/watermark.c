/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The watermark file of a sensor's folder: the blocks that are there or were, and how far its files are known. docs/files.md. */
#include "config.h"

#include "collectord/watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/rd.h"
#include "block/recover.h"
#include "block/scan.h"

enum {
	FORMAT_VERSION = 1,
	HEAD_LEN = 20,
	EPOCH_LEN = 20, /* without its ranges */
	RANGE_LEN = 16,
	FILE_LEN = 48,
	CRC_LEN = 4,
};

#define NEW_NAME NC_WATERMARK_NAME ".new"

static const uint8_t magic[4] = { 'N', 'C', 'W', 'M' };

void nc_watermark_free(struct nc_watermark *w)
{
	nc_have_free(&w->have);
	free(w->files);
	memset(w, 0, sizeof(*w));
}

/* --- bytes ---------------------------------------------------------------------------------------------------------- */

static void pack_epoch(const struct nc_have_epoch *e, struct nc_buf *out)
{
	nc_buf_le64(out, e->id);
	nc_buf_le64(out, e->floor);
	nc_buf_le32(out, (uint32_t)e->n);
	for (size_t i = 0; i < e->n; i++) {
		nc_buf_le64(out, e->ranges[i].from);
		nc_buf_le64(out, e->ranges[i].to);
	}
}

static void pack_file(const struct nc_watermark_file *f, struct nc_buf *out)
{
	nc_buf_le64(out, f->inode);
	nc_buf_le64(out, (uint64_t)f->born);
	nc_buf_le64(out, (uint64_t)f->begun);
	nc_buf_le64(out, f->size);
	nc_buf_le64(out, f->blocks);
	nc_buf_le64(out, f->records);
}

void nc_watermark_pack(const struct nc_have *have, const struct nc_watermark_file *files, size_t n, struct nc_buf *out)
{
	size_t from = out->len;
	size_t size = HEAD_LEN + have->n * EPOCH_LEN + have->ranges * RANGE_LEN + n * FILE_LEN + CRC_LEN;

	nc_buf_add(out, magic, sizeof(magic));
	nc_buf_le16(out, FORMAT_VERSION);
	nc_buf_le16(out, 0);
	nc_buf_le32(out, (uint32_t)size);
	nc_buf_le32(out, (uint32_t)have->n);
	nc_buf_le32(out, (uint32_t)n);
	for (size_t i = 0; i < have->n; i++)
		pack_epoch(&have->epochs[i], out);
	for (size_t i = 0; i < n; i++)
		pack_file(&files[i], out);
	if (!out->failed)
		nc_buf_le32(out, libdeflate_crc32(0, out->data + from, out->len - from));
}

static int parse_epoch(struct nc_rd *r, struct nc_have *have)
{
	struct nc_have_epoch e = { .id = nc_rd_le64(r) };

	e.floor = nc_rd_le64(r);
	e.n = e.cap = nc_rd_le32(r);
	if (r->failed || e.floor == 0 || e.n > NC_HAVE_RANGES - have->ranges || e.n > r->left / RANGE_LEN)
		return -EBADMSG;
	e.ranges = e.n ? calloc(e.n, sizeof(e.ranges[0])) : NULL;
	if (e.n && !e.ranges)
		return -ENOMEM;
	have->epochs[have->n++] = e;
	have->ranges += e.n;
	uint64_t next = e.floor;
	for (size_t i = 0; i < e.n; i++) {
		struct nc_have_range *g = &e.ranges[i];
		g->from = nc_rd_le64(r);
		g->to = nc_rd_le64(r);
		if (g->from < next || g->to < g->from || (i + 1 < e.n && g->to > UINT64_MAX - 2))
			return -EBADMSG;
		next = g->to + 2;
	}
	for (size_t i = 0; i + 1 < have->n; i++)
		if (have->epochs[i].id == e.id)
			return -EBADMSG;
	return 0;
}

static int parse_epochs(struct nc_rd *r, uint32_t n, struct nc_have *have)
{
	int rc = 0;

	if (n > NC_HAVE_EPOCHS)
		return -EBADMSG;
	have->epochs = calloc(n ? n : 1, sizeof(have->epochs[0]));
	if (!have->epochs)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = parse_epoch(r, have);
	return rc;
}

static int parse_files(struct nc_rd *r, uint32_t n, struct nc_watermark *w)
{
	if (n > NC_WATERMARK_FILES || r->left != (size_t)n * FILE_LEN)
		return -EBADMSG;
	w->files = calloc(n ? n : 1, sizeof(w->files[0]));
	if (!w->files)
		return -ENOMEM;
	for (; w->n < n; w->n++) {
		struct nc_watermark_file *f = &w->files[w->n];
		f->inode = nc_rd_le64(r);
		f->born = (int64_t)nc_rd_le64(r);
		f->begun = (int64_t)nc_rd_le64(r);
		f->size = nc_rd_le64(r);
		f->blocks = nc_rd_le64(r);
		f->records = nc_rd_le64(r);
	}
	return 0;
}

int nc_watermark_parse(const uint8_t *p, size_t n, struct nc_watermark *ret)
{
	struct nc_watermark w = { .n = 0 };
	struct nc_rd r = nc_rd_over(p, n);
	const uint8_t *m = nc_rd_bytes(&r, sizeof(magic));
	uint16_t version = nc_rd_le16(&r), zero = nc_rd_le16(&r);
	uint32_t size = nc_rd_le32(&r), epochs = nc_rd_le32(&r), files = nc_rd_le32(&r);

	if (r.failed || memcmp(m, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	if (version > FORMAT_VERSION)
		return -EPROTONOSUPPORT;
	if (version != FORMAT_VERSION || zero != 0 || size != n || n > NC_WATERMARK_MAX || r.left < CRC_LEN)
		return -EBADMSG;
	struct nc_rd tail = nc_rd_over(p + n - CRC_LEN, CRC_LEN);
	if (nc_rd_le32(&tail) != libdeflate_crc32(0, p, n - CRC_LEN))
		return -EBADMSG;
	nc_rd_trim(&r, r.left - CRC_LEN);
	int rc = parse_epochs(&r, epochs, &w.have);
	if (rc == 0)
		rc = parse_files(&r, files, &w);
	if (rc) {
		nc_watermark_free(&w);
		return rc;
	}
	*ret = w;
	return 0;
}

/* --- the file ------------------------------------------------------------------------------------------------------- */

int nc_watermark_load(int dirfd, struct nc_watermark *ret)
{
	struct nc_buf b = { .max = NC_WATERMARK_MAX + 1 };
	int fd = openat(dirfd, NC_WATERMARK_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	uint8_t *to = nc_buf_reserve(&b, NC_WATERMARK_MAX + 1);
	int64_t n = to ? nc_scan_read(fd, to, NC_WATERMARK_MAX + 1, 0) : -ENOMEM;
	close(fd);
	if (n < 0)
		rc = (int)n;
	else
		rc = nc_watermark_parse(to, (size_t)n, ret);
	nc_buf_free(&b);
	return rc;
}

static int write_new(int dirfd, const uint8_t *p, size_t n)
{
	int fd = openat(dirfd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	int rc = nc_file_write_at(fd, p, n, 0);
	if (rc == 0)
		rc = NC_FAULT("after-watermark-write");
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int nc_watermark_save(int dirfd, const uint8_t *p, size_t n)
{
	int rc = NC_FAULT("before-watermark");

	if (rc == 0)
		rc = write_new(dirfd, p, n);
	if (rc == 0)
		rc = NC_FAULT("before-watermark-rename");
	if (rc == 0 && renameat(dirfd, NEW_NAME, dirfd, NC_WATERMARK_NAME) < 0)
		rc = -errno;
	if (rc) {
		(void)unlinkat(dirfd, NEW_NAME, 0);
		return rc;
	}
	rc = NC_FAULT("after-watermark-rename");
	if (rc == 0 && fsync(dirfd) < 0 && errno != EINVAL)
		rc = -errno;
	return rc ? rc : NC_FAULT("after-watermark");
}

const struct nc_watermark_file *nc_watermark_find(const struct nc_watermark *w, uint64_t inode, int64_t born)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->files[i].inode == inode && w->files[i].born == born)
			return &w->files[i];
	return NULL;
}
