/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record files of a collector: gathers records into blocks, appends them, and holds what can't be written for a while. */
#include "config.h"

#include "collectord/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

#define SYNC_BUDGET (NC_NS_PER_S / 10) /* of one flush; datagrams wait meanwhile */
#define NAMES_MAX   9u                 /* Type.ncap.gz, Type.2.ncap.gz, … when a foreign file has the name */
#define DIR_NAME    96u

/* A block that waits to be written. */
struct chunk {
	TAILQ_ENTRY(chunk) next;
	struct nc_stream *stream;
	uint32_t count;
	size_t size;
	uint8_t bytes[];
};

struct nc_stream {
	TAILQ_ENTRY(nc_stream) all;
	TAILQ_ENTRY(nc_stream) gathering; /* while gathered.len > 0 */
	TAILQ_ENTRY(nc_stream) opened;    /* while writer is there; the one used last at the end */
	struct nc_store *store;
	char dir[DIR_NAME];
	const struct nc_type *type;
	struct nc_file_header header;
	struct nc_file_writer *writer;
	bool dirty;      /* written since the last sync */
	uint64_t failed; /* number of the pass in which it failed */
	struct nc_buf gathered;
	uint32_t count;
	int64_t first_ns, last_ns;
	bool timed;
};

TAILQ_HEAD(stream_list, nc_stream);

struct nc_store {
	int root;
	char *path;
	struct nc_store_options options;
	struct nc_deflater *deflater;
	struct nc_store_counters counters;
	struct stream_list all, gathering, opened;
	TAILQ_HEAD(, chunk) chunks;
	size_t open_count;
	uint64_t epoch, seq, pass;
	int64_t synced;
	bool failing, syncing;
	uint64_t dropped_while_failing;
	char last_error[256];
};

/* --- set-up -------------------------------------------------------------------------------------------------------- */

/* Makes a folder and those above it. */
static int make_path(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0750) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int nc_store_open(const char *root, const struct nc_store_options *o, struct nc_store **ret, struct nc_buf *err)
{
	struct nc_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->root = -1;
	s->options = *o;
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->gathering);
	TAILQ_INIT(&s->opened);
	TAILQ_INIT(&s->chunks);
	randombytes_buf(&s->epoch, sizeof(s->epoch));
	s->path = strdup(root);
	s->deflater = nc_deflater_new(o->level);
	r = s->path && s->deflater ? make_path(root) : -ENOMEM;
	if (r == 0) {
		s->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->root < 0)
			r = -errno;
	}
	if (r < 0) {
		nc_buf_printf(err, "%s: %s", root, strerrordesc_np(-r));
		nc_store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void close_writer(struct nc_stream *st)
{
	struct nc_store *s = st->store;

	if (!st->writer)
		return;
	if (st->dirty && nc_file_writer_sync(st->writer) < 0)
		s->counters.failures++;
	if (nc_file_writer_close(st->writer) < 0)
		s->counters.failures++;
	TAILQ_REMOVE(&s->opened, st, opened);
	s->open_count--;
	st->writer = NULL;
	st->dirty = false;
}

int nc_store_set(struct nc_store *s, const struct nc_store_options *o)
{
	if (o->level != s->options.level) {
		struct nc_deflater *d = nc_deflater_new(o->level);
		if (!d)
			return -ENOMEM;
		/* writers hold the old one */
		while (!TAILQ_EMPTY(&s->opened))
			close_writer(TAILQ_FIRST(&s->opened));
		nc_deflater_free(s->deflater);
		s->deflater = d;
	}
	s->options = *o;
	return 0;
}

struct nc_stream *nc_store_stream(struct nc_store *s, const char *dir, const struct nc_type *type)
{
	struct nc_stream *st = strlen(dir) < DIR_NAME ? calloc(1, sizeof(*st)) : NULL;

	if (!st)
		return NULL;
	st->store = s;
	st->type = type;
	memcpy(st->dir, dir, strlen(dir) + 1);
	st->header.type = type->number;
	memcpy(st->header.source, dir, strlen(dir) + 1);
	snprintf(st->header.version, sizeof(st->header.version), "v%s", PACKAGE_VERSION);
	nc_buf_init(&st->gathered, NC_BLOCK_INFLATED_MAX);
	TAILQ_INSERT_TAIL(&s->all, st, all);
	return st;
}

void nc_stream_describe(struct nc_stream *st, const struct nc_file_header *h)
{
	uint32_t type = st->header.type;

	st->header = *h;
	st->header.type = type;
}

/* --- failures ------------------------------------------------------------------------------------------------------ */

/* Says so once, until writing works again. */
static void failed(struct nc_store *s, const char *dir, const char *name, int code)
{
	char shown[128];

	s->counters.failures++;
	nc_text_escape(shown, sizeof(shown), dir, strlen(dir));
	snprintf(s->last_error, sizeof(s->last_error), "%.100s/%s/%s: %s", s->path, shown, name, strerrordesc_np(-code));
	if (!s->failing)
		nc_err("cannot write %s; records wait in memory, up to %llu bytes, and it is tried again", s->last_error,
		       (unsigned long long)s->options.pending_max);
	s->failing = true;
}

static void recovered(struct nc_store *s)
{
	if (s->failing)
		nc_notice("writing to %s works again; %llu records were dropped meanwhile", s->path,
		          (unsigned long long)s->dropped_while_failing);
	s->failing = false;
	s->dropped_while_failing = 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

/* The folder of a stream, made when it is missing; no link in it is followed. */
static int open_dir(int root, const char *dir)
{
	char part[DIR_NAME];
	const char *slash = strchr(dir, '/');
	size_t n = slash ? (size_t)(slash - dir) : strlen(dir);

	memcpy(part, dir, n);
	part[n] = '\0';
	if (mkdirat(root, part, 0750) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(root, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!slash)
		return fd;
	int inner = open_dir(fd, slash + 1);
	close(fd);
	return inner;
}

static void file_name(const struct nc_stream *st, unsigned k, char out[static 80])
{
	if (k <= 1)
		snprintf(out, 80, "%s.ncap.gz", st->type->name);
	else
		snprintf(out, 80, "%s.%u.ncap.gz", st->type->name, k);
}

static int open_in(struct nc_stream *st, int dirfd, char name[static 80])
{
	struct nc_store *s = st->store;
	uint64_t torn = 0;
	int r = -EEXIST;

	for (unsigned k = 1; r == -EEXIST && k <= NAMES_MAX; k++) {
		file_name(st, k, name);
		r = nc_file_writer_open(dirfd, name, NC_FILE_APPEND, false, &st->header, s->deflater, &torn, &st->writer);
	}
	if (r < 0) {
		st->writer = NULL;
		return r;
	}
	s->counters.torn_bytes += torn;
	if (torn)
		nc_warn("%s/%s/%s: its end was torn; %llu bytes moved aside", s->path, st->dir, name, (unsigned long long)torn);
	return 0;
}

static int open_writer(struct nc_stream *st)
{
	struct nc_store *s = st->store;
	char name[80] = "";

	while (s->open_count >= s->options.open_files && !TAILQ_EMPTY(&s->opened))
		close_writer(TAILQ_FIRST(&s->opened));
	if (!st->header.created[0]) {
		char now[NC_TIME_TEXT];
		nc_time_stamp(now, nc_time_real());
		snprintf(st->header.created, sizeof(st->header.created), "%s", now);
	}
	int dirfd = open_dir(s->root, st->dir);
	int r = dirfd < 0 ? dirfd : open_in(st, dirfd, name);
	if (dirfd >= 0)
		close(dirfd);
	if (r < 0) {
		failed(s, st->dir, name, r);
		return r;
	}
	TAILQ_INSERT_TAIL(&s->opened, st, opened);
	s->open_count++;
	return 0;
}

static int write_chunk(struct nc_store *s, const struct chunk *c)
{
	struct nc_stream *st = c->stream;
	char name[80];

	if (!st->writer && open_writer(st) < 0)
		return -EIO;
	TAILQ_REMOVE(&s->opened, st, opened);
	TAILQ_INSERT_TAIL(&s->opened, st, opened);
	int r = nc_file_writer_append(st->writer, c->bytes, c->size);
	if (r < 0) {
		file_name(st, 1, name);
		failed(s, st->dir, name, r);
		/* looked at afresh when it is tried again */
		close_writer(st);
		return r;
	}
	st->dirty = true;
	s->counters.written_bytes += c->size;
	s->counters.written_records += c->count;
	s->counters.written_blocks++;
	return 0;
}

static void free_chunk(struct nc_store *s, struct chunk *c)
{
	TAILQ_REMOVE(&s->chunks, c, next);
	s->counters.pending_bytes -= c->size;
	free(c);
}

/* One pass over what waits. The order within a stream is kept: where one block fails, those behind it are not tried. */
static void drain(struct nc_store *s)
{
	struct chunk *c, *next;
	bool any = false;

	s->pass++;
	for (c = TAILQ_FIRST(&s->chunks); c; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->stream->failed == s->pass || write_chunk(s, c) < 0) {
			c->stream->failed = s->pass;
			any = true;
		} else {
			free_chunk(s, c);
		}
	}
	if (!any)
		recovered(s);
}

static void dropped(struct nc_store *s, uint64_t records)
{
	s->counters.dropped_records += records;
	s->dropped_while_failing += records;
}

/* The oldest go first. */
static void make_room(struct nc_store *s)
{
	while (s->counters.pending_bytes > s->options.pending_max && !TAILQ_EMPTY(&s->chunks)) {
		struct chunk *c = TAILQ_FIRST(&s->chunks);
		dropped(s, c->count);
		free_chunk(s, c);
	}
}

/* Makes a block of what is gathered, and puts it behind those that wait. */
static int seal(struct nc_stream *st)
{
	struct nc_store *s = st->store;
	size_t room = nc_block_bound(st->gathered.len);
	struct chunk *c = malloc(sizeof(*c) + room);
	struct nc_block_info info = {
		.kind = NC_BLOCK_RECORDS,
		.type = st->type->number,
		.count = st->count,
		.first_ns = st->first_ns,
		.last_ns = st->last_ns,
		.epoch = s->epoch,
		.seq = s->seq + 1,
	};
	size_t n = c ? nc_block_build(s->deflater, &info, st->gathered.data, st->gathered.len, c->bytes, room) : 0;

	TAILQ_REMOVE(&s->gathering, st, gathering);
	s->counters.pending_bytes -= st->gathered.len;
	nc_buf_free(&st->gathered);
	if (n == 0) {
		dropped(s, st->count);
		free(c);
		return -ENOMEM;
	}
	nc_block_stamp(c->bytes, s->epoch, ++s->seq);
	struct chunk *fit = realloc(c, sizeof(*c) + n);
	c = fit ? fit : c;
	c->stream = st;
	c->count = st->count;
	c->size = n;
	TAILQ_INSERT_TAIL(&s->chunks, c, next);
	s->counters.pending_bytes += n;
	return 0;
}

/* While writing fails it is tried once per flush, not with every block. */
static int seal_and_write(struct nc_stream *st)
{
	struct nc_store *s = st->store;
	int r = seal(st);

	if (!s->failing)
		drain(s);
	make_room(s);
	return r;
}

static void note_time(struct nc_stream *st, const int64_t *time_ns)
{
	if (!time_ns)
		return;
	if (!st->timed || *time_ns < st->first_ns)
		st->first_ns = *time_ns;
	if (!st->timed || *time_ns > st->last_ns)
		st->last_ns = *time_ns;
	st->timed = true;
}

static void begin_block(struct nc_stream *st)
{
	st->count = 0;
	st->first_ns = st->last_ns = 0;
	st->timed = false;
	TAILQ_INSERT_TAIL(&st->store->gathering, st, gathering);
}

int nc_stream_add(struct nc_stream *st, const uint8_t *p, size_t n, const int64_t *time_ns, bool payloads)
{
	struct nc_store *s = st->store;
	int r = 0;

	if (n > NC_BLOCK_INFLATED_MAX)
		return -E2BIG;
	if (st->gathered.len && (n > NC_STORE_BLOCK || st->gathered.len > NC_STORE_BLOCK - n))
		r = seal_and_write(st);
	bool fresh = st->gathered.len == 0;
	nc_buf_add(&st->gathered, p, n);
	if (st->gathered.failed) {
		st->gathered.failed = false;
		dropped(s, 1);
		return -ENOMEM;
	}
	if (fresh)
		begin_block(st);
	st->count++;
	st->header.contains_payloads |= payloads;
	note_time(st, time_ns);
	s->counters.pending_bytes += n;
	/* many streams, each with a little */
	if (s->counters.pending_bytes > s->options.pending_max) {
		while (!TAILQ_EMPTY(&s->gathering))
			(void)seal_and_write(TAILQ_FIRST(&s->gathering));
	}
	return r;
}

/* --- syncing and the end ------------------------------------------------------------------------------------------- */

static void sync_stream(struct nc_store *s, struct nc_stream *st)
{
	char name[80];
	int r = nc_file_writer_sync(st->writer);

	/* what could not be synced is written again by the next sync */
	st->dirty = r < 0;
	if (r < 0) {
		file_name(st, 1, name);
		failed(s, st->dir, name, r);
	}
}

/* Syncs for a limited time; what is left is done in the next flush. */
static void sync_some(struct nc_store *s, int64_t now)
{
	struct nc_stream *st;

	if (!s->syncing && (s->options.sync_interval == 0 || now - s->synced < s->options.sync_interval))
		return;
	s->synced = now;
	s->syncing = false;
	int64_t until = nc_time_mono() + SYNC_BUDGET;
	TAILQ_FOREACH(st, &s->opened, opened) {
		if (!st->dirty)
			continue;
		if (nc_time_mono() >= until) {
			s->syncing = true;
			return;
		}
		sync_stream(s, st);
	}
}

void nc_store_flush(struct nc_store *s, int64_t now_mono)
{
	while (!TAILQ_EMPTY(&s->gathering))
		(void)seal(TAILQ_FIRST(&s->gathering));
	if (!TAILQ_EMPTY(&s->chunks))
		drain(s);
	make_room(s);
	sync_some(s, now_mono);
}

uint64_t nc_store_close(struct nc_store *s)
{
	struct nc_stream *st;
	struct chunk *c;
	uint64_t lost = 0;

	if (!s)
		return 0;
	nc_store_flush(s, 0);
	TAILQ_FOREACH(st, &s->opened, opened)
		if (st->dirty)
			sync_stream(s, st);
	while ((c = TAILQ_FIRST(&s->chunks))) {
		lost += c->count;
		free_chunk(s, c);
	}
	while ((st = TAILQ_FIRST(&s->all))) {
		TAILQ_REMOVE(&s->all, st, all);
		close_writer(st);
		nc_buf_free(&st->gathered);
		free(st);
	}
	if (s->root >= 0)
		close(s->root);
	nc_deflater_free(s->deflater);
	free(s->path);
	free(s);
	return lost;
}

const struct nc_store_counters *nc_store_counters(const struct nc_store *s)
{
	return &s->counters;
}

const char *nc_store_last_error(const struct nc_store *s)
{
	return s->last_error;
}

bool nc_store_failing(const struct nc_store *s)
{
	return s->failing;
}
