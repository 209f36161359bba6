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
#include "block/scan.h"

enum {
	COPY_STEP = 64 * 1024,
	/* Blocks that begin in the last so many bytes are verified by CRC when a file is opened again: pages of several unsynced
	 * blocks may be missing after a crash, in any order. */
	TAIL_CHECK = 4 * 1024 * 1024,
	TORN_TRIES = 1000, /* names tried for what is moved aside */
	VARINT_MAX = 10,
	PLAIN_WINDOW = 64 * 1024, /* the Header and a length are looked at inside of it */
};

struct nc_file_writer {
	int fd;
	int dir; /* folder of a new file until its entry is durable, else -1 */
	bool plain;
	uint32_t type;
	bool cut;  /* a failed append left bytes behind `size` */
	bool redo; /* a sync failed: all from `synced` on is to be written again */
	uint64_t size, synced;
};

/* --- small helpers ---------------------------------------------------------------------------------------------- */

static int write_at(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = pwrite(fd, p + done, n - done, (off_t)(off + done));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		done += (size_t)k;
	}
	return 0;
}

static int cut_to(int fd, uint64_t size)
{
	int rc;

	do {
		rc = ftruncate(fd, (off_t)size);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* Copies the bytes [from, to) of one file to offset `at` of another (or the same). */
static int copy_range(int in, uint64_t from, uint64_t to, int out, uint64_t at)
{
	uint8_t buf[COPY_STEP];

	while (from < to) {
		size_t want = to - from < COPY_STEP ? (size_t)(to - from) : COPY_STEP;
		int64_t n = nc_scan_read(in, buf, want, from);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		int rc = write_at(out, buf, (size_t)n, at);
		if (rc)
			return rc;
		from += (uint64_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* The folder that dirfd/name lies in, or -1 when it may not be opened (then its entry can't be synced). */
static int open_folder(int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	const char *slash = strrchr(name, '/');

	if (!slash)
		return openat(dirfd, ".", flags);
	char *path = strndup(name, slash == name ? 1 : (size_t)(slash - name));
	if (!path)
		return -1;
	int fd = openat(dirfd, path, flags);
	free(path);
	return fd;
}

static int sync_folder(int dirfd, const char *name)
{
	int fd = open_folder(dirfd, name);

	if (fd < 0)
		return 0;
	int rc = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc == -EINVAL ? 0 : rc; /* file systems that have nothing to sync */
}

/* --- verifying what is there ------------------------------------------------------------------------------------ */

/* Whether the file holds nothing but zeros, as a crash may leave one whose size was recorded before its data. */
static int all_zero(int fd, uint64_t size)
{
	uint8_t buf[COPY_STEP];
	uint64_t off = 0;

	while (off < size) {
		int64_t n = nc_scan_read(fd, buf, sizeof(buf), off);
		if (n <= 0)
			return n < 0 ? (int)n : 0;
		for (int64_t i = 0; i < n; i++) {
			if (buf[i])
				return 0;
		}
		off += (uint64_t)n;
	}
	return 1;
}

/* The first block must be the header block of a file of our type. 1: go on; 0: nothing to keep; -EEXIST; negative errno. */
static int verify_first(const struct nc_scan *s, uint64_t size, uint32_t type)
{
	struct nc_block_info info;
	bool newer = false;
	int rc = nc_scan_info(s, 0, &info, &newer);

	switch (rc) {
	case 0:
		return info.kind == NC_BLOCK_HEADER && info.type == type ? 1 : -EEXIST;
	case -EAGAIN:
		return 0;
	case -ENOMSG:
		return -EEXIST;
	case -EBADMSG:
		rc = newer ? 0 : all_zero(s->fd, size);
		return rc > 0 ? 0 : rc < 0 ? rc : -EEXIST;
	default:
		return rc;
	}
}

/* The block at off. 1: good, *next is what follows; 0: damaged, *next is where its size leads or 0; -ENODATA: it would end behind
 * the file, it is torn; -EEXIST: not ours; negative errno. */
static int verify_block(struct nc_scan *s, uint64_t off, uint64_t size, uint64_t *next)
{
	struct nc_block_info info;
	bool newer = false;
	int rc = nc_scan_info(s, off, &info, &newer);

	*next = 0;
	if (rc == -ENOMSG || newer)
		return -EEXIST;
	if (rc == -EAGAIN)
		return -ENODATA;
	if (rc)
		return rc == -EBADMSG ? 0 : rc;
	if (info.size > size - off)
		return -ENODATA;
	*next = off + info.size;
	if (size - off > TAIL_CHECK)
		return 1;
	rc = nc_scan_open(s, off, &info);
	if (rc == -EBADMSG || rc == -E2BIG)
		return 0;
	return rc ? rc : 1;
}

/* Where the last good block ends, into *end; what lies behind is torn. 0; -EEXIST; negative errno. */
static int verify_blocks(struct nc_scan *s, uint64_t size, uint32_t type, uint64_t *end)
{
	uint64_t off = 0, next = 0;
	int rc = verify_first(s, size, type);

	*end = 0;
	if (rc <= 0)
		return rc;
	while (off < size) {
		rc = verify_block(s, off, size, &next);
		if (rc > 0) {
			*end = off = next;
			continue;
		}
		if (rc == 0)
			rc = nc_scan_find(s, off + 1, next, &off);
		if (rc <= 0)
			return rc == -ENODATA ? 0 : rc;
	}
	return 0;
}

static int verify_blocks_at(int fd, uint64_t size, uint32_t type, uint64_t *end)
{
	struct nc_scan s = { .fd = fd, .inflater = nc_inflater_new() };
	int rc = s.inflater ? verify_blocks(&s, size, type, end) : -ENOMEM;

	nc_scan_free(&s);
	nc_inflater_free(s.inflater);
	return rc;
}

/* Part of a plain file in memory. */
struct window {
	uint8_t data[PLAIN_WINDOW];
	uint64_t off;
	size_t len;
};

/* The length of the record at off: *body is where it begins, *len how long it is. 1; 0: no length there; negative errno. */
static int plain_length(int fd, struct window *w, uint64_t off, uint64_t *body, uint64_t *len)
{
	if (off < w->off || off - w->off + VARINT_MAX > w->len) {
		int64_t n = nc_scan_read(fd, w->data, sizeof(w->data), off);
		if (n < 0)
			return (int)n;
		w->off = off;
		w->len = (size_t)n;
	}
	size_t at = (size_t)(off - w->off);
	struct nc_rd r = nc_rd_over(w->data + at, w->len - at);
	*len = nc_rd_varint(&r);
	*body = w->off + (w->len - r.left);
	return !r.failed && *len <= NC_RECORD_MAX;
}

/* Where the last whole record ends, into *end. Records of no bytes at the end are not counted as such: a crash leaves zeros, and
 * no record is empty. 0; -EEXIST; negative errno. */
static int verify_plain(int fd, uint64_t size, uint32_t type, uint64_t *end)
{
	struct window w = { .off = 0 };
	struct nc_file_header h;
	uint64_t off = 0, body, len;
	int rc = plain_length(fd, &w, 0, &body, &len);

	*end = 0;
	if (rc < 0)
		return rc;
	if (rc == 0 || body + len > w.len || nc_file_header_parse(w.data + body, (size_t)len, &h) || h.type != type) {
		rc = all_zero(fd, size);
		return rc > 0 ? 0 : rc < 0 ? rc : -EEXIST;
	}
	while (off < size) {
		rc = plain_length(fd, &w, off, &body, &len);
		if (rc < 0)
			return rc;
		if (rc == 0 || len > size - body)
			break;
		off = body + len;
		if (len > 0)
			*end = off;
	}
	return 0;
}

/* --- the torn tail ---------------------------------------------------------------------------------------------- */

/* Makes "<name>.torn-<off>", with a counter behind it when that exists; *path is its name, to be freed. Descriptor or negative
 * errno. */
static int create_torn(int dirfd, const char *name, uint64_t off, char **path)
{
	for (unsigned i = 0; i < TORN_TRIES; i++) {
		int n = i == 0 ? asprintf(path, "%s.torn-%llu", name, (unsigned long long)off)
		               : asprintf(path, "%s.torn-%llu-%u", name, (unsigned long long)off, i);
		if (n < 0) {
			*path = NULL;
			return -ENOMEM;
		}
		int fd = openat(dirfd, *path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
		if (fd >= 0)
			return fd;
		int rc = -errno;
		free(*path);
		*path = NULL;
		if (rc != -EEXIST)
			return rc;
	}
	return -EEXIST;
}

/* Moves the bytes [end, size) to a file of their own, durably, and only then cuts them off. */
static int cut_tail(int dirfd, const char *name, int fd, uint64_t end, uint64_t size)
{
	char *path;
	int torn = create_torn(dirfd, name, end, &path);

	if (torn < 0)
		return torn == -EEXIST ? -ENOSPC : torn;
	int rc = copy_range(fd, end, size, torn, 0);
	if (rc == 0 && fsync(torn) < 0)
		rc = -errno;
	if (close(torn) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		rc = sync_folder(dirfd, name);
	if (rc)
		unlinkat(dirfd, path, 0);
	free(path);
	if (rc)
		return rc;
	rc = cut_to(fd, end);
	return rc == 0 && fdatasync(fd) < 0 ? -errno : rc;
}

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

/* Cuts off what is torn until nothing is, since a block that is damaged in the middle of the file may reach behind its new end.
 * *size is what is kept, *torn what was moved aside. */
static int recover(int dirfd, const char *name, int fd, bool plain, uint32_t type, uint64_t *size, uint64_t *torn)
{
	while (*size > 0) {
		uint64_t end = 0;
		int rc = plain ? verify_plain(fd, *size, type, &end) : verify_blocks_at(fd, *size, type, &end);
		if (rc || end == *size)
			return rc;
		rc = cut_tail(dirfd, name, fd, end, *size);
		if (rc)
			return rc;
		*torn += *size - end;
		*size = end;
	}
	return 0;
}

/* Brings the file to a state that can be appended to: whole blocks or records, or empty. */
static int prepare(int dirfd, const char *name, int fd, enum nc_file_mode mode, bool plain, uint32_t type, uint64_t *size,
                   uint64_t *torn)
{
	if (mode == NC_FILE_APPEND)
		return recover(dirfd, name, fd, plain, type, size, torn);
	uint64_t have = *size;
	*size = 0;
	return have ? cut_to(fd, 0) : 0;
}

int nc_file_writer_open(int dirfd, const char *name, enum nc_file_mode mode, bool plain, const struct nc_file_header *h,
                        struct nc_deflater *d, uint64_t *torn, struct nc_file_writer **ret)
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
		rc = prepare(dirfd, name, fd, mode, plain, h->type, &size, &cut);
	if (rc)
		goto out;
	*w = (struct nc_file_writer){ .fd = fd, .dir = -1, .plain = plain, .type = h->type, .size = size, .synced = size };
	if (size == 0)
		rc = nc_file_writer_append(w, head.data, head.len);
	if (rc)
		goto out;
	if (created)
		w->dir = open_folder(dirfd, name);
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
		int rc = cut_to(w->fd, w->size);
		if (rc)
			return rc;
		w->cut = false;
	}
	int rc = write_at(w->fd, p, n, w->size);
	if (rc) {
		w->cut = cut_to(w->fd, w->size) != 0;
		return rc;
	}
	w->size += n;
	return 0;
}

int nc_file_writer_sync(struct nc_file_writer *w)
{
	int rc = 0;

	if (w->redo)
		rc = copy_range(w->fd, w->synced, w->size, w->fd, w->synced);
	if (rc == 0 && fdatasync(w->fd) < 0)
		rc = -errno;
	w->redo = rc != 0;
	if (rc)
		return rc;
	w->synced = w->size;
	if (w->dir < 0)
		return 0;
	if (fsync(w->dir) < 0 && errno != EINVAL)
		return -errno;
	close(w->dir);
	w->dir = -1;
	return 0;
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
		rc = cut_to(w->fd, w->size);
	if (w->dir >= 0)
		close(w->dir);
	/* children may hold copies of the descriptor, and with them the lock */
	flock(w->fd, LOCK_UN);
	if (close(w->fd) < 0 && rc == 0)
		rc = -errno;
	free(w);
	return rc;
}
