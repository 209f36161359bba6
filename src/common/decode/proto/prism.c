/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prism and AVS capture headers of 802.11: both give their own length, and nothing else that is needed. */
#include "decode/tunnel.h"

#define LINKTYPE_AVS 163u
#define AVS_MAGIC    0x80211000u /* the last 12 bits are the version */
#define AVS_MASK     0xfffff000u
#define LENGTH_MIN   8u
#define LENGTH_MAX   1024u

static enum nc_verdict prism_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint32_t magic = nc_rd_be32(r), length = nc_rd_be32(r);

	if (r->failed)
		return NC_SHORT;
	/* AVS is in network order, and found under both link types; Prism is in the order of the capturing host */
	if ((magic & AVS_MASK) != AVS_MAGIC) {
		if (nc_linktype(p) == LINKTYPE_AVS)
			return nc_bad(p, "AVS header without its magic number");
		if (length > LENGTH_MAX)
			length = __builtin_bswap32(length);
	}
	if (length < LENGTH_MIN || length > LENGTH_MAX)
		return nc_bad(p, "length of a Prism or AVS header out of range");
	nc_rd_skip(r, length - LENGTH_MIN);
	return r->failed ? NC_SHORT : nc_next(p, NC_INNER, NC_INNER_DOT11);
}

const struct nc_decoder nc_decoder_prism = {
	.name = "Prism", .decode = prism_decode,
	.keys = NC_KEYS({ NC_DATALINK, 119 }, { NC_DATALINK, LINKTYPE_AVS }),
};
