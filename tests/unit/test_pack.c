/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Property: our packer writes the bytes of protobuf-c, for every record type, filled at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/rd.h"
#include "record/pack.h"
#include "record/type.h"

#define ROUNDS 200
#define DEPTH  4

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct nc_arena arena;

static void fill(ProtobufCMessage *m, int depth);

static void fill_value(const ProtobufCFieldDescriptor *f, void *at, int depth)
{
	static const uint64_t edges[] = { 0, 1, 127, 128, 16383, 16384, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX };
	uint64_t v = rnd() % 3 ? edges[rnd() % 10] : rnd();
	uint32_t v32 = (uint32_t)v;
	double d = rnd() % 3 ? (double)rnd() / 1e15 : 0;

	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		v32 &= 1;
		memcpy(at, &v32, 4);
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_ENUM:
		memcpy(at, &v32, 4);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		memcpy(at, &v, 8);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		memcpy(at, &d, 8);
		break;
	case PROTOBUF_C_TYPE_STRING: {
		size_t n = rnd() % 4 ? rnd() % 20 : rnd() % 300;
		char *s = nc_arena_alloc(&arena, n + 1);
		assert_non_null(s);
		memset(s, 'a', n);
		s[n] = '\0';
		memcpy(at, &s, sizeof(s));
		break;
	}
	case PROTOBUF_C_TYPE_BYTES: {
		ProtobufCBinaryData b = { .len = rnd() % 200 };
		b.data = nc_arena_calloc(&arena, b.len ? b.len : 1, 1);
		assert_non_null(b.data);
		memcpy(at, &b, sizeof(b));
		break;
	}
	case PROTOBUF_C_TYPE_MESSAGE: {
		const ProtobufCMessageDescriptor *d2 = f->descriptor;
		ProtobufCMessage *sub = depth > 0 ? nc_arena_calloc(&arena, 1, d2->sizeof_message) : NULL;
		if (sub) {
			d2->message_init(sub);
			fill(sub, depth - 1);
		}
		memcpy(at, &sub, sizeof(sub));
		break;
	}
	default:
		fail();
	}
}

static size_t element_size(ProtobufCType t)
{
	switch (t) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

static void fill(ProtobufCMessage *m, int depth)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		uint8_t *base = (uint8_t *)m;
		if (rnd() % 4 == 0)
			continue;
		if (f->label != PROTOBUF_C_LABEL_REPEATED) {
			fill_value(f, base + f->offset, depth);
			continue;
		}
		size_t n = depth > 0 || f->type != PROTOBUF_C_TYPE_MESSAGE ? rnd() % 5 : 0;
		uint8_t *list = nc_arena_calloc(&arena, n + 1, element_size(f->type));
		assert_non_null(list);
		for (size_t k = 0; k < n; k++)
			fill_value(f, list + k * element_size(f->type), depth);
		memcpy(base + f->quantifier_offset, &n, sizeof(n));
		memcpy(base + f->offset, &list, sizeof(list));
	}
}

static void same_bytes_as_protobuf_c(void **state)
{
	static uint8_t memory[8 << 20], ours[1 << 20], theirs[1 << 20];
	struct nc_packer *p = nc_packer_new();

	(void)state;
	assert_non_null(p);
	for (size_t slot = 0; slot < nc_types_count; slot++) {
		for (int round = 0; round < ROUNDS; round++) {
			nc_arena_init(&arena, memory, sizeof(memory));
			ProtobufCMessage *m = nc_arena_calloc(&arena, 1, nc_types[slot].desc->sizeof_message);
			nc_types[slot].desc->message_init(m);
			fill(m, DEPTH);
			size_t want = protobuf_c_message_get_packed_size(m);
			if (want > sizeof(theirs) - 64)
				continue;
			protobuf_c_message_pack(m, theirs);
			size_t got = nc_pack_delimited(p, slot, m, ours, sizeof(ours));
			assert_true(got > want);
			struct nc_rd r = nc_rd_over(ours, got);
			assert_int_equal(nc_rd_varint(&r), want);
			assert_int_equal(r.left, want);
			assert_memory_equal(r.p, theirs, want);
			assert_true(nc_record_valid(nc_types[slot].desc, r.p, r.left, true));
			/* never a byte beyond what is given */
			size_t room = rnd() % got;
			memset(ours + room, 0xa5, 64);
			size_t less = nc_pack_delimited(p, slot, m, ours, room);
			assert_int_equal(less, 0);
			for (size_t k = 0; k < 64; k++)
				assert_int_equal(ours[room + k], 0xa5);
		}
	}
	nc_packer_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_bytes_as_protobuf_c) };
	const char *given = getenv("NC_SEED");

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
	printf("NC_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
