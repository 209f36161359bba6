/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings a record file that is there to a state that can be appended to: what is whole stays, a torn tail is moved aside. */
#include "config.h"

#include "block/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* --- small helpers ---------------------------------------------------------------------------------------------- */

int nc_file_write_at(int fd, const uint8_t *p, size_t n, uint64_t off)
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

int nc_file_cut(int fd, uint64_t size)
{
	int rc;

	do {
		rc = ftruncate(fd, (off_t)size);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int nc_file_copy(int in, uint64_t from, uint64_t to, int out, uint64_t at)
{
	uint8_t buf[COPY_STEP];

	while (from < to) {
		size_t want = to - from < COPY_STEP ? (size_t)(to - from) : COPY_STEP;
		int64_t n = nc_scan_read(in, buf, want, from);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		int rc = nc_file_write_at(out, buf, (size_t)n, at);
		if (rc)
			return rc;
		from += (uint64_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int nc_file_folder(int dirfd, const char *name)
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
	int fd = nc_file_folder(dirfd, name);

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
static int verify_block(struct nc_scan *s, uint64_t off, uint64_t size, bool check, struct nc_block_info *info, uint64_t *next)
{
	bool newer = false;
	int rc = nc_scan_info(s, off, info, &newer);

	*next = 0;
	if (rc == -ENOMSG || newer)
		return -EEXIST;
	if (rc == -EAGAIN)
		return -ENODATA;
	if (rc)
		return rc == -EBADMSG ? 0 : rc;
	if (info->size > size - off)
		return -ENODATA;
	*next = off + info->size;
	if (size - off > TAIL_CHECK && !check)
		return 1;
	rc = nc_scan_open(s, off, info);
	if (rc == -EBADMSG || rc == -E2BIG)
		return 0;
	return rc ? rc : 1;
}

/* Where to begin: at `whole`, unless no block stands there. */
static int verify_from(const struct nc_scan *s, uint64_t size, const struct nc_file_visit *v, uint64_t *from)
{
	struct nc_block_info info;

	*from = 0;
	if (v->whole == 0 || v->whole > size)
		return 0;
	int rc = v->whole == size ? 0 : nc_scan_info(s, v->whole, &info, NULL);
	if (rc == 0)
		*from = v->whole;
	return rc == -EBADMSG || rc == -ENOMSG || rc == -EAGAIN ? 0 : rc;
}

/* Where the last good block ends, into *end; what lies behind is torn. 0; -EEXIST; negative errno. */
static int verify_blocks(struct nc_scan *s, uint64_t size, uint32_t type, const struct nc_file_visit *v, uint64_t *end)
{
	struct nc_block_info info;
	uint64_t off = 0, next = 0;
	int rc = verify_first(s, size, type);

	*end = 0;
	if (rc > 0) {
		int from = verify_from(s, size, v, &off);
		rc = from < 0 ? from : rc;
	}
	if (rc <= 0)
		return rc;
	*end = off;
	if (v->restart)
		v->restart(v->user, off);
	while (off < size) {
		rc = verify_block(s, off, size, v->check_all, &info, &next);
		if (rc > 0) {
			if (v->block)
				v->block(v->user, &info);
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

static int verify_blocks_at(int fd, uint64_t size, uint32_t type, const struct nc_file_visit *v, uint64_t *end)
{
	struct nc_scan s = { .fd = fd, .inflater = nc_inflater_new() };
	int rc = s.inflater ? verify_blocks(&s, size, type, v, end) : -ENOMEM;

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
	int rc = nc_file_copy(fd, end, size, torn, 0);
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
	rc = nc_file_cut(fd, end);
	return rc == 0 && fdatasync(fd) < 0 ? -errno : rc;
}

int nc_file_recover(int dirfd, const char *name, int fd, bool plain, uint32_t type, const struct nc_file_visit *v, uint64_t *size,
                    uint64_t *torn)
{
	/* again and again, since a block that is damaged in the middle of the file may reach behind its new end */
	while (*size > 0) {
		uint64_t end = 0;
		int rc = plain ? verify_plain(fd, *size, type, &end) : verify_blocks_at(fd, *size, type, v, &end);
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

