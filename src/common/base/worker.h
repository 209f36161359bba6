/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread with a queue of jobs: for system calls that would hold up an event loop. */
#ifndef NC_BASE_WORKER_H
#define NC_BASE_WORKER_H

#include <stdbool.h>

/* Embedded in what the job is about. It belongs to the worker from nc_worker_submit until nc_worker_done gives it back. */
struct nc_job {
	struct nc_job *next;
	void (*run)(struct nc_job *job); /* in the thread; it may touch nothing that others do meanwhile */
};

struct nc_worker;

/* Starts the thread, with all signals blocked; name has at most 15 characters. 0 or negative errno. */
int nc_worker_new(const char *name, struct nc_worker **ret);
/* Runs what is queued, ends the thread and frees the worker. Jobs that were not fetched stay their owner's. nc_worker_free(NULL)
 * does nothing. */
void nc_worker_free(struct nc_worker *w);
/* Queues a job; they run one after the other, in this order. */
void nc_worker_submit(struct nc_worker *w, struct nc_job *job);
/* A finished job, NULL when there is none. */
struct nc_job *nc_worker_done(struct nc_worker *w);
/* Waits until a finished job is there to be fetched; false at once when none is queued, running or finished. */
bool nc_worker_wait(struct nc_worker *w);
/* A descriptor that is readable while finished jobs wait; not to be read by others. */
int nc_worker_fd(const struct nc_worker *w);

#endif
