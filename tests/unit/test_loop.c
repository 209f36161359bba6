/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event loop: order of timers, removal from inside callbacks, signals, stopping. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "base/time.h"

#define MS (NC_NS_PER_S / 1000)

struct fixture {
	struct nc_loop *loop;
	char trace[32];
	struct nc_loop_timer *timer;
	struct nc_loop_fd *watch[2];
	int pipes[2][2];
	int calls;
	int signo;
};

struct mark {
	struct fixture *f;
	char c;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || nc_loop_new(&f->loop) < 0)
		return -1;
	return pipe2(f->pipes[0], O_NONBLOCK) < 0 || pipe2(f->pipes[1], O_NONBLOCK) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nc_loop_free(f->loop);
	for (int i = 0; i < 4; i++)
		close(f->pipes[i / 2][i % 2]);
	free(f);
	return 0;
}

static void add_mark(void *user)
{
	struct mark *m = user;
	size_t n = strlen(m->f->trace);

	m->f->trace[n] = m->c;
	if (m->c == 'z')
		nc_loop_stop(m->f->loop, 7);
}

static void timers_run_in_order(void **state)
{
	struct fixture *f = *state;
	struct mark a = { f, 'a' }, b = { f, 'b' }, c = { f, 'c' }, z = { f, 'z' };

	assert_int_equal(nc_loop_add_timer(f->loop, 6 * MS, 0, add_mark, &z, NULL), 0);
	assert_int_equal(nc_loop_add_timer(f->loop, 2 * MS, 0, add_mark, &b, NULL), 0);
	assert_int_equal(nc_loop_add_timer(f->loop, 4 * MS, 0, add_mark, &c, NULL), 0);
	assert_int_equal(nc_loop_add_timer(f->loop, 0, 0, add_mark, &a, NULL), 0);
	assert_int_equal(nc_loop_add_timer(f->loop, INT64_MAX, 0, add_mark, &a, NULL), 0);
	assert_int_equal(nc_loop_run(f->loop), 7);
	assert_string_equal(f->trace, "abcz");
}

static void timer_waits_its_time(void **state)
{
	struct fixture *f = *state;
	struct mark z = { f, 'z' };
	int64_t from = nc_time_mono();

	assert_int_equal(nc_loop_add_timer(f->loop, 5 * MS, 0, add_mark, &z, NULL), 0);
	assert_int_equal(nc_loop_run(f->loop), 7);
	assert_true(nc_time_mono() - from >= 5 * MS);
}

static void count_and_remove(void *user)
{
	struct fixture *f = user;

	if (++f->calls < 3)
		return;
	nc_loop_del_timer(f->timer);
	nc_loop_stop(f->loop, 0);
}

static void periodic_timer_removes_itself(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nc_loop_add_timer(f->loop, 0, MS, count_and_remove, f, &f->timer), 0);
	assert_int_equal(nc_loop_run(f->loop), 0);
	assert_int_equal(f->calls, 3);
	assert_int_equal(nc_loop_once(f->loop, 5), 0);
	assert_int_equal(f->calls, 3);
}

static void one_shot_removes_itself(void **state)
{
	struct fixture *f = *state;

	f->calls = 2;
	assert_int_equal(nc_loop_add_timer(f->loop, 0, 0, count_and_remove, f, &f->timer), 0);
	assert_int_equal(nc_loop_run(f->loop), 0);
	assert_int_equal(f->calls, 3);
}

static void removed_timer_does_not_run(void **state)
{
	struct fixture *f = *state;
	struct mark a = { f, 'a' };

	assert_int_equal(nc_loop_add_timer(f->loop, 0, 0, add_mark, &a, &f->timer), 0);
	nc_loop_del_timer(f->timer);
	nc_loop_del_timer(NULL);
	assert_int_equal(nc_loop_once(f->loop, 2), 0);
	assert_string_equal(f->trace, "");
}

static void on_fd(void *user, uint32_t events)
{
	struct fixture *f = user;
	char c;

	f->calls += (events & EPOLLIN) && read(f->pipes[0][0], &c, 1) == 1;
}

static void descriptors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nc_loop_add_fd(f->loop, f->pipes[0][0], EPOLLIN, on_fd, f, &f->watch[0]), 0);
	assert_int_equal(nc_loop_once(f->loop, 0), 0);
	assert_int_equal(f->calls, 0);
	assert_int_equal(write(f->pipes[0][1], "xy", 2), 2);
	assert_int_equal(nc_loop_once(f->loop, -1), 0);
	assert_int_equal(f->calls, 1);
	assert_int_equal(nc_loop_mod_fd(f->watch[0], 0), 0);
	assert_int_equal(nc_loop_once(f->loop, 0), 0);
	assert_int_equal(f->calls, 1);
	assert_int_equal(nc_loop_mod_fd(f->watch[0], EPOLLIN), 0);
	assert_int_equal(nc_loop_once(f->loop, 0), 0);
	assert_int_equal(f->calls, 2);
}

static void bad_descriptors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nc_loop_add_fd(f->loop, -1, EPOLLIN, on_fd, f, NULL), -EBADF);
	assert_int_equal(nc_loop_add_fd(f->loop, f->pipes[0][0], EPOLLIN, on_fd, f, NULL), 0);
	assert_int_equal(nc_loop_add_fd(f->loop, f->pipes[0][0], EPOLLIN, on_fd, f, NULL), -EEXIST);
}

/* Whoever comes first removes both; the other one's event of the same round must not be delivered. */
static void remove_both(void *user, uint32_t events)
{
	struct fixture *f = user;

	(void)events;
	f->calls++;
	nc_loop_del_fd(f->watch[0]);
	nc_loop_del_fd(f->watch[1]);
	nc_loop_del_fd(f->watch[1]);
}

static void watch_removed_in_the_same_round(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(nc_loop_add_fd(f->loop, f->pipes[i][0], EPOLLIN, remove_both, f, &f->watch[i]), 0);
		assert_int_equal(write(f->pipes[i][1], "x", 1), 1);
	}
	assert_int_equal(nc_loop_once(f->loop, -1), 0);
	assert_int_equal(nc_loop_once(f->loop, 0), 0);
	assert_int_equal(f->calls, 1);
}

static void on_signal(void *user, int signo)
{
	struct fixture *f = user;

	f->signo = signo;
	nc_loop_stop(f->loop, signo);
}

static void signals(void **state)
{
	struct fixture *f = *state;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(nc_loop_signals(f->loop, &set, on_signal, f), 0);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(nc_loop_signals(f->loop, &set, on_signal, f), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(nc_loop_run(f->loop), SIGUSR2);
	assert_int_equal(f->signo, SIGUSR2);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(nc_loop_run(f->loop), SIGUSR1);
}

static void stop_before_run(void **state)
{
	struct fixture *f = *state;
	struct mark z = { f, 'z' };

	nc_loop_stop(f->loop, -3);
	assert_int_equal(nc_loop_run(f->loop), -3);
	assert_int_equal(nc_loop_add_timer(f->loop, 0, 0, add_mark, &z, NULL), 0);
	assert_int_equal(nc_loop_run(f->loop), 7);
}

static void free_of_nothing(void **state)
{
	(void)state;
	nc_loop_free(NULL);
	nc_loop_del_fd(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timers_run_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(timer_waits_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(periodic_timer_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(one_shot_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(removed_timer_does_not_run, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_removed_in_the_same_round, setup, teardown),
		cmocka_unit_test_setup_teardown(signals, setup, teardown),
		cmocka_unit_test_setup_teardown(stop_before_run, setup, teardown),
		cmocka_unit_test(free_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
