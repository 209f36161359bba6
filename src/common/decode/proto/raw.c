/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Captures without a link layer: LINKTYPE_RAW (with the numbers that DLT_RAW has on some systems), _IPV4, _IPV6. */
#include "decode/decode.h"

#define LINKTYPE_IPV4 228u
#define LINKTYPE_IPV6 229u

static enum nc_verdict raw_decode(struct nc_packet *p, struct nc_rd *r)
{
	struct nc_rd ahead = *r;
	unsigned version = nc_rd_u8(&ahead) >> 4;

	if (ahead.failed)
		return NC_SHORT;
	if (version != 4 && version != 6)
		return nc_bad(p, "IP version is neither 4 nor 6");
	if ((p->datalink == LINKTYPE_IPV4 && version != 4) || (p->datalink == LINKTYPE_IPV6 && version != 6))
		return nc_bad(p, "IP version is not that of the link type");
	return nc_next(p, NC_ETHERTYPE, version == 4 ? 0x0800 : 0x86dd);
}

const struct nc_decoder nc_decoder_raw = {
	.name = "Raw", .decode = raw_decode,
	.keys = NC_KEYS({ NC_DATALINK, 101 }, { NC_DATALINK, 12 }, { NC_DATALINK, 14 }, { NC_DATALINK, LINKTYPE_IPV4 },
	                { NC_DATALINK, LINKTYPE_IPV6 }),
};
