/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stream reader is and what it may call. One reader per file in flow/stream/; it sees one TCP connection as two directions
 * of bytes in order, and writes records about it. */
#ifndef NC_FLOW_STREAM_H
#define NC_FLOW_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/rd.h"
#include "netcap.pb-c.h"

#define NC_STREAM_READERS_MAX 32u
#define NC_STREAM_ARENA   (128u * 1024u) /* of the records of one call */
#define NC_STREAM_PROBE   256u /* bytes after which probes must have an answer: then MORE counts as NO */
#define NC_STREAM_TRIES   32u  /* arrivals of a direction at which the probes are asked */
#define NC_STREAM_PENDING (128u * 1024u) /* upper bound of pending_max */

/* What the bytes at some point of a direction say. */
enum nc_guess { NC_GUESS_NO, NC_GUESS_MORE, NC_GUESS_YES };

/* One side of a connection. */
struct nc_stream_end {
	uint8_t ip[16]; /* 4 or 16 of them */
	uint8_t mac[6];
	bool has_mac;
	uint16_t port;
};

/* A connection as its reader sees it. Direction d goes from end[d] to end[!d]. */
struct nc_stream {
	uint8_t ip_version;
	struct nc_stream_end end[2]; /* 0: who sent the SYN; without one, whose data came first */
	bool opened;                 /* a SYN was seen; without one a direction may begin anywhere */
	void *state;                 /* state_size bytes of the reader, zero at first */
	struct nc_arena *arena;      /* for the records of this call; emptied behind it */
	int64_t now_ns;              /* of the packet in hand */
};

struct nc_stream_reader {
	const char *name;       /* ApplicationProto of its flows: "HTTP" */
	size_t state_size;      /* at most 4,096; larger things come from nc_stream_alloc */
	const uint16_t *ports;  /* ended by 0; its probe is asked first where one of them matches either end */
	size_t pending_max;     /* bytes of a direction that may wait for more; beyond it the stream is stopped, counted */
	/* Looks at n bytes (1 to NC_STREAM_PROBE) of direction dir. First they are those that the direction begins with. When all
	 * probes have said NO, they are asked again at the beginning of what comes next, so that TLS behind STARTTLS or a request
	 * behind the rest of a body is found: NC_STREAM_TRIES times for each direction. The first YES in either decides;
	 * bytes of the other direction that all said NO to come as a gap. Ports don't matter. */
	enum nc_guess (*probe)(unsigned dir, const uint8_t *p, size_t n);
	/* The bytes of direction dir that have not been consumed yet, in order and without gap, n > 0; ts_ns: of the packet that
	 * brought the first of them. Returns how many are consumed. The rest is shown again: at once when some were consumed or
	 * gone over, else in front of what follows. So nobody who waits should look at all of it each time: nc_stream_want. */
	size_t (*data)(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns);
	/* n bytes are missing here, for good; what waited was dropped before. What nc_stream_skip goes over is not missed. */
	void (*gap)(struct nc_stream *s, unsigned dir, uint64_t n);
	/* No more bytes come in either direction: closed, reset, timed out, evicted, end of input, or stopped. Called once. What
	 * was allocated is freed here. */
	void (*end)(struct nc_stream *s);
	/* ended by NULL: the records it writes; when none is wanted, it is not asked for more than its name */
	const ProtobufCMessageDescriptor *const *records;
	bool hands_over; /* it calls nc_stream_again: it reads even when only records of others are wanted */
};

/* The readers, generated from the folder (streams.c): flow/stream/<id>.c defines const struct nc_stream_reader nc_reader_<id>. */
extern const struct nc_stream_reader *const nc_stream_readers[];
extern const size_t nc_stream_readers_count;

/* data of direction dir is not called again before n bytes wait, for the next call only (n <= pending_max; the rest of it,
 * when it ends before that, is not shown). */
void nc_stream_want(struct nc_stream *s, unsigned dir, size_t n);
/* The next n bytes behind what data says it consumed are gone over, present or missing. UINT64_MAX: all that follow. */
void nc_stream_skip(struct nc_stream *s, unsigned dir, uint64_t n);
/* Nothing of this connection is shown any more, in both directions. */
void nc_stream_stop(struct nc_stream *s);
/* This reader is done, and something else follows (CONNECT, an upgrade): its end is called, and what neither direction has
 * consumed, and what follows, is shown to the probes as if the connection began here. It keeps the first reader's name. A
 * fourth time in one connection it is nc_stream_stop. */
void nc_stream_again(struct nc_stream *s);
/* Counts a contradiction under the reader's name; reason is a short static text. The stream goes on. */
void nc_stream_bad(struct nc_stream *s, const char *reason);
/* Writes a record. Nothing happens for types that are not wanted. Its Timestamp (first field) is set when it is empty. */
void nc_stream_record(struct nc_stream *s, const ProtobufCMessage *m, int64_t ts_ns);
bool nc_stream_wanted(const struct nc_stream *s, const ProtobufCMessageDescriptor *d);
/* Memory that counts against -stream-memory; NULL when it is used up (counted: go on without). */
void *nc_stream_alloc(struct nc_stream *s, size_t n);
void nc_stream_free(struct nc_stream *s, void *p);
/* Text in the arena, as nc_p_str and the like: "" when it is full. */
char *nc_stream_str(struct nc_stream *s, const uint8_t *p, size_t n);
char *nc_stream_ip(struct nc_stream *s, unsigned end);
char *nc_stream_mac(struct nc_stream *s, unsigned end);

#endif
