/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMPv6 router solicitation (RFC 4861 section 4.1). */
#include "decode/decode.h"
#include "decode/ndopt.h"

static enum nc_verdict rs_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ICMPv6RouterSolicitation m = TYPES__ICMPV6_ROUTER_SOLICITATION__INIT;

	nc_rd_skip(r, 4); /* reserved */
	if (r->failed)
		return NC_SHORT;
	enum nc_verdict v = nc_ndopt_read(p, r, &m.n_options, &m.options);
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

const struct nc_decoder nc_decoder_icmpv6rs = {
	.name = "ICMPv6RouterSolicitation", .decode = rs_decode, .descriptor = &types__icmpv6_router_solicitation__descriptor,
	.keys = NC_KEYS({ NC_ICMPV6TYPE, 133 }),
};
