/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker that a packet belongs to: a symmetric hash of its outermost IP address pair. */
#include "base/rd.h"
#include "capture/live.h"

#define TAGS_MAX 4 /* VLAN tags that are looked behind */

#define ETHER_IPV4  0x0800
#define ETHER_IPV6  0x86dd
#define ETHER_VLAN  0x8100
#define ETHER_QINQ  0x88a8
#define ETHER_QINQ1 0x9100
#define ETHER_QINQ2 0x9200
#define ETHER_PPPOE 0x8864

/* Spreads the bits of the pair's sum and difference, which stay the same when the two change places. */
static inline uint32_t mix(uint64_t sum, uint64_t xor)
{
	uint64_t h = sum * UINT64_C(0x9e3779b97f4a7c15) ^ xor * UINT64_C(0xc2b2ae3d27d4eb4f);

	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(h >> 32);
}

static inline uint32_t hash_ipv4(struct nc_rd *r)
{
	nc_rd_skip(r, 12);
	uint32_t a = nc_rd_be32(r), b = nc_rd_be32(r);
	return r->failed ? 0 : mix((uint64_t)a + b, a ^ b);
}

static uint64_t fold_ipv6(struct nc_rd *r)
{
	uint64_t hi = nc_rd_be64(r), lo = nc_rd_be64(r);

	hi *= UINT64_C(0x9e3779b97f4a7c15);
	return (hi ^ hi >> 29) + lo;
}

static uint32_t hash_ipv6(struct nc_rd *r)
{
	nc_rd_skip(r, 8);
	uint64_t a = fold_ipv6(r), b = fold_ipv6(r);
	return r->failed ? 0 : mix(a + b, a ^ b);
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

/* The protocol field of PPP, in one byte when its lowest bit is set (RFC 1661 section 6.5). */
static uint32_t hash_ppp(struct nc_rd *r)
{
	uint16_t protocol = nc_rd_u8(r);

	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | nc_rd_u8(r));
	return protocol == 0x21 || protocol == 0x57 ? hash_ip(r) : 0;
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

static uint32_t hash_other(uint32_t datalink, struct nc_rd *r)
{
	switch (datalink) {
	case 0:   /* NULL: the address family in some machine's byte order */
	case 108: /* LOOP: in network order */
		nc_rd_skip(r, 4);
		return hash_ip(r);
	case 9:  /* PPP */
	case 50: /* PPP_SERIAL */
		return hash_ppp_hdlc(r);
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
	return hash_typed(&r, 12, 0);
}
