/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reassembly of TCP streams (RFC 9293) in a fixed piece of memory, and the feeding of stream readers (flow/stream.h). */
#ifndef NC_FLOW_TCP_H
#define NC_FLOW_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"
#include "decode/engine.h"
#include "flow/sink.h"
#include "flow/stream.h"
#include "record/type.h"

#define NC_TCP_WAITING ((size_t)64 << 10) /* bytes of a direction that may wait for what comes before them */
#define NC_TCP_ISLANDS 128u               /* pieces of a direction between holes */

struct nc_tcp_counters {
	uint64_t segments;
	uint64_t streams;       /* connections that carried data */
	uint64_t recognised;    /* of these: by a reader */
	uint64_t out_of_order;  /* segments that had to wait */
	uint64_t retransmitted; /* bytes that had come before */
	uint64_t overlaps;      /* bytes that came twice with another content while the first waited; the first wins */
	uint64_t outside;       /* segments and resets far from where their stream is */
	uint64_t gaps, lost;    /* holes that were given up, and their bytes */
	uint64_t evicted;       /* streams that were given up for want of memory: the longest idle first */
	uint64_t quiet_evicted; /* the same of those without data yet */
	uint64_t timeouts;      /* streams that ended by time */
	uint64_t overflows;     /* streams whose reader wanted more bytes at once than it may */
	uint64_t no_memory;     /* requests of readers that could not be met */
	uint64_t live;          /* streams with data that have not ended */
	uint64_t abandoned;     /* streams that were live when their worker died */
};

struct nc_tcp_options {
	int64_t timeout_ns;         /* a stream without a packet for longer ends; 0: never */
	const bool *wanted;         /* NC_TYPES_MAX, by slot of nc_types; copied */
	const struct nc_sink *sink; /* of the readers' records; copied */
	void (*bad)(void *user, const char *reader, const char *reason); /* nc_stream_bad; may be NULL */
	void *bad_user;
	uint8_t seed[16];           /* secret, so that nobody aims at one bucket */
	struct nc_tcp_counters *counters;
	const struct nc_stream_reader *const *readers; /* NULL: the generated ones; for tests */
	size_t reader_count;
};

/* The counters by name: what status and summaries show. */
struct nc_tcp_count {
	const char *key;  /* "out_of_order" */
	const char *text; /* "segments out of order" */
	size_t at;        /* of the uint64_t in struct nc_tcp_counters */
};
extern const struct nc_tcp_count nc_tcp_counts[];
extern const size_t nc_tcp_counts_count;
static inline uint64_t nc_tcp_counted(const struct nc_tcp_counters *c, const struct nc_tcp_count *which)
{
	return *(const uint64_t *)(const void *)((const uint8_t *)c + which->at);
}

/* Whether any record is wanted that needs the streams: one of a reader, or one that says what a flow's application is. */
bool nc_tcp_useful(const bool wanted[static NC_TYPES_MAX]);

/* All state lies in mem of `size` bytes (at least nc_tcp_min(); a fresh mapping: aligned to a page, all zero, and touched only as
 * it is needed). An eighth of it is for the table of streams, 128 bytes each, the rest for what waits and for the readers. NULL
 * when it is too small. counters may lie elsewhere; streams that it says are live are counted as abandoned. */
struct nc_tcp;
size_t nc_tcp_min(void);
struct nc_tcp *nc_tcp_init(void *mem, size_t size, const struct nc_tcp_options *o);
/* Other records and another timeout from now on. Readers of which nothing is wanted any more end; what they had is written as it
 * was wanted before. Streams that had none when they were recognised get none. */
void nc_tcp_change(struct nc_tcp *t, const bool wanted[static NC_TYPES_MAX], int64_t timeout_ns);
/* Takes a segment; signature of nc_segment_fn (decode/engine.h), user is the struct nc_tcp. */
unsigned nc_tcp_segment(void *user, const struct nc_packet *p, const struct nc_segment *s);
/* Ends what has been idle for longer than the timeout at the time now_ns. Cheap when little time has passed. */
void nc_tcp_sweep(struct nc_tcp *t, int64_t now_ns);
/* Ends all streams: the end of the input. */
void nc_tcp_end(struct nc_tcp *t);
/* Bytes of the pool in use; for tests. */
size_t nc_tcp_used(const struct nc_tcp *t);

#endif
