/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is the files rotation, priv.key and pub.key, and steps: what is taken is there after each step, what is not stays. */
#include "config.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "wire/keyring.h"

#define STEPS 8u

static const char *const names[] = { "rotation", "priv.key", "pub.key" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Private keys of several spellings have one public key (RFC 7748, section 5). */
static bool same(const struct nc_keypair *a, const struct nc_keypair *b)
{
	return a && b ? memcmp(a->pub, b->pub, sizeof(a->pub)) == 0 : a == b;
}

static bool whole(const struct nc_keypair *k)
{
	uint8_t pub[NC_KEY_LEN];

	return !k || (crypto_scalarmult_base(pub, k->priv) == 0 && memcmp(pub, k->pub, sizeof(pub)) == 0);
}

/* Who opens the folder finds what the ring says, and so do those who read the two files only. */
static struct nc_keyring *open_again(struct nc_keyring *r, const char *path)
{
	struct nc_buf err = { .max = 1024 };
	struct nc_keypair *k = nc_keypair_new();
	struct nc_keyring *again;

	nc_fuzz_expect(nc_keyring_open(path, NULL, false, &again, &err) == 0 && err.len == 0);
	nc_fuzz_expect(same(nc_keyring_current(r), nc_keyring_current(again)) && whole(nc_keyring_current(r)));
	nc_fuzz_expect(same(nc_keyring_next(r), nc_keyring_next(again)) && whole(nc_keyring_next(r)));
	nc_fuzz_expect(same(nc_keyring_old(r), nc_keyring_old(again)) && whole(nc_keyring_old(r)));
	nc_fuzz_expect(nc_keyring_grace(r) == nc_keyring_grace(again) && nc_keyring_until(r) == nc_keyring_until(again));
	nc_fuzz_expect(!nc_keyring_replaced(again));
	nc_fuzz_expect(k && nc_keypair_read(k, path, &err) == 0 && same(k, nc_keyring_current(r)));
	nc_keypair_free(k);
	nc_keyring_free(r);
	return again;
}

static void step(struct nc_keyring *r, uint8_t what)
{
	bool next = nc_keyring_next(r);

	switch (what % 3) {
	case 0:
		nc_fuzz_expect(nc_keyring_prepare(r, what) == 0 && nc_keyring_next(r) && nc_keyring_grace(r) == what);
		break;
	case 1:
		nc_fuzz_expect((nc_keyring_switch(r, what) == 0) == next);
		nc_fuzz_expect(!nc_keyring_next(r) && (!next || nc_keyring_until(r) == what));
		break;
	default:
		nc_fuzz_expect(nc_keyring_forget(r) == 0 && !nc_keyring_old(r));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_rd input = nc_rd_over(data, n), parts[3];
	struct nc_fuzz_folder f;
	struct nc_buf err = { .max = 1024 };
	struct nc_keyring *r = NULL;

	nc_fuzz_expect(nc_keys_init() == 0);
	nc_fuzz_open(&f);
	for (unsigned i = 0; i < 3; i++) {
		parts[i] = nc_fuzz_part(&input);
		if (parts[i].left)
			nc_fuzz_put(f.fd, names[i], parts[i], 0600);
	}
	if (nc_keyring_open(f.path, NULL, false, &r, &err) == 0) {
		r = open_again(r, f.path);
		for (unsigned i = 0; i < STEPS && input.left; i++) {
			step(r, nc_rd_u8(&input));
			r = open_again(r, f.path);
		}
		nc_keyring_free(r);
	} else {
		nc_fuzz_expect(!r && err.len > 0);
		for (unsigned i = 0; i < 3; i++)
			nc_fuzz_expect(!parts[i].left || nc_fuzz_holds(f.fd, names[i], parts[i]));
	}
	nc_buf_free(&err);
	nc_fuzz_close(&f);
	return 0;
}
