/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Validation of packed records against their descriptors, before anything unpacks or stores them. */
#include <protobuf-c/protobuf-c.h>

#include "base/rd.h"
#include "base/text.h"
#include "record/pack.h"

#define DEPTH_MAX 16u /* messages within each other; also bounds the recursion of whoever unpacks */
#define SHORT_VARINT 5u /* bytes of a tag or a length (protobuf-c refuses longer ones) */

/* Wire types of the protobuf encoding; 3 and 4 are the groups, which proto3 doesn't have. */
enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_32 = 5, WIRE_NONE = 8 };

static enum wire wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		return WIRE_VARINT;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_64;
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_32;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_LEN;
	}
	return WIRE_NONE;
}

/* A varint of at most 32 bits in at most SHORT_VARINT bytes; fails the reader otherwise. */
static uint32_t short_varint(struct nc_rd *r)
{
	size_t before = r->left;
	uint64_t v = nc_rd_varint(r);

	if (before - r->left > SHORT_VARINT || v > UINT32_MAX)
		r->failed = true;
	return (uint32_t)v;
}

static void skip_scalar(struct nc_rd *r, enum wire wire)
{
	if (wire == WIRE_VARINT)
		(void)nc_rd_varint(r);
	else if (wire == WIRE_64)
		nc_rd_skip(r, 8);
	else if (wire == WIRE_32)
		nc_rd_skip(r, 4);
	else
		r->failed = true;
}

static bool valid_utf8(struct nc_rd *r)
{
	while (r->left > 0) {
		size_t n = nc_text_utf8(r->p, r->left);
		if (n == 0)
			return false;
		nc_rd_skip(r, n);
	}
	return true;
}

static bool valid_packed(struct nc_rd *r, enum wire wire)
{
	while (r->left > 0 && !r->failed)
		skip_scalar(r, wire);
	return !r->failed;
}

static bool valid_message(const ProtobufCMessageDescriptor *desc, struct nc_rd *r, bool utf8, unsigned depth);

/* The content of a length-delimited field that the descriptor knows. */
static bool valid_content(const ProtobufCFieldDescriptor *f, struct nc_rd *r, bool utf8, unsigned depth)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BYTES:
		return true;
	case PROTOBUF_C_TYPE_STRING:
		return !utf8 || valid_utf8(r);
	case PROTOBUF_C_TYPE_MESSAGE:
		return valid_message(f->descriptor, r, utf8, depth + 1);
	default:
		return f->label == PROTOBUF_C_LABEL_REPEATED && valid_packed(r, wire_of(f->type));
	}
}

static bool valid_field(const ProtobufCFieldDescriptor *f, enum wire wire, struct nc_rd *r, bool utf8, unsigned depth)
{
	if (wire == WIRE_LEN) {
		struct nc_rd content = nc_rd_sub(r, short_varint(r));
		return !r->failed && (!f || valid_content(f, &content, utf8, depth));
	}
	if (f && wire != wire_of(f->type))
		return false;
	skip_scalar(r, wire);
	return !r->failed;
}

static bool valid_message(const ProtobufCMessageDescriptor *desc, struct nc_rd *r, bool utf8, unsigned depth)
{
	if (depth >= DEPTH_MAX)
		return false;
	while (r->left > 0) {
		uint32_t tag = short_varint(r);
		if (r->failed || tag >> 3 == 0)
			return false;
		const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(desc, tag >> 3);
		if (!valid_field(f, (enum wire)(tag & 7), r, utf8, depth))
			return false;
	}
	return !r->failed;
}

bool nc_record_valid(const ProtobufCMessageDescriptor *desc, const uint8_t *p, size_t n, bool utf8)
{
	struct nc_rd r = nc_rd_over(p, n);

	return valid_message(desc, &r, utf8, 0);
}
