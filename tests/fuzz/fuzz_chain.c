/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is two files of keys of sensors, and steps: what is taken prints and parses the same, and lets in just its keys. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collectord/chain.h"
#include "files.h"

#define STEPS     16u
#define GRACE_MAX 1000

static const char *const names[] = { "one", "two" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool equal(const struct nc_chain *a, const struct nc_chain *b)
{
	return memcmp(a->first, b->first, NC_KEY_LEN) == 0 && memcmp(a->now, b->now, NC_KEY_LEN) == 0 &&
	       a->has_next == b->has_next && a->has_old == b->has_old && a->has_knows == b->has_knows &&
	       (!a->has_next || (memcmp(a->next, b->next, NC_KEY_LEN) == 0 && a->grace == b->grace)) &&
	       (!a->has_old || (memcmp(a->old, b->old, NC_KEY_LEN) == 0 && a->until == b->until)) &&
	       (!a->has_knows || (memcmp(a->knows, b->knows, NC_KEY_LEN) == 0 && a->behind == b->behind));
}

static void print_and_parse(const struct nc_chain *c)
{
	char text[NC_CHAIN_TEXT];
	struct nc_chain again = { .live = false };

	nc_fuzz_expect(nc_chain_print(c, text) < sizeof(text) && nc_chain_parse(&again, text) && equal(c, &again));
}

static bool zeros(const uint8_t key[static NC_KEY_LEN])
{
	static const uint8_t none[NC_KEY_LEN];

	return memcmp(key, none, sizeof(none)) == 0;
}

static bool parse(struct nc_rd part)
{
	char *text = nc_fuzz_text(part);
	struct nc_chain c = { .live = false };
	bool ok = strlen(text) == part.left && part.left <= NC_CHAIN_TEXT && nc_chain_parse(&c, text);

	free(text);
	if (ok)
		print_and_parse(&c);
	/* which stands for one that can't be read */
	nc_fuzz_expect(!ok || !zeros(c.first));
	return ok;
}

/* A key lets in one chain in which it stands, or none. */
static void lets_in(const struct nc_chains *s, const struct nc_chain *c, const uint8_t key[static NC_KEY_LEN])
{
	const struct nc_chain *owner = nc_chains_with(s, key);

	nc_fuzz_expect(owner && nc_chain_place(owner, key) != NC_CHAIN_NONE && nc_chain_place(c, key) != NC_CHAIN_NONE);
}

static void consistent(const struct nc_chains *s)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct nc_chain *c = nc_chains_of(s, names[i]);
		if (!c || zeros(c->first))
			continue;
		print_and_parse(c);
		lets_in(s, c, c->now);
		if (c->has_next)
			lets_in(s, c, c->next);
		if (c->has_old)
			lets_in(s, c, c->old);
	}
}

static void on_listed(void *user, const struct nc_chain *c, bool gone)
{
	(void)gone;
	*(unsigned *)user += c->name[0] != '\0';
}

/* The keys that the sensors' files hold: the first, or the one in use, of their chains, or another one. */
static void list(struct nc_chains *s, const struct nc_fuzz_folder *f, uint8_t what)
{
	struct nc_buf err = { .max = 4096 };
	struct nc_keylist *l;
	unsigned changed = 0;

	for (unsigned i = 0; i < 2; i++) {
		const struct nc_chain *c = nc_chains_of(s, names[i]);
		uint8_t key[NC_KEY_LEN] = { what, (uint8_t)i, 1 };
		if (c && what % 4 != 3)
			memcpy(key, what % 4 == 2 ? c->now : c->first, NC_KEY_LEN);
		nc_fuzz_expect(nc_keylist_put(f->path, names[i], key, &err) == 0);
	}
	nc_fuzz_expect(nc_keylist_read(f->path, &l, &err) == 0);
	nc_chains_list(s, l, on_listed, &changed);
	nc_fuzz_expect(changed <= 2);
	nc_keylist_free(l);
	nc_buf_free(&err);
}

static void step(struct nc_chains *s, const struct nc_fuzz_folder *f, uint8_t what, uint8_t more)
{
	const char *name = names[what >> 7];
	const struct nc_chain *c = nc_chains_of(s, name), *changed = NULL;
	uint8_t key[NC_KEY_LEN] = { more % 8, 7 }, first[NC_KEY_LEN] = { what >> 7, 9 };

	if (c)
		memcpy(first, c->first, NC_KEY_LEN);
	switch (what % 5) {
	case 0:
		if (nc_chains_announce(s, name, first, c ? c->now : first, key, more, &changed) == 0)
			nc_fuzz_expect(changed && nc_chain_place(changed, key) != NC_CHAIN_NONE);
		break;
	case 1:
		nc_chains_used(s, c && c->has_next ? c->next : key, more, GRACE_MAX, &changed);
		nc_fuzz_expect(!changed || (changed->has_old && changed->until <= more + GRACE_MAX));
		break;
	case 2:
		nc_fuzz_expect(nc_chains_knows(s, name, first, key, more & 1, &changed) == 0);
		break;
	case 3:
		nc_chains_expire(s, (int64_t)more * 16, &changed);
		nc_fuzz_expect(!changed || !changed->has_old);
		break;
	default:
		list(s, f, more);
	}
}

static unsigned lines(const struct nc_buf *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_rd input = nc_rd_over(data, n);
	struct nc_buf err = { .max = 4096 };
	struct nc_fuzz_folder f;
	struct nc_chains *s;
	char file[NC_CHAIN_NAME];
	unsigned bad = 0;

	nc_fuzz_expect(nc_keys_init() == 0);
	nc_fuzz_open(&f);
	for (unsigned i = 0; i < 2; i++) {
		struct nc_rd part = nc_fuzz_part(&input);
		bad += !parse(part);
		nc_chains_file(file, names[i]);
		nc_fuzz_put(f.fd, file, part, 0640);
	}
	nc_fuzz_expect(nc_chains_new(&s) == 0 && nc_chains_load(s, f.fd, &err) == 0);
	/* who is not let in was said */
	nc_fuzz_expect(lines(&err) == bad);
	consistent(s);
	for (unsigned i = 0; i < STEPS && input.left > 1; i++) {
		uint8_t what = nc_rd_u8(&input);
		step(s, &f, what, nc_rd_u8(&input));
		consistent(s);
	}
	nc_chains_free(s);
	nc_buf_free(&err);
	nc_fuzz_close(&f);
	return 0;
}
