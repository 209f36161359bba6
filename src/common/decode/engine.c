/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine: walks one packet through the decoders and holds its records until they are packed. */
#include "config.h"

#include "decode/engine.h"

#include <stdlib.h>
#include <string.h>

#include "decode/private.h"

/* Below this space an unclaimed selector makes the packet unknown. */
#define SELECTOR_SPACES NC_UDPPORT
#define IPPROTO_NONE    59u /* RFC 8200 section 4.7: nothing follows */

static const char *const space_names[NC_SPACES] = {
	[NC_DATALINK] = "link type", [NC_ETHERTYPE] = "EtherType", [NC_IPPROTO] = "IP protocol", [NC_LLCSAP] = "LLC SAP",
	[NC_SNAPTYPE] = "SNAP type", [NC_PPPTYPE] = "PPP protocol", [NC_UDPPORT] = "UDP port", [NC_TCPPORT] = "TCP port",
	[NC_ICMPV6TYPE] = "ICMPv6 type", [NC_INNER] = "inner key",
};

const struct nc_decoder *nc_engine_decoder(const struct nc_engine *e, unsigned index)
{
	if (index < nc_decoders_count)
		return nc_decoders[index];
	index -= (unsigned)nc_decoders_count;
	return index < e->o.extra_count ? e->o.extra[index] : NULL;
}

/* Puts decoder `index` into the chain of its key, by order. False when another has the same order. */
static bool claim(struct nc_engine *e, unsigned index, const struct nc_key *k, struct nc_buf *err)
{
	uint16_t *at = &e->map[k->space][k->key], order = nc_engine_decoder(e, index)->order;

	while (*at) {
		struct nc_claim *c = &e->claims[*at];
		if (c->order == order) {
			nc_buf_printf(err, "decoders %s and %s both claim %s %u without an order",
			              nc_engine_decoder(e, c->decoder)->name, nc_engine_decoder(e, index)->name,
			              space_names[k->space], k->key);
			return false;
		}
		if (c->order > order)
			break;
		at = &c->next;
	}
	if (e->claim_count + 1 >= NC_CLAIMS_MAX) {
		nc_buf_str(err, "too many selectors");
		return false;
	}
	uint16_t id = (uint16_t)++e->claim_count;
	e->claims[id] = (struct nc_claim){ .decoder = (uint16_t)index, .order = order, .next = *at };
	*at = id;
	return true;
}

static bool proof(struct nc_engine *e, unsigned index, const struct nc_proof *p, struct nc_buf *err)
{
	struct nc_contents *c = p->space == NC_TCPPORT ? &e->tcp : &e->udp;

	if (c->count == NC_PROOFS_MAX) {
		nc_buf_str(err, "too many proofs");
		return false;
	}
	c->list[c->count++] = (struct nc_content){ .proof = *p, .decoder = (uint16_t)index };
	return true;
}

static bool claim_all(struct nc_engine *e, struct nc_buf *err)
{
	size_t n = nc_decoders_count + e->o.extra_count;

	if (n > NC_DECODERS_MAX) {
		nc_buf_str(err, "too many decoders");
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct nc_key *k = nc_engine_decoder(e, i)->keys;
		for (; k && k->space < NC_SPACES; k++)
			if (!claim(e, i, k, err))
				return false;
		const struct nc_proof *p = nc_engine_decoder(e, i)->proofs;
		for (; p && p->space < NC_SPACES; p++)
			if (!proof(e, i, p, err))
				return false;
	}
	return true;
}

struct nc_engine *nc_engine_new(const struct nc_engine_options *o, struct nc_buf *err)
{
	struct nc_engine *e = calloc(1, sizeof(*e));

	if (!e) {
		nc_buf_str(err, "out of memory");
		return NULL;
	}
	e->o = *o;
	if (!e->o.counters)
		e->o.counters = &e->own_counters;
	nc_arena_init(&e->arena, e->memory, sizeof(e->memory));
	nc_entropy_init(&e->entropy);
	nc_emit_setup(e);
	if (!claim_all(e, err)) {
		nc_engine_free(e);
		return NULL;
	}
	return e;
}

void nc_engine_change(struct nc_engine *e, const bool wanted[static NC_TYPES_MAX], bool payloads, nc_segment_fn segment,
                      void *segment_user)
{
	memcpy(e->o.wanted, wanted, sizeof(e->o.wanted));
	e->o.payloads = payloads;
	e->o.segment = segment;
	e->o.segment_user = segment_user;
	nc_emit_setup(e);
}

void nc_engine_free(struct nc_engine *e)
{
	free(e);
}

bool nc_engine_has_datalink(const struct nc_engine *e, uint32_t datalink)
{
	return datalink <= UINT16_MAX && e->map[NC_DATALINK][datalink] != 0;
}

size_t nc_engine_memory(const struct nc_engine *e, bool *full)
{
	*full = e->arena.failed;
	return e->arena.used;
}

static enum nc_verdict failure(struct nc_engine *e, enum nc_verdict v, const char *reason)
{
	e->result.error = reason;
	return v;
}

/* One decoder on the bytes of r, which is left where it stopped only when it succeeded. */
static enum nc_verdict run_one(struct nc_engine *e, unsigned index, struct nc_rd *r)
{
	struct nc_rd mine = *r;
	unsigned records = e->result.count, entropies = e->entropy_count;
	size_t used = e->arena.used;

	e->packet.reason = NULL;
	enum nc_verdict v = nc_engine_decoder(e, index)->decode(&e->packet, &mine);
	if (v != NC_SKIP && e->arena.failed)
		v = failure(e, NC_BAD, "more than the memory of a packet");
	else if (mine.failed && v != NC_BAD && v != NC_SKIP)
		v = NC_SHORT;
	if (v == NC_SHORT)
		failure(e, v, "truncated");
	else if (v == NC_BAD && !e->result.error)
		failure(e, v, e->packet.reason ? e->packet.reason : "malformed");
	e->o.counters->verdicts[index][v]++;
	if (v == NC_NEXT || v == NC_DONE) {
		*r = mine;
	} else {
		/* a layer that failed or was not theirs leaves no record */
		e->result.count = records;
		e->entropy_count = entropies;
		e->arena.used = used;
		e->arena.failed = false;
	}
	return v;
}

/* One decoder as the next layer, which it is unless it skips. */
static enum nc_verdict run_layer(struct nc_engine *e, unsigned index, struct nc_rd *r)
{
	if (e->result.depth == NC_LAYERS_MAX) {
		e->result.error_decoder = (uint16_t)index;
		return failure(e, NC_BAD, "nested too deeply");
	}
	enum nc_verdict v = run_one(e, index, r);
	if (v == NC_SKIP)
		return v;
	if (v == NC_SHORT || v == NC_BAD)
		e->result.error_decoder = (uint16_t)index;
	e->result.layers[e->result.depth++] = (uint16_t)index;
	return v;
}

/* Asks the decoders of one key in order until one does not skip. NC_SKIP when none took it. */
static enum nc_verdict run_key(struct nc_engine *e, unsigned space, unsigned key, struct nc_rd *r)
{
	for (uint16_t id = e->map[space][key]; id; id = e->claims[id].next) {
		enum nc_verdict v = run_layer(e, e->claims[id].decoder, r);
		if (v != NC_SKIP)
			return v;
	}
	return NC_SKIP;
}

/* Payload that no port claims: asks those whose proof it is. */
static enum nc_verdict run_content(struct nc_engine *e, const struct nc_contents *all, struct nc_rd *r)
{
	struct nc_rd ahead = *r;
	uint64_t head = nc_rd_be64(&ahead);

	for (unsigned i = 0; i < all->count && !ahead.failed; i++) {
		const struct nc_content *c = &all->list[i];
		if ((head & c->proof.mask) != c->proof.value || !c->proof.holds(&e->packet, *r))
			continue;
		enum nc_verdict v = run_layer(e, c->decoder, r);
		if (v != NC_SKIP)
			return v;
	}
	return NC_SKIP;
}

static void walk(struct nc_engine *e, unsigned space, unsigned key, struct nc_rd r)
{
	bool has_alt = false;
	unsigned alt = 0;

	for (;;) {
		bool ports = space == NC_UDPPORT || space == NC_TCPPORT;
		if (ports && r.left == 0)
			return;
		enum nc_verdict v = run_key(e, space, key, &r);
		if (v == NC_SKIP && has_alt && alt != key)
			v = run_key(e, space, alt, &r);
		if (v == NC_SKIP && ports)
			v = run_content(e, space == NC_UDPPORT ? &e->udp : &e->tcp, &r);
		if (v == NC_SKIP && space < SELECTOR_SPACES && !(space == NC_IPPROTO && key == IPPROTO_NONE))
			e->result.unknown = true;
		if (v != NC_NEXT)
			return;
		space = e->packet.next_space;
		key = e->packet.next_key;
		alt = e->packet.next_alt;
		has_alt = e->packet.has_alt;
	}
}

const struct nc_engine_result *nc_engine_packet(struct nc_engine *e, uint32_t datalink, int64_t ts_ns, const uint8_t *data,
                                                size_t caplen)
{
	struct nc_engine_result *res = &e->result;

	res->count = 0;
	res->depth = 0;
	res->error = NULL;
	res->unknown = false;
	e->entropy_count = 0;
	nc_arena_reset(&e->arena);
	nc_time_stamp(e->stamp, ts_ns);
	e->packet = (struct nc_packet){
		.ts_ns = ts_ns, .ts = e->stamp, .datalink = datalink, .payloads = e->o.payloads, .arena = &e->arena, .engine = e,
	};
	if (datalink > UINT16_MAX)
		res->unknown = true;
	else
		walk(e, NC_DATALINK, datalink, nc_rd_over(data, caplen));
	res->outer = &e->packet.outer;
	nc_emit_entropies(e);
	return res;
}
