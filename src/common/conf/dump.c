/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing settings as a configuration file, and comparing them. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "conf/private.h"

#define COMMENT_WIDTH 100

struct dump {
	const struct nc_conf_option *table;
	size_t n;
	const void *settings, *started; /* started: of options that take a restart */
	bool comments;
	struct nc_buf *out;
};

static void indent(struct nc_buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		nc_buf_u8(out, '\t');
}

static void quoted(struct nc_buf *out, const char *s)
{
	nc_buf_u8(out, '"');
	for (; *s; s++) {
		uint8_t c = (uint8_t)*s;
		if (c == '"' || c == '\\')
			nc_buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			nc_buf_printf(out, "\\x%02x", c);
		else
			nc_buf_u8(out, c);
	}
	nc_buf_u8(out, '"');
}

static void list(struct nc_buf *out, const struct nc_conf_list *items)
{
	nc_buf_u8(out, '[');
	for (size_t i = 0; i < items->count; i++) {
		nc_buf_str(out, i ? ", " : " ");
		quoted(out, items->items[i]);
	}
	nc_buf_str(out, items->count ? " ]" : "]");
}

static void size(struct nc_buf *out, uint64_t v)
{
	if (v < 1024) {
		nc_buf_printf(out, "%" PRIu64, v);
		return;
	}
	nc_buf_u8(out, '"');
	nc_conf_text_size(out, v);
	nc_buf_u8(out, '"');
}

static void value(struct nc_buf *out, const struct nc_conf_option *o, const void *settings)
{
	const void *member = (const char *)settings + o->offset;

	switch (o->kind) {
	case NC_CONF_BOOL:
		nc_buf_str(out, *(const bool *)member ? "true" : "false");
		break;
	case NC_CONF_INT:
		nc_buf_printf(out, "%" PRId64 "%s", *(const int64_t *)member,
		              *(const int64_t *)member == (int32_t)*(const int64_t *)member ? "" : "L");
		break;
	case NC_CONF_SIZE:
		size(out, *(const uint64_t *)member);
		break;
	case NC_CONF_DURATION:
		nc_buf_u8(out, '"');
		nc_conf_text_duration(out, *(const int64_t *)member);
		nc_buf_u8(out, '"');
		break;
	case NC_CONF_STRING:
		quoted(out, *(char *const *)member);
		break;
	case NC_CONF_ENUM:
		quoted(out, o->words[*(const int *)member]);
		break;
	case NC_CONF_STRINGS:
		list(out, member);
		break;
	}
}

/* Text as comment lines of at most COMMENT_WIDTH bytes, broken at spaces. */
static void comment(struct nc_buf *out, int depth, const char *text)
{
	while (*text) {
		size_t len = strlen(text);
		if (len > COMMENT_WIDTH) {
			for (len = COMMENT_WIDTH; len > 1 && text[len] != ' '; len--)
				;
		}
		indent(out, depth);
		nc_buf_str(out, "# ");
		nc_buf_add(out, text, len);
		nc_buf_u8(out, '\n');
		text += len;
		text += strspn(text, " ");
	}
}

static void limits(struct nc_buf *text, const struct nc_conf_option *o)
{
	if (o->kind == NC_CONF_ENUM) {
		nc_buf_str(text, " One of");
		for (size_t i = 0; o->words[i]; i++)
			nc_buf_printf(text, "%s \"%s\"", i ? "," : "", o->words[i]);
		nc_buf_u8(text, '.');
	}
	if (o->min == 0 && o->max == 0)
		return;
	nc_buf_str(text, " From ");
	for (int i = 0; i < 2; i++) {
		int64_t v = i ? o->max : o->min;
		if (i)
			nc_buf_str(text, " to ");
		if (o->kind == NC_CONF_SIZE)
			nc_conf_text_size(text, (uint64_t)v);
		else if (o->kind == NC_CONF_DURATION)
			nc_conf_text_duration(text, v);
		else
			nc_buf_printf(text, "%" PRId64, v);
	}
	nc_buf_u8(text, '.');
}

static void explain(const struct dump *d, const struct nc_conf_option *o, int depth)
{
	struct nc_buf text = { 0 };

	nc_buf_str(&text, o->help);
	limits(&text, o);
	if (o->restart)
		nc_buf_str(&text, " A change takes a restart.");
	comment(d->out, depth, nc_buf_cstr(&text));
	nc_buf_free(&text);
}

/* Whether an option before i is in the same group (the first len bytes of its key, with the dot). */
static bool seen_before(const struct dump *d, size_t i, size_t len)
{
	for (size_t k = 0; k < i; k++)
		if (strncmp(d->table[k].key, d->table[i].key, len) == 0)
			return true;
	return false;
}

/* Everything in the group whose name, with its dot, is the first len bytes of prefix. */
static void dump_group(const struct dump *d, const char *prefix, size_t len, int depth)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *key = d->table[i].key;
		if (strncmp(key, prefix, len) != 0)
			continue;
		const char *name = key + len;
		size_t name_len = strcspn(name, ".");
		if (name[name_len] == '.' && seen_before(d, i, len + name_len + 1))
			continue;
		if (d->comments && d->out->len >= 2 && d->out->data[d->out->len - 2] != '{')
			nc_buf_u8(d->out, '\n');
		if (d->comments && name[name_len] == '\0')
			explain(d, &d->table[i], depth);
		indent(d->out, depth);
		nc_buf_add(d->out, name, name_len);
		if (name[name_len] == '.') {
			nc_buf_str(d->out, ": {\n");
			dump_group(d, key, len + name_len + 1, depth + 1);
			indent(d->out, depth);
			nc_buf_str(d->out, "};\n");
			continue;
		}
		nc_buf_str(d->out, " = ");
		value(d->out, &d->table[i], d->table[i].restart ? d->started : d->settings);
		nc_buf_str(d->out, ";\n");
	}
}

void nc_conf_dump(const struct nc_conf_option *table, size_t n, const void *settings, bool comments, struct nc_buf *out)
{
	struct dump d = { .table = table, .n = n, .settings = settings, .started = settings, .comments = comments, .out = out };

	dump_group(&d, "", 0, 0);
}

void nc_conf_dump_in_effect(const struct nc_conf_option *table, size_t n, const void *started, const void *now,
                            struct nc_buf *out)
{
	struct dump d = { .table = table, .n = n, .settings = now, .started = started, .out = out };

	dump_group(&d, "", 0, 0);
}

void nc_conf_restart_needed(const struct nc_conf_option *table, size_t n, const void *a, const void *b, struct nc_buf *out)
{
	struct nc_buf va = { 0 }, vb = { 0 };
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		nc_buf_reset(&va);
		nc_buf_reset(&vb);
		value(&va, &table[i], a);
		value(&vb, &table[i], b);
		if (!table[i].restart || (va.len == vb.len && memcmp(va.data, vb.data, va.len) == 0))
			continue;
		nc_buf_printf(out, "%s%s", first ? "" : ", ", table[i].key);
		first = false;
	}
	nc_buf_free(&va);
	nc_buf_free(&vb);
}
