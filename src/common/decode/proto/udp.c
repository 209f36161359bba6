/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User Datagram Protocol (RFC 768). */
#include "decode/decode.h"

#define HEADER_LEN 8u

static enum nc_verdict udp_decode(struct nc_packet *p, struct nc_rd *r)
{
	const uint8_t *h = nc_rd_bytes(r, HEADER_LEN);
	if (!h)
		return NC_SHORT;
	uint16_t src = (uint16_t)(h[0] << 8 | h[1]), dst = (uint16_t)(h[2] << 8 | h[3]), length = (uint16_t)(h[4] << 8 | h[5]);
	/* 0 stands for a length that does not fit (RFC 2675 section 4) */
	if (length > 0 && length < HEADER_LEN)
		return nc_bad(p, "UDP length below 8");
	if (length > 0)
		nc_rd_trim(r, length - HEADER_LEN);
	nc_saw_transport(p, "UDP", src, dst, r->left);
	if (nc_wanted(p, &types__udp__descriptor)) {
		Types__UDP m = TYPES__UDP__INIT;
		m.srcport = src;
		m.dstport = dst;
		m.length = length;
		m.checksum = h[6] << 8 | h[7];
		m.payloadsize = (int32_t)r->left;
		if (p->payloads)
			m.payload = nc_p_bytes(r->p, r->left);
		nc_emit_entropy(p, &m.base, offsetof(Types__UDP, payloadentropy), r->p, r->left);
	}
	return nc_next_ports(p, NC_UDPPORT, dst, src);
}

const struct nc_decoder nc_decoder_udp = {
	.name = "UDP", .decode = udp_decode, .descriptor = &types__udp__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 17 }),
};
