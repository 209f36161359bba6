/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logging: plain lines, levels, the journal's variable, the rate limit. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/message.h"

/* Standard error goes to a pipe meanwhile. */
struct capture {
	int saved;
	int pipe[2];
	char text[8192];
};

static void begin(struct capture *c)
{
	assert_int_equal(pipe2(c->pipe, O_NONBLOCK | O_CLOEXEC), 0);
	c->saved = dup(STDERR_FILENO);
	assert_true(c->saved >= 0);
	assert_true(dup2(c->pipe[1], STDERR_FILENO) >= 0);
}

static const char *end(struct capture *c)
{
	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->pipe[1]);
	ssize_t n = read(c->pipe[0], c->text, sizeof(c->text) - 1);
	close(c->pipe[0]);
	c->text[n > 0 ? n : 0] = '\0';
	return c->text;
}

static void plain_lines(void **state)
{
	struct capture c;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	begin(&c);
	nc_log_open("prog");
	nc_err("bad %d", 1);
	nc_warn("odd %s", "x");
	nc_notice("note");
	nc_info("info");
	nc_debug("hidden");
	assert_string_equal(end(&c), "prog: error: bad 1\nprog: warning: odd x\nprog: note\nprog: info\n");
}

static void levels(void **state)
{
	struct capture c;

	(void)state;
	begin(&c);
	nc_log_open("prog");
	nc_log_level(LOG_ERR);
	nc_warn("hidden");
	nc_log_level(LOG_DEBUG);
	nc_debug("seen");
	nc_log_level(LOG_INFO);
	assert_string_equal(end(&c), "prog: seen\n");
	assert_int_equal(nc_log_level_parse("err"), LOG_ERR);
	assert_int_equal(nc_log_level_parse("warning"), LOG_WARNING);
	assert_int_equal(nc_log_level_parse("notice"), LOG_NOTICE);
	assert_int_equal(nc_log_level_parse("info"), LOG_INFO);
	assert_int_equal(nc_log_level_parse("debug"), LOG_DEBUG);
	assert_int_equal(nc_log_level_parse("Debug"), -EINVAL);
	assert_int_equal(nc_log_level_parse(""), -EINVAL);
}

static void keeps_errno_and_shows_it(void **state)
{
	struct capture c;

	(void)state;
	begin(&c);
	nc_log_open("prog");
	errno = ENOENT;
	nc_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(end(&c), "prog: No such file or directory\n");
}

static void long_messages_are_cut(void **state)
{
	static char text[6000];
	struct capture c;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	begin(&c);
	nc_log_open("prog");
	nc_info("%s", text);
	end(&c);
	assert_int_equal(strlen(c.text), strlen("prog: ") + 4095 + 1);
	assert_string_equal(c.text + strlen(c.text) - 5, "x...\n");
}

static void fields_are_not_in_plain_lines(void **state)
{
	static const char *const fields[] = { "NETCAP_HASH=1", NULL };
	struct capture c;

	(void)state;
	begin(&c);
	nc_log_open("prog");
	nc_log_fields(LOG_WARNING, fields, "packet %u", 7u);
	assert_string_equal(end(&c), "prog: warning: packet 7\n");
}

/* The variable of another stream (a service whose standard error was redirected) must not lead to the journal. */
static void foreign_journal_stream(void **state)
{
	static const char *const values[] = { "", "1", "1:2", "0:0", "x:y" };
	struct capture c;
	struct stat st;
	char value[64];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		setenv("JOURNAL_STREAM", values[i], 1);
		begin(&c);
		nc_log_open("prog");
		nc_info("plain");
		assert_string_equal(end(&c), "prog: plain\n");
	}
	begin(&c);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", value, 1);
	nc_log_open("prog");
	nc_info("plain");
	assert_string_equal(end(&c), "prog: plain\n");
	unsetenv("JOURNAL_STREAM");
}

static void own_journal_stream(void **state)
{
	struct capture c;
	struct stat st;
	char value[64];

	(void)state;
	begin(&c);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", value, 1);
	nc_log_open("prog");
	nc_debug("not even tried");
	unsetenv("JOURNAL_STREAM");
	nc_log_open("prog");
	nc_info("after");
	assert_string_equal(end(&c), "prog: after\n");
}

static void messages_are_lines_at_their_level(void **state)
{
	const struct nc_about about = { .sensor = "s", .reason = "r" }, third = { .sensor = "s", .hidden = 2 };
	struct capture c;

	(void)state;
	begin(&c);
	nc_log_open("prog");
	nc_say(NC_SAY_STOPPING, NULL, "stopping %d", 1);
	nc_say(NC_SAY_NOT_RELOADED, &about, "not reloaded");
	nc_say(NC_SAY_STOPPING, &third, "%s", "again");
	nc_log_level(LOG_ERR);
	nc_say(NC_SAY_SENSOR_KEY, &about, "hidden");
	nc_log_level(LOG_INFO);
	assert_string_equal(end(&c), "prog: stopping 1\nprog: error: not reloaded\nprog: again (2 like it not shown)\n");
}

static void messages_have_ids_of_their_own(void **state)
{
	(void)state;
	for (enum nc_message m = 0; m < NC_SAY_COUNT; m++) {
		assert_int_equal(strlen(nc_message_id(m)), NC_MESSAGE_ID);
		assert_int_equal(strspn(nc_message_id(m), "0123456789abcdef"), NC_MESSAGE_ID);
		assert_in_range(nc_message_level(m), LOG_ERR, LOG_INFO);
		for (enum nc_message k = 0; k < m; k++) {
			assert_string_not_equal(nc_message_id(m), nc_message_id(k));
			assert_string_not_equal(nc_message_name(m), nc_message_name(k));
		}
	}
}

static void rate_limit(void **state)
{
	struct nc_log_limit l = { 0 };
	unsigned suppressed = 99;

	(void)state;
	assert_true(nc_log_allow(&l, 2, 100, 1000, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_true(nc_log_allow(&l, 2, 100, 1001, &suppressed));
	assert_false(nc_log_allow(&l, 2, 100, 1002, &suppressed));
	assert_false(nc_log_allow(&l, 2, 100, 1099, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_true(nc_log_allow(&l, 2, 100, 1100, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(nc_log_allow(&l, 2, 100, 1101, &suppressed));
	assert_int_equal(suppressed, 0);
	/* A clock that was set back starts a new interval instead of being silent until it catches up. */
	assert_false(nc_log_allow(&l, 2, 100, 1102, &suppressed));
	assert_true(nc_log_allow(&l, 2, 100, 5, &suppressed));
	assert_int_equal(suppressed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines),
		cmocka_unit_test(levels),
		cmocka_unit_test(keeps_errno_and_shows_it),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(fields_are_not_in_plain_lines),
		cmocka_unit_test(foreign_journal_stream),
		cmocka_unit_test(own_journal_stream),
		cmocka_unit_test(messages_are_lines_at_their_level),
		cmocka_unit_test(messages_have_ids_of_their_own),
		cmocka_unit_test(rate_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
