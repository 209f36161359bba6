/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool: blocks on the sensor's disk, sealed so that only the collector can open them. */
#include "config.h"

#include "sensord/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/save.h"
#include "base/text.h"

#define SUFFIX       ".spool"
#define NAME_MAX_LEN 32u
#define FIRST_FILE   (UINT64_C(1) << 40) /* leaves room in front */
#define FRONT_GAP    (UINT64_C(1) << 16) /* files that one run in front of the others may need */
#define FILE_MIN     (1u << 20)
#define CHUNK        (64u * 1024u)
#define CRC_AT       (NC_SPOOL_RECORD_HEADER - 4u)

static const uint8_t file_magic[NC_SPOOL_FILE_HEADER] = { 'n', 'c', 's', 'p', 'o', 'o', 'l', 1 };
static const uint8_t record_magic[4] = { 0xa5, 'N', 'C', 'S' };

_Static_assert(NC_SPOOL_SEALED_MAX == NC_BLOCK_SIZE_MAX + crypto_box_SEALBYTES, "NC_SPOOL_SEALED_MAX");

/* One file. What lies in front of `at` was handed out. */
struct file {
	TAILQ_ENTRY(file) entry;
	uint64_t number, size, at;
	struct nc_spool_tally left; /* behind `at` */
	uint64_t out;               /* blocks that were handed out and are not done */
	bool behind;                /* holds blocks that may be sealed to an earlier key */
	uint64_t left_types[NC_TYPES_MAX + 1];
};

/* A record's header. */
struct head {
	struct nc_block_info info;
	uint32_t len; /* sealed bytes behind it */
	uint32_t crc; /* of these */
};

struct nc_spool {
	int dir;
	uint64_t limit;
	uint8_t key[NC_KEY_LEN];
	TAILQ_HEAD(files, file) files; /* oldest first */
	uint64_t lowest, highest;      /* numbers of files that there ever were: none is used again */
	struct file *writing;
	int write_fd;
	bool before;  /* the run that writing belongs to */
	bool dirty, dir_dirty;
	struct file *reading; /* whose descriptor read_fd is */
	int read_fd;
	struct nc_buf work;
	struct nc_spool_state state;
};

size_t nc_spool_slot(uint16_t type)
{
	const struct nc_type *t = nc_type_by_number(type);

	return t ? nc_type_slot(t) : NC_TYPES_MAX;
}

static int fail(struct nc_spool *s, const char *what, int rc)
{
	s->state.failures++;
	snprintf(s->state.last_error, sizeof(s->state.last_error), "spool: %s: %s", what, strerror(-rc));
	return rc;
}

static void name_of(char out[static NAME_MAX_LEN], uint64_t number)
{
	snprintf(out, NAME_MAX_LEN, "%016" PRIx64 SUFFIX, number);
}

/* --- headers -----------------------------------------------------------------------------------------------------------------
 */

static void head_write(struct nc_buf *out, const struct head *h)
{
	size_t start = out->len;

	nc_buf_add(out, record_magic, sizeof(record_magic));
	nc_buf_le32(out, h->len);
	nc_buf_u8(out, h->info.kind);
	nc_buf_u8(out, 0);
	nc_buf_le16(out, h->info.type);
	nc_buf_le32(out, h->info.size);
	nc_buf_le32(out, h->info.count);
	nc_buf_le32(out, 0);
	nc_buf_le64(out, h->info.epoch);
	nc_buf_le64(out, h->info.seq);
	nc_buf_le32(out, h->crc);
	if (!out->failed)
		nc_buf_le32(out, libdeflate_crc32(0, out->data + start, out->len - start));
}

/* Whether these bytes are a record's header. */
static bool head_read(const uint8_t p[static NC_SPOOL_RECORD_HEADER], struct head *h)
{
	struct nc_rd r = nc_rd_over(p, NC_SPOOL_RECORD_HEADER);

	if (memcmp(p, record_magic, sizeof(record_magic)) != 0)
		return false;
	nc_rd_skip(&r, sizeof(record_magic));
	h->len = nc_rd_le32(&r);
	h->info = (struct nc_block_info){ .kind = nc_rd_u8(&r) };
	nc_rd_skip(&r, 1);
	h->info.type = nc_rd_le16(&r);
	h->info.size = nc_rd_le32(&r);
	h->info.count = nc_rd_le32(&r);
	nc_rd_skip(&r, 4);
	h->info.epoch = nc_rd_le64(&r);
	h->info.seq = nc_rd_le64(&r);
	h->crc = nc_rd_le32(&r);
	return nc_rd_le32(&r) == libdeflate_crc32(0, p, CRC_AT) && !r.failed && h->info.size <= NC_BLOCK_SIZE_MAX &&
	       h->len == h->info.size + crypto_box_SEALBYTES;
}

/* --- reading -----------------------------------------------------------------------------------------------------------------
 */

static int read_at(int fd, void *to, size_t n, uint64_t off)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = pread(fd, (uint8_t *)to + got, n - got, (off_t)(off + got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EBADMSG;
		got += (size_t)k;
	}
	return 0;
}

/* The header at off of a file of this size, with all of its record behind it: 0, -EBADMSG, or what the disk says. */
static int head_at(int fd, uint64_t off, uint64_t size, struct head *h)
{
	uint8_t bytes[NC_SPOOL_RECORD_HEADER];

	if (off > size || size - off < sizeof(bytes))
		return -EBADMSG;
	int rc = read_at(fd, bytes, sizeof(bytes), off);
	if (rc)
		return rc;
	return head_read(bytes, h) && h->len <= size - off - sizeof(bytes) ? 0 : -EBADMSG;
}

/* The first place behind `from` where a whole record stands; 0 when there is none. */
static uint64_t find_head(struct nc_spool *s, int fd, uint64_t from, uint64_t size, struct head *h)
{
	for (uint64_t off = from + 1; off < size && size - off >= NC_SPOOL_RECORD_HEADER;) {
		size_t n = size - off < CHUNK ? (size_t)(size - off) : CHUNK;
		nc_buf_reset(&s->work);
		uint8_t *p = nc_buf_reserve(&s->work, n);
		if (!p || read_at(fd, p, n, off) != 0)
			return 0;
		const uint8_t *hit = memmem(p, n, record_magic, sizeof(record_magic));
		if (!hit) {
			off += n - sizeof(record_magic) + 1;
			continue;
		}
		off += (uint64_t)(hit - p);
		if (head_at(fd, off, size, h) == 0)
			return off;
		off++;
	}
	return 0;
}

static int open_file(const struct nc_spool *s, const struct file *f, int flags)
{
	char name[NAME_MAX_LEN];

	name_of(name, f->number);
	int fd = openat(s->dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? -errno : fd;
}

static int reader(struct nc_spool *s, struct file *f)
{
	if (s->reading == f)
		return s->read_fd;
	int fd = open_file(s, f, O_RDONLY);
	if (fd < 0)
		return fd;
	if (s->reading)
		close(s->read_fd);
	s->reading = f;
	s->read_fd = fd;
	return fd;
}

/* --- files -------------------------------------------------------------------------------------------------------------------
 */

static struct file *find_file(struct nc_spool *s, uint64_t number)
{
	struct file *f;

	TAILQ_FOREACH(f, &s->files, entry)
		if (f->number == number)
			break;
	return f;
}

static void note_number(struct nc_spool *s, uint64_t number)
{
	s->lowest = number < s->lowest ? number : s->lowest;
	s->highest = number > s->highest ? number : s->highest;
}

/* Into its place by number; -ENOMEM. */
static int add_file(struct nc_spool *s, uint64_t number, struct file **ret)
{
	struct file *f = calloc(1, sizeof(*f)), *after;

	if (!f)
		return -ENOMEM;
	f->number = number;
	note_number(s, number);
	f->at = NC_SPOOL_FILE_HEADER;
	TAILQ_FOREACH_REVERSE(after, &s->files, files, entry)
		if (after->number < number)
			break;
	if (after)
		TAILQ_INSERT_AFTER(&s->files, after, f, entry);
	else
		TAILQ_INSERT_HEAD(&s->files, f, entry);
	s->state.files++;
	*ret = f;
	return 0;
}

/* What the file still holds is counted as lost. */
static void lose(struct nc_spool *s, struct file *f, enum nc_spool_loss why)
{
	s->state.lost[why].blocks += f->left.blocks;
	s->state.lost[why].records += f->left.records;
	s->state.waiting.blocks -= f->left.blocks;
	s->state.waiting.records -= f->left.records;
	for (size_t i = 0; i <= NC_TYPES_MAX; i++)
		s->state.lost_types[why][i] += f->left_types[i];
	memset(f->left_types, 0, sizeof(f->left_types));
	f->left = (struct nc_spool_tally){ 0 };
	f->at = f->size;
}

static void end_writing(struct nc_spool *s)
{
	if (!s->writing)
		return;
	(void)nc_spool_sync(s);
	close(s->write_fd);
	s->writing = NULL;
}

static void forget_file(struct nc_spool *s, struct file *f)
{
	if (s->reading == f) {
		close(s->read_fd);
		s->reading = NULL;
	}
	if (s->writing == f) {
		close(s->write_fd);
		s->writing = NULL;
		s->dirty = false;
	}
	s->state.bytes -= f->size;
	s->state.files--;
	TAILQ_REMOVE(&s->files, f, entry);
	free(f);
}

static void remove_file(struct nc_spool *s, struct file *f)
{
	char name[NAME_MAX_LEN];

	name_of(name, f->number);
	if (unlinkat(s->dir, name, 0) != 0 && errno != ENOENT)
		(void)fail(s, name, -errno);
	forget_file(s, f);
}

static void remove_if_done(struct nc_spool *s, struct file *f)
{
	if (f->left.blocks == 0 && f->out == 0)
		remove_file(s, f);
}

/* --- what is there at the start ----------------------------------------------------------------------------------------------
 */

static void count_in(struct nc_spool *s, struct file *f, const struct nc_block_info *info)
{
	f->left.blocks++;
	f->left.records += info->count;
	f->left_types[nc_spool_slot(info->type)] += info->count;
	s->state.waiting.blocks++;
	s->state.waiting.records += info->count;
}

/* Counts what the file holds; returns where the last whole record ends. */
static uint64_t scan(struct nc_spool *s, struct file *f, int fd, uint64_t size)
{
	uint64_t off = NC_SPOOL_FILE_HEADER;
	struct head h;

	while (off < size) {
		uint64_t at = head_at(fd, off, size, &h) == 0 ? off : find_head(s, fd, off, size, &h);
		if (at != off) {
			s->state.damages++;
			s->state.damaged_bytes += (at ? at : size) - off;
		}
		if (at == 0)
			break;
		count_in(s, f, &h.info);
		off = at + NC_SPOOL_RECORD_HEADER + h.len;
	}
	return off;
}

/* Whether the file is one of ours; one that was not begun before a crash is removed, others stay where they are. */
static bool is_ours(struct nc_spool *s, const char *name, int fd, uint64_t size)
{
	uint8_t magic[NC_SPOOL_FILE_HEADER];

	if (size >= sizeof(magic) && read_at(fd, magic, sizeof(magic), 0) == 0 && memcmp(magic, file_magic, sizeof(magic)) == 0)
		return true;
	s->state.damages++;
	s->state.damaged_bytes += size;
	if (size < sizeof(magic))
		(void)unlinkat(s->dir, name, 0);
	else
		snprintf(s->state.last_error, sizeof(s->state.last_error), "spool: %s is not of this version", name);
	return false;
}

static int take_in(struct nc_spool *s, const char *name, uint64_t number)
{
	struct stat st;
	struct file *f;
	int rc = 0, fd = openat(s->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	note_number(s, number); /* whatever it is, its name is taken */
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)fail(s, name, fd < 0 ? -errno : -EINVAL);
		goto out;
	}
	if (!is_ours(s, name, fd, (uint64_t)st.st_size))
		goto out;
	rc = add_file(s, number, &f);
	if (rc)
		goto out;
	f->behind = true;
	f->size = scan(s, f, fd, (uint64_t)st.st_size);
	if (f->size < (uint64_t)st.st_size && ftruncate(fd, (off_t)f->size) != 0)
		(void)fail(s, name, -errno);
	s->state.bytes += f->size;
	remove_if_done(s, f);
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The number in a file's name; 0 when it is none of ours. */
static uint64_t number_of(const char *name)
{
	char *end, again[NAME_MAX_LEN];
	uint64_t n = strtoull(name, &end, 16);

	name_of(again, n);
	return strcmp(name, again) == 0 && n <= INT64_MAX ? n : 0;
}

static int take_in_all(struct nc_spool *s)
{
	int rc = 0, fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *e; rc == 0 && (e = readdir(d));) {
		uint64_t number = number_of(e->d_name);
		if (number)
			rc = take_in(s, e->d_name, number);
	}
	closedir(d);
	s->state.found = s->state.waiting;
	return rc;
}

int nc_spool_open(const char *path, uint64_t limit, const uint8_t key[static NC_KEY_LEN], struct nc_spool **ret,
                  struct nc_buf *err)
{
	struct nc_spool *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return rc;
	TAILQ_INIT(&s->files);
	s->lowest = s->highest = FIRST_FILE;
	s->limit = limit;
	nc_spool_seal_to(s, key);
	s->dir = mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		rc = -errno;
	else if (flock(s->dir, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else
		rc = take_in_all(s);
	/* a spool that a power failure may take is better than none */
	if (rc == 0)
		(void)nc_save_parent(s->dir);
	if (rc) {
		nc_buf_printf(err, "spool.path: %s: %s", path, rc == -EBUSY ? "another process uses it" : strerror(-rc));
		nc_spool_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void nc_spool_close(struct nc_spool *s)
{
	if (!s)
		return;
	end_writing(s);
	while (!TAILQ_EMPTY(&s->files))
		forget_file(s, TAILQ_FIRST(&s->files));
	if (s->dir >= 0)
		close(s->dir);
	nc_buf_free(&s->work);
	free(s);
}

void nc_spool_seal_to(struct nc_spool *s, const uint8_t key[static NC_KEY_LEN])
{
	struct file *f;

	TAILQ_FOREACH(f, &s->files, entry)
		f->behind = true;
	end_writing(s);
	memcpy(s->key, key, NC_KEY_LEN);
}

bool nc_spool_behind(const struct nc_spool *s)
{
	const struct file *f;

	TAILQ_FOREACH(f, &s->files, entry)
		if (f->behind && (f->left.blocks || f->out))
			return true;
	return false;
}

void nc_spool_limit(struct nc_spool *s, uint64_t limit)
{
	s->limit = limit;
}

/* --- writing -----------------------------------------------------------------------------------------------------------------
 */

static int write_at(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)off);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

/* Appends to the file that is being written; on failure it is as it was before. */
static int append(struct nc_spool *s, const void *p, size_t n)
{
	struct file *f = s->writing;
	int rc = write_at(s->write_fd, p, n, f->size);

	s->dirty = true;
	if (rc == 0) {
		f->size += n;
		s->state.bytes += n;
	} else if (ftruncate(s->write_fd, (off_t)f->size) != 0) {
		end_writing(s); /* what stands behind f->size is never looked at, and cut at the next start */
	}
	return rc;
}

static uint64_t next_number(const struct nc_spool *s, bool before)
{
	if (!before)
		return s->highest + 1;
	return s->lowest > FRONT_GAP ? s->lowest - FRONT_GAP : 1;
}

/* A new file: behind the one that was being written when that is part of the same run in front. */
static int begin_file(struct nc_spool *s, bool before)
{
	bool goes_on = s->writing && before && s->before;
	uint64_t number = goes_on ? s->writing->number + 1 : next_number(s, before);
	struct file *f;

	end_writing(s);
	int rc = add_file(s, number, &f);
	if (rc)
		return rc;
	int fd = open_file(s, f, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0) {
		forget_file(s, f);
		return fd;
	}
	s->writing = f;
	s->write_fd = fd;
	s->before = before;
	s->dir_dirty = true;
	rc = append(s, file_magic, sizeof(file_magic));
	if (rc)
		remove_file(s, f);
	return rc;
}

static int seal(struct nc_spool *s, const struct nc_block_info *info, const uint8_t *block)
{
	struct head h = { .info = *info, .len = info->size + (uint32_t)crypto_box_SEALBYTES };
	uint8_t *p;

	nc_buf_reset(&s->work);
	p = nc_buf_reserve(&s->work, NC_SPOOL_RECORD_HEADER + h.len);
	if (!p)
		return -ENOMEM;
	p += NC_SPOOL_RECORD_HEADER;
	if (crypto_box_seal(p, block, info->size, s->key) != 0)
		return -EINVAL;
	h.crc = libdeflate_crc32(0, p, h.len);
	head_write(&s->work, &h);
	s->work.len += h.len;
	return s->work.failed ? -ENOMEM : 0;
}

static void make_room(struct nc_spool *s, uint64_t n)
{
	while (!TAILQ_EMPTY(&s->files) && (n > s->limit || s->state.bytes > s->limit - n)) {
		struct file *oldest = TAILQ_FIRST(&s->files);
		lose(s, oldest, NC_SPOOL_FULL);
		remove_file(s, oldest);
	}
}

int nc_spool_put(struct nc_spool *s, const struct nc_block_info *info, const uint8_t *block, bool before)
{
	uint64_t most = s->limit / NC_SPOOL_FILES;
	int rc = info->size > NC_BLOCK_SIZE_MAX ? -EMSGSIZE : seal(s, info, block);

	if (rc)
		return rc;
	make_room(s, s->work.len + NC_SPOOL_FILE_HEADER);
	if (!s->writing || s->before != before || s->writing->size >= (most > FILE_MIN ? most : FILE_MIN))
		rc = begin_file(s, before);
	if (rc == 0)
		rc = append(s, s->work.data, s->work.len);
	if (rc)
		return fail(s, "writing", rc);
	count_in(s, s->writing, info);
	s->state.last_error[0] = '\0';
	return 0;
}

int nc_spool_sync(struct nc_spool *s)
{
	int rc = 0;

	if (s->dirty && s->writing && fdatasync(s->write_fd) != 0)
		rc = fail(s, "fdatasync", -errno);
	s->dirty = false;
	if (s->dir_dirty && fsync(s->dir) != 0)
		rc = fail(s, "fsync of the folder", -errno);
	s->dir_dirty = false;
	return rc;
}

bool nc_spool_dirty(const struct nc_spool *s)
{
	return s->dirty || s->dir_dirty;
}

/* --- handing out -------------------------------------------------------------------------------------------------------------
 */

/* What has nothing to do with the file. */
static bool passing(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

/* The next record of the file, `at` moved to it; what should be there and is not counts as lost. */
static int next_in(struct nc_spool *s, struct file *f, struct head *h)
{
	int fd = reader(s, f);
	int rc = fd < 0 ? fd : head_at(fd, f->at, f->size, h);

	if (rc == -EBADMSG) {
		uint64_t at = find_head(s, fd, f->at, f->size, h);
		f->at = at ? at : f->at;
		rc = at ? 0 : rc;
	}
	if (rc && rc != -EBADMSG)
		(void)fail(s, "reading", rc);
	return passing(rc) ? -EAGAIN : rc;
}

/* The first file with something to hand out, and the header of that; NULL when there is none. */
static struct file *ahead(struct nc_spool *s, struct head *h)
{
	struct file *f, *next;

	for (f = TAILQ_FIRST(&s->files); f; f = next) {
		next = TAILQ_NEXT(f, entry);
		if (f->left.blocks == 0)
			continue;
		int rc = next_in(s, f, h);
		if (rc == 0)
			return f;
		if (rc == -EAGAIN)
			break;
		lose(s, f, NC_SPOOL_DAMAGED);
		remove_if_done(s, f);
	}
	return NULL;
}

int nc_spool_peek(struct nc_spool *s, struct nc_block_info *ret)
{
	struct head h;

	if (s->state.waiting.blocks == 0 || !ahead(s, &h))
		return 0;
	*ret = h.info;
	return 1;
}

/* Never more than was counted in, whatever the disk gives by now. */
static void take_off(struct nc_spool *s, struct file *f, struct nc_block_info *info)
{
	uint64_t *type = &f->left_types[nc_spool_slot(info->type)];
	uint32_t n = info->count < *type ? info->count : (uint32_t)*type;

	*type -= n;
	info->count = n;
	f->left.blocks--;
	f->left.records -= n;
	s->state.waiting.blocks--;
	s->state.waiting.records -= n;
}

int nc_spool_next(struct nc_spool *s, struct nc_block_info *ret, struct nc_spool_ref *ref)
{
	struct head h;
	struct file *f = s->state.waiting.blocks ? ahead(s, &h) : NULL;

	if (!f)
		return 0;
	*ref = (struct nc_spool_ref){ .file = f->number, .offset = f->at };
	f->at += NC_SPOOL_RECORD_HEADER + h.len;
	f->out++;
	take_off(s, f, &h.info);
	*ret = h.info;
	return 1;
}

int nc_spool_read(struct nc_spool *s, const struct nc_spool_ref *ref, struct nc_buf *out)
{
	struct file *f = find_file(s, ref->file);
	struct head h;
	int fd = f ? reader(s, f) : -ESTALE;
	int rc = fd < 0 ? fd : head_at(fd, ref->offset, f->size, &h);

	nc_buf_reset(out);
	uint8_t *p = rc == 0 ? nc_buf_reserve(out, h.len) : NULL;
	if (rc == 0)
		rc = p ? read_at(fd, p, h.len, ref->offset + NC_SPOOL_RECORD_HEADER) : -ENOMEM;
	if (rc)
		return passing(rc) ? -EAGAIN : rc;
	out->len += h.len;
	return libdeflate_crc32(0, p, h.len) == h.crc ? 0 : -EBADMSG;
}

void nc_spool_done(struct nc_spool *s, const struct nc_spool_ref *ref)
{
	struct file *f = find_file(s, ref->file);

	if (!f || f->out == 0)
		return;
	f->out--;
	remove_if_done(s, f);
}

void nc_spool_state(const struct nc_spool *s, struct nc_spool_state *ret)
{
	*ret = s->state;
}
