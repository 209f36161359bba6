/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which keys a sensor has beside the one in its file: those that it announced, and those that they replace. */
#include "config.h"

#include "collectord/chain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/save.h"
#include "base/text.h"

#define HEX        (2u * NC_KEY_LEN)
#define SUFFIX     ".keys"
#define SUFFIX_LEN (sizeof(SUFFIX) - 1)

static const char first_line[] = "netcap-sensor-keys 1";

/* A key that is let in. */
struct entry {
	uint8_t key[NC_KEY_LEN];
	struct nc_chain *chain;
};

struct nc_chains {
	struct nc_chain **chains; /* by name */
	size_t count;
	struct entry *entries;    /* by key */
	size_t entry_count;
	int64_t next_end;         /* of an old key; INT64_MAX: none */
};

static bool same(const uint8_t a[static NC_KEY_LEN], const uint8_t b[static NC_KEY_LEN])
{
	return memcmp(a, b, NC_KEY_LEN) == 0;
}

enum nc_chain_place nc_chain_place(const struct nc_chain *c, const uint8_t key[static NC_KEY_LEN])
{
	if (same(c->now, key))
		return NC_CHAIN_NOW;
	if (c->has_next && same(c->next, key))
		return NC_CHAIN_NEXT;
	return c->has_old && same(c->old, key) ? NC_CHAIN_OLD : NC_CHAIN_NONE;
}

/* No key is zeros: so the first one of a chain that could not be read. */
static bool damaged(const struct nc_chain *c)
{
	static const uint8_t none[NC_KEY_LEN];

	return same(c->first, none);
}

/* --- text ----------------------------------------------------------------------------------------------------------- */

struct line {
	const char *word;
	size_t key, there, number; /* offsets; there: SIZE_MAX: always, number: SIZE_MAX: none */
};

#define AT(member) offsetof(struct nc_chain, member)

static const struct line lines[] = {
	{ "first", AT(first), SIZE_MAX, SIZE_MAX },      { "now", AT(now), SIZE_MAX, SIZE_MAX },
	{ "next", AT(next), AT(has_next), AT(grace) },   { "old", AT(old), AT(has_old), AT(until) },
	{ "knows", AT(knows), AT(has_knows), SIZE_MAX },
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

size_t nc_chain_print(const struct nc_chain *c, char out[static NC_CHAIN_TEXT])
{
	char hex[HEX + 1];
	size_t n = (size_t)snprintf(out, NC_CHAIN_TEXT, "%s\n", first_line);

	for (size_t i = 0; i < LINES; i++) {
		const struct line *l = &lines[i];
		const char *base = (const char *)c;
		int64_t number = l->key == AT(knows) && c->behind;
		if (l->there != SIZE_MAX && !*(const bool *)(base + l->there))
			continue;
		if (l->number != SIZE_MAX)
			memcpy(&number, base + l->number, sizeof(number));
		nc_text_hex(hex, (const uint8_t *)base + l->key, NC_KEY_LEN);
		n += (size_t)snprintf(out + n, NC_CHAIN_TEXT - n, "%s %s %" PRId64 "\n", l->word, hex, number);
	}
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

static bool parse_line(struct nc_chain *c, char *text, bool seen[static LINES])
{
	char *word = strsep(&text, " "), *hex = strsep(&text, " "), *base = (char *)c;
	int64_t number;

	for (size_t i = 0; hex && text && i < LINES; i++) {
		const struct line *l = &lines[i];
		if (strcmp(l->word, word) != 0)
			continue;
		if (seen[i] || !nc_text_unhex((uint8_t *)base + l->key, NC_KEY_LEN, hex) || !parse_number(text, &number))
			return false;
		seen[i] = true;
		if (l->there != SIZE_MAX)
			*(bool *)(base + l->there) = true;
		if (l->number != SIZE_MAX)
			memcpy(base + l->number, &number, sizeof(number));
		if (l->key == AT(knows))
			c->behind = number != 0;
		return true;
	}
	return false;
}

bool nc_chain_parse(struct nc_chain *c, char *text)
{
	bool seen[LINES] = { false };
	char *line = strsep(&text, "\n");
	bool ok = strcmp(line, first_line) == 0;

	while (ok && text && (line = strsep(&text, "\n")))
		ok = *line ? parse_line(c, line, seen) : !text;
	return ok && seen[0] && seen[1] && !damaged(c);
}

/* --- the keys that are let in ----------------------------------------------------------------------------------------- */

/* Where the key is, or where it belongs. */
static size_t entry_at(const struct nc_chains *s, const uint8_t key[static NC_KEY_LEN], bool *found)
{
	size_t from = 0, to = s->entry_count;

	*found = false;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = memcmp(key, s->entries[mid].key, NC_KEY_LEN);
		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

const struct nc_chain *nc_chains_with(const struct nc_chains *s, const uint8_t key[static NC_KEY_LEN])
{
	bool found;
	size_t i = entry_at(s, key, &found);

	return found ? s->entries[i].chain : NULL;
}

static void enter(struct nc_chains *s, const uint8_t key[static NC_KEY_LEN], struct nc_chain *c)
{
	bool found;
	size_t i = entry_at(s, key, &found);

	if (found)
		return;
	memmove(&s->entries[i + 1], &s->entries[i], (s->entry_count - i) * sizeof(s->entries[0]));
	memcpy(s->entries[i].key, key, NC_KEY_LEN);
	s->entries[i].chain = c;
	s->entry_count++;
}

static void enter_all(struct nc_chains *s, struct nc_chain *c)
{
	enter(s, c->now, c);
	if (c->has_next)
		enter(s, c->next, c);
	if (c->has_old) {
		enter(s, c->old, c);
		s->next_end = c->until < s->next_end ? c->until : s->next_end;
	}
}

static void strike(struct nc_chains *s, const uint8_t key[static NC_KEY_LEN], const struct nc_chain *c)
{
	bool found;
	size_t i = entry_at(s, key, &found);

	if (!found || s->entries[i].chain != c)
		return;
	s->entry_count--;
	memmove(&s->entries[i], &s->entries[i + 1], (s->entry_count - i) * sizeof(s->entries[0]));
}

/* What may come in with the keys of this chain is taken back; enter_all follows when it has changed. */
static void strike_all(struct nc_chains *s, const struct nc_chain *c)
{
	strike(s, c->now, c);
	if (c->has_next)
		strike(s, c->next, c);
	if (c->has_old)
		strike(s, c->old, c);
}

/* --- chains ----------------------------------------------------------------------------------------------------------- */

int nc_chains_new(struct nc_chains **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (*ret)
		(*ret)->next_end = INT64_MAX;
	return *ret ? 0 : -ENOMEM;
}

void nc_chains_free(struct nc_chains *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->chains[i]);
	free(s->chains);
	free(s->entries);
	free(s);
}

static size_t chain_at(const struct nc_chains *s, const char *name, bool *found)
{
	size_t from = 0, to = s->count;

	*found = false;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = strcmp(name, s->chains[mid]->name);
		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

static struct nc_chain *find(const struct nc_chains *s, const char *name)
{
	bool found;
	size_t i = chain_at(s, name, &found);

	return found ? s->chains[i] : NULL;
}

const struct nc_chain *nc_chains_of(const struct nc_chains *s, const char *name)
{
	return find(s, name);
}

/* Takes over the chain, and has room for all of its keys. */
static int add(struct nc_chains *s, struct nc_chain *c)
{
	bool found;
	struct nc_chain **more = reallocarray(s->chains, s->count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->chains = more;
	struct entry *entries = reallocarray(s->entries, 3 * (s->count + 1), sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	s->entries = entries;
	size_t i = chain_at(s, c->name, &found);
	memmove(&more[i + 1], &more[i], (s->count - i) * sizeof(struct nc_chain *));
	more[i] = c;
	s->count++;
	return 0;
}

/* The chain of a sensor, a new one if there is none. */
static struct nc_chain *obtain(struct nc_chains *s, const char *name, const uint8_t first[static NC_KEY_LEN])
{
	struct nc_chain *c = find(s, name);

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	snprintf(c->name, sizeof(c->name), "%s", name);
	memcpy(c->first, first, NC_KEY_LEN);
	memcpy(c->now, first, NC_KEY_LEN);
	c->live = true;
	if (add(s, c) != 0) {
		free(c);
		return NULL;
	}
	enter_all(s, c);
	return c;
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

void nc_chains_file(char out[static NC_CHAIN_NAME], const char *name)
{
	snprintf(out, NC_CHAIN_NAME, "%s" SUFFIX, name);
}

static bool name_of(char name[static NC_SENSOR_NAME], const char *file)
{
	size_t n = strlen(file);

	if (n <= SUFFIX_LEN || n - SUFFIX_LEN >= NC_SENSOR_NAME || strcmp(file + n - SUFFIX_LEN, SUFFIX) != 0)
		return false;
	memcpy(name, file, n - SUFFIX_LEN);
	name[n - SUFFIX_LEN] = '\0';
	return nc_key_name_valid(name);
}

static int load_one(struct nc_chains *s, int dirfd, const char *file, struct nc_buf *err)
{
	char text[NC_CHAIN_TEXT + 1];
	struct nc_chain *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	(void)name_of(c->name, file);
	ssize_t n = nc_save_read(dirfd, file, text, NC_CHAIN_TEXT, NULL);
	if (n >= 0)
		text[n] = '\0';
	if (n < 0 || strlen(text) != (size_t)n || !nc_chain_parse(c, text)) {
		nc_buf_printf(err,
		              "%s: %s; this sensor is refused; without the file, and with a new start of the collector, it is let in "
		              "with the key in NAME.pub\n",
		              file, n < 0 ? strerrordesc_np((int)-n) : "damaged");
		memset(c->first, 0, sizeof(*c) - offsetof(struct nc_chain, first));
	}
	int rc = add(s, c);
	if (rc)
		free(c);
	else if (!damaged(c))
		enter_all(s, c);
	return rc;
}

int nc_chains_load(struct nc_chains *s, int dirfd, struct nc_buf *err)
{
	int rc = 0, fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char name[NC_SENSOR_NAME];

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *e; rc == 0 && (e = readdir(d));)
		if (name_of(name, e->d_name))
			rc = s->count < NC_KEYS_MAX ? load_one(s, dirfd, e->d_name, err) : -E2BIG;
	closedir(d);
	return rc;
}

static const uint8_t *listed_key(const struct nc_keylist *list, const char *name)
{
	ssize_t i = nc_keylist_named(list, name);

	return i < 0 ? NULL : nc_keylist_key(list, (size_t)i);
}

/* The key in use may be what stands in the sensor's file now; true when that is new. */
static bool begin_again(struct nc_chain *c, const uint8_t listed[static NC_KEY_LEN])
{
	if (damaged(c) || same(c->first, listed) || !same(c->now, listed))
		return false;
	memcpy(c->first, listed, NC_KEY_LEN);
	return true;
}

void nc_chains_list(struct nc_chains *s, const struct nc_keylist *list,
                    void (*changed)(void *user, const struct nc_chain *c, bool gone), void *user)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct nc_chain *c = s->chains[i];
		const uint8_t *listed = listed_key(list, c->name);
		c->live = listed != NULL;
		if (listed && begin_again(c, listed))
			changed(user, c, false);
		if (!listed || damaged(c) || same(c->first, listed)) {
			s->chains[kept++] = c;
			continue;
		}
		changed(user, c, true);
		strike_all(s, c);
		free(c);
	}
	s->count = kept;
}

/* --- steps ------------------------------------------------------------------------------------------------------------ */

int nc_chains_announce(struct nc_chains *s, const char *name, const uint8_t first[static NC_KEY_LEN],
                       const uint8_t via[static NC_KEY_LEN], const uint8_t next[static NC_KEY_LEN], int64_t grace,
                       const struct nc_chain **ret)
{
	const struct nc_chain *owner = nc_chains_with(s, next);
	struct nc_chain *c = obtain(s, name, first);

	if (!c)
		return -ENOMEM;
	if (nc_chain_place(c, via) != NC_CHAIN_NOW)
		return -EACCES;
	if ((owner && owner != c) || (c->has_old && same(c->old, next)))
		return -EEXIST;
	*ret = c;
	if (same(c->now, next))
		return 0;
	strike_all(s, c);
	memcpy(c->next, next, NC_KEY_LEN);
	c->has_next = true;
	c->grace = grace;
	enter_all(s, c);
	return 0;
}

void nc_chains_used(struct nc_chains *s, const uint8_t key[static NC_KEY_LEN], int64_t now, int64_t grace_max,
                    const struct nc_chain **ret)
{
	bool found;
	size_t i = entry_at(s, key, &found);
	struct nc_chain *c = found ? s->entries[i].chain : NULL;

	if (!c || nc_chain_place(c, key) != NC_CHAIN_NEXT)
		return;
	strike_all(s, c);
	memcpy(c->old, c->now, NC_KEY_LEN);
	memcpy(c->now, c->next, NC_KEY_LEN);
	c->has_old = true;
	c->has_next = false;
	c->until = now + (c->grace < grace_max ? c->grace : grace_max);
	enter_all(s, c);
	*ret = c;
}

int nc_chains_knows(struct nc_chains *s, const char *name, const uint8_t first[static NC_KEY_LEN],
                    const uint8_t key[static NC_KEY_LEN], bool behind, const struct nc_chain **ret)
{
	struct nc_chain *c = obtain(s, name, first);

	if (!c)
		return -ENOMEM;
	if (c->has_knows && same(c->knows, key) && c->behind == behind)
		return 0;
	memcpy(c->knows, key, NC_KEY_LEN);
	c->has_knows = true;
	c->behind = behind;
	*ret = c;
	return 0;
}

void nc_chains_expire(struct nc_chains *s, int64_t now, const struct nc_chain **ret)
{
	struct nc_chain *ended = NULL;

	if (now < s->next_end)
		return;
	s->next_end = INT64_MAX;
	for (size_t i = 0; i < s->count; i++) {
		struct nc_chain *c = s->chains[i];
		if (!ended && c->has_old && c->until <= now)
			ended = c;
		else if (c->has_old && c->until < s->next_end)
			s->next_end = c->until;
	}
	if (!ended)
		return;
	strike_all(s, ended);
	ended->has_old = false;
	enter_all(s, ended);
	*ret = ended;
}
