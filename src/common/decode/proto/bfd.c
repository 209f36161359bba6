/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bidirectional Forwarding Detection (RFC 5880): one hop (5881), many (5883), on bundles (7130), seamless (7881). */
#include "decode/cut.h"
#include "decode/decode.h"
#include "decode/sub.h"

#define VERSION       1
#define HEADER_LEN    24u
#define AUTH_MIN      3u /* type, length, key */
#define DIGEST_HEADER 8u /* what stands before a digest: type, length, key, reserved, sequence */

enum { AUTH_SIMPLE = 1, AUTH_MD5, AUTH_MD5_METICULOUS, AUTH_SHA1, AUTH_SHA1_METICULOUS };

/* RFC 5880 sections 4.2 to 4.4 */
static enum nc_verdict authentication(struct nc_packet *p, struct nc_rd *r, Types__BFD *m)
{
	Types__BFDAuthHeader *a = nc_sub_new(p, &types__bfdauth_header__descriptor);

	if (!a)
		return NC_BAD;
	a->authtype = nc_rd_u8(r);
	size_t len = nc_rd_u8(r);
	a->keyid = nc_rd_u8(r);
	bool digest = a->authtype >= AUTH_MD5 && a->authtype <= AUTH_SHA1_METICULOUS;
	if (digest) {
		nc_rd_skip(r, 1);
		a->sequencenumber = (int32_t)nc_rd_be32(r);
	}
	size_t before = digest ? DIGEST_HEADER : AUTH_MIN;
	if (r->failed || len < before)
		return nc_bad(p, "BFD authentication shorter than its header");
	a->data = nc_p_bytes(nc_rd_bytes(r, len - before), len - before);
	if (r->failed)
		return nc_bad(p, "BFD authentication longer than the packet");
	m->authheader = a;
	return NC_DONE;
}

static void flags(uint8_t b, Types__BFD *m)
{
	m->state = b >> 6;
	m->poll = (b & 0x20) != 0;
	m->final = (b & 0x10) != 0;
	m->controlplaneindependent = (b & 0x08) != 0;
	m->authpresent = (b & 0x04) != 0;
	m->demand = (b & 0x02) != 0;
	m->multipoint = (b & 0x01) != 0;
}

static enum nc_verdict bfd_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__BFD m = TYPES__BFD__INIT;
	const struct nc_rd whole = *r;
	uint8_t first = nc_rd_u8(r);

	m.version = first >> 5;
	m.diagnostic = first & 31;
	if (m.version != VERSION)
		return NC_SKIP;
	flags(nc_rd_u8(r), &m);
	m.detectmultiplier = nc_rd_u8(r);
	size_t len = nc_rd_u8(r);
	if (r->failed || len > whole.left)
		return nc_lacks(p, &whole, "BFD length beyond the packet");
	if (len < HEADER_LEN)
		return nc_bad(p, "BFD length below 24");
	nc_rd_trim(r, len - 4);
	m.mydiscriminator = (int32_t)nc_rd_be32(r);
	m.yourdiscriminator = (int32_t)nc_rd_be32(r);
	m.desiredmintxinterval = (int32_t)nc_rd_be32(r);
	m.requiredminrxinterval = (int32_t)nc_rd_be32(r);
	m.requiredminechorxinterval = (int32_t)nc_rd_be32(r);
	enum nc_verdict v = m.authpresent ? authentication(p, r, &m) : NC_DONE;
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

const struct nc_decoder nc_decoder_bfd = {
	.name = "BFD", .decode = bfd_decode, .descriptor = &types__bfd__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 3784 }, { NC_UDPPORT, 4784 }, { NC_UDPPORT, 6784 }, { NC_UDPPORT, 7784 }),
};
