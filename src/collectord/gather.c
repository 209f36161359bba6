/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of datagrams: gathered into blocks, written like those of sessions, held in memory while they can't be. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "collectord/shelf.h"

/* A block that waits to be written. */
struct nc_chunk {
	TAILQ_ENTRY(nc_chunk) next;
	struct nc_stream *stream;
	struct nc_block_info info;
	uint8_t bytes[];
};

struct nc_stream {
	TAILQ_ENTRY(nc_stream) all;
	TAILQ_ENTRY(nc_stream) gathering; /* while gathered.len > 0 */
	struct nc_shelf *shelf;
	const struct nc_type *type;
	struct nc_file_header header;
	uint64_t failed; /* number of the pass in which it failed */
	struct nc_buf gathered;
	uint32_t count;
	int64_t first_ns, last_ns;
	bool timed;
};

struct nc_stream *nc_store_stream(struct nc_store *s, const char *dir, const struct nc_type *type)
{
	struct nc_shelf *h = nc_shelf_get(s, dir);
	struct nc_stream *st = h ? calloc(1, sizeof(*st)) : NULL;

	if (!st)
		return NULL;
	st->shelf = h;
	st->type = type;
	st->header = h->header;
	st->header.type = type->number;
	nc_buf_init(&st->gathered, NC_BLOCK_INFLATED_MAX);
	TAILQ_INSERT_TAIL(&s->streams, st, all);
	return st;
}

void nc_stream_describe(struct nc_stream *st, const struct nc_file_header *h)
{
	uint32_t type = st->header.type;

	st->header = *h;
	st->header.type = type;
}

void nc_gather_dropped(struct nc_store *s, uint64_t records)
{
	s->counters.dropped_records += records;
	if (s->failing)
		s->dropped_while_failing += records;
}

/* --- writing ------------------------------------------------------------------------------------------------------------- */

static int write_chunk(struct nc_store *s, const struct nc_chunk *c)
{
	struct nc_stream *st = c->stream;
	struct nc_shelf_file *f;
	int rc = nc_shelf_put(st->shelf, st->type, &st->header, c->bytes, &c->info, false, &f);

	/* without a loop nobody else lets files be closed */
	if (rc == -EMFILE && !s->loop) {
		nc_store_wait(s);
		rc = nc_shelf_put(st->shelf, st->type, &st->header, c->bytes, &c->info, false, &f);
	}
	if (rc == 0)
		nc_shelf_rotate(f);
	return rc;
}

static void free_chunk(struct nc_store *s, struct nc_chunk *c)
{
	TAILQ_REMOVE(&s->chunks, c, next);
	c->stream->shelf->waiting--;
	s->counters.pending_bytes -= c->info.size;
	free(c);
}

/* One pass over what waits. The order within a stream is kept: where one block fails, those behind it are not tried. */
static void drain(struct nc_store *s)
{
	struct nc_chunk *c, *next;

	s->pass++;
	for (c = TAILQ_FIRST(&s->chunks); c; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->stream->failed == s->pass || write_chunk(s, c) < 0)
			c->stream->failed = s->pass;
		else
			free_chunk(s, c);
	}
}

/* The oldest go first. */
static void make_room(struct nc_store *s)
{
	while (s->counters.pending_bytes > s->options.pending_max && !TAILQ_EMPTY(&s->chunks)) {
		struct nc_chunk *c = TAILQ_FIRST(&s->chunks);
		nc_gather_dropped(s, c->info.count);
		free_chunk(s, c);
	}
}

/* Makes a block of what is gathered, and puts it behind those that wait. */
static int seal(struct nc_stream *st)
{
	struct nc_store *s = st->shelf->store;
	size_t room = nc_block_bound(st->gathered.len);
	struct nc_chunk *c = malloc(sizeof(*c) + room);
	struct nc_block_info info = {
		.kind = NC_BLOCK_RECORDS,
		.type = st->type->number,
		.count = st->count,
		.first_ns = st->first_ns,
		.last_ns = st->last_ns,
		.epoch = st->shelf->epoch,
		.seq = st->shelf->seq + 1,
	};
	size_t n = c ? nc_block_build(s->deflater, &info, st->gathered.data, st->gathered.len, c->bytes, room) : 0;

	TAILQ_REMOVE(&s->gathering, st, gathering);
	s->counters.pending_bytes -= st->gathered.len;
	nc_buf_free(&st->gathered);
	if (n == 0) {
		nc_gather_dropped(s, st->count);
		free(c);
		return -ENOMEM;
	}
	nc_block_stamp(c->bytes, info.epoch, info.seq);
	st->shelf->seq++;
	struct nc_chunk *fit = realloc(c, sizeof(*c) + n);
	c = fit ? fit : c;
	c->stream = st;
	c->info = info;
	TAILQ_INSERT_TAIL(&s->chunks, c, next);
	st->shelf->waiting++;
	s->counters.pending_bytes += n;
	return 0;
}

/* While writing fails it is tried once per flush, not with every block. */
static int seal_and_write(struct nc_stream *st)
{
	struct nc_store *s = st->shelf->store;
	int r = seal(st);

	if (s->failing == 0)
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
	TAILQ_INSERT_TAIL(&st->shelf->store->gathering, st, gathering);
}

int nc_stream_add(struct nc_stream *st, const uint8_t *p, size_t n, const int64_t *time_ns, bool payloads)
{
	struct nc_store *s = st->shelf->store;
	int r = 0;

	if (n > NC_BLOCK_INFLATED_MAX)
		return -E2BIG;
	if (st->gathered.len && (n > NC_STORE_BLOCK || st->gathered.len > NC_STORE_BLOCK - n))
		r = seal_and_write(st);
	bool fresh = st->gathered.len == 0;
	nc_buf_add(&st->gathered, p, n);
	if (st->gathered.failed) {
		st->gathered.failed = false;
		nc_gather_dropped(s, 1);
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

/* --- the end ------------------------------------------------------------------------------------------------------------- */

void nc_gather_flush(struct nc_store *s)
{
	while (!TAILQ_EMPTY(&s->gathering))
		(void)seal(TAILQ_FIRST(&s->gathering));
	if (!TAILQ_EMPTY(&s->chunks))
		drain(s);
	make_room(s);
}

uint64_t nc_gather_free(struct nc_store *s)
{
	struct nc_stream *st;
	struct nc_chunk *c;
	uint64_t lost = 0;

	while ((c = TAILQ_FIRST(&s->chunks))) {
		lost += c->info.count;
		free_chunk(s, c);
	}
	while ((st = TAILQ_FIRST(&s->streams))) {
		TAILQ_REMOVE(&s->streams, st, all);
		nc_buf_free(&st->gathered);
		free(st);
	}
	return lost;
}
