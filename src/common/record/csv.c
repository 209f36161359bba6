/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as separated values: csv, tsv and any other separator, quoted as RFC 4180 section 2 says. */
#include <string.h>

#include "record/plan.h"

static void add_message(const struct nc_format *f, const struct nc_plan *plan, const ProtobufCMessage *m, struct nc_buf *out,
                        unsigned depth);

static void add_value(const struct nc_format *f, const struct nc_column *c, const void *p, struct nc_buf *out, unsigned depth)
{
	switch ((enum nc_value)c->value) {
	case NC_VALUE_STRING:
		nc_buf_str(out, nc_value_string(p));
		break;
	case NC_VALUE_TIME:
		if (f->o.utc)
			nc_value_add_utc(out, nc_value_string(p));
		else
			nc_buf_str(out, nc_value_string(p));
		break;
	case NC_VALUE_BYTES:
		nc_value_add_hex(out, p);
		break;
	case NC_VALUE_FLOAT:
		nc_value_add_fixed(out, (double)*(const float *)p, c->decimals);
		break;
	case NC_VALUE_DOUBLE:
		nc_value_add_fixed(out, *(const double *)p, c->decimals);
		break;
	case NC_VALUE_MESSAGE:
		if (nc_value_message(p))
			add_message(f, c->sub, nc_value_message(p), out, depth + 1);
		break;
	default:
		nc_value_add_integer(out, (enum nc_value)c->value, p);
		break;
	}
}

static void add_column(const struct nc_format *f, const struct nc_column *c, const ProtobufCMessage *m, struct nc_buf *out,
                       unsigned depth)
{
	struct nc_values v = nc_column_values(c, m);
	bool list = c->repeated && c->value != NC_VALUE_MESSAGE;

	if (list)
		nc_buf_add(out, f->o.begin, f->begin_len);
	for (size_t i = 0; i < v.n; i++) {
		if (list && i > 0)
			nc_buf_add(out, f->o.struct_sep, f->struct_sep_len);
		add_value(f, c, (const char *)v.p + i * c->stride, out, depth);
	}
	if (list)
		nc_buf_add(out, f->o.end, f->end_len);
}

static void add_message(const struct nc_format *f, const struct nc_plan *plan, const ProtobufCMessage *m, struct nc_buf *out,
                        unsigned depth)
{
	if (depth > NC_PLAN_DEPTH)
		return;
	nc_buf_add(out, f->o.begin, f->begin_len);
	for (size_t i = 0; i < plan->count; i++) {
		if (i > 0)
			nc_buf_add(out, f->o.struct_sep, f->struct_sep_len);
		add_column(f, &plan->columns[i], m, out, depth);
	}
	nc_buf_add(out, f->o.end, f->end_len);
}

void nc_csv_column(const struct nc_format *f, const struct nc_column *c, const ProtobufCMessage *m, struct nc_buf *out)
{
	add_column(f, c, m, out, 0);
}

/* The number of quotes in the text, or -1 when it needs none around it. */
static ptrdiff_t must_quote(const struct nc_format *f, const uint8_t *p, size_t n)
{
	ptrdiff_t quotes = 0;
	bool needed = false;

	for (size_t i = 0; i < n; i++) {
		if (!f->special[p[i]])
			continue;
		if (p[i] == '"')
			quotes++;
		if (p[i] == '"' || p[i] == '\n' || p[i] == '\r' ||
		    (n - i >= f->sep_len && memcmp(p + i, f->o.sep, f->sep_len) == 0))
			needed = true;
	}
	return needed ? quotes : -1;
}

/* Puts quotes around what was written from `start` on, and doubles those within. */
static void quote(struct nc_buf *out, size_t start, size_t quotes)
{
	size_t from = out->len;

	if (!nc_buf_reserve(out, quotes + 2))
		return;
	out->len += quotes + 2;
	size_t to = out->len;
	out->data[--to] = '"';
	while (from > start) {
		out->data[--to] = out->data[--from];
		if (out->data[from] == '"')
			out->data[--to] = '"';
	}
	out->data[start] = '"';
}

static void quote_if_needed(const struct nc_format *f, struct nc_buf *out, size_t start)
{
	if (out->failed || out->len == start)
		return;
	ptrdiff_t quotes = must_quote(f, out->data + start, out->len - start);
	if (quotes >= 0)
		quote(out, start, (size_t)quotes);
}

void nc_csv_header(const struct nc_format *f, struct nc_buf *out)
{
	for (size_t i = 0; i < f->top->count; i++) {
		if (i > 0)
			nc_buf_add(out, f->o.sep, f->sep_len);
		size_t start = out->len;
		nc_buf_str(out, f->top->columns[i].field->name);
		quote_if_needed(f, out, start);
	}
	nc_buf_u8(out, '\n');
}

void nc_csv_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out)
{
	for (size_t i = 0; i < f->top->count; i++) {
		const struct nc_column *c = &f->top->columns[i];
		if (i > 0)
			nc_buf_add(out, f->o.sep, f->sep_len);
		size_t start = out->len;
		add_column(f, c, m, out, 0);
		if (c->scan)
			quote_if_needed(f, out, start);
	}
	nc_buf_u8(out, '\n');
}

bool nc_format_check(const char *line, size_t len, const char *sep, size_t expected, size_t *count)
{
	size_t sep_len = strlen(sep), found = 0;
	bool quoted = false, fresh = true; /* fresh: at the start of a field */

	for (size_t i = 0; i < len;) {
		if (line[i] == '"' && (fresh || quoted)) {
			quoted = !quoted || (i + 1 < len && line[i + 1] == '"');
			i += quoted && !fresh ? 2 : 1;
			fresh = false;
		} else if (!quoted && sep_len > 0 && len - i >= sep_len && memcmp(line + i, sep, sep_len) == 0) {
			found++;
			i += sep_len;
			fresh = true;
		} else {
			i++;
			fresh = false;
		}
	}
	*count = found;
	return found == expected;
}
