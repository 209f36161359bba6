/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PPP over Ethernet, session stage (RFC 2516 sections 4 and 6): a way in, without a record. */
#include "decode/decode.h"

#define VERSION_TYPE  0x11u
#define ETHERTYPE_PPP 0x880bu

static enum nc_verdict pppoe_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint8_t version = nc_rd_u8(r), code = nc_rd_u8(r);
	nc_rd_skip(r, 2); /* session */
	uint16_t length = nc_rd_be16(r);

	if (r->failed)
		return NC_SHORT;
	if (version != VERSION_TYPE)
		return nc_bad(p, "PPPoE version or type is not 1");
	if (code != 0)
		return NC_SKIP;
	nc_rd_trim(r, length);
	return nc_next(p, NC_ETHERTYPE, ETHERTYPE_PPP);
}

const struct nc_decoder nc_decoder_pppoe = {
	.name = "PPPoE", .decode = pppoe_decode,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x8864 }, { NC_DATALINK, 51 }),
};
