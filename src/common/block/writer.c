/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes record files: whole blocks or whole delimited records, a torn tail moved aside before anything is appended. */
#include "config.h"

#include "block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rd.h"
#include "block/recover.h"

struct nc_file_writer {
	int fd;
	int dir; /* folder of a new file until its entry is durable, else -1 */
	bool plain;
	uint32_t type;
	bool cut;  /* a failed append left bytes behind `size` */
	bool redo; /* a sync failed: all from `synced` on is to be written again */
	uint64_t size, synced;
};

/* --- opening ---------------------------------------------------------------------------------------------------- */

/* Opens or makes the file; *created tells which. Descriptor or negative errno. */
static int open_file(int dirfd, const char *name, bool *created)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not stop us */
	const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	for (int i = 0; i < 8; i++) {
		*created = false;
		int fd = openat(dirfd, name, flags);
		if (fd >= 0 || errno != ENOENT)
			return fd >= 0 ? fd : -errno;
		*created = true;
		fd = openat(dirfd, name, flags | O_CREAT | O_EXCL, 0640);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
	return -EBUSY;
}

/* A regular file that nobody else writes to: its size into *size. */
static int claim_file(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY; /* other failures: a file system without locks */
	/* again, since the one who had the lock may have written to the file or removed it */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -EBUSY;
	*size = (uint64_t)st.st_size;
	return 0;
}

/* The bytes that a new file begins with. */
static int make_header(const struct nc_file_header *h, bool plain, struct nc_deflater *d, struct nc_buf *out)
{
	struct nc_block_info info = { .kind = NC_BLOCK_HEADER, .type = (uint16_t)h->type, .count = 1 };
	struct nc_file_header check;
	struct nc_buf m = { 0 };
	int rc = -ENOMEM;

	nc_file_header_pack(h, &m);
	if (m.failed)
		goto out;
	struct nc_rd r = nc_rd_over(m.data, m.len);
	nc_rd_varint(&r);
	rc = -EINVAL;
	if (nc_file_header_parse(r.p, r.left, &check))
		goto out;
	rc = -ENOMEM;
	if (plain) {
		nc_buf_add(out, m.data, m.len);
	} else {
		uint8_t *to = nc_buf_reserve(out, nc_block_bound(m.len));
		if (to)
			out->len += nc_block_build(d, &info, m.data, m.len, to, nc_block_bound(m.len));
	}
	if (!out->failed && out->len > 0)
		rc = 0;
out:
	nc_buf_free(&m);
	return rc;
}

/* Brings the file to a state that can be appended to: whole blocks or records, or empty. */
static int prepare(int dirfd, const char *name, int fd, enum nc_file_mode mode, bool plain, uint32_t type,
                   const struct nc_file_visit *v, uint64_t *size, uint64_t *torn)
{
	if (mode == NC_FILE_APPEND)
		return nc_file_recover(dirfd, name, fd, plain, type, v, size, torn);
	uint64_t have = *size;
	*size = 0;
	return have ? nc_file_cut(fd, 0) : 0;
}

static int open_writer(int dirfd, const char *name, enum nc_file_mode mode, bool plain, const struct nc_file_header *h,
                       struct nc_deflater *d, const struct nc_file_visit *v, uint64_t *torn, struct nc_file_writer **ret)
{
	struct nc_file_writer *w = NULL;
	struct nc_buf head = { 0 };
	bool created = false, claimed = false;
	uint64_t size = 0, cut = 0;
	int fd = -1;

	if (!plain && !d)
		return -EINVAL;
	int rc = make_header(h, plain, d, &head);
	if (rc)
		goto out;
	rc = -ENOMEM;
	w = calloc(1, sizeof(*w));
	if (!w)
		goto out;
	rc = fd = open_file(dirfd, name, &created);
	if (rc < 0)
		goto out;
	rc = claim_file(fd, &size);
	claimed = rc == 0;
	if (claimed)
		rc = prepare(dirfd, name, fd, mode, plain, h->type, v, &size, &cut);
	if (rc)
		goto out;
	*w = (struct nc_file_writer){ .fd = fd, .dir = -1, .plain = plain, .type = h->type, .size = size, .synced = size };
	if (size == 0)
		rc = nc_file_writer_append(w, head.data, head.len);
	if (rc)
		goto out;
	if (created)
		w->dir = nc_file_folder(dirfd, name);
	if (torn)
		*torn = cut;
	*ret = w;
	w = NULL;
	fd = -1;
out:
	if (fd >= 0) {
		if (created && claimed)
			unlinkat(dirfd, name, 0);
		flock(fd, LOCK_UN);
		close(fd);
	}
	free(w);
	nc_buf_free(&head);
	return rc < 0 ? rc : 0;
}

int nc_file_writer_open(int dirfd, const char *name, enum nc_file_mode mode, bool plain, const struct nc_file_header *h,
                        struct nc_deflater *d, uint64_t *torn, struct nc_file_writer **ret)
{
	static const struct nc_file_visit nothing;

	return open_writer(dirfd, name, mode, plain, h, d, &nothing, torn, ret);
}

int nc_file_writer_open_visit(int dirfd, const char *name, const struct nc_file_header *h, struct nc_deflater *d,
                              const struct nc_file_visit *v, uint64_t *torn, struct nc_file_writer **ret)
{
	return open_writer(dirfd, name, NC_FILE_APPEND, false, h, d, v, torn, ret);
}

/* --- appending -------------------------------------------------------------------------------------------------- */

static bool whole_blocks(const uint8_t *p, size_t n, uint32_t type)
{
	struct nc_block_info info;

	while (n > 0) {
		if (nc_block_info(p, n, &info) || info.size > n || info.type != type)
			return false;
		p += info.size;
		n -= info.size;
	}
	return true;
}

static bool whole_records(const uint8_t *p, size_t n)
{
	struct nc_rd r = nc_rd_over(p, n);

	while (r.left > 0 && !r.failed) {
		uint64_t len = nc_rd_varint(&r);
		if (len > NC_RECORD_MAX)
			return false;
		nc_rd_skip(&r, (size_t)len);
	}
	return !r.failed;
}

int nc_file_writer_append(struct nc_file_writer *w, const uint8_t *p, size_t n)
{
	if (!(w->plain ? whole_records(p, n) : whole_blocks(p, n, w->type)))
		return -EINVAL;
	if (w->cut) {
		int rc = nc_file_cut(w->fd, w->size);
		if (rc)
			return rc;
		w->cut = false;
	}
	int rc = nc_file_write_at(w->fd, p, n, w->size);
	if (rc) {
		w->cut = nc_file_cut(w->fd, w->size) != 0;
		return rc;
	}
	w->size += n;
	return 0;
}

int nc_file_writer_sync_begin(struct nc_file_writer *w, struct nc_file_sync *ret)
{
	int rc = w->redo ? nc_file_copy(w->fd, w->synced, w->size, w->fd, w->synced) : 0;

	if (rc)
		return rc;
	*ret = (struct nc_file_sync){ .fd = w->fd, .dir = w->dir, .size = w->size };
	return 0;
}

int nc_file_sync_run(const struct nc_file_sync *sync)
{
	if (fdatasync(sync->fd) < 0)
		return -errno;
	return sync->dir >= 0 && fsync(sync->dir) < 0 && errno != EINVAL ? -errno : 0;
}

void nc_file_writer_sync_end(struct nc_file_writer *w, const struct nc_file_sync *sync, int rc)
{
	w->redo = rc != 0;
	if (rc)
		return;
	w->synced = sync->size;
	if (w->dir >= 0)
		close(w->dir);
	w->dir = -1;
}

int nc_file_writer_sync(struct nc_file_writer *w)
{
	struct nc_file_sync sync;
	int rc = nc_file_writer_sync_begin(w, &sync);

	if (rc == 0)
		rc = nc_file_sync_run(&sync);
	nc_file_writer_sync_end(w, &sync, rc);
	return rc;
}

int nc_file_writer_rollback(struct nc_file_writer *w)
{
	w->size = w->synced;
	int rc = nc_file_cut(w->fd, w->size);
	w->cut = rc != 0;
	w->redo = false;
	return rc;
}

uint64_t nc_file_writer_synced(const struct nc_file_writer *w)
{
	return w->synced;
}

int nc_file_writer_fd(const struct nc_file_writer *w)
{
	return w->fd;
}

uint64_t nc_file_writer_size(const struct nc_file_writer *w)
{
	return w->size;
}

int nc_file_writer_close(struct nc_file_writer *w)
{
	int rc = 0;

	if (!w)
		return 0;
	if (w->cut)
		rc = nc_file_cut(w->fd, w->size);
	if (w->dir >= 0)
		close(w->dir);
	/* children may hold copies of the descriptor, and with them the lock */
	flock(w->fd, LOCK_UN);
	if (close(w->fd) < 0 && rc == 0)
		rc = -errno;
	free(w);
	return rc;
}
