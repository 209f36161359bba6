/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ethernet configuration testing protocol (Ethernet V2.0 section 8): a skip count, then functions. */
#include "decode/tunnel.h"

#define FUNCTION_REPLY   1u
#define FUNCTION_FORWARD 2u
#define FORWARD_LEN      8u /* with the function's number */

static enum nc_verdict ethernetctp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__EthernetCTP m = TYPES__ETHERNET_CTP__INIT;

	m.skipcount = nc_rd_le16(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	for (;;) {
		struct nc_rd ahead = *r;
		uint16_t function = nc_rd_le16(&ahead);
		if (ahead.failed)
			return NC_SHORT;
		if (function == FUNCTION_REPLY)
			return nc_next(p, NC_INNER, NC_INNER_CTP_REPLY);
		if (function != FUNCTION_FORWARD)
			return NC_DONE;
		nc_rd_skip(r, FORWARD_LEN);
		if (r->failed)
			return NC_SHORT;
	}
}

const struct nc_decoder nc_decoder_ethernetctp = {
	.name = "EthernetCTP", .decode = ethernetctp_decode, .descriptor = &types__ethernet_ctp__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x9000 }),
};
