/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key pairs of one side on disk, and how one takes the place of another. */
#include "config.h"

#include "wire/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/save.h"
#include "base/text.h"
#include "wire/credential.h"

#define HEX      (2u * NC_KEY_LEN)
#define TEXT_MAX 1024u
#define ROTATION "rotation"
#define PUB      "pub.key"
#define PRIV     "priv.key"

static const char first_line[] = "netcap-keys 1";

enum which { CURRENT, NEXT, OLD, KEYS };

/* In the file: the word, the private key, and for the latter two a number. */
static const char *const words[KEYS] = { [CURRENT] = "current", [NEXT] = "next", [OLD] = "old" };

/* What the file says. */
struct pairs {
	struct nc_keypair *pair[KEYS]; /* memory of the ring */
	bool there[KEYS];
	int64_t number[KEYS]; /* NEXT: grace, OLD: until */
};

struct nc_keyring {
	int dir;
	struct pairs p;
	const char *credential; /* the caller's: what goes before the files */
	bool given;             /* it is there */
	bool replaced, unused;
};

/* --- the file ------------------------------------------------------------------------------------------------------ */

static size_t print(const struct pairs *p, char text[static TEXT_MAX])
{
	char hex[HEX + 1];
	size_t n = (size_t)snprintf(text, TEXT_MAX, "%s\n", first_line);

	for (unsigned i = 0; i < KEYS; i++) {
		if (!p->there[i])
			continue;
		sodium_bin2hex(hex, sizeof(hex), p->pair[i]->priv, NC_KEY_LEN);
		n += (size_t)snprintf(text + n, TEXT_MAX - n, "%s %s %" PRId64 "\n", words[i], hex, p->number[i]);
	}
	sodium_memzero(hex, sizeof(hex));
	return n;
}

static bool parse_number(const char *s, int64_t *ret)
{
	char *end;

	errno = 0;
	long long v = strtoll(s, &end, 10);
	*ret = v;
	return end != s && *end == '\0' && errno == 0 && v >= 0;
}

/* One line: "next <hex> <number>". */
static bool parse_line(struct pairs *p, char *line)
{
	char *word = strsep(&line, " "), *hex = strsep(&line, " ");

	for (unsigned i = 0; hex && line && i < KEYS; i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		bool ok = !p->there[i] && nc_text_unhex(p->pair[i]->priv, NC_KEY_LEN, hex) && parse_number(line, &p->number[i]) &&
		          crypto_scalarmult_base(p->pair[i]->pub, p->pair[i]->priv) == 0;
		p->there[i] = ok;
		return ok;
	}
	return false;
}

static int parse(struct pairs *p, char *text)
{
	char *line = strsep(&text, "\n");
	bool ok = strcmp(line, first_line) == 0;

	while (ok && text && (line = strsep(&text, "\n")))
		ok = *line ? parse_line(p, line) : !text;
	return ok && p->there[CURRENT] ? 0 : -EINVAL;
}

/* 0 with nothing there when there is no such file. */
static int read_rotation(struct nc_keyring *r, struct pairs *p)
{
	char *text = sodium_malloc(TEXT_MAX);
	mode_t mode;
	ssize_t n = text ? nc_save_read(r->dir, ROTATION, text, TEXT_MAX - 1, &mode) : -ENOMEM;
	int rc = n < 0 ? (int)n : (mode & 0077) ? -EPERM : 0;

	if (rc == 0) {
		text[n] = '\0';
		rc = strlen(text) == (size_t)n ? parse(p, text) : -EINVAL;
	}
	sodium_free(text);
	return rc == -ENOENT ? 0 : rc;
}

static int write_rotation(struct nc_keyring *r, const struct pairs *p)
{
	if (!p->there[NEXT] && !p->there[OLD])
		return nc_save_remove(r->dir, ROTATION, ROTATION);
	char *text = sodium_malloc(TEXT_MAX);
	if (!text)
		return -ENOMEM;
	int rc = nc_save(r->dir, ROTATION, text, print(p, text), 0600, ROTATION);
	sodium_free(text);
	return rc;
}

static int write_key(struct nc_keyring *r, const char *name, const uint8_t key[static NC_KEY_LEN], mode_t mode, const char *step)
{
	char *text = sodium_malloc(HEX + 1);

	if (!text)
		return -ENOMEM;
	sodium_bin2hex(text, HEX + 1, key, NC_KEY_LEN);
	int rc = nc_save(r->dir, name, text, HEX, mode, step);
	sodium_free(text);
	return rc;
}

/* The pair in use into its two files. */
static int write_current(struct nc_keyring *r, const struct nc_keypair *k)
{
	int rc = write_key(r, PRIV, k->priv, 0600, "priv");

	return rc ? rc : write_key(r, PUB, k->pub, 0644, "pub");
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

static bool same(const struct nc_keypair *a, const struct nc_keypair *b)
{
	return sodium_memcmp(a->pub, b->pub, NC_KEY_LEN) == 0;
}

static void drop(struct pairs *p, enum which i)
{
	p->there[i] = false;
	p->number[i] = 0;
	sodium_memzero(p->pair[i], sizeof(*p->pair[i]));
}

static bool pub_is(struct nc_keyring *r, const struct nc_keypair *k)
{
	uint8_t pub[NC_KEY_LEN];
	char text[HEX + 2];
	ssize_t n = nc_save_read(r->dir, PUB, text, HEX + 1, NULL);

	if (n < (ssize_t)HEX)
		return false;
	text[HEX] = '\0';
	return nc_text_unhex(pub, sizeof(pub), text) && memcmp(pub, k->pub, NC_KEY_LEN) == 0;
}

/* A step that was taken in the file, but perhaps not to its end. `found` is what is in priv.key. */
static int finish(struct nc_keyring *r, const struct nc_keypair *found)
{
	const struct nc_keypair *k = r->p.pair[CURRENT];

	return same(found, k) && pub_is(r, k) ? 0 : write_current(r, k);
}

/* pub.key and priv.key are not of this rotation: the operator's hand goes before it. */
static int give_up(struct nc_keyring *r, const char *dir, struct nc_buf *err)
{
	drop(&r->p, NEXT);
	drop(&r->p, OLD);
	r->replaced = true;
	int rc = nc_keypair_read(r->p.pair[CURRENT], dir, err);
	return rc ? rc : write_rotation(r, &r->p);
}

static int load_rotation(struct nc_keyring *r, const char *dir, struct nc_buf *err)
{
	struct nc_keypair *found = nc_keypair_new();
	const char *why = "";
	int rc = found ? nc_key_read_secret(r->dir, PRIV, found->priv, &why) : -ENOMEM;

	if (rc == 0 && crypto_scalarmult_base(found->pub, found->priv) != 0)
		rc = -EINVAL;
	if (rc)
		nc_buf_printf(err, "%s/" PRIV ": %s", dir, *why ? why : strerrordesc_np(-rc));
	else if (same(found, r->p.pair[CURRENT]) || (r->p.there[OLD] && same(found, r->p.pair[OLD])))
		rc = finish(r, found);
	else
		rc = give_up(r, dir, err);
	if (rc && err->len == 0)
		nc_buf_printf(err, "%s: %s", dir, strerrordesc_np(-rc));
	nc_keypair_free(found);
	return rc;
}

static bool has(const struct nc_keyring *r, const char *name)
{
	return faccessat(r->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int load_current(struct nc_keyring *r, const char *dir, bool make, struct nc_buf *err)
{
	struct nc_keypair *k = r->p.pair[CURRENT];
	int rc = nc_keypair_read(k, dir, err);

	/* a lost key, or a credential that is not given any more, shall not end in another identity */
	if (rc == -ENOENT && has(r, PUB)) {
		nc_buf_reset(err);
		nc_buf_printf(err, "%s has a " PUB ", but neither " PRIV " nor a credential%s%s is there; give it back, or remove " PUB " for a new pair",
		              dir, r->credential ? " " : "", r->credential ? r->credential : "");
		rc = -ENOKEY;
	}
	if (rc == -ENOENT && make) {
		nc_buf_reset(err);
		nc_keypair_generate(k);
		rc = nc_keypair_write(k, dir, err);
	}
	r->p.there[CURRENT] = rc == 0;
	return rc;
}

/* 1: the pair in use is a credential, 0: it is not. */
static int load_credential(struct nc_keyring *r, const char *dir, struct nc_buf *err)
{
	struct nc_keypair *k = r->p.pair[CURRENT];
	int rc = r->credential ? nc_credential_read(r->credential, k->priv, err) : 0;

	if (rc <= 0)
		return rc;
	rc = crypto_scalarmult_base(k->pub, k->priv) == 0 ? 0 : -EINVAL;
	r->p.there[CURRENT] = rc == 0;
	r->unused = has(r, PRIV) || has(r, ROTATION);
	if (rc == 0 && !r->unused && !pub_is(r, k))
		rc = write_key(r, PUB, k->pub, 0644, "pub");
	if (rc)
		nc_buf_printf(err, "%s/" PUB ": %s", dir, strerrordesc_np(-rc));
	return rc ? rc : 1;
}

static int load_files(struct nc_keyring *r, const char *dir, bool make, struct nc_buf *err)
{
	int rc = read_rotation(r, &r->p);

	if (rc == 0)
		return r->p.there[CURRENT] ? load_rotation(r, dir, err) : load_current(r, dir, make, err);
	nc_buf_printf(err, "%s/" ROTATION ": %s", dir,
	              rc == -EINVAL  ? "damaged"
	              : rc == -EPERM ? "may be read by others than its owner: set its mode to 0600"
	                             : strerrordesc_np(-rc));
	return rc;
}

static int new_ring(const char *dir, struct nc_keyring **ret)
{
	struct nc_keyring *r = calloc(1, sizeof(*r));
	bool ok = r != NULL;

	*ret = r;
	if (!r)
		return -ENOMEM;
	for (unsigned i = 0; i < KEYS; i++) {
		r->p.pair[i] = nc_keypair_new();
		ok = ok && r->p.pair[i];
	}
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return !ok ? -ENOMEM : r->dir < 0 ? -errno : 0;
}

int nc_keyring_open(const char *dir, const char *credential, bool make, struct nc_keyring **ret, struct nc_buf *err)
{
	struct nc_keyring *r;
	int rc = new_ring(dir, &r);

	if (rc) {
		nc_buf_printf(err, "%s: %s", dir, rc == -ENOMEM ? "no locked memory for the keys" : strerrordesc_np(-rc));
	} else {
		r->credential = credential;
		rc = load_credential(r, dir, err);
		r->given = rc == 1;
		rc = rc ? rc : load_files(r, dir, make, err);
	}
	if (rc < 0) {
		nc_keyring_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void nc_keyring_free(struct nc_keyring *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < KEYS; i++)
		nc_keypair_free(r->p.pair[i]);
	if (r->dir >= 0)
		close(r->dir);
	free(r);
}

/* --- steps --------------------------------------------------------------------------------------------------------- */

int nc_keyring_prepare(struct nc_keyring *r, int64_t grace)
{
	struct pairs *p = &r->p, before = *p;

	if (r->given)
		return -EROFS;
	if (!p->there[NEXT])
		nc_keypair_generate(p->pair[NEXT]);
	p->there[NEXT] = true;
	p->number[NEXT] = grace;
	int rc = write_rotation(r, p);
	if (rc == 0)
		return 0;
	*p = before;
	if (!p->there[NEXT])
		drop(p, NEXT);
	return rc;
}

int nc_keyring_switch(struct nc_keyring *r, int64_t until)
{
	struct pairs *p = &r->p;
	struct pairs after = {
		.pair = { [CURRENT] = p->pair[NEXT], [NEXT] = p->pair[OLD], [OLD] = p->pair[CURRENT] },
		.there = { [CURRENT] = true, [OLD] = true },
		.number = { [OLD] = until },
	};

	if (!p->there[NEXT])
		return -ENOENT;
	int rc = write_rotation(r, &after);
	if (rc)
		return rc;
	*p = after;
	drop(p, NEXT);
	/* when it fails it is done again before the file goes */
	(void)write_current(r, p->pair[CURRENT]);
	return 0;
}

int nc_keyring_forget(struct nc_keyring *r)
{
	struct pairs *p = &r->p, after = *p;

	if (!p->there[OLD])
		return 0;
	after.there[OLD] = false;
	int rc = write_current(r, p->pair[CURRENT]);
	if (rc == 0)
		rc = write_rotation(r, &after);
	if (rc == 0)
		drop(p, OLD);
	return rc;
}

/* --- questions ----------------------------------------------------------------------------------------------------- */

static const struct nc_keypair *one(const struct nc_keyring *r, enum which i)
{
	return r->p.there[i] ? r->p.pair[i] : NULL;
}

const struct nc_keypair *nc_keyring_current(const struct nc_keyring *r)
{
	return one(r, CURRENT);
}

const struct nc_keypair *nc_keyring_next(const struct nc_keyring *r)
{
	return one(r, NEXT);
}

const struct nc_keypair *nc_keyring_old(const struct nc_keyring *r)
{
	return one(r, OLD);
}

int64_t nc_keyring_grace(const struct nc_keyring *r)
{
	return r->p.number[NEXT];
}

int64_t nc_keyring_until(const struct nc_keyring *r)
{
	return r->p.number[OLD];
}

bool nc_keyring_replaced(const struct nc_keyring *r)
{
	return r->replaced;
}

const char *nc_keyring_credential(const struct nc_keyring *r)
{
	return r->given ? r->credential : NULL;
}

bool nc_keyring_unused(const struct nc_keyring *r)
{
	return r->unused;
}
