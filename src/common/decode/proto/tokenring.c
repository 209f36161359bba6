/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Token Ring as far as LLC (IEEE 802.5-1998 section 3.2): a way in, without a record. */
#include <string.h>

#include "decode/decode.h"

#define FRAME_TYPE_MASK 0xc0u
#define FRAME_TYPE_LLC  0x40u
#define ADDRESS_LEN     6u
#define ROUTED          0x80u /* in the source address: routing information follows */
#define ROUTE_LEN_MASK  0x1fu
#define ROUTE_LEN_MIN   2u

/* The source's address without that bit, so that both directions agree. */
static const uint8_t *address(struct nc_packet *p, const uint8_t *a)
{
	uint8_t *plain = a[0] & ROUTED ? nc_p_alloc(p, ADDRESS_LEN) : NULL;

	if (!plain)
		return a;
	memcpy(plain, a, ADDRESS_LEN);
	plain[0] &= (uint8_t)~ROUTED;
	return plain;
}

static enum nc_verdict tokenring_decode(struct nc_packet *p, struct nc_rd *r)
{
	nc_rd_skip(r, 1); /* access control */
	uint8_t control = nc_rd_u8(r);
	const uint8_t *dst = nc_rd_bytes(r, ADDRESS_LEN), *src = nc_rd_bytes(r, ADDRESS_LEN);
	if (!dst || !src)
		return NC_SHORT;
	if (src[0] & ROUTED) {
		size_t n = nc_rd_u8(r) & ROUTE_LEN_MASK;
		if (!r->failed && n < ROUTE_LEN_MIN)
			return nc_bad(p, "Token Ring routing information below 2");
		nc_rd_skip(r, n - 1);
	}
	if (r->failed)
		return NC_SHORT;
	nc_saw_link(p, "TokenRing", address(p, src), dst);
	return (control & FRAME_TYPE_MASK) == FRAME_TYPE_LLC ? nc_next(p, NC_ETHERTYPE, 0) : NC_DONE;
}

const struct nc_decoder nc_decoder_tokenring = {
	.name = "TokenRing", .decode = tokenring_decode,
	.keys = NC_KEYS({ NC_DATALINK, 6 }),
};
