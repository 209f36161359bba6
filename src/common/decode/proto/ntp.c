/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network Time Protocol (RFC 5905) and its control messages (RFC 9327). */
#include "decode/cut.h"
#include "decode/decode.h"

#define MODE_CLIENT    3
#define MODE_SERVER    4
#define MODE_BROADCAST 5
#define MODE_CONTROL   6
#define VERSION_MAX    4
#define STRATUM_MAX    16
#define HEADER_LEN     48u
#define NS_PER_S       1000000000
#define NTP_EPOCH      2208988800 /* seconds from 1900 to 1970 */
#define DAY            86400

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

/* Whether a time stamp is within a day of the capture's clock. RFC 5905 section 6: an era is what 32 bits of seconds hold. */
static bool near(const struct nc_packet *p, uint64_t stamp)
{
	uint32_t now = (uint32_t)(p->ts_ns / NS_PER_S + NTP_EPOCH);
	int32_t off = (int32_t)((uint32_t)(stamp >> 32) - now);

	return off >= -DAY && off <= DAY;
}

static bool near_or_none(const struct nc_packet *p, uint64_t stamp)
{
	return stamp == 0 || near(p, stamp);
}

/* Whether the fields agree with each other, as section 7.3 has them, and with the clock of the capture. Clients may leave out
 * all but their own time. */
static bool agrees(const struct nc_packet *p, const Types__NTP *m)
{
	bool server = m->mode == MODE_SERVER || m->mode == MODE_BROADCAST, client = m->mode == MODE_CLIENT;

	if (m->stratum < server || m->stratum > STRATUM_MAX || !near(p, m->transmittimestamp))
		return false;
	if (m->precision >= 0 && !(client && m->precision == 0))
		return false;
	if (m->mode == MODE_SERVER)
		return near(p, m->receivetimestamp) && m->receivetimestamp <= m->transmittimestamp;
	return near_or_none(p, m->receivetimestamp) && near_or_none(p, m->origintimestamp);
}

/* The header, alone or with an authenticator: a key id and nothing (section 9.2), 16 bytes, or the 20 of SHA-1. */
static bool proves(struct nc_packet *p, struct nc_rd r)
{
	size_t n = r.left;
	Types__NTP m = TYPES__NTP__INIT;
	uint8_t first = nc_rd_u8(&r);

	if (n != HEADER_LEN && n != HEADER_LEN + 4 && n != HEADER_LEN + 20 && n != HEADER_LEN + 24)
		return false;
	m.version = first >> 3 & 7;
	m.mode = first & 7;
	times(&r, &m);
	return (m.version == 3 || m.version == 4) && m.mode > 0 && m.mode < MODE_CONTROL && agrees(p, &m) && !nc_cut(p, &r);
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
	/* stratum and poll below 32, root delay below 16 seconds */
	.proofs = NC_PROOFS({ NC_UDPPORT, 0x00e0e000fff00000, 0, proves }),
};
