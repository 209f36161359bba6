/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scan of a configuration text before libconfig sees it. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/private.h"

struct scan {
	const char *at;
	struct nc_buf *out;
	unsigned line;
};

static void copy(struct scan *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->line += s->at[i] == '\n';
	nc_buf_add(s->out, s->at, n);
	s->at += n;
}

static const char *block_comment(struct scan *s)
{
	const char *end = strstr(s->at + 2, "*/");

	if (!end)
		return "comment without an end";
	copy(s, (size_t)(end - s->at) + 2);
	return NULL;
}

static const char *string(struct scan *s)
{
	const char *p = s->at + 1;

	for (; *p && *p != '"'; p++) {
		if (*p != '\\')
			continue;
		if (strncasecmp(p, "\\x00", 4) == 0)
			return "NUL byte in a string";
		if (*++p == '\0')
			break;
	}
	if (!*p)
		return "string without an end";
	copy(s, (size_t)(p - s->at) + 1);
	return NULL;
}

static const char *number(struct scan *s)
{
	bool hex = s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X') && isxdigit((unsigned char)s->at[2]);
	char *end;

	errno = 0;
	(void)strtoll(s->at, &end, hex ? 16 : 10);
	if (errno == ERANGE)
		return "number too large";
	copy(s, (size_t)(end - s->at));
	if (*s->at == 'L')
		copy(s, strspn(s->at, "L"));
	else if (!strchr(".eE", *s->at) || hex || *s->at == '\0')
		nc_buf_u8(s->out, 'L');
	else
		copy(s, strspn(s->at, ".0123456789eE+-"));
	return NULL;
}

static const char *token(struct scan *s)
{
	unsigned char c = (unsigned char)*s->at;

	if (c == '@')
		return "include directives are refused";
	if (c == '"')
		return string(s);
	if (strncmp(s->at, "/*", 2) == 0)
		return block_comment(s);
	if (isdigit(c))
		return number(s);
	if (c == '#' || strncmp(s->at, "//", 2) == 0)
		copy(s, strcspn(s->at, "\n"));
	else if (isalpha(c) || c == '*' || c == '_')
		copy(s, strspn(s->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*"));
	else if (c == '.')
		copy(s, 1 + strspn(s->at + 1, "0123456789eE+-"));
	else
		copy(s, 1);
	return NULL;
}

const char *nc_conf_scan(const char *text, struct nc_buf *out, unsigned *line)
{
	struct scan s = { .at = text, .out = out, .line = 1 };
	const char *wrong = NULL;

	while (*s.at && !wrong)
		wrong = token(&s);
	if (out->len && !out->failed && out->data[out->len - 1] != '\n')
		nc_buf_u8(out, '\n'); /* libconfig takes no comment that the file's end ends */
	*line = s.line;
	return wrong;
}
