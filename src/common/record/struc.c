/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records in the protobuf text format, with a line "NC_<type>" before and an empty line behind each. Fields that hold
 * their default are left out, as that format does. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "record/plan.h"

static void add_octal(struct nc_buf *out, uint8_t c)
{
	const char text[4] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7)) };

	nc_buf_add(out, text, sizeof(text));
}

/* A quoted literal. In strings (utf8) whole characters stay as they are. */
static void add_literal(struct nc_buf *out, const uint8_t *p, size_t n, bool utf8)
{
	nc_buf_u8(out, '"');
	while (n > 0) {
		size_t len = nc_text_utf8(p, n);
		if (p[0] == '"' || p[0] == '\\') {
			nc_buf_u8(out, '\\');
			nc_buf_u8(out, p[0]);
		} else if (p[0] < 0x20 || p[0] == 0x7f || len == 0 || (len > 1 && !utf8)) {
			add_octal(out, p[0]);
			len = 1;
		} else {
			nc_buf_add(out, p, len);
		}
		p += len;
		n -= len;
	}
	nc_buf_u8(out, '"');
}

static void add_string(const struct nc_format *f, const struct nc_column *c, const char *s, struct nc_buf *out)
{
	struct nc_buf text = { 0 };

	if (c->value != NC_VALUE_TIME || !f->o.utc) {
		add_literal(out, (const uint8_t *)s, strlen(s), true);
		return;
	}
	nc_value_add_utc(&text, s);
	add_literal(out, text.data, text.len, true);
	nc_buf_free(&text);
}

static void add_double(struct nc_buf *out, double v)
{
	if (isfinite(v))
		nc_value_add_shortest(out, v);
	else
		nc_buf_str(out, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

static void add_enum(const struct nc_column *c, const void *p, struct nc_buf *out)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(c->field->descriptor, *(const int32_t *)p);

	if (v)
		nc_buf_str(out, v->name);
	else
		nc_value_add_i64(out, *(const int32_t *)p);
}

static void add_scalar(const struct nc_format *f, const struct nc_column *c, const void *p, struct nc_buf *out)
{
	const ProtobufCBinaryData *b = p;

	switch ((enum nc_value)c->value) {
	case NC_VALUE_STRING:
	case NC_VALUE_TIME:
		add_string(f, c, nc_value_string(p), out);
		break;
	case NC_VALUE_BYTES:
		add_literal(out, b->data, b->data ? b->len : 0, false);
		break;
	case NC_VALUE_FLOAT:
		add_double(out, (double)*(const float *)p);
		break;
	case NC_VALUE_DOUBLE:
		add_double(out, *(const double *)p);
		break;
	case NC_VALUE_ENUM:
		add_enum(c, p, out);
		break;
	default:
		nc_value_add_integer(out, (enum nc_value)c->value, p);
		break;
	}
}

static bool is_default(const struct nc_column *c, const void *p)
{
	static const uint8_t zero[8];

	switch ((enum nc_value)c->value) {
	case NC_VALUE_STRING:
	case NC_VALUE_TIME:
		return *nc_value_string(p) == '\0';
	case NC_VALUE_BYTES:
		return ((const ProtobufCBinaryData *)p)->len == 0;
	case NC_VALUE_MESSAGE:
		return !nc_value_message(p);
	default:
		return memcmp(p, zero, c->stride) == 0;
	}
}

static void indent(struct nc_buf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		nc_buf_add(out, "  ", 2);
}

static void add_fields(const struct nc_format *f, const struct nc_plan *plan, const ProtobufCMessage *m, struct nc_buf *out,
                       unsigned depth);

static void add_field(const struct nc_format *f, const struct nc_column *c, const void *p, struct nc_buf *out, unsigned depth)
{
	indent(out, depth);
	nc_buf_str(out, c->field->name);
	if (c->value != NC_VALUE_MESSAGE) {
		nc_buf_add(out, ": ", 2);
		add_scalar(f, c, p, out);
	} else {
		nc_buf_add(out, " {\n", 3);
		if (nc_value_message(p) && depth < NC_PLAN_DEPTH)
			add_fields(f, c->sub, nc_value_message(p), out, depth + 1);
		indent(out, depth);
		nc_buf_u8(out, '}');
	}
	nc_buf_u8(out, '\n');
}

static void add_fields(const struct nc_format *f, const struct nc_plan *plan, const ProtobufCMessage *m, struct nc_buf *out,
                       unsigned depth)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct nc_column *c = &plan->columns[i];
		struct nc_values v = nc_column_values(c, m);
		for (size_t k = 0; k < v.n; k++) {
			const void *p = (const char *)v.p + k * c->stride;
			if (c->repeated || !is_default(c, p))
				add_field(f, c, p, out, depth);
		}
	}
}

void nc_struc_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out)
{
	nc_buf_str(out, "NC_");
	nc_buf_str(out, f->type->name);
	nc_buf_u8(out, '\n');
	add_fields(f, f->top, m, out, 0);
	nc_buf_u8(out, '\n');
}
