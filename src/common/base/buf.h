/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing byte buffer with a limit and a sticky failure flag. */
#ifndef NC_BASE_BUF_H
#define NC_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* data holds len bytes (no NUL is kept behind them); `failed` is set once an append would exceed max or memory
 * ran out, and everything after that is ignored. Zero-initialise, or nc_buf_init to set a limit. */
struct nc_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max; /* 0: no limit */
	bool failed;
};

/* An empty buffer that never holds more than max bytes (0: no limit). */
void nc_buf_init(struct nc_buf *b, size_t max);
/* Frees the memory; b is empty and usable afterwards, with the same limit. */
void nc_buf_free(struct nc_buf *b);
/* Empties it, keeps the memory, clears `failed`. */
void nc_buf_reset(struct nc_buf *b);
/* Room for n more bytes: where they go, or NULL (and failed). The caller adds to len what it wrote. */
uint8_t *nc_buf_reserve(struct nc_buf *b, size_t n);
/* Appends. */
void nc_buf_add(struct nc_buf *b, const void *p, size_t n);
void nc_buf_str(struct nc_buf *b, const char *s);
void nc_buf_u8(struct nc_buf *b, uint8_t v);
void nc_buf_le16(struct nc_buf *b, uint16_t v);
void nc_buf_le32(struct nc_buf *b, uint32_t v);
void nc_buf_le64(struct nc_buf *b, uint64_t v);
void nc_buf_varint(struct nc_buf *b, uint64_t v);
void nc_buf_printf(struct nc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void nc_buf_vprintf(struct nc_buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drops the first n bytes (n <= len). */
void nc_buf_consume(struct nc_buf *b, size_t n);
/* The bytes as a string: puts a NUL behind them; "" when failed or empty. */
const char *nc_buf_cstr(struct nc_buf *b);

#endif
