/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shelf of a sensor: its folder, the files that are appended to, and what happens when that fails. */
#include "config.h"

#include "collectord/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/message.h"
#include "base/text.h"
#include "base/time.h"

#define RETRY_AFTER  NC_NS_PER_S /* a shelf whose disk gave an I/O error is left alone for so long */
#define LOG_BURST    3u
#define LOG_INTERVAL (60 * NC_NS_PER_S)

/* --- the folder ---------------------------------------------------------------------------------------------------------- */

struct nc_shelf *nc_shelf_get(struct nc_store *s, const char *dir)
{
	struct nc_shelf *h;

	TAILQ_FOREACH(h, &s->shelves, all)
		if (strcmp(h->dir, dir) == 0)
			return h;
	h = strlen(dir) < NC_SHELF_DIR ? calloc(1, sizeof(*h)) : NULL;
	if (!h)
		return NULL;
	h->store = s;
	memcpy(h->dir, dir, strlen(dir) + 1);
	memcpy(h->header.source, dir, strlen(dir) + 1);
	snprintf(h->header.version, sizeof(h->header.version), "v%s", PACKAGE_VERSION);
	TAILQ_INIT(&h->files);
	h->saved = nc_store_mono(s);
	randombytes_buf(&h->epoch, sizeof(h->epoch));
	TAILQ_INSERT_TAIL(&s->shelves, h, all);
	return h;
}

void nc_shelf_free(struct nc_shelf *h)
{
	struct nc_shelf_file *f;

	if (h->failing)
		h->store->failing--;
	while ((f = TAILQ_FIRST(&h->files)))
		nc_shelf_drop_file(f);
	nc_have_free(&h->have);
	nc_have_free(&h->pending);
	free(h->finished);
	TAILQ_REMOVE(&h->store->shelves, h, all);
	free(h);
}

/* A new one is there for good before anything in it is said to be. */
static int make_dir(int root, const char *name)
{
	if (mkdirat(root, name, 0750) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fsync(root) == 0 || errno == EINVAL)
		return 0;
	int rc = -errno;
	(void)unlinkat(root, name, AT_REMOVEDIR);
	return rc;
}

/* No link in the path is followed. */
static int open_dir(int root, const char *dir)
{
	char part[NC_SHELF_DIR];
	const char *slash = strchr(dir, '/');
	size_t n = slash ? (size_t)(slash - dir) : strlen(dir);

	memcpy(part, dir, n);
	part[n] = '\0';
	int rc = make_dir(root, part);
	if (rc)
		return rc;
	int fd = openat(root, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!slash)
		return fd;
	int inner = open_dir(fd, slash + 1);
	close(fd);
	return inner;
}

int nc_shelf_folder(const struct nc_shelf *h)
{
	return open_dir(h->store->root, h->dir);
}

void nc_shelf_account(struct nc_shelf *h, int64_t d)
{
	h->bytes += (uint64_t)d;
	h->store->bytes += (uint64_t)d;
}

/* --- failures ------------------------------------------------------------------------------------------------------------ */

void nc_shelf_failed(struct nc_shelf *h, const char *name, int code)
{
	struct nc_store *s = h->store;
	char shown[96];
	unsigned more = 0;

	s->counters.failures++;
	nc_text_escape(shown, sizeof(shown), h->dir, strlen(h->dir));
	snprintf(s->last_error, sizeof(s->last_error), "%.80s/%s/%.40s: %.30s", s->path, shown, name,
	         strerrordesc_np(-code));
	if (code == -EIO)
		h->retry = nc_store_mono(s) + RETRY_AFTER;
	if (h->failing)
		return;
	h->failing = true;
	if (s->failing++ == 0 && nc_log_allow(&s->fail_log, LOG_BURST, LOG_INTERVAL, nc_store_mono(s), &more))
		nc_say(NC_SAY_STORE_FAILS,
		       &(struct nc_about){ .sensor = shown, .reason = strerrordesc_np(-code), .hidden = more },
		       "cannot write %s; what can't be written waits or is sent again", s->last_error);
}

void nc_shelf_recovered(struct nc_shelf *h)
{
	struct nc_store *s = h->store;

	if (!h->failing)
		return;
	h->failing = false;
	if (--s->failing > 0)
		return;
	/* only after a failure that was shown */
	if (s->fail_log.suppressed == 0)
		nc_say(NC_SAY_STORE_WORKS, NULL, "writing to %s works again; %llu records were dropped meanwhile", s->path,
		       (unsigned long long)s->dropped_while_failing);
	s->dropped_while_failing = 0;
}

/* --- files --------------------------------------------------------------------------------------------------------------- */

struct nc_shelf_file *nc_shelf_new_file(struct nc_shelf *h, const struct nc_name *name)
{
	struct nc_shelf_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->shelf = h;
	f->name = *name;
	TAILQ_INSERT_TAIL(&h->files, f, all);
	return f;
}

static void close_writer(struct nc_shelf_file *f)
{
	struct nc_store *s = f->shelf->store;

	if (!f->writer)
		return;
	if (nc_file_writer_close(f->writer) < 0)
		s->counters.failures++;
	TAILQ_REMOVE(&s->opened, f, opened);
	s->open_count--;
	f->writer = NULL;
}

bool nc_shelf_shut(struct nc_shelf_file *f)
{
	if (f->dirty || f->syncing)
		return false;
	close_writer(f);
	return true;
}

void nc_shelf_drop_file(struct nc_shelf_file *f)
{
	struct nc_shelf *h = f->shelf;
	size_t slot = nc_type_slot(f->name.type);

	if (f->dirty)
		TAILQ_REMOVE(&h->store->unsynced, f, unsynced);
	close_writer(f);
	nc_shelf_account(h, -(int64_t)f->now.bytes);
	h->closing -= f->name.kind == NC_NAME_CLOSING;
	if (h->current[slot] == f)
		h->current[slot] = NULL;
	TAILQ_REMOVE(&h->files, f, all);
	free(f);
}

/* Makes room for one more writer. Those that wait for a sync can't be closed; there may be some more until it is done. */
static int limit_opened(struct nc_store *s)
{
	struct nc_shelf_file *f, *next;

	for (f = TAILQ_FIRST(&s->opened); f && s->open_count >= s->options.open_files; f = next) {
		next = TAILQ_NEXT(f, opened);
		nc_shelf_shut(f);
	}
	if (s->open_count < s->options.open_files)
		return 0;
	nc_commit_begin(s, true);
	return s->open_count >= 2 * s->options.open_files ? -EMFILE : 0;
}

struct visit {
	struct nc_shelf_file *file;
	bool nomem;
};

static void on_restart(void *user, uint64_t from)
{
	struct visit *v = user;

	v->file->now = from ? v->file->durable : (struct nc_tally){ .blocks = 0 };
}

static void on_block(void *user, const struct nc_block_info *info)
{
	struct visit *v = user;

	if (info->kind != NC_BLOCK_RECORDS)
		return;
	v->file->now.blocks++;
	v->file->now.records += info->count;
	if (info->epoch && info->seq && nc_have_add(&v->file->shelf->have, info->epoch, info->seq, info->seq) < 0)
		v->nomem = true;
}

/* What the file system says of it. A file whose beginning is not known began when it was born, or at its last change. */
static void identify(struct nc_shelf_file *f, bool fresh)
{
	struct statx st = { .stx_mask = 0 };

	if (statx(nc_file_writer_fd(f->writer), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_MTIME, &st) < 0)
		return;
	f->inode = st.stx_ino;
	f->on_root = st.stx_dev_major == f->shelf->store->dev_major && st.stx_dev_minor == f->shelf->store->dev_minor;
	f->born = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * NC_NS_PER_S + st.stx_btime.tv_nsec : 0;
	if (fresh)
		f->begun = nc_store_real(f->shelf->store);
	else if (f->begun == 0)
		f->begun = f->born ? f->born : st.stx_mtime.tv_sec * NC_NS_PER_S;
}

/* What was there and is not known to be durable is made so: it will be said to be there. */
static int settle(struct nc_shelf_file *f, uint64_t before)
{
	uint64_t size = nc_file_writer_size(f->writer);
	bool fresh = f->now.blocks == 0;

	nc_shelf_account(f->shelf, (int64_t)(size - before));
	f->now.bytes = size;
	identify(f, fresh);
	if (fresh)
		return 0;
	int rc = size > f->durable.bytes ? nc_file_writer_sync(f->writer) : 0;
	if (rc == 0)
		f->durable = f->now;
	return rc;
}

int nc_shelf_open_file(struct nc_shelf_file *f, const struct nc_file_header *header, int dirfd)
{
	struct nc_store *s = f->shelf->store;
	struct nc_file_header h = *header;
	struct visit v = { .file = f };
	const struct nc_file_visit visit = {
		.whole = f->durable.bytes, .check_all = true, .restart = on_restart, .block = on_block, .user = &v
	};
	char name[NC_NAME_TEXT];
	uint64_t torn = 0, before = f->now.bytes;

	h.type = f->name.type->number;
	if (!h.created[0])
		nc_time_stamp(h.created, nc_store_real(s));
	nc_name_print(&f->name, name);
	int rc = limit_opened(s);
	if (rc == 0)
		rc = nc_file_writer_open_visit(dirfd, name, &h, s->deflater, &visit, &torn, &f->writer);
	if (rc) {
		f->now.bytes = before;
		return rc;
	}
	TAILQ_INSERT_TAIL(&s->opened, f, opened);
	s->open_count++;
	s->counters.torn_bytes += torn;
	if (torn)
		nc_say(NC_SAY_FILE_TORN, &(struct nc_about){ .sensor = f->shelf->dir, .record_type = f->name.type->name },
		       "%s/%s/%s: its end was torn; %llu bytes moved aside", s->path, f->shelf->dir, name,
		       (unsigned long long)torn);
	rc = settle(f, before);
	if (v.nomem)
		rc = -ENOMEM;
	if (rc)
		close_writer(f);
	return rc;
}

static bool name_taken(const struct nc_shelf *h, const struct nc_name *name)
{
	const struct nc_shelf_file *f;

	TAILQ_FOREACH(f, &h->files, all)
		if (f->name.kind == NC_NAME_LIVE && f->name.type == name->type && f->name.k == name->k)
			return true;
	return false;
}

/* A new file under the first name that is ours or free. */
static int new_current(struct nc_shelf *h, const struct nc_type *type, const struct nc_file_header *header, int dirfd,
                       struct nc_shelf_file **ret)
{
	struct nc_name name = { .kind = NC_NAME_LIVE, .type = type, .k = 1 };
	int rc = -EEXIST;

	for (; rc == -EEXIST && name.k <= NC_NAME_K; name.k++) {
		if (name_taken(h, &name))
			continue;
		struct nc_shelf_file *f = nc_shelf_new_file(h, &name);
		if (!f)
			return -ENOMEM;
		rc = nc_shelf_open_file(f, header, dirfd);
		if (rc)
			nc_shelf_drop_file(f);
		else
			*ret = h->current[nc_type_slot(type)] = f;
	}
	return rc;
}

static bool too_old(const struct nc_shelf_file *f)
{
	const struct nc_store *s = f->shelf->store;
	int64_t limit = s->options.rotate_interval;

	return limit > 0 && f->now.blocks > 0 && nc_store_real(s) - f->begun >= limit;
}

/* The file to append to, with its writer. */
static int current_file(struct nc_shelf *h, const struct nc_type *type, const struct nc_file_header *header,
                        struct nc_shelf_file **ret)
{
	struct nc_shelf_file *f = h->current[nc_type_slot(type)];
	int rc = 0;

	if (f && too_old(f) && nc_rotate_close(f) == 0)
		f = NULL;
	if (!f || !f->writer) {
		int dirfd = nc_shelf_folder(h);
		if (dirfd < 0)
			return dirfd;
		rc = f ? nc_shelf_open_file(f, header, dirfd) : new_current(h, type, header, dirfd, &f);
		close(dirfd);
	}
	if (rc == 0)
		*ret = f;
	return rc;
}

static void wrote(struct nc_shelf_file *f, const struct nc_block_info *info, bool waited)
{
	struct nc_shelf *h = f->shelf;
	struct nc_store *s = h->store;

	f->now.blocks++;
	f->now.records += info->count;
	f->now.bytes += info->size;
	nc_shelf_account(h, info->size);
	if (s->free_bytes != UINT64_MAX)
		s->free_bytes -= info->size < s->free_bytes ? info->size : s->free_bytes;
	if (!waited)
		f->lazy += info->count;
	f->wanted |= waited;
	if (!f->dirty)
		TAILQ_INSERT_TAIL(&s->unsynced, f, unsynced);
	f->dirty = true;
	TAILQ_REMOVE(&s->opened, f, opened);
	TAILQ_INSERT_TAIL(&s->opened, f, opened);
	s->counters.written_bytes += info->size;
	s->counters.written_records += info->count;
	s->counters.written_blocks++;
}

void nc_shelf_rotate(struct nc_shelf_file *f)
{
	const struct nc_store_options *o = &f->shelf->store->options;

	if (f->now.bytes >= nc_expire_rotate_size(f->shelf->store) || (o->rotate_records && f->now.records >= o->rotate_records))
		(void)nc_rotate_close(f);
}

/* A disk that fails at one place may do at others: the file ends here. One that is full will go on with it. */
static int put_failed(struct nc_shelf *h, const struct nc_type *type, struct nc_shelf_file *f, int code)
{
	char name[NC_NAME_TEXT];

	nc_name_print(f ? &f->name : &(struct nc_name){ .kind = NC_NAME_LIVE, .type = type, .k = 1 }, name);
	nc_shelf_failed(h, name, code);
	if (f && code == -EIO) {
		h->store->counters.failed_files++;
		if (nc_rotate_close(f) < 0)
			h->current[nc_type_slot(type)] = NULL;
	} else if (f) {
		/* looked at afresh when it is tried again */
		nc_shelf_shut(f);
	}
	return code;
}

int nc_shelf_put(struct nc_shelf *h, const struct nc_type *type, const struct nc_file_header *header, const uint8_t *p,
                 const struct nc_block_info *info, bool waited, struct nc_shelf_file **file)
{
	struct nc_shelf_file *f = NULL;

	if (h->retry > nc_store_mono(h->store))
		return -EIO;
	int rc = h->loaded ? 0 : nc_shelf_load(h);
	if (rc == 0)
		rc = nc_expire_room(h, info->size);
	if (rc == 0)
		rc = current_file(h, type, header, &f);
	if (rc == 0)
		rc = NC_FAULT("before-write");
	if (rc == 0)
		rc = nc_file_writer_append(f->writer, p, info->size);
	if (rc)
		return put_failed(h, type, f, rc);
	(void)NC_FAULT("after-write");
	wrote(f, info, waited);
	/* while others wait a small one may have found room where they did not; one that nobody waits for is among them itself */
	if (h->waiting <= !waited)
		nc_shelf_recovered(h);
	*file = f;
	return 0;
}
