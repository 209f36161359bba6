/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual Router Redundancy Protocol, version 2 (RFC 3768) and, over IPv4 and IPv6, 3 (RFC 5798). */
#include "decode/cut.h"
#include "decode/decode.h"
#include "decode/sub.h"

enum { VERSION_2 = 2, VERSION_3 = 3 };

static enum nc_verdict vrrpv2_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__VRRPv2 m = TYPES__VRRPV2__INIT;
	uint8_t first = nc_rd_u8(r);

	if (r->failed)
		return NC_SHORT;
	m.version = first >> 4;
	m.type = first & 15;
	if (m.version != VERSION_2 && m.version != VERSION_3)
		return NC_SKIP;
	m.virtualrtrid = nc_rd_u8(r);
	m.priority = nc_rd_u8(r);
	m.countipaddr = nc_rd_u8(r);
	if (m.version == VERSION_2) {
		m.authtype = nc_rd_u8(r);
		m.adverint = nc_rd_u8(r);
	} else {
		/* RFC 5798 section 5.2: four reserved bits, then hundredths of a second */
		m.adverint = nc_rd_be16(r) & 0xfff;
	}
	m.checksum = nc_rd_be16(r);
	size_t size = m.version == VERSION_3 && p->ip_version == 6 ? 16 : 4;
	m.n_ipaddress = nc_sub_addresses(p, r, (size_t)m.countipaddr, size, &m.ipaddress);
	if (r->failed)
		return nc_lacks(p, r, "VRRP advertisement with fewer addresses than it says");
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_vrrpv2 = {
	.name = "VRRPv2", .decode = vrrpv2_decode, .descriptor = &types__vrrpv2__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 112 }),
};
