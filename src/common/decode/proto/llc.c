/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logical link control (ISO/IEC 8802-2:1998): two addresses and a control field of one or two bytes. */
#include "decode/tunnel.h"

#define SAP_IP    0x06u   /* RFC 1042 names it reserved for IP; some equipment sends it */
#define RAW_8023  0xffffu /* IPX straight behind the length: its checksum field stands where the SAPs would */
#define POLL      0x10u
#define CONTROL_UI 0x03u

/* Section 5.2: only unnumbered frames (the two low bits set) have a control field of one byte. */
static bool unnumbered(unsigned control)
{
	return (control & 3) == 3;
}

/* Information transfer and unnumbered information carry the next protocol, section 5.4. */
static bool carries(unsigned first)
{
	return (first & 1) == 0 || (first & ~POLL) == CONTROL_UI;
}

static enum nc_verdict llc_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__LLC m = TYPES__LLC__INIT;
	unsigned dsap = nc_rd_u8(r), ssap = nc_rd_u8(r), first = nc_rd_u8(r);

	if (!r->failed && (dsap << 8 | ssap) == RAW_8023)
		return NC_SKIP;
	m.dsap = (int32_t)(dsap & 0xfe);
	m.ig = (dsap & 1) != 0;
	m.ssap = (int32_t)(ssap & 0xfe);
	m.cr = (ssap & 1) != 0;
	m.control = (int32_t)(unnumbered(first) ? first : first << 8 | nc_rd_u8(r));
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	if (!carries(first) || r->left == 0)
		return NC_DONE;
	if (m.dsap == SAP_IP)
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV4);
	return nc_next(p, NC_LLCSAP, (uint16_t)m.dsap);
}

const struct nc_decoder nc_decoder_llc = {
	.name = "LLC", .decode = llc_decode, .descriptor = &types__llc__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0 }),
};
