/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bump arena with a cap: memory that is given back all at once. */
#ifndef NC_BASE_ARENA_H
#define NC_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nc_arena {
	uint8_t *mem;
	size_t cap;
	size_t used;
	bool failed; /* an allocation did not fit since the last reset */
};

/* An arena over cap bytes at mem (owned by the caller, aligned to 16). */
void nc_arena_init(struct nc_arena *a, void *mem, size_t cap);

/* Gives everything back. */
static inline void nc_arena_reset(struct nc_arena *a)
{
	a->used = 0;
	a->failed = false;
}

/* n bytes aligned to 8, not cleared; NULL (and failed) when the cap is reached. */
static inline void *nc_arena_alloc(struct nc_arena *a, size_t n)
{
	size_t room = a->cap - a->used;

	if (n > room || ((n + 7) & ~(size_t)7) > room) {
		a->failed = true;
		return NULL;
	}
	void *p = a->mem + a->used;
	a->used += (n + 7) & ~(size_t)7;
	return p;
}

/* n elements of size bytes, cleared; NULL (and failed) when the cap is reached or the product overflows. */
void *nc_arena_calloc(struct nc_arena *a, size_t n, size_t size);

/* A copy of n bytes with a NUL behind them; NULL when the cap is reached. */
char *nc_arena_strndup(struct nc_arena *a, const void *s, size_t n);

/* A formatted string; NULL when the cap is reached. */
char *nc_arena_printf(struct nc_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* n untrusted bytes up to the first NUL as UTF-8 text: what is not valid becomes U+FFFD. "" (and failed) when the cap is reached;
 * nobody writes to that. */
char *nc_arena_text(struct nc_arena *a, const uint8_t *s, size_t n);
/* That "". */
char *nc_arena_nothing(void);

#endif
