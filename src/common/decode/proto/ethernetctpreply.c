/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reply message of the Ethernet configuration testing protocol (Ethernet V2.0 section 8). */
#include "decode/tunnel.h"

static enum nc_verdict ethernetctpreply_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__EthernetCTPReply m = TYPES__ETHERNET_CTPREPLY__INIT;

	m.function = nc_rd_le16(r);
	m.receiptnumber = nc_rd_le16(r);
	if (r->failed)
		return NC_SHORT;
	m.data = nc_p_bytes(r->p, r->left);
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_ethernetctpreply = {
	.name = "EthernetCTPReply", .decode = ethernetctpreply_decode, .descriptor = &types__ethernet_ctpreply__descriptor,
	.keys = NC_KEYS({ NC_INNER, NC_INNER_CTP_REPLY }),
};
