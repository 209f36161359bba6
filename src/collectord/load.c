/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is there when a store opens: folders, their files, their watermarks, the blocks behind those. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "base/message.h"
#include "block/scan.h"
#include "collectord/shelf.h"
#include "collectord/watermark.h"

#define DEPTH 2u /* root/sensor, root/unauthenticated/address */

/* --- names and sizes ----------------------------------------------------------------------------------------------------- */

static int append_finished(struct nc_shelf *h, const struct nc_shelf_finished *f)
{
	if (h->finished_count == h->finished_cap) {
		size_t cap = h->finished_cap ? 2 * h->finished_cap : 16;
		struct nc_shelf_finished *more = reallocarray(h->finished, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		h->finished = more;
		h->finished_cap = cap;
	}
	h->finished[h->finished_count++] = *f;
	return 0;
}

int nc_shelf_add_finished(struct nc_shelf *h, const struct nc_shelf_finished *f)
{
	size_t i = h->finished_count;
	int rc = append_finished(h, f);

	if (rc)
		return rc;
	for (; i > 0 && h->finished[i - 1].start > f->start; i--)
		h->finished[i] = h->finished[i - 1];
	h->finished[i] = *f;
	return 0;
}

static int list_file(struct nc_shelf *h, const struct nc_name *name, const struct stat *st)
{
	struct nc_shelf_file *f;
	int rc = 0;

	if (name->kind == NC_NAME_FINISHED) {
		const struct nc_shelf_finished done = {
			.start = name->start,
			.end = st->st_mtim.tv_sec,
			.size = (uint64_t)st->st_size,
			.slot = (uint16_t)nc_type_slot(name->type),
			.suffix = (uint16_t)name->suffix,
		};
		rc = append_finished(h, &done);
	} else {
		f = nc_shelf_new_file(h, name);
		if (!f)
			return -ENOMEM;
		f->now.bytes = (uint64_t)st->st_size;
		h->closing += name->kind == NC_NAME_CLOSING;
		f->begun = name->kind == NC_NAME_CLOSING ? name->start * NC_NS_PER_S : 0;
	}
	if (rc == 0)
		nc_shelf_account(h, st->st_size);
	return rc;
}

/* By start; equal ones in any order. */
static int by_start(const void *a, const void *b)
{
	const struct nc_shelf_finished *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Lists the files of a folder into its shelf, which is made with the first of them, and calls itself for the folders in it. */
static int list_folder(struct nc_store *s, int dirfd, const char *dir, unsigned depth);

static int list_entry(struct nc_store *s, int dirfd, const char *dir, const char *entry, unsigned depth)
{
	char path[NC_SHELF_DIR];
	struct nc_name name;
	struct stat st;

	if (entry[0] == '.' || fstatat(dirfd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		int n = snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] ? "/" : "", entry);
		if (depth == 0 || n < 0 || (size_t)n >= sizeof(path))
			return 0;
		int fd = openat(dirfd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? 0 : list_folder(s, fd, path, depth - 1);
	}
	if (!dir[0] || !S_ISREG(st.st_mode) || !nc_name_parse(entry, &name))
		return 0;
	struct nc_shelf *h = nc_shelf_get(s, dir);
	return h ? list_file(h, &name, &st) : -ENOMEM;
}

static int list_folder(struct nc_store *s, int dirfd, const char *dir, unsigned depth)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		close(dirfd);
		return -ENOMEM;
	}
	while (rc == 0 && (e = readdir(d)))
		rc = list_entry(s, dirfd, dir, e->d_name, depth);
	closedir(d);
	return rc;
}

int nc_shelf_list_all(struct nc_store *s)
{
	struct nc_shelf *h;
	int fd = openat(s->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : list_folder(s, fd, "", DEPTH);

	TAILQ_FOREACH(h, &s->shelves, all)
		if (h->finished_count)
			qsort(h->finished, h->finished_count, sizeof(h->finished[0]), by_start);
	return rc;
}

/* --- blocks -------------------------------------------------------------------------------------------------------------- */

/* All blocks of a finished file: when there is no watermark to tell. */
static int scan_finished(struct nc_shelf *h, int dirfd, const struct nc_shelf_finished *f)
{
	const struct nc_name name = {
		.kind = NC_NAME_FINISHED, .type = &nc_types[f->slot], .start = f->start, .suffix = f->suffix
	};
	char text[NC_NAME_TEXT];
	struct nc_block_info info;
	uint64_t off = 0;
	int rc = 0;

	nc_name_print(&name, text);
	struct nc_scan scan = { .fd = openat(dirfd, text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) };
	if (scan.fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && nc_scan_info(&scan, off, &info, NULL) == 0) {
		if (info.kind == NC_BLOCK_RECORDS && info.epoch && info.seq)
			rc = nc_have_add(&h->have, info.epoch, info.seq, info.seq);
		off += info.size;
	}
	close(scan.fd);
	return rc;
}

static int rebuild(struct nc_shelf *h, int dirfd)
{
	int rc = 0;

	for (size_t i = 0; i < h->finished_count && rc == 0; i++)
		rc = scan_finished(h, dirfd, &h->finished[i]);
	h->save_wanted = true;
	return rc;
}

/* The watermark, or what can be known without it. One that is damaged is kept aside for who wants to know why. */
static int load_watermark(struct nc_shelf *h, int dirfd, struct nc_watermark *w)
{
	struct nc_store *s = h->store;
	int rc = nc_watermark_load(dirfd, w);

	if (rc == -ENOENT && h->finished_count == 0)
		return 0;
	if (rc != -ENOENT && rc != -EBADMSG)
		return rc;
	if (rc == -EBADMSG && renameat(dirfd, NC_WATERMARK_NAME, dirfd, NC_WATERMARK_NAME ".damaged") < 0)
		return -errno;
	s->counters.lost_watermarks++;
	nc_say(NC_SAY_WATERMARK_LOST, &(struct nc_about){ .sensor = h->dir },
	       "%s/%s/%s is %s; what is there is looked up in the files", s->path, h->dir, NC_WATERMARK_NAME,
	       rc == -ENOENT ? "missing" : "damaged");
	return rebuild(h, dirfd);
}

/* What the watermark says of a file. */
static void know(struct nc_shelf_file *f, int dirfd, const struct nc_watermark *w)
{
	struct statx st = { .stx_mask = 0 };
	char name[NC_NAME_TEXT];

	nc_name_print(&f->name, name);
	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME | STATX_SIZE, &st) < 0)
		return;
	int64_t born = st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec * NC_NS_PER_S + st.stx_btime.tv_nsec : 0;
	const struct nc_watermark_file *known = nc_watermark_find(w, st.stx_ino, born);
	if (!known || known->size > st.stx_size)
		return;
	f->begun = known->begun;
	f->durable = (struct nc_tally){ .blocks = known->blocks, .records = known->records, .bytes = known->size };
}

/* Looks a file up, and closes it again. One that can't be read is moved aside; its blocks are not there then. */
static int load_file(struct nc_shelf_file *f, int dirfd, const struct nc_watermark *w)
{
	struct nc_shelf *h = f->shelf;
	char name[NC_NAME_TEXT];

	f->durable = (struct nc_tally){ .blocks = 0 };
	know(f, dirfd, w);
	int rc = nc_shelf_open_file(f, &h->header, dirfd);
	if (rc == 0) {
		nc_shelf_shut(f);
		return 0;
	}
	nc_name_print(&f->name, name);
	if (rc == -EEXIST || rc == -EINVAL || rc == -ELOOP) {
		/* not ours */
		nc_shelf_drop_file(f);
		return 0;
	}
	if (rc != -EIO)
		return rc;
	nc_shelf_failed(h, name, rc);
	nc_rotate_aside(f);
	return 0;
}

static int load_files(struct nc_shelf *h, int dirfd, const struct nc_watermark *w)
{
	struct nc_shelf_file *f, *next;
	int rc = 0;

	for (f = TAILQ_FIRST(&h->files); f && rc == 0; f = next) {
		next = TAILQ_NEXT(f, all);
		rc = load_file(f, dirfd, w);
	}
	return rc;
}

/* Of several live files of a type the first is appended to; the others, and those that were closing, are finished. */
static void sort_out(struct nc_shelf *h)
{
	struct nc_shelf_file *f, *next;

	TAILQ_FOREACH(f, &h->files, all) {
		struct nc_shelf_file **at = &h->current[nc_type_slot(f->name.type)];
		if (f->name.kind == NC_NAME_CLOSING)
			h->save_wanted = true;
		else if (!*at || (*at)->name.k > f->name.k)
			*at = f;
	}
	for (f = TAILQ_FIRST(&h->files); f; f = next) {
		next = TAILQ_NEXT(f, all);
		if (f->name.kind == NC_NAME_LIVE && h->current[nc_type_slot(f->name.type)] != f)
			(void)nc_rotate_close(f);
	}
}

int nc_shelf_load(struct nc_shelf *h)
{
	struct nc_watermark w = { .n = 0 };
	int rc = nc_store_settle(h->store);
	int dirfd = rc ? rc : nc_shelf_folder(h);

	if (dirfd < 0)
		return dirfd;
	nc_have_free(&h->have);
	rc = load_watermark(h, dirfd, &w);
	if (rc == 0 && w.have.n) {
		h->have = w.have;
		w.have = (struct nc_have){ .n = 0 };
	}
	if (rc == 0)
		rc = load_files(h, dirfd, &w);
	nc_watermark_free(&w);
	close(dirfd);
	if (rc)
		return rc;
	h->loaded = true;
	sort_out(h);
	if (h->save_wanted)
		nc_commit_save(h);
	return 0;
}
