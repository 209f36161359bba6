/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lightweight Communications and Marshalling over UDP multicast: "LCM UDP Multicast Protocol Description", version 1. */
#include "decode/cut.h"
#include "decode/decode.h"

#define MAGIC_SHORT    0x4c433032u /* "LC02" */
#define MAGIC_FRAGMENT 0x4c433033u /* "LC03" */
#define CHANNEL_MAX    63u

/* The channel's name with its NUL. */
static enum nc_verdict channel(struct nc_packet *p, struct nc_rd *r, Types__LCM *m)
{
	const uint8_t *nul = r->left > 0 ? memchr(r->p, 0, r->left) : NULL;

	if (!nul)
		return r->left > CHANNEL_MAX ? nc_bad(p, "LCM channel without an end") : nc_lacks(p, r, "LCM channel without an end");
	size_t n = (size_t)(nul - r->p);
	if (n > CHANNEL_MAX)
		return nc_bad(p, "LCM channel longer than 63 bytes");
	m->channelname = nc_p_str(p, r->p, n);
	nc_rd_skip(r, n + 1);
	return NC_DONE;
}

static enum nc_verdict lcm_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__LCM m = TYPES__LCM__INIT;
	enum nc_verdict v = NC_DONE;
	uint32_t magic = nc_rd_be32(r);

	if (r->failed || (magic != MAGIC_SHORT && magic != MAGIC_FRAGMENT))
		return NC_SKIP;
	m.magic = (int32_t)magic;
	m.sequencenumber = (int32_t)nc_rd_be32(r);
	m.fragmented = magic == MAGIC_FRAGMENT;
	if (m.fragmented) {
		m.payloadsize = (int32_t)nc_rd_be32(r);
		m.fragmentoffset = (int32_t)nc_rd_be32(r);
		m.fragmentnumber = nc_rd_be16(r);
		m.totalfragments = nc_rd_be16(r);
	}
	if (r->failed)
		return nc_lacks(p, r, "LCM message shorter than its header");
	if (m.fragmentnumber == 0)
		v = channel(p, r, &m);
	if (!m.fragmented)
		m.payloadsize = (int32_t)r->left;
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

const struct nc_decoder nc_decoder_lcm = {
	.name = "LCM", .decode = lcm_decode, .descriptor = &types__lcm__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 7667 }),
};
