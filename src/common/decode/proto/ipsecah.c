/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IP authentication header (RFC 4302 section 2). */
#include "decode/decode.h"

#define FIXED_LEN 12u

static enum nc_verdict ipsecah_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__IPSecAH m = TYPES__IPSEC_AH__INIT;
	uint8_t next = nc_rd_u8(r);
	size_t length = (nc_rd_u8(r) + 2u) * 4; /* section 2.2: in words of 4 bytes, minus 2 */

	m.reserved = nc_rd_be16(r);
	m.spi = (int32_t)nc_rd_be32(r);
	m.seq = (int32_t)nc_rd_be32(r);
	if (r->failed)
		return NC_SHORT;
	if (length < FIXED_LEN)
		return nc_bad(p, "AH length below 12");
	m.authenticationdata = nc_p_bytes(nc_rd_bytes(r, length - FIXED_LEN), length - FIXED_LEN);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return nc_next(p, NC_IPPROTO, next);
}

const struct nc_decoder nc_decoder_ipsecah = {
	.name = "IPSecAH", .decode = ipsecah_decode, .descriptor = &types__ipsec_ah__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 51 }),
};
