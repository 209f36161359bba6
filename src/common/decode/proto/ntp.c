/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network Time Protocol (RFC 5905) and its control messages (RFC 9327). */
#include "decode/cut.h"
#include "decode/decode.h"

#define MODE_CONTROL 6
#define VERSION_MAX  4

/* RFC 5905 section 7.3 */
static void times(struct nc_rd *r, Types__NTP *m)
{
	m->stratum = nc_rd_u8(r);
	m->poll = (int8_t)nc_rd_u8(r);
	m->precision = (int8_t)nc_rd_u8(r);
	m->rootdelay = nc_rd_be32(r);
	m->rootdispersion = nc_rd_be32(r);
	m->referenceid = nc_rd_be32(r);
	m->referencetimestamp = nc_rd_be64(r);
	m->origintimestamp = nc_rd_be64(r);
	m->receivetimestamp = nc_rd_be64(r);
	m->transmittimestamp = nc_rd_be64(r);
}

static enum nc_verdict ntp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__NTP m = TYPES__NTP__INIT;
	uint8_t first = nc_rd_u8(r);

	m.leapindicator = first >> 6;
	m.version = first >> 3 & 7;
	m.mode = first & 7;
	if (r->failed)
		return NC_SHORT;
	if (m.version == 0 || m.version > VERSION_MAX)
		return NC_SKIP;
	if (nc_cut(p, r))
		return NC_SHORT;
	/* RFC 9327 section 2 and mode 7 share only the first byte with the other modes */
	if (m.mode < MODE_CONTROL)
		times(r, &m);
	if (r->failed)
		return nc_bad(p, "NTP message shorter than its header");
	m.extensionbytes = nc_p_bytes(r->p, r->left);
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_ntp = {
	.name = "NTP", .decode = ntp_decode, .descriptor = &types__ntp__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 123 }),
};
