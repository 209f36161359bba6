/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bump arena with a cap. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void nc_arena_init(struct nc_arena *a, void *mem, size_t cap)
{
	*a = (struct nc_arena){ .mem = mem, .cap = cap };
}

void *nc_arena_calloc(struct nc_arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->failed = true;
		return NULL;
	}
	void *p = nc_arena_alloc(a, total);
	if (p)
		memset(p, 0, total);
	return p;
}

char *nc_arena_strndup(struct nc_arena *a, const void *s, size_t n)
{
	char *p = n < SIZE_MAX ? nc_arena_alloc(a, n + 1) : NULL;

	if (!p) {
		a->failed = true;
		return NULL;
	}
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *nc_arena_printf(struct nc_arena *a, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : nc_arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *nc_arena_nothing(void)
{
	static const char nothing[1];

	return (char *)(uintptr_t)nothing;
}

char *nc_arena_text(struct nc_arena *a, const uint8_t *s, size_t n)
{
	static const uint8_t replacement[3] = { 0xef, 0xbf, 0xbd };
	const uint8_t *nul = n ? memchr(s, 0, n) : NULL;
	size_t len = nul ? (size_t)(nul - s) : n, out = 0;

	/* nearly always */
	while (out < len && s[out] < 0x80)
		out++;
	if (out == len) {
		char *copy = nc_arena_strndup(a, s, len);
		return copy ? copy : nc_arena_nothing();
	}
	out = 0;
	for (size_t i = 0, k; i < len; i += k ? k : 1) {
		k = nc_text_utf8(s + i, len - i);
		out += k ? k : sizeof(replacement);
	}
	char *to = nc_arena_alloc(a, out + 1);
	if (!to)
		return nc_arena_nothing();
	char *w = to;
	for (size_t i = 0, k; i < len; i += k ? k : 1) {
		k = nc_text_utf8(s + i, len - i);
		size_t m = k ? k : sizeof(replacement);
		memcpy(w, k ? s + i : replacement, m);
		w += m;
	}
	*w = '\0';
	return to;
}
