/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Subnetwork access protocol (IEEE 802-2014 section 9.5): an organisation and a protocol of its own. */
#include "decode/tunnel.h"

#define PID_BRIDGED_8023     0x0007u /* 802.3 without its frame check sequence, RFC 2427 appendix A */
#define PID_BRIDGED_8023_FCS 0x0001u

enum meaning { NOBODY, ETHERTYPE, OWN, BRIDGED };

/* The same number means another protocol under another organisation: 2000 is CDP of Cisco and FDP of Foundry. */
static enum meaning meaning(const uint8_t oui[static 3])
{
	static const struct {
		uint8_t oui[3];
		uint8_t meaning;
	} table[] = {
		{ { 0x00, 0x00, 0x00 }, ETHERTYPE }, /* RFC 1042 */
		{ { 0x00, 0x00, 0xf8 }, ETHERTYPE }, /* IEEE 802.1H bridge tunnel encapsulation */
		{ { 0x00, 0x00, 0x0c }, OWN },       /* Cisco */
		{ { 0x00, 0x00, 0x81 }, OWN },       /* Bay, Nortel */
		{ { 0x00, 0x80, 0xc2 }, BRIDGED },   /* IEEE 802.1 */
		{ { 0x08, 0x00, 0x07 }, ETHERTYPE }, /* Apple: AppleTalk by its EtherType */
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (memcmp(oui, table[i].oui, 3) == 0)
			return (enum meaning)table[i].meaning;
	return NOBODY;
}

static enum nc_verdict next(struct nc_packet *p, const uint8_t oui[static 3], uint16_t type)
{
	switch (meaning(oui)) {
	case ETHERTYPE:
		return nc_next_ethertype(p, type);
	case OWN:
		return nc_next(p, NC_SNAPTYPE, type);
	case BRIDGED:
		return type == PID_BRIDGED_8023 || type == PID_BRIDGED_8023_FCS ? nc_next_ethernet(p) : nc_next_nobody(p);
	default:
		return nc_next_nobody(p);
	}
}

static enum nc_verdict snap_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__SNAP m = TYPES__SNAP__INIT;
	const uint8_t *oui = nc_rd_bytes(r, 3);
	uint16_t type = nc_rd_be16(r);

	if (r->failed || !oui)
		return NC_SHORT;
	m.organizationalcode = nc_p_bytes(oui, 3);
	m.type = type;
	nc_emit(p, &m.base);
	return next(p, oui, type);
}

const struct nc_decoder nc_decoder_snap = {
	.name = "SNAP", .decode = snap_decode, .descriptor = &types__snap__descriptor,
	.keys = NC_KEYS({ NC_LLCSAP, 0xaa }),
};
