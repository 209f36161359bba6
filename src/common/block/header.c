/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Header message that every record file begins with: packing and strict parsing. */
#include "config.h"

#include "block/file.h"

#include <errno.h>
#include <string.h>

#include "base/rd.h"
#include "base/text.h"

enum { WIRE_VARINT = 0, WIRE_LEN = 2 };
enum { F_CREATED = 1, F_SOURCE, F_TYPE, F_VERSION, F_PAYLOADS };

static const uint8_t wires[] = {
	[F_CREATED] = WIRE_LEN, [F_SOURCE] = WIRE_LEN, [F_TYPE] = WIRE_VARINT, [F_VERSION] = WIRE_LEN, [F_PAYLOADS] = WIRE_VARINT,
};

static void put_key(struct nc_buf *b, unsigned field)
{
	nc_buf_varint(b, field << 3 | wires[field]);
}

static void put_text(struct nc_buf *b, unsigned field, const char *s, size_t n)
{
	if (n == 0)
		return;
	put_key(b, field);
	nc_buf_varint(b, n);
	nc_buf_add(b, s, n);
}

static void put_number(struct nc_buf *b, unsigned field, uint64_t v)
{
	if (v == 0)
		return;
	put_key(b, field);
	nc_buf_varint(b, v);
}

void nc_file_header_pack(const struct nc_file_header *h, struct nc_buf *out)
{
	struct nc_buf m = { 0 };
	char source[sizeof(h->source)];

	nc_text_escape(source, sizeof(source), h->source, strnlen(h->source, sizeof(h->source)));
	put_text(&m, F_CREATED, h->created, strnlen(h->created, sizeof(h->created)));
	put_text(&m, F_SOURCE, source, strlen(source));
	put_number(&m, F_TYPE, h->type);
	put_text(&m, F_VERSION, h->version, strnlen(h->version, sizeof(h->version)));
	put_number(&m, F_PAYLOADS, h->contains_payloads);
	if (m.failed) {
		out->failed = true;
	} else {
		nc_buf_varint(out, m.len);
		nc_buf_add(out, m.data, m.len);
	}
	nc_buf_free(&m);
}

/* Digits, and perhaps a dot and digits. */
static bool is_stamp(const char *s)
{
	size_t whole = strspn(s, "0123456789");

	if (whole == 0)
		return false;
	if (s[whole] == '\0')
		return true;
	const char *fraction = s + whole + 1;
	return s[whole] == '.' && *fraction && fraction[strspn(fraction, "0123456789")] == '\0';
}

/* The next length-delimited text, cut to size - 1 bytes but not inside of a UTF-8 sequence. */
static void take_text(struct nc_rd *r, char *out, size_t size)
{
	uint64_t len = nc_rd_varint(r);
	const uint8_t *p = len <= r->left ? nc_rd_bytes(r, (size_t)len) : NULL;

	if (!p) {
		r->failed = true;
		return;
	}
	size_t n = (size_t)len;
	if (n > size - 1) {
		n = size - 1;
		while (n > 0 && (p[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}

static void take_field(struct nc_rd *r, unsigned field, struct nc_file_header *h)
{
	uint64_t v;

	switch (field) {
	case F_CREATED:
		take_text(r, h->created, sizeof(h->created));
		break;
	case F_SOURCE:
		take_text(r, h->source, sizeof(h->source));
		break;
	case F_VERSION:
		take_text(r, h->version, sizeof(h->version));
		break;
	case F_TYPE:
		v = nc_rd_varint(r);
		h->type = (uint32_t)v;
		if (v > UINT16_MAX)
			r->failed = true;
		break;
	default:
		v = nc_rd_varint(r);
		h->contains_payloads = v;
		if (v > 1)
			r->failed = true;
	}
}

int nc_file_header_parse(const uint8_t *p, size_t n, struct nc_file_header *ret)
{
	struct nc_rd r = nc_rd_over(p, n);
	struct nc_file_header h = { 0 };
	unsigned last = 0;

	while (r.left > 0 && !r.failed) {
		uint64_t key = nc_rd_varint(&r);
		unsigned field = key > 255 ? 0 : (unsigned)key >> 3;
		if (field <= last || field > F_PAYLOADS || (key & 7) != wires[field])
			return -EBADMSG;
		take_field(&r, field, &h);
		last = field;
	}
	if (r.failed || !is_stamp(h.created))
		return -EBADMSG;
	*ret = h;
	return 0;
}
