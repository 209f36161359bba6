/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hopping over the blocks of a seekable file and finding the next whole one behind damage; for reader and writer. */
#ifndef NC_BLOCK_SCAN_H
#define NC_BLOCK_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "block/block.h"

struct nc_scan {
	int fd; /* not owned; only pread is used */
	struct nc_inflater *inflater; /* not owned */
	struct nc_buf raw, data;
};

/* Frees the buffers. */
void nc_scan_free(struct nc_scan *s);
/* pread until n bytes or the end of the file: how many, or negative errno. */
int64_t nc_scan_read(int fd, void *to, size_t n, uint64_t off);
/* The header of the block at off. As nc_block_info (*newer: a version that we don't know, may be NULL); -ENODATA at the end. */
int nc_scan_info(const struct nc_scan *s, uint64_t off, struct nc_block_info *ret, bool *newer);
/* Opens the block at off into s->data. As nc_block_open; -EBADMSG also when the file ends inside of it. */
int nc_scan_open(struct nc_scan *s, uint64_t off, const struct nc_block_info *info);
/* The first offset at or behind `from` where a whole block stands, into *ret. `hop` is where the damaged block's own size leads,
 * 0 when that is not known. It is tried first; when it is the end of the file or behind it there is no more, and when zeros stand
 * there, as after a crash, the search begins there: a packet inside of the damaged block may hold what looks like a block.
 * 1, 0 for none, or negative errno. */
int nc_scan_find(struct nc_scan *s, uint64_t from, uint64_t hop, uint64_t *ret);

#endif
