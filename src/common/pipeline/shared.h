/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What main and one worker share: ring, stages, the packet in hand, counters. Mapped at one address in both. */
#ifndef NC_PIPELINE_SHARED_H
#define NC_PIPELINE_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "block/block.h"
#include "capture/capfile.h"
#include "decode/engine.h"
#include "flow/defrag.h"
#include "flow/tcp.h"
#include "flow/flows.h"
#include "pipeline/pipeline.h"
#include "pipeline/ring.h"
#include "record/type.h"

#define NC_STAGE_SLACK (384u * 1024u) /* room above the block size for what a single packet may bring */
#define NC_REASONS_MAX 128u
#define NC_REASON_TEXT 96u

/* Stages: one per record type, then these. A stage gathers what becomes one block. */
enum { NC_STAGE_ERRORS = NC_TYPES_MAX, NC_STAGE_UNKNOWN, NC_STAGE_LOG, NC_STAGE_PARTS, NC_STAGES };

/* What a stage holds. Two copies: the valid one is the younger of those that are not of the packet in hand. So a packet's records
 * count all at once, with nc_current.done, and a worker that dies leaves whole packets only. */
struct nc_stage_state {
	uint32_t len, count, gen, datalink;
	int64_t first_ns, last_ns;
	uint64_t total; /* records since the start, delivered ones included */
	uint64_t age;   /* twice the packet that it is of; one more: after a flush behind that packet */
};
struct nc_stage {
	struct nc_stage_state state[2];
};

/* The packet in hand: there is one while seq and done differ. */
struct nc_current {
	_Atomic uint64_t seq;  /* counts the packets that were taken; the watchdog looks whether it moves */
	uint64_t steps[2];     /* how many of them were steps of flows that went out, no packets; [seq & 1] is valid */
	_Atomic uint64_t done; /* the last one whose records count, or that a worker died with */
	uint64_t lost;         /* the last one that a worker died with: its records don't count; set by main */
	uint32_t datalink, caplen, len;
	int64_t ts_ns;
	const uint8_t *data; /* inside the shared piece */
};

/* An error text and how often it came. */
struct nc_reason {
	char text[NC_REASON_TEXT];
	uint64_t count;
};

struct nc_worker_counters {
	uint64_t bytes;              /* taken by this worker */
	uint64_t filtered;           /* by the BPF expression */
	uint64_t cannot_filter;      /* of a link type that the expression has no meaning for */
	uint64_t foreign;            /* packets of the file that are other workers' */
	uint64_t errors, unknown;    /* packets */
	uint64_t too_large;          /* records that no block can hold */
	uint64_t offset;             /* bytes read from the file */
	struct nc_defrag_counters defrag;
	struct nc_tcp_counters tcp;
	struct nc_flow_counters flows;
	struct nc_decode_counters decode;
};

enum nc_phase { NC_PHASE_STARTING, NC_PHASE_RUNNING, NC_PHASE_DONE, NC_PHASE_FAILED };

struct nc_shared {
	/* main to worker */
	_Atomic uint32_t stop;
	_Atomic uint32_t flush; /* a generation: the worker flushes when it changes */
	_Atomic uint32_t flow_flush; /* the same for all live flows */
	/* worker to main */
	_Atomic uint32_t phase;
	int32_t status;         /* negative errno of a failed source, else 0 */
	char problem[192];      /* what is wrong with the file, or why the worker gave up */
	bool file_open;         /* the capture file's reader has been set up */
	bool live_begun;        /* packets have been asked of the live handle: only who did it knows where it stands */
	struct nc_capture_packet next; /* of the file: read, and dealt with when nc_shared_dealt_with says so */
	struct nc_current current;
	struct nc_stage stages[NC_STAGES];
	struct nc_reason reasons[NC_REASONS_MAX];
	struct nc_worker_counters counters;
	/* main to worker */
	_Atomic uint32_t wish; /* a generation, as above: of wishes[wish & 1]; main writes the other one before it says so */
	struct nc_pipeline_change wishes[2];
};

/* Where the parts of the piece lie. */
struct nc_layout {
	size_t ring, ring_size;
	size_t stages, stage_size; /* data of stage i at stages + i * stage_size */
	size_t packet;             /* NC_CAPTURE_SNAPLEN_MAX bytes for a live packet */
	size_t capfile;
	size_t defrag, defrag_size;
	size_t flows, flows_size;  /* 0: none are wanted */
	size_t total;
};

/* The index of the copy that is valid when the packet `done` was the last one. */
static inline unsigned nc_stage_valid(const struct nc_stage *st, uint64_t done)
{
	uint64_t a = st->state[0].age, b = st->state[1].age;

	if (b >> 1 > done)
		return 0;
	return a >> 1 > done || b > a;
}

/* Makes the next number of nc_current one of a packet, or of a step. */
static inline uint64_t nc_current_begin(struct nc_current *cur, bool step)
{
	uint64_t seq = atomic_load_explicit(&cur->seq, memory_order_relaxed) + 1;

	cur->steps[seq & 1] = cur->steps[~seq & 1] + step;
	(void)NC_FAULT("packet-begin");
	atomic_store_explicit(&cur->seq, seq, memory_order_release);
	return seq;
}

/* Packets that the worker and its predecessors took. */
static inline uint64_t nc_shared_taken(const struct nc_shared *s)
{
	uint64_t seq = atomic_load(&s->current.seq), steps = s->current.steps[seq & 1];

	return seq > steps ? seq - steps : 0;
}

/* Packets of the file that one of these was done with; each is counted in one place by one store, so that whoever comes after a
 * death finds either all of it or nothing. */
static inline uint64_t nc_shared_dealt_with(const struct nc_shared *s)
{
	return nc_shared_taken(s) + s->counters.filtered + s->counters.cannot_filter + s->counters.foreign;
}

static inline uint8_t *nc_shared_at(const struct nc_shared *s, size_t offset)
{
	return (uint8_t *)(uintptr_t)s + offset;
}

#endif
