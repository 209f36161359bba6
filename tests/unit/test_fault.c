/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fault points: nothing in ordinary builds; the nth pass, each pass from the nth on, and the kill in the others. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"

static void points_fail_as_told(void **state)
{
	(void)state;
	setenv("NC_FAULT", "one:2:EIO,two:2+:ENOSPC,one:4:ENOENT,none:1,bad:1:EWHAT", 1);
#ifdef NC_FAULT_INJECTION
	const int one[] = { 0, -EIO, 0, -ENOENT, 0 }, two[] = { 0, -ENOSPC, -ENOSPC };
#else
	const int one[] = { 0, 0, 0, 0, 0 }, two[] = { 0, 0, 0 };
#endif
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		assert_int_equal(NC_FAULT("one"), one[i]);
	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		assert_int_equal(NC_FAULT("two"), two[i]);
	assert_int_equal(NC_FAULT("three"), 0);
	assert_int_equal(NC_FAULT("on"), 0);
	assert_int_equal(NC_FAULT("none"), 0);
	assert_int_equal(NC_FAULT("bad"), 0);
	unsetenv("NC_FAULT");
	assert_int_equal(NC_FAULT("one"), 0);
}

static void a_point_kills(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("NC_FAULT", "deadly:1:kill", 1);
		_exit(NC_FAULT("deadly"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
#ifdef NC_FAULT_INJECTION
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
#else
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: passes are counted for the whole life of the process, by place in the variable */
		cmocka_unit_test(a_point_kills),
		cmocka_unit_test(points_fail_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
