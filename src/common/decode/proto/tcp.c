/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transmission Control Protocol (RFC 9293); the NS bit is that of RFC 3540. */
#include "decode/decode.h"

#define HEADER_LEN  20u
#define OPTION_END  0u
#define OPTION_NOP  1u
#define OPTIONS_MAX 40u

/* RFC 9293 section 3.2: kind alone, or kind, length (of all three), data. */
static enum nc_verdict options(struct nc_packet *p, struct nc_rd *r, Types__TCP *m)
{
	Types__TCPOption **list = (Types__TCPOption **)nc_p_array(p, r->left);
	Types__TCPOption *o = nc_p_alloc(p, sizeof(*o) * r->left);

	if (!list || !o)
		return NC_BAD;
	m->options = list;
	for (; r->left > 0; o++) {
		types__tcpoption__init(o);
		o->optiontype = nc_rd_u8(r);
		o->optionlength = 1;
		if (o->optiontype != OPTION_END && o->optiontype != OPTION_NOP) {
			uint8_t len = nc_rd_u8(r);
			if (r->failed || len < 2)
				return nc_bad(p, "TCP option with a wrong length");
			o->optionlength = len;
			o->optiondata = nc_p_bytes(nc_rd_bytes(r, len - 2u), len - 2u);
			if (r->failed)
				return nc_bad(p, "TCP option longer than the header");
		}
		list[m->n_options++] = o;
		if (o->optiontype == OPTION_END) {
			m->padding = nc_p_bytes(r->p, r->left);
			break;
		}
	}
	return NC_DONE;
}

static void flags(Types__TCP *m, unsigned f)
{
	m->fin = (f & 0x001) != 0;
	m->syn = (f & 0x002) != 0;
	m->rst = (f & 0x004) != 0;
	m->psh = (f & 0x008) != 0;
	m->ack = (f & 0x010) != 0;
	m->urg = (f & 0x020) != 0;
	m->ece = (f & 0x040) != 0;
	m->cwr = (f & 0x080) != 0;
	m->ns = (f & 0x100) != 0;
}

static uint32_t be32(const uint8_t *h)
{
	return (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
}

static void stream(struct nc_packet *p, const uint8_t *h, const struct nc_rd *r)
{
	struct nc_segment s = {
		.version = p->ip_version, .src = p->ip_src, .dst = p->ip_dst, .sport = (uint16_t)(h[0] << 8 | h[1]),
		.dport = (uint16_t)(h[2] << 8 | h[3]), .seq = be32(h + 4), .ack = be32(h + 8), .flags = h[13], .data = r->p,
		.len = r->left, .missing = p->ip_missing,
	};
	bool outermost = nc_saw_transport(p, "TCP", s.sport, s.dport, s.len);
	unsigned app = p->ip_version ? nc_segment(p, &s) : 0;

	if (outermost)
		p->outer.app = app;
}

static enum nc_verdict tcp_decode(struct nc_packet *p, struct nc_rd *r)
{
	const uint8_t *h = nc_rd_bytes(r, HEADER_LEN);
	if (!h)
		return NC_SHORT;
	size_t header = (size_t)(h[12] >> 4) * 4;
	if (header < HEADER_LEN)
		return nc_bad(p, "TCP data offset below 5");
	struct nc_rd opts = nc_rd_sub(r, header - HEADER_LEN);
	if (opts.failed)
		return NC_SHORT;
	uint16_t src = (uint16_t)(h[0] << 8 | h[1]), dst = (uint16_t)(h[2] << 8 | h[3]);
	Types__TCP m = TYPES__TCP__INIT;
	if (opts.left) {
		enum nc_verdict v = options(p, &opts, &m);
		if (v != NC_DONE)
			return v;
	}
	m.srcport = src;
	m.dstport = dst;
	m.seqnum = be32(h + 4);
	m.acknum = be32(h + 8);
	m.dataoffset = h[12] >> 4;
	flags(&m, (unsigned)((h[12] & 1) << 8 | h[13]));
	m.window = h[14] << 8 | h[15];
	m.checksum = h[16] << 8 | h[17];
	m.urgent = h[18] << 8 | h[19];
	m.payloadsize = (int32_t)r->left;
	if (p->payloads)
		m.payload = nc_p_bytes(r->p, r->left);
	nc_emit_entropy(p, &m.base, offsetof(Types__TCP, payloadentropy), r->p, r->left);
	stream(p, h, r);
	return nc_next_ports(p, NC_TCPPORT, dst, src);
}

const struct nc_decoder nc_decoder_tcp = {
	.name = "TCP", .decode = tcp_decode, .descriptor = &types__tcp__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 6 }),
};
