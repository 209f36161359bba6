/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text of single values, shared by the formatters. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "record/plan.h"

const char *nc_value_string(const void *p)
{
	const char *s = *(const char *const *)p;

	return s ? s : "";
}

const ProtobufCMessage *nc_value_message(const void *p)
{
	return *(const ProtobufCMessage *const *)p;
}

void nc_value_add_u64(struct nc_buf *out, uint64_t v)
{
	char *to = (char *)nc_buf_reserve(out, 21);

	if (to)
		out->len += nc_text_u64(to, v);
}

void nc_value_add_i64(struct nc_buf *out, int64_t v)
{
	if (v >= 0) {
		nc_value_add_u64(out, (uint64_t)v);
		return;
	}
	nc_buf_u8(out, '-');
	nc_value_add_u64(out, 0 - (uint64_t)v);
}

void nc_value_add_hex(struct nc_buf *out, const ProtobufCBinaryData *b)
{
	if (b->len == 0 || !b->data)
		return;
	char *to = b->len < SIZE_MAX / 4 ? (char *)nc_buf_reserve(out, 2 * b->len + 1) : NULL;

	if (to)
		out->len += nc_text_hex(to, b->data, b->len);
	else
		out->failed = true;
}

void nc_value_add_integer(struct nc_buf *out, enum nc_value kind, const void *p)
{
	switch (kind) {
	case NC_VALUE_I32:
	case NC_VALUE_ENUM:
		nc_value_add_i64(out, *(const int32_t *)p);
		break;
	case NC_VALUE_U32:
		nc_value_add_u64(out, *(const uint32_t *)p);
		break;
	case NC_VALUE_I64:
		nc_value_add_i64(out, *(const int64_t *)p);
		break;
	case NC_VALUE_BOOL:
		if (*(const protobuf_c_boolean *)p)
			nc_buf_add(out, "true", 4);
		else
			nc_buf_add(out, "false", 5);
		break;
	default:
		nc_value_add_u64(out, *(const uint64_t *)p);
		break;
	}
}

static void add_not_finite(struct nc_buf *out, double v)
{
	nc_buf_str(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
}

/* v scaled to an integer, unless it is so near to a tie that the scaling's own rounding could decide. */
static bool scale(double v, double factor, uint64_t *ret)
{
	double scaled = v * factor;

	if (!(scaled >= 0 && scaled < 1e12))
		return false;
	uint64_t whole = (uint64_t)scaled;
	double rest = scaled - (double)whole;
	if (fabs(rest - 0.5) < 1e-3)
		return false;
	*ret = whole + (rest > 0.5);
	return true;
}

void nc_value_add_fixed(struct nc_buf *out, double v, unsigned decimals)
{
	uint64_t scaled, factor = 1;

	if (!isfinite(v)) {
		add_not_finite(out, v);
		return;
	}
	for (unsigned i = 0; i < decimals; i++)
		factor *= 10;
	if (signbit(v) || !scale(v, (double)factor, &scaled)) {
		nc_buf_printf(out, "%.*f", (int)decimals, v);
		return;
	}
	nc_value_add_u64(out, scaled / factor);
	char *to = (char *)nc_buf_reserve(out, decimals + 1);
	if (!to)
		return;
	uint64_t rest = scaled % factor;
	to[0] = '.';
	for (unsigned i = decimals; i > 0; i--, rest /= 10)
		to[i] = (char)('0' + rest % 10);
	out->len += decimals + 1;
}

void nc_value_add_shortest(struct nc_buf *out, double v)
{
	char text[32];

	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, v);
		if (strtod(text, NULL) == v) /* equal by intent: the text must give back the very number */
			break;
	}
	nc_buf_str(out, text);
}

void nc_value_add_utc(struct nc_buf *out, const char *s)
{
	int64_t ns;

	if (nc_time_parse(s, &ns) < 0) {
		nc_buf_str(out, s);
		return;
	}
	char *to = (char *)nc_buf_reserve(out, NC_TIME_TEXT);
	if (to)
		out->len += nc_time_utc(to, ns);
}
