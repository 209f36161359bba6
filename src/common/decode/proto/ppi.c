/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Per-packet information header (CACE PPI specification 1.0.10): any link type, with fields about it. */
#include "decode/tunnel.h"

#define LINKTYPE_80211 105u
#define LINKTYPE_PPI   192u
#define HEADER_LEN     8u
#define FIELD_COMMON   2u /* section 4.1.2: time stamp, then flags, whose first bit is for the frame check sequence */
#define FLAG_FCS       1u

/* The flags of the 802.11 common field, or -1. */
static int flags(struct nc_rd *fields)
{
	while (fields->left > 0 && !fields->failed) {
		uint16_t type = nc_rd_le16(fields);
		struct nc_rd field = nc_rd_sub(fields, nc_rd_le16(fields));
		if (type != FIELD_COMMON)
			continue;
		nc_rd_skip(&field, 8);
		uint16_t f = nc_rd_le16(&field);
		return field.failed ? -1 : f;
	}
	return -1;
}

static enum nc_verdict ppi_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint8_t version = nc_rd_u8(r);

	nc_rd_skip(r, 1);
	uint16_t length = nc_rd_le16(r);
	uint32_t linktype = nc_rd_le32(r);
	if (r->failed)
		return NC_SHORT;
	if (version != 0)
		return nc_bad(p, "PPI version is not 0");
	if (length < HEADER_LEN)
		return nc_bad(p, "PPI length below 8");
	struct nc_rd fields = nc_rd_sub(r, length - HEADER_LEN);
	if (r->failed)
		return NC_SHORT;
	if (linktype > UINT16_MAX || linktype == LINKTYPE_PPI)
		return nc_next_nobody(p);
	if (linktype != LINKTYPE_80211)
		return nc_next(p, NC_DATALINK, (uint16_t)linktype);
	int f = flags(&fields);
	return nc_next(p, NC_INNER, f < 0 ? NC_INNER_DOT11 : (unsigned)f & FLAG_FCS ? NC_INNER_DOT11_FCS : NC_INNER_DOT11_NOFCS);
}

const struct nc_decoder nc_decoder_ppi = {
	.name = "PPI", .decode = ppi_decode,
	.keys = NC_KEYS({ NC_DATALINK, LINKTYPE_PPI }),
};
