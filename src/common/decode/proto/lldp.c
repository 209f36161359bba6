/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Link Layer Discovery Protocol (IEEE 802.1AB-2016): the TLVs as they are, and what the basic ones say. */
#include "decode/decode.h"
#include "decode/sub.h"
#include "decode/tlv.h"

enum {
	END, CHASSIS_ID, PORT_ID, TTL, PORT_DESCRIPTION, SYS_NAME, SYS_DESCRIPTION, SYS_CAPABILITIES, MGMT_ADDRESS,
	ORG_SPECIFIC = 127
};

/* IEEE 802.1AB-2016 clause 8.4 */
static const struct nc_tlv_form form = { .type_bits = 7, .length_bits = 9, .ends = true, .end = END };

/* One of the three that come first, in this order (clause 8.2). */
static enum nc_verdict first(struct nc_packet *p, struct nc_rd *r, uint32_t type, struct nc_tlv *t)
{
	enum nc_verdict v = nc_tlv_next(p, r, &form, t);

	if (v == NC_SHORT || v == NC_BAD)
		return v;
	/* nothing at all instead of it: the frame was cut there */
	if (v == NC_DONE && !t->ended)
		return NC_SHORT;
	return v == NC_NEXT && t->type == type && t->length >= 2 ? NC_DONE : nc_bad(p, "LLDP without chassis, port and time to live");
}

static enum nc_verdict mandatory(struct nc_packet *p, struct nc_rd *r, Types__LinkLayerDiscovery *m)
{
	struct nc_tlv t;
	enum nc_verdict v = first(p, r, CHASSIS_ID, &t);

	m->chassisid = nc_sub_new(p, &types__lldpchassis_id__descriptor);
	m->portid = nc_sub_new(p, &types__lldpport_id__descriptor);
	if (!m->chassisid || !m->portid)
		return NC_BAD;
	if (v != NC_DONE)
		return v;
	m->chassisid->subtype = nc_rd_u8(&t.value);
	m->chassisid->id = nc_p_bytes(t.value.p, t.value.left);
	v = first(p, r, PORT_ID, &t);
	if (v != NC_DONE)
		return v;
	m->portid->subtype = nc_rd_u8(&t.value);
	m->portid->id = nc_p_bytes(t.value.p, t.value.left);
	v = first(p, r, TTL, &t);
	if (v == NC_DONE)
		m->ttl = nc_rd_be16(&t.value);
	return v;
}

/* Clause 8.5.8.1 */
static void capabilities(uint16_t bits, Types__LLDPCapabilities *c)
{
	c->other = (bits & 0x0001) != 0;
	c->repeater = (bits & 0x0002) != 0;
	c->bridge = (bits & 0x0004) != 0;
	c->wlanap = (bits & 0x0008) != 0;
	c->router = (bits & 0x0010) != 0;
	c->phone = (bits & 0x0020) != 0;
	c->docsis = (bits & 0x0040) != 0;
	c->stationonly = (bits & 0x0080) != 0;
	c->cvlan = (bits & 0x0100) != 0;
	c->svlan = (bits & 0x0200) != 0;
	c->tmpr = (bits & 0x0400) != 0;
}

/* Clause 8.5.9; the length of the address counts its subtype. */
static void management(struct nc_packet *p, struct nc_rd *v, Types__LLDPMgmtAddress *a)
{
	struct nc_rd address = nc_rd_sub(v, nc_rd_u8(v));

	a->subtype = nc_rd_u8(&address);
	v->failed = v->failed || address.failed;
	a->address = nc_p_bytes(address.p, address.left);
	a->interfacesubtype = nc_rd_u8(v);
	a->interfacenumber = nc_rd_be32(v);
	size_t n = nc_rd_u8(v);
	const uint8_t *oid = nc_rd_bytes(v, n);
	a->oid = nc_sub_oid(p, oid, oid ? n : 0);
}

static void organization(struct nc_packet *p, struct nc_rd *v, Types__LinkLayerDiscoveryInfo *m)
{
	Types__LLDPOrgSpecificTLV *o = nc_sub_new(p, &types__lldporg_specific_tlv__descriptor);

	if (!o)
		return;
	o->oui = nc_rd_be24(v);
	o->subtype = nc_rd_u8(v);
	o->info = nc_p_bytes(v->p, v->left);
	m->orgtlvs[m->n_orgtlvs++] = o;
}

static void one(struct nc_packet *p, Types__LinkLayerDiscoveryValue *value, struct nc_rd *v, Types__LinkLayerDiscoveryInfo *m)
{
	switch (value->type) {
	case CHASSIS_ID:
	case PORT_ID:
	case TTL:
		break;
	case PORT_DESCRIPTION:
		m->portdescription = nc_p_str(p, v->p, v->left);
		break;
	case SYS_NAME:
		m->sysname = nc_p_str(p, v->p, v->left);
		break;
	case SYS_DESCRIPTION:
		m->sysdescription = nc_p_str(p, v->p, v->left);
		break;
	case SYS_CAPABILITIES:
		capabilities(nc_rd_be16(v), m->syscapabilities->systemcap);
		capabilities(nc_rd_be16(v), m->syscapabilities->enabledcap);
		break;
	case MGMT_ADDRESS:
		management(p, v, m->mgmtaddress);
		break;
	case ORG_SPECIFIC:
		organization(p, v, m);
		break;
	default:
		m->unknown[m->n_unknown++] = value;
	}
}

/* The 2019 format has empty sub-messages where a TLV is missing. */
static bool set_up(struct nc_packet *p, size_t values, Types__LinkLayerDiscoveryInfo *m)
{
	m->mgmtaddress = nc_sub_new(p, &types__lldpmgmt_address__descriptor);
	m->syscapabilities = nc_sub_new(p, &types__lldpsys_capabilities__descriptor);
	if (!m->syscapabilities || !m->mgmtaddress)
		return false;
	m->syscapabilities->systemcap = nc_sub_new(p, &types__lldpcapabilities__descriptor);
	m->syscapabilities->enabledcap = nc_sub_new(p, &types__lldpcapabilities__descriptor);
	m->orgtlvs = (Types__LLDPOrgSpecificTLV **)nc_p_array(p, values);
	m->unknown = (Types__LinkLayerDiscoveryValue **)nc_p_array(p, values);
	return m->syscapabilities->systemcap && m->syscapabilities->enabledcap && m->orgtlvs && m->unknown;
}

static enum nc_verdict info(struct nc_packet *p, const Types__LinkLayerDiscovery *from)
{
	Types__LinkLayerDiscoveryInfo m = TYPES__LINK_LAYER_DISCOVERY_INFO__INIT;

	if (!set_up(p, from->n_values, &m))
		return NC_BAD;
	for (size_t i = 0; i < from->n_values; i++) {
		Types__LinkLayerDiscoveryValue *value = from->values[i];
		struct nc_rd v = nc_rd_over(value->value.data, value->value.len);
		one(p, value, &v, &m);
		if (v.failed)
			return nc_bad(p, "LLDP value shorter than its contents");
	}
	nc_emit(p, &m.base);
	return NC_DONE;
}

static enum nc_verdict lldp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__LinkLayerDiscovery m = TYPES__LINK_LAYER_DISCOVERY__INIT;
	struct nc_tlv_list list;
	enum nc_verdict v = mandatory(p, r, &m);

	if (v == NC_DONE)
		v = nc_tlv_list(p, r, &form, &types__link_layer_discovery_value__descriptor, &list);
	if (v != NC_DONE)
		return v;
	if (!list.ended)
		return NC_SHORT;
	m.n_values = list.n;
	m.values = (Types__LinkLayerDiscoveryValue **)list.items;
	nc_emit(p, &m.base);
	return info(p, &m);
}

const struct nc_decoder nc_decoder_lldp = {
	.name = "LinkLayerDiscovery", .decode = lldp_decode, .descriptor = &types__link_layer_discovery__descriptor,
	.keys = NC_KEYS({ NC_ETHERTYPE, 0x88cc }),
};
