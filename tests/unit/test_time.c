/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of base/time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/time.h"

static void stamp(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0.000000" },
		{ 999, "0.000000" },
		{ 1000, "0.000001" },
		{ 1757937600007999123, "1757937600.007999" },
		{ 1757937600999999999, "1757937600.999999" },
		{ -1, "-1.999999" }, /* rounded down, so that the digits behind the dot still count up */
		{ -500000000, "-1.500000" },
		{ INT64_MAX, "9223372036.854775" },
		{ INT64_MIN, "-9223372037.145224" },
	};
	char out[NC_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nc_time_stamp(out, cases[i].ns), strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
	}
}

static void parse(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t ns;
	} cases[] = {
		{ "1757937600.007999", 0, 1757937600007999000 },
		{ "1757937600.7999", 0, 1757937600007999000 }, /* 2019 does not pad */
		{ "1757937600", 0, 1757937600000000000 },
		{ "0.0", 0, 0 },
		{ "-1.500000", 0, -500000000 },
		{ "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "1.", -EINVAL, 0 },
		{ "1.0000000", -EINVAL, 0 },
		{ "1.5 ", -EINVAL, 0 },
		{ " 1.5", -EINVAL, 0 },
		{ "1.-5", -EINVAL, 0 },
		{ "99999999999.1", -EINVAL, 0 },
		{ "9223372036.854776", -EINVAL, 0 },
		{ "18446744073709551617.1", -EINVAL, 0 },
		{ "abc", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns = 77;
		assert_int_equal(nc_time_parse(cases[i].text, &ns), cases[i].rc);
		assert_int_equal(ns, cases[i].rc ? 77 : cases[i].ns);
	}
}

static void utc(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01 00:00:00 +0000 UTC" },
		{ 1331904607290000000, "2012-03-16 13:30:07.29 +0000 UTC" },
		{ 1331904607000001000, "2012-03-16 13:30:07.000001 +0000 UTC" },
		{ 1582934400000000001, "2020-02-29 00:00:00.000000001 +0000 UTC" },
		{ -1, "1969-12-31 23:59:59.999999999 +0000 UTC" },
		{ INT64_MAX, "2262-04-11 23:47:16.854775807 +0000 UTC" },
		{ INT64_MIN, "1677-09-21 00:12:43.145224192 +0000 UTC" },
	};
	char out[NC_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nc_time_utc(out, cases[i].ns), strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
	}
	assert_int_equal(nc_time_iso(out, 1331904607290000000), 20);
	assert_string_equal(out, "2012-03-16T13:30:07Z");
}

static void clocks(void **state)
{
	(void)state;
	assert_true(nc_time_real() > INT64_C(1700000000) * NC_NS_PER_S);
	int64_t before = nc_time_mono();
	assert_true(before > 0);
	assert_true(nc_time_mono() >= before);
}

/* Our own calendar against the C library's, over all that an int64_t of nanoseconds holds. */
static void civil_agrees_with_libc(void **state)
{
	char ours[NC_TIME_TEXT], theirs[NC_TIME_TEXT];

	(void)state;
	for (int64_t s = -9223372036; s < 9223372036; s += 86399 * 3 + 7) {
		time_t t = (time_t)s;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm);
		nc_time_iso(ours, s * NC_NS_PER_S);
		assert_string_equal(ours, theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(civil_agrees_with_libc),
		cmocka_unit_test(stamp),
		cmocka_unit_test(parse),
		cmocka_unit_test(utc),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
