/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internet Control Message Protocol version 6 (RFC 4443 section 2.1): the common header; the kinds are decoders of their own. */
#include "decode/decode.h"

static enum nc_verdict icmpv6_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ICMPv6 m = TYPES__ICMPV6__INIT;
	uint16_t typecode = nc_rd_be16(r);

	m.typecode = typecode;
	m.checksum = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return nc_next(p, NC_ICMPV6TYPE, typecode >> 8);
}

const struct nc_decoder nc_decoder_icmpv6 = {
	.name = "ICMPv6", .decode = icmpv6_decode, .descriptor = &types__icmpv6__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 58 }),
};
