/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block: one gzip member (RFC 1952) with an FEXTRA subfield 'NC' that describes it. Layout in docs/files.md. */
#ifndef NC_BLOCK_BLOCK_H
#define NC_BLOCK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum nc_block_kind {
	NC_BLOCK_HEADER = 0,  /* one Header message, length-delimited */
	NC_BLOCK_RECORDS = 1, /* length-delimited records of one type */
	NC_BLOCK_PACKETS = 2, /* pcap records */
	NC_BLOCK_LOG = 3,     /* log text */
};

#define NC_BLOCK_HEADER_LEN   60u /* gzip header 10 + XLEN 2 + subfield header 4 + payload 44 */
#define NC_BLOCK_TRAILER_LEN  8u
#define NC_BLOCK_INFLATED_MAX (1024u * 1024u)
#define NC_BLOCK_SIZE_MAX     (NC_BLOCK_INFLATED_MAX + 4096u) /* whole member */

/* What the subfield says. */
struct nc_block_info {
	uint8_t kind;
	uint16_t type;  /* record type number */
	uint32_t size;  /* of the whole member in bytes */
	uint32_t count; /* records in it */
	int64_t first_ns, last_ns; /* packet times, ns since the epoch */
	uint64_t epoch, seq;
};

struct nc_deflater; /* a compressor, made once */
struct nc_inflater;
/* level 0 to 12, as libdeflate; level 1 is ISA-L's where it was built in. NULL when memory is short. */
struct nc_deflater *nc_deflater_new(int level);
void nc_deflater_free(struct nc_deflater *d);
struct nc_inflater *nc_inflater_new(void);
void nc_inflater_free(struct nc_inflater *i);

/* An upper bound of the size of a block that holds n bytes. */
size_t nc_block_bound(size_t n);
/* Builds a block over n bytes (n <= NC_BLOCK_INFLATED_MAX) into dst; info->size is filled in. Returns the size, 0 when it
 * doesn't fit in room. */
size_t nc_block_build(struct nc_deflater *d, struct nc_block_info *info, const void *data, size_t n, uint8_t *dst, size_t room);
/* Writes epoch and seq into a built block (the only fields that its header leaves open). */
void nc_block_stamp(uint8_t *block, uint64_t epoch, uint64_t seq);
/* Reads the header of a block from at least NC_BLOCK_HEADER_LEN bytes. 0; -EAGAIN: fewer bytes than that but right so far;
 * -ENOMSG: a gzip member without our subfield; -EBADMSG: neither, or contradictory (size, kind, version). */
int nc_block_info(const uint8_t *p, size_t n, struct nc_block_info *ret);
/* Whether these bytes begin a block of a version that this program does not know. */
bool nc_block_newer(const uint8_t *p, size_t n);
/* Inflates a whole block (n = info.size) into out (replaced); checks CRC32 and ISIZE. 0, -EBADMSG, -E2BIG, -ENOMEM. */
int nc_block_open(struct nc_inflater *i, const uint8_t *p, size_t n, struct nc_buf *out);

#endif
