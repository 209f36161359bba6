/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BSD loopback: an address family in the byte order of the capturing host (LINKTYPE_NULL) or in network order (LINKTYPE_LOOP). */
#include "decode/decode.h"

#define LINKTYPE_LOOP 108u

/* AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on Darwin. */
static uint16_t ethertype(uint32_t family)
{
	switch (family) {
	case 2:
		return 0x0800;
	case 10:
	case 24:
	case 28:
	case 30:
		return 0x86dd;
	default:
		return 0;
	}
}

static enum nc_verdict null_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint32_t family = nc_rd_be32(r);

	if (r->failed)
		return NC_SHORT;
	/* families are small: the half that holds one tells the byte order */
	if (p->datalink != LINKTYPE_LOOP && family > UINT16_MAX)
		family = __builtin_bswap32(family);
	uint16_t type = ethertype(family);
	if (!type)
		return NC_SKIP;
	nc_saw_link(p, "Loopback", NULL, NULL);
	return nc_next(p, NC_ETHERTYPE, type);
}

const struct nc_decoder nc_decoder_null = {
	.name = "Loopback", .decode = null_decode,
	.keys = NC_KEYS({ NC_DATALINK, 0 }, { NC_DATALINK, LINKTYPE_LOOP }),
};
