/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: configuration texts against a table with every kind of option; what is accepted must read back. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 does not free the string it was reading when it meets a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

struct settings {
	bool flag;
	int64_t number;
	uint64_t size;
	int64_t duration;
	char *string;
	int word;
	struct nc_conf_list list;
};

static const char *const words[] = { "err", "warning", "info", NULL };

#define AT(member) .offset = offsetof(struct settings, member)

static const struct nc_conf_option table[] = {
	{ "flag", NC_CONF_BOOL, AT(flag), .dflt = "true", .help = "h" },
	{ "number", NC_CONF_INT, AT(number), .dflt = "5", .min = -10, .max = 1000, .help = "h" },
	{ "group.size", NC_CONF_SIZE, AT(size), .dflt = "1M", .help = "h" },
	{ "group.duration", NC_CONF_DURATION, AT(duration), .dflt = "1s", .max = 86400 * NC_NS_PER_S, .help = "h" },
	{ "string", NC_CONF_STRING, AT(string), .dflt = "s", .restart = true, .help = "h" },
	{ "group.inner.word", NC_CONF_ENUM, AT(word), .dflt = "info", .words = words, .help = "h" },
	{ "list", NC_CONF_STRINGS, AT(list), .dflt = "a,b", .help = "h" },
};

#define N (sizeof(table) / sizeof(table[0]))

static void read_back(const struct settings *s)
{
	struct nc_buf text = { 0 }, err = { 0 }, changed = { 0 };
	struct settings again;

	nc_conf_dump(table, N, s, true, &text);
	nc_conf_defaults(table, N, &again);
	if (nc_conf_parse(table, N, &again, "dump", nc_buf_cstr(&text), &err) != 0)
		abort();
	nc_conf_restart_needed(table, N, s, &again, &changed);
	if (changed.len || again.size != s->size || again.number != s->number || again.list.count != s->list.count)
		abort();
	nc_conf_free(table, N, &again);
	nc_buf_free(&text);
	nc_buf_free(&err);
	nc_buf_free(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nc_buf err = { 0 };
	struct settings s;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	nc_conf_defaults(table, N, &s);
	int rc = nc_conf_parse(table, N, &s, "f", text, &err);
	if ((rc == 0) != (err.len == 0))
		abort();
	if (rc == 0)
		read_back(&s);
	nc_conf_free(table, N, &s);
	nc_buf_free(&err);
	free(text);
	return 0;
}
