/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that are replaced durably without holding up the loop. */
#include "config.h"

#include "collectord/saver.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/save.h"
#include "base/worker.h"

#define MODE     0640
#define NAME_LEN 128u

struct item {
	STAILQ_ENTRY(item) next;
	int dirfd;
	char name[NAME_LEN];
	const char *step;
	uint64_t ticket;
	struct item *later; /* of the same name, in the same batch */
	int rc;
	size_t n;
	uint8_t data[];
};

STAILQ_HEAD(items, item);

/* What the thread has at a time. */
struct batch {
	struct nc_job job; /* first */
	struct items items;
};

struct nc_saver {
	struct nc_worker *worker;
	struct nc_loop_fd *watch;
	nc_saved_fn fn;
	void *user;
	struct items waiting;
	size_t count;
	uint64_t tickets;
	struct batch batch;
	bool busy;
};

/* --- in the thread -------------------------------------------------------------------------------------------------- */

static void write_all(struct items *items)
{
	struct item *i;

	STAILQ_FOREACH(i, items, next)
		if (!i->later)
			i->rc = nc_save_write(i->dirfd, i->name, i->data, i->n, MODE, i->step);
	STAILQ_FOREACH(i, items, next)
		if (!i->later && i->rc == 0)
			i->rc = nc_save_rename(i->dirfd, i->name, i->step);
}

/* Each folder once. */
static void sync_folders(struct items *items)
{
	int done = -1, rc = 0;
	struct item *i;

	STAILQ_FOREACH(i, items, next) {
		if (i->later || i->rc)
			continue;
		if (i->dirfd != done)
			rc = nc_save_folder(i->dirfd, i->step);
		done = i->dirfd;
		i->rc = rc;
	}
}

static void find_later(struct items *items)
{
	struct item *i, *j;

	STAILQ_FOREACH(i, items, next)
		for (j = STAILQ_NEXT(i, next); j && !i->later; j = STAILQ_NEXT(j, next))
			if (j->dirfd == i->dirfd && strcmp(j->name, i->name) == 0)
				i->later = j;
}

static void run(struct nc_job *job)
{
	struct batch *b = (struct batch *)job;

	find_later(&b->items);
	write_all(&b->items);
	sync_folders(&b->items);
}

/* --- in the loop ---------------------------------------------------------------------------------------------------- */

static int outcome(const struct item *i)
{
	while (i->later)
		i = i->later;
	return i->rc;
}

static void submit(struct nc_saver *s)
{
	if (s->busy || STAILQ_EMPTY(&s->waiting))
		return;
	STAILQ_CONCAT(&s->batch.items, &s->waiting);
	s->busy = true;
	nc_worker_submit(s->worker, &s->batch.job);
}

static void free_items(struct items *items)
{
	struct item *i;

	while ((i = STAILQ_FIRST(items))) {
		STAILQ_REMOVE_HEAD(items, next);
		free(i);
	}
}

static void finish(struct nc_saver *s)
{
	struct items done = STAILQ_HEAD_INITIALIZER(done);
	struct item *i;

	STAILQ_CONCAT(&done, &s->batch.items);
	s->busy = false;
	submit(s);
	STAILQ_FOREACH(i, &done, next) {
		s->count--;
		s->fn(s->user, i->ticket, outcome(i));
	}
	free_items(&done);
}

static void on_done(void *user, uint32_t events)
{
	struct nc_saver *s = user;

	(void)events;
	while (nc_worker_done(s->worker))
		finish(s);
}

int nc_saver_new(struct nc_saver **ret)
{
	struct nc_saver *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	STAILQ_INIT(&s->waiting);
	STAILQ_INIT(&s->batch.items);
	s->batch.job.run = run;
	*ret = s;
	return 0;
}

int nc_saver_attach(struct nc_saver *s, struct nc_loop *loop, nc_saved_fn fn, void *user)
{
	int rc = nc_worker_new("nc-saver", &s->worker);

	s->fn = fn;
	s->user = user;
	return rc ? rc : nc_loop_add_fd(loop, nc_worker_fd(s->worker), EPOLLIN, on_done, s, &s->watch);
}

void nc_saver_free(struct nc_saver *s)
{
	if (!s)
		return;
	nc_loop_del_fd(s->watch);
	if (s->busy)
		(void)nc_worker_wait(s->worker);
	nc_worker_free(s->worker);
	free_items(&s->batch.items);
	find_later(&s->waiting);
	write_all(&s->waiting);
	sync_folders(&s->waiting);
	free_items(&s->waiting);
	free(s);
}

int nc_saver_put(struct nc_saver *s, int dirfd, const char *name, const void *p, size_t n, const char *step, uint64_t *ticket)
{
	*ticket = 0;
	if (!s->worker)
		return nc_save(dirfd, name, p, n, MODE, step);
	if (s->count >= NC_SAVER_MAX)
		return -EAGAIN;
	struct item *i = malloc(sizeof(*i) + n);
	if (!i)
		return -ENOMEM;
	*i = (struct item){ .dirfd = dirfd, .step = step, .ticket = ++s->tickets, .n = n };
	snprintf(i->name, sizeof(i->name), "%s", name);
	memcpy(i->data, p, n);
	STAILQ_INSERT_TAIL(&s->waiting, i, next);
	s->count++;
	*ticket = i->ticket;
	submit(s);
	return 0;
}
