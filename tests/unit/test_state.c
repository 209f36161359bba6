/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector remembers of keys: hellos are taken once and revoked keys stay out, whatever happens in between. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
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

#include "collectord/state.h"

struct fixture {
	char dir[64];
	struct nc_state *s;
};

static const uint8_t key_a[NC_KEY_LEN] = { 1 }, key_b[NC_KEY_LEN] = { 2 };

static int open_again(struct fixture *f)
{
	struct nc_buf err = { .max = 1024 };

	nc_state_close(f->s);
	f->s = NULL;
	int rc = nc_state_open(f->dir, &f->s, &err);
	assert_int_equal(rc == 0, err.len == 0);
	nc_buf_free(&err);
	return rc;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->dir, "/tmp/test_state.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(open_again(f), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	nc_state_close(f->s);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static int hello(struct fixture *f, const uint8_t key[static NC_KEY_LEN], uint64_t when)
{
	uint64_t ticket;
	int rc = nc_state_hello(f->s, key, when, &ticket);

	assert_int_equal(ticket, 0);
	return rc;
}

static void hellos_grow(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hello(f, key_a, 0), -ESTALE);
	assert_int_equal(hello(f, key_a, 5), 0);
	assert_int_equal(hello(f, key_a, 5), -ESTALE);
	assert_int_equal(hello(f, key_a, 4), -ESTALE);
	assert_int_equal(hello(f, key_b, 4), 0);
	assert_int_equal(open_again(f), 0);
	assert_int_equal(hello(f, key_a, 5), -ESTALE);
	assert_int_equal(hello(f, key_b, 4), -ESTALE);
	assert_int_equal(hello(f, key_a, 6), 0);
	assert_int_equal(hello(f, key_a, UINT64_MAX), 0);
	assert_int_equal(hello(f, key_a, UINT64_MAX), -ESTALE);
}

static void hellos_that_cannot_be_kept_are_refused(void **state)
{
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s/hello", f->dir);
	assert_int_equal(system(command), 0);
	int rc = hello(f, key_a, 5);
	assert_true(rc < 0 && rc != -ESTALE);
}

static void revoked_keys_stay_out(void **state)
{
	struct fixture *f = *state;

	assert_false(nc_state_revoked(f->s, key_a));
	assert_int_equal(nc_state_revoke(f->s, key_a, "one"), 0);
	assert_int_equal(nc_state_revoke(f->s, key_a, "one"), 0);
	assert_true(nc_state_revoked(f->s, key_a));
	assert_int_equal(open_again(f), 0);
	assert_true(nc_state_revoked(f->s, key_a));
	assert_false(nc_state_revoked(f->s, key_b));
	assert_int_equal(nc_state_revoke(f->s, key_b, "two"), 0);
	assert_int_equal(open_again(f), 0);
	assert_true(nc_state_revoked(f->s, key_a) && nc_state_revoked(f->s, key_b));
}

static void all_keys_of_a_sensor_go_together(void **state)
{
	struct fixture *f = *state;
	const uint8_t *keys[] = { key_a, key_b, key_a };
	char path[96];
	struct stat st;

	assert_int_equal(nc_state_revoke_all(f->s, keys, 3, "one"), 0);
	assert_int_equal(open_again(f), 0);
	assert_true(nc_state_revoked(f->s, key_a) && nc_state_revoked(f->s, key_b));
	snprintf(path, sizeof(path), "%s/revoked", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 * (2 * NC_KEY_LEN + 5));
}

static void a_damaged_list_lets_nobody_in(void **state)
{
	struct fixture *f = *state;
	char path[96];

	assert_int_equal(nc_state_revoke(f->s, key_a, "one"), 0);
	snprintf(path, sizeof(path), "%s/revoked", f->dir);
	assert_int_equal(truncate(path, 40), 0);
	assert_int_equal(open_again(f), -EINVAL);
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* As a full disk, or an editor, leaves it: the next line is not to become part of the last. */
static void a_line_without_its_end_stays_alone(void **state)
{
	struct fixture *f = *state;

	write_file(f, "revoked", "0100000000000000000000000000000000000000000000000000000000000000 on");
	assert_int_equal(open_again(f), 0);
	assert_true(nc_state_revoked(f->s, key_a));
	assert_int_equal(nc_state_revoke(f->s, key_b, "two"), 0);
	assert_int_equal(open_again(f), 0);
	assert_true(nc_state_revoked(f->s, key_a) && nc_state_revoked(f->s, key_b));
}

/* What could not be written is written by the next attempt, though the key is kept out already. */
static void a_revocation_that_failed_is_made_up_for(void **state)
{
	struct fixture *f = *state;
	char path[96];

	snprintf(path, sizeof(path), "%s/revoked.next", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(nc_state_revoke(f->s, key_a, "one") < 0);
	assert_true(nc_state_revoked(f->s, key_a));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(nc_state_revoke(f->s, key_a, "one"), 0);
	assert_int_equal(open_again(f), 0);
	assert_true(nc_state_revoked(f->s, key_a));
}

static void nothing_hides_behind_a_zero_byte(void **state)
{
	struct fixture *f = *state;
	char path[96];

	assert_int_equal(nc_state_revoke(f->s, key_a, "one"), 0);
	assert_int_equal(nc_state_revoke(f->s, key_b, "two"), 0);
	snprintf(path, sizeof(path), "%s/revoked", f->dir);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "", 1, 2 * NC_KEY_LEN), 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(open_again(f), -EINVAL);
}

static void a_damaged_time_lets_nobody_in(void **state)
{
	static const char *const texts[] = { "", "0\n", "x\n", "5x\n", "-5\n", "+5\n", " 5\n", "5\n\n",
		                             "99999999999999999999\n" };
	struct fixture *f = *state;
	char name[96] = "hello/01";

	memset(name + strlen(name), '0', 2 * NC_KEY_LEN - 2);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(f, name, texts[i]);
		assert_int_equal(hello(f, key_a, 50), -EINVAL);
	}
	write_file(f, name, "49");
	assert_int_equal(hello(f, key_a, 49), -ESTALE);
	assert_int_equal(hello(f, key_a, 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hellos_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(hellos_that_cannot_be_kept_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(revoked_keys_stay_out, setup, teardown),
		cmocka_unit_test_setup_teardown(all_keys_of_a_sensor_go_together, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_list_lets_nobody_in, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_without_its_end_stays_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_revocation_that_failed_is_made_up_for, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_hides_behind_a_zero_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_time_lets_nobody_in, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
