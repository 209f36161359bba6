/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a collector said of its next key: a small file in the sensor's state folder for each key that is configured. */
#include "config.h"

#include "sensord/learned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/save.h"
#include "base/text.h"

#define HEX      (2u * NC_KEY_LEN)
#define TEXT_MAX 512u
#define NAME_LEN 48u
#define NAMED_BY 8u /* bytes of the key */

static const char first_line[] = "netcap-collector-key 1";
static const char *const words[] = { "first", "now", "before" };

static void name_of(char out[static NAME_LEN], const struct nc_learned *l)
{
	char hex[2 * NAMED_BY + 1];

	nc_text_hex(hex, l->first, NAMED_BY);
	snprintf(out, NAME_LEN, "collector-%s.key", hex);
}

static int write_file(const struct nc_learned *l)
{
	const uint8_t *keys[] = { l->first, l->now, l->has_before ? l->before : NULL };
	char name[NAME_LEN], text[TEXT_MAX], hex[HEX + 1];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s\n", first_line);

	if (l->dir < 0)
		return 0;
	for (size_t i = 0; i < 3 && keys[i]; i++) {
		nc_text_hex(hex, keys[i], NC_KEY_LEN);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s\n", words[i], hex);
	}
	name_of(name, l);
	return nc_save(l->dir, name, text, n, 0640, "learned");
}

static bool parse(struct nc_learned *l, char *text)
{
	uint8_t first[NC_KEY_LEN], *keys[] = { first, l->now, l->before };
	char *line = strsep(&text, "\n");
	size_t i = 0;
	bool ok = strcmp(line, first_line) == 0;

	while (ok && text && (line = strsep(&text, "\n"))) {
		char *word = strsep(&line, " ");
		if (!line) {
			ok = !*word && !text;
			break;
		}
		ok = i < 3 && strcmp(word, words[i]) == 0 && nc_text_unhex(keys[i], NC_KEY_LEN, line);
		i++;
	}
	l->has_before = i == 3;
	return ok && i >= 2 && memcmp(first, l->first, NC_KEY_LEN) == 0;
}

int nc_learned_open(struct nc_learned *l, int dir, const uint8_t first[static NC_KEY_LEN], struct nc_buf *err)
{
	char name[NAME_LEN], text[TEXT_MAX];

	*l = (struct nc_learned){ .dir = dir };
	memcpy(l->first, first, NC_KEY_LEN);
	memcpy(l->now, first, NC_KEY_LEN);
	if (dir < 0)
		return 0;
	name_of(name, l);
	ssize_t n = nc_save_read(dir, name, text, sizeof(text) - 1, NULL);
	if (n == -ENOENT)
		return 0;
	if (n >= 0) {
		text[n] = '\0';
		n = strlen(text) == (size_t)n && parse(l, text) ? 0 : -EINVAL;
	}
	if (n < 0)
		nc_buf_printf(err, "state: %s: %s; remove it when collector.key holds the present key of the collector", name,
		              n == -EINVAL ? "damaged" : strerrordesc_np((int)-n));
	return (int)n;
}

int nc_learned_take(struct nc_learned *l, const uint8_t key[static NC_KEY_LEN])
{
	struct nc_learned after = *l;

	if (memcmp(l->now, key, NC_KEY_LEN) == 0)
		return 0;
	/* of two that were never used the one that worked last stays */
	if (!l->has_before)
		memcpy(after.before, l->now, NC_KEY_LEN);
	after.has_before = true;
	memcpy(after.now, key, NC_KEY_LEN);
	int rc = write_file(&after);
	if (rc == 0)
		*l = after;
	return rc;
}

void nc_learned_used(struct nc_learned *l)
{
	struct nc_learned after = *l;

	if (!l->has_before)
		return;
	after.has_before = false;
	if (write_file(&after) == 0)
		*l = after;
}
