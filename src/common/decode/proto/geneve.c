/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generic network virtualization encapsulation (RFC 8926 section 3). */
#include "decode/inner.h"
#include "decode/tunnel.h"

#define PORT         6081u
#define TYPE_BRIDGED 0x6558u
#define OPTIONS_MAX  63u /* 252 bytes of options, each at least 4 long */

/* Section 3.5: class, type, three reserved bits, length of the data in words of 4 bytes. */
static enum nc_verdict options(struct nc_packet *p, struct nc_rd *r, Types__Geneve *m)
{
	Types__GeneveOption **list = (Types__GeneveOption **)nc_p_array(p, OPTIONS_MAX);

	if (!list)
		return NC_BAD;
	m->options = list;
	while (r->left > 0) {
		Types__GeneveOption *o = nc_p_alloc(p, sizeof(*o));
		if (!o)
			return NC_BAD;
		types__geneve_option__init(o);
		o->class_ = nc_rd_be16(r);
		o->type = nc_rd_u8(r);
		unsigned last = nc_rd_u8(r);
		size_t n = (last & 31) * 4u;
		o->flags = (int32_t)(last >> 5);
		o->length = (int32_t)n + 4;
		o->data = nc_p_bytes(nc_rd_bytes(r, n), n);
		if (r->failed)
			return nc_bad(p, "Geneve option longer than the options");
		list[m->n_options++] = o;
	}
	return NC_DONE;
}

static enum nc_verdict geneve_decode(struct nc_packet *p, struct nc_rd *r)
{
	bool mine = p->next_key == PORT;
	uint8_t first = nc_rd_u8(r), second = nc_rd_u8(r);
	uint16_t protocol = nc_rd_be16(r);
	uint32_t vni = nc_rd_be24(r);
	uint8_t reserved = nc_rd_u8(r);
	Types__Geneve m = TYPES__GENEVE__INIT;

	if (r->failed)
		return mine ? NC_SHORT : NC_SKIP;
	/* with the port as its source only it may be anything's client */
	if (first >> 6 != 0 || (!mine && ((second & 0x3f) != 0 || reserved != 0 || protocol < NC_TYPE_MIN)))
		return NC_SKIP;
	m.optionslength = (first & 63) * 4;
	m.oampacket = (second & 0x80) != 0;
	m.criticaloption = (second & 0x40) != 0;
	m.protocol = protocol;
	m.vni = vni;
	struct nc_rd opts = nc_rd_sub(r, (size_t)m.optionslength);
	if (opts.failed)
		return NC_SHORT;
	enum nc_verdict v = opts.left ? options(p, &opts, &m) : NC_DONE;
	if (v != NC_DONE)
		return v;
	nc_emit(p, &m.base);
	return protocol == TYPE_BRIDGED ? nc_next_ethernet(p) : nc_next_ethertype(p, protocol);
}

/* The mark has said version 0 and no reserved bit. Section 3.5: those of an option are zero too. */
static bool proves(struct nc_packet *p, struct nc_rd r)
{
	size_t length = (nc_rd_u8(&r) & 63) * 4u;

	nc_rd_skip(&r, 1);
	uint16_t protocol = nc_rd_be16(&r);
	if (protocol != TYPE_BRIDGED && protocol != NC_TYPE_IPV4 && protocol != NC_TYPE_IPV6)
		return false;
	nc_rd_skip(&r, 4);
	struct nc_rd opts = nc_rd_sub(&r, length);
	while (opts.left > 0 && !opts.failed) {
		nc_rd_skip(&opts, 3);
		unsigned last = nc_rd_u8(&opts);
		if (last >> 5 != 0)
			return false;
		nc_rd_skip(&opts, last * 4u);
	}
	if (opts.failed)
		return false;
	return protocol == TYPE_BRIDGED ? nc_inner_ethernet(p, r) : nc_inner_packet(p, r, protocol);
}

const struct nc_decoder nc_decoder_geneve = {
	.name = "Geneve", .decode = geneve_decode, .descriptor = &types__geneve__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, PORT }),
	.proofs = NC_PROOFS({ NC_UDPPORT, 0xc03f0000000000ff, 0, proves }),
};
