/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv6 fragment header (RFC 8200 section 4.5). */
#include "decode/cut.h"
#include "decode/decode.h"

static enum nc_verdict fragment_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__IPv6Fragment m = TYPES__IPV6_FRAGMENT__INIT;

	if (p->ip_version != 6)
		return NC_SKIP;
	uint8_t next = nc_rd_u8(r);
	m.nextheader = next;
	m.reserved1 = nc_rd_u8(r);
	uint16_t bits = nc_rd_be16(r);
	m.fragmentoffset = bits >> 3;
	m.reserved2 = bits >> 1 & 3;
	m.morefragments = bits & 1;
	m.identification = nc_rd_be32(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	/* RFC 6946: an atomic fragment is whole and none of reassembly's business */
	if (m.fragmentoffset == 0 && !m.morefragments)
		return nc_next(p, NC_IPPROTO, next);
	/* of a cut fragment it is known only that bytes are missing */
	if (nc_cut(p, r))
		return NC_DONE;
	struct nc_fragment f = {
		.version = 6, .src = p->ip_src, .dst = p->ip_dst, .id = m.identification, .proto = next,
		.offset = (bits >> 3) * 8u, .more = m.morefragments != 0, .data = r->p, .len = r->left,
	};
	return nc_reassemble(p, &f, r) ? nc_next(p, NC_IPPROTO, next) : NC_DONE;
}

const struct nc_decoder nc_decoder_ipv6fragment = {
	.name = "IPv6Fragment", .decode = fragment_decode, .descriptor = &types__ipv6_fragment__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 44 }),
};
