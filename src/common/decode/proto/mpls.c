/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MPLS label stack (RFC 3032 section 2.1). What is behind it no field says: it is told from its own bytes. */
#include "decode/inner.h"
#include "decode/tunnel.h"

#define LABELS_MAX      16u
#define ETHERNET_HEADER 14u
#define LLC_LEN         3u
#define CONTROL_WORD    4u
#define CHANNEL_IPV4    0x0021u
#define CHANNEL_IPV6    0x0057u

/* The type that an Ethernet frame here would have; 0 when it has none. */
static uint16_t type_of(struct nc_rd *r)
{
	nc_rd_skip(r, ETHERNET_HEADER - 2);
	return nc_rd_be16(r);
}

static bool in_use(uint16_t type)
{
	static const uint16_t known[] = {
		0x0800, 0x0806, 0x8035, 0x8100, 0x8137, 0x86dd, 0x8808, 0x8809, 0x8847, 0x8848, 0x8863,
		0x8864, 0x888e, 0x88a8, 0x88cc, 0x88e5, 0x88e7, 0x88f7, 0x8902, 0x9000, 0x9100,
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == type)
			return true;
	return false;
}

/* A type that is in use, or a length that the frame can hold. */
static bool like_ethernet(struct nc_rd r)
{
	uint16_t type = type_of(&r);

	return in_use(type) || (type >= LLC_LEN && type < NC_TYPE_MIN && type <= r.left);
}

/* A zero first nibble begins a control word (RFC 4385 section 3) or an address. In that of Ethernet 12 more bits are zero
 * (RFC 4448 section 4.6). */
static enum nc_verdict pseudowire(struct nc_packet *p, struct nc_rd *r)
{
	struct nc_rd behind = *r;

	if (nc_rd_be16(&behind) == 0) {
		nc_rd_skip(&behind, CONTROL_WORD - 2);
		if (like_ethernet(behind)) {
			*r = behind;
			return nc_next_ethernet(p);
		}
	}
	return like_ethernet(*r) ? nc_next_ethernet(p) : nc_next_nobody(p);
}

/* RFC 4385 section 5: an associated channel, whose type may be that of PPP for IP. */
static enum nc_verdict channel(struct nc_packet *p, struct nc_rd *r)
{
	struct nc_rd ahead = *r;

	nc_rd_skip(&ahead, 2);
	uint16_t type = nc_rd_be16(&ahead);
	if (type != CHANNEL_IPV4 && type != CHANNEL_IPV6)
		return nc_next_nobody(p);
	*r = ahead;
	return nc_next(p, NC_ETHERTYPE, type == CHANNEL_IPV4 ? NC_TYPE_IPV4 : NC_TYPE_IPV6);
}

/* RFC 4928 section 3: 4 and 6 are IP, 1 is a channel; but an Ethernet frame without a control word may begin so as well. The
 * lengths of 802.3 prove too little there. */
static enum nc_verdict next(struct nc_packet *p, struct nc_rd *r)
{
	struct nc_rd first = *r, frame = *r;
	bool ethernet = in_use(type_of(&frame));

	switch (nc_rd_u8(&first) >> 4) {
	case 0:
		return pseudowire(p, r);
	case 1:
		return ethernet ? nc_next_ethernet(p) : channel(p, r);
	case 4:
		return ethernet && !nc_inner_ipv4(*r) ? nc_next_ethernet(p) : nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV4);
	case 6:
		return ethernet && !nc_inner_ipv6(*r) ? nc_next_ethernet(p) : nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV6);
	default:
		return like_ethernet(*r) ? nc_next_ethernet(p) : nc_next_nobody(p);
	}
}

static enum nc_verdict mpls_decode(struct nc_packet *p, struct nc_rd *r)
{
	for (unsigned n = 0; n < LABELS_MAX; n++) {
		Types__MPLS m = TYPES__MPLS__INIT;
		uint32_t entry = nc_rd_be32(r);
		if (r->failed)
			return NC_SHORT;
		m.label = (int32_t)(entry >> 12);
		m.trafficclass = entry >> 9 & 7;
		m.stackbottom = (entry >> 8 & 1) != 0;
		m.ttl = entry & 255;
		nc_emit(p, &m.base);
		if (m.stackbottom)
			return r->left ? next(p, r) : NC_DONE;
	}
	return nc_bad(p, "too many MPLS labels");
}

const struct nc_decoder nc_decoder_mpls = {
	.name = "MPLS", .decode = mpls_decode, .descriptor = &types__mpls__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, NC_TYPE_MPLS }, { NC_ETHERTYPE, 0x8848 }),
};
