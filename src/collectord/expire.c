/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits of age, of size and of free space: the oldest finished files go first, removed by a thread. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/message.h"
#include "base/text.h"
#include "base/time.h"
#include "block/scan.h"
#include "collectord/shelf.h"

#define QUOTA_PARTS  8u /* a file is finished when it has a part of the quota, so that there is something to expire */
#define EXPIRING_MAX 16u
#define LOG_BURST    3u
#define LOG_INTERVAL (60 * NC_NS_PER_S)

struct expire_job {
	struct nc_job job; /* first: a job is what it is embedded in */
	struct nc_shelf *shelf;
	int dirfd, rc;
	char name[NC_NAME_TEXT];
	struct nc_tally gone;
};

/* --- in the thread ------------------------------------------------------------------------------------------------------- */

static void count_blocks(int fd, struct nc_tally *t)
{
	const struct nc_scan scan = { .fd = fd };
	struct nc_block_info info;

	while (nc_scan_info(&scan, t->bytes, &info, NULL) == 0) {
		t->bytes += info.size;
		if (info.kind != NC_BLOCK_RECORDS)
			continue;
		t->blocks++;
		t->records += info.count;
	}
}

static void run_expire(struct nc_job *job)
{
	struct expire_job *j = (struct expire_job *)job;
	int fd = openat(j->dirfd, j->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		count_blocks(fd, &j->gone);
		close(fd);
	}
	(void)NC_FAULT("before-expire");
	j->rc = unlinkat(j->dirfd, j->name, 0) < 0 && errno != ENOENT ? -errno : 0;
	(void)NC_FAULT("after-expire");
}

/* --- which one goes ------------------------------------------------------------------------------------------------------ */

static int begin(struct nc_shelf *h, const struct nc_shelf_finished *f)
{
	const struct nc_name name = {
		.kind = NC_NAME_FINISHED, .type = &nc_types[f->slot], .start = f->start, .suffix = f->suffix
	};
	struct expire_job *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->job.run = run_expire;
	j->shelf = h;
	j->dirfd = nc_shelf_folder(h);
	if (j->dirfd < 0) {
		int rc = j->dirfd;
		free(j);
		return rc;
	}
	nc_name_print(&name, j->name);
	h->store->expiring++;
	h->store->jobs++;
	nc_worker_submit(h->store->sweeper, &j->job);
	return 0;
}

/* Expires the finished file i of a shelf; its bytes no longer count from here on. */
static int expire(struct nc_shelf *h, size_t i)
{
	struct nc_shelf_finished f = h->finished[i];
	int rc = begin(h, &f);

	if (rc)
		return rc;
	nc_shelf_account(h, -(int64_t)f.size);
	h->finished_count--;
	memmove(&h->finished[i], &h->finished[i + 1], (h->finished_count - i) * sizeof(f));
	return 0;
}

/* The shelf with the oldest finished file, NULL when there is none. */
static struct nc_shelf *oldest(const struct nc_store *s)
{
	struct nc_shelf *h, *best = NULL;

	TAILQ_FOREACH(h, &s->shelves, all)
		if (h->finished_count && (!best || h->finished[0].start < best->finished[0].start))
			best = h;
	return best;
}

/* Nothing is finished: the largest file is, so that it can go next. */
static void finish_largest(struct nc_shelf *h)
{
	struct nc_shelf_file *f, *best = NULL;

	TAILQ_FOREACH(f, &h->files, all) {
		if (f->name.kind == NC_NAME_CLOSING)
			return;
		if (f->now.blocks && (!best || f->now.bytes > best->now.bytes))
			best = f;
	}
	if (best)
		(void)nc_rotate_close(best);
}

static int sensor_quota(struct nc_shelf *h, uint64_t n)
{
	uint64_t quota = h->store->options.quota_sensor;

	while (quota && h->bytes + n > quota) {
		if (h->finished_count == 0) {
			finish_largest(h);
			return -EDQUOT;
		}
		if (expire(h, 0) < 0)
			return -EDQUOT;
	}
	return 0;
}

static int whole_quota(struct nc_shelf *h, uint64_t n)
{
	struct nc_store *s = h->store;

	while (s->options.quota && s->bytes + n > s->options.quota) {
		struct nc_shelf *from = oldest(s);
		if (!from) {
			finish_largest(h);
			return -EDQUOT;
		}
		if (expire(from, 0) < 0)
			return -EDQUOT;
	}
	return 0;
}

/* What is on the way of being removed makes room soon: until then the reserve may be used. */
static int free_space(struct nc_store *s, uint64_t n)
{
	uint64_t reserve = s->options.min_free;

	if (reserve == 0 || s->free_bytes == UINT64_MAX || (s->free_bytes >= n && s->free_bytes - n >= reserve))
		return 0;
	struct nc_shelf *from = s->expiring ? NULL : oldest(s);
	if (from)
		(void)expire(from, 0);
	return s->expiring && s->free_bytes > n ? 0 : -ENOSPC;
}

int nc_expire_room(struct nc_shelf *h, uint64_t n)
{
	int rc = sensor_quota(h, n);

	if (rc == 0)
		rc = whole_quota(h, n);
	return rc ? rc : free_space(h->store, n);
}

uint64_t nc_expire_rotate_size(const struct nc_store *s)
{
	const struct nc_store_options *o = &s->options;
	const uint64_t limits[] = { o->rotate_size, o->quota_sensor / QUOTA_PARTS, o->quota / QUOTA_PARTS };
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i] && limits[i] < least)
			least = limits[i];
	return least;
}

/* --- as time goes by ----------------------------------------------------------------------------------------------------- */

static void look_at_space(struct nc_store *s)
{
	struct statvfs v;

	s->free_bytes = UINT64_MAX;
	if (s->options.min_free && fstatvfs(s->root, &v) == 0)
		s->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
}

static void expire_old(struct nc_shelf *h)
{
	struct nc_store *s = h->store;
	int64_t limit = nc_store_real(s) / NC_NS_PER_S - s->options.expire_age / NC_NS_PER_S;

	for (size_t i = 0; i < h->finished_count && s->expiring < EXPIRING_MAX;)
		if (h->finished[i].end >= limit || expire(h, i) < 0)
			i++;
}

/* Files that nobody appends to any more are finished too, else their age would never count. Those of shelves that have not been
 * loaded are looked at when they are as old as a finished one may be. */
static void finish_old(struct nc_shelf *h)
{
	const struct nc_store_options *o = &h->store->options;
	int64_t now = nc_store_real(h->store);
	struct nc_shelf_file *f, *next;

	for (f = TAILQ_FIRST(&h->files); f; f = next) {
		next = TAILQ_NEXT(f, all);
		bool stuck = f->name.kind == NC_NAME_LIVE && h->current[nc_type_slot(f->name.type)] != f;
		bool old = o->rotate_interval > 0 && f->begun > 0 && now - f->begun >= o->rotate_interval;
		if (f->name.kind == NC_NAME_LIVE && f->now.blocks > 0 && (stuck || old))
			(void)nc_rotate_close(f);
	}
}

static bool to_be_loaded(const struct nc_shelf *h)
{
	const struct nc_store_options *o = &h->store->options;
	const struct nc_shelf_file *f;

	if (o->expire_age == 0 || o->rotate_interval == 0)
		return false;
	TAILQ_FOREACH(f, &h->files, all)
		if (nc_store_real(h->store) - f->begun >= o->rotate_interval)
			return true;
	return false;
}

/* One in each tick: it may take a moment. */
static void load_one(struct nc_store *s)
{
	struct nc_shelf *h;

	TAILQ_FOREACH(h, &s->shelves, all)
		if (!h->loaded && to_be_loaded(h))
			break;
	int rc = h ? nc_shelf_load(h) : 0;
	if (rc == 0)
		return;
	nc_shelf_failed(h, "", rc);
	/* the others first */
	TAILQ_REMOVE(&s->shelves, h, all);
	TAILQ_INSERT_TAIL(&s->shelves, h, all);
}

void nc_expire_tick(struct nc_store *s)
{
	struct nc_shelf *h;

	look_at_space(s);
	load_one(s);
	TAILQ_FOREACH(h, &s->shelves, all) {
		if (h->loaded)
			finish_old(h);
		if (s->options.expire_age)
			expire_old(h);
	}
}

void nc_expire_done(struct nc_store *s, struct nc_job *job)
{
	struct expire_job *j = (struct expire_job *)job;
	struct nc_tally *t = &j->shelf->counters.expired;
	char dir[NC_SHELF_DIR];
	unsigned more = 0;

	s->expiring--;
	if (j->rc == 0) {
		s->counters.expired_files++;
		t->blocks += j->gone.blocks;
		t->records += j->gone.records;
		t->bytes += j->gone.bytes;
	} else {
		s->counters.failures++;
		nc_text_escape(dir, sizeof(dir), j->shelf->dir, strlen(j->shelf->dir));
		if (nc_log_allow(&s->expire_log, LOG_BURST, LOG_INTERVAL, nc_store_mono(s), &more))
			nc_say(NC_SAY_EXPIRE_FAILED,
			       &(struct nc_about){ .sensor = dir, .reason = strerrordesc_np(-j->rc), .hidden = more },
			       "cannot remove %s/%s/%s: %s", s->path, dir, j->name, strerrordesc_np(-j->rc));
	}
	close(j->dirfd);
	free(j);
	look_at_space(s);
}
