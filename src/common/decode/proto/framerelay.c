/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frame Relay: address (ITU-T Q.922 section 3.3), then RFC 2427 or an EtherType as Cisco has it. A way in, without a record. */
#include "decode/tunnel.h"

#define ADDRESS_MAX  4u
#define ADDRESS_END  0x01u
#define CONTROL_UI   0x03u
#define PAD          0x00u
#define NLPID_SNAP   0x80u
#define NLPID_IPV6   0x8eu
#define NLPID_IPV4   0xccu
#define NLPID_PPP    0xcfu
#define SAP_SNAP     0xaau

/* RFC 2427 section 3 and ISO/IEC TR 9577. */
static enum nc_verdict next(struct nc_packet *p, uint8_t nlpid)
{
	switch (nlpid) {
	case NLPID_SNAP:
		return nc_next(p, NC_LLCSAP, SAP_SNAP);
	case NLPID_IPV4:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV4);
	case NLPID_IPV6:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV6);
	case NLPID_PPP:
		return nc_next(p, NC_ETHERTYPE, NC_TYPE_PPP);
	default:
		return nc_next_nobody(p);
	}
}

static enum nc_verdict framerelay_decode(struct nc_packet *p, struct nc_rd *r)
{
	unsigned n = 1;

	while (!(nc_rd_u8(r) & ADDRESS_END) && !r->failed)
		if (++n > ADDRESS_MAX)
			return nc_bad(p, "Frame Relay address without an end");
	nc_saw_link(p, "FrameRelay", NULL, NULL);
	struct nc_rd ahead = *r;
	if (nc_rd_u8(&ahead) != CONTROL_UI) {
		uint16_t type = nc_rd_be16(r);
		return r->failed ? NC_SHORT : nc_next_ethertype(p, type);
	}
	*r = ahead;
	uint8_t nlpid = nc_rd_u8(r);
	if (nlpid == PAD)
		nlpid = nc_rd_u8(r);
	return r->failed ? NC_SHORT : next(p, nlpid);
}

const struct nc_decoder nc_decoder_framerelay = {
	.name = "FrameRelay", .decode = framerelay_decode,
	.keys = NC_KEYS({ NC_DATALINK, 107 }),
};
