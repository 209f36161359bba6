/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of base/text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

static void mac(void **state)
{
	char out[NC_TEXT_MAC];

	(void)state;
	assert_int_equal(nc_text_mac(out, (const uint8_t[]){ 0, 0x1b, 0xff, 0x0a, 0xa0, 9 }), 17);
	assert_string_equal(out, "00:1b:ff:0a:a0:09");
}

static void ipv4(void **state)
{
	static const struct {
		uint8_t ip[4];
		const char *text;
	} cases[] = {
		{ { 0, 0, 0, 0 }, "0.0.0.0" },
		{ { 255, 255, 255, 255 }, "255.255.255.255" },
		{ { 9, 10, 99, 100 }, "9.10.99.100" },
		{ { 101, 200, 109, 205 }, "101.200.109.205" },
	};
	char out[NC_TEXT_IPV4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nc_text_ipv4(out, cases[i].ip), strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
	}
}

static void ipv6(void **state)
{
	static const struct {
		uint16_t group[8];
		const char *text;
	} cases[] = {
		{ { 0 }, "::" },
		{ { 0, 0, 0, 0, 0, 0, 0, 1 }, "::1" },
		{ { 1 }, "1::" },
		{ { 0xfe80, 0, 0, 0, 0x0202, 0xb3ff, 0xfe1e, 0x8329 }, "fe80::202:b3ff:fe1e:8329" },
		{ { 0x2001, 0xdb8, 0, 1, 1, 1, 1, 1 }, "2001:db8:0:1:1:1:1:1" },           /* one zero group stays */
		{ { 0x2001, 0xdb8, 0, 0, 1, 0, 0, 1 }, "2001:db8::1:0:0:1" },              /* the first of equal runs */
		{ { 0x2001, 0, 0, 1, 0, 0, 0, 1 }, "2001:0:0:1::1" },                      /* the longest run */
		{ { 1, 2, 3, 4, 5, 6, 0, 0 }, "1:2:3:4:5:6::" },
		{ { 0, 0, 3, 4, 5, 6, 7, 8 }, "::3:4:5:6:7:8" },
		{ { 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff }, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ { 0, 0, 0, 0, 0, 0xffff, 0xc0a8, 0x0102 }, "192.168.1.2" },
		{ { 0, 0, 0, 0, 0, 0, 0xc0a8, 0x0102 }, "::c0a8:102" },                    /* compatible is not mapped */
		{ { 0, 0, 0, 0, 1, 0xffff, 0xc0a8, 0x0102 }, "::1:ffff:c0a8:102" },
	};
	char out[NC_TEXT_IPV6];
	uint8_t ip[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < 8; k++) {
			ip[2 * k] = (uint8_t)(cases[i].group[k] >> 8);
			ip[2 * k + 1] = (uint8_t)cases[i].group[k];
		}
		assert_int_equal(nc_text_ipv6(out, ip), strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
	}
}

static void numbers(void **state)
{
	char out[21];

	(void)state;
	assert_int_equal(nc_text_u64(out, 0), 1);
	assert_string_equal(out, "0");
	assert_int_equal(nc_text_u64(out, 10), 2);
	assert_string_equal(out, "10");
	assert_int_equal(nc_text_u64(out, 100), 3);
	assert_string_equal(out, "100");
	assert_int_equal(nc_text_u64(out, UINT64_MAX), 20);
	assert_string_equal(out, "18446744073709551615");
}

static void hex(void **state)
{
	static const uint8_t bytes[] = { 0, 0x9a, 0xaf, 0xff };
	uint8_t back[4];
	char out[9];

	(void)state;
	assert_int_equal(nc_text_hex(out, bytes, 4), 8);
	assert_string_equal(out, "009aafff");
	assert_int_equal(nc_text_hex(out, NULL, 0), 0);
	assert_string_equal(out, "");
	assert_true(nc_text_unhex(back, 4, "009aAFfF"));
	assert_memory_equal(back, bytes, 4);
	assert_false(nc_text_unhex(back, 4, "009aaff"));
	assert_false(nc_text_unhex(back, 4, "009aafff0"));
	assert_false(nc_text_unhex(back, 4, "009aaffg"));
	assert_false(nc_text_unhex(back, 4, ""));
	assert_false(nc_text_unhex(back, 4, "00 aafff"));
	assert_true(nc_text_unhex(back, 0, ""));
}

static size_t utf8_length(const char *s)
{
	return nc_text_utf8((const uint8_t *)s, strlen(s));
}

static void utf8(void **state)
{
	(void)state;
	assert_int_equal(utf8_length("a"), 1);
	assert_int_equal(utf8_length("\xc3\xa9"), 2);
	assert_int_equal(utf8_length("\xe2\x82\xac!"), 3);
	assert_int_equal(utf8_length("\xf0\x9f\x98\x80"), 4);
	assert_int_equal(utf8_length("\xf4\x8f\xbf\xbf"), 4);
	assert_int_equal(utf8_length(""), 0);
	assert_int_equal(utf8_length("\x80"), 0);
	assert_int_equal(utf8_length("\xc3"), 0);         /* cut */
	assert_int_equal(utf8_length("\xe2\x82"), 0);
	assert_int_equal(utf8_length("\xf0\x9f\x98"), 0);
	assert_int_equal(utf8_length("\xc0\xaf"), 0);     /* overlong */
	assert_int_equal(utf8_length("\xe0\x9f\xbf"), 0);
	assert_int_equal(utf8_length("\xf0\x8f\xbf\xbf"), 0);
	assert_int_equal(utf8_length("\xed\xa0\x80"), 0); /* surrogate */
	assert_int_equal(utf8_length("\xf4\x90\x80\x80"), 0);
	assert_int_equal(utf8_length("\xf5\x80\x80\x80"), 0);
}

static void escape(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(nc_text_escape(out, sizeof(out), "a\nb\\c\0d", 7), "a\\x0ab\\x5cc\\x00d");
	assert_string_equal(nc_text_escape(out, sizeof(out), "\xc3\xa9\xff\x7f", 4), "\xc3\xa9\\xff\\x7f");
	assert_string_equal(nc_text_escape(out, sizeof(out), "\xc2\x9b" "2J", 4), "\\xc2\\x9b2J"); /* a C1 control */
	assert_string_equal(nc_text_escape(out, 5, "abcdefgh", 8), "abcd");
	assert_string_equal(nc_text_escape(out, 6, "ab\n", 3), "ab"); /* no half escapes */
	assert_string_equal(nc_text_escape(out, 7, "ab\n", 3), "ab\\x0a");
	assert_string_equal(nc_text_escape(out, 3, "a\xc3\xa9", 3), "a"); /* nor half characters */
	assert_string_equal(nc_text_escape(out, 1, "abc", 3), "");
}

static void nearest(void **state)
{
	static const char *const names[] = { "table", "tsv", "select", "struct-sep", "TCP" };
	char huge[200];

	(void)state;
	assert_string_equal(nc_text_nearest("tabel", names, 5), "table");
	assert_string_equal(nc_text_nearest("TABLES", names, 5), "table");
	assert_string_equal(nc_text_nearest("tpc", names, 5), "TCP");
	assert_string_equal(nc_text_nearest("structsep", names, 5), "struct-sep");
	assert_null(nc_text_nearest("wxyz", names, 5));
	assert_null(nc_text_nearest("select", names, 0));
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(nc_text_nearest(huge, names, 5));
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "42", 0, 42 },
		{ "2K", 0, 2048 },
		{ "2k", 0, 2048 },
		{ "3MiB", 0, 3u << 20 },
		{ "1GB", 0, 1u << 30 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "17179869184G", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 },
		{ "1T", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = 77;
		assert_int_equal(nc_text_size(cases[i].text, &v), cases[i].rc);
		assert_int_equal(v, cases[i].rc ? 77 : cases[i].value);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t value;
	} cases[] = {
		{ "500ms", 0, 500000000 },
		{ "30s", 0, 30000000000 },
		{ "30", 0, 30000000000 },
		{ "5m", 0, 300000000000 },
		{ "2h", 0, 7200000000000 },
		{ "1d", 0, 86400000000000 },
		{ "0", 0, 0 },
		{ "9223372036", 0, 9223372036000000000 },
		{ "9223372037", -ERANGE, 0 },
		{ "106752d", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "s", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1us", -EINVAL, 0 },
		{ "1s2", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t v = 77;
		assert_int_equal(nc_text_duration(cases[i].text, &v), cases[i].rc);
		assert_int_equal(v, cases[i].rc ? 77 : cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac),     cmocka_unit_test(ipv4),   cmocka_unit_test(ipv6),    cmocka_unit_test(numbers),
		cmocka_unit_test(hex),     cmocka_unit_test(utf8),   cmocka_unit_test(escape),  cmocka_unit_test(nearest),
		cmocka_unit_test(sizes),   cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
