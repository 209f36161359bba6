/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nortel (SynOptics) network management discovery, over SNAP with OUI 000081: segment hello and flatnet hello. */
#include "decode/decode.h"
#include "decode/sub.h"

#define SEGMENT_LEN 3u

static enum nc_verdict nortel_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__NortelDiscovery m = TYPES__NORTEL_DISCOVERY__INIT;

	m.ipaddress = nc_sub_address(p, r, 4);
	m.segmentid = nc_p_bytes(nc_rd_bytes(r, SEGMENT_LEN), SEGMENT_LEN);
	m.chassis = nc_rd_u8(r);
	m.backplane = nc_rd_u8(r);
	m.state = nc_rd_u8(r);
	m.numlinks = nc_rd_u8(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_nortel = {
	.name = "NortelDiscovery", .decode = nortel_decode, .descriptor = &types__nortel_discovery__descriptor,
	.keys = NC_KEYS({ NC_SNAPTYPE, 0x01a1 }, { NC_SNAPTYPE, 0x01a2 }),
};
