/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv6 in UDP through address translation (RFC 4380 section 5.1.1): a way in, without a record. */
#include "decode/tunnel.h"

#define INDICATION_AUTH   1u
#define INDICATION_ORIGIN 0u
#define ORIGIN_LEN        6u /* port and address */
#define AUTH_LEN          9u /* nonce and confirmation, behind identifier and value */
#define IPV6_HEADER       40u

/* At most one of each, the authentication first; both begin with bytes that IPv6 doesn't. */
static void indications(struct nc_rd *r)
{
	struct nc_rd ahead = *r;

	if (nc_rd_be16(&ahead) == INDICATION_AUTH && !ahead.failed) {
		size_t n = nc_rd_u8(&ahead);
		n += nc_rd_u8(&ahead);
		nc_rd_skip(&ahead, n + AUTH_LEN);
		*r = ahead;
	}
	ahead = *r;
	if (nc_rd_be16(&ahead) == INDICATION_ORIGIN && !ahead.failed) {
		nc_rd_skip(&ahead, ORIGIN_LEN);
		*r = ahead;
	}
}

static enum nc_verdict teredo_decode(struct nc_packet *p, struct nc_rd *r)
{
	indications(r);
	struct nc_rd ahead = *r;
	unsigned version = nc_rd_u8(&ahead) >> 4;
	if (ahead.failed || version != 6 || r->left < IPV6_HEADER)
		return NC_SKIP;
	return nc_next(p, NC_ETHERTYPE, NC_TYPE_IPV6);
}

const struct nc_decoder nc_decoder_teredo = {
	.name = "Teredo", .decode = teredo_decode,
	.keys = NC_KEYS({ NC_UDPPORT, 3544 }),
};
