/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cisco Discovery Protocol: the TLVs as they are, and what the known ones say. Cisco publishes the older types; those of Hello,
 * power and EnergyWise are known from what devices send. */
#include "decode/cut.h"
#include "decode/decode.h"
#include "decode/sub.h"
#include "decode/tlv.h"

#define PREFIX_LEN     5u  /* address and length of the mask */
#define ADDRESS_MIN    5u  /* protocol type, its length, no protocol, length of the address */
#define HELLO_LEN      32u
#define ENERGY_HEAD    72u
#define NLPID_IPV4     0xccu

static const struct nc_tlv_form form = { .type_bits = 16, .length_bits = 16, .whole = true };
static const struct nc_tlv_form energy_form = { .type_bits = 32, .length_bits = 32 };

static char *text(struct nc_packet *p, struct nc_rd *v, size_t n)
{
	const uint8_t *s = nc_rd_bytes(v, n);

	return nc_p_str(p, s, s ? n : 0);
}

static ProtobufCBinaryData bytes(struct nc_rd *v, size_t n)
{
	return nc_p_bytes(nc_rd_bytes(v, n), n);
}

/* Protocol (an NLPID, or SNAP with an EtherType) and address. IPv4 and IPv6 are told by the address's length: other protocols
 * of that length are not in use. */
static char *address(struct nc_packet *p, struct nc_rd *v)
{
	nc_rd_skip(v, 1);
	struct nc_rd protocol = nc_rd_sub(v, nc_rd_u8(v));
	struct nc_rd a = nc_rd_sub(v, nc_rd_be16(v));
	bool ipv4 = protocol.left == 1 && *protocol.p == NLPID_IPV4;

	if (a.failed || (a.left != 4 && a.left != 16) || (a.left == 4 && !ipv4))
		return nc_sub_hwaddr(p, a.p, a.left);
	return nc_sub_address(p, &a, a.left);
}

static size_t addresses(struct nc_packet *p, struct nc_rd *v, char ***ret)
{
	size_t n = nc_rd_be32(v);

	if (n > v->left / ADDRESS_MIN) {
		v->failed = true;
		return 0;
	}
	*ret = nc_p_alloc(p, n * sizeof(**ret));
	for (size_t i = 0; *ret && i < n; i++)
		(*ret)[i] = address(p, v);
	return *ret ? n : 0;
}

/* Whole prefixes; a lone address is a default gateway (on-demand routing), which has no mask. */
static bool prefixes(struct nc_packet *p, struct nc_rd *v, Types__CiscoDiscoveryInfo *m)
{
	size_t n = v->left / PREFIX_LEN;

	if (v->left % PREFIX_LEN != 0)
		return false;
	m->ipprefixes = (Types__IPNet **)nc_sub_list(p, &types__ipnet__descriptor, n);
	for (; m->ipprefixes && m->n_ipprefixes < n; m->n_ipprefixes++) {
		Types__IPNet *net = m->ipprefixes[m->n_ipprefixes];
		net->ip = nc_sub_address(p, v, 4);
		uint8_t len = nc_rd_u8(v);
		uint32_t mask = len == 0 ? 0 : len >= 32 ? UINT32_MAX : ~(UINT32_MAX >> len);
		net->ipmask = nc_arena_printf(p->arena, "%08x", mask);
	}
	return true;
}

static void capabilities(uint32_t bits, Types__CDPCapabilities *c)
{
	c->l3router = (bits & 0x001) != 0;
	c->tbbridge = (bits & 0x002) != 0;
	c->spbridge = (bits & 0x004) != 0;
	c->l2switch = (bits & 0x008) != 0;
	c->ishost = (bits & 0x010) != 0;
	c->igmpfilter = (bits & 0x020) != 0;
	c->l1repeater = (bits & 0x040) != 0;
	c->isphone = (bits & 0x080) != 0;
	c->remotelymanaged = (bits & 0x100) != 0;
}

/* OUI and protocol; of the protocols only the one for clusters of switches is known. */
static void hello(struct nc_packet *p, struct nc_rd *v, Types__CDPHello *h)
{
	bool cluster = v->left >= HELLO_LEN;

	h->oui = bytes(v, 3);
	h->protocolid = nc_rd_be16(v);
	if (!cluster)
		return;
	h->clustermaster = nc_sub_address(p, v, 4);
	h->unknown1 = nc_sub_address(p, v, 4);
	h->version = nc_rd_u8(v);
	h->subversion = nc_rd_u8(v);
	h->status = nc_rd_u8(v);
	h->unknown2 = nc_rd_u8(v);
	h->clustercommander = nc_sub_address(p, v, 6);
	h->switchmac = nc_sub_address(p, v, 6);
	h->unknown3 = nc_rd_u8(v);
	h->managementvlan = nc_rd_be16(v);
}

static void vlan(struct nc_rd *v, Types__CDPVLANDialogue *d)
{
	d->id = nc_rd_u8(v);
	d->vlan = nc_rd_be16(v);
}

static void power(struct nc_packet *p, struct nc_rd *v, Types__CDPPowerDialogue *d)
{
	d->id = nc_rd_be16(v);
	d->mgmtid = nc_rd_be16(v);
	d->n_values = nc_sub_be32(p, v, v->left / 4, &d->values);
}

static void spare_pair(uint8_t bits, Types__CDPSparePairPoE *s)
{
	s->psefourwire = (bits & 1) != 0;
	s->pdarchshared = (bits & 2) != 0;
	s->pdrequeston = (bits & 4) != 0;
	s->pseon = (bits & 8) != 0;
}

static void energy_reply(struct nc_rd *v, Types__CDPEnergyWise *e)
{
	e->replyunknown1 = bytes(v, 2);
	e->replyport = bytes(v, 2);
	e->replyaddress = bytes(v, 4);
	e->replyunknown2 = bytes(v, 2);
	e->replyunknown3 = bytes(v, 4);
}

static void energy_value(struct nc_packet *p, struct nc_tlv *t, Types__CDPEnergyWise *e)
{
	enum { ROLE = 7, DOMAIN = 8, NAME = 9, REPLY_TO = 0x17 };

	if (t->type == ROLE)
		e->role = text(p, &t->value, t->value.left);
	else if (t->type == DOMAIN)
		e->domain = text(p, &t->value, t->value.left);
	else if (t->type == NAME)
		e->name = text(p, &t->value, t->value.left);
	else if (t->type == REPLY_TO)
		energy_reply(&t->value, e);
}

static void energy_wise(struct nc_packet *p, struct nc_rd *v, Types__CDPEnergyWise *e)
{
	struct nc_tlv t;

	e->encrypteddata = bytes(v, 20);
	e->unknown1 = nc_rd_be32(v);
	e->sequencenumber = nc_rd_be32(v);
	e->modelnumber = text(p, v, 16);
	e->unknown2 = nc_rd_be16(v);
	e->hardwareid = text(p, v, 3);
	e->serialnum = text(p, v, 11);
	e->unknown3 = bytes(v, 8);
	size_t len = nc_rd_be16(v), n = nc_rd_be16(v);
	struct nc_rd values = nc_rd_sub(v, len);
	for (; n > 0 && nc_tlv_next(p, &values, &energy_form, &t) == NC_NEXT; n--) {
		energy_value(p, &t, e);
		v->failed = v->failed || t.value.failed;
	}
	v->failed = v->failed || values.failed;
}

enum {
	DEVICE_ID = 1, ADDRESSES, PORT_ID, CAPABILITIES, VERSION, PLATFORM, IP_PREFIX, HELLO, VTP_DOMAIN, NATIVE_VLAN, DUPLEX,
	VLAN_REPLY = 0x0e, VLAN_QUERY, POWER, MTU, EXTENDED_TRUST, UNTRUSTED_COS, SYS_NAME, SYS_OID, MGMT_ADDRESSES, LOCATION,
	POWER_REQUESTED = 0x19, POWER_AVAILABLE, ENERGY_WISE = 0x1d, SPARE_PAIR_POE = 0x1f
};

/* The text fields. */
static char **text_of(int32_t type, Types__CiscoDiscoveryInfo *m)
{
	switch (type) {
	case DEVICE_ID:
		return &m->deviceid;
	case PORT_ID:
		return &m->portid;
	case VERSION:
		return &m->version;
	case PLATFORM:
		return &m->platform;
	case VTP_DOMAIN:
		return &m->vtpdomain;
	case SYS_NAME:
		return &m->sysname;
	default:
		return NULL;
	}
}

/* The numbers. */
static bool number(int32_t type, struct nc_rd *v, Types__CiscoDiscoveryInfo *m)
{
	switch (type) {
	case CAPABILITIES:
		capabilities(nc_rd_be32(v), m->capabilities);
		return true;
	case NATIVE_VLAN:
		m->nativevlan = nc_rd_be16(v);
		return true;
	case DUPLEX:
		m->fullduplex = nc_rd_u8(v) == 1;
		return true;
	case POWER:
		m->powerconsumption = nc_rd_be16(v);
		return true;
	case MTU:
		m->mtu = nc_rd_be32(v);
		return true;
	case EXTENDED_TRUST:
		m->extendedtrust = nc_rd_u8(v);
		return true;
	case UNTRUSTED_COS:
		m->untrustedcos = nc_rd_u8(v);
		return true;
	case SPARE_PAIR_POE:
		spare_pair(nc_rd_u8(v), m->sparepairpoe);
		return true;
	default:
		return false;
	}
}

/* What has a shape of its own. */
static bool structure(struct nc_packet *p, int32_t type, struct nc_rd *v, Types__CiscoDiscoveryInfo *m)
{
	switch (type) {
	case ADDRESSES:
		m->n_addresses = addresses(p, v, &m->addresses);
		return true;
	case MGMT_ADDRESSES:
		m->n_mgmtaddresses = addresses(p, v, &m->mgmtaddresses);
		return true;
	case IP_PREFIX:
		return prefixes(p, v, m);
	case HELLO:
		hello(p, v, m->cdphello);
		return true;
	case VLAN_REPLY:
		vlan(v, m->vlanreply);
		return true;
	case VLAN_QUERY:
		vlan(v, m->vlanquery);
		return true;
	case SYS_OID:
		m->sysoid = nc_sub_oid(p, v->p, v->left);
		return true;
	case LOCATION:
		m->location->type = nc_rd_u8(v);
		m->location->location = text(p, v, v->left);
		return true;
	case POWER_REQUESTED:
		power(p, v, m->powerrequest);
		return true;
	case POWER_AVAILABLE:
		power(p, v, m->poweravailable);
		return true;
	case ENERGY_WISE:
		energy_wise(p, v, m->energywise);
		return true;
	default:
		return false;
	}
}

/* The 2019 format has empty sub-messages where a TLV is missing. */
static bool set_up(struct nc_packet *p, size_t values, Types__CiscoDiscoveryInfo *m)
{
	m->cdphello = nc_sub_new(p, &types__cdphello__descriptor);
	m->capabilities = nc_sub_new(p, &types__cdpcapabilities__descriptor);
	m->vlanreply = nc_sub_new(p, &types__cdpvlandialogue__descriptor);
	m->vlanquery = nc_sub_new(p, &types__cdpvlandialogue__descriptor);
	m->location = nc_sub_new(p, &types__cdplocation__descriptor);
	m->powerrequest = nc_sub_new(p, &types__cdppower_dialogue__descriptor);
	m->poweravailable = nc_sub_new(p, &types__cdppower_dialogue__descriptor);
	m->sparepairpoe = nc_sub_new(p, &types__cdpspare_pair_po_e__descriptor);
	m->energywise = nc_sub_new(p, &types__cdpenergy_wise__descriptor);
	m->unknown = (Types__CiscoDiscoveryValue **)nc_p_array(p, values);
	return !p->arena->failed;
}

static enum nc_verdict info(struct nc_packet *p, const Types__CiscoDiscovery *from)
{
	Types__CiscoDiscoveryInfo m = TYPES__CISCO_DISCOVERY_INFO__INIT;

	if (!set_up(p, from->n_values, &m))
		return NC_BAD;
	for (size_t i = 0; i < from->n_values; i++) {
		Types__CiscoDiscoveryValue *value = from->values[i];
		struct nc_rd v = nc_rd_over(value->value.data, value->value.len);
		char **field = text_of(value->type, &m);
		if (field)
			*field = text(p, &v, v.left);
		else if (!number(value->type, &v, &m) && !structure(p, value->type, &v, &m))
			m.unknown[m.n_unknown++] = value;
		if (v.failed)
			return nc_bad(p, "CDP value shorter than its contents");
	}
	nc_emit(p, &m.base);
	return NC_DONE;
}

static enum nc_verdict cdp_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__CiscoDiscovery m = TYPES__CISCO_DISCOVERY__INIT;
	struct nc_tlv_list list;

	m.version = nc_rd_u8(r);
	m.ttl = nc_rd_u8(r);
	m.checksum = nc_rd_be16(r);
	if (r->failed)
		return NC_SHORT;
	if (m.version != 1 && m.version != 2)
		return nc_bad(p, "CDP version is neither 1 nor 2");
	if (nc_cut(p, r))
		return NC_SHORT;
	enum nc_verdict v = nc_tlv_list(p, r, &form, &types__cisco_discovery_value__descriptor, &list);
	if (v != NC_DONE)
		return v;
	m.n_values = list.n;
	m.values = (Types__CiscoDiscoveryValue **)list.items;
	nc_emit(p, &m.base);
	return info(p, &m);
}

/* over SNAP with Cisco's OUI, in Cisco HDLC and GRE, and over PPP */
const struct nc_decoder nc_decoder_cdp = {
	.name = "CiscoDiscovery", .decode = cdp_decode, .descriptor = &types__cisco_discovery__descriptor,
	.keys = NC_KEYS({ NC_SNAPTYPE, 0x2000 }, { NC_ETHERTYPE, 0x2000 }, { NC_PPPTYPE, 0x0207 }),
};
