/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way from a capture to blocks: sandboxed workers, their rings, and main's side of both. */
#ifndef NC_PIPELINE_PIPELINE_H
#define NC_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/loop.h"
#include "block/block.h"
#include "capture/live.h"
#include "decode/decode.h"
#include "flow/defrag.h"
#include "flow/flows.h"
#include "flow/tcp.h"
#include "record/format.h"
#include "record/type.h"

#define NC_WORKERS_MAX   64u
/* of streams: the default, and what an option may say; a worker takes no less than nc_tcp_min() */
#define NC_STREAM_MEMORY     (256u << 20)
#define NC_STREAM_MEMORY_MIN (4u << 20)
#define NC_STREAM_MEMORY_MAX UINT32_MAX
#define NC_MAX_FLOWS     1000000u

/* In which form records leave the workers. */
enum nc_output { NC_OUTPUT_BLOCKS, NC_OUTPUT_PLAIN, NC_OUTPUT_CSV };

struct nc_pipeline_options {
	/* one of the two */
	const char *file;                   /* path, "-" for standard input */
	const struct nc_live_options *live; /* workers and fanout_id are set by the pipeline */
	const struct nc_filter *filter;     /* for files; NULL: none */
	unsigned workers;                   /* 0: one per online core */
	bool wanted[NC_TYPES_MAX];
	bool payloads;
	bool keep_errors, keep_unknown;
	int base_datalink;                  /* link type to assume whatever the file says; -1: the file's own */
	enum nc_output output;
	struct nc_format_options format;    /* of CSV */
	const char *select;                 /* fields of CSV, NULL: all */
	int level;                          /* of compression, 0 to 12 */
	size_t block_size;                  /* bytes of records from which a block is closed; 0: 256 KiB */
	size_t stream_memory;               /* bytes for streams, of all workers together; 0: NC_STREAM_MEMORY */
	int64_t flow_timeout;               /* ns after which an idle flow has ended; 0: never */
	int64_t conn_timeout;               /* ns after which an idle connection has ended; 0: never */
	int64_t active_timeout;             /* ns after which flows that are not idle go on in another record; 0: never */
	uint32_t max_flows;                 /* entries of each worker; 0: NC_MAX_FLOWS */
	size_t worker_memory;               /* bytes that a worker may add; 0: 256 MiB */
	int64_t watchdog;                   /* ns that one packet may take; 0: 5 s */
	const struct nc_decoder *const *extra; /* further decoders, for tests */
	size_t extra_count;
};

/* What a chunk is. */
enum nc_chunk_kind {
	NC_CHUNK_BLOCK,   /* a whole block of records; epoch and seq still 0 */
	NC_CHUNK_PLAIN,   /* delimited records */
	NC_CHUNK_CSV,     /* lines */
	NC_CHUNK_ERRORS,  /* pcap packet records (nanoseconds, host order) for errors.pcap */
	NC_CHUNK_UNKNOWN, /* the same for unknown.pcap */
	NC_CHUNK_LOG,     /* text for errors.log */
	NC_CHUNK_PARTS,   /* of flows, for main alone */
};

/* A piece of output. data is writable, may be changed by a hostile worker at any time, and is valid during the call. */
struct nc_chunk {
	enum nc_chunk_kind kind;
	const struct nc_type *type; /* of records */
	uint32_t count;             /* records or packets */
	uint32_t datalink;          /* of packets */
	int64_t first_ns, last_ns;
	uint8_t *data;
	size_t n;
};

/* A packet that cost a worker its life. */
struct nc_crash {
	unsigned worker;
	const char *cause; /* "signal 11", "no answer in time", … */
	bool has_packet;
	struct nc_capture_packet packet; /* data is main's own copy */
};

struct nc_pipeline_events {
	void (*chunk)(void *user, const struct nc_chunk *c);
	void (*crash)(void *user, const struct nc_crash *c); /* may be NULL */
	/* the source has ended (or nc_pipeline_stop was obeyed), everything has gone through chunk; status 0 or negative errno,
	 * problem NULL or one line on a damaged or failed source */
	void (*done)(void *user, int status, const char *problem);
	void *user;
};

struct nc_pipeline_worker {
	pid_t pid;
	uint64_t restarts, packets;
};

/* Sums over all workers. packets = decoded ones, crashed ones included; the kernel's numbers are of live sources. */
struct nc_pipeline_stats {
	uint64_t packets, bytes, filtered, cannot_filter, errors, unknown, too_large;
	uint64_t records[NC_TYPES_MAX];
	uint64_t records_lost; /* gathered by a worker that died, and that none could follow; not among `records` */
	uint64_t crashes;     /* packets that killed a worker, those without an answer in time included */
	uint64_t timeouts;    /* of these: killed by the watchdog */
	uint64_t restarts;
	uint64_t received;    /* by the kernel for us */
	uint64_t kernel_drop; /* ring full */
	uint64_t if_drop;     /* by the interface */
	uint64_t crash_drop;  /* waiting in the ring of a worker that died */
	uint64_t stop_drop;   /* still in the ring when the capture was closed */
	uint64_t source_bytes, source_size; /* read of the file, its size (0: not known) */
	struct nc_defrag_counters defrag;
	struct nc_tcp_counters tcp;
	struct nc_flow_counters flows;
	struct nc_pipeline_worker workers[NC_WORKERS_MAX];
	unsigned worker_count;
};

struct nc_pipeline;

/* Opens the source, maps the shared pieces and starts the workers; the loop then carries everything. On failure err gets one
 * line. 0 or negative errno. */
int nc_pipeline_new(struct nc_loop *loop, const struct nc_pipeline_options *o, const struct nc_pipeline_events *ev,
                    struct nc_pipeline **ret, struct nc_buf *err);
/* Asks the workers to take what is in the kernel's rings, flush and end; done() follows. */
void nc_pipeline_stop(struct nc_pipeline *p);
/* Asks the workers to hand out what they have gathered. */
void nc_pipeline_flush(struct nc_pipeline *p);
/* Asks them to write out all live flows; these go on as new records with the same UID. */
void nc_pipeline_flush_flows(struct nc_pipeline *p);
void nc_pipeline_stats(const struct nc_pipeline *p, struct nc_pipeline_stats *ret);
/* Error texts with their counts, most frequent first: up to max into ret; text is escaped. Returns the number. */
struct nc_pipeline_reason {
	char text[128];
	uint64_t count;
};
size_t nc_pipeline_reasons(const struct nc_pipeline *p, struct nc_pipeline_reason *ret, size_t max);
/* What can be changed while workers of a live capture run, between two of their packets; options of the same names. When kinds of
 * flows differ, live ones are written out and go on as new records. */
struct nc_pipeline_change {
	bool wanted[NC_TYPES_MAX];
	bool payloads, keep_errors, keep_unknown;
	int64_t flow_timeout, conn_timeout, active_timeout;
};
void nc_pipeline_change(struct nc_pipeline *p, const struct nc_pipeline_change *c);
/* The same in options. */
void nc_pipeline_apply(struct nc_pipeline_options *o, const struct nc_pipeline_change *c);
/* Another filter for its interface: compiled (nc_live_compile), which changes nothing, then put in place of the one there is,
 * which is in *c afterwards. When that fails, *c and the filter are as before. 0 or negative errno with a line in err. */
int nc_pipeline_compile(struct nc_pipeline *p, const char *bpf, struct nc_program **ret, struct nc_buf *err);
int nc_pipeline_filter(struct nc_pipeline *p, struct nc_program **c, struct nc_buf *err);
/* The filter that it has, "" for none. */
const char *nc_pipeline_bpf(const struct nc_pipeline *p);
/* Kills what still runs and frees all. */
void nc_pipeline_free(struct nc_pipeline *p);

#endif
