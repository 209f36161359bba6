/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address Resolution Protocol (RFC 826). */
#include "decode/decode.h"

static enum nc_verdict arp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ARP m = TYPES__ARP__INIT;

	m.addrtype = nc_rd_be16(r);
	m.protocol = nc_rd_be16(r);
	uint8_t hw = nc_rd_u8(r), proto = nc_rd_u8(r);
	m.hwaddresssize = hw;
	m.protaddresssize = proto;
	m.operation = nc_rd_be16(r);
	m.srchwaddress = nc_p_bytes(nc_rd_bytes(r, hw), hw);
	m.srcprotaddress = nc_p_bytes(nc_rd_bytes(r, proto), proto);
	m.dsthwaddress = nc_p_bytes(nc_rd_bytes(r, hw), hw);
	m.dstprotaddress = nc_p_bytes(nc_rd_bytes(r, proto), proto);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_arp = {
	.name = "ARP", .decode = arp_decode, .descriptor = &types__arp__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x0806 }),
};
