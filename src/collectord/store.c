/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store of a collector: opening, options, clocks, and the way of a whole block into it. */
#include "config.h"

#include "collectord/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/save.h"
#include "base/time.h"
#include "collectord/shelf.h"

#define TICK_EVERY NC_NS_PER_S

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

int nc_store_settle(struct nc_store *s)
{
	if (s->settled)
		return 0;
	if (fsync(s->root) < 0 && errno != EINVAL)
		return -errno;
	int rc = nc_save_parent(s->root);
	s->settled = rc == 0;
	return rc;
}

/* Those whose syncfs is known to write, and to wait for, data, sizes, names and the disk's cache. */
static bool syncs_as_a_whole(int fd)
{
	static const unsigned long known[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC,
	};
	struct statfs v;

	if (fstatfs(fd, &v) < 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((unsigned long)v.f_type == known[i])
			return true;
	return false;
}

static int identify_root(struct nc_store *s)
{
	struct statx st;

	if (statx(s->root, "", AT_EMPTY_PATH, STATX_INO, &st) < 0)
		return -errno;
	s->dev_major = st.stx_dev_major;
	s->dev_minor = st.stx_dev_minor;
	s->whole_syncs = syncs_as_a_whole(s->root);
	return 0;
}

/* The root, for us alone. */
static int open_root(struct nc_store *s, const char *root)
{
	int r = make_path(root);

	if (r < 0)
		return r;
	s->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return -errno;
	/* other failures: a file system without locks on folders */
	if (flock(s->root, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	/* what fails is tried again before anything is stored */
	(void)nc_store_settle(s);
	return identify_root(s);
}

static int start_workers(struct nc_store *s)
{
	int r = nc_worker_new("store-sync", &s->syncer);

	return r ? r : nc_worker_new("store-expire", &s->sweeper);
}

int nc_store_open(const char *root, const struct nc_store_options *o, struct nc_store **ret, struct nc_buf *err)
{
	struct nc_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->root = -1;
	s->options = *o;
	s->free_bytes = UINT64_MAX;
	TAILQ_INIT(&s->shelves);
	TAILQ_INIT(&s->streams);
	TAILQ_INIT(&s->gathering);
	TAILQ_INIT(&s->chunks);
	TAILQ_INIT(&s->opened);
	TAILQ_INIT(&s->unsynced);
	s->path = strdup(root);
	s->deflater = nc_deflater_new(o->level);
	s->inflater = nc_inflater_new();
	int r = s->path && s->deflater && s->inflater ? open_root(s, root) : -ENOMEM;
	if (r == 0)
		r = start_workers(s);
	if (r == 0)
		r = nc_shelf_list_all(s);
	if (r < 0) {
		nc_buf_printf(err, "%s: %s", root, r == -EBUSY ? "another collector stores there" : strerrordesc_np(-r));
		nc_store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

int nc_store_set(struct nc_store *s, const struct nc_store_options *o)
{
	if (o->level != s->options.level) {
		struct nc_deflater *d = nc_deflater_new(o->level);
		if (!d)
			return -ENOMEM;
		nc_deflater_free(s->deflater);
		s->deflater = d;
	}
	s->options = *o;
	return 0;
}

void nc_store_listen(struct nc_store *s, const struct nc_store_events *e)
{
	s->events = *e;
}

/* --- the loop ------------------------------------------------------------------------------------------------------ */

static void on_job(void *user, uint32_t events)
{
	(void)events;
	nc_commit_collect(user);
}

static void on_tick(void *user)
{
	nc_store_tick(user, nc_time_mono(), nc_time_real());
}

int nc_store_attach(struct nc_store *s, struct nc_loop *loop)
{
	int r = nc_loop_add_fd(loop, nc_worker_fd(s->syncer), EPOLLIN, on_job, s, &s->sync_watch);

	if (r == 0)
		r = nc_loop_add_fd(loop, nc_worker_fd(s->sweeper), EPOLLIN, on_job, s, &s->sweep_watch);
	if (r == 0)
		r = nc_loop_add_timer(loop, TICK_EVERY, TICK_EVERY, on_tick, s, &s->tick_timer);
	if (r == 0)
		s->loop = loop;
	return r;
}

static void detach(struct nc_store *s)
{
	if (s->sync_watch)
		nc_loop_del_fd(s->sync_watch);
	if (s->sweep_watch)
		nc_loop_del_fd(s->sweep_watch);
	if (s->tick_timer)
		nc_loop_del_timer(s->tick_timer);
	s->loop = NULL;
}

int64_t nc_store_real(const struct nc_store *s)
{
	return s->loop || s->real == 0 ? nc_time_real() : s->real;
}

int64_t nc_store_mono(const struct nc_store *s)
{
	return s->loop ? nc_time_mono() : s->mono;
}

/* What an error left undone is tried again. */
static void try_again(struct nc_store *s)
{
	struct nc_shelf *h;

	TAILQ_FOREACH(h, &s->shelves, all)
		if (h->closing || h->save_wanted)
			nc_commit_save(h);
}

void nc_store_tick(struct nc_store *s, int64_t now_mono, int64_t now_real)
{
	s->mono = now_mono;
	s->real = now_real;
	nc_commit_collect(s);
	nc_expire_tick(s);
	try_again(s);
	if (s->filling.n)
		nc_commit_begin(s, false);
}

void nc_store_flush(struct nc_store *s, int64_t now_mono)
{
	s->mono = now_mono;
	nc_gather_flush(s);
	nc_commit_collect(s);
	if (s->options.sync_interval == 0 || now_mono - s->lazy_synced < s->options.sync_interval)
		return;
	s->lazy_synced = now_mono;
	nc_commit_begin(s, true);
}

/* Waits for the job that is done next. */
static bool wait_once(struct nc_store *s)
{
	if (s->jobs == 0)
		return false;
	(void)nc_worker_wait(s->syncer);
	(void)nc_worker_wait(s->sweeper);
	nc_commit_collect(s);
	return true;
}

void nc_store_wait(struct nc_store *s)
{
	do {
		nc_commit_begin(s, true);
	} while (wait_once(s));
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

/* All watermarks, so that the next start has nothing to look at again. */
static void save_all(struct nc_store *s)
{
	struct nc_shelf *h;

	TAILQ_FOREACH(h, &s->shelves, all)
		if (h->unsaved)
			nc_commit_save(h);
	nc_store_wait(s);
}

uint64_t nc_store_close(struct nc_store *s)
{
	struct nc_shelf *h;

	if (!s)
		return 0;
	if (s->syncer && s->sweeper) {
		nc_gather_flush(s);
		nc_store_wait(s);
		save_all(s);
	}
	uint64_t lost = nc_gather_free(s);
	nc_commit_free(s);
	detach(s);
	nc_worker_free(s->syncer);
	nc_worker_free(s->sweeper);
	while ((h = TAILQ_FIRST(&s->shelves)))
		nc_shelf_free(h);
	if (s->root >= 0) {
		flock(s->root, LOCK_UN);
		close(s->root);
	}
	nc_buf_free(&s->inflated);
	nc_inflater_free(s->inflater);
	nc_deflater_free(s->deflater);
	free(s->path);
	free(s);
	return lost;
}

/* --- whole blocks -------------------------------------------------------------------------------------------------- */

int nc_store_shelf(struct nc_store *s, const char *dir, struct nc_shelf **ret)
{
	struct nc_shelf *h = nc_shelf_get(s, dir);
	int r = h ? 0 : -ENOMEM;

	if (h && !h->loaded)
		r = nc_shelf_load(h);
	if (h && r < 0)
		nc_shelf_failed(h, "", r);
	if (r == 0)
		*ret = h;
	return r;
}

void nc_store_each(struct nc_store *s, void (*fn)(void *user, const char *dir, const struct nc_shelf *h), void *user)
{
	const struct nc_shelf *h;

	TAILQ_FOREACH(h, &s->shelves, all)
		fn(user, h->dir, h);
}

void nc_shelf_describe(struct nc_shelf *h, const struct nc_file_header *header)
{
	h->header = *header;
	/* of the file, not of the one who describes it */
	h->header.created[0] = '\0';
}

void nc_shelf_set_user(struct nc_shelf *h, void *user)
{
	h->user = user;
}

void *nc_shelf_user(const struct nc_shelf *h)
{
	return h->user;
}

struct nc_shelf_counters nc_shelf_counters(const struct nc_shelf *h)
{
	struct nc_shelf_counters c = h->counters;

	c.finished_files = h->finished_count;
	c.used_bytes = h->bytes;
	return c;
}

/* Whole records, as many as the header says. */
static bool framed(const struct nc_buf *b, uint32_t count)
{
	struct nc_rd r = nc_rd_over(b->data, b->len);
	uint32_t n = 0;

	while (r.left > 0 && !r.failed) {
		uint64_t len = nc_rd_varint(&r);
		if (len > NC_RECORD_MAX || n == count)
			return false;
		nc_rd_skip(&r, (size_t)len);
		n++;
	}
	return !r.failed && n == count;
}

static bool acceptable(const struct nc_block_info *info)
{
	const struct nc_type *type = nc_type_by_number(info->type);

	if (info->kind != NC_BLOCK_RECORDS || info->epoch == 0 || info->seq == 0 || !type)
		return false;
	/* these two are the envelope, and no records */
	return type->desc != &types__header__descriptor && type->desc != &types__batch__descriptor;
}

/* 0, -EBADMSG, -ENOMEM. */
static int verify(struct nc_store *s, const uint8_t *p, const struct nc_block_info *info)
{
	if (s->options.verify == NC_STORE_VERIFY_HEADER)
		return 0;
	int r = nc_block_open(s->inflater, p, info->size, &s->inflated);
	if (r == 0)
		return framed(&s->inflated, info->count) ? 0 : -EBADMSG;
	return r == -E2BIG ? -EBADMSG : r;
}

/* Whether the block is there, or on its way: 0 when it is neither. */
static int known(const struct nc_shelf *h, const struct nc_block_info *info)
{
	enum nc_have_state state = nc_have_state(&h->have, info->epoch, info->seq);

	if (state == NC_HAVE_YES)
		return -EEXIST;
	if (nc_have_state(&h->pending, info->epoch, info->seq) == NC_HAVE_YES)
		return -EALREADY;
	return state == NC_HAVE_UNKNOWN ? -ESTALE : 0;
}

/* Memory for all that has to be noted of a block once it is written. */
static int reserve(struct nc_shelf *h, const struct nc_block_info *info)
{
	/* at these bounds something would be forgotten, which may not happen to what waits */
	if (h->pending.ranges + 1 >= NC_HAVE_RANGES || h->pending.n + 1 >= NC_HAVE_EPOCHS)
		return -EDQUOT;
	int r = nc_commit_reserve(h->store);
	if (r == 0)
		r = nc_have_reserve(&h->pending, info->epoch, 2);
	return r ? r : nc_have_reserve(&h->have, info->epoch, h->pending.ranges + 2);
}

static int take(struct nc_shelf *h, const uint8_t *p, const struct nc_block_info *info, uint64_t ticket)
{
	struct nc_store *s = h->store;
	struct nc_shelf_file *f = NULL;
	int r = acceptable(info) ? known(h, info) : -EBADMSG;

	if (r == 0)
		r = verify(s, p, info);
	if (r == 0)
		r = reserve(h, info);
	if (r == 0)
		r = nc_shelf_put(h, nc_type_by_number(info->type), &h->header, p, info, true, &f);
	if (r)
		return r;
	(void)nc_have_add(&h->pending, info->epoch, info->seq, info->seq);
	nc_commit_add(s, &(struct nc_commit_entry){
				 .shelf = h,
				 .file = f,
				 .epoch = info->epoch,
				 .seq = info->seq,
				 .ticket = ticket,
				 .records = info->count,
				 .size = info->size,
			 });
	nc_shelf_rotate(f);
	return 0;
}

static void count(struct nc_tally *t, const struct nc_block_info *info)
{
	t->blocks++;
	t->records += info->count;
	t->bytes += info->size;
}

int nc_shelf_append(struct nc_shelf *h, const uint8_t *p, const struct nc_block_info *info, uint64_t ticket)
{
	int r = take(h, p, info, ticket);

	count(&h->counters.received, info);
	if (r == -EEXIST || r == -EALREADY)
		count(&h->counters.duplicate, info);
	else if (r < 0)
		count(nc_store_later(r) ? &h->counters.later : &h->counters.rejected, info);
	return r;
}

bool nc_store_later(int code)
{
	return code != -EBADMSG && code != -ESTALE && code != -EEXIST && code != -EALREADY;
}

void nc_shelf_floor(struct nc_shelf *h, uint64_t epoch, uint64_t seq)
{
	nc_have_floor(&h->have, epoch, seq);
}

void nc_shelf_each(const struct nc_shelf *h, void (*fn)(void *user, uint64_t epoch, uint64_t from, uint64_t to), void *user)
{
	for (size_t i = 0; i < h->have.n; i++)
		for (size_t k = 0; k < h->have.epochs[i].n; k++)
			fn(user, h->have.epochs[i].id, h->have.epochs[i].ranges[k].from, h->have.epochs[i].ranges[k].to);
}

uint64_t nc_shelf_blocks(const struct nc_shelf *h, uint64_t epoch, uint64_t *highest)
{
	return nc_have_count(&h->have, epoch, highest);
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
	return s->failing > 0;
}
