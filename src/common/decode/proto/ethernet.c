/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ethernet II and IEEE 802.3 frames (IEEE 802.3-2022 clause 3); the frame check sequence is not captured. */
#include "decode/decode.h"

#define HEADER_LEN 14u
#define TYPE_MIN   0x0600u /* smaller values are the length of an 802.3 frame */

static enum nc_verdict ethernet_decode(struct nc_packet *p, struct nc_rd *r)
{
	const uint8_t *h = nc_rd_bytes(r, HEADER_LEN);
	if (!h)
		return NC_SHORT;
	uint16_t type = (uint16_t)(h[12] << 8 | h[13]);
	if (type < TYPE_MIN) {
		p->frame_cut = type > r->left;
		nc_rd_trim(r, type);
		type = 0; /* LLC follows; the selector of the 2019 format for it is 0 */
	}
	nc_saw_link(p, "Ethernet", h + 6, h);
	if (nc_wanted(p, &types__ethernet__descriptor)) {
		Types__Ethernet m = TYPES__ETHERNET__INIT;
		m.dstmac = nc_p_mac(p, h);
		m.srcmac = nc_p_mac(p, h + 6);
		m.ethernettype = type;
		m.payloadsize = (int32_t)r->left;
		nc_emit_entropy(p, &m.base, offsetof(Types__Ethernet, payloadentropy), r->p, r->left);
	}
	return nc_next(p, NC_ETHERTYPE, type);
}

const struct nc_decoder nc_decoder_ethernet = {
	.name = "Ethernet", .decode = ethernet_decode, .descriptor = &types__ethernet__descriptor,
	.keys = NC_KEYS({ NC_DATALINK, 1 }),
};
