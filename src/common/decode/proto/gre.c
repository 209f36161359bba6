/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generic routing encapsulation (RFC 1701, 2784, 2890) and its version 1 of PPTP (RFC 2637 section 4.1). */
#include "decode/tunnel.h"

#define TYPE_BRIDGED  0x6558u /* transparent Ethernet */
#define TYPE_ERSPAN   0x88beu /* without a sequence number type I, which is nothing but the frame */
#define TYPE_ERSPAN3  0x22ebu
#define VERSION_PPTP  1u
#define ROUTES_MAX    15u     /* each is a message in the one before: as deep as nc_record_valid goes */

/* RFC 1701, "Source Route Entries": a list that ends with an entry of family 0 and length 0. */
static enum nc_verdict routing(struct nc_packet *p, struct nc_rd *r, Types__GRERouting **tail)
{
	for (unsigned n = 0;; n++) {
		uint16_t family = nc_rd_be16(r);
		uint8_t offset = nc_rd_u8(r), length = nc_rd_u8(r);
		const uint8_t *info = nc_rd_bytes(r, length);
		if (r->failed)
			return NC_SHORT;
		if (family == 0 && length == 0)
			return NC_DONE;
		if (n == ROUTES_MAX)
			return nc_bad(p, "too many GRE routing entries");
		Types__GRERouting *e = nc_p_alloc(p, sizeof(*e));
		if (!e)
			return NC_BAD;
		types__grerouting__init(e);
		e->addressfamily = family;
		e->sreoffset = offset;
		e->srelength = length;
		e->routinginformation = nc_p_bytes(info, length);
		*tail = e;
		tail = &e->next;
	}
}

static enum nc_verdict next(struct nc_packet *p, const Types__GRE *m)
{
	switch (m->protocol) {
	case 0: /* keepalive of Cisco */
		return NC_DONE;
	case TYPE_BRIDGED:
		return nc_next_ethernet(p);
	case TYPE_ERSPAN:
		return m->seqpresent ? nc_next(p, NC_INNER, NC_INNER_ERSPAN) : nc_next_ethernet(p);
	case TYPE_ERSPAN3:
		return nc_next(p, NC_INNER, NC_INNER_ERSPAN);
	default:
		return nc_next_ethertype(p, (uint16_t)m->protocol);
	}
}

static void flags(Types__GRE *m, unsigned bits)
{
	m->checksumpresent = (bits >> 15 & 1) != 0;
	m->routingpresent = (bits >> 14 & 1) != 0;
	m->keypresent = (bits >> 13 & 1) != 0;
	m->seqpresent = (bits >> 12 & 1) != 0;
	m->strictsourceroute = (bits >> 11 & 1) != 0;
	m->recursioncontrol = bits >> 8 & 7;
	m->flags = bits >> 3 & 31;
	m->version = bits & 7;
	m->ackpresent = m->version == VERSION_PPTP && (bits >> 7 & 1) != 0;
}

static enum nc_verdict gre_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__GRE m = TYPES__GRE__INIT;

	flags(&m, nc_rd_be16(r));
	m.protocol = nc_rd_be16(r);
	if (!r->failed && m.version > (int32_t)VERSION_PPTP)
		return nc_bad(p, "GRE version is neither 0 nor 1");
	if (m.checksumpresent || m.routingpresent) {
		m.checksum = nc_rd_be16(r);
		m.offset = nc_rd_be16(r);
	}
	if (m.keypresent)
		m.key = nc_rd_be32(r);
	if (m.seqpresent)
		m.seq = nc_rd_be32(r);
	if (m.ackpresent)
		m.ack = nc_rd_be32(r);
	if (m.routingpresent) {
		enum nc_verdict v = routing(p, r, &m.routing);
		if (v != NC_DONE)
			return v;
	}
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	if (m.version == (int32_t)VERSION_PPTP) {
		nc_rd_trim(r, m.key >> 16); /* the upper half is the payload's length */
		if (!m.seqpresent || r->left == 0)
			return NC_DONE; /* an acknowledgement alone */
	}
	return next(p, &m);
}

const struct nc_decoder nc_decoder_gre = {
	.name = "GRE", .decode = gre_decode, .descriptor = &types__gre__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 47 }),
};
