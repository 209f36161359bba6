/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layer two tunneling protocol (RFC 2661 section 3.1): a way in to PPP, without a record. Of version 3 (RFC 3931) the header does
 * not say what its sessions carry. */
#include "decode/tunnel.h"

#define FLAG_CONTROL  0x8000u
#define FLAG_LENGTH   0x4000u
#define FLAG_SEQUENCE 0x0800u
#define FLAG_OFFSET   0x0200u
#define VERSION_2     2u
#define VERSION_3     3u
#define HEADER_MIN    8u /* with a length */

static enum nc_verdict l2tp_decode(struct nc_packet *p, struct nc_rd *r)
{
	if (p->next_space == NC_IPPROTO)
		return NC_DONE;
	struct nc_rd start = *r;
	unsigned flags = nc_rd_be16(r), version = flags & 15;
	if (r->failed || version == VERSION_3)
		return r->failed ? NC_SKIP : NC_DONE;
	if (version != VERSION_2)
		return NC_SKIP;
	if (flags & FLAG_LENGTH) {
		uint16_t length = nc_rd_be16(r);
		if (!r->failed && length < HEADER_MIN)
			return nc_bad(p, "L2TP length below 8");
		nc_rd_trim(&start, length);
		r->left = start.left < 4 ? 0 : start.left - 4;
	}
	nc_rd_skip(r, 4); /* tunnel and session */
	if (flags & FLAG_CONTROL)
		return r->failed ? NC_SHORT : NC_DONE;
	if (flags & FLAG_SEQUENCE)
		nc_rd_skip(r, 4);
	if (flags & FLAG_OFFSET)
		nc_rd_skip(r, nc_rd_be16(r));
	if (r->failed)
		return NC_SHORT;
	return r->left ? nc_next(p, NC_ETHERTYPE, NC_TYPE_PPP) : NC_DONE;
}

const struct nc_decoder nc_decoder_l2tp = {
	.name = "L2TP", .decode = l2tp_decode,
	.keys = NC_KEYS({ NC_UDPPORT, 1701 }, { NC_IPPROTO, 115 }),
};
