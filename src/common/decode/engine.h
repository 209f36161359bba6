/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine: walks one packet through the decoders and holds its records until they are packed. */
#ifndef NC_DECODE_ENGINE_H
#define NC_DECODE_ENGINE_H

#include "base/buf.h"
#include "decode/decode.h"
#include "record/type.h"

#define NC_LAYERS_MAX   16u          /* nesting; beyond it the packet is BAD */
#define NC_ARENA_CAP    (64u * 1024u) /* of a packet */
#define NC_RECORDS_MAX  64u          /* of a packet */

/* Counters of the decoders; lives where the caller says (shared memory of a worker). */
struct nc_decode_counters {
	uint64_t verdicts[NC_DECODERS_MAX][NC_VERDICTS];
};

/* Reassembly, given by the flow layer. */
typedef bool (*nc_fragment_fn)(void *user, int64_t ts_ns, const struct nc_fragment *f, const uint8_t **data, size_t *n);

/* Reassembly of streams, given by the flow layer: takes a segment, returns what its stream is (struct nc_outer). */
typedef unsigned (*nc_segment_fn)(void *user, const struct nc_packet *p, const struct nc_segment *s);

struct nc_engine_options {
	bool wanted[NC_TYPES_MAX]; /* by slot of nc_types */
	bool payloads;
	struct nc_decode_counters *counters;
	nc_fragment_fn fragment; /* NULL: fragments are not reassembled */
	void *fragment_user;
	nc_segment_fn segment; /* NULL: streams are not reassembled */
	void *segment_user;
	/* appended to the generated ones; for tests. */
	const struct nc_decoder *const *extra;
	size_t extra_count;
};

struct nc_engine_record {
	uint16_t slot; /* in nc_types */
	ProtobufCMessage *m;
};

/* What became of a packet; valid until the next one. */
struct nc_engine_result {
	struct nc_engine_record records[NC_RECORDS_MAX];
	unsigned count;
	uint16_t layers[NC_LAYERS_MAX]; /* decoder indices, outermost first */
	unsigned depth;
	const char *error; /* text of a SHORT or BAD verdict, else NULL */
	uint16_t error_decoder; /* who gave it; only with error */
	bool unknown;      /* a selector without a decoder */
	const struct nc_outer *outer;
};

/* A new engine; NULL with a line in err when two decoders claim a key without an order, or memory is short. */
struct nc_engine *nc_engine_new(const struct nc_engine_options *o, struct nc_buf *err);
void nc_engine_free(struct nc_engine *e);
/* Other records and another reassembly of streams from the next packet on; arguments as in the options. */
void nc_engine_change(struct nc_engine *e, const bool wanted[static NC_TYPES_MAX], bool payloads, nc_segment_fn segment,
                      void *segment_user);
/* Decodes one packet of caplen bytes. Entropies are filled in. */
const struct nc_engine_result *nc_engine_packet(struct nc_engine *e, uint32_t datalink, int64_t ts_ns, const uint8_t *data,
                                                size_t caplen);
/* The decoder at an index of layers or counters (extra ones behind the generated). */
const struct nc_decoder *nc_engine_decoder(const struct nc_engine *e, unsigned index);
/* Bytes of its memory that the last packet took, and whether that was not enough. */
size_t nc_engine_memory(const struct nc_engine *e, bool *full);
/* One where the packet's link type selects no decoder at all is unknown; this tells before a run whether any does. */
bool nc_engine_has_datalink(const struct nc_engine *e, uint32_t datalink);

#endif
