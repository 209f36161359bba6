/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv6 hop-by-hop options (RFC 8200 section 4.3). */
#include "decode/decode.h"

#define OPTION_PAD1 0u

/* Their number; RFC 8200 section 4.2: Pad1 is one byte, all others have a length. */
static bool count(struct nc_rd r, size_t *n)
{
	for (*n = 0; r.left > 0 && !r.failed; ++*n)
		if (nc_rd_u8(&r) != OPTION_PAD1)
			nc_rd_skip(&r, nc_rd_u8(&r));
	return !r.failed;
}

static void option(struct nc_rd *r, Types__IPv6HopByHopOption *o)
{
	o->optiontype = nc_rd_u8(r);
	o->actuallength = 1;
	if (o->optiontype == OPTION_PAD1)
		return;
	uint8_t len = nc_rd_u8(r);
	o->optionlength = len;
	o->actuallength = len + 2;
	o->optiondata = nc_p_bytes(nc_rd_bytes(r, len), len);
}

/* OptionAlignment is there and empty: it is a matter of sending, not of what was received. */
static bool options(struct nc_packet *p, struct nc_rd *r, size_t n, Types__IPv6HopByHop *m)
{
	Types__IPv6HopByHopOption **list = (Types__IPv6HopByHopOption **)nc_p_array(p, n);
	Types__IPv6HopByHopOption *o = nc_p_alloc(p, n * sizeof(*o));
	Types__IPv6HopByHopOptionAlignment *none = nc_p_alloc(p, sizeof(*none));

	if (!list || !o || !none)
		return false;
	types__ipv6_hop_by_hop_option_alignment__init(none);
	for (size_t i = 0; i < n; i++, o++) {
		types__ipv6_hop_by_hop_option__init(o);
		o->optionalignment = none;
		option(r, o);
		list[i] = o;
	}
	m->n_options = n;
	m->options = list;
	return true;
}

/* The options stand in the record of the IPv6 header in front of them, too. */
static void into_ipv6(struct nc_packet *p, const Types__IPv6HopByHop *m)
{
	Types__IPv6HopByHop *copy = p->ipv6 ? nc_p_alloc(p, sizeof(*copy)) : NULL;

	if (copy) {
		*copy = *m;
		copy->timestamp = p->ts;
		p->ipv6->hopbyhop = copy;
	}
	p->ipv6 = NULL;
}

static enum nc_verdict hopbyhop_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__IPv6HopByHop m = TYPES__IPV6_HOP_BY_HOP__INIT;
	size_t n;

	if (p->ip_version == 4)
		return NC_SKIP;
	uint8_t next = nc_rd_u8(r), units = nc_rd_u8(r);
	struct nc_rd opts = nc_rd_sub(r, units * 8u + 6);
	if (opts.failed)
		return NC_SHORT;
	if (!count(opts, &n))
		return nc_bad(p, "IPv6 option longer than its header");
	if (!options(p, &opts, n, &m))
		return NC_BAD;
	nc_emit(p, &m.base);
	if (p->arena->failed)
		return NC_BAD;
	into_ipv6(p, &m);
	return nc_next(p, NC_IPPROTO, next);
}

const struct nc_decoder nc_decoder_ipv6hopbyhop = {
	.name = "IPv6HopByHop", .decode = hopbyhop_decode, .descriptor = &types__ipv6_hop_by_hop__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 0 }),
};
