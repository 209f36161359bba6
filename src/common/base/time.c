/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clocks and the text forms of time stamps. */
#include "config.h"

#include "base/time.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * NC_NS_PER_S + ts.tv_nsec;
}

int64_t nc_time_real(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t nc_time_mono(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Seconds, rounded down, so that the fraction *ns is never negative. */
static int64_t split(int64_t t, uint32_t *ns)
{
	int64_t s = t / NC_NS_PER_S;
	int64_t rest = t % NC_NS_PER_S;

	if (rest < 0) {
		rest += NC_NS_PER_S;
		s--;
	}
	*ns = (uint32_t)rest;
	return s;
}

/* v as exactly n digits. */
static char *put_digits(char *o, uint32_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		o[i] = (char)('0' + v % 10);
	return o + n;
}

size_t nc_time_stamp(char out[static NC_TIME_TEXT], int64_t ns)
{
	uint32_t rest;
	int64_t s = split(ns, &rest);
	char *o = out;

	if (s < 0) {
		*o++ = '-';
		s = -s;
	}
	o += nc_text_u64(o, (uint64_t)s);
	*o++ = '.';
	o = put_digits(o, rest / 1000, 6);
	*o = '\0';
	return (size_t)(o - out);
}

/* The digits at *s, at most `max` of them; false when there is none or one too many. */
static bool take_digits(const char **s, unsigned max, int64_t *ret)
{
	unsigned n = 0;
	int64_t v = 0;

	for (; **s >= '0' && **s <= '9'; (*s)++, n++) {
		if (n == max)
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return n > 0;
}

int nc_time_parse(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	int64_t sec, usec = 0, ns;

	s += negative;
	if (!take_digits(&s, 12, &sec))
		return -EINVAL;
	if (*s == '.') {
		s++;
		if (!take_digits(&s, 6, &usec))
			return -EINVAL;
	}
	if (*s || __builtin_mul_overflow(negative ? -sec : sec, NC_NS_PER_S, &ns) || __builtin_add_overflow(ns, usec * 1000, &ns))
		return -EINVAL;
	*ret = ns;
	return 0;
}

#define DAY_S       86400
#define ERA_DAYS    146097 /* of 400 Gregorian years */
#define EPOCH_DAYS  719468 /* from 1 March of year 0 to 1 January 1970 */

/* Date and time of seconds since the epoch, `between` the two. Not by gmtime_r(3): that reads the time zone's file, and workers
 * may not open any. Years are counted from March here, so that the leap day is the last of a year. */
static char *put_civil(char *o, int64_t s, char between)
{
	int64_t second = s % DAY_S, days = s / DAY_S;

	if (second < 0) {
		second += DAY_S;
		days--;
	}
	days += EPOCH_DAYS;
	int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS, of_era = days - era * ERA_DAYS;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * of_year + 2) / 153, day = of_year - (153 * march_month + 2) / 5 + 1;
	int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
	int64_t year = year_of_era + era * 400 + (month <= 2);

	o = put_digits(o, (uint32_t)year, 4);
	*o++ = '-';
	o = put_digits(o, (uint32_t)month, 2);
	*o++ = '-';
	o = put_digits(o, (uint32_t)day, 2);
	*o++ = between;
	o = put_digits(o, (uint32_t)(second / 3600), 2);
	*o++ = ':';
	o = put_digits(o, (uint32_t)(second / 60 % 60), 2);
	*o++ = ':';
	return put_digits(o, (uint32_t)(second % 60), 2);
}

size_t nc_time_utc(char out[static NC_TIME_TEXT], int64_t ns)
{
	uint32_t rest;
	char *o = put_civil(out, split(ns, &rest), ' ');

	if (rest) {
		*o++ = '.';
		o = put_digits(o, rest, 9);
		while (o[-1] == '0')
			o--;
	}
	memcpy(o, " +0000 UTC", sizeof(" +0000 UTC"));
	return (size_t)(o - out) + sizeof(" +0000 UTC") - 1;
}

size_t nc_time_iso(char out[static NC_TIME_TEXT], int64_t ns)
{
	uint32_t rest;
	char *o = put_civil(out, split(ns, &rest), 'T');

	*o++ = 'Z';
	*o = '\0';
	return (size_t)(o - out);
}
