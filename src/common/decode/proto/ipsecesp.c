/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IP encapsulating security payload (RFC 4303 section 2), in UDP too (RFC 3948 section 2). */
#include "decode/decode.h"

#define PORT_NAT 4500u

static enum nc_verdict ipsecesp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__IPSecESP m = TYPES__IPSEC_ESP__INIT;

	if (p->next_space == NC_UDPPORT) {
		/* keepalives have one byte, and where the SPI would be zero stands IKE */
		struct nc_rd ahead = *r;
		if (nc_rd_be32(&ahead) == 0 || ahead.failed)
			return NC_SKIP;
	}
	m.spi = (int32_t)nc_rd_be32(r);
	m.seq = (int32_t)nc_rd_be32(r);
	if (r->failed)
		return NC_SHORT;
	m.lenencrypted = (int32_t)r->left;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_ipsecesp = {
	.name = "IPSecESP", .decode = ipsecesp_decode, .descriptor = &types__ipsec_esp__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 50 }, { NC_UDPPORT, PORT_NAT }),
};
