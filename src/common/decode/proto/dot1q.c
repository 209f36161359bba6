/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VLAN tags: IEEE 802.1Q-2022 clause 9.6, service tags and the older QinQ EtherTypes included. */
#include "decode/decode.h"

#define TYPE_MIN 0x0600u

static enum nc_verdict dot1q_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__Dot1Q m = TYPES__DOT1_Q__INIT;
	uint16_t tci = nc_rd_be16(r), type = nc_rd_be16(r);

	if (r->failed)
		return NC_SHORT;
	m.priority = tci >> 13;
	m.dropeligible = (tci >> 12 & 1) != 0;
	m.vlanidentifier = tci & 0xfff;
	m.type = type;
	nc_emit(p, &m.base);
	if (type < TYPE_MIN) {
		p->frame_cut = type > r->left;
		nc_rd_trim(r, type);
		type = 0;
	}
	return nc_next(p, NC_ETHERTYPE, type);
}

const struct nc_decoder nc_decoder_dot1q = {
	.name = "Dot1Q", .decode = dot1q_decode, .descriptor = &types__dot1_q__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x8100 }, { NC_ETHERTYPE, 0x88a8 }, { NC_ETHERTYPE, 0x9100 }),
};
