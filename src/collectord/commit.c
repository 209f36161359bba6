/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group commits: what was written is synced by a thread, recorded as there, and told. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/time.h"
#include "collectord/shelf.h"
#include "collectord/watermark.h"

#define COMMIT_AFTER  (20 * (NC_NS_PER_S / 1000))
#define COMMIT_BYTES  (4u * 1024u * 1024u)
#define WHOLE_FROM    8u                    /* files */
#define ENTRIES_MAX   65536u                /* blocks that wait, of all sensors */
#define SAVE_BYTES    (64u * 1024u * 1024u) /* of a shelf: so much has to be looked at again after a crash */
#define SAVE_INTERVAL (600 * NC_NS_PER_S)
#define SAVE_RETRY    NC_NS_PER_S

struct sync_item {
	struct nc_shelf_file *file;
	struct nc_file_sync sync;
	bool on_root; /* of the file, which is not the thread's */
	int rc;
};

struct nc_sync_job {
	struct nc_job job; /* first: a job is what it is embedded in */
	int root; /* to sync its file system as a whole, or -1 */
	size_t n;
	struct sync_item items[];
};

struct save_job {
	struct nc_job job;
	struct nc_shelf *shelf;
	int dirfd, rc;
	struct nc_buf bytes;
};

/* --- in the thread ------------------------------------------------------------------------------------------------------- */

/* Many files wait for many commits of the file system's journal, one for each fdatasync; syncfs needs one for all. It tells of no
 * single file what went wrong, so each is asked; and a failure of it falls back on the files. */
static bool sync_as_a_whole(const struct nc_sync_job *j)
{
	return j->root >= 0 && j->n >= WHOLE_FROM && syncfs(j->root) == 0;
}

static int sync_one(const struct sync_item *it, bool whole)
{
	if (!whole || !it->on_root)
		return nc_file_sync_run(&it->sync);
	return sync_file_range(it->sync.fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) < 0 ? -errno : 0;
}

static void run_sync(struct nc_job *job)
{
	struct nc_sync_job *j = (struct nc_sync_job *)job;

	for (size_t i = 0; i < j->n; i++)
		if (j->items[i].rc == 0)
			j->items[i].rc = NC_FAULT("before-sync");
	bool whole = sync_as_a_whole(j);
	for (size_t i = 0; i < j->n; i++) {
		if (j->items[i].rc == 0)
			j->items[i].rc = sync_one(&j->items[i], whole);
		(void)NC_FAULT("after-sync");
	}
}

static void run_save(struct nc_job *job)
{
	struct save_job *j = (struct save_job *)job;

	j->rc = nc_watermark_save(j->dirfd, j->bytes.data, j->bytes.len);
}

/* --- what waits ---------------------------------------------------------------------------------------------------------- */

static int grow_batch(struct nc_commit_batch *b)
{
	if (b->n < b->cap)
		return 0;
	size_t cap = b->cap ? 2 * b->cap : 64;
	struct nc_commit_entry *more = reallocarray(b->entries, cap, sizeof(*more));
	if (!more)
		return -ENOMEM;
	b->entries = more;
	b->cap = cap;
	return 0;
}

int nc_commit_reserve(struct nc_store *s)
{
	return s->filling.n + s->flying.n >= ENTRIES_MAX ? -EDQUOT : grow_batch(&s->filling);
}

static void on_commit_timer(void *user)
{
	struct nc_store *s = user;

	s->commit_timer = NULL;
	s->commit_due = true;
	nc_commit_begin(s, false);
}

void nc_commit_add(struct nc_store *s, const struct nc_commit_entry *e)
{
	struct nc_commit_batch *b = &s->filling;

	b->entries[b->n++] = *e;
	b->bytes += e->size;
	if (b->bytes >= COMMIT_BYTES)
		s->commit_due = true;
	/* the bytes are synced by the end of the round at the latest when the timer can't be had */
	if (s->loop && !s->commit_timer && !s->commit_due &&
	    nc_loop_add_timer(s->loop, COMMIT_AFTER, 0, on_commit_timer, s, &s->commit_timer) < 0)
		s->commit_due = true;
	if (s->commit_due)
		nc_commit_begin(s, false);
}

/* --- beginning ----------------------------------------------------------------------------------------------------------- */

static struct nc_sync_job *new_job(const struct nc_store *s)
{
	const struct nc_shelf_file *f;
	size_t n = 0;

	TAILQ_FOREACH(f, &s->unsynced, unsynced)
		n++;
	return calloc(1, sizeof(struct nc_sync_job) + n * sizeof(struct sync_item));
}

static void add_file(struct nc_sync_job *j, struct nc_shelf_file *f)
{
	struct sync_item *it = &j->items[j->n++];

	TAILQ_REMOVE(&f->shelf->store->unsynced, f, unsynced);
	it->file = f;
	it->on_root = f->on_root;
	it->rc = nc_file_writer_sync_begin(f->writer, &it->sync);
	f->flying = f->now;
	f->lazy_flying = f->lazy;
	f->lazy = 0;
	f->dirty = f->wanted = false;
	f->syncing = true;
}

void nc_commit_begin(struct nc_store *s, bool all)
{
	struct nc_shelf_file *f, *next;
	struct nc_commit_batch next_batch = { .n = 0 };
	struct nc_sync_job *j = s->job || TAILQ_EMPTY(&s->unsynced) ? NULL : new_job(s);

	/* without memory it is tried again with the next block or tick */
	if (!j || grow_batch(&next_batch) < 0) {
		free(j);
		return;
	}
	for (f = TAILQ_FIRST(&s->unsynced); f; f = next) {
		next = TAILQ_NEXT(f, unsynced);
		if (all || f->wanted)
			add_file(j, f);
	}
	s->commit_due = false;
	if (j->n == 0) {
		free(next_batch.entries);
		free(j);
		return;
	}
	j->job.run = run_sync;
	j->root = s->whole_syncs ? s->root : -1;
	s->job = j;
	/* the place that was reserved is there again */
	s->flying = s->filling;
	s->filling = next_batch;
	s->counters.syncs++;
	s->jobs++;
	nc_worker_submit(s->syncer, &j->job);
}

/* --- the watermark ------------------------------------------------------------------------------------------------------- */

static size_t describe_files(struct nc_shelf *h, struct nc_watermark_file *out)
{
	struct nc_shelf_file *f;
	size_t n = 0;

	TAILQ_FOREACH(f, &h->files, all) {
		f->covered = f->name.kind == NC_NAME_CLOSING && !f->dirty && !f->syncing;
		/* one that is about to be finished has no entry: its inode may come again with another file */
		if (f->covered || f->durable.bytes == 0 || n == NC_WATERMARK_FILES)
			continue;
		out[n++] = (struct nc_watermark_file){
			.inode = f->inode,
			.born = f->born,
			.begun = f->begun,
			.size = f->durable.bytes,
			.blocks = f->durable.blocks,
			.records = f->durable.records,
		};
	}
	return n;
}

static int fill_save(struct nc_shelf *h, struct save_job *j)
{
	struct nc_watermark_file *files = calloc(NC_WATERMARK_FILES, sizeof(*files));

	if (!files)
		return -ENOMEM;
	size_t n = describe_files(h, files);
	nc_watermark_pack(&h->have, files, n, &j->bytes);
	free(files);
	return j->bytes.failed ? -ENOMEM : 0;
}

static void free_save(struct save_job *j)
{
	if (j->dirfd >= 0)
		close(j->dirfd);
	nc_buf_free(&j->bytes);
	free(j);
}

static void begin_save(struct nc_shelf *h)
{
	struct save_job *j = calloc(1, sizeof(*j));

	if (!j)
		return;
	*j = (struct save_job){ .job.run = run_save, .shelf = h, .dirfd = nc_shelf_folder(h) };
	int rc = j->dirfd < 0 ? j->dirfd : fill_save(h, j);
	if (rc < 0) {
		nc_shelf_failed(h, NC_WATERMARK_NAME, rc);
		h->save_retry = nc_store_mono(h->store) + SAVE_RETRY;
		free_save(j);
		return;
	}
	h->saving = true;
	h->save_wanted = false;
	h->unsaved = 0;
	h->saved = nc_store_mono(h->store);
	/* not behind the syncs: somebody waits for those */
	h->store->jobs++;
	nc_worker_submit(h->store->sweeper, &j->job);
}

/* Whether a file that is closing has nothing left that waits for a sync. */
static bool has_closed(const struct nc_shelf *h)
{
	const struct nc_shelf_file *f;

	TAILQ_FOREACH(f, &h->files, all)
		if (f->name.kind == NC_NAME_CLOSING && !f->dirty && !f->syncing)
			return true;
	return false;
}

/* With files that are closing, when the sync of one of them is done. */
static void save_if_ready(struct nc_shelf *h)
{
	if ((!h->closing && !h->save_wanted) || !h->loaded || h->saving || nc_store_mono(h->store) < h->save_retry)
		return;
	if (!h->closing || has_closed(h))
		begin_save(h);
}

void nc_commit_save(struct nc_shelf *h)
{
	h->save_wanted = true;
	if (!h->loaded)
		return;
	if (!TAILQ_EMPTY(&h->store->unsynced) && !has_closed(h))
		nc_commit_begin(h->store, false);
	save_if_ready(h);
}

static void saved(struct nc_store *s, struct save_job *j)
{
	struct nc_shelf *h = j->shelf;
	struct nc_shelf_file *f, *next;

	h->saving = false;
	if (j->rc < 0) {
		nc_shelf_failed(h, NC_WATERMARK_NAME, j->rc);
		h->save_retry = nc_store_mono(s) + SAVE_RETRY;
		h->save_wanted = true;
	} else {
		s->counters.watermarks++;
		for (f = TAILQ_FIRST(&h->files); f; f = next) {
			next = TAILQ_NEXT(f, all);
			if (f->covered && nc_rotate_finish(f) < 0)
				h->save_retry = nc_store_mono(s) + SAVE_RETRY;
		}
	}
	free_save(j);
	save_if_ready(h);
}

/* --- what became of it --------------------------------------------------------------------------------------------------- */

static void add_tally(struct nc_tally *t, const struct nc_commit_entry *e)
{
	t->blocks++;
	t->records += e->records;
	t->bytes += e->size;
}

/* By shelf, epoch and number. */
static int by_number(const void *a, const void *b)
{
	const struct nc_commit_entry *x = a, *y = b;

	if (x->shelf != y->shelf)
		return x->shelf < y->shelf ? -1 : 1;
	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The entries of a batch that are in that file go to the end of *to, the others stay. */
static void move_failed(struct nc_commit_batch *b, const struct nc_shelf_file *failing, struct nc_commit_batch *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (b->entries[i].file != failing)
			b->entries[kept++] = b->entries[i];
		else if (to->n < to->cap)
			to->entries[to->n++] = b->entries[i];
	}
	b->n = kept;
}

/* The entries [i, end) are one range of numbers. */
static size_t range_end(const struct nc_commit_batch *b, size_t i)
{
	const struct nc_commit_entry *e = b->entries;

	for (i++; i < b->n; i++)
		if (e[i].shelf != e[i - 1].shelf || e[i].epoch != e[i - 1].epoch || e[i].seq != e[i - 1].seq + 1)
			break;
	return i;
}

/* Records the range as durable. Without memory for that it is not told: it stays pending, and is not taken again. */
static bool record(const struct nc_commit_entry *from, size_t n)
{
	struct nc_shelf *h = from->shelf;
	uint64_t last = from[n - 1].seq, known = h->have.forgotten_epochs + h->have.forgotten_ranges;

	if (nc_have_add(&h->have, from->epoch, from->seq, last) < 0)
		return false;
	h->store->counters.forgotten += h->have.forgotten_epochs + h->have.forgotten_ranges - known;
	(void)nc_have_remove(&h->pending, from->epoch, from->seq, last);
	for (size_t i = 0; i < n; i++)
		add_tally(&h->counters.stored, &from[i]);
	return true;
}

/* Before anything that may save a watermark: sizes of files and numbers of blocks have to agree there. What can't be recorded is
 * left out, and stays pending. */
static void record_all(struct nc_commit_batch *b)
{
	size_t end, kept = 0;

	if (b->n)
		qsort(b->entries, b->n, sizeof(b->entries[0]), by_number);
	for (size_t i = 0; i < b->n; i = end) {
		end = range_end(b, i);
		if (!record(&b->entries[i], end - i))
			continue;
		memmove(&b->entries[kept], &b->entries[i], (end - i) * sizeof(b->entries[0]));
		kept += end - i;
	}
	b->n = kept;
}

static void tell_durable(const struct nc_store *s, const struct nc_commit_batch *b)
{
	size_t end;

	for (size_t i = 0; i < b->n; i = end) {
		const struct nc_commit_entry *e = &b->entries[i];
		end = range_end(b, i);
		(void)NC_FAULT("before-ack");
		if (s->events.durable)
			s->events.durable(s->events.user, e->shelf, e->epoch, e->seq, b->entries[end - 1].seq);
	}
}

static void forget_failed(const struct nc_commit_batch *lost)
{
	for (size_t i = 0; i < lost->n; i++) {
		const struct nc_commit_entry *e = &lost->entries[i];
		(void)nc_have_remove(&e->shelf->pending, e->epoch, e->seq, e->seq);
		add_tally(&e->shelf->counters.failed, e);
	}
}

static void tell_failed(const struct nc_store *s, const struct nc_commit_batch *lost, int code)
{
	for (size_t i = 0; i < lost->n && s->events.failed; i++) {
		const struct nc_commit_entry *e = &lost->entries[i];
		s->events.failed(s->events.user, e->shelf, e->epoch, e->seq, e->ticket, code);
	}
}

/* Ends the syncs of all files. The blocks of one that failed, also those written behind them since, are moved to `lost`. */
static int end_syncs(struct nc_store *s, const struct nc_sync_job *j, struct nc_commit_batch *lost)
{
	int code = 0;

	for (size_t i = 0; i < j->n; i++) {
		const struct sync_item *it = &j->items[i];
		struct nc_shelf_file *f = it->file;
		f->syncing = false;
		nc_file_writer_sync_end(f->writer, &it->sync, it->rc);
		if (it->rc == 0) {
			f->shelf->unsaved += f->flying.bytes - f->durable.bytes;
			f->durable = f->flying;
			f->lazy_flying = 0;
			continue;
		}
		code = it->rc;
		move_failed(&s->flying, f, lost);
		move_failed(&s->filling, f, lost);
	}
	return code;
}

static void undo_failed(const struct nc_sync_job *j)
{
	char name[NC_NAME_TEXT];

	for (size_t i = 0; i < j->n; i++) {
		const struct sync_item *it = &j->items[i];
		if (it->rc == 0)
			continue;
		nc_name_print(&it->file->name, name);
		nc_shelf_failed(it->file->shelf, name, it->rc);
		nc_rotate_undo(it->file, it->rc);
	}
}

/* Watermarks of shelves with closing files, and of those that have not been saved for long. */
static void save_what_is_due(struct nc_store *s)
{
	int64_t now = nc_store_mono(s);
	struct nc_shelf *h;

	TAILQ_FOREACH(h, &s->shelves, all) {
		if (h->unsaved >= SAVE_BYTES || (h->unsaved && now - h->saved >= SAVE_INTERVAL))
			h->save_wanted = true;
		save_if_ready(h);
	}
}

static bool any_failed(const struct nc_sync_job *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->items[i].rc)
			return true;
	return false;
}

static void synced(struct nc_store *s, struct nc_sync_job *j)
{
	size_t all = s->flying.n + s->filling.n;
	struct nc_commit_batch lost = { .n = 0 };

	/* without memory for them those that failed stay pending: they are not taken again before a restart */
	if (any_failed(j) && all > 0) {
		lost.entries = calloc(all, sizeof(lost.entries[0]));
		lost.cap = lost.entries ? all : 0;
	}
	int code = end_syncs(s, j, &lost);
	/* the events may bring new blocks: the batch is not the store's meanwhile */
	struct nc_commit_batch done = s->flying;
	s->flying = (struct nc_commit_batch){ .n = 0 };
	record_all(&done);
	forget_failed(&lost);
	undo_failed(j);
	free(j);
	s->job = NULL;
	tell_durable(s, &done);
	tell_failed(s, &lost, code);
	free(lost.entries);
	free(done.entries);
	save_what_is_due(s);
	if (s->commit_due || (s->loop && s->filling.n && !s->commit_timer))
		nc_commit_begin(s, false);
}

void nc_commit_collect(struct nc_store *s)
{
	struct nc_job *job;

	while ((job = nc_worker_done(s->syncer))) {
		s->jobs--;
		synced(s, (struct nc_sync_job *)job);
	}
	while ((job = nc_worker_done(s->sweeper))) {
		s->jobs--;
		if (job->run == run_save)
			saved(s, (struct save_job *)job);
		else
			nc_expire_done(s, job);
	}
}

void nc_commit_free(struct nc_store *s)
{
	if (s->commit_timer)
		nc_loop_del_timer(s->commit_timer);
	free(s->filling.entries);
	free(s->flying.entries);
}
