/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extensible Authentication Protocol (RFC 3748 section 4; initiate and finish: RFC 6696 section 5.3). */
#include "decode/decode.h"
#include "decode/tunnel.h"

#define HEADER_LEN 4u

enum { SUCCESS = 3, FAILURE = 4 };

static enum nc_verdict eap_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__EAP m = TYPES__EAP__INIT;

	m.code = nc_rd_u8(r);
	m.id = nc_rd_u8(r);
	m.length = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	if ((size_t)m.length < HEADER_LEN)
		return nc_bad(p, "EAP length below 4");
	struct nc_rd body = nc_rd_sub(r, (size_t)m.length - HEADER_LEN);
	if (body.failed)
		return NC_SHORT;
	if (m.code != SUCCESS && m.code != FAILURE) {
		m.type = nc_rd_u8(&body);
		if (body.failed)
			return nc_bad(p, "EAP without a type");
		m.typedata = nc_p_bytes(body.p, body.left);
	}
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_eap = {
	.name = "EAP", .decode = eap_decode, .descriptor = &types__eap__descriptor,
	.keys = NC_KEYS({ NC_INNER, NC_INNER_EAP }, { NC_PPPTYPE, 0xc227 }),
};
