/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of HTTP/1.x: where they end, and what a start line says (RFC 9112 sections 2 to 4). */
#include "config.h"

#include <string.h>

#include "flow/http/line.h"

#define HTTP1       "HTTP/1."
#define HTTP1_SIZE  8u  /* with its digit */
#define STATUS_SIZE  12u /* version, space, three digits */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* RFC 9110 section 5.6.2: letters, digits and some of the rest */
static bool is_tchar(uint8_t c)
{
	if (is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool nc_http_token(struct nc_http_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar(s.p[i]))
			return false;
	return s.n > 0;
}

bool nc_http_same(struct nc_http_span s, const char *word)
{
	if (s.n != strlen(word))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (lower(s.p[i]) != (uint8_t)word[i])
			return false;
	return true;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct nc_http_span nc_http_trim(struct nc_http_span s)
{
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_space(*s.p))
		s.p++, s.n--;
	return s;
}

struct nc_http_span nc_http_cut(struct nc_http_span s, char c, struct nc_http_span *rest)
{
	const uint8_t *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
	size_t n = at ? (size_t)(at - s.p) : s.n;

	*rest = at ? (struct nc_http_span){ at + 1, s.n - n - 1 } : (struct nc_http_span){ NULL, 0 };
	return (struct nc_http_span){ s.p, n };
}

bool nc_http_line(struct nc_rd *r, size_t *scanned, struct nc_http_span *ret)
{
	size_t known = *scanned < r->left ? *scanned : r->left;
	const uint8_t *end = r->left > known ? memchr(r->p + known, '\n', r->left - known) : NULL;

	if (!end) {
		*scanned = r->left;
		return false;
	}
	*ret = (struct nc_http_span){ r->p, (size_t)(end - r->p) };
	nc_rd_skip(r, ret->n + 1);
	*scanned = 0;
	while (ret->n > 0 && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static enum nc_guess begins_status(const uint8_t *p, size_t n)
{
	size_t k = strlen(HTTP1);

	return memcmp(p, HTTP1, n < k ? n : k) == 0 ? NC_GUESS_MORE : NC_GUESS_NO;
}

enum nc_guess nc_http_begins(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && i <= NC_HTTP_METHOD_MAX && is_tchar(p[i]))
		i++;
	if (i == n)
		return i <= NC_HTTP_METHOD_MAX ? NC_GUESS_MORE : NC_GUESS_NO;
	if (p[i] == '/' && i > 0)
		return begins_status(p, n);
	if (p[i] != ' ' || i == 0 || i > NC_HTTP_METHOD_MAX)
		return NC_GUESS_NO;
	return i + 1 == n || p[i + 1] > ' ' ? NC_GUESS_MORE : NC_GUESS_NO;
}

static bool version(struct nc_http_span s, struct nc_http_start *ret)
{
	if (s.n != HTTP1_SIZE || memcmp(s.p, HTTP1, HTTP1_SIZE - 1) != 0 || !is_digit(s.p[HTTP1_SIZE - 1]))
		return false;
	ret->version = s;
	ret->minor = (uint8_t)(s.p[HTTP1_SIZE - 1] - '0');
	return true;
}

/* RFC 9112 section 4; the space and the reason behind the code may be missing */
static bool status_line(struct nc_http_span line, struct nc_http_start *ret)
{
	if (line.n < STATUS_SIZE || !version((struct nc_http_span){ line.p, HTTP1_SIZE }, ret) || line.p[HTTP1_SIZE] != ' ')
		return false;
	if (line.n > STATUS_SIZE && line.p[STATUS_SIZE] != ' ')
		return false;
	for (size_t i = HTTP1_SIZE + 1; i < STATUS_SIZE; i++) {
		if (!is_digit(line.p[i]))
			return false;
		ret->status = (uint16_t)(ret->status * 10 + line.p[i] - '0');
	}
	ret->response = true;
	return ret->status >= 100;
}

/* RFC 9112 section 3 */
static bool request_line(struct nc_http_span line, struct nc_http_start *ret)
{
	struct nc_http_span rest;

	ret->method = nc_http_cut(line, ' ', &rest);
	if (ret->method.n > NC_HTTP_METHOD_MAX || !nc_http_token(ret->method))
		return false;
	rest = nc_http_trim(rest);
	if (rest.n <= HTTP1_SIZE || rest.p[rest.n - HTTP1_SIZE - 1] != ' ')
		return false;
	if (!version((struct nc_http_span){ rest.p + rest.n - HTTP1_SIZE, HTTP1_SIZE }, ret))
		return false;
	ret->target = nc_http_trim((struct nc_http_span){ rest.p, rest.n - HTTP1_SIZE });
	/* methods are case-sensitive, RFC 9110 section 9.1 */
	if (ret->method.n == 4 && memcmp(ret->method.p, "HEAD", 4) == 0)
		ret->kind = NC_HTTP_HEAD;
	if (ret->method.n == 7 && memcmp(ret->method.p, "CONNECT", 7) == 0)
		ret->kind = NC_HTTP_CONNECT;
	return ret->target.n > 0;
}

bool nc_http_start_line(struct nc_http_span line, struct nc_http_start *ret)
{
	*ret = (struct nc_http_start){ .minor = 0 };
	if (nc_http_begins(line.p, line.n) == NC_GUESS_NO)
		return false;
	if (line.n >= HTTP1_SIZE && memcmp(line.p, HTTP1, HTTP1_SIZE - 1) == 0)
		return status_line(line, ret);
	return request_line(line, ret);
}

struct nc_http_span nc_http_authority(const struct nc_http_start *start)
{
	struct nc_http_span rest, at, scheme = nc_http_cut(start->target, ':', &rest);

	if (start->kind == NC_HTTP_CONNECT)
		return *start->target.p == '/' ? (struct nc_http_span){ NULL, 0 } : start->target;
	if (!(nc_http_same(scheme, "http") || nc_http_same(scheme, "https")) || rest.n < 2 || memcmp(rest.p, "//", 2) != 0)
		return (struct nc_http_span){ NULL, 0 };
	rest = (struct nc_http_span){ rest.p + 2, rest.n - 2 };
	for (const char *c = "/?#"; *c; c++)
		rest = nc_http_cut(rest, *c, &at);
	/* what stands before an @ is a user and perhaps a password */
	for (nc_http_cut(rest, '@', &at); at.p; nc_http_cut(rest, '@', &at))
		rest = at;
	return rest;
}
