/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Main's side of flows: puts the workers' parts together and makes records of them, in the form that the workers' own have. */
#include "config.h"

#include "pipeline/gather.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pipeline/flows.h"
#include "record/pack.h"

#define KINDS     3u
#define BLOCK     ((size_t)256 << 10)
#define RECORD    ((size_t)4 << 10) /* what one record may take; they have no text from outside */
#define SHARE     2u                /* of the workers' limit */

/* Records of one type that wait for more. */
struct pool {
	const struct nc_type *type;
	struct nc_format *format;
	uint8_t *data;
	size_t len;
	uint32_t count;
	uint64_t total;
	int64_t first_ns, last_ns;
};

struct nc_gather {
	enum nc_output output;
	size_t limit;
	struct nc_flow_options o;
	struct nc_merge *merge;
	struct nc_packer *packer;
	struct nc_deflater *deflater;
	uint8_t *block;
	size_t block_room;
	struct nc_buf line;
	struct pool pools[KINDS];
	struct nc_flows_place at;
	uint64_t too_large;
	void (*chunk)(void *user, const struct nc_chunk *c);
	void *user;
};

static void hand_on(struct nc_gather *g, struct pool *p)
{
	struct nc_chunk c = {
		.kind = g->output == NC_OUTPUT_BLOCKS  ? NC_CHUNK_BLOCK
		        : g->output == NC_OUTPUT_PLAIN ? NC_CHUNK_PLAIN
		                                       : NC_CHUNK_CSV,
		.type = p->type,
		.count = p->count,
		.first_ns = p->first_ns,
		.last_ns = p->last_ns,
		.data = p->data,
		.n = p->len,
	};

	if (p->len == 0)
		return;
	if (g->output == NC_OUTPUT_BLOCKS) {
		struct nc_block_info info = {
			.kind = NC_BLOCK_RECORDS, .type = p->type->number, .count = p->count,
			.first_ns = p->first_ns, .last_ns = p->last_ns,
		};
		c.n = nc_block_build(g->deflater, &info, p->data, p->len, g->block, g->block_room);
		c.data = g->block;
	}
	g->chunk(g->user, &c);
	p->len = p->count = 0;
}

static size_t write_record(struct nc_gather *g, struct pool *p, const ProtobufCMessage *m)
{
	if (g->output != NC_OUTPUT_CSV)
		return nc_pack_delimited(g->packer, nc_type_slot(p->type), m, p->data + p->len, RECORD);
	nc_buf_reset(&g->line);
	nc_format_record(p->format, m, &g->line);
	if (g->line.failed || g->line.len > RECORD)
		return 0;
	memcpy(p->data + p->len, g->line.data, g->line.len);
	return g->line.len;
}

static void on_record(void *user, const ProtobufCMessage *m, int64_t ts_ns)
{
	struct nc_gather *g = user;
	struct pool *p = g->pools;

	while (p->type->desc != m->descriptor)
		p++;
	size_t n = write_record(g, p, m);
	if (n == 0) {
		g->too_large++;
		return;
	}
	if (p->count == 0 || ts_ns < p->first_ns)
		p->first_ns = ts_ns;
	if (p->count == 0 || ts_ns > p->last_ns)
		p->last_ns = ts_ns;
	p->len += n;
	p->count++;
	p->total++;
	if (p->len >= g->limit)
		hand_on(g, p);
}

static bool make_pools(struct nc_gather *g, const struct nc_pipeline_options *o)
{
	static const ProtobufCMessageDescriptor *const kinds[KINDS] = {
		&types__link_flow__descriptor, &types__transport_flow__descriptor, &types__connection__descriptor,
	};

	for (size_t i = 0; i < KINDS; i++) {
		struct pool *p = &g->pools[i];
		char *bad = NULL;
		p->type = nc_type_by_desc(kinds[i]);
		p->data = malloc(g->limit + RECORD);
		if (!p->type || !p->data)
			return false;
		if (o->output != NC_OUTPUT_CSV)
			continue;
		p->format = nc_format_new(p->type, &o->format, o->select, &bad);
		free(bad);
		if (!p->format)
			return false;
	}
	return true;
}

static bool make_blocks(struct nc_gather *g, const struct nc_pipeline_options *o)
{
	if (o->output != NC_OUTPUT_BLOCKS)
		return true;
	g->deflater = nc_deflater_new(o->level);
	g->block_room = nc_block_bound(g->limit + RECORD);
	g->block = malloc(g->block_room);
	return g->deflater && g->block;
}

struct nc_gather *nc_gather_new(const struct nc_pipeline_options *o, void (*chunk)(void *user, const struct nc_chunk *c),
                                void *user)
{
	struct nc_gather *g = calloc(1, sizeof(*g));
	uint8_t seed[16];

	if (!g || getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		goto fail;
	g->output = o->output;
	g->limit = o->block_size ? o->block_size : BLOCK;
	g->chunk = chunk;
	g->user = user;
	nc_flow_options_of(o, &g->o);
	struct nc_flow_options mine = g->o;
	mine.max = mine.max / SHARE < NC_FLOWS_MIN ? NC_FLOWS_MIN : mine.max / SHARE;
	g->merge = nc_merge_new(&mine, seed);
	g->packer = nc_packer_new();
	nc_buf_init(&g->line, NC_BLOCK_INFLATED_MAX);
	if (g->merge && g->packer && make_pools(g, o) && make_blocks(g, o))
		return g;
fail:
	nc_gather_free(g);
	return NULL;
}

void nc_gather_free(struct nc_gather *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < KINDS; i++) {
		nc_format_free(g->pools[i].format);
		free(g->pools[i].data);
	}
	nc_buf_free(&g->line);
	nc_packer_free(g->packer);
	nc_deflater_free(g->deflater);
	free(g->block);
	nc_merge_free(g->merge);
	free(g);
}

static struct nc_sink sink(struct nc_gather *g)
{
	return (struct nc_sink){ .record = on_record, .user = g };
}

void nc_gather_change(struct nc_gather *g, const struct nc_pipeline_options *o)
{
	nc_flow_options_of(o, &g->o);
	nc_merge_change(g->merge, &g->o);
}

bool nc_gather_part(struct nc_gather *g, const struct nc_flow_part *p)
{
	const struct nc_sink to = sink(g);

	return nc_merge_add(g->merge, p, &to);
}

void nc_gather_sweep(struct nc_gather *g, int64_t now_ns)
{
	const struct nc_sink to = sink(g);

	nc_merge_sweep(g->merge, now_ns, &to);
}

void nc_gather_window(struct nc_gather *g, int64_t low_ns)
{
	if (!nc_flows_due(&g->o, &g->at, low_ns))
		return;
	nc_gather_sweep(g, low_ns);
	g->at.swept_ns = low_ns;
	g->at.swept = true;
}

void nc_gather_all(struct nc_gather *g)
{
	const struct nc_sink to = sink(g);

	nc_merge_all(g->merge, &to);
}

void nc_gather_flush(struct nc_gather *g)
{
	for (size_t i = 0; i < KINDS; i++)
		hand_on(g, &g->pools[i]);
}

void nc_gather_count(const struct nc_gather *g, struct nc_pipeline_stats *to)
{
	for (size_t i = 0; i < KINDS; i++)
		to->records[nc_type_slot(g->pools[i].type)] += g->pools[i].total;
	to->flows.live += nc_merge_live(g->merge);
	to->flows.evicted += nc_merge_evicted(g->merge);
	to->too_large += g->too_large;
}
