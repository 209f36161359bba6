/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modbus over TCP: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3. */
#include "decode/cut.h"
#include "decode/decode.h"

#define UNITS_MAX  32u  /* of a segment */
#define EXCEPTION  0x80u
#define REASON_MAX 11u /* section 7 of the application protocol */
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

/* What stands behind a function code, in bytes: of a request and of a response. A count, where there is one, is a byte behind
 * them and says how many follow. The third and fourth byte of what is 4 bytes or more are a quantity with a limit. */
struct shape {
	uint8_t request, response;
	bool request_counts, response_counts;
	uint16_t quantity; /* 0: any */
};

/* MODBUS Application Protocol Specification V1.1b3, section 6; without those of which a size alone would say too little. */
static const struct shape *shape(unsigned function)
{
	static const struct shape shapes[] = {
		[1] = { 4, 0, false, true, 2000 }, [2] = { 4, 0, false, true, 2000 }, [3] = { 4, 0, false, true, 125 },
		[4] = { 4, 0, false, true, 125 },  [5] = { 4, 4, false, false, 0 },   [6] = { 4, 4, false, false, 0 },
		[15] = { 4, 4, true, false, 1968 }, [16] = { 4, 4, true, false, 123 }, [20] = { 0, 0, true, true, 0 },
		[21] = { 0, 0, true, true, 0 },    [22] = { 6, 6, false, false, 0 },  [23] = { 8, 0, true, true, 125 },
	};

	if (function >= sizeof(shapes) / sizeof(shapes[0]) || (!shapes[function].request && !shapes[function].request_counts))
		return NULL;
	return &shapes[function];
}

/* Whether r is so many bytes, and behind a count as many as it says. */
static bool sized(struct nc_rd r, const struct shape *s, uint8_t fixed, bool counts)
{
	struct nc_rd head = nc_rd_sub(&r, fixed);

	if (fixed >= 4 && s->quantity > 0) {
		nc_rd_skip(&head, 2);
		uint16_t quantity = nc_rd_be16(&head);
		if (quantity == 0 || quantity > s->quantity)
			return false;
	}
	size_t n = counts ? nc_rd_u8(&r) : 0;
	return !r.failed && r.left == n && (n > 0) == counts;
}

/* Whether r, what a unit holds, is a request or a response. Section 7: an exception is the function with its upper bit set, and a
 * reason. */
static bool is_pdu(struct nc_rd r)
{
	uint8_t function = nc_rd_u8(&r);
	const struct shape *s = shape(function & ~EXCEPTION);

	if (r.failed || !s)
		return false;
	if (!(function & EXCEPTION))
		return sized(r, s, s->request, s->request_counts) || sized(r, s, s->response, s->response_counts);
	uint8_t reason = nc_rd_u8(&r);
	return !r.failed && r.left == 0 && reason > 0 && reason <= REASON_MAX;
}

/* A unit of a known function whose sizes agree, and behind it others, to the end. */
static bool proves(struct nc_packet *p, struct nc_rd r)
{
	bool good = !nc_cut(p, &r);

	while (good && r.left > 0) {
		nc_rd_skip(&r, 2);
		unsigned protocol = nc_rd_be16(&r);
		struct nc_rd in = nc_rd_sub(&r, nc_rd_be16(&r));
		nc_rd_skip(&in, 1);
		good = protocol == 0 && is_pdu(in);
	}
	return good;
}

const struct nc_decoder nc_decoder_modbustcp = {
	.name = "ModbusTCP", .decode = modbustcp_decode, .descriptor = &types__modbus_tcp__descriptor,
	.keys = NC_KEYS({ NC_TCPPORT, 502 }),
	/* protocol 0, less than 256 bytes */
	.proofs = NC_PROOFS({ NC_TCPPORT, 0x0000ffffff000000, 0, proves }),
};
