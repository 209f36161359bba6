/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of files: closing, finished, cut back, moved aside. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/message.h"
#include "base/time.h"
#include "collectord/shelf.h"

/* Renames where nothing has the new name: -EEXIST else. */
static int rename_to(int dirfd, const char *from, const char *to)
{
	struct stat st;

	if (renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* a file system that can't tell; the folder is ours alone */
	if (fstatat(dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (errno != ENOENT)
		return -errno;
	return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

/* Gives the file a name of that kind for which neither the closing nor the finished name is taken. */
static int rename_as(struct nc_shelf_file *f, int dirfd, enum nc_name_kind kind)
{
	char from[NC_NAME_TEXT], to[NC_NAME_TEXT], other[NC_NAME_TEXT];
	struct nc_name name = f->name;
	struct stat st;
	int rc = -EEXIST;

	if (name.kind == NC_NAME_LIVE) {
		name.start = f->begun / NC_NS_PER_S;
		name.suffix = 0;
	}
	nc_name_print(&f->name, from);
	for (; rc == -EEXIST && name.suffix <= NC_NAME_SUFFIX; name.suffix++) {
		name.kind = kind == NC_NAME_CLOSING ? NC_NAME_FINISHED : NC_NAME_CLOSING;
		nc_name_print(&name, other);
		if (strcmp(other, from) != 0 && fstatat(dirfd, other, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		name.kind = kind;
		nc_name_print(&name, to);
		rc = rename_to(dirfd, from, to);
		if (rc)
			continue;
		f->name = name;
		f->shelf->closing += kind == NC_NAME_CLOSING;
		f->shelf->closing -= kind == NC_NAME_FINISHED;
	}
	return rc;
}

static int rename_in_folder(struct nc_shelf_file *f, enum nc_name_kind kind)
{
	char name[NC_NAME_TEXT];
	int dirfd = nc_shelf_folder(f->shelf);
	int rc = dirfd < 0 ? dirfd : rename_as(f, dirfd, kind);

	if (dirfd >= 0)
		close(dirfd);
	if (rc) {
		nc_name_print(&f->name, name);
		nc_shelf_failed(f->shelf, name, rc);
	}
	return rc;
}

/* A file without a block that is durable leaves nothing behind. */
static void remove_file(struct nc_shelf_file *f)
{
	char name[NC_NAME_TEXT];
	int dirfd = nc_shelf_folder(f->shelf);

	nc_name_print(&f->name, name);
	if (dirfd >= 0) {
		(void)unlinkat(dirfd, name, 0);
		close(dirfd);
	}
	nc_shelf_drop_file(f);
}

int nc_rotate_close(struct nc_shelf_file *f)
{
	struct nc_shelf *h = f->shelf;
	size_t slot = nc_type_slot(f->name.type);

	if (f->now.blocks == 0) {
		remove_file(f);
		return 0;
	}
	int rc = NC_FAULT("before-close");
	if (rc == 0)
		rc = rename_in_folder(f, NC_NAME_CLOSING);
	if (rc)
		return rc;
	(void)NC_FAULT("after-close");
	if (h->current[slot] == f)
		h->current[slot] = NULL;
	f->wanted |= f->dirty;
	nc_commit_save(h);
	return 0;
}

int nc_rotate_finish(struct nc_shelf_file *f)
{
	struct nc_shelf *h = f->shelf;
	struct nc_shelf_finished done = {
		.end = nc_store_real(h->store) / NC_NS_PER_S,
		.size = f->now.bytes,
		.slot = (uint16_t)nc_type_slot(f->name.type),
	};
	int rc = NC_FAULT("before-rename");

	if (rc == 0)
		rc = rename_in_folder(f, NC_NAME_FINISHED);
	if (rc)
		return rc;
	(void)NC_FAULT("after-rename");
	done.start = f->name.start;
	done.suffix = (uint16_t)f->name.suffix;
	h->store->counters.rotated_files++;
	/* not on the list it still counts, and is found at the next start */
	if (nc_shelf_add_finished(h, &done) == 0)
		nc_shelf_account(h, (int64_t)done.size);
	nc_shelf_drop_file(f);
	return 0;
}

void nc_rotate_aside(struct nc_shelf_file *f)
{
	char from[NC_NAME_TEXT], to[NC_NAME_TEXT + 32];
	struct nc_shelf *h = f->shelf;
	int dirfd = nc_shelf_folder(h), rc = dirfd < 0 ? dirfd : -EEXIST;

	nc_name_print(&f->name, from);
	for (unsigned i = 0; rc == -EEXIST && i <= NC_NAME_SUFFIX; i++) {
		snprintf(to, sizeof(to), "%s.damaged-%u", from, i);
		rc = rename_to(dirfd, from, to);
	}
	if (dirfd >= 0)
		close(dirfd);
	h->store->counters.failed_files++;
	if (rc == 0) {
		nc_say(NC_SAY_FILE_FAILS, &(struct nc_about){ .sensor = h->dir, .record_type = f->name.type->name },
		       "%s/%s/%s fails, and was moved aside as %s", h->store->path, h->dir, from, to);
		nc_shelf_drop_file(f);
		return;
	}
	/* it keeps its name, and others go by it */
	nc_shelf_failed(h, from, rc);
	if (h->current[nc_type_slot(f->name.type)] == f)
		h->current[nc_type_slot(f->name.type)] = NULL;
}

void nc_rotate_undo(struct nc_shelf_file *f, int code)
{
	struct nc_shelf *h = f->shelf;
	bool full = code == -ENOSPC || code == -EDQUOT || code == -EFBIG;
	int rc = nc_file_writer_rollback(f->writer);

	if (f->dirty)
		TAILQ_REMOVE(&h->store->unsynced, f, unsynced);
	f->dirty = f->wanted = false;
	h->store->counters.written_blocks -= f->now.blocks - f->durable.blocks;
	h->store->counters.written_records -= f->now.records - f->durable.records;
	nc_gather_dropped(h->store, f->lazy + f->lazy_flying);
	f->lazy = f->lazy_flying = 0;
	nc_shelf_account(h, (int64_t)(f->durable.bytes - f->now.bytes));
	f->now = f->durable;
	if (f->durable.bytes == 0) {
		remove_file(f);
	} else if (rc < 0) {
		nc_rotate_aside(f);
	} else if (!full) {
		h->store->counters.failed_files++;
		if (f->name.kind == NC_NAME_LIVE && nc_rotate_close(f) < 0 && h->current[nc_type_slot(f->name.type)] == f)
			h->current[nc_type_slot(f->name.type)] = NULL;
	}
}
