/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internet Protocol version 6 (RFC 8200); extension headers are decoders of their own. */
#include "decode/decode.h"

#define HEADER_LEN 40u
#define HOP_BY_HOP 0u

static enum nc_verdict ipv6_decode(struct nc_packet *p, struct nc_rd *r)
{
	const uint8_t *h = nc_rd_bytes(r, HEADER_LEN);
	if (!h)
		return NC_SHORT;
	if (h[0] >> 4 != 6)
		return nc_bad(p, "IPv6 version is not 6");
	uint16_t length = (uint16_t)(h[4] << 8 | h[5]);
	/* 0: a jumbogram (RFC 2675) or segmentation offload; all that is there belongs to it */
	if (length > 0)
		nc_rd_trim(r, length);
	nc_saw_network(p, "IPv6", h + 8, h + 24, 16);
	p->ip_version = 6;
	p->ip_missing = length > r->left ? length - r->left : 0;
	p->ip_src = h + 8;
	p->ip_dst = h + 24;
	p->ipv6 = NULL;
	if (nc_wanted(p, &types__ipv6__descriptor)) {
		Types__IPv6 m = TYPES__IPV6__INIT;
		m.version = 6;
		m.trafficclass = (h[0] & 15) << 4 | h[1] >> 4;
		m.flowlabel = (uint32_t)(h[1] & 15) << 16 | (uint32_t)h[2] << 8 | h[3];
		m.length = length;
		m.nextheader = h[6];
		m.hoplimit = h[7];
		m.srcip = nc_p_ipv6(p, h + 8);
		m.dstip = nc_p_ipv6(p, h + 24);
		m.payloadsize = (int32_t)r->left;
		ProtobufCMessage *kept = nc_emit_entropy(p, &m.base, offsetof(Types__IPv6, payloadentropy), r->p, r->left);
		if (h[6] == HOP_BY_HOP)
			p->ipv6 = (Types__IPv6 *)(void *)kept;
	}
	return nc_next(p, NC_IPPROTO, h[6]);
}

const struct nc_decoder nc_decoder_ipv6 = {
	.name = "IPv6", .decode = ipv6_decode, .descriptor = &types__ipv6__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x86dd }),
};
