/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: cut at every place, too long, unknown; messages with too much in them; versions. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/frame.h"
#include "wire/keys.h"

struct seen {
	unsigned count;
	uint8_t types[16];
	struct nc_buf bytes;
	int code; /* what the callback returns */
};

static int on_frame(void *user, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	struct seen *s = user;

	assert_true(s->count < sizeof(s->types));
	s->types[s->count++] = (uint8_t)type;
	nc_buf_add(&s->bytes, p, n);
	return s->code;
}

static void add(struct nc_buf *b, uint8_t type, const void *p, size_t n)
{
	uint8_t head[NC_FRAME_HEADER];

	nc_frame_header(head, type, n);
	nc_buf_add(b, head, sizeof(head));
	nc_buf_add(b, p, n);
}

static void example(struct nc_buf *b)
{
	add(b, NC_FRAME_HELLO, "hello", 5);
	add(b, NC_FRAME_PING, "", 0);
	add(b, 200, "unknown", 7);
	add(b, NC_FRAME_BLOCK, "a block", 7);
	add(b, 0, "", 0);
	add(b, NC_FRAME_ACK, "", 0);
}

static void check_example(struct seen *s, struct nc_frames *f)
{
	static const uint8_t types[] = { NC_FRAME_HELLO, NC_FRAME_PING, NC_FRAME_BLOCK, NC_FRAME_ACK };

	assert_int_equal(s->count, sizeof(types));
	assert_memory_equal(s->types, types, sizeof(types));
	assert_int_equal(s->bytes.len, 12);
	assert_memory_equal(s->bytes.data, "helloa block", 12);
	assert_int_equal(f->skipped, 2);
	nc_buf_free(&s->bytes);
	nc_frames_free(f);
}

static void takes_frames_in_any_parts(void **state)
{
	struct nc_buf b = { .max = 1024 };

	(void)state;
	example(&b);
	for (size_t i = 0; i <= b.len; i++) {
		struct nc_frames f = { .left = 0 };
		struct seen s = { .count = 0 };
		assert_int_equal(nc_frames_feed(&f, b.data, i, on_frame, &s), 0);
		assert_int_equal(nc_frames_feed(&f, b.data + i, b.len - i, on_frame, &s), 0);
		check_example(&s, &f);
	}
	struct nc_frames f = { .left = 0 };
	struct seen s = { .count = 0 };
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(nc_frames_feed(&f, b.data + i, 1, on_frame, &s), 0);
	check_example(&s, &f);
	nc_buf_free(&b);
}

static int feed_head(uint8_t type, size_t len)
{
	struct nc_frames f = { .left = 0 };
	struct seen s = { .count = 0 };
	uint8_t head[NC_FRAME_HEADER];

	nc_frame_header(head, type, len);
	int rc = nc_frames_feed(&f, head, sizeof(head), on_frame, &s);
	/* whatever a header says, it takes no memory */
	assert_null(f.partial.data);
	nc_frames_free(&f);
	nc_buf_free(&s.bytes);
	return rc;
}

static void refuses_long_frames(void **state)
{
	(void)state;
	assert_int_equal(feed_head(NC_FRAME_BLOCK, NC_BLOCK_SIZE_MAX), 0);
	assert_int_equal(feed_head(NC_FRAME_BLOCK, NC_BLOCK_SIZE_MAX + 1), -EMSGSIZE);
	assert_int_equal(feed_head(NC_FRAME_SEALED, NC_BLOCK_SIZE_MAX + 64), 0);
	assert_int_equal(feed_head(NC_FRAME_SEALED, NC_BLOCK_SIZE_MAX + 65), -EMSGSIZE);
	for (uint8_t t = NC_FRAME_HELLO; t < NC_FRAME_TYPES; t++) {
		if (t == NC_FRAME_BLOCK || t == NC_FRAME_SEALED)
			continue;
		assert_int_equal(feed_head(t, NC_FRAME_MESSAGE_MAX), 0);
		assert_int_equal(feed_head(t, NC_FRAME_MESSAGE_MAX + 1), -EMSGSIZE);
	}
	/* nothing is kept of what nobody knows */
	assert_int_equal(feed_head(77, NC_FRAME_LENGTH_MAX), 0);
}

static void skips_without_memory(void **state)
{
	struct nc_frames f = { .left = 0 };
	struct seen s = { .count = 0 };
	uint8_t head[NC_FRAME_HEADER], junk[1000] = { 0 };

	(void)state;
	nc_frame_header(head, 77, 100 * sizeof(junk));
	assert_int_equal(nc_frames_feed(&f, head, sizeof(head), on_frame, &s), 0);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(f.skipped, 0);
		assert_int_equal(nc_frames_feed(&f, junk, sizeof(junk), on_frame, &s), 0);
	}
	assert_int_equal(f.skipped, 1);
	assert_null(f.partial.data);
	assert_int_equal(s.count, 0);
}

static void ends_when_told(void **state)
{
	struct nc_buf b = { .max = 1024 };
	struct nc_frames f = { .left = 0 };
	struct seen s = { .code = -ECANCELED };

	(void)state;
	example(&b);
	assert_int_equal(nc_frames_feed(&f, b.data, b.len, on_frame, &s), -ECANCELED);
	assert_int_equal(s.count, 1);
	nc_buf_free(&b);
	nc_buf_free(&s.bytes);
	nc_frames_free(&f);
}

static void gives_memory_back(void **state)
{
	struct nc_frames f = { .left = 0 };
	struct seen s = { .count = 0 };
	struct nc_buf b = { .max = 1024 };

	(void)state;
	add(&b, NC_FRAME_BLOCK, "0123456789", 10);
	assert_int_equal(nc_frames_feed(&f, b.data, 8, on_frame, &s), 0);
	nc_frames_trim(&f);
	assert_int_equal(f.partial.len, 4);
	assert_int_equal(nc_frames_feed(&f, b.data + 8, 6, on_frame, &s), 0);
	assert_memory_equal(s.bytes.data, "0123456789", 10);
	nc_frames_trim(&f);
	assert_null(f.partial.data);
	nc_buf_free(&b);
	nc_buf_free(&s.bytes);
}

/* Packs a message, then unpacks it again with the checks. */
static bool passes(enum nc_frame_type type, const ProtobufCMessage *m)
{
	struct nc_buf b = { .max = NC_FRAME_MESSAGE_MAX };
	int rc = nc_frame_pack(m, &b);
	ProtobufCMessage *back = rc ? NULL : nc_frame_unpack(type, b.data, b.len);

	if (back)
		protobuf_c_message_free_unpacked(back, NULL);
	nc_buf_free(&b);
	return back != NULL;
}

static void checks_messages(void **state)
{
	static char large[300], fits[257];
	Session__Hello h = SESSION__HELLO__INIT;
	Session__Ack a = SESSION__ACK__INIT;
	Session__Range r = SESSION__RANGE__INIT;
	Session__Command c = SESSION__COMMAND__INIT;
	Session__Reject j = SESSION__REJECT__INIT;
	Session__Range *ranges[NC_FRAME_RANGES_MAX + 1];

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	memset(fits, 'x', sizeof(fits) - 1);
	h.software = fits;
	assert_true(passes(NC_FRAME_HELLO, &h.base));
	h.software = large;
	assert_false(passes(NC_FRAME_HELLO, &h.base));
	j.reason = large;
	assert_false(passes(NC_FRAME_REJECT, &j.base));
	assert_false(passes(NC_FRAME_COMMAND, &c.base));
	c.name = (char *)(uintptr_t)"status";
	assert_true(passes(NC_FRAME_COMMAND, &c.base));
	r.from = r.to = 7;
	for (size_t i = 0; i < NC_FRAME_RANGES_MAX + 1; i++)
		ranges[i] = &r;
	a.ranges = ranges;
	a.n_ranges = NC_FRAME_RANGES_MAX;
	assert_true(passes(NC_FRAME_ACK, &a.base));
	a.n_ranges++;
	assert_false(passes(NC_FRAME_ACK, &a.base));
	a.n_ranges = 1;
	r.from = 8;
	assert_false(passes(NC_FRAME_ACK, &a.base));
	assert_null(nc_frame_unpack(NC_FRAME_BLOCK, (const uint8_t *)"", 0));
	assert_null(nc_frame_unpack((enum nc_frame_type)99, (const uint8_t *)"", 0));
	assert_null(nc_frame_unpack(NC_FRAME_ACK, (const uint8_t *)"\xff", 1));
}

static void checks_keys(void **state)
{
	uint8_t bytes[NC_KEY_PROOF + 1] = { 1 };
	char large[300] = "";
	Session__NextKey n = SESSION__NEXT_KEY__INIT;
	Session__KeyKept k = SESSION__KEY_KEPT__INIT;

	(void)state;
	n.key.data = n.proof.data = k.key.data = bytes;
	for (n.key.len = 0; n.key.len < 40; n.key.len++)
		assert_int_equal(passes(NC_FRAME_NEXT_KEY, &n.base), n.key.len == NC_KEY_LEN);
	n.key.len = NC_KEY_LEN;
	for (n.proof.len = 0; n.proof.len <= sizeof(bytes); n.proof.len++)
		assert_int_equal(passes(NC_FRAME_NEXT_KEY, &n.base), n.proof.len == 0 || n.proof.len == NC_KEY_PROOF);
	for (k.key.len = 0; k.key.len < 40; k.key.len++)
		assert_int_equal(passes(NC_FRAME_KEY_KEPT, &k.base), k.key.len == NC_KEY_LEN);
	k.key.len = NC_KEY_LEN;
	memset(large, 'x', sizeof(large) - 1);
	k.error = large;
	assert_false(passes(NC_FRAME_KEY_KEPT, &k.base));
}

static const char *agree(uint32_t *versions, size_t n, uint32_t *got)
{
	static char line[256];
	Session__Hello h = SESSION__HELLO__INIT;
	struct nc_buf why = { .max = 1024 };

	h.versions = versions;
	h.n_versions = n;
	*got = nc_session_agree(&h, "sensor", &why);
	strncpy(line, nc_buf_cstr(&why), sizeof(line) - 1);
	nc_buf_free(&why);
	return line;
}

static void agrees_on_versions(void **state)
{
	uint32_t both[] = { 2, 1 }, later[] = { 4, 3 }, zero[] = { 0 }, got;

	(void)state;
	assert_string_equal(agree(both, 2, &got), "");
	assert_int_equal(got, 1);
	assert_string_equal(agree(later, 2, &got),
	                    "the sensor speaks session version 3 and later, this side 1: upgrade this side");
	assert_int_equal(got, 0);
	assert_string_equal(agree(zero, 1, &got), "the sensor names no version of the session");
	assert_string_equal(agree(zero, 0, &got), "the sensor names no version of the session");
	assert_int_equal(got, 0);
}

static void names_its_types(void **state)
{
	(void)state;
	assert_null(nc_frame_name(0));
	assert_null(nc_frame_name(NC_FRAME_TYPES));
	for (uint8_t t = NC_FRAME_HELLO; t < NC_FRAME_TYPES; t++)
		assert_non_null(nc_frame_name(t));
	assert_string_equal(nc_frame_name(NC_FRAME_BLOCK), "block");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_frames_in_any_parts), cmocka_unit_test(refuses_long_frames),
		cmocka_unit_test(skips_without_memory),      cmocka_unit_test(ends_when_told),
		cmocka_unit_test(gives_memory_back),         cmocka_unit_test(checks_messages),
		cmocka_unit_test(checks_keys),
		cmocka_unit_test(agrees_on_versions),        cmocka_unit_test(names_its_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
