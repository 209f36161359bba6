/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dynamic Host Configuration Protocol for IPv6 (RFC 8415). */
#include "decode/cut.h"
#include "decode/decode.h"
#include "decode/sub.h"
#include "decode/tlv.h"

#define RELAY_FORW      12 /* RFC 8415 section 7.3 */
#define RELAY_REPL      13
#define TRANSACTION_LEN 3u

/* RFC 8415 section 21.1 */
static const struct nc_tlv_form form = { .type_bits = 16, .length_bits = 16 };

static enum nc_verdict dhcpv6_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__DHCPv6 m = TYPES__DHCPV6__INIT;
	struct nc_tlv_list list;

	m.msgtype = nc_rd_u8(r);
	if (m.msgtype == RELAY_FORW || m.msgtype == RELAY_REPL) {
		m.hopcount = nc_rd_u8(r);
		m.linkaddr = nc_sub_address(p, r, 16);
		m.peeraddr = nc_sub_address(p, r, 16);
	} else {
		m.transactionid = nc_p_bytes(nc_rd_bytes(r, TRANSACTION_LEN), TRANSACTION_LEN);
	}
	if (r->failed)
		return nc_lacks(p, r, "DHCPv6 message shorter than its header");
	if (nc_cut(p, r))
		return NC_SHORT;
	enum nc_verdict v = nc_tlv_list(p, r, &form, &types__dhcpv6_option__descriptor, &list);
	if (v == NC_SHORT)
		return nc_bad(p, "DHCPv6 option longer than the message");
	if (v != NC_DONE)
		return v;
	m.n_options = list.n;
	m.options = (Types__DHCPv6Option **)list.items;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_dhcpv6 = {
	.name = "DHCPv6", .decode = dhcpv6_decode, .descriptor = &types__dhcpv6__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 546 }, { NC_UDPPORT, 547 }),
};
