/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fingerprints: the MD5 of a text of numbers, digested as it is written. */
#ifndef NC_FLOW_FINGERPRINT_H
#define NC_FLOW_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/md5.h"

struct nc_fingerprint {
	struct nc_md5_state md5;
	bool within; /* the part has a number already */
};

void nc_fingerprint_init(struct nc_fingerprint *f);
/* A number in decimal, with "-" in front when it is not the first of its part. */
void nc_fingerprint_number(struct nc_fingerprint *f, uint32_t v);
/* n numbers, those of RFC 8701 (GREASE) left out. */
void nc_fingerprint_numbers(struct nc_fingerprint *f, const int32_t *v, size_t n);
/* n bytes as they are. */
void nc_fingerprint_text(struct nc_fingerprint *f, const uint8_t *p, size_t n);
/* Ends a part with this character. */
void nc_fingerprint_part(struct nc_fingerprint *f, char separator);
/* The digest as 32 hex digits in the arena; NULL when it is full. */
char *nc_fingerprint_end(struct nc_fingerprint *f, struct nc_arena *a);

/* Values that mean nothing and are sent so that nobody relies on knowing all (RFC 8701 section 2): 0x0a0a, 0x1a1a, ... 0xfafa. */
static inline bool nc_grease(uint32_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

#endif
