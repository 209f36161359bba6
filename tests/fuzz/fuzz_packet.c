/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: from packets to packed records. Input: 2 bytes of link type, then packets, each behind 2 bytes of length (all big
 * endian; more than is left means the rest), decoded one after the other with reassembly. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "decode/engine.h"
#include "flow/defrag.h"
#include "record/pack.h"

#define PACKETS_MAX 64u
#define PACKED_MAX  (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct target {
	struct nc_engine *engine;
	struct nc_packer *packer;
	struct nc_defrag_counters fragments;
	struct nc_decode_counters counters;
	void *mem;
	size_t size;
	uint8_t packed[PACKED_MAX];
};

static struct target *setup(void)
{
	struct target *t = calloc(1, sizeof(*t));
	struct nc_engine_options o = { .payloads = true, .fragment = nc_defrag_fragment };
	struct nc_buf err = { 0 };

	if (!t)
		abort();
	for (size_t i = 0; i < nc_types_count; i++)
		o.wanted[i] = true;
	t->size = nc_defrag_min();
	if (posix_memalign(&t->mem, 4096, t->size) != 0)
		abort();
	o.fragment_user = t->mem;
	o.counters = &t->counters;
	t->engine = nc_engine_new(&o, &err);
	t->packer = nc_packer_new();
	if (!t->engine || !t->packer)
		abort();
	return t;
}

/* Every record must fit, and be what the validator takes. */
static void pack(struct target *t, const struct nc_engine_record *rec)
{
	size_t n = nc_pack_delimited(t->packer, rec->slot, rec->m, t->packed, sizeof(t->packed));
	struct nc_rd r = nc_rd_over(t->packed, n);

	if (n == 0)
		abort();
	uint64_t len = nc_rd_varint(&r);
	if (r.failed || len != r.left || !nc_record_valid(rec->m->descriptor, r.p, r.left, true))
		abort();
}

/* In a buffer of exactly its size, so that a sanitizer sees a read of the byte behind it. */
static void one(struct target *t, uint32_t datalink, int64_t ts, const uint8_t *p, size_t n)
{
	uint8_t *own = malloc(n ? n : 1);

	if (!own)
		abort();
	if (n)
		memcpy(own, p, n);
	const struct nc_engine_result *r = nc_engine_packet(t->engine, datalink, ts, own, n);
	if (r->depth > NC_LAYERS_MAX || r->count > NC_RECORDS_MAX)
		abort();
	for (unsigned i = 0; i < r->count; i++)
		pack(t, &r->records[i]);
	free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct target *t;
	static const uint8_t seed[16];
	struct nc_rd r = nc_rd_over(data, n);

	if (!t)
		t = setup();
	(void)nc_defrag_init(t->mem, t->size, seed, &t->fragments);
	uint16_t datalink = nc_rd_be16(&r);
	for (unsigned i = 0; i < PACKETS_MAX && r.left > 0; i++) {
		size_t len = nc_rd_be16(&r);
		if (len > r.left)
			len = r.left;
		const uint8_t *p = nc_rd_bytes(&r, len);
		if (p)
			one(t, datalink, (int64_t)i * 1000000000, p, len);
	}
	return 0;
}
