/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FNV-1a with 64 bits (Fowler, Noll and Vo), by which records of flows name pairs of addresses. It has no key: not for tables. */
#ifndef NC_BASE_FNV_H
#define NC_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define NC_FNV_PRIME UINT64_C(1099511628211)

static inline uint64_t nc_fnv(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * NC_FNV_PRIME;
	return h;
}

/* Of two addresses of n bytes each, whichever of them comes first. */
static inline uint64_t nc_fnv_pair(const uint8_t *a, const uint8_t *b, size_t n)
{
	return nc_fnv(a, n) + nc_fnv(b, n);
}

#endif
