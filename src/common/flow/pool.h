/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks of memory out of one fixed piece: a buddy allocator, whose blocks are powers of two from 64 bytes to 256 KiB. */
#ifndef NC_FLOW_POOL_H
#define NC_FLOW_POOL_H

#include <stddef.h>
#include <stdint.h>

#define NC_POOL_UNIT   64u
#define NC_POOL_ORDERS 13u
#define NC_POOL_BLOCK  (NC_POOL_UNIT << (NC_POOL_ORDERS - 1)) /* the largest: 256 KiB */

struct nc_pool {
	uint8_t *blocks;               /* memory of the blocks */
	uint8_t *orders;               /* one byte per unit */
	uint32_t units, fresh;         /* units in all; those from fresh on were never used */
	uint32_t free[NC_POOL_ORDERS]; /* lists by order: unit plus 1, 0 ends them */
	size_t size, used;             /* bytes */
};

/* A pool over size bytes at mem (the caller's, aligned to 64, all zero). Pages that are never asked for are never touched.
 * What is left over below a multiple of the largest block is not used. */
void nc_pool_init(struct nc_pool *p, void *mem, size_t size);
/* At least n bytes, aligned to 64, not cleared; NULL when there is no such block. */
void *nc_pool_alloc(struct nc_pool *p, size_t n);
/* Gives a block back; NULL does nothing. */
void nc_pool_free(struct nc_pool *p, void *block);
/* Bytes that the block has room for. */
size_t nc_pool_room(const struct nc_pool *p, const void *block);

#endif
