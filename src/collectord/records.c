/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector has to know of the records in a batch: where they end, whether they are right, when they were. */
#include "collectord/records.h"

#include <string.h>

#include "base/time.h"

enum { W_VARINT = 0, W_BYTES = 2 };
enum { H_CREATED = 1, H_SOURCE = 2, H_TYPE = 3, H_VERSION = 4, H_PAYLOADS = 5 };

/* A reader over the next bytes field of n bytes, n being untrusted. */
static struct nc_rd sub(struct nc_rd *r, uint64_t n)
{
	return nc_rd_sub(r, n > r->left ? r->left + 1 : (size_t)n);
}

bool nc_record_next(struct nc_rd *r, struct nc_record_view *ret)
{
	const uint8_t *start = r->p;
	size_t left = r->left;

	if (left == 0)
		return false;
	struct nc_rd m = sub(r, nc_rd_varint(r));
	if (r->failed)
		return false;
	*ret = (struct nc_record_view){ .delimited = start, .delimited_len = left - r->left, .p = m.p, .n = m.left };
	return true;
}

/* The bytes as a string, cut to fit. */
static void copy_text(char *to, size_t size, const struct nc_rd *from)
{
	size_t n = from->left < size - 1 ? from->left : size - 1;

	memcpy(to, from->p, n);
	to[n] = '\0';
}

static bool header_text(struct nc_file_header *h, uint64_t field, const struct nc_rd *text)
{
	switch (field) {
	case H_CREATED:
		if (text->left >= sizeof(h->created))
			return false;
		copy_text(h->created, sizeof(h->created), text);
		return true;
	case H_SOURCE:
		copy_text(h->source, sizeof(h->source), text);
		return true;
	case H_VERSION:
		copy_text(h->version, sizeof(h->version), text);
		return true;
	}
	return false;
}

static bool header_number(struct nc_file_header *h, uint64_t field, uint64_t v)
{
	if (field == H_TYPE && v <= UINT16_MAX)
		h->type = (uint32_t)v;
	else if (field == H_PAYLOADS && v <= 1)
		h->contains_payloads = v;
	else
		return false;
	return true;
}

static bool header_field(struct nc_rd *r, struct nc_file_header *h)
{
	uint64_t key = nc_rd_varint(r), v = nc_rd_varint(r);

	switch (key & 7) {
	case W_VARINT:
		return !r->failed && header_number(h, key >> 3, v);
	case W_BYTES: {
		struct nc_rd text = sub(r, v);
		return !r->failed && header_text(h, key >> 3, &text);
	}
	}
	return false;
}

static bool is_stamp(const char *s)
{
	static const char digits[] = "0123456789";
	size_t whole = strspn(s, digits);

	if (whole == 0 || s[whole] != '.')
		return false;
	size_t part = strspn(s + whole + 1, digits);
	return part > 0 && s[whole + 1 + part] == '\0';
}

bool nc_record_header(const uint8_t *p, size_t n, const struct nc_type *type, struct nc_file_header *ret)
{
	struct nc_rd r = nc_rd_over(p, n);
	struct nc_file_header h = { .type = 0 };

	while (r.left > 0)
		if (!header_field(&r, &h))
			return false;
	if (h.type != type->number || !is_stamp(h.created) || h.version[0] != 'v')
		return false;
	*ret = h;
	return true;
}

bool nc_record_has_time(const struct nc_type *type)
{
	static const char prefix[] = "Timestamp";
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(type->desc, 1);

	return f && f->type == PROTOBUF_C_TYPE_STRING && f->label != PROTOBUF_C_LABEL_REPEATED &&
	       strncmp(f->name, prefix, sizeof(prefix) - 1) == 0;
}

bool nc_record_time(const uint8_t *p, size_t n, int64_t *ret)
{
	struct nc_rd r = nc_rd_over(p, n);
	char text[NC_TIME_TEXT];

	/* writers put the fields in the order of their numbers, so that it stands in front or nowhere */
	if (nc_rd_varint(&r) != (1 << 3 | W_BYTES))
		return false;
	struct nc_rd stamp = sub(&r, nc_rd_varint(&r));
	if (r.failed || stamp.left >= sizeof(text))
		return false;
	copy_text(text, sizeof(text), &stamp);
	return nc_time_parse(text, ret) == 0;
}
