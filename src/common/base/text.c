/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text forms of addresses, bytes and numbers, and the search for the nearest name. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/time.h"

static const char hex_digits[16] = "0123456789abcdef";
static const char decimal_pairs[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				       "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				       "8081828384858687888990919293949596979899";

size_t nc_text_mac(char out[static NC_TEXT_MAC], const uint8_t mac[static 6])
{
	char *o = out;

	for (int i = 0; i < 6; i++) {
		*o++ = hex_digits[mac[i] >> 4];
		*o++ = hex_digits[mac[i] & 15];
		*o++ = ':';
	}
	*--o = '\0';
	return (size_t)(o - out);
}

static char *put_byte(char *o, unsigned v)
{
	if (v >= 100) {
		*o++ = (char)('0' + v / 100);
		v %= 100;
		*o++ = decimal_pairs[2 * v];
	} else if (v >= 10) {
		*o++ = decimal_pairs[2 * v];
	}
	*o++ = decimal_pairs[2 * (v % 100) + 1];
	return o;
}

size_t nc_text_ipv4(char out[static NC_TEXT_IPV4], const uint8_t ip[static 4])
{
	char *o = out;

	for (int i = 0; i < 4; i++) {
		o = put_byte(o, ip[i]);
		*o++ = '.';
	}
	*--o = '\0';
	return (size_t)(o - out);
}

static bool is_mapped(const uint8_t *ip)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

static char *put_group(char *o, unsigned v)
{
	if (v >= 0x1000)
		*o++ = hex_digits[v >> 12];
	if (v >= 0x100)
		*o++ = hex_digits[v >> 8 & 15];
	if (v >= 0x10)
		*o++ = hex_digits[v >> 4 & 15];
	*o++ = hex_digits[v & 15];
	return o;
}

/* The first of the longest runs of at least two zero groups (RFC 5952 section 4.2); its length, 0 when there is none. */
static int zero_run(const unsigned group[static 8], int *start)
{
	int best = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && group[i + n] == 0)
			n++;
		if (n > best && n >= 2) {
			best = n;
			*start = i;
		}
		i += n;
	}
	return best;
}

size_t nc_text_ipv6(char out[static NC_TEXT_IPV6], const uint8_t ip[static 16])
{
	unsigned group[8];
	int start = -1;
	char *o = out;

	if (is_mapped(ip))
		return nc_text_ipv4(out, ip + 12);
	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
	int run = zero_run(group, &start);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			*o++ = ':';
			*o++ = ':';
			i += run - 1;
			continue;
		}
		if (i > 0 && i != start + run)
			*o++ = ':';
		o = put_group(o, group[i]);
	}
	*o = '\0';
	return (size_t)(o - out);
}

size_t nc_text_u64(char out[static 21], uint64_t v)
{
	char tmp[20];
	size_t at = sizeof(tmp);

	while (v >= 100) {
		memcpy(tmp + (at -= 2), decimal_pairs + 2 * (v % 100), 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(tmp + (at -= 2), decimal_pairs + 2 * v, 2);
	else
		tmp[--at] = (char)('0' + v);
	size_t n = sizeof(tmp) - at;
	memcpy(out, tmp + at, n);
	out[n] = '\0';
	return n;
}

size_t nc_text_hex(char *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned hi = p[i] >> 4, lo = p[i] & 15u;
		out[2 * i] = (char)(hi + '0' + (hi > 9 ? 'a' - '0' - 10 : 0));
		out[2 * i + 1] = (char)(lo + '0' + (lo > 9 ? 'a' - '0' - 10 : 0));
	}
	out[2 * n] = '\0';
	return 2 * n;
}

static int unhex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool nc_text_unhex(uint8_t *out, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		int hi = unhex_digit(s[2 * i]);
		int lo = hi < 0 ? -1 : unhex_digit(s[2 * i + 1]);
		if (lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return s[2 * n] == '\0';
}

static bool is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

size_t nc_text_utf8(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < 2 || !is_tail(p[1]))
		return 0;
	if (p[0] < 0xe0)
		return 2;
	/* overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte (RFC 3629 section 4) */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f) || n < 3 || !is_tail(p[2]))
		return 0;
	if (p[0] < 0xf0)
		return 3;
	return n >= 4 && is_tail(p[3]) ? 4 : 0;
}

/* How many bytes at p may be printed as they are: a whole character, or 0 for one that must be escaped. */
static size_t printable(const uint8_t *p, size_t n)
{
	size_t len = nc_text_utf8(p, n);

	if (len == 1 && (p[0] < 0x20 || p[0] == 0x7f || p[0] == '\\'))
		return 0;
	if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0) /* C1 controls: terminals obey them */
		return 0;
	return len;
}

char *nc_text_escape(char *out, size_t size, const void *p, size_t n)
{
	const uint8_t *s = p;
	size_t at = 0;

	if (size == 0)
		return out;
	while (n > 0) {
		size_t len = printable(s, n);
		size_t need = len ? len : 4;
		if (need >= size - at)
			break;
		if (len) {
			memcpy(out + at, s, len);
		} else {
			out[at] = '\\';
			out[at + 1] = 'x';
			out[at + 2] = hex_digits[s[0] >> 4];
			out[at + 3] = hex_digits[s[0] & 15];
			len = 1;
		}
		at += need;
		s += len;
		n -= len;
	}
	out[at] = '\0';
	return out;
}

#define WORD_MAX 64u

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) between two words of at most WORD_MAX bytes, case ignored. Only the
 * last three rows of the matrix are kept. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = least_of(above[j], row[j - 1]) + 1;
			row[j] = least_of(row[j], above[j - 1] + !same_letter(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
				row[j] = least_of(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

const char *nc_text_nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t len = strnlen(word, WORD_MAX + 1);
	size_t least = len / 2 + 1;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t n = strnlen(names[i], WORD_MAX + 1);
		if (n > WORD_MAX)
			continue;
		size_t d = distance(word, len, names[i], n);
		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

/* The decimal number at *s, which is moved behind it. */
static int take_number(const char **s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); (*s)++) {
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(**s - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

int nc_text_size(const char *s, uint64_t *ret)
{
	static const char units[] = "KMG";
	unsigned shift = 0;
	uint64_t v;
	int rc = take_number(&s, &v);

	if (rc)
		return rc;
	const char *unit = *s ? strchr(units, toupper((unsigned char)*s)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		s++;
		if (strcmp(s, "iB") == 0 || strcmp(s, "B") == 0)
			s = "";
	}
	if (*s)
		return -EINVAL;
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*ret = v << shift;
	return 0;
}

int nc_text_duration(const char *s, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {
		{ "", NC_NS_PER_S },
		{ "ms", NC_NS_PER_S / 1000 },
		{ "s", NC_NS_PER_S },
		{ "m", 60 * NC_NS_PER_S },
		{ "h", 3600 * NC_NS_PER_S },
		{ "d", 86400 * NC_NS_PER_S },
	};
	uint64_t v;
	int64_t ns;
	int rc = take_number(&s, &v);

	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].ns, &ns))
			return -ERANGE;
		*ret = ns;
		return 0;
	}
	return -EINVAL;
}
