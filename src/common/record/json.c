/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as JSON (RFC 8259), one object a line: all fields, absent messages null, bytes as hex. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "record/plan.h"

static void add_escaped(struct nc_buf *out, uint8_t c)
{
	static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\";
	char text[7] = "\\u00";

	for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
		if ((uint8_t)named[i] == c) {
			nc_buf_add(out, (const char[]){ '\\', named[i + 1] }, 2);
			return;
		}
	}
	nc_text_hex(text + 4, &c, 1);
	nc_buf_add(out, text, 6);
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void nc_json_string(struct nc_buf *out, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;

	nc_buf_u8(out, '"');
	while (n > 0) {
		size_t run = 0;
		while (run < n && is_plain(p[run]))
			run++;
		nc_buf_add(out, p, run);
		p += run;
		n -= run;
		if (n == 0)
			break;
		size_t len = nc_text_utf8(p, n);
		if (len > 1)
			nc_buf_add(out, p, len);
		else if (len == 1)
			add_escaped(out, p[0]);
		else
			nc_buf_add(out, "\\ufffd", 6);
		len += len == 0;
		p += len;
		n -= len;
	}
	nc_buf_u8(out, '"');
}

static void add_message(const struct nc_format *f, const struct nc_plan *plan, const ProtobufCMessage *m, struct nc_buf *out,
                        unsigned depth);

static void add_double(struct nc_buf *out, double v)
{
	if (isfinite(v))
		nc_value_add_shortest(out, v);
	else
		nc_buf_add(out, "null", 4);
}

static void add_time(const struct nc_format *f, const char *s, struct nc_buf *out)
{
	struct nc_buf text = { 0 };

	if (!f->o.utc) {
		nc_json_string(out, s, strlen(s));
		return;
	}
	nc_value_add_utc(&text, s);
	nc_json_string(out, (const char *)text.data, text.len);
	nc_buf_free(&text);
}

static void add_value(const struct nc_format *f, const struct nc_column *c, const void *p, struct nc_buf *out, unsigned depth)
{
	switch ((enum nc_value)c->value) {
	case NC_VALUE_STRING:
		nc_json_string(out, nc_value_string(p), strlen(nc_value_string(p)));
		break;
	case NC_VALUE_TIME:
		add_time(f, nc_value_string(p), out);
		break;
	case NC_VALUE_BYTES:
		nc_buf_u8(out, '"');
		nc_value_add_hex(out, p);
		nc_buf_u8(out, '"');
		break;
	case NC_VALUE_FLOAT:
		add_double(out, (double)*(const float *)p);
		break;
	case NC_VALUE_DOUBLE:
		add_double(out, *(const double *)p);
		break;
	case NC_VALUE_MESSAGE:
		if (nc_value_message(p) && depth < NC_PLAN_DEPTH)
			add_message(f, c->sub, nc_value_message(p), out, depth + 1);
		else
			nc_buf_add(out, "null", 4);
		break;
	default:
		nc_value_add_integer(out, (enum nc_value)c->value, p);
		break;
	}
}

static void add_message(const struct nc_format *f, const struct nc_plan *plan, const ProtobufCMessage *m, struct nc_buf *out,
                        unsigned depth)
{
	nc_buf_u8(out, '{');
	for (size_t i = 0; i < plan->count; i++) {
		const struct nc_column *c = &plan->columns[i];
		struct nc_values v = nc_column_values(c, m);
		if (i > 0)
			nc_buf_u8(out, ',');
		nc_buf_add(out, c->json, c->json_len);
		if (c->repeated)
			nc_buf_u8(out, '[');
		for (size_t k = 0; k < v.n; k++) {
			if (k > 0)
				nc_buf_u8(out, ',');
			add_value(f, c, (const char *)v.p + k * c->stride, out, depth);
		}
		if (c->repeated)
			nc_buf_u8(out, ']');
	}
	nc_buf_u8(out, '}');
}

void nc_json_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out)
{
	add_message(f, f->top, m, out, 0);
	nc_buf_u8(out, '\n');
}
