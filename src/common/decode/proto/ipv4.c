/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internet Protocol version 4 (RFC 791). */
#include "decode/decode.h"

#define HEADER_LEN  20u
#define OPTION_END  0u
#define OPTION_NOP  1u
#define OPTIONS_MAX 40u

/* RFC 791 section 3.1, "Options": type alone, or type, length (of all three), data. */
static enum nc_verdict options(struct nc_packet *p, struct nc_rd *r, Types__IPv4 *m)
{
	Types__IPv4Option **list = (Types__IPv4Option **)nc_p_array(p, OPTIONS_MAX);

	if (!list)
		return NC_BAD;
	m->options = list;
	while (r->left > 0) {
		Types__IPv4Option *o = nc_p_alloc(p, sizeof(*o));
		if (!o)
			return NC_BAD;
		types__ipv4_option__init(o);
		o->optiontype = nc_rd_u8(r);
		o->optionlength = 1;
		if (o->optiontype != OPTION_END && o->optiontype != OPTION_NOP) {
			uint8_t len = nc_rd_u8(r);
			if (r->failed || len < 2)
				return nc_bad(p, "IPv4 option with a wrong length");
			o->optionlength = len;
			o->optiondata = nc_p_bytes(nc_rd_bytes(r, len - 2u), len - 2u);
			if (r->failed)
				return nc_bad(p, "IPv4 option longer than the header");
		}
		list[m->n_options++] = o;
		if (o->optiontype == OPTION_END) {
			m->padding = nc_p_bytes(r->p, r->left);
			break;
		}
	}
	return NC_DONE;
}

static enum nc_verdict record(struct nc_packet *p, const uint8_t *h, struct nc_rd opts, const struct nc_rd *payload,
                              uint16_t length)
{
	Types__IPv4 m = TYPES__IPV4__INIT;
	enum nc_verdict v = opts.left ? options(p, &opts, &m) : NC_DONE;

	if (v != NC_DONE || !nc_wanted(p, &types__ipv4__descriptor))
		return v;
	m.version = h[0] >> 4;
	m.ihl = h[0] & 15;
	m.tos = h[1];
	m.length = length;
	m.id = h[4] << 8 | h[5];
	m.flags = h[6] >> 5;
	m.fragoffset = (h[6] & 31) << 8 | h[7];
	m.ttl = h[8];
	m.protocol = h[9];
	m.checksum = h[10] << 8 | h[11];
	m.srcip = nc_p_ipv4(p, h + 12);
	m.dstip = nc_p_ipv4(p, h + 16);
	m.payloadsize = (int32_t)payload->left;
	nc_emit_entropy(p, &m.base, offsetof(Types__IPv4, payloadentropy), payload->p, payload->left);
	return NC_DONE;
}

static enum nc_verdict ipv4_decode(struct nc_packet *p, struct nc_rd *r)
{
	size_t have = r->left;
	const uint8_t *h = nc_rd_bytes(r, HEADER_LEN);
	if (!h)
		return NC_SHORT;
	size_t header = (size_t)(h[0] & 15) * 4;
	uint16_t length = (uint16_t)(h[2] << 8 | h[3]);
	if (h[0] >> 4 != 4)
		return nc_bad(p, "IPv4 version is not 4");
	if (header < HEADER_LEN)
		return nc_bad(p, "IPv4 header length below 20");
	/* segmentation offload leaves the length 0 in packets captured on the sending host */
	if (length == 0)
		length = (uint16_t)(have > UINT16_MAX ? UINT16_MAX : have);
	if (length < header)
		return nc_bad(p, "IPv4 length below its header length");
	struct nc_rd opts = nc_rd_sub(r, header - HEADER_LEN);
	if (opts.failed)
		return NC_SHORT;
	nc_rd_trim(r, length - header);
	enum nc_verdict v = record(p, h, opts, r, length);
	if (v != NC_DONE)
		return v;
	nc_saw_network(p, "IPv4", h + 12, h + 16, 4);
	p->ip_version = 4;
	p->ip_missing = length - header > r->left ? length - header - r->left : 0;
	p->ip_src = h + 12;
	p->ip_dst = h + 16;
	unsigned fragment = (unsigned)((h[6] & 0x3f) << 8 | h[7]);
	if (fragment == 0)
		return nc_next(p, NC_IPPROTO, h[9]);
	struct nc_fragment f = {
		.version = 4, .src = h + 12, .dst = h + 16, .id = (uint32_t)(h[4] << 8 | h[5]), .proto = h[9],
		.offset = (fragment & 0x1fff) * 8, .more = (fragment & 0x2000) != 0, .data = r->p, .len = r->left,
	};
	/* a fragment that was cut by the capture would leave a hole where bytes are known to exist */
	if (p->ip_missing)
		return NC_DONE;
	return nc_reassemble(p, &f, r) ? nc_next(p, NC_IPPROTO, h[9]) : NC_DONE;
}

const struct nc_decoder nc_decoder_ipv4 = {
	.name = "IPv4", .decode = ipv4_decode, .descriptor = &types__ipv4__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x0800 }),
};
