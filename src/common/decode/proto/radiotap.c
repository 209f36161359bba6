/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Radiotap capture header (radiotap.org): of its fields only those that say how the 802.11 frame behind it is laid out. */
#include "decode/tunnel.h"

#define PRESENT_TSFT  0x1u
#define PRESENT_FLAGS 0x2u
#define PRESENT_MORE  0x80000000u
#define FLAG_FCS      0x10u
#define FLAG_PAD      0x20u
#define HEADER_MIN    8u

/* The flags field, or -1: behind all presence words and the 8-byte time stamp, which is aligned. */
static int flags(struct nc_rd h)
{
	size_t at = 4;
	uint32_t present = nc_rd_le32(&h), word = present;

	for (at += 4; word & PRESENT_MORE && !h.failed; at += 4)
		word = nc_rd_le32(&h);
	if (present & PRESENT_TSFT)
		nc_rd_skip(&h, 8 + (8 - at % 8) % 8);
	if (!(present & PRESENT_FLAGS))
		return -1;
	uint8_t f = nc_rd_u8(&h);
	return h.failed ? -1 : f;
}

static enum nc_verdict radiotap_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint8_t version = nc_rd_u8(r);

	nc_rd_skip(r, 1);
	uint16_t length = nc_rd_le16(r);
	if (r->failed)
		return NC_SHORT;
	if (version != 0)
		return nc_bad(p, "radiotap version is not 0");
	if (length < HEADER_MIN)
		return nc_bad(p, "radiotap length below 8");
	struct nc_rd header = nc_rd_sub(r, length - 4u);
	if (r->failed)
		return NC_SHORT;
	int f = flags(header);
	if (f < 0)
		return nc_next(p, NC_INNER, NC_INNER_DOT11);
	unsigned key = (unsigned)f & FLAG_FCS ? NC_INNER_DOT11_FCS : NC_INNER_DOT11_NOFCS;
	return nc_next(p, NC_INNER, (uint16_t)(key | ((unsigned)f & FLAG_PAD ? NC_INNER_DOT11_PAD : 0u)));
}

const struct nc_decoder nc_decoder_radiotap = {
	.name = "RadioTap", .decode = radiotap_decode,
	.keys = NC_KEYS({ NC_DATALINK, 127 }),
};
