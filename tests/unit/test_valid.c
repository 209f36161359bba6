/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of nc_record_valid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "netcap.pb-c.h"
#include "record/pack.h"

#define VALID(desc, bytes) nc_record_valid(&(desc), (const uint8_t *)(bytes), sizeof(bytes) - 1, true)

static void fields(void **state)
{
	(void)state;
	assert_true(VALID(types__tcp__descriptor, ""));
	assert_true(VALID(types__tcp__descriptor, "\x0a\x03" "1.2" "\x10\x50"));
	assert_true(VALID(types__tcp__descriptor, "\xa9\x01" "12345678"));                           /* a double */
	assert_true(VALID(types__tcp__descriptor, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); /* -1 */
	assert_true(VALID(types__tcp__descriptor, "\xa2\x01\x02\x08\x01"));                         /* an option */
	assert_true(VALID(types__tcp__descriptor, "\xf8\x7f\x05"));                                 /* unknown fields */
	assert_true(VALID(types__tcp__descriptor, "\xfa\x7f\x03" "abc"));
	assert_true(VALID(types__tcp__descriptor, "\xfd\x7f" "1234"));
	assert_true(VALID(types__tlsclient_hello__descriptor, "\x78\x01\x78\x02")); /* repeated numbers, one by one */
	assert_true(VALID(types__tlsclient_hello__descriptor, "\x7a\x03\x01\x80\x01")); /* and packed */
	assert_true(VALID(types__tlsclient_hello__descriptor, "\x7a\x00"));
}

static void contradictions(void **state)
{
	(void)state;
	assert_false(VALID(types__tcp__descriptor, "\x0a"));
	assert_false(VALID(types__tcp__descriptor, "\x0a\x04" "1.2"));
	assert_false(VALID(types__tcp__descriptor, "\x0a\xff\xff\xff\xff\x0f"));
	assert_false(VALID(types__tcp__descriptor, "\x0a\x83\x80\x80\x80\x80\x00" "1.2")); /* length in six bytes */
	assert_false(VALID(types__tcp__descriptor, "\x10"));
	assert_false(VALID(types__tcp__descriptor, "\x10\x80"));
	assert_false(VALID(types__tcp__descriptor, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	assert_false(VALID(types__tcp__descriptor, "\x08\x01"));     /* Timestamp as a number */
	assert_false(VALID(types__tcp__descriptor, "\x12\x01" "a")); /* SrcPort as bytes: not repeated, so not packed */
	assert_false(VALID(types__tcp__descriptor, "\x11" "12345678"));
	assert_false(VALID(types__tcp__descriptor, "\xa9\x01" "1234567"));
	assert_false(VALID(types__tcp__descriptor, "\xa2\x01\x02\x0a\x01")); /* wrong inside the option */
	assert_false(VALID(types__tcp__descriptor, "\xfb\x7f\xfc\x7f"));     /* groups */
	assert_false(VALID(types__tcp__descriptor, "\xfe\x7f\x00"));         /* wire types 6, 7 */
	assert_false(VALID(types__tcp__descriptor, "\xff\x7f\x00"));
	assert_false(VALID(types__tcp__descriptor, "\x00\x01")); /* field number 0 */
	assert_false(VALID(types__tcp__descriptor, "\x80\x80\x80\x80\x80\x01\x00"));
	assert_false(VALID(types__tlsclient_hello__descriptor, "\x7a\x02\x01\x80")); /* packed, cut */
}

static void utf8(void **state)
{
	static const char bad[] = "\x0a\x02" "a\xff";
	static const char good[] = "\x0a\x03" "a\xc3\xa9";
	static const char bytes[] = "\x9a\x01\x01\xff"; /* Padding, no string */

	(void)state;
	assert_false(VALID(types__tcp__descriptor, bad));
	assert_true(nc_record_valid(&types__tcp__descriptor, (const uint8_t *)bad, sizeof(bad) - 1, false));
	assert_true(VALID(types__tcp__descriptor, good));
	assert_true(VALID(types__tcp__descriptor, bytes));
}

/* GRERouting within GRERouting: `levels` messages in all, wrapped in a GRE. */
static void nested(struct nc_buf *b, unsigned levels)
{
	uint8_t copy[256];

	nc_buf_reset(b);
	for (unsigned i = 1; i < levels; i++) {
		size_t n = b->len;
		assert_true(n < 100);
		if (n)
			memcpy(copy, b->data, n);
		nc_buf_reset(b);
		if (i + 1 == levels) {
			nc_buf_u8(b, 0x8a); /* GRE.Routing, field 17 */
			nc_buf_u8(b, 0x01);
		} else {
			nc_buf_u8(b, 0x2a); /* GRERouting.Next */
		}
		nc_buf_u8(b, (uint8_t)n);
		nc_buf_add(b, copy, n);
	}
}

static void depth(void **state)
{
	struct nc_buf b = { 0 };

	(void)state;
	nested(&b, 16);
	assert_true(nc_record_valid(&types__gre__descriptor, b.data, b.len, true));
	nested(&b, 17);
	assert_false(nc_record_valid(&types__gre__descriptor, b.data, b.len, true));
	nc_buf_free(&b);
}

/* Whatever is valid can be unpacked, at whichever byte a record is cut or changed. */
static void agrees_with_unpack(void **state)
{
	static const uint8_t record[] = "\x0a\x03" "1.2\x10\x50\x9a\x01\x02" "ab\xa2\x01\x05\x08\x01\x1a\x01x\xa9\x01" "12345678";
	uint8_t copy[sizeof(record)];

	(void)state;
	for (size_t at = 0; at < sizeof(record) - 1; at++) {
		for (unsigned v = 0; v < 256; v++) {
			memcpy(copy, record, sizeof(copy));
			copy[at] = (uint8_t)v;
			for (size_t n = at; n < sizeof(record); n++) {
				if (!nc_record_valid(&types__tcp__descriptor, copy, n, false))
					continue;
				ProtobufCMessage *m = protobuf_c_message_unpack(&types__tcp__descriptor, NULL, n, copy);
				assert_non_null(m);
				protobuf_c_message_free_unpacked(m, NULL);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields), cmocka_unit_test(contradictions),    cmocka_unit_test(utf8),
		cmocka_unit_test(depth),  cmocka_unit_test(agrees_with_unpack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
