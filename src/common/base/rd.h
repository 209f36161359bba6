/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded reader with a sticky failure flag: the only way untrusted bytes are read. */
#ifndef NC_BASE_RD_H
#define NC_BASE_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A cursor over bytes that somebody else owns. After the first read past the end `failed` is set, nothing more
 * is consumed, and every read gives 0 or NULL. */
struct nc_rd {
	const uint8_t *p;
	size_t left;
	bool failed;
};

/* A reader over n bytes at p; they must outlive it. */
static inline struct nc_rd nc_rd_over(const void *p, size_t n)
{
	return (struct nc_rd){ .p = p, .left = n };
}

/* The next n bytes and the cursor moved past them; NULL (and failed) when fewer are left. n = 0 succeeds. */
static inline const uint8_t *nc_rd_bytes(struct nc_rd *r, size_t n)
{
	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += n;
	r->left -= n;
	return p;
}

/* Moves past n bytes. */
static inline void nc_rd_skip(struct nc_rd *r, size_t n)
{
	(void)nc_rd_bytes(r, n);
}

/* Copies n bytes to dst; zeros when fewer are left. */
static inline void nc_rd_copy(struct nc_rd *r, void *dst, size_t n)
{
	const uint8_t *p = nc_rd_bytes(r, n);
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

/* A reader over the next n bytes, which are consumed here; a failed one when fewer are left. */
static inline struct nc_rd nc_rd_sub(struct nc_rd *r, size_t n)
{
	const uint8_t *p = nc_rd_bytes(r, n);
	return (struct nc_rd){ .p = p, .left = p ? n : 0, .failed = !p };
}

/* Forgets all bytes beyond the next n; does nothing when no more than n are left. */
static inline void nc_rd_trim(struct nc_rd *r, size_t n)
{
	if (n < r->left)
		r->left = n;
}

/* Integers in network order (be) or little endian (le). */
static inline uint8_t nc_rd_u8(struct nc_rd *r)
{
	const uint8_t *p = nc_rd_bytes(r, 1);
	return p ? p[0] : 0;
}

static inline uint16_t nc_rd_be16(struct nc_rd *r)
{
	const uint8_t *p = nc_rd_bytes(r, 2);
	return p ? (uint16_t)((unsigned)p[0] << 8 | p[1]) : 0;
}

static inline uint32_t nc_rd_be24(struct nc_rd *r)
{
	const uint8_t *p = nc_rd_bytes(r, 3);
	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t nc_rd_be32(struct nc_rd *r)
{
	const uint8_t *p = nc_rd_bytes(r, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t nc_rd_be64(struct nc_rd *r)
{
	uint64_t hi = nc_rd_be32(r);
	return hi << 32 | nc_rd_be32(r);
}

static inline uint16_t nc_rd_le16(struct nc_rd *r)
{
	const uint8_t *p = nc_rd_bytes(r, 2);
	return p ? (uint16_t)((unsigned)p[1] << 8 | p[0]) : 0;
}

static inline uint32_t nc_rd_le32(struct nc_rd *r)
{
	const uint8_t *p = nc_rd_bytes(r, 4);
	return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline uint64_t nc_rd_le64(struct nc_rd *r)
{
	uint64_t lo = nc_rd_le32(r);
	return (uint64_t)nc_rd_le32(r) << 32 | lo;
}

/* A protobuf base-128 varint of at most ten bytes (protobuf encoding guide, "Base 128 Varints"); longer fails. */
uint64_t nc_rd_varint(struct nc_rd *r);

#endif
