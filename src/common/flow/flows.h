/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows of one worker in a fixed piece of memory: Flow, Connection and NetworkFlow as records, and the parts of LinkFlow,
 * TransportFlow and of connections without a network layer, which main puts together (flow/merge.h). */
#ifndef NC_FLOW_FLOWS_H
#define NC_FLOW_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"
#include "flow/part.h"
#include "flow/sink.h"

#define NC_FLOWS_MIN    64u        /* bounds of -max-flows */
#define NC_FLOWS_MAX    (1u << 26)
#define NC_FLOW_BATCH   256u       /* records that one call of nc_flows_out writes at most */
#define NC_FLOW_WINDOW  32768u     /* packets of a file; at the end of each window all look for what has ended */

struct nc_flow_options {
	int64_t flow_timeout, conn_timeout; /* ns without a packet, by packet time; 0: never. The second is of Connection */
	int64_t active_timeout;             /* ns from first packet on; 0: never */
	uint32_t max;                       /* entries, NC_FLOWS_MIN to NC_FLOWS_MAX */
	bool wanted[NC_FLOW_KINDS];         /* by enum nc_flow_kind */
};

struct nc_flow_counters {
	uint64_t live;      /* entries in the table, those of kinds that nobody wants included */
	uint64_t evicted;   /* records that went out before their time, for want of room: the longest idle */
	uint64_t recovered; /* workers that died while they changed the table; it was built anew from its entries */
};

/* One packet, after it has been decoded. */
struct nc_flow_packet {
	const struct nc_outer *outer;
	int64_t ts_ns;
	uint32_t caplen;
	uint64_t order; /* place in the capture */
	uint64_t seq;   /* the step that it is taken in */
};

/* Why entries go out. */
enum nc_flows_way {
	NC_FLOWS_IDLE,  /* idle or active for too long at the time `now` */
	NC_FLOWS_EVICT, /* the sixteenth that has been idle for longest */
	NC_FLOWS_ALL,   /* no packet may come before nc_flows_clear */
};

/* State in mem of nc_flows_size(max) bytes, aligned to 64 and zero (so that what is not used takes no memory); no heap, no
 * pointers but `counters`, so that it can live in memory that is shared over fork() and outlive a worker. seed: secret. */
struct nc_flows;
size_t nc_flows_size(uint32_t max);
struct nc_flows *nc_flows_init(void *mem, size_t size, const uint8_t seed[static 16], const struct nc_flow_options *o,
                               struct nc_flow_counters *counters);

/* Records and removal go together although a worker may die at any point: what is written in step `seq` is removed by
 * nc_flows_settle once that step is done; it is called behind each step. Each worker begins with nc_flows_attach, which does that
 * for its predecessor, whose last step was `done`, and mends what that one left half done. Records of the step `lost` are lost:
 * flows that were cut in it are as they were before. */
void nc_flows_attach(struct nc_flows *f, uint64_t done, uint64_t lost);
void nc_flows_settle(struct nc_flows *f, uint64_t done);
/* Says that a packet of these addresses comes next, so that what nc_flows_packet will look at is on its way into the cache
 * meanwhile. Steps 0, 1 and 2, with some other work between them; each may be left out, and changes nothing. */
void nc_flows_ahead(const struct nc_flows *f, const struct nc_outer *o, unsigned step);
/* Counts a packet. A flow that the packet ends goes to the sink as a record: at most three. Not while nc_flows_tight. */
void nc_flows_packet(struct nc_flows *f, const struct nc_flow_packet *p, const struct nc_sink *sink);
/* Whether entries must be evicted, or parts taken, before the next packet. */
bool nc_flows_tight(const struct nc_flows *f);
bool nc_flows_parts_tight(const struct nc_flows *f);

/* Starts a walk over the table; one that was under way is given up. */
void nc_flows_begin(struct nc_flows *f, enum nc_flows_way way, int64_t now);
/* Goes on with the walk over at most `steps` entries, in step `seq`; writes at most NC_FLOW_BATCH records. False when it is at
 * its end, and then nothing was written. */
bool nc_flows_out(struct nc_flows *f, uint64_t seq, uint32_t steps, const struct nc_sink *sink);
/* Behind a walk NC_FLOWS_ALL that came to its end: the table is empty and of use again. */
void nc_flows_clear(struct nc_flows *f);
/* Whether a walk is under way. */
bool nc_flows_walking(const struct nc_flows *f);
/* Copies out parts that wait, at most max, in step seq. Returns how many. */
size_t nc_flows_parts(struct nc_flows *f, uint64_t seq, struct nc_flow_part *to, size_t max);

/* Other timeouts and kinds. Kinds change only while the table is empty; the size stays. */
const struct nc_flow_options *nc_flows_options(const struct nc_flows *f);
void nc_flows_change(struct nc_flows *f, const struct nc_flow_options *o);

/* Where a worker stands in its capture file; kept here so that its successor goes on. */
struct nc_flows_place {
	uint64_t read;    /* packets, own or not */
	uint64_t windows; /* that have ended */
	int64_t low_ns;   /* the earliest time in the current window */
	int64_t swept_ns; /* low water of the last sweep */
	bool swept;
};
struct nc_flows_place *nc_flows_place(struct nc_flows *f);
/* Whether a sweep at low water now_ns is due: a quarter of the shortest timeout after or before the last one. */
bool nc_flows_due(const struct nc_flow_options *o, const struct nc_flows_place *at, int64_t now_ns);

#endif
