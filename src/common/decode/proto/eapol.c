/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EAP over LANs (IEEE 802.1X-2020 clause 11.3), before association too (IEEE 802.11-2020 clause 12.6.8.4). */
#include "decode/decode.h"
#include "decode/tunnel.h"

enum { PACKET_EAP = 0, PACKET_KEY = 3 };

static enum nc_verdict eapol_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__EAPOL m = TYPES__EAPOL__INIT;

	m.version = nc_rd_u8(r);
	m.type = nc_rd_u8(r);
	m.length = nc_rd_be16(r);
	if (r->failed || (size_t)m.length > r->left)
		return NC_SHORT;
	nc_rd_trim(r, (size_t)m.length);
	nc_emit(p, &m.base);
	if (m.type == PACKET_EAP)
		return nc_next(p, NC_INNER, NC_INNER_EAP);
	if (m.type == PACKET_KEY)
		return nc_next(p, NC_INNER, NC_INNER_EAPOLKEY);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_eapol = {
	.name = "EAPOL", .decode = eapol_decode, .descriptor = &types__eapol__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x888e }, { NC_ETHERTYPE, 0x88c7 }),
};
