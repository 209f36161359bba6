/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both sides' memory of keys: chains, learned ones, and the two together with everything lost that can be. */
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
#include <sodium.h>

#include "base/time.h"
#include "collectord/state.h"
#include "sensord/keys.h"

struct fixture {
	char dir[64], sensor[80], collector[80], listed[80];
	struct nc_keyring *ring, *theirs;
	struct nc_sensor_keys keys;
	uint8_t configured[1][NC_KEY_LEN], first[NC_KEY_LEN];
	int state_dir;
	struct nc_state *state;
	struct nc_keylist *list;
	uint64_t chance;
};

static const uint8_t a[NC_KEY_LEN] = { 1 }, b[NC_KEY_LEN] = { 2 }, c[NC_KEY_LEN] = { 3 }, d[NC_KEY_LEN] = { 4 };

/* --- stage --------------------------------------------------------------------------------------------------------- */

static void list_key(struct fixture *f, const char *name, const uint8_t key[static NC_KEY_LEN])
{
	char path[160], hex[2 * NC_KEY_LEN + 1];
	struct nc_buf err = { .max = 4096 };

	snprintf(path, sizeof(path), "%s/%s.pub", f->listed, name);
	sodium_bin2hex(hex, sizeof(hex), key, NC_KEY_LEN);
	FILE *file = fopen(path, "w");
	fputs(hex, file);
	fclose(file);
	nc_keylist_free(f->list);
	assert_int_equal(nc_keylist_read(f->listed, &f->list, &err), 0);
	assert_int_equal(err.len, 0);
	nc_state_list(f->state, f->list);
	nc_buf_free(&err);
}

static void open_collector(struct fixture *f)
{
	struct nc_buf err = { .max = 4096 };

	nc_state_close(f->state);
	assert_int_equal(nc_state_open(f->collector, &f->state, &err), 0);
	assert_int_equal(err.len, 0);
	nc_keyring_free(f->theirs);
	assert_int_equal(nc_keyring_open(f->collector, NULL, true, &f->theirs, &err), 0);
	if (f->list)
		nc_state_list(f->state, f->list);
	nc_buf_free(&err);
}

static void open_sensor(struct fixture *f)
{
	struct nc_buf err = { .max = 4096 };

	nc_keyring_free(f->ring);
	assert_int_equal(nc_keyring_open(f->sensor, NULL, true, &f->ring, &err), 0);
	assert_int_equal(nc_sensor_keys_open(&f->keys, f->ring, NULL, f->state_dir, f->configured, 1, &err), 0);
	nc_buf_free(&err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->dir, "/tmp/test_rotation.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->sensor, sizeof(f->sensor), "%s/sensor", f->dir);
	snprintf(f->collector, sizeof(f->collector), "%s/collector", f->dir);
	snprintf(f->listed, sizeof(f->listed), "%s/listed", f->dir);
	assert_int_equal(mkdir(f->sensor, 0700) | mkdir(f->collector, 0700) | mkdir(f->listed, 0700), 0);
	f->state_dir = open(f->sensor, O_RDONLY | O_DIRECTORY);
	open_collector(f);
	memcpy(f->configured[0], nc_keyring_current(f->theirs)->pub, NC_KEY_LEN);
	open_sensor(f);
	memcpy(f->first, nc_keyring_current(f->ring)->pub, NC_KEY_LEN);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	nc_keylist_free(f->list);
	nc_state_close(f->state);
	nc_keyring_free(f->ring);
	nc_keyring_free(f->theirs);
	close(f->state_dir);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void save(struct fixture *f, const struct nc_chain *chain)
{
	uint64_t ticket;

	if (chain)
		assert_int_equal(nc_state_save(f->state, chain, &ticket), 0);
}

static enum nc_chain_place place(const struct fixture *f, const char *name, const uint8_t key[static NC_KEY_LEN])
{
	const struct nc_chain *chain = nc_chains_of(nc_state_chains(f->state), name);

	assert_true(nc_chains_with(nc_state_chains(f->state), key) == chain || !chain ||
	            nc_chain_place(chain, key) == NC_CHAIN_NONE);
	return chain ? nc_chain_place(chain, key) : NC_CHAIN_NONE;
}

/* --- chains -------------------------------------------------------------------------------------------------------- */

static void a_chain_goes_on(void **state)
{
	struct fixture *f = *state;
	struct nc_chains *s = nc_state_chains(f->state);
	const struct nc_chain *x = NULL, *none = NULL;

	assert_int_equal(nc_chains_announce(s, "one", a, a, b, 60, &x), 0);
	assert_true(place(f, "one", a) == NC_CHAIN_NOW && place(f, "one", b) == NC_CHAIN_NEXT);
	/* again, and another one instead */
	assert_int_equal(nc_chains_announce(s, "one", a, a, b, 60, &x), 0);
	assert_int_equal(nc_chains_announce(s, "one", a, a, c, 60, &x), 0);
	assert_true(place(f, "one", b) == NC_CHAIN_NONE && place(f, "one", c) == NC_CHAIN_NEXT);
	assert_null(nc_chains_with(s, b));
	/* not through a key that is not in use, and not a key of somebody else */
	assert_int_equal(nc_chains_announce(s, "one", a, c, b, 60, &none), -EACCES);
	assert_int_equal(nc_chains_announce(s, "two", d, d, c, 60, &none), -EEXIST);
	assert_null(none);
	nc_chains_used(s, a, 1000, 3600, &none);
	assert_null(none);
	nc_chains_used(s, c, 1000, 3600, &x);
	assert_true(place(f, "one", c) == NC_CHAIN_NOW && place(f, "one", a) == NC_CHAIN_OLD);
	assert_int_equal(x->until, 1060);
	assert_int_equal(nc_chains_announce(s, "one", a, a, b, 60, &none), -EACCES);
	assert_int_equal(nc_chains_announce(s, "one", a, c, a, 60, &none), -EEXIST);
	nc_chains_expire(s, 1059, &none);
	assert_null(none);
	nc_chains_expire(s, 1060, &none);
	assert_ptr_equal(none, x);
	assert_true(place(f, "one", a) == NC_CHAIN_NONE);
	none = NULL;
	nc_chains_expire(s, INT64_MAX, &none);
	assert_null(none);
	/* the collector allows less than the sensor asked for */
	assert_int_equal(nc_chains_announce(s, "one", a, c, b, 1 << 30, &x), 0);
	nc_chains_used(s, b, 2000, 3600, &x);
	assert_int_equal(x->until, 5600);
}

static void chains_last(void **state)
{
	struct fixture *f = *state;
	const struct nc_chain *x = NULL, *y = NULL;

	list_key(f, "one", a);
	list_key(f, "two", d);
	assert_int_equal(nc_chains_announce(nc_state_chains(f->state), "one", a, a, b, 60, &x), 0);
	nc_chains_used(nc_state_chains(f->state), b, 1000, 60, &x);
	assert_int_equal(nc_chains_announce(nc_state_chains(f->state), "one", a, b, c, 7, &x), 0);
	assert_int_equal(nc_chains_knows(nc_state_chains(f->state), "one", a, d, true, &y), 0);
	assert_ptr_equal(x, y);
	save(f, x);
	open_collector(f);
	x = nc_chains_of(nc_state_chains(f->state), "one");
	assert_true(x->live && x->has_knows && x->behind && x->until == 1060 && x->grace == 7);
	assert_true(place(f, "one", b) == NC_CHAIN_NOW && place(f, "one", c) == NC_CHAIN_NEXT &&
	            place(f, "one", a) == NC_CHAIN_OLD);
	/* the same is no news */
	y = NULL;
	assert_int_equal(nc_chains_knows(nc_state_chains(f->state), "one", a, d, true, &y), 0);
	assert_null(y);
	assert_null(nc_chains_of(nc_state_chains(f->state), "two"));
	/* not on the list any more, and there again */
	assert_int_equal(unlink(strcat(strcpy((char[96]){ 0 }, f->listed), "/one.pub")), 0);
	list_key(f, "two", d);
	assert_false(nc_chains_of(nc_state_chains(f->state), "one")->live);
	list_key(f, "one", a);
	assert_true(nc_chains_of(nc_state_chains(f->state), "one")->live);
}

static void the_operators_key_goes_first(void **state)
{
	struct fixture *f = *state;
	const struct nc_chain *x = NULL;

	list_key(f, "one", a);
	assert_int_equal(nc_chains_announce(nc_state_chains(f->state), "one", a, a, b, 60, &x), 0);
	nc_chains_used(nc_state_chains(f->state), b, 1000, 60, &x);
	save(f, x);
	/* the one in use: it goes on from there, also after a start */
	list_key(f, "one", b);
	assert_int_equal(nc_chains_announce(nc_state_chains(f->state), "one", b, b, c, 60, &x), 0);
	nc_chains_used(nc_state_chains(f->state), c, 1000, 60, &x);
	save(f, x);
	open_collector(f);
	assert_true(place(f, "one", c) == NC_CHAIN_NOW);
	/* another one: nothing of before counts */
	list_key(f, "one", d);
	assert_null(nc_chains_of(nc_state_chains(f->state), "one"));
	assert_null(nc_chains_with(nc_state_chains(f->state), c));
	open_collector(f);
	assert_null(nc_chains_of(nc_state_chains(f->state), "one"));
}

static void damaged_chains_let_nobody_in(void **state)
{
	static const char *const texts[] = { "", "netcap-sensor-keys 1\n", "netcap-sensor-keys 1\nfirst 00 0\n", "rubbish" };
	struct fixture *f = *state;
	char path[160];
	struct nc_buf err = { .max = 4096 };

	list_key(f, "one", a);
	snprintf(path, sizeof(path), "%s/chains/one.keys", f->collector);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(path, "w");
		fputs(texts[i], file);
		fclose(file);
		nc_state_close(f->state);
		assert_int_equal(nc_state_open(f->collector, &f->state, &err), 0);
		assert_non_null(strstr(nc_buf_cstr(&err), "one.keys: damaged"));
		nc_buf_reset(&err);
		nc_state_list(f->state, f->list);
		assert_non_null(nc_chains_of(nc_state_chains(f->state), "one"));
		assert_true(place(f, "one", a) == NC_CHAIN_NONE);
	}
	unlink(path);
	open_collector(f);
	assert_null(nc_chains_of(nc_state_chains(f->state), "one"));
	nc_buf_free(&err);
}

static void printed_chains_are_read(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 16; bits++) {
		struct nc_chain x = { .has_next = bits & 1,
			              .has_old = bits & 2,
			              .has_knows = bits & 4,
			              .behind = (bits & 12) == 12 },
				y = { 0 };
		char text[NC_CHAIN_TEXT], again[NC_CHAIN_TEXT];
		memcpy(x.first, a, NC_KEY_LEN);
		memcpy(x.now, b, NC_KEY_LEN);
		x.grace = x.has_next ? INT64_MAX : 0;
		x.until = x.has_old ? 5 : 0;
		size_t n = nc_chain_print(&x, text);
		strcpy(again, text);
		assert_true(nc_chain_parse(&y, again));
		assert_memory_equal(&x, &y, sizeof(x));
		/* cut in a line before the last number it is none */
		for (size_t cut = 0; cut < n - 3; cut++) {
			memcpy(again, text, cut);
			again[cut] = '\0';
			y = (struct nc_chain){ 0 };
			bool whole = cut > 0 && (text[cut - 1] == '\n' || text[cut] == '\n' ||
			                         (text[cut - 1] >= '0' && text[cut - 1] <= '9'));
			if (!whole)
				assert_false(nc_chain_parse(&y, again));
		}
	}
}

/* --- what a sensor learned ----------------------------------------------------------------------------------------- */

static void learned_keys_last(void **state)
{
	struct fixture *f = *state;
	struct nc_learned l;
	struct nc_buf err = { .max = 4096 };
	char path[160];

	assert_int_equal(nc_learned_open(&l, f->state_dir, a, &err), 0);
	assert_memory_equal(l.now, a, NC_KEY_LEN);
	assert_int_equal(nc_learned_take(&l, b), 0);
	assert_int_equal(nc_learned_open(&l, f->state_dir, a, &err), 0);
	assert_true(l.has_before && memcmp(l.before, a, NC_KEY_LEN) == 0 && memcmp(l.now, b, NC_KEY_LEN) == 0);
	/* b was never used */
	assert_int_equal(nc_learned_take(&l, c), 0);
	assert_true(l.has_before && memcmp(l.before, a, NC_KEY_LEN) == 0 && memcmp(l.now, c, NC_KEY_LEN) == 0);
	nc_learned_used(&l);
	assert_int_equal(nc_learned_open(&l, f->state_dir, a, &err), 0);
	assert_true(!l.has_before && memcmp(l.now, c, NC_KEY_LEN) == 0);
	/* of another collector nothing is known */
	assert_int_equal(nc_learned_open(&l, f->state_dir, b, &err), 0);
	assert_memory_equal(l.now, b, NC_KEY_LEN);
	snprintf(path, sizeof(path), "%s/collector-0100000000000000.key", f->sensor);
	assert_int_equal(truncate(path, 60), 0);
	assert_int_equal(nc_learned_open(&l, f->state_dir, a, &err), -EINVAL);
	nc_buf_free(&err);
}

/* --- both ---------------------------------------------------------------------------------------------------------- */

static bool has(const struct nc_keyring *r, const uint8_t pub[static NC_KEY_LEN])
{
	const struct nc_keypair *old = nc_keyring_old(r);

	return memcmp(nc_keyring_current(r)->pub, pub, NC_KEY_LEN) == 0 || (old && memcmp(old->pub, pub, NC_KEY_LEN) == 0);
}

static bool let_in(struct fixture *f, const struct nc_sensor_choice *choice)
{
	const struct nc_chain *chain = nc_chains_of(nc_state_chains(f->state), "one");
	bool known = chain ? nc_chain_place(chain, choice->own) != NC_CHAIN_NONE : memcmp(choice->own, f->first, NC_KEY_LEN) == 0;

	return known && has(f->theirs, choice->peer);
}

/* Tries all that the sensor may try; with what it came in. */
static struct nc_sensor_choice come_in(struct fixture *f)
{
	struct nc_sensor_choice choice;

	for (unsigned i = 0;; i++) {
		(void)nc_sensor_keys_choose(&f->keys, 0, &choice);
		if (let_in(f, &choice))
			break;
		assert_true(i < 4);
		assert_true(nc_sensor_keys_refused(&f->keys, 0, 0));
	}
	return choice;
}

static unsigned one_of(struct fixture *f, unsigned n)
{
	f->chance = f->chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(f->chance >> 33) % n;
}

/* A session, of which any part may get lost: frames, and either side with what it has not on disk. */
static void visit(struct fixture *f, bool lossy)
{
	struct nc_chains *s = nc_state_chains(f->state);
	struct nc_sensor_choice choice = come_in(f);
	const struct nc_chain *changed = NULL;
	bool lost[6];

	for (unsigned i = 0; i < 6; i++)
		lost[i] = lossy && one_of(f, 3) == 0;
	nc_chains_used(s, choice.own, 1000, 60, &changed);
	if (!lost[0])
		save(f, changed);
	nc_sensor_keys_worked(&f->keys, 0, &choice);
	const struct nc_keypair *news = nc_sensor_keys_news(&f->keys, &choice);
	changed = NULL;
	if (news && !lost[1] && nc_chains_announce(s, "one", f->first, choice.own, news->pub, 60, &changed) == 0 && !lost[2]) {
		save(f, changed);
		uint8_t key[NC_KEY_LEN];
		memcpy(key, news->pub, NC_KEY_LEN);
		if (!lost[3])
			assert_true(nc_sensor_keys_kept(&f->keys, 0, key, 1000) >= 0);
	}
	if (!nc_keyring_old(f->theirs) || lost[4])
		return;
	assert_true(nc_sensor_keys_learn(&f->keys, 0, nc_keyring_current(f->theirs)->pub) >= 0);
	if (lost[5])
		return;
	changed = NULL;
	assert_int_equal(nc_chains_knows(s, "one", f->first, nc_keyring_current(f->theirs)->pub, false, &changed), 0);
	save(f, changed);
	assert_int_equal(nc_keyring_forget(f->theirs), 0);
}

static void both_find_together_whatever_gets_lost(void **state)
{
	struct fixture *f = *state;
	struct nc_sensor_choice choice;
	const char *seed = getenv("NC_SEED");

	f->chance = seed ? strtoull(seed, NULL, 10) : (uint64_t)nc_time_real();
	print_message("NC_SEED=%llu\n", (unsigned long long)f->chance);
	list_key(f, "one", f->first);
	for (unsigned i = 0; i < 400; i++) {
		switch (one_of(f, 6)) {
		case 0:
			assert_int_equal(nc_keyring_prepare(f->ring, 60), 0);
			break;
		case 1:
			if (!nc_keyring_old(f->theirs)) {
				assert_int_equal(nc_keyring_prepare(f->theirs, 0), 0);
				assert_int_equal(nc_keyring_switch(f->theirs, INT64_MAX), 0);
			}
			break;
		case 2:
			open_sensor(f);
			break;
		case 3:
			open_collector(f);
			break;
		default:
			visit(f, true);
		}
	}
	for (unsigned i = 0; i < 4; i++)
		visit(f, false);
	choice = come_in(f);
	assert_memory_equal(choice.own, nc_keyring_current(f->ring)->pub, NC_KEY_LEN);
	assert_memory_equal(choice.peer, nc_keyring_current(f->theirs)->pub, NC_KEY_LEN);
	assert_null(nc_keyring_next(f->ring));
	assert_null(nc_keyring_old(f->theirs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_chain_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(chains_last, setup, teardown),
		cmocka_unit_test_setup_teardown(the_operators_key_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_chains_let_nobody_in, setup, teardown),
		cmocka_unit_test(printed_chains_are_read),
		cmocka_unit_test_setup_teardown(learned_keys_last, setup, teardown),
		cmocka_unit_test_setup_teardown(both_find_together_whatever_gets_lost, setup, teardown),
	};

	if (nc_keys_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
