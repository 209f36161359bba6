/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reassembly of IPv4 and IPv6 fragments (RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722) in a fixed piece of memory. */
#ifndef NC_FLOW_DEFRAG_H
#define NC_FLOW_DEFRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"

struct nc_defrag_counters {
	uint64_t fragments, reassembled;
	uint64_t overlaps;   /* bytes that came twice with another content; the first wins */
	uint64_t duplicates; /* fragments that brought nothing new */
	uint64_t timeouts;   /* datagrams given up after 30 s of packet time */
	uint64_t evicted;    /* datagrams given up for want of memory: the oldest first */
	uint64_t bad;        /* beyond 65,535 bytes, contradictory ends, a length that is no multiple of 8 before the end */
};

/* State in mem of `size` bytes (at least nc_defrag_min()): no heap, pointers only into mem, so that it can live in memory
 * that is shared over fork() and outlive a worker. seed: secret, so that nobody aims at one bucket. counters may lie elsewhere.
 */
struct nc_defrag;
size_t nc_defrag_min(void);
struct nc_defrag *nc_defrag_init(void *mem, size_t size, const uint8_t seed[static 16], struct nc_defrag_counters *counters);
/* Takes a fragment. True when it completes its datagram: *data, *n are the whole payload, valid until the eighth datagram
 * after it is complete (fragments inside of reassembled datagrams nest within one packet). mem is aligned to 16.
 * Signature of nc_fragment_fn (decode/engine.h); user is the struct nc_defrag. */
bool nc_defrag_fragment(void *user, int64_t ts_ns, const struct nc_fragment *f, const uint8_t **data, size_t *n);

#endif
