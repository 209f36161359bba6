/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of an HTTP/1.x message: its fields, and what they say about the body (RFC 9112 sections 5 and 6). */
#include "config.h"

#include <string.h>

#include "flow/http/head.h"

/* Which messages a field means something in. */
enum where { REQUEST = 1, RESPONSE = 2, BOTH = 3 };

/* What is done with a field: its text is kept, or it frames the body. */
enum { FIELD_NONE, FIELD_LENGTH = NC_HTTP_PARTS, FIELD_CODING };

static const struct field {
	const char *name;
	uint8_t what; /* enum nc_http_part, or FIELD_… */
	uint8_t where;
} fields[] = {
	{ "host", NC_HTTP_HOST, REQUEST },
	{ "user-agent", NC_HTTP_AGENT, REQUEST },
	{ "referer", NC_HTTP_REFERER, REQUEST },
	{ "cookie", NC_HTTP_COOKIE, REQUEST },
	{ "content-type", NC_HTTP_TYPE, RESPONSE },
	{ "content-length", FIELD_LENGTH, BOTH },
	{ "transfer-encoding", FIELD_CODING, BOTH },
};

static unsigned find(const struct nc_http_head *h, struct nc_http_span name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (nc_http_same(name, fields[i].name))
			return fields[i].where & (h->response ? RESPONSE : REQUEST) ? fields[i].what : FIELD_NONE;
	return FIELD_NONE;
}

static void fault(struct nc_http_head *h, const char *why)
{
	if (!h->fault)
		h->fault = why;
}

/* RFC 9110 section 8.6: digits; a list of the same number over and over is that number */
static void take_length(struct nc_http_head *h, struct nc_http_span value)
{
	struct nc_http_span rest = value;

	do {
		struct nc_http_span one = nc_http_trim(nc_http_cut(rest, ',', &rest));
		uint64_t v = 0;

		if (one.n == 0 || one.n > 18)
			return fault(h, "bad length");
		for (size_t i = 0; i < one.n; i++) {
			if (one.p[i] < '0' || one.p[i] > '9')
				return fault(h, "bad length");
			v = v * 10 + (uint64_t)(one.p[i] - '0');
		}
		if (h->sized && h->length != v)
			return fault(h, "two lengths");
		h->sized = true;
		h->length = v;
	} while (rest.p);
}

/* RFC 9112 section 6.1: chunked comes once, and last */
static void take_coding(struct nc_http_head *h, struct nc_http_span value)
{
	struct nc_http_span rest = value;

	do {
		struct nc_http_span one = nc_http_trim(nc_http_cut(rest, ',', &rest));

		if (one.n == 0 || nc_http_same(one, "identity"))
			continue;
		if (h->chunked)
			return fault(h, "coding behind chunked");
		h->chunked = nc_http_same(one, "chunked");
		h->coded |= !h->chunked;
	} while (rest.p);
}

/* RFC 9112 section 5.2: a line that begins with a space goes on with the one before */
static void take_folded(struct nc_stream *s, struct nc_http_head *h, struct nc_http_span text)
{
	if (h->field >= NC_HTTP_PARTS)
		fault(h, "folded length");
	else if (h->field != FIELD_NONE)
		nc_http_message_add(s, &h->message, NC_HTTP_NONE, text, true);
}

/* The field's name, or nothing. Section 5.1: no space stands before the colon; one that does hides a field from some readers and
 * not from others, so it must not decide where the body ends. */
static unsigned field_of(struct nc_http_head *h, struct nc_http_span name)
{
	if (nc_http_token(name))
		return find(h, name);
	struct nc_http_span trimmed = nc_http_trim(name);
	if (!nc_http_token(trimmed))
		fault(h, "bad field name");
	else if (find(h, trimmed) >= NC_HTTP_PARTS)
		fault(h, "space before colon");
	return FIELD_NONE;
}

void nc_http_head_line(struct nc_stream *s, struct nc_http_head *h, struct nc_http_span line)
{
	struct nc_http_span value, name;

	/* section 2.2: some take a CR alone for the end of a line */
	if (memchr(line.p, '\r', line.n))
		fault(h, "CR in a line");
	if (*line.p == ' ' || *line.p == '\t') {
		take_folded(s, h, nc_http_trim(line));
		return;
	}
	name = nc_http_cut(line, ':', &value);
	h->field = FIELD_NONE;
	if (!value.p)
		return;
	h->field = (uint8_t)field_of(h, name);
	value = nc_http_trim(value);
	if (h->field == FIELD_LENGTH)
		take_length(h, value);
	else if (h->field == FIELD_CODING)
		take_coding(h, value);
	else if (h->field != FIELD_NONE)
		nc_http_message_add(s, &h->message, (enum nc_http_part)h->field, value, false);
}

void nc_http_head_start(struct nc_stream *s, struct nc_http_head *h, unsigned dir, const struct nc_http_start *start,
                        int64_t ts_ns)
{
	*h = (struct nc_http_head){ .open = true,
		                    .response = start->response,
		                    .minor = start->minor,
		                    .kind = (uint8_t)start->kind,
		                    .status = start->status,
		                    .message = nc_http_message_new(s, dir, start, ts_ns) };
}

/* RFC 9112 section 6.3 */
static enum nc_http_body body_of(struct nc_http_head *h, enum nc_http_kind asked)
{
	if (h->response) {
		if (h->status == 101 || (asked == NC_HTTP_CONNECT && h->status / 100 == 2))
			return NC_HTTP_TUNNEL;
		if (h->status < 200)
			return NC_HTTP_INTERIM;
		if (asked == NC_HTTP_HEAD || h->status == 204 || h->status == 304)
			return NC_HTTP_EMPTY;
	} else if (h->kind == NC_HTTP_CONNECT) {
		return NC_HTTP_TUNNEL;
	}
	if (h->sized && (h->chunked || h->coded))
		fault(h, "length and coding");
	if (h->minor == 0 && (h->chunked || h->coded))
		fault(h, "coding in HTTP/1.0");
	if (h->coded && !h->chunked && !h->response)
		fault(h, "coding without end");
	if (h->fault)
		return NC_HTTP_FAULT;
	if (h->chunked)
		return NC_HTTP_CHUNKED;
	if (h->sized)
		return h->length > 0 ? NC_HTTP_SIZED : NC_HTTP_EMPTY;
	return h->response ? NC_HTTP_CLOSE : NC_HTTP_EMPTY;
}

/* What 2019 writes: nothing for responses that can have no body, but to HEAD what the field says. */
static int32_t length_of(const struct nc_http_head *h, enum nc_http_body body, enum nc_http_kind asked)
{
	bool head = h->response && asked == NC_HTTP_HEAD && body == NC_HTTP_EMPTY && h->status != 204 && h->status != 304;

	if (body == NC_HTTP_SIZED || (head && h->sized && !h->fault))
		return h->length < INT32_MAX ? (int32_t)h->length : INT32_MAX;
	if (body == NC_HTTP_CHUNKED || body == NC_HTTP_CLOSE || body == NC_HTTP_FAULT || (head && !h->sized))
		return NC_HTTP_LENGTH_UNSAID;
	return 0;
}

enum nc_http_body nc_http_head_end(struct nc_http_head *h, enum nc_http_kind asked)
{
	enum nc_http_body body = body_of(h, asked);

	h->open = false;
	if (h->message)
		h->message->length = length_of(h, body, asked);
	return body;
}
