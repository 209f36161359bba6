/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing of records: the bytes of protobuf-c, in one pass over a table of fields instead of its two. */
#include "record/pack.h"

#include <stdlib.h>
#include <string.h>

#include "record/type.h"

#define VARINT_MAX    10u
#define MESSAGES_MAX  256u
#define WIRE_VARINT   0u
#define WIRE_FIXED64  1u
#define WIRE_BYTES    2u

enum pack_kind { PACK_INT32, PACK_UINT32, PACK_INT64, PACK_BOOL, PACK_DOUBLE, PACK_STRING, PACK_BYTES, PACK_MESSAGE };

struct pack_message;

/* A field ready to be packed. */
struct pack_field {
	uint8_t kind; /* enum pack_kind */
	bool repeated;
	uint8_t tag_len;
	uint8_t tag[3];
	uint32_t offset;
	uint32_t count_offset; /* of a repeated field's element count */
	const struct pack_message *sub;
};

struct pack_message {
	const ProtobufCMessageDescriptor *desc;
	unsigned n;
	struct pack_field *fields;
};

struct nc_packer {
	unsigned n;
	struct pack_message messages[MESSAGES_MAX];
	const struct pack_message *by_slot[NC_TYPES_MAX];
};

/* Where to write, and where room ends. */
struct out {
	uint8_t *p;
	const uint8_t *end;
};

static inline bool room(const struct out *o, size_t n)
{
	return (size_t)(o->end - o->p) >= n;
}

static inline void put_varint(struct out *o, uint64_t v)
{
	while (v > 127) {
		*o->p++ = (uint8_t)(v | 128);
		v >>= 7;
	}
	*o->p++ = (uint8_t)v;
}

static inline void put_tag(struct out *o, const struct pack_field *f)
{
	for (unsigned i = 0; i < f->tag_len; i++)
		*o->p++ = f->tag[i];
}

static size_t varint_len(uint64_t v)
{
	size_t n = 1;
	for (; v > 127; v >>= 7)
		n++;
	return n;
}

static bool put_lump(struct out *o, const struct pack_field *f, const void *p, size_t n)
{
	if (n > (size_t)(o->end - o->p) || !room(o, n + sizeof(f->tag) + VARINT_MAX))
		return false;
	put_tag(o, f);
	put_varint(o, n);
	if (n)
		memcpy(o->p, p, n);
	o->p += n;
	return true;
}

static bool pack_message(struct out *o, const struct pack_message *m, const void *s);

/* Writes the message behind one byte for its length, and makes room when the length takes more. */
static bool put_sized(struct out *o, const struct pack_message *m, const void *s)
{
	if (!room(o, 1))
		return false;
	uint8_t *start = o->p++;
	if (!pack_message(o, m, s))
		return false;
	size_t n = (size_t)(o->p - start) - 1, more = varint_len(n) - 1;
	if (more) {
		if (!room(o, more))
			return false;
		memmove(start + 1 + more, start + 1, n);
	}
	struct out at = { .p = start, .end = o->end };
	put_varint(&at, n);
	o->p += more;
	return true;
}

static bool put_sub(struct out *o, const struct pack_field *f, const void *s)
{
	if (!room(o, sizeof(f->tag)))
		return false;
	put_tag(o, f);
	return put_sized(o, f->sub, s);
}

/* The 64 bits that a varint field holds: int32 is sign-extended (protobuf encoding guide, "Signed Integers"). */
static inline uint64_t scalar(const struct pack_field *f, const void *at)
{
	int32_t i32;
	uint64_t u64;

	switch (f->kind) {
	case PACK_INT32:
		memcpy(&i32, at, sizeof(i32));
		return (uint64_t)(int64_t)i32;
	case PACK_UINT32:
		memcpy(&i32, at, sizeof(i32));
		return (uint32_t)i32;
	case PACK_BOOL:
		memcpy(&i32, at, sizeof(i32));
		return i32 != 0;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static size_t scalar_size(const struct pack_field *f)
{
	return f->kind == PACK_INT64 ? 8 : 4;
}

static bool pack_single(struct out *o, const struct pack_field *f, const uint8_t *at)
{
	uint64_t v;
	const char *s;
	const void *sub;
	ProtobufCBinaryData b;

	switch (f->kind) {
	case PACK_STRING:
		memcpy(&s, at, sizeof(s));
		return !s || !*s || put_lump(o, f, s, strlen(s));
	case PACK_BYTES:
		memcpy(&b, at, sizeof(b));
		return b.len == 0 || put_lump(o, f, b.data, b.len);
	case PACK_MESSAGE:
		memcpy(&sub, at, sizeof(sub));
		return !sub || put_sub(o, f, sub);
	case PACK_DOUBLE: {
		double d;
		memcpy(&d, at, sizeof(d));
		if (d == 0)
			return true;
		memcpy(&v, &d, sizeof(v));
		if (!room(o, sizeof(f->tag) + 8))
			return false;
		put_tag(o, f);
		for (unsigned i = 0; i < 8; i++)
			*o->p++ = (uint8_t)(v >> 8 * i);
		return true;
	}
	default:
		v = scalar(f, at);
		if (v == 0)
			return true;
		if (!room(o, sizeof(f->tag) + VARINT_MAX))
			return false;
		put_tag(o, f);
		put_varint(o, v);
		return true;
	}
}

/* Numbers of a repeated field stand packed in one lump (protobuf encoding guide, "Packed Repeated Fields"). */
static bool pack_numbers(struct out *o, const struct pack_field *f, const uint8_t *list, size_t n)
{
	size_t size = scalar_size(f), bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += varint_len(scalar(f, list + i * size));
	if (!room(o, sizeof(f->tag) + VARINT_MAX) || !room(o, sizeof(f->tag) + VARINT_MAX + bytes))
		return false;
	put_tag(o, f);
	put_varint(o, bytes);
	for (size_t i = 0; i < n; i++)
		put_varint(o, scalar(f, list + i * size));
	return true;
}

static bool pack_repeated(struct out *o, const struct pack_field *f, const uint8_t *s)
{
	size_t n;
	const uint8_t *list;

	memcpy(&n, s + f->count_offset, sizeof(n));
	if (n == 0)
		return true;
	memcpy(&list, s + f->offset, sizeof(list));
	switch (f->kind) {
	case PACK_MESSAGE:
		for (size_t i = 0; i < n; i++)
			if (!put_sub(o, f, ((const void *const *)(const void *)list)[i]))
				return false;
		return true;
	case PACK_STRING:
		for (size_t i = 0; i < n; i++) {
			const char *text = ((const char *const *)(const void *)list)[i];
			if (!put_lump(o, f, text, strlen(text)))
				return false;
		}
		return true;
	case PACK_BYTES:
		for (size_t i = 0; i < n; i++) {
			ProtobufCBinaryData b;
			memcpy(&b, list + i * sizeof(b), sizeof(b));
			if (!put_lump(o, f, b.data, b.len))
				return false;
		}
		return true;
	default:
		return pack_numbers(o, f, list, n);
	}
}

static bool pack_message(struct out *o, const struct pack_message *m, const void *s)
{
	const uint8_t *base = s;

	for (const struct pack_field *f = m->fields, *end = f + m->n; f < end; f++) {
		bool ok = f->repeated ? pack_repeated(o, f, base) : pack_single(o, f, base + f->offset);
		if (!ok)
			return false;
	}
	return true;
}

static bool kind_of(ProtobufCType t, uint8_t *ret)
{
	static const struct { ProtobufCType type; uint8_t kind;
	} table[] = {
		{ PROTOBUF_C_TYPE_INT32, PACK_INT32 },   { PROTOBUF_C_TYPE_ENUM, PACK_INT32 },
		{ PROTOBUF_C_TYPE_UINT32, PACK_UINT32 }, { PROTOBUF_C_TYPE_INT64, PACK_INT64 },
		{ PROTOBUF_C_TYPE_UINT64, PACK_INT64 },  { PROTOBUF_C_TYPE_BOOL, PACK_BOOL },
		{ PROTOBUF_C_TYPE_DOUBLE, PACK_DOUBLE }, { PROTOBUF_C_TYPE_STRING, PACK_STRING },
		{ PROTOBUF_C_TYPE_BYTES, PACK_BYTES },   { PROTOBUF_C_TYPE_MESSAGE, PACK_MESSAGE },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].type == t) {
			*ret = table[i].kind;
			return true;
		}
	}
	return false;
}

static void make_tag(struct pack_field *f, uint32_t number)
{
	unsigned wire = f->kind == PACK_DOUBLE ? WIRE_FIXED64 : f->kind >= PACK_STRING || f->repeated ? WIRE_BYTES : WIRE_VARINT;
	struct out o = { .p = f->tag, .end = f->tag + sizeof(f->tag) };

	put_varint(&o, (uint64_t)number << 3 | wire);
	f->tag_len = (uint8_t)(o.p - f->tag);
}

static const struct pack_message *compile(struct nc_packer *p, const ProtobufCMessageDescriptor *d);

static bool compile_field(struct nc_packer *p, struct pack_field *f, const ProtobufCFieldDescriptor *d)
{
	if (!kind_of(d->type, &f->kind) || d->id >= 1u << 18)
		return false;
	f->repeated = d->label == PROTOBUF_C_LABEL_REPEATED;
	if (f->repeated && f->kind == PACK_DOUBLE)
		return false;
	f->offset = d->offset;
	f->count_offset = d->quantifier_offset;
	make_tag(f, d->id);
	if (f->kind == PACK_MESSAGE)
		f->sub = compile(p, d->descriptor);
	return f->kind != PACK_MESSAGE || f->sub;
}

/* The table of a message and of all below it; a message is entered before its fields, since some hold themselves. */
static const struct pack_message *compile(struct nc_packer *p, const ProtobufCMessageDescriptor *d)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->messages[i].desc == d)
			return &p->messages[i];
	if (p->n == MESSAGES_MAX)
		return NULL;
	struct pack_message *m = &p->messages[p->n++];
	m->desc = d;
	m->fields = calloc(d->n_fields ? d->n_fields : 1, sizeof(*m->fields));
	if (!m->fields)
		return NULL;
	m->n = d->n_fields;
	for (unsigned i = 0; i < d->n_fields; i++)
		if (!compile_field(p, &m->fields[i], &d->fields[i]))
			return NULL;
	return m;
}

struct nc_packer *nc_packer_new(void)
{
	struct nc_packer *p = calloc(1, sizeof(*p));

	for (size_t i = 0; p && i < nc_types_count; i++) {
		p->by_slot[i] = compile(p, nc_types[i].desc);
		if (!p->by_slot[i]) {
			nc_packer_free(p);
			return NULL;
		}
	}
	return p;
}

void nc_packer_free(struct nc_packer *p)
{
	for (unsigned i = 0; p && i < p->n; i++)
		free(p->messages[i].fields);
	free(p);
}

size_t nc_pack_delimited(const struct nc_packer *p, size_t slot, const ProtobufCMessage *m, uint8_t *dst, size_t n)
{
	struct out o = { .p = dst, .end = dst + n };

	return slot < nc_types_count && put_sized(&o, p->by_slot[slot], m) ? (size_t)(o.p - dst) : 0;
}
