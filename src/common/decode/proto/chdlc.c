/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cisco HDLC (RFC 1547 section 4.3.1): address, control and an EtherType. */
#include "decode/tunnel.h"

#define TYPE_CDP 0x2000u /* Cisco's own numbers are those of its SNAP headers */

static enum nc_verdict chdlc_decode(struct nc_packet *p, struct nc_rd *r)
{
	nc_rd_skip(r, 2);
	uint16_t type = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	nc_saw_link(p, "CiscoHDLC", NULL, NULL);
	return type == TYPE_CDP ? nc_next(p, NC_SNAPTYPE, type) : nc_next_ethertype(p, type);
}

const struct nc_decoder nc_decoder_chdlc = {
	.name = "CiscoHDLC", .decode = chdlc_decode,
	.keys = NC_KEYS({ NC_DATALINK, NC_DATALINK_CHDLC }),
};
