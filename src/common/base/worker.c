/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread with a queue of jobs: for system calls that would hold up an event loop. */
#include "config.h"

#include "base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
	struct nc_job *first, **end;
};

struct nc_worker {
	pthread_t thread;
	pthread_mutex_t lock; /* held for the lists alone, never while a job runs */
	pthread_cond_t queued_more, finished_more;
	struct list queued, finished;
	unsigned outstanding; /* queued or running */
	bool stop;
	int event;
};

static void put(struct list *l, struct nc_job *job)
{
	job->next = NULL;
	*l->end = job;
	l->end = &job->next;
}

static struct nc_job *take(struct list *l)
{
	struct nc_job *job = l->first;

	if (!job)
		return NULL;
	l->first = job->next;
	if (!l->first)
		l->end = &l->first;
	return job;
}

static void *work(void *user)
{
	struct nc_worker *w = user;
	const uint64_t one = 1;
	struct nc_job *job;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!(job = take(&w->queued)) && !w->stop)
			pthread_cond_wait(&w->queued_more, &w->lock);
		if (!job)
			break;
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
		put(&w->finished, job);
		w->outstanding--;
		pthread_cond_signal(&w->finished_more);
		/* one read takes all of its count */
		(void)!write(w->event, &one, sizeof(one));
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start(struct nc_worker *w, const char *name)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = -pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		pthread_setname_np(w->thread, name);
	return rc;
}

int nc_worker_new(const char *name, struct nc_worker **ret)
{
	struct nc_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->queued.end = &w->queued.first;
	w->finished.end = &w->finished.first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->queued_more, NULL);
	pthread_cond_init(&w->finished_more, NULL);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = w->event < 0 ? -errno : start(w, name);
	if (rc) {
		if (w->event >= 0)
			close(w->event);
		free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

void nc_worker_free(struct nc_worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->queued_more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->queued_more);
	pthread_cond_destroy(&w->finished_more);
	pthread_mutex_destroy(&w->lock);
	close(w->event);
	free(w);
}

void nc_worker_submit(struct nc_worker *w, struct nc_job *job)
{
	pthread_mutex_lock(&w->lock);
	put(&w->queued, job);
	w->outstanding++;
	pthread_cond_signal(&w->queued_more);
	pthread_mutex_unlock(&w->lock);
}

struct nc_job *nc_worker_done(struct nc_worker *w)
{
	uint64_t count;

	pthread_mutex_lock(&w->lock);
	struct nc_job *job = take(&w->finished);
	if (!w->finished.first)
		(void)!read(w->event, &count, sizeof(count));
	pthread_mutex_unlock(&w->lock);
	return job;
}

bool nc_worker_wait(struct nc_worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->finished.first && w->outstanding > 0)
		pthread_cond_wait(&w->finished_more, &w->lock);
	bool there = w->finished.first;
	pthread_mutex_unlock(&w->lock);
	return there;
}

int nc_worker_fd(const struct nc_worker *w)
{
	return w->event;
}
