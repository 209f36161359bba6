/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv4 and IPv6 inside of IP (RFC 2003, RFC 4213 section 3): IP protocols 4 and 41. */
#include "decode/decode.h"

#define PROTO_IPV4 4u

static enum nc_verdict ipip_decode(struct nc_packet *p, struct nc_rd *r)
{
	struct nc_rd ahead = *r;
	unsigned version = nc_rd_u8(&ahead) >> 4;

	/* the selector that led here is still in the packet */
	bool v4 = p->next_key == PROTO_IPV4;
	if (ahead.failed)
		return NC_SHORT;
	if (version != (v4 ? 4 : 6))
		return nc_bad(p, "IP version is not that of the tunnel");
	return nc_next(p, NC_ETHERTYPE, v4 ? 0x0800 : 0x86dd);
}

const struct nc_decoder nc_decoder_ipip = {
	.name = "IPinIP", .decode = ipip_decode,
	.keys = NC_KEYS({ NC_IPPROTO, 4 }, { NC_IPPROTO, 41 }),
};
