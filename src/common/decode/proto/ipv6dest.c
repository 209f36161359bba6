/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv6 destination options (RFC 8200 section 4.6): passed over, without a record. */
#include "decode/decode.h"

static enum nc_verdict dest_decode(struct nc_packet *p, struct nc_rd *r)
{
	if (p->ip_version == 4)
		return NC_SKIP;
	uint8_t next = nc_rd_u8(r), units = nc_rd_u8(r);
	nc_rd_skip(r, units * 8u + 6);
	return r->failed ? NC_SHORT : nc_next(p, NC_IPPROTO, next);
}

const struct nc_decoder nc_decoder_ipv6dest = {
	.name = "IPv6Destination", .decode = dest_decode,
	.keys = NC_KEYS({ NC_IPPROTO, 60 }),
};
