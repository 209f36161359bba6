/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Point-to-Point Protocol (RFC 1661), with or without HDLC-like framing (RFC 1662); Cisco HDLC on serial captures. */
#include "decode/tunnel.h"

#define LINKTYPE_SERIAL  50u
#define HDLC_PPP         0xff03u
#define HDLC_UNICAST     0x0f00u
#define HDLC_MULTICAST   0x8f00u

static uint16_t ethertype(uint16_t protocol)
{
	switch (protocol) {
	case 0x0021:
		return 0x0800;
	case 0x0057:
		return 0x86dd;
	case 0x0281:
		return 0x8847;
	default:
		return 0;
	}
}

static enum nc_verdict ppp_decode(struct nc_packet *p, struct nc_rd *r)
{
	struct nc_rd ahead = *r;
	uint16_t framing = nc_rd_be16(&ahead);

	if (!ahead.failed && p->datalink == LINKTYPE_SERIAL && (framing == HDLC_UNICAST || framing == HDLC_MULTICAST))
		return nc_next(p, NC_DATALINK, NC_DATALINK_CHDLC);
	if (!ahead.failed && framing == HDLC_PPP)
		*r = ahead;
	/* RFC 1661 section 2: the last byte is odd and all before it are even, so that the first byte may be left out */
	uint16_t protocol = nc_rd_u8(r);
	if (protocol % 2 == 0) {
		protocol = (uint16_t)(protocol << 8 | nc_rd_u8(r));
		if (!r->failed && protocol % 2 == 0)
			return nc_bad(p, "PPP protocol is even");
	}
	if (r->failed)
		return NC_SHORT;
	nc_saw_link(p, "PPP", NULL, NULL);
	uint16_t type = ethertype(protocol);
	return type ? nc_next(p, NC_ETHERTYPE, type) : nc_next(p, NC_PPPTYPE, protocol);
}

const struct nc_decoder nc_decoder_ppp = {
	.name = "PPP", .decode = ppp_decode,
	.keys = NC_KEYS({ NC_DATALINK, 9 }, { NC_DATALINK, LINKTYPE_SERIAL }, { NC_ETHERTYPE, 0x880b }),
};
