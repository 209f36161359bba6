/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typed option tables over libconfig: defaults and files into a settings struct. */
#include "config.h"

#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/daemon.h"
#include "conf/private.h"

#define FILE_MAX (1024 * 1024)
#define PATH_LEN 128 /* of a dotted key */

const char *const nc_conf_levels[] = { "err", "warning", "notice", "info", "debug", NULL };

/* One reading of one file; values[i] belongs to table[i]. */
struct reading {
	const struct nc_conf_option *table;
	size_t n;
	struct nc_conf_value *values;
	const char *name;
	struct nc_buf *err;
};

void nc_conf_defaults(const struct nc_conf_option *table, size_t n, void *settings)
{
	for (size_t i = 0; i < n; i++) {
		const struct nc_conf_option *o = &table[i];
		struct nc_conf_value v;
		struct nc_buf why = { 0 };
		void *member = (char *)settings + o->offset;

		if (nc_conf_value_text(o, o->dflt, &v, &why) < 0) {
			fprintf(stderr, "default of %s: %s\n", o->key, nc_buf_cstr(&why));
			abort();
		}
		if (o->kind == NC_CONF_STRING)
			*(char **)member = NULL;
		if (o->kind == NC_CONF_STRINGS)
			*(struct nc_conf_list *)member = (struct nc_conf_list){ 0 };
		nc_conf_value_store(o, &v, settings);
	}
}

void nc_conf_free(const struct nc_conf_option *table, size_t n, void *settings)
{
	for (size_t i = 0; i < n; i++) {
		struct nc_conf_value none = { 0 };
		if (table[i].kind == NC_CONF_STRING || table[i].kind == NC_CONF_STRINGS)
			nc_conf_value_store(&table[i], &none, settings);
	}
}

static bool is_group(const struct reading *r, const char *path, size_t len)
{
	for (size_t i = 0; i < r->n; i++)
		if (strncmp(r->table[i].key, path, len) == 0 && r->table[i].key[len] == '.')
			return true;
	return false;
}

static int unknown_key(const struct reading *r, const char *path, unsigned line)
{
	const char **keys = calloc(r->n + 1, sizeof(*keys));

	nc_buf_printf(r->err, "%s:%u: unknown option \"%s\"", r->name, line, path);
	for (size_t i = 0; keys && i < r->n; i++)
		keys[i] = r->table[i].key;
	const char *near = keys ? nc_text_nearest(path, keys, r->n) : NULL;
	if (near)
		nc_buf_printf(r->err, " (did you mean \"%s\"?)", near);
	free(keys);
	return -EINVAL;
}

static int check(const struct nc_conf_option *o, const struct nc_conf_value *v, struct nc_buf *why)
{
	if (!o->check)
		return 0;
	return o->check(o->kind == NC_CONF_STRINGS ? (const void *)&v->list : v->string, why);
}

static int take_option(const struct reading *r, size_t i, const config_setting_t *s)
{
	struct nc_buf why = { 0 };
	int rc = nc_conf_value_setting(&r->table[i], s, &r->values[i], &why);

	if (rc == 0)
		rc = check(&r->table[i], &r->values[i], &why);
	if (rc)
		nc_buf_printf(r->err, "%s:%u: %s: %s", r->name, config_setting_source_line(s), r->table[i].key,
		              nc_buf_cstr(&why));
	nc_buf_free(&why);
	return rc;
}

static int take_group(const struct reading *r, const config_setting_t *group, char path[static PATH_LEN], size_t len);

/* path[0..len) names the group around the setting, with its dot. */
static int take_setting(const struct reading *r, const config_setting_t *s, char path[static PATH_LEN], size_t len)
{
	const char *name = config_setting_name(s);
	unsigned line = config_setting_source_line(s);
	size_t add = strlen(name);

	if (add >= PATH_LEN - len - 1) {
		nc_buf_printf(r->err, "%s:%u: unknown option \"%.32s...\"", r->name, line, name);
		return -EINVAL;
	}
	memcpy(path + len, name, add + 1);
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->table[i].key, path) == 0)
			return take_option(r, i, s);
	if (!is_group(r, path, len + add))
		return unknown_key(r, path, line);
	if (!config_setting_is_group(s)) {
		nc_buf_printf(r->err, "%s:%u: %s: is a group: write %s { ... }", r->name, line, path, path);
		return -EINVAL;
	}
	path[len + add] = '.';
	return take_group(r, s, path, len + add + 1);
}

/* Recursion ends because only groups of the table are entered. */
static int take_group(const struct reading *r, const config_setting_t *group, char path[static PATH_LEN], size_t len)
{
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		int rc = take_setting(r, config_setting_get_elem(group, i), path, len);
		if (rc)
			return rc;
	}
	return 0;
}

/* The text of a line, for messages of the parser, which have none. */
static void show_line(struct nc_buf *out, const char *text, unsigned line)
{
	char shown[80];

	for (unsigned i = 1; i < line && *text; i++) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	text += strspn(text, " \t\r");
	size_t len = strcspn(text, "\r\n");
	if (len == 0) {
		nc_buf_str(out, *text ? " before an empty line" : " at the end of the file");
		return;
	}
	nc_buf_printf(out, " at \"%s\"", nc_text_escape(shown, sizeof(shown), text, len));
}

static int parse_config(const struct reading *r, config_t *config, const char *text)
{
	struct nc_buf wide;
	unsigned line;
	int rc = -EINVAL;

	nc_buf_init(&wide, 2 * FILE_MAX + 1);
	const char *wrong = nc_conf_scan(text, &wide, &line);
	if (wrong) {
		nc_buf_printf(r->err, "%s:%u: %s", r->name, line, wrong);
		goto out;
	}
	const char *s = nc_buf_cstr(&wide);
	if (wide.failed) {
		nc_buf_printf(r->err, "%s: out of memory", r->name);
		rc = -ENOMEM;
		goto out;
	}
	config_set_include_dir(config, "/dev/null"); /* should the scan miss one, nothing is opened */
	if (!config_read_string(config, s)) {
		line = (unsigned)config_error_line(config);
		nc_buf_printf(r->err, "%s:%u: %s", r->name, line, config_error_text(config));
		show_line(r->err, text, line);
		goto out;
	}
	rc = 0;
out:
	nc_buf_free(&wide);
	return rc;
}

int nc_conf_parse(const struct nc_conf_option *table, size_t n, void *settings, const char *name, const char *text,
                  struct nc_buf *err)
{
	struct reading r = { .table = table, .n = n, .name = name, .err = err };
	char path[PATH_LEN] = "";
	config_t config;

	r.values = calloc(n + 1, sizeof(*r.values));
	if (!r.values) {
		nc_buf_printf(err, "%s: out of memory", name);
		return -ENOMEM;
	}
	config_init(&config);
	int rc = parse_config(&r, &config, text);
	if (rc == 0)
		rc = take_group(&r, config_root_setting(&config), path, 0);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0 && r.values[i].set)
			nc_conf_value_store(&table[i], &r.values[i], settings);
		nc_conf_value_free(&r.values[i]);
	}
	config_destroy(&config);
	free(r.values);
	return rc;
}

/* The whole file; 0 or negative errno. */
static int read_file(const char *path, struct nc_buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		uint8_t *to = nc_buf_reserve(text, 16384);
		if (!to) {
			rc = -ENOMEM;
			break;
		}
		ssize_t n = read(fd, to, 16384);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = n < 0 ? -errno : 0;
			break;
		}
		text->len += (size_t)n;
		if (text->len > FILE_MAX) {
			rc = -EFBIG;
			break;
		}
	}
	close(fd);
	return rc;
}

static unsigned line_of(const uint8_t *text, const uint8_t *at)
{
	unsigned line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

static int read_error(const char *path, int rc, struct nc_buf *err)
{
	if (rc == -EFBIG) {
		nc_buf_printf(err, "%s: larger than 1 MiB", path);
		return -EINVAL;
	}
	nc_buf_printf(err, "%s: %s", path, strerror(-rc));
	return rc == -ENOENT || rc == -ENOMEM ? rc : -EIO;
}

int nc_conf_read(const struct nc_conf_option *table, size_t n, void *settings, const char *path, struct nc_buf *err)
{
	struct nc_buf text;

	nc_buf_init(&text, FILE_MAX + 32768);
	int rc = read_file(path, &text);
	if (rc < 0) {
		rc = read_error(path, rc, err);
		goto out;
	}
	const uint8_t *nul = text.len ? memchr(text.data, 0, text.len) : NULL;
	if (nul) {
		nc_buf_printf(err, "%s:%u: NUL byte", path, line_of(text.data, nul));
		rc = -EINVAL;
		goto out;
	}
	rc = nc_conf_parse(table, n, settings, path, nc_buf_cstr(&text), err);
out:
	nc_buf_free(&text);
	return rc;
}
