/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the engine, shared by engine.c and emit.c only. */
#ifndef NC_DECODE_PRIVATE_H
#define NC_DECODE_PRIVATE_H

#include "base/time.h"
#include "decode/engine.h"
#include "decode/entropy.h"

#define NC_CLAIMS_MAX 1024u
#define NC_PROOFS_MAX 16u  /* of a transport */
#define NC_TYPE_HASH  512u /* power of two, well above the number of types */

/* A decoder's claim on a selector; chained by order. Index 0 is "none". */
struct nc_claim {
	uint16_t decoder, order, next;
};

/* A proof beside the decoder that it is for: all that a packet nobody claims is compared with lies together. */
struct nc_content {
	struct nc_proof proof;
	uint16_t decoder;
};
/* Those of a transport, in the order of the decoders. */
struct nc_contents {
	struct nc_content list[NC_PROOFS_MAX];
	unsigned count;
};

/* What emitting needs to know of a record type, found by its descriptor. */
struct nc_emit_type {
	const ProtobufCMessageDescriptor *desc;
	uint16_t slot;
	bool wanted;
	size_t stamp; /* offset of its Timestamp, 0: none */
};

struct nc_entropy_job {
	double *to;
	const uint8_t *data;
	size_t n;
};

struct nc_engine {
	struct nc_engine_options o;
	struct nc_packet packet;
	struct nc_engine_result result;
	struct nc_arena arena;
	struct nc_entropy entropy;
	struct nc_entropy_job jobs[NC_RECORDS_MAX];
	unsigned entropy_count;
	struct nc_emit_type types[NC_TYPE_HASH];
	struct nc_claim claims[NC_CLAIMS_MAX];
	unsigned claim_count;
	struct nc_contents udp, tcp;
	char stamp[NC_TIME_TEXT];
	struct nc_decode_counters own_counters;
	uint16_t map[NC_SPACES][65536];
	_Alignas(16) uint8_t memory[NC_ARENA_CAP];
};

/* Builds the descriptor table. */
void nc_emit_setup(struct nc_engine *e);
/* Fills in the PayloadEntropy of all records, innermost first. */
void nc_emit_entropies(struct nc_engine *e);

#endif
