/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MPLS label stack (RFC 3032 section 2.1). */
#include "base/mpls.h"
#include "decode/tunnel.h"

static enum nc_verdict next(struct nc_packet *p, struct nc_rd *r)
{
	switch (nc_mpls_tell(r)) {
	case NC_MPLS_IPV4:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV4);
	case NC_MPLS_IPV6:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV6);
	case NC_MPLS_ETHERNET:
		return nc_next_ethernet(p);
	default:
		return nc_next_nobody(p);
	}
}

static enum nc_verdict mpls_decode(struct nc_packet *p, struct nc_rd *r)
{
	for (unsigned n = 0; n < NC_MPLS_LABELS_MAX; n++) {
		Types__MPLS m = TYPES__MPLS__INIT;
		uint32_t entry = nc_rd_be32(r);
		if (r->failed)
			return NC_SHORT;
		m.label = (int32_t)(entry >> 12);
		m.trafficclass = entry >> 9 & 7;
		m.stackbottom = (entry >> 8 & 1) != 0;
		m.ttl = entry & 255;
		nc_emit(p, &m.base);
		if (m.stackbottom)
			return r->left ? next(p, r) : NC_DONE;
	}
	return nc_bad(p, "too many MPLS labels");
}

const struct nc_decoder nc_decoder_mpls = {
	.name = "MPLS", .decode = mpls_decode, .descriptor = &types__mpls__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, NC_TYPE_MPLS }, { NC_ETHERTYPE, 0x8848 }),
};
