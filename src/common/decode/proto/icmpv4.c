/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internet Control Message Protocol (RFC 792); the packet inside of an error is not decoded. */
#include "decode/decode.h"

static enum nc_verdict icmpv4_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ICMPv4 m = TYPES__ICMPV4__INIT;

	m.typecode = nc_rd_be16(r);
	m.checksum = nc_rd_be16(r);
	m.id = nc_rd_be16(r);
	m.seq = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_icmpv4 = {
	.name = "ICMPv4", .decode = icmpv4_decode, .descriptor = &types__icmpv4__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 1 }),
};
