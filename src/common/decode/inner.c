/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether bytes in a tunnel are a packet, told from themselves. */
#include "decode/inner.h"

#include "base/mpls.h"
#include "decode/tunnel.h"

#define IPV6_HEADER 40u
#define MAC_LEN     6u
#define MAC_GROUP   1u /* in the first byte */
#define TAGS_MAX    2u

/* Whether so many bytes are there, or were before the capture left some out. */
static bool fits(const struct nc_packet *p, const struct nc_rd *r, size_t length)
{
	return length <= r->left + p->ip_missing;
}

static bool ipv4(const struct nc_packet *p, struct nc_rd r)
{
	struct nc_rd ahead = r;
	unsigned first = nc_rd_u8(&ahead);

	nc_rd_skip(&ahead, 1);
	uint16_t length = nc_rd_be16(&ahead);
	return first >> 4 == 4 && length >= (first & 15) * 4 && nc_like_ipv4(r) && fits(p, &r, length);
}

/* There is no checksum: the next header must be one that is in use. */
static bool ipv6(const struct nc_packet *p, struct nc_rd r)
{
	static const uint8_t used[] = { 0, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 89, 103, 112, 115, 132, 135 };
	struct nc_rd ahead = r;
	unsigned version = nc_rd_be32(&ahead) >> 28;
	size_t length = nc_rd_be16(&ahead);
	uint8_t next = nc_rd_u8(&ahead);
	bool known = false;

	for (size_t i = 0; i < sizeof(used); i++)
		known |= used[i] == next;
	return version == 6 && known && r.left >= IPV6_HEADER && fits(p, &r, IPV6_HEADER + length);
}

static bool arp(struct nc_rd r)
{
	uint64_t head = nc_rd_be64(&r);

	return head == 0x0001080006040001 || head == 0x0001080006040002;
}

bool nc_inner_packet(const struct nc_packet *p, struct nc_rd r, uint16_t type)
{
	switch (type) {
	case NC_TYPE_IPV4:
		return ipv4(p, r);
	case NC_TYPE_IPV6:
		return ipv6(p, r);
	case NC_TYPE_ARP:
		return arp(r);
	default:
		return false;
	}
}

bool nc_inner_ethernet(const struct nc_packet *p, struct nc_rd r)
{
	nc_rd_skip(&r, MAC_LEN);
	unsigned src = nc_rd_u8(&r);
	nc_rd_skip(&r, MAC_LEN - 1);
	uint16_t type = nc_rd_be16(&r);

	for (unsigned n = 0; n < TAGS_MAX && (type == NC_TYPE_VLAN || type == NC_TYPE_QINQ); n++) {
		nc_rd_skip(&r, 2);
		type = nc_rd_be16(&r);
	}
	return !r.failed && !(src & MAC_GROUP) && nc_inner_packet(p, r, type);
}
