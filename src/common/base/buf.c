/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing byte buffer with a limit and a sticky failure flag. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nc_buf_init(struct nc_buf *b, size_t max)
{
	*b = (struct nc_buf){ .max = max };
}

void nc_buf_free(struct nc_buf *b)
{
	free(b->data);
	nc_buf_init(b, b->max);
}

void nc_buf_reset(struct nc_buf *b)
{
	b->len = 0;
	b->failed = false;
}

uint8_t *nc_buf_reserve(struct nc_buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	size_t limit = b->max ? b->max : SIZE_MAX / 2;
	if (n > limit || b->len > limit - n) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->len + n;
	/* there is a pointer, also for no bytes */
	if (need > b->cap || !b->data) {
		size_t cap = b->cap > SIZE_MAX / 4 ? need : b->cap * 2;
		if (cap < need)
			cap = need;
		if (cap < 64)
			cap = 64;
		uint8_t *p = realloc(b->data, cap);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	return b->data + b->len;
}

void nc_buf_add(struct nc_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	uint8_t *to = nc_buf_reserve(b, n);
	if (!to)
		return;
	memcpy(to, p, n);
	b->len += n;
}

void nc_buf_str(struct nc_buf *b, const char *s)
{
	nc_buf_add(b, s, strlen(s));
}

void nc_buf_u8(struct nc_buf *b, uint8_t v)
{
	nc_buf_add(b, &v, 1);
}

void nc_buf_le16(struct nc_buf *b, uint16_t v)
{
	uint8_t t[2] = { (uint8_t)v, (uint8_t)(v >> 8) };
	nc_buf_add(b, t, sizeof(t));
}

void nc_buf_le32(struct nc_buf *b, uint32_t v)
{
	nc_buf_le16(b, (uint16_t)v);
	nc_buf_le16(b, (uint16_t)(v >> 16));
}

void nc_buf_le64(struct nc_buf *b, uint64_t v)
{
	nc_buf_le32(b, (uint32_t)v);
	nc_buf_le32(b, (uint32_t)(v >> 32));
}

void nc_buf_varint(struct nc_buf *b, uint64_t v)
{
	while (v > 127) {
		nc_buf_u8(b, (uint8_t)(v | 128));
		v >>= 7;
	}
	nc_buf_u8(b, (uint8_t)v);
}

void nc_buf_vprintf(struct nc_buf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	uint8_t *to = n < 0 ? NULL : nc_buf_reserve(b, (size_t)n + 1);
	if (to) {
		vsnprintf((char *)to, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void nc_buf_printf(struct nc_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	nc_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void nc_buf_consume(struct nc_buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

const char *nc_buf_cstr(struct nc_buf *b)
{
	uint8_t *to = nc_buf_reserve(b, 1);

	if (!to)
		return "";
	*to = '\0';
	return (const char *)b->data;
}
