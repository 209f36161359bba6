/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMPv6 neighbour advertisement (RFC 4861 section 4.4). */
#include "decode/decode.h"
#include "decode/ndopt.h"

static enum nc_verdict na_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__ICMPv6NeighborAdvertisement m = TYPES__ICMPV6_NEIGHBOR_ADVERTISEMENT__INIT;

	m.flags = nc_rd_u8(r); /* the whole byte: router, solicited and override are its upper bits */
	nc_rd_skip(r, 3);      /* reserved */
	const uint8_t *target = nc_rd_bytes(r, 16);
	if (!target)
		return NC_SHORT;
	m.targetaddress = nc_p_ipv6(p, target);
	enum nc_verdict v = nc_ndopt_read(p, r, &m.n_options, &m.options);
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

const struct nc_decoder nc_decoder_icmpv6na = {
	.name = "ICMPv6NeighborAdvertisement",
	.decode = na_decode,
	.descriptor = &types__icmpv6_neighbor_advertisement__descriptor,
	.keys = NC_KEYS({ NC_ICMPV6TYPE, 136 }),
};
