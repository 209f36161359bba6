/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON for people: indented names and values, tables, units. */
#include "config.h"

#include "netcapctl/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

#define DEPTH_MAX   8
#define COLUMNS_MAX 32
#define TEXT_MAX    1024

enum unit { PLAIN, BYTES, SECONDS, NANOSECONDS, POINT };

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* The unit a key names, and how much of the key is left to show. */
static enum unit unit_of(const char *key, size_t *shown)
{
	static const struct {
		const char *suffix;
		enum unit unit;
		bool drop;
	} suffixes[] = {
		{ "_bytes", BYTES, true },     { "_seconds", SECONDS, true }, { "_ns", NANOSECONDS, true },
		{ "last_seen", POINT, false }, { "_seen", POINT, false },     { "_time", POINT, false },
	};

	*shown = strlen(key);
	if (strcmp(key, "bytes") == 0 || strncmp(key, "bytes_", 6) == 0)
		return BYTES;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!ends(key, suffixes[i].suffix))
			continue;
		if (suffixes[i].drop)
			*shown -= strlen(suffixes[i].suffix);
		return suffixes[i].unit;
	}
	return PLAIN;
}

static void escaped(struct nc_buf *out, const char *s, size_t n)
{
	char text[TEXT_MAX];

	nc_buf_str(out, nc_text_escape(text, sizeof(text), s, n));
}

static void label(struct nc_buf *out, const char *key)
{
	size_t n, start = out->len;

	(void)unit_of(key, &n);
	escaped(out, key, n);
	for (size_t i = start; i < out->len; i++)
		if (out->data[i] == '_')
			out->data[i] = ' ';
}

void nc_render_bytes(struct nc_buf *out, json_int_t v)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double d = (double)v;
	size_t i = 0;

	for (; d >= 1024 && i + 1 < sizeof(names) / sizeof(names[0]); i++)
		d /= 1024;
	nc_buf_printf(out, i ? "%.1f %s" : "%.0f %s", d, names[i]);
}

/* The two largest units: 1d 4h, 5m 3s, 12.5ms. */
void nc_render_duration(struct nc_buf *out, json_int_t ns)
{
	static const struct {
		const char *name;
		json_int_t s;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } };
	json_int_t s = ns / NC_NS_PER_S;
	int written = 0;

	if (s < 60) {
		bool small = ns < NC_NS_PER_S && ns > 0;
		nc_buf_printf(out, "%.4g%s", small ? (double)ns / 1e6 : (double)ns / 1e9, small ? "ms" : "s");
		return;
	}
	for (size_t i = 0; i < 4 && written < 2; i++) {
		if (s < units[i].s && !written)
			continue;
		nc_buf_printf(out, "%s%" JSON_INTEGER_FORMAT "%s", written ? " " : "", s / units[i].s, units[i].name);
		s %= units[i].s;
		written++;
	}
}

/* Numbers too large for seconds of this millennium are nanoseconds. */
static void point(struct nc_buf *out, json_int_t v)
{
	char text[NC_TIME_TEXT];

	if (v <= 0) {
		nc_buf_str(out, "never");
		return;
	}
	nc_time_iso(text, v < INT64_C(100000000000) ? (int64_t)v * NC_NS_PER_S : (int64_t)v);
	nc_buf_str(out, text);
}

static void integer(struct nc_buf *out, enum unit unit, json_int_t v)
{
	if (unit == BYTES && v >= 0)
		nc_render_bytes(out, v);
	else if (unit == NANOSECONDS)
		nc_render_duration(out, v);
	else if (unit == SECONDS && v < INT64_MAX / NC_NS_PER_S && v > INT64_MIN / NC_NS_PER_S)
		nc_render_duration(out, v * NC_NS_PER_S);
	else if (unit == POINT)
		point(out, v);
	else
		nc_buf_printf(out, "%" JSON_INTEGER_FORMAT, v);
}

static void real(struct nc_buf *out, enum unit unit, double v)
{
	if (unit == SECONDS && v >= 0 && v < 9e9)
		nc_render_duration(out, (json_int_t)(v * 1e9));
	else
		nc_buf_printf(out, "%g", v);
}

static bool is_zero(json_t *v)
{
	return json_is_null(v) || (json_is_integer(v) && json_integer_value(v) == 0);
}

static void inline_value(struct nc_buf *out, const char *key, json_t *v, int depth);

/* What is not zero, on one line: "kernel 5, crash 1". */
static void inline_object(struct nc_buf *out, json_t *object, int depth)
{
	const char *key;
	json_t *v;
	bool any = false;

	json_object_foreach(object, key, v) {
		if (is_zero(v))
			continue;
		nc_buf_str(out, any ? ", " : "");
		label(out, key);
		nc_buf_u8(out, ' ');
		inline_value(out, key, v, depth + 1);
		any = true;
	}
	if (!any)
		nc_buf_str(out, json_object_size(object) ? "0" : "-");
}

static void inline_array(struct nc_buf *out, const char *key, json_t *array, int depth)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v) {
		nc_buf_str(out, i ? ", " : "");
		inline_value(out, key, v, depth + 1);
	}
	if (i == 0)
		nc_buf_u8(out, '-');
}

static void inline_value(struct nc_buf *out, const char *key, json_t *v, int depth)
{
	size_t shown;
	enum unit unit = unit_of(key, &shown);

	if (depth > DEPTH_MAX) {
		nc_buf_str(out, "...");
		return;
	}
	switch (json_typeof(v)) {
	case JSON_STRING:
		if (json_string_length(v))
			escaped(out, json_string_value(v), json_string_length(v));
		else
			nc_buf_u8(out, '-');
		break;
	case JSON_INTEGER:
		integer(out, unit, json_integer_value(v));
		break;
	case JSON_REAL:
		real(out, unit, json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		nc_buf_str(out, json_is_true(v) ? "yes" : "no");
		break;
	case JSON_NULL:
		nc_buf_u8(out, '-');
		break;
	case JSON_OBJECT:
		inline_object(out, v, depth);
		break;
	case JSON_ARRAY:
		inline_array(out, key, v, depth);
		break;
	}
}

/* Columns that UTF-8 text takes, one per character. */
static size_t width(const uint8_t *p, size_t n)
{
	size_t w = 0;

	for (size_t i = 0; i < n; i++)
		w += (p[i] & 0xc0) != 0x80;
	return w;
}

static void pad(struct nc_buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		nc_buf_u8(out, ' ');
}

struct column {
	const char *key;
	size_t width;
	bool right;
};

struct table {
	struct column columns[COLUMNS_MAX];
	size_t n;
	struct nc_buf cell;
};

/* Writes the cell's text; row NULL is the heading. */
static void cell(struct table *t, const struct column *c, json_t *row)
{
	json_t *v = row ? json_object_get(row, c->key) : NULL;

	nc_buf_reset(&t->cell);
	if (!row)
		label(&t->cell, c->key);
	else if (v)
		inline_value(&t->cell, c->key, v, 1);
	else
		nc_buf_u8(&t->cell, '-');
}

static void add_columns(struct table *t, json_t *row)
{
	const char *key;
	json_t *v;

	json_object_foreach(row, key, v) {
		size_t i = 0;
		while (i < t->n && strcmp(t->columns[i].key, key) != 0)
			i++;
		if (i == t->n && t->n < COLUMNS_MAX)
			t->columns[t->n++] = (struct column){ .key = key, .right = json_is_number(v) };
	}
}

static void measure(struct table *t, json_t *row)
{
	for (size_t i = 0; i < t->n; i++) {
		cell(t, &t->columns[i], row);
		size_t w = width(t->cell.data, t->cell.len);
		if (w > t->columns[i].width)
			t->columns[i].width = w;
	}
}

static void print_row(struct nc_buf *out, struct table *t, json_t *row, int depth)
{
	pad(out, (size_t)depth * 2);
	for (size_t i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];
		cell(t, c, row);
		size_t space = c->width - width(t->cell.data, t->cell.len);
		pad(out, (i ? 2 : 0) + (c->right ? space : 0));
		nc_buf_add(out, t->cell.data, t->cell.len);
		pad(out, c->right || i + 1 == t->n ? 0 : space);
	}
	nc_buf_u8(out, '\n');
}

void nc_render_table(struct nc_buf *out, json_t *rows, int depth)
{
	struct table t = { 0 };
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
		add_columns(&t, row);
	measure(&t, NULL);
	json_array_foreach(rows, i, row)
		measure(&t, row);
	print_row(out, &t, NULL, depth);
	json_array_foreach(rows, i, row)
		print_row(out, &t, row, depth);
	nc_buf_free(&t.cell);
}

bool nc_render_is_table(json_t *v)
{
	size_t i;
	json_t *row;

	json_array_foreach(v, i, row)
		if (!json_is_object(row) || json_object_size(row) == 0)
			return false;
	return json_array_size(v) > 0;
}

static bool is_block(json_t *v)
{
	return nc_render_is_table(v) || json_object_size(v) > 0;
}

static size_t label_width(json_t *object)
{
	struct nc_buf text = { 0 };
	const char *key;
	json_t *v;
	size_t most = 0;

	json_object_foreach(object, key, v) {
		nc_buf_reset(&text);
		label(&text, key);
		size_t w = width(text.data, text.len);
		if (!is_block(v) && w > most)
			most = w;
	}
	nc_buf_free(&text);
	return most;
}

void nc_render_object(struct nc_buf *out, json_t *object, int depth)
{
	size_t most = label_width(object);
	const char *key;
	json_t *v;

	json_object_foreach(object, key, v) {
		pad(out, (size_t)depth * 2);
		size_t start = out->len;
		label(out, key);
		nc_buf_u8(out, ':');
		if (is_block(v) && depth < DEPTH_MAX) {
			nc_buf_u8(out, '\n');
			if (json_is_array(v))
				nc_render_table(out, v, depth + 1);
			else
				nc_render_object(out, v, depth + 1);
			continue;
		}
		size_t w = out->failed ? 0 : width(out->data + start, out->len - start);
		pad(out, most + 3 > w ? most + 3 - w : 1);
		inline_value(out, key, v, depth);
		nc_buf_u8(out, '\n');
	}
}
