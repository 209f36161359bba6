/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMPv6 router advertisement (RFC 4861 section 4.2). */
#include "decode/decode.h"
#include "decode/ndopt.h"

static enum nc_verdict ra_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ICMPv6RouterAdvertisement m = TYPES__ICMPV6_ROUTER_ADVERTISEMENT__INIT;

	m.hoplimit = nc_rd_u8(r);
	m.flags = nc_rd_u8(r);
	m.routerlifetime = nc_rd_be16(r);
	m.reachabletime = nc_rd_be32(r);
	m.retranstimer = nc_rd_be32(r);
	if (r->failed)
		return NC_SHORT;
	enum nc_verdict v = nc_ndopt_read(p, r, &m.n_options, &m.options);
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

const struct nc_decoder nc_decoder_icmpv6ra = {
	.name = "ICMPv6RouterAdvertisement", .decode = ra_decode, .descriptor = &types__icmpv6_router_advertisement__descriptor,
	.keys = NC_KEYS({ NC_ICMPV6TYPE, 134 }),
};
