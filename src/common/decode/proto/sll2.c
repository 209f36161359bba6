/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linux cooked capture, version 2 (LINKTYPE_LINUX_SLL2): protocol, interface, ARPHRD_ type, packet type, address. */
#include "decode/cooked.h"
#include "decode/decode.h"

static enum nc_verdict sll2_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint16_t protocol = nc_rd_be16(r);
	nc_rd_skip(r, 6);
	uint16_t arphrd = nc_rd_be16(r);
	nc_rd_skip(r, 10);
	if (r->failed)
		return NC_SHORT;
	nc_saw_link(p, "LinuxSLL2", NULL, NULL); /* the sender's address alone makes no pair */
	return nc_cooked_next(p, arphrd, protocol);
}

const struct nc_decoder nc_decoder_sll2 = {
	.name = "LinuxSLL2", .decode = sll2_decode,
	.keys = NC_KEYS({ NC_DATALINK, 276 }),
};
