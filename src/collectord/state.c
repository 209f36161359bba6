/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector remembers of keys beside their files: times of hellos, which are revoked, which follow which. */
#include "config.h"

#include "collectord/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/save.h"
#include "base/text.h"

#define HEX      (2u * NC_KEY_LEN)
#define FILE_MAX (NC_REVOKED_MAX * (HEX + 80u))

/* A hello on its way to the disk. */
struct hello {
	TAILQ_ENTRY(hello) all;
	uint8_t key[NC_KEY_LEN];
	uint64_t when, ticket;
};

struct nc_state {
	int hello;    /* folder: a file for each key, with the time in decimal digits */
	int folder;   /* of chains of keys */
	int revoked;  /* file: "<key> <name>\n" each */
	uint8_t (*keys)[NC_KEY_LEN];
	size_t count;
	struct nc_chains *chains;
	struct nc_saver *saver;
	nc_saved_fn fn;
	void *user;
	TAILQ_HEAD(hellos, hello) hellos; /* the latest last */
};

/* --- revoked keys --------------------------------------------------------------------------------------------------- */

static int add_key(struct nc_state *s, const uint8_t key[static NC_KEY_LEN])
{
	uint8_t (*more)[NC_KEY_LEN] = s->count < NC_REVOKED_MAX ? reallocarray(s->keys, s->count + 1, NC_KEY_LEN) : NULL;

	if (!more)
		return -ENOMEM;
	s->keys = more;
	memcpy(s->keys[s->count++], key, NC_KEY_LEN);
	return 0;
}

/* Lines that are none are an error: a key that is revoked must not get in because a file is damaged. */
static int parse_revoked(struct nc_state *s, char *text)
{
	uint8_t key[NC_KEY_LEN];
	char *line;
	int rc = 0;

	while (rc == 0 && (line = strsep(&text, "\n"))) {
		if (!*line)
			continue;
		line[strcspn(line, " ")] = '\0';
		rc = nc_text_unhex(key, sizeof(key), line) ? add_key(s, key) : -EINVAL;
	}
	return rc;
}

static int read_revoked(struct nc_state *s)
{
	struct nc_buf b = { .max = FILE_MAX };
	uint8_t *to;
	ssize_t n = 1;

	while (n > 0 && (to = nc_buf_reserve(&b, 4096))) {
		n = read(s->revoked, to, 4096);
		if (n > 0)
			b.len += (size_t)n;
	}
	int rc = n < 0 ? -errno : b.failed ? -E2BIG : 0;
	if (rc == 0) {
		nc_buf_u8(&b, 0);
		rc = b.failed ? -ENOMEM : parse_revoked(s, (char *)b.data);
	}
	nc_buf_free(&b);
	return rc;
}

bool nc_state_revoked(const struct nc_state *s, const uint8_t key[static NC_KEY_LEN])
{
	for (size_t i = 0; i < s->count; i++)
		if (memcmp(s->keys[i], key, NC_KEY_LEN) == 0)
			return true;
	return false;
}

/* All lines with one write: a sensor is not to keep one of its keys. */
int nc_state_revoke_all(struct nc_state *s, const uint8_t *const *keys, size_t n, const char *name)
{
	struct nc_buf lines = { .max = FILE_MAX };
	char hex[HEX + 1];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (nc_state_revoked(s, keys[i]))
			continue;
		nc_text_hex(hex, keys[i], NC_KEY_LEN);
		nc_buf_printf(&lines, "%s %.80s\n", hex, name);
		rc = add_key(s, keys[i]);
	}
	if (rc == 0)
		rc = lines.failed ? -ENOMEM : NC_FAULT("before-revoke");
	if (rc == 0 && lines.len && write(s->revoked, lines.data, lines.len) != (ssize_t)lines.len)
		rc = -EIO;
	if (rc == 0)
		rc = NC_FAULT("after-revoke");
	if (rc == 0 && lines.len && fdatasync(s->revoked) != 0)
		rc = -errno;
	nc_buf_free(&lines);
	return rc;
}

int nc_state_revoke(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name)
{
	return nc_state_revoke_all(s, &key, 1, name);
}

/* --- times of hellos ------------------------------------------------------------------------------------------------ */

static int last_hello(const struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name, uint64_t *ret)
{
	char text[32];
	const struct hello *h;

	*ret = 0;
	TAILQ_FOREACH_REVERSE(h, &s->hellos, hellos, all) {
		if (memcmp(h->key, key, NC_KEY_LEN) != 0)
			continue;
		*ret = h->when;
		return 0;
	}
	ssize_t n = nc_save_read(s->hello, name, text, sizeof(text) - 1, NULL);
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	text[n] = '\0';
	*ret = strtoull(text, NULL, 10);
	return *ret ? 0 : -EINVAL;
}

int nc_state_hello(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], uint64_t when, uint64_t *ticket)
{
	char name[HEX + 1], text[32];
	uint64_t last;

	*ticket = 0;
	nc_text_hex(name, key, NC_KEY_LEN);
	int rc = last_hello(s, key, name, &last);
	if (rc)
		return rc;
	if (when <= last)
		return -ESTALE;
	struct hello *h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", when);
	rc = nc_saver_put(s->saver, s->hello, name, text, (size_t)n, "hello", ticket);
	if (rc || *ticket == 0) {
		free(h);
		return rc;
	}
	h->when = when;
	h->ticket = *ticket;
	memcpy(h->key, key, NC_KEY_LEN);
	TAILQ_INSERT_TAIL(&s->hellos, h, all);
	return 0;
}

static void on_saved(void *user, uint64_t ticket, int rc)
{
	struct nc_state *s = user;
	struct hello *h;

	TAILQ_FOREACH(h, &s->hellos, all)
		if (h->ticket == ticket)
			break;
	if (h) {
		TAILQ_REMOVE(&s->hellos, h, all);
		free(h);
	}
	s->fn(s->user, ticket, rc);
}

/* --- chains of keys ------------------------------------------------------------------------------------------------- */

struct nc_chains *nc_state_chains(const struct nc_state *s)
{
	return s->chains;
}

int nc_state_save(struct nc_state *s, const struct nc_chain *c, uint64_t *ticket)
{
	char name[NC_CHAIN_NAME], text[NC_CHAIN_TEXT];

	nc_chains_file(name, c->name);
	return nc_saver_put(s->saver, s->folder, name, text, nc_chain_print(c, text), "chain", ticket);
}

static void on_relisted(void *user, const struct nc_chain *c, bool gone)
{
	struct nc_state *s = user;
	char name[NC_CHAIN_NAME];
	uint64_t ticket;

	nc_chains_file(name, c->name);
	/* what fails here is found again with the next list */
	if (gone)
		(void)nc_save_remove(s->folder, name, "chain");
	else
		(void)nc_state_save(s, c, &ticket);
}

void nc_state_list(struct nc_state *s, const struct nc_keylist *list)
{
	nc_chains_list(s->chains, list, on_relisted, s);
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static int open_folder(int dirfd, const char *name, int *ret)
{
	if (mkdirat(dirfd, name, 0750) < 0 && errno != EEXIST)
		return -errno;
	*ret = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret < 0 ? -errno : 0;
}

static int open_in(struct nc_state *s, int dirfd, struct nc_buf *err)
{
	int rc = nc_saver_new(&s->saver);

	if (rc == 0)
		rc = open_folder(dirfd, "hello", &s->hello);
	if (rc == 0)
		rc = open_folder(dirfd, "chains", &s->folder);
	if (rc)
		return rc;
	s->revoked = openat(dirfd, "revoked", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	rc = s->revoked < 0 ? -errno : read_revoked(s);
	if (rc == 0)
		rc = nc_chains_new(&s->chains);
	return rc ? rc : nc_chains_load(s->chains, s->folder, err);
}

int nc_state_open(const char *dir, struct nc_state **ret, struct nc_buf *err)
{
	struct nc_state *s = calloc(1, sizeof(*s));
	int dirfd = s ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = !s ? -ENOMEM : dirfd < 0 ? -errno : 0;

	if (s) {
		s->hello = s->folder = s->revoked = -1;
		TAILQ_INIT(&s->hellos);
	}
	if (rc == 0)
		rc = open_in(s, dirfd, err);
	/* what was made in it lasts */
	if (rc == 0 && fsync(dirfd) != 0)
		rc = -errno;
	if (dirfd >= 0)
		close(dirfd);
	if (rc) {
		nc_buf_reset(err);
		nc_buf_printf(err, "%s: %s", dir, rc == -EINVAL ? "the file \"revoked\" is damaged" : strerrordesc_np(-rc));
		nc_state_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int nc_state_attach(struct nc_state *s, struct nc_loop *loop, nc_saved_fn fn, void *user)
{
	s->fn = fn;
	s->user = user;
	return nc_saver_attach(s->saver, loop, on_saved, s);
}

void nc_state_close(struct nc_state *s)
{
	struct hello *h;

	if (!s)
		return;
	nc_saver_free(s->saver);
	while ((h = TAILQ_FIRST(&s->hellos))) {
		TAILQ_REMOVE(&s->hellos, h, all);
		free(h);
	}
	nc_chains_free(s->chains);
	int fds[] = { s->hello, s->folder, s->revoked };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s->keys);
	free(s);
}
