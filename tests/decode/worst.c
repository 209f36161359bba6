/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What single packets cost: the slowest, and the one that takes the most memory; or the mean of each decoder's packets. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "session.h"

/* Decoding and packing, of a packet of up to LIMIT_BYTES; longer ones may take longer in proportion. */
#define LIMIT_NS     200000u
#define LIMIT_BYTES  1500u
#define LIMIT_MEMORY (64u * 1024u)
#define PASSES       7
#define SHOWN        10
#define PACKED_MAX   (1u << 20)

struct cost {
	const char *file;
	unsigned number;
	uint32_t bytes;
	uint64_t ns;      /* the least of all passes */
	size_t memory, packed;
	bool full;        /* the arena was not enough: the packet is BAD */
	char layers[96];
};

struct own {
	uint64_t packets, ns;
};

struct run {
	struct nc_session session;
	uint8_t packed[PACKED_MAX];
	const char *file;
	struct cost *costs;
	size_t count, room, first; /* first: of the file at hand */
	bool again;
	uint16_t (*layers)[NC_LAYERS_MAX]; /* of each packet, for the means; with depth */
	unsigned *depths;
};

static void grow(struct run *t)
{
	if (t->count < t->room)
		return;
	t->room = t->room ? t->room * 2 : 4096;
	t->costs = realloc(t->costs, t->room * sizeof(*t->costs));
	t->layers = realloc(t->layers, t->room * sizeof(*t->layers));
	t->depths = realloc(t->depths, t->room * sizeof(*t->depths));
	if (!t->costs || !t->layers || !t->depths)
		abort();
}

static void describe(struct run *t, struct cost *c, const struct nc_engine_result *r)
{
	size_t at = 0;

	for (unsigned i = 0; i < r->depth && at < sizeof(c->layers); i++) {
		int n = snprintf(c->layers + at, sizeof(c->layers) - at, "%s%s", i ? "/" : "",
		                 nc_engine_decoder(t->session.engine, r->layers[i])->name);
		at += n > 0 ? (size_t)n : 0;
	}
	if (r->error && at < sizeof(c->layers))
		snprintf(c->layers + at, sizeof(c->layers) - at, ": %s", r->error);
}

static void measure(void *user, const struct nc_capture_packet *p, unsigned number)
{
	struct run *t = user;
	size_t index = t->first + number - 1, packed = 0;

	if (!t->again) {
		grow(t);
		index = t->count++;
	}
	struct cost *c = &t->costs[index];
	int64_t start = nc_time_mono();
	const struct nc_engine_result *r = nc_engine_packet(t->session.engine, p->datalink, p->ts_ns, p->data, p->caplen);
	for (unsigned i = 0; i < r->count; i++)
		packed += nc_pack_delimited(t->session.packer, r->records[i].slot, r->records[i].m, t->packed, sizeof(t->packed));
	uint64_t ns = (uint64_t)(nc_time_mono() - start);
	if (t->again) {
		if (ns < c->ns)
			c->ns = ns;
		return;
	}
	*c = (struct cost){ .file = t->file, .number = number, .bytes = p->caplen, .ns = ns, .packed = packed };
	c->memory = nc_engine_memory(t->session.engine, &c->full);
	describe(t, c, r);
	t->depths[index] = r->depth;
	memcpy(t->layers[index], r->layers, r->depth * sizeof(r->layers[0]));
}

static int measure_file(struct run *t, const char *file)
{
	t->file = file;
	t->first = t->count;
	t->again = false;
	for (int pass = 0; pass < PASSES; pass++) {
		nc_session_forget_fragments(&t->session);
		if (nc_session_file(file, measure, t) < 0)
			return -1;
		t->again = true;
	}
	return 0;
}

static int slower(const void *a, const void *b)
{
	uint64_t x = ((const struct cost *)a)->ns, y = ((const struct cost *)b)->ns;

	return (x < y) - (x > y);
}

static bool too_slow(const struct cost *c)
{
	uint64_t pieces = (c->bytes + LIMIT_BYTES - 1) / LIMIT_BYTES;

	return c->ns > LIMIT_NS * (pieces ? pieces : 1);
}

static void print(const struct cost *c)
{
	const char *slash = strrchr(c->file, '/');

	printf("%9lu ns %7zu B memory %7zu B packed %6u B  %s #%u %s\n", (unsigned long)c->ns, c->memory, c->packed, c->bytes,
	       slash ? slash + 1 : c->file, c->number, c->layers);
}

static int worst(struct run *t)
{
	const struct cost *most = NULL;
	unsigned slow = 0, full = 0, large = 0;

	qsort(t->costs, t->count, sizeof(*t->costs), slower);
	for (size_t i = 0; i < t->count; i++) {
		const struct cost *c = &t->costs[i];
		if (i < SHOWN || too_slow(c))
			print(c);
		slow += too_slow(c);
		full += c->full;
		large += c->memory > LIMIT_MEMORY;
		if (c->full && i >= SHOWN && !too_slow(c))
			print(c);
		if (!most || c->memory > most->memory)
			most = c;
	}
	if (most) {
		printf("most memory:\n");
		print(most);
	}
	printf("%zu packets, %u above %u us at %u bytes, %u above %u KiB, %u BAD because they wanted more\n", t->count, slow,
	       LIMIT_NS / 1000, LIMIT_BYTES, large, LIMIT_MEMORY / 1024, full);
	return slow > 0 || large > 0 || t->count == 0;
}

/* A packet counts for each decoder that saw it, once. */
static void means(const struct run *t)
{
	static struct own sums[NC_DECODERS_MAX];

	for (size_t i = 0; i < t->count; i++) {
		bool seen[NC_DECODERS_MAX] = { false };
		for (unsigned k = 0; k < t->depths[i]; k++) {
			unsigned d = t->layers[i][k];
			sums[d].packets += !seen[d];
			sums[d].ns += seen[d] ? 0 : t->costs[i].ns;
			seen[d] = true;
		}
	}
	printf("%-28s %9s %9s\n", "decoder", "packets", "ns/packet");
	for (size_t i = 0; i < nc_decoders_count; i++)
		if (sums[i].packets)
			printf("%-28s %9lu %9lu\n", nc_decoders[i]->name, (unsigned long)sums[i].packets,
			       (unsigned long)(sums[i].ns / sums[i].packets));
		else
			printf("%-28s %9s %9s\n", nc_decoders[i]->name, "none", "-");
}

int main(int argc, char **argv)
{
	static struct run t;
	bool decoders = argc > 1 && strcmp(argv[1], "-decoders") == 0;
	int first = 1 + decoders, bad;

	if (argc <= first || argv[first][0] == '-') {
		fprintf(stderr, "usage: worst [-decoders] CAPTURE...\n");
		return 2;
	}
	bad = nc_session_open(&t.session) < 0;
	for (int i = first; i < argc && !bad; i++)
		bad = measure_file(&t, argv[i]) < 0;
	if (!bad && decoders)
		means(&t);
	else if (!bad)
		bad = worst(&t);
	nc_session_close(&t.session);
	free(t.costs);
	free(t.layers);
	free(t.depths);
	return bad;
}
