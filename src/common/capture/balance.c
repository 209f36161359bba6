/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker that a packet belongs to: a symmetric hash of its outermost IP address pair. */
#include "base/fnv.h"
#include "base/mpls.h"
#include "base/rd.h"
#include "capture/live.h"

#define TAGS_MAX    4  /* VLAN tags that are looked behind */
#define MPLS_BOTTOM 0x100u

#define ETHER_IPV4  0x0800
#define ETHER_IPV6  0x86dd
#define ETHER_VLAN  0x8100
#define ETHER_QINQ  0x88a8
#define ETHER_QINQ1 0x9100
#define ETHER_QINQ2 0x9200
#define ETHER_PPPOE 0x8864
#define ETHER_MPLS  0x8847
#define ETHER_MPLS1 0x8848

static uint32_t hash_ethernet(struct nc_rd *r);

/* Pairs with one hash in the records of flows are one flow there, so they belong to one worker. */
static uint32_t hash_pair(const struct nc_rd *r, size_t n)
{
	uint64_t h = nc_fnv_pair(r->p, r->p + n, n);

	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(h >> 32);
}

static inline uint32_t hash_ipv4(struct nc_rd *r)
{
	nc_rd_skip(r, 12);
	return r->failed || r->left < 8 ? 0 : hash_pair(r, 4);
}

static uint32_t hash_ipv6(struct nc_rd *r)
{
	nc_rd_skip(r, 8);
	return r->failed || r->left < 32 ? 0 : hash_pair(r, 16);
}

/* Either version, told apart by the first nibble. */
static uint32_t hash_ip(struct nc_rd *r)
{
	if (r->left == 0)
		return 0;
	switch (r->p[0] >> 4) {
	case 4:
		return hash_ipv4(r);
	case 6:
		return hash_ipv6(r);
	default:
		return 0;
	}
}

static uint32_t hash_mpls(struct nc_rd *r)
{
	for (unsigned labels = 0; labels < NC_MPLS_LABELS_MAX; labels++) {
		if (!(nc_rd_be32(r) & MPLS_BOTTOM))
			continue;
		switch (nc_mpls_tell(r)) {
		case NC_MPLS_IPV4:
			return hash_ipv4(r);
		case NC_MPLS_IPV6:
			return hash_ipv6(r);
		case NC_MPLS_ETHERNET:
			return hash_ethernet(r);
		default:
			return 0;
		}
	}
	return 0;
}

/* The protocol field of PPP, in one byte when its lowest bit is set (RFC 1661 section 6.5). */
static uint32_t hash_ppp(struct nc_rd *r)
{
	uint16_t protocol = nc_rd_u8(r);

	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | nc_rd_u8(r));
	switch (protocol) {
	case 0x21:
	case 0x57:
		return hash_ip(r);
	case 0x281:
		return hash_mpls(r);
	default:
		return 0;
	}
}

/* PPP with address and control bytes, or without when they are compressed away. */
static uint32_t hash_ppp_hdlc(struct nc_rd *r)
{
	if (r->left >= 2 && r->p[0] == 0xff && r->p[1] == 3)
		nc_rd_skip(r, 2);
	return hash_ppp(r);
}

static uint32_t hash_ethertype(uint16_t type, struct nc_rd *r)
{
	for (int tags = 0; tags < TAGS_MAX; tags++) {
		if (type != ETHER_VLAN && type != ETHER_QINQ && type != ETHER_QINQ1 && type != ETHER_QINQ2)
			break;
		nc_rd_skip(r, 2);
		type = nc_rd_be16(r);
	}
	switch (type) {
	case ETHER_IPV4:
		return hash_ipv4(r);
	case ETHER_IPV6:
		return hash_ipv6(r);
	case ETHER_PPPOE:
		nc_rd_skip(r, 6);
		return hash_ppp(r);
	case ETHER_MPLS:
	case ETHER_MPLS1:
		return hash_mpls(r);
	default:
		return 0;
	}
}

static uint32_t hash_typed(struct nc_rd *r, size_t before, size_t after)
{
	nc_rd_skip(r, before);
	uint16_t type = nc_rd_be16(r);
	nc_rd_skip(r, after);
	return hash_ethertype(type, r);
}

static uint32_t hash_ethernet(struct nc_rd *r)
{
	return hash_typed(r, 12, 0);
}

/* PPP, or Cisco HDLC, whose address tells (RFC 1547 section 4.3.1). */
static uint32_t hash_serial(struct nc_rd *r)
{
	if (r->left >= 2 && (r->p[0] == 0x0f || r->p[0] == 0x8f) && r->p[1] == 0)
		return hash_typed(r, 2, 0);
	return hash_ppp_hdlc(r);
}

static uint32_t hash_other(uint32_t datalink, struct nc_rd *r)
{
	switch (datalink) {
	case 0:   /* NULL: the address family in some machine's byte order */
	case 108: /* LOOP: in network order */
		nc_rd_skip(r, 4);
		return hash_ip(r);
	case 9: /* PPP */
		return hash_ppp_hdlc(r);
	case 50: /* PPP_SERIAL */
		return hash_serial(r);
	case 51: /* PPP_ETHER */
		nc_rd_skip(r, 6);
		return hash_ppp(r);
	case 101: /* RAW */
	case 228: /* IPV4 */
	case 229: /* IPV6 */
		return hash_ip(r);
	case 104: /* C_HDLC */
		return hash_typed(r, 2, 0);
	case 113: /* LINUX_SLL */
		return hash_typed(r, 14, 0);
	case 276: /* LINUX_SLL2 */
		return hash_typed(r, 0, 18);
	default:
		return 0;
	}
}

uint32_t nc_balance_hash(uint32_t datalink, const uint8_t *p, size_t n)
{
	struct nc_rd r = nc_rd_over(p, n);

	if (__builtin_expect(datalink != 1, 0))
		return hash_other(datalink, &r);
	if (n < 34)
		return 0;
	struct nc_rd type = nc_rd_over(p + 12, 2), ip = nc_rd_over(p + 14, 20);
	if (nc_rd_be16(&type) == ETHER_IPV4)
		return hash_ipv4(&ip);
	return hash_ethernet(&r);
}
