/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linux cooked capture (LINKTYPE_LINUX_SLL): packet type, ARPHRD_ type, address length, address, protocol. */
#include "decode/cooked.h"
#include "decode/decode.h"

static enum nc_verdict sll_decode(struct nc_packet *p, struct nc_rd *r)
{
	nc_rd_skip(r, 2);
	uint16_t arphrd = nc_rd_be16(r);
	nc_rd_skip(r, 10);
	uint16_t protocol = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	nc_saw_link(p, "LinuxSLL", NULL, NULL); /* the sender's address alone makes no pair */
	return nc_cooked_next(p, arphrd, protocol);
}

const struct nc_decoder nc_decoder_sll = {
	.name = "LinuxSLL", .decode = sll_decode,
	.keys = NC_KEYS({ NC_DATALINK, 113 }),
};
