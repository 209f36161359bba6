/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MD5 (RFC 1321), which names flows and fingerprints; it protects nothing. */
#ifndef NC_BASE_MD5_H
#define NC_BASE_MD5_H

#include <stddef.h>
#include <stdint.h>

#define NC_MD5      16
#define NC_MD5_TEXT (2 * NC_MD5 + 1)

/* A digest in the making; needs no release. */
struct nc_md5_state {
	uint32_t h[4];
	uint64_t len;      /* bytes taken */
	uint8_t block[64]; /* those that do not fill a block yet */
};

void nc_md5_init(struct nc_md5_state *s);
/* Takes n bytes more; data may be NULL when n is 0. */
void nc_md5_update(struct nc_md5_state *s, const void *data, size_t n);
/* The digest of all bytes taken; s must be initialised again before the next. */
void nc_md5_final(struct nc_md5_state *s, uint8_t out[static NC_MD5]);
/* The digest of n bytes. */
void nc_md5(const void *data, size_t n, uint8_t out[static NC_MD5]);
/* The digest of n bytes as 32 lower-case hex digits and a NUL. */
void nc_md5_hex(const void *data, size_t n, char out[static NC_MD5_TEXT]);

#endif
