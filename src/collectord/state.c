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

#include "base/save.h"
#include "base/text.h"

#define HEX      (2u * NC_KEY_LEN)
#define FILE_MAX (NC_REVOKED_MAX * (HEX + 82u))
#define REVOKED  "revoked"

#define REVOKED_MODE 0640

/* A hello on its way to the disk. */
struct hello {
	TAILQ_ENTRY(hello) all;
	uint8_t key[NC_KEY_LEN];
	uint64_t when, ticket;
};

struct nc_state {
	int dir;
	int hello;  /* folder: a file for each key, with the time in decimal digits */
	int folder; /* of chains of keys */
	struct nc_buf revoked; /* the file: "<key> <name>\n" each */
	bool unsaved;          /* there is more in it than on the disk */
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

static int parse_text(struct nc_state *s)
{
	char *text = strndup((const char *)s->revoked.data, s->revoked.len);
	int rc = !text ? -ENOMEM : strlen(text) == s->revoked.len ? parse_revoked(s, text) : -EINVAL;

	free(text);
	return rc;
}

static int read_revoked(struct nc_state *s)
{
	struct stat st;

	if (fstatat(s->dir, REVOKED, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	nc_buf_init(&s->revoked, FILE_MAX);
	size_t room = st.st_size < (off_t)FILE_MAX ? (size_t)st.st_size : FILE_MAX;
	uint8_t *to = nc_buf_reserve(&s->revoked, room);
	ssize_t n = to ? nc_save_read(s->dir, REVOKED, to, room, NULL) : -ENOMEM;
	if (n <= 0)
		return (int)n;
	s->revoked.len = (size_t)n;
	/* the next one goes on a line of its own */
	if (to[n - 1] != '\n')
		nc_buf_u8(&s->revoked, '\n');
	return s->revoked.failed ? -E2BIG : parse_text(s);
}

bool nc_state_revoked(const struct nc_state *s, const uint8_t key[static NC_KEY_LEN])
{
	for (size_t i = 0; i < s->count; i++)
		if (memcmp(s->keys[i], key, NC_KEY_LEN) == 0)
			return true;
	return false;
}

/* The file with all of them at once: a sensor is not to keep one of its keys, nor is one to come back with the next start because
 * its line could not be written to its end. */
int nc_state_revoke_all(struct nc_state *s, const uint8_t *const *keys, size_t n, const char *name)
{
	char hex[HEX + 1];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (nc_state_revoked(s, keys[i]))
			continue;
		rc = add_key(s, keys[i]);
		if (rc)
			break;
		nc_text_hex(hex, keys[i], NC_KEY_LEN);
		nc_buf_printf(&s->revoked, "%s %.80s\n", hex, name);
		s->unsaved = true;
	}
	if (rc == 0 && s->revoked.failed)
		rc = -ENOMEM;
	if (rc == 0 && s->unsaved)
		rc = nc_save(s->dir, REVOKED, s->revoked.data, s->revoked.len, REVOKED_MODE, REVOKED);
	s->unsaved = s->unsaved && rc != 0;
	return rc;
}

int nc_state_revoke(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name)
{
	return nc_state_revoke_all(s, &key, 1, name);
}

/* --- times of hellos ------------------------------------------------------------------------------------------------ */

static int last_hello(const struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name, uint64_t *ret)
{
	const struct hello *h;

	*ret = 0;
	TAILQ_FOREACH_REVERSE(h, &s->hellos, hellos, all) {
		if (memcmp(h->key, key, NC_KEY_LEN) != 0)
			continue;
		*ret = h->when;
		return 0;
	}
	int rc = nc_save_read_number(s->hello, name, ret);
	return rc == -ENOENT ? 0 : rc == 0 && *ret == 0 ? -EINVAL : rc;
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

static int open_in(struct nc_state *s, struct nc_buf *err)
{
	int rc = nc_saver_new(&s->saver);

	if (rc == 0)
		rc = open_folder(s->dir, "hello", &s->hello);
	if (rc == 0)
		rc = open_folder(s->dir, "chains", &s->folder);
	if (rc)
		return rc;
	rc = read_revoked(s);
	if (rc == 0)
		rc = nc_chains_new(&s->chains);
	return rc ? rc : nc_chains_load(s->chains, s->folder, err);
}

int nc_state_open(const char *dir, struct nc_state **ret, struct nc_buf *err)
{
	struct nc_state *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s) {
		TAILQ_INIT(&s->hellos);
		s->hello = s->folder = -1;
		s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = s->dir < 0 ? -errno : open_in(s, err);
	}
	/* what was made in it lasts */
	if (rc == 0 && fsync(s->dir) != 0)
		rc = -errno;
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
	int fds[] = { s->hello, s->folder, s->dir };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	nc_buf_free(&s->revoked);
	free(s->keys);
	free(s);
}
