/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One key pair takes the place of another: each step on disk, cut off between any two of its writes. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/keyring.h"

struct fixture {
	char dir[64];
	struct nc_keyring *r;
	char err[512];
};

static int open_ring(struct fixture *f)
{
	struct nc_buf err = { .max = 1024 };

	nc_keyring_free(f->r);
	f->r = NULL;
	int rc = nc_keyring_open(f->dir, NULL, true, &f->r, &err);
	snprintf(f->err, sizeof(f->err), "%s", nc_buf_cstr(&err));
	nc_buf_free(&err);
	return rc;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->dir, "/tmp/test_keyring.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(open_ring(f), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	nc_keyring_free(f->r);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static const char *path(const struct fixture *f, const char *name)
{
	static char p[128];

	snprintf(p, sizeof(p), "%s/%s", f->dir, name);
	return p;
}

static bool is(const struct nc_keypair *k, const uint8_t pub[static NC_KEY_LEN])
{
	return k && memcmp(k->pub, pub, NC_KEY_LEN) == 0;
}

/* The two files, read as others read them. */
static void files_hold(const struct fixture *f, const uint8_t pub[static NC_KEY_LEN])
{
	struct nc_keypair *k = nc_keypair_new();
	struct nc_buf err = { .max = 1024 };

	assert_int_equal(nc_keypair_read(k, f->dir, &err), 0);
	assert_true(is(k, pub));
	nc_keypair_free(k);
}

static void a_pair_is_made_and_stays(void **state)
{
	struct fixture *f = *state;
	uint8_t first[NC_KEY_LEN];
	struct nc_keyring *other;
	struct nc_buf err = { .max = 1024 };

	memcpy(first, nc_keyring_current(f->r)->pub, NC_KEY_LEN);
	assert_null(nc_keyring_next(f->r));
	assert_null(nc_keyring_old(f->r));
	assert_int_equal(open_ring(f), 0);
	files_hold(f, first);
	assert_true(is(nc_keyring_current(f->r), first));
	assert_int_not_equal(access(path(f, "rotation"), F_OK), 0);
	assert_int_equal(nc_keyring_switch(f->r, 1), -ENOENT);
	assert_int_equal(nc_keyring_forget(f->r), 0);
	unlink(path(f, "pub.key"));
	assert_int_equal(nc_keyring_open(f->dir, NULL, false, &other, &err), -ENOENT);
	nc_buf_free(&err);
}

static void one_takes_the_place_of_another(void **state)
{
	struct fixture *f = *state;
	uint8_t key[4][NC_KEY_LEN];
	struct stat st;

	for (int i = 0; i < 3; i++) {
		memcpy(key[i], nc_keyring_current(f->r)->pub, NC_KEY_LEN);
		assert_int_equal(nc_keyring_prepare(f->r, 60 + i), 0);
		memcpy(key[i + 1], nc_keyring_next(f->r)->pub, NC_KEY_LEN);
		assert_int_not_equal(memcmp(key[i], key[i + 1], NC_KEY_LEN), 0);
		assert_int_equal(open_ring(f), 0);
		assert_true(is(nc_keyring_current(f->r), key[i]) && is(nc_keyring_next(f->r), key[i + 1]));
		assert_int_equal(nc_keyring_grace(f->r), 60 + i);
		files_hold(f, key[i]);
		/* asked for again, it is the same one */
		assert_int_equal(nc_keyring_prepare(f->r, 0), 0);
		assert_true(is(nc_keyring_next(f->r), key[i + 1]));
		assert_int_equal(nc_keyring_grace(f->r), 0);
		assert_int_equal(stat(path(f, "rotation"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(nc_keyring_switch(f->r, 1000 + i), 0);
		files_hold(f, key[i + 1]);
		for (int again = 0; again < 2; again++) {
			assert_true(is(nc_keyring_current(f->r), key[i + 1]) && is(nc_keyring_old(f->r), key[i]));
			assert_null(nc_keyring_next(f->r));
			assert_int_equal(nc_keyring_until(f->r), 1000 + i);
			assert_int_equal(open_ring(f), 0);
		}
		assert_false(nc_keyring_replaced(f->r));
	}
	assert_int_equal(nc_keyring_forget(f->r), 0);
	assert_null(nc_keyring_old(f->r));
	assert_int_not_equal(access(path(f, "rotation"), F_OK), 0);
	assert_int_equal(open_ring(f), 0);
	assert_true(is(nc_keyring_current(f->r), key[3]));
}

/* The files as a crash may leave them: the step stands in "rotation", but not yet in these. */
static void a_step_is_finished_at_the_start(void **state)
{
	struct fixture *f = *state;
	uint8_t second[NC_KEY_LEN];
	char command[512];

	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof(command), "cp %s/pub.key %s/p; cp -p %s/priv.key %s/s", f->dir, f->dir, f->dir, f->dir);
		assert_int_equal(system(command), 0);
		assert_int_equal(nc_keyring_prepare(f->r, 1), 0);
		memcpy(second, nc_keyring_next(f->r)->pub, NC_KEY_LEN);
		assert_int_equal(nc_keyring_switch(f->r, INT64_MAX), 0);
		snprintf(command, sizeof(command), "mv %s/p %s/pub.key; %s %s/s %s/priv.key", f->dir, f->dir, i ? "rm" : "mv",
		         f->dir, i ? "-f /nonexistent/x #" : f->dir);
		assert_int_equal(system(command), 0);
		assert_int_equal(open_ring(f), 0);
		files_hold(f, second);
		assert_true(is(nc_keyring_current(f->r), second));
		assert_int_equal(nc_keyring_until(f->r), INT64_MAX);
	}
}

static void the_operators_hand_goes_first(void **state)
{
	struct fixture *f = *state;
	struct nc_keypair *k = nc_keypair_new();
	struct nc_buf err = { .max = 1024 };

	assert_int_equal(nc_keyring_prepare(f->r, 1), 0);
	unlink(path(f, "pub.key"));
	unlink(path(f, "priv.key"));
	nc_keypair_generate(k);
	assert_int_equal(nc_keypair_write(k, f->dir, &err), 0);
	assert_int_equal(open_ring(f), 0);
	assert_true(nc_keyring_replaced(f->r));
	assert_true(is(nc_keyring_current(f->r), k->pub));
	assert_null(nc_keyring_next(f->r));
	files_hold(f, k->pub);
	assert_int_not_equal(access(path(f, "rotation"), F_OK), 0);
	nc_keypair_free(k);
	nc_buf_free(&err);
}

static void write_text(const char *p, const char *text)
{
	FILE *file = fopen(p, "w");

	fputs(text, file);
	fclose(file);
}

static void damage_is_said_and_nothing_is_touched(void **state)
{
	static const char key[] = "0101010101010101010101010101010101010101010101010101010101010101";
	static const char *const forms[] = {
		"", "netcap-keys 1\n", "netcap-keys 2\ncurrent %s 0\n", "netcap-keys 1\nnext %s 0\n", "netcap-keys 1\ncurrent %s\n",
		"netcap-keys 1\ncurrent %s -1\n", "netcap-keys 1\ncurrent %s 0 0\n", "netcap-keys 1\ncurrent %.63s 0\n",
		"netcap-keys 1\ncurrent %s 0\nother x 0\n", "netcap-keys 1\n\ncurrent %s 0\n", "netcap-keys 1\ncurrent %1$s 0\ncurrent %1$s 0\n",
	};
	struct fixture *f = *state;
	char text[2048];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), forms[i], key);
#pragma GCC diagnostic pop
		write_text(path(f, "rotation"), text);
		chmod(path(f, "rotation"), 0600);
		assert_int_equal(open_ring(f), -EINVAL);
		assert_non_null(strstr(f->err, "rotation: damaged"));
	}
	chmod(path(f, "rotation"), 0640);
	assert_int_equal(open_ring(f), -EPERM);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_text(path(f, "rotation"), text);
	assert_int_equal(open_ring(f), -EFBIG);
	unlink(path(f, "rotation"));
	assert_int_equal(open_ring(f), 0);
}

/* Bob's key pair of RFC 7748 section 6.1 */
#define BOB     "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_PUB "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define NAME    "netcap-test.key"

/* A folder of credentials beside the files; NULL: it has none. */
static void give(struct fixture *f, const char *text, mode_t mode)
{
	const char *dir = path(f, "credentials");

	mkdir(dir, 0700);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	unlink(path(f, "credentials/" NAME));
	if (!text)
		return;
	write_text(path(f, "credentials/" NAME), text);
	assert_int_equal(chmod(path(f, "credentials/" NAME), mode), 0);
}

static int open_given(struct fixture *f)
{
	struct nc_buf err = { .max = 2048 };

	nc_keyring_free(f->r);
	f->r = NULL;
	int rc = nc_keyring_open(f->dir, NAME, true, &f->r, &err);
	snprintf(f->err, sizeof(f->err), "%s", nc_buf_cstr(&err));
	nc_buf_free(&err);
	return rc;
}

static void remove_keys(struct fixture *f)
{
	unlink(path(f, "pub.key"));
	unlink(path(f, "priv.key"));
	unlink(path(f, "rotation"));
}

static void is_bobs(struct fixture *f)
{
	uint8_t bob[NC_KEY_LEN];

	assert_true(nc_key_parse(bob, BOB_PUB));
	assert_true(is(nc_keyring_current(f->r), bob));
	assert_string_equal(nc_keyring_credential(f->r), NAME);
	assert_null(nc_keyring_next(f->r));
	assert_null(nc_keyring_old(f->r));
}

static void a_credential_goes_before_the_files(void **state)
{
	struct fixture *f = *state;
	uint8_t own[NC_KEY_LEN], next[NC_KEY_LEN];

	memcpy(own, nc_keyring_current(f->r)->pub, NC_KEY_LEN);
	assert_int_equal(nc_keyring_prepare(f->r, 5), 0);
	memcpy(next, nc_keyring_next(f->r)->pub, NC_KEY_LEN);
	give(f, BOB "\n", 0400);
	assert_int_equal(open_given(f), 0);
	is_bobs(f);
	assert_true(nc_keyring_unused(f->r));
	files_hold(f, own);
	/* and what was under way goes on without it */
	give(f, NULL, 0);
	assert_int_equal(open_given(f), 0);
	assert_null(nc_keyring_credential(f->r));
	assert_false(nc_keyring_unused(f->r));
	assert_true(is(nc_keyring_current(f->r), own) && is(nc_keyring_next(f->r), next));
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(open_given(f), 0);
	assert_true(is(nc_keyring_current(f->r), own));
}

static void of_a_credential_only_the_public_key_is_written(void **state)
{
	struct fixture *f = *state;
	uint8_t pub[NC_KEY_LEN];
	struct nc_buf err = { .max = 1024 };

	remove_keys(f);
	write_text(path(f, "pub.key"), BOB);
	/* an access control list shows in the group's bits */
	give(f, BOB, 0440);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(open_given(f), 0);
		is_bobs(f);
		assert_false(nc_keyring_unused(f->r));
		assert_int_equal(nc_key_read_public(pub, path(f, "pub.key"), &err), 0);
		assert_true(is(nc_keyring_current(f->r), pub));
		assert_int_not_equal(access(path(f, "priv.key"), F_OK), 0);
		assert_int_equal(nc_keyring_prepare(f->r, 1), -EROFS);
		assert_int_equal(nc_keyring_switch(f->r, 1), -ENOENT);
		assert_int_equal(nc_keyring_forget(f->r), 0);
		assert_int_not_equal(access(path(f, "rotation"), F_OK), 0);
	}
	/* it is missing one day: no other identity is made up */
	give(f, NULL, 0);
	assert_int_equal(open_given(f), -ENOKEY);
	assert_non_null(strstr(f->err, "neither priv.key nor a credential " NAME));
	assert_int_not_equal(access(path(f, "priv.key"), F_OK), 0);
	unlink(path(f, "pub.key"));
	assert_int_equal(open_given(f), 0);
	files_hold(f, nc_keyring_current(f->r)->pub);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_broken_credential_is_no_credential(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *why;
	} broken[] = {
		{ "", 0400, "not a key of 64 hex digits" },
		{ "\n", 0400, "not a key" },
		{ BOB "\n\n", 0400, "not a key" },
		{ BOB " ", 0400, "not a key" },
		{ " " BOB, 0400, "not a key" },
		{ BOB BOB, 0400, "not a key" },
		{ "x" BOB, 0400, "not a key" },
		{ "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0e", 0400, "not a key" },
		{ "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eg", 0400, "not a key" },
		{ "0000000000000000000000000000000000000000000000000000000000000000", 0400, "not a key" },
		{ BOB, 0404, "may be read by everybody" },
	};
	struct fixture *f = *state;
	uint8_t own[NC_KEY_LEN];

	memcpy(own, nc_keyring_current(f->r)->pub, NC_KEY_LEN);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		give(f, broken[i].text, broken[i].mode);
		assert_true(open_given(f) < 0);
		assert_null(f->r);
		assert_non_null(strstr(f->err, NAME));
		assert_non_null(strstr(f->err, broken[i].why));
		assert_null(strstr(f->err, "5dab"));
	}
	give(f, NULL, 0);
	assert_int_equal(mkdir(path(f, "credentials/" NAME), 0700), 0);
	assert_int_equal(open_given(f), -EINVAL);
	assert_int_equal(rmdir(path(f, "credentials/" NAME)), 0);
	assert_int_equal(symlink("/dev/zero", path(f, "credentials/" NAME)), 0);
	assert_int_equal(open_given(f), -ELOOP);
	setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
	assert_int_equal(open_given(f), -EINVAL);
	setenv("CREDENTIALS_DIRECTORY", "/nonexistent/credentials", 1);
	assert_int_equal(open_given(f), -ENOENT);
	assert_non_null(strstr(f->err, "CREDENTIALS_DIRECTORY: /nonexistent/credentials: "));
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(open_given(f), 0);
	files_hold(f, own);
}

#ifdef NC_FAULT_INJECTION
/* In a child that the fault kills; what it was asked to do goes on from what is on disk. */
static bool survived(struct fixture *f, const char *fault, int step)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setenv("NC_FAULT", fault, 1);
		/* a child has no copy of the keys in memory */
		f->r = NULL;
		if (open_ring(f) != 0)
			_exit(3);
		int rc = step == 0   ? nc_keyring_prepare(f->r, 5)
		         : step == 1 ? nc_keyring_switch(f->r, 7)
		                     : nc_keyring_forget(f->r);
		_exit(rc == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return !WIFSIGNALED(status);
}

/* Before and behind each write of each step: at the next start there is the state before it or the one behind. */
static void kills_leave_one_state_or_the_other(void **state)
{
	static const char *const points[] = { "before-write", "after-write", "after-sync", "after-rename", "after-folder", "before-remove", "after-remove" };
	static const char *const files[] = { "rotation", "priv", "pub" };
	struct fixture *f = *state;
	unsigned killed = 0;
	char fault[64];

	for (int step = 0; step < 3; step++) {
		for (unsigned i = 0; i < 21; i++) {
			uint8_t key[NC_KEY_LEN], old[NC_KEY_LEN] = { 0 };
			snprintf(fault, sizeof(fault), "%s-%s:1:kill", points[i % 7], files[i / 7]);
			assert_int_equal(open_ring(f), 0);
			if (step > 0)
				assert_int_equal(nc_keyring_prepare(f->r, 5), 0);
			if (step > 1)
				assert_int_equal(nc_keyring_switch(f->r, 7), 0);
			memcpy(key, (step == 1 ? nc_keyring_next(f->r) : nc_keyring_current(f->r))->pub, NC_KEY_LEN);
			memcpy(old, nc_keyring_current(f->r)->pub, NC_KEY_LEN);
			killed += !survived(f, fault, step);
			assert_int_equal(open_ring(f), 0);
			const struct nc_keypair *now = nc_keyring_current(f->r);
			assert_true(is(now, key) || (step == 1 && is(now, old) && is(nc_keyring_next(f->r), key)));
			files_hold(f, now->pub);
			/* and the step can be taken (again) */
			if (nc_keyring_next(f->r))
				assert_int_equal(nc_keyring_switch(f->r, 7), 0);
			assert_int_equal(nc_keyring_forget(f->r), 0);
		}
	}
	assert_true(killed >= 20);
}
#else
static void kills_leave_one_state_or_the_other(void **state)
{
	(void)state;
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pair_is_made_and_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(one_takes_the_place_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(a_step_is_finished_at_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(the_operators_hand_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_said_and_nothing_is_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(a_credential_goes_before_the_files, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_credential_only_the_public_key_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_credential_is_no_credential, setup, teardown),
		cmocka_unit_test_setup_teardown(kills_leave_one_state_or_the_other, setup, teardown),
	};

	if (nc_keys_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
