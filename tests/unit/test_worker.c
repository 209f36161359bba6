/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread with a queue: order, the descriptor, waiting, the end. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <poll.h>

#include "base/worker.h"

#define JOBS 100

struct task {
	struct nc_job job; /* first: a job is its task */
	unsigned *next, at;
};

static void count(struct nc_job *job)
{
	struct task *t = (struct task *)job;

	t->at = (*t->next)++;
}

static bool readable(const struct nc_worker *w, int ms)
{
	struct pollfd p = { .fd = nc_worker_fd(w), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void jobs_run_in_order(void **state)
{
	struct task tasks[JOBS];
	struct nc_worker *w;
	unsigned next = 0;

	(void)state;
	assert_int_equal(nc_worker_new("test", &w), 0);
	assert_false(nc_worker_wait(w));
	assert_null(nc_worker_done(w));
	for (size_t i = 0; i < JOBS; i++) {
		tasks[i] = (struct task){ .job.run = count, .next = &next };
		nc_worker_submit(w, &tasks[i].job);
	}
	for (unsigned i = 0; i < JOBS; i++) {
		assert_true(nc_worker_wait(w));
		assert_true(readable(w, 10000));
		assert_ptr_equal(nc_worker_done(w), &tasks[i].job);
		assert_int_equal(tasks[i].at, i);
	}
	assert_false(nc_worker_wait(w));
	assert_false(readable(w, 0));
	nc_worker_free(w);
}

static void the_end_runs_what_is_queued(void **state)
{
	struct task tasks[JOBS];
	struct nc_worker *w;
	unsigned next = 0;

	(void)state;
	assert_int_equal(nc_worker_new("test", &w), 0);
	for (size_t i = 0; i < JOBS; i++) {
		tasks[i] = (struct task){ .job.run = count, .next = &next };
		nc_worker_submit(w, &tasks[i].job);
	}
	nc_worker_free(w);
	assert_int_equal(next, JOBS);
	nc_worker_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_run_in_order),
		cmocka_unit_test(the_end_runs_what_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
