/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual extensible LAN (RFC 7348 section 5), with the group policy (draft-smith-vxlan-group-policy-05 section 2.1) and the
 * protocol field (draft-ietf-nvo3-vxlan-gpe-13 section 3.1) extensions. */
#include "decode/inner.h"
#include "decode/tunnel.h"

#define PORT     4789u
#define PORT_GPE 4790u
#define HEADER_LEN 8u
#define FLAG_GBP 0x80u
#define FLAG_VNI 0x08u
#define FLAG_GPE 0x04u
#define GBP_DONT_LEARN 0x40u
#define GBP_APPLIED    0x08u

static enum nc_verdict next(struct nc_packet *p, unsigned protocol)
{
	switch (protocol) {
	case 1:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV4);
	case 2:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV6);
	case 3:
		return nc_next_ethernet(p);
	case 5:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_MPLS);
	default:
		return nc_next_nobody(p);
	}
}

static enum nc_verdict vxlan_decode(struct nc_packet *p, struct nc_rd *r)
{
	/* replies go to the port too: one with it as its source only may be anything's client */
	bool gpe = p->next_key == PORT_GPE, mine = gpe || p->next_key == PORT;
	uint8_t flags = nc_rd_u8(r), more = nc_rd_u8(r);
	uint16_t group = nc_rd_be16(r);
	uint32_t vni = nc_rd_be24(r);
	uint8_t reserved = nc_rd_u8(r);
	Types__VXLAN m = TYPES__VXLAN__INIT;

	if (r->failed)
		return mine ? NC_SHORT : NC_SKIP;
	if (!(flags & FLAG_VNI) || (!mine && (flags != FLAG_VNI || more != 0 || group != 0 || reserved != 0)))
		return NC_SKIP;
	m.valididflag = true;
	m.vni = vni;
	m.gbpextension = (flags & FLAG_GBP) != 0;
	if (m.gbpextension) {
		m.gbpdontlearn = (more & GBP_DONT_LEARN) != 0;
		m.gbpapplied = (more & GBP_APPLIED) != 0;
		m.gbpgrouppolicyid = group;
	}
	nc_emit(p, &m.base);
	return gpe && (flags & FLAG_GPE) ? next(p, group & 0xff) : nc_next_ethernet(p);
}

/* The mark has said it of the header: nothing but the flag is set. */
static bool proves(struct nc_packet *p, struct nc_rd r)
{
	nc_rd_skip(&r, HEADER_LEN);
	return nc_inner_ethernet(p, r);
}

const struct nc_decoder nc_decoder_vxlan = {
	.name = "VXLAN", .decode = vxlan_decode, .descriptor = &types__vxlan__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, PORT }, { NC_UDPPORT, PORT_GPE }),
	.proofs = NC_PROOFS({ NC_UDPPORT, 0xffffffff000000ff, 0x0800000000000000, proves }),
};
