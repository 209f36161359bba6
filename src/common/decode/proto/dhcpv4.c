/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dynamic Host Configuration Protocol (RFC 2131) and, without options, the Bootstrap Protocol (RFC 951). */
#include "decode/cut.h"
#include "decode/decode.h"
#include "decode/sub.h"
#include "decode/tlv.h"

#define HWADDR_LEN 16u
#define NAME_LEN   64u
#define FILE_LEN   128u
#define COOKIE     0x63825363u /* RFC 2131 section 3 */

/* RFC 2132 section 2 */
static const struct nc_tlv_form form = { .type_bits = 8, .length_bits = 8, .ends = true, .bare = true, .end = 255, .pad = 0 };

static enum nc_verdict options(struct nc_packet *p, struct nc_rd *r, Types__DHCPv4 *m)
{
	struct nc_tlv_list list;
	enum nc_verdict v = nc_tlv_list(p, r, &form, &types__dhcpoption__descriptor, &list);

	if (v == NC_SHORT)
		return nc_lacks(p, r, "DHCPv4 option longer than the message");
	if (v != NC_DONE)
		return v;
	if (!list.ended && nc_cut(p, r))
		return NC_SHORT;
	m->n_options = list.n;
	m->options = (Types__DHCPOption **)list.items;
	return NC_DONE;
}

static void header(struct nc_packet *p, struct nc_rd *r, Types__DHCPv4 *m)
{
	m->operation = nc_rd_u8(r);
	m->hardwaretype = nc_rd_u8(r);
	m->hardwarelen = nc_rd_u8(r);
	m->hardwareopts = nc_rd_u8(r);
	m->xid = nc_rd_be32(r);
	m->secs = nc_rd_be16(r);
	m->flags = nc_rd_be16(r);
	m->clientip = nc_sub_address(p, r, 4);
	m->yourclientip = nc_sub_address(p, r, 4);
	m->nextserverip = nc_sub_address(p, r, 4);
	m->relayagentip = nc_sub_address(p, r, 4);
}

static enum nc_verdict dhcpv4_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__DHCPv4 m = TYPES__DHCPV4__INIT;

	header(p, r, &m);
	const uint8_t *hw = nc_rd_bytes(r, HWADDR_LEN);
	m.servername = nc_p_bytes(nc_rd_bytes(r, NAME_LEN), NAME_LEN);
	m.file = nc_p_bytes(nc_rd_bytes(r, FILE_LEN), FILE_LEN);
	if (r->failed)
		return nc_lacks(p, r, "DHCPv4 message shorter than its header");
	if ((size_t)m.hardwarelen > HWADDR_LEN)
		return nc_bad(p, "DHCPv4 hardware address longer than its field");
	m.clienthwaddr = nc_sub_hwaddr(p, hw, (size_t)m.hardwarelen);
	struct nc_rd ahead = *r;
	if (nc_rd_be32(&ahead) == COOKIE) {
		*r = ahead;
		enum nc_verdict v = options(p, r, &m);
		if (v != NC_DONE)
			return v;
	} else if (nc_cut(p, r)) {
		return NC_SHORT;
	}
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_dhcpv4 = {
	.name = "DHCPv4", .decode = dhcpv4_decode, .descriptor = &types__dhcpv4__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 67 }, { NC_UDPPORT, 68 }),
};
