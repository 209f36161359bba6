/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internet Group Management Protocol, versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376). */
#include "decode/cut.h"
#include "decode/decode.h"
#include "decode/sub.h"

#define GROUP_LEN       4u
#define QUERY_LEN       8u  /* RFC 3376 section 7.1: the length tells version 3 from those before */
#define QUERY_V3_MIN    12u
#define FIXED_LEN       4u  /* what all types begin with */
#define RECORD_MIN      8u
#define NS_PER_SECOND   UINT64_C(1000000000)
#define NS_PER_DECI     (NS_PER_SECOND / 10)

enum { QUERY = 0x11, REPORT_V1 = 0x12, REPORT_V2 = 0x16, LEAVE_V2 = 0x17, REPORT_V3 = 0x22 };

/* Maximum response code and querier's query interval code, RFC 3376 sections 4.1.1 and 4.1.7. */
static uint32_t code_value(uint8_t code)
{
	if (code < 128)
		return code;
	return ((code & 15u) | 16u) << ((code >> 4 & 7) + 3);
}

/* RFC 3376 section 4.1, from the group address on. */
static enum nc_verdict query_v3(struct nc_packet *p, struct nc_rd *r, Types__IGMP *m)
{
	uint8_t flags = nc_rd_u8(r), interval = nc_rd_u8(r);
	size_t n = nc_rd_be16(r);

	m->version = 3;
	m->supressrouterprocessing = (flags & 8) != 0;
	m->robustnessvalue = flags & 7;
	m->intervaltime = code_value(interval) * NS_PER_SECOND;
	m->numberofsources = (int32_t)n;
	m->n_sourceaddresses = nc_sub_addresses(p, r, n, GROUP_LEN, &m->sourceaddresses);
	return n > 0 && m->n_sourceaddresses == 0 ? nc_bad(p, "IGMP query with fewer sources than it says") : NC_DONE;
}

/* Versions 1 and 2: a code and a group; the code is 0 in version 1. */
static enum nc_verdict query(struct nc_packet *p, struct nc_rd *r, Types__IGMP *m, uint8_t code)
{
	bool v3 = r->left >= QUERY_V3_MIN - FIXED_LEN;

	if (!v3 && r->left > QUERY_LEN - FIXED_LEN)
		return nc_bad(p, "IGMP query of a length that no version has");
	m->groupaddress = nc_p_bytes(nc_rd_bytes(r, GROUP_LEN), GROUP_LEN);
	m->version = code == 0 ? 1 : 2;
	m->maxresponsetime = (v3 ? code_value(code) : code) * NS_PER_DECI;
	return v3 ? query_v3(p, r, m) : NC_DONE;
}

/* RFC 3376 section 4.2.4 */
static void group(struct nc_packet *p, struct nc_rd *r, Types__IGMPv3GroupRecord *g)
{
	g->type = nc_rd_u8(r);
	g->auxdatalen = nc_rd_u8(r);
	g->numberofsources = nc_rd_be16(r);
	g->multicastaddress = nc_sub_address(p, r, GROUP_LEN);
	g->n_sourceaddresses = nc_sub_addresses(p, r, (size_t)g->numberofsources, GROUP_LEN, &g->sourceaddresses);
	nc_rd_skip(r, (size_t)g->auxdatalen * 4);
}

static enum nc_verdict report_v3(struct nc_packet *p, struct nc_rd *r, Types__IGMP *m)
{
	nc_rd_skip(r, 2);
	size_t n = nc_rd_be16(r);

	m->version = 3;
	m->numberofgrouprecords = (int32_t)n;
	if (n * RECORD_MIN > r->left)
		return nc_bad(p, "IGMP report with fewer groups than it says");
	m->grouprecords = (Types__IGMPv3GroupRecord **)nc_sub_list(p, &types__igmpv3_group_record__descriptor, n);
	for (; m->grouprecords && m->n_grouprecords < n; m->n_grouprecords++)
		group(p, r, m->grouprecords[m->n_grouprecords]);
	return NC_DONE;
}

static enum nc_verdict igmp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__IGMP m = TYPES__IGMP__INIT;
	enum nc_verdict v = NC_DONE;

	if (nc_cut(p, r))
		return NC_SHORT;
	m.type = nc_rd_u8(r);
	uint8_t code = nc_rd_u8(r);
	m.checksum = nc_rd_be16(r);
	if (m.type == QUERY) {
		v = query(p, r, &m, code);
	} else if (m.type == REPORT_V3) {
		v = report_v3(p, r, &m);
	} else if (m.type == REPORT_V1 || m.type == REPORT_V2 || m.type == LEAVE_V2) {
		m.version = m.type == REPORT_V1 ? 1 : 2;
		m.groupaddress = nc_p_bytes(nc_rd_bytes(r, GROUP_LEN), GROUP_LEN);
	}
	if (r->failed)
		return nc_bad(p, "IGMP message shorter than its contents");
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

const struct nc_decoder nc_decoder_igmp = {
	.name = "IGMP", .decode = igmp_decode, .descriptor = &types__igmp__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 2 }),
};
