/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is two sensors' public keys, a pre-shared key and a key as text: what is taken is written and read the same. */
#include "config.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "wire/keys.h"

static const char *const names[] = { "one", "two" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_list(const char *path, struct nc_keylist **l)
{
	struct nc_buf err = { .max = 4096 };

	nc_fuzz_expect(nc_keylist_read(path, l, &err) == 0 && nc_keylist_count(*l) <= 2);
	/* of each that is not there a line tells */
	nc_fuzz_expect((nc_keylist_count(*l) == 2) == (err.len == 0));
	nc_buf_free(&err);
}

/* Each name and key finds the other; put again they are the same list. */
static void check_list(const char *path)
{
	struct nc_buf err = { .max = 4096 };
	struct nc_keylist *l, *again;

	read_list(path, &l);
	for (size_t i = 0; i < nc_keylist_count(l); i++) {
		const uint8_t *key = nc_keylist_key(l, i);
		const char *name = nc_keylist_name(l, i);
		nc_fuzz_expect(nc_keylist_index(l, key) == (ssize_t)i && nc_keylist_named(l, name) == (ssize_t)i);
		nc_fuzz_expect(nc_keylist_put(path, name, key, &err) == 0);
	}
	read_list(path, &again);
	nc_fuzz_expect(nc_keylist_count(l) == nc_keylist_count(again));
	for (size_t i = 0; i < nc_keylist_count(l); i++)
		nc_fuzz_expect(memcmp(nc_keylist_key(l, i), nc_keylist_key(again, i), NC_KEY_LEN) == 0);
	nc_keylist_free(l);
	nc_keylist_free(again);
	nc_buf_free(&err);
}

static void check_secret(int dirfd)
{
	static const uint8_t none[NC_KEY_LEN];
	uint8_t key[NC_KEY_LEN];
	const char *why = "";

	if (nc_key_read_secret(dirfd, "one.psk", key, &why) != 0)
		nc_fuzz_expect(*why && memcmp(key, none, sizeof(key)) == 0);
}

static void check_text(const char *text)
{
	uint8_t key[NC_KEY_LEN], again[NC_KEY_LEN];
	char printed[2 * NC_KEY_LEN + 1];

	if (!nc_key_parse(key, text))
		return;
	sodium_bin2hex(printed, sizeof(printed), key, sizeof(key));
	nc_fuzz_expect(nc_key_parse(again, printed) && memcmp(key, again, sizeof(key)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_rd input = nc_rd_over(data, n);
	struct nc_fuzz_folder f;
	char file[16];

	nc_fuzz_expect(nc_keys_init() == 0);
	nc_fuzz_open(&f);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s.pub", names[i]);
		nc_fuzz_put(f.fd, file, nc_fuzz_part(&input), 0644);
	}
	nc_fuzz_put(f.fd, "one.psk", nc_fuzz_part(&input), 0600);
	char *text = nc_fuzz_text(nc_fuzz_part(&input));
	check_list(f.path);
	check_secret(f.fd);
	check_text(text);
	free(text);
	nc_fuzz_close(&f);
	return 0;
}
