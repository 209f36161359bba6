/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands behind an MPLS label stack, which no field says: it is told from its own bytes. */
#include "base/mpls.h"

#define IPV4_HEADER     20u
#define IPV6_HEADER     40u
#define ETHERNET_HEADER 14u
#define TYPE_MIN        0x0600u /* smaller EtherTypes are lengths (IEEE 802.3-2022 section 3.2.6) */
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

	return in_use(type) || (type >= LLC_LEN && type < TYPE_MIN && type <= r.left);
}

bool nc_like_ipv4(struct nc_rd r)
{
	struct nc_rd first = r;
	unsigned words = (nc_rd_u8(&first) & 15u) * 2;
	uint32_t sum = 0;

	if (words * 2 < IPV4_HEADER)
		return false;
	for (unsigned i = 0; i < words; i++)
		sum += nc_rd_be16(&r);
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return !r.failed && (sum & 0xffff) == 0xffff;
}

bool nc_like_ipv6(struct nc_rd r)
{
	nc_rd_skip(&r, 4);
	uint16_t length = nc_rd_be16(&r);
	nc_rd_skip(&r, IPV6_HEADER - 6);
	return !r.failed && length <= r.left;
}

/* A zero first nibble begins a control word (RFC 4385 section 3) or an address. In that of Ethernet 12 more bits are zero
 * (RFC 4448 section 4.6). */
static enum nc_mpls pseudowire(struct nc_rd *r)
{
	struct nc_rd behind = *r;

	if (nc_rd_be16(&behind) == 0) {
		nc_rd_skip(&behind, CONTROL_WORD - 2);
		if (like_ethernet(behind)) {
			*r = behind;
			return NC_MPLS_ETHERNET;
		}
	}
	return like_ethernet(*r) ? NC_MPLS_ETHERNET : NC_MPLS_NOBODY;
}

/* RFC 4385 section 5: an associated channel, whose type may be that of PPP for IP. */
static enum nc_mpls channel(struct nc_rd *r)
{
	struct nc_rd ahead = *r;

	nc_rd_skip(&ahead, 2);
	uint16_t type = nc_rd_be16(&ahead);
	if (type != CHANNEL_IPV4 && type != CHANNEL_IPV6)
		return NC_MPLS_NOBODY;
	*r = ahead;
	return type == CHANNEL_IPV4 ? NC_MPLS_IPV4 : NC_MPLS_IPV6;
}

/* RFC 4928 section 3: 4 and 6 are IP, 1 is a channel; but an Ethernet frame without a control word may begin so as well. The
 * lengths of 802.3 prove too little there. */
enum nc_mpls nc_mpls_tell(struct nc_rd *r)
{
	struct nc_rd first = *r, frame = *r;
	bool ethernet = in_use(type_of(&frame));

	switch (nc_rd_u8(&first) >> 4) {
	case 0:
		return pseudowire(r);
	case 1:
		return ethernet ? NC_MPLS_ETHERNET : channel(r);
	case 4:
		return ethernet && !nc_like_ipv4(*r) ? NC_MPLS_ETHERNET : NC_MPLS_IPV4;
	case 6:
		return ethernet && !nc_like_ipv6(*r) ? NC_MPLS_ETHERNET : NC_MPLS_IPV6;
	default:
		return like_ethernet(*r) ? NC_MPLS_ETHERNET : NC_MPLS_NOBODY;
	}
}
