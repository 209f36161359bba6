/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the files in a sensor's folder. */
#include "config.h"

#include "collectord/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define END     ".ncap.gz"
#define CLOSING ".closing"

enum { STAMP_LEN = 16, YEAR_MAX = 9999 };

void nc_name_print(const struct nc_name *n, char out[static NC_NAME_TEXT])
{
	char stamp[STAMP_LEN + 1] = "", suffix[16] = "";
	time_t t = (time_t)n->start;
	struct tm tm;

	if (n->kind == NC_NAME_LIVE) {
		if (n->k > 1)
			snprintf(suffix, sizeof(suffix), ".%u", n->k);
		snprintf(out, NC_NAME_TEXT, "%s%s" END, n->type->name, suffix);
		return;
	}
	if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 > YEAR_MAX || t < 0)
		memset(&tm, 0, sizeof(tm));
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	if (n->suffix)
		snprintf(suffix, sizeof(suffix), "-%u", n->suffix);
	snprintf(out, NC_NAME_TEXT, "%s.%s%s" END "%s", n->type->name, stamp, suffix, n->kind == NC_NAME_CLOSING ? CLOSING : "");
}

static bool cut_end(char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	if (n < m || memcmp(s + n - m, end, m) != 0)
		return false;
	s[n - m] = '\0';
	return true;
}

static bool parse_stamp(const char *s, struct nc_name *n)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *rest = strptime(s, "%Y%m%dT%H%M%SZ", &tm);

	if (!rest || (*rest != '\0' && *rest != '-'))
		return false;
	n->start = (int64_t)timegm(&tm);
	n->suffix = *rest == '-' ? (unsigned)strtoul(rest + 1, NULL, 10) : 0;
	return n->suffix <= NC_NAME_SUFFIX;
}

bool nc_name_parse(const char *s, struct nc_name *ret)
{
	struct nc_name n = { .kind = NC_NAME_LIVE, .k = 1 };
	char text[NC_NAME_TEXT], again[NC_NAME_TEXT];

	if (strlen(s) >= sizeof(text))
		return false;
	memcpy(text, s, strlen(s) + 1);
	bool closing = cut_end(text, CLOSING);
	if (!cut_end(text, END))
		return false;
	char *dot = strchr(text, '.');
	if (dot) {
		*dot++ = '\0';
		if (strlen(dot) == 1)
			n.k = (unsigned)(dot[0] - '0');
		else if (parse_stamp(dot, &n))
			n.kind = closing ? NC_NAME_CLOSING : NC_NAME_FINISHED;
		else
			return false;
	}
	n.type = nc_type_by_name(text);
	if (!n.type || (n.kind == NC_NAME_LIVE && (closing || n.k < 1 || n.k > NC_NAME_K)))
		return false;
	nc_name_print(&n, again);
	if (strcmp(again, s) != 0)
		return false;
	*ret = n;
	return true;
}
