/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stream Control Transmission Protocol, the common header (RFC 9260 section 3.1). */
#include "decode/decode.h"

static enum nc_verdict sctp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__SCTP m = TYPES__SCTP__INIT;

	m.srcport = nc_rd_be16(r);
	m.dstport = nc_rd_be16(r);
	m.verificationtag = nc_rd_be32(r);
	m.checksum = nc_rd_be32(r);
	if (r->failed)
		return NC_SHORT;
	nc_saw_transport(p, "SCTP", (uint16_t)m.srcport, (uint16_t)m.dstport, r->left);
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_sctp = {
	.name = "SCTP", .decode = sctp_decode, .descriptor = &types__sctp__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 132 }),
};
