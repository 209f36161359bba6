/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMPv6 echo request and reply (RFC 4443 section 4). */
#include "decode/decode.h"

static enum nc_verdict echo_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ICMPv6Echo m = TYPES__ICMPV6_ECHO__INIT;

	m.identifier = nc_rd_be16(r);
	m.seqnumber = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_icmpv6echo = {
	.name = "ICMPv6Echo", .decode = echo_decode, .descriptor = &types__icmpv6_echo__descriptor,
	.keys = NC_KEYS({ NC_ICMPV6TYPE, 128 }, { NC_ICMPV6TYPE, 129 }),
};
