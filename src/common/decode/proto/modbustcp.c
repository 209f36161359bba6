/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modbus over TCP: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3. */
#include "decode/decode.h"

#define UNITS_MAX  32u  /* of a segment */
#define LENGTH_MIN 2u  /* unit and function; the maximum of 254 is exceeded by vendors' functions (UMAS) */

/* A whole unit at r, which says of itself that it is Modbus. */
static bool unit(struct nc_packet *p, struct nc_rd *r, Types__ModbusTCP *m)
{
	m->transactionidentifier = nc_rd_be16(r);
	m->protocolidentifier = nc_rd_be16(r);
	size_t len = nc_rd_be16(r);
	m->length = (int32_t)len;
	if (m->protocolidentifier != 0 || len < LENGTH_MIN)
		return false;
	m->unitidentifier = nc_rd_u8(r);
	ProtobufCBinaryData data = nc_p_bytes(nc_rd_bytes(r, len - 1), len - 1);
	if (p->payloads)
		m->payload = data;
	return !r->failed;
}

/* Several may share a segment; what does not begin or end in it is the business of stream reassembly. */
static enum nc_verdict modbustcp_decode(struct nc_packet *p, struct nc_rd *r)
{
	unsigned n = 0;

	for (; n < UNITS_MAX && r->left > 0; n++) {
		Types__ModbusTCP m = TYPES__MODBUS_TCP__INIT;
		struct nc_rd ahead = *r;
		if (!unit(p, &ahead, &m))
			break;
		*r = ahead;
		nc_emit(p, &m.base);
	}
	return n > 0 ? NC_DONE : NC_SKIP;
}

const struct nc_decoder nc_decoder_modbustcp = {
	.name = "ModbusTCP", .decode = modbustcp_decode, .descriptor = &types__modbus_tcp__descriptor,
	.keys = NC_KEYS({ NC_TCPPORT, 502 }),
};
