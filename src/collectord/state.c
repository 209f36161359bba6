/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector remembers of sensors' keys beside their files: the time of the last hello, and which keys are revoked. */
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

#include "base/text.h"

#define HEX      (2u * NC_KEY_LEN)
#define NEXT     ".next"
#define FILE_MAX (NC_REVOKED_MAX * (HEX + 80u))

struct nc_state {
	int hello;    /* folder: a file for each key, with the time in decimal digits */
	int revoked;  /* file: "<key> <name>\n" each */
	uint8_t (*keys)[NC_KEY_LEN];
	size_t count;
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

int nc_state_revoke(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name)
{
	char line[HEX + 128], hex[HEX + 1];

	if (nc_state_revoked(s, key))
		return 0;
	nc_text_hex(hex, key, NC_KEY_LEN);
	int n = snprintf(line, sizeof(line), "%s %.80s\n", hex, name);
	int rc = add_key(s, key);
	if (rc == 0 && write(s->revoked, line, (size_t)n) != n)
		rc = -EIO;
	if (rc == 0 && fdatasync(s->revoked) != 0)
		rc = -errno;
	return rc;
}

/* --- times of hellos ------------------------------------------------------------------------------------------------ */

static int last_hello(const struct nc_state *s, const char *name, uint64_t *ret)
{
	char text[32] = "";
	int fd = openat(s->hello, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*ret = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc == 0)
		*ret = strtoull(text, NULL, 10);
	return rc;
}

/* Another file takes the place of the old one, so that a kill at any moment leaves one of both. */
static int record_hello(const struct nc_state *s, const char *name, uint64_t when)
{
	char next[HEX + sizeof(NEXT)], text[32];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", when);

	snprintf(next, sizeof(next), "%s" NEXT, name);
	int fd = openat(s->hello, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	int rc = write(fd, text, (size_t)n) == n ? 0 : -EIO;
	close(fd);
	if (rc == 0 && renameat(s->hello, next, s->hello, name) != 0)
		rc = -errno;
	return rc;
}

int nc_state_hello(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], uint64_t when)
{
	char name[HEX + 1];
	uint64_t last;

	nc_text_hex(name, key, NC_KEY_LEN);
	int rc = last_hello(s, name, &last);
	if (rc)
		return rc;
	return when > last ? record_hello(s, name, when) : -ESTALE;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static int open_in(struct nc_state *s, int dirfd)
{
	if (mkdirat(dirfd, "hello", 0750) < 0 && errno != EEXIST)
		return -errno;
	s->hello = openat(dirfd, "hello", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (s->hello < 0)
		return -errno;
	s->revoked = openat(dirfd, "revoked", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	return s->revoked < 0 ? -errno : read_revoked(s);
}

int nc_state_open(const char *dir, struct nc_state **ret, struct nc_buf *err)
{
	struct nc_state *s = calloc(1, sizeof(*s));
	int dirfd = s ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = !s ? -ENOMEM : dirfd < 0 ? -errno : 0;

	if (s)
		s->hello = s->revoked = -1;
	if (rc == 0)
		rc = open_in(s, dirfd);
	if (dirfd >= 0)
		close(dirfd);
	if (rc) {
		nc_buf_printf(err, "%s: %s", dir, rc == -EINVAL ? "the file \"revoked\" is damaged" : strerrordesc_np(-rc));
		nc_state_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void nc_state_close(struct nc_state *s)
{
	if (!s)
		return;
	if (s->hello >= 0)
		close(s->hello);
	if (s->revoked >= 0)
		close(s->revoked);
	free(s->keys);
	free(s);
}
