/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mirrored frames behind GRE, types II and III (draft-foschiano-erspan-03 sections 4.2 and 4.3): a way in, without a record. */
#include "decode/tunnel.h"

#define VERSION_II  1u
#define VERSION_III 2u
#define FRAME_IP    2u
#define SUBHEADER   1u

static enum nc_verdict erspan_decode(struct nc_packet *p, struct nc_rd *r)
{
	unsigned version = nc_rd_u8(r) >> 4;

	nc_rd_skip(r, 7);
	if (r->failed)
		return NC_SHORT;
	if (version == VERSION_II)
		return nc_next_ethernet(p);
	if (version != VERSION_III)
		return nc_bad(p, "ERSPAN version is neither 1 nor 2");
	nc_rd_skip(r, 2);
	unsigned bits = nc_rd_be16(r);
	if (bits & SUBHEADER)
		nc_rd_skip(r, 8);
	if (r->failed)
		return NC_SHORT;
	return (bits >> 10 & 31) == FRAME_IP ? nc_next_ip(p, r) : nc_next_ethernet(p);
}

const struct nc_decoder nc_decoder_erspan = {
	.name = "ERSPAN", .decode = erspan_decode,
	.keys = NC_KEYS({ NC_INNER, NC_INNER_ERSPAN }),
};
