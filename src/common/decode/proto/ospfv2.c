/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open Shortest Path First, version 2 (RFC 2328). */
#include "decode/decode.h"
#include "decode/ospf.h"
#include "decode/sub.h"

#define VERSION    2
#define HEADER_LEN 24u

/* Section A.3.2 */
static enum nc_verdict hello(struct nc_packet *p, struct nc_rd *r, Types__OSPFv2 *m)
{
	Types__HelloPkgV2 *h = nc_sub_new(p, &types__hello_pkg_v2__descriptor);

	m->hellov2 = h;
	if (!h)
		return NC_BAD;
	h->networkmask = nc_rd_be32(r);
	h->hellointerval = nc_rd_be16(r);
	h->options = nc_rd_u8(r);
	h->rtrpriority = nc_rd_u8(r);
	h->routerdeadinterval = nc_rd_be32(r);
	h->designatedrouterid = nc_rd_be32(r);
	h->backupdesignatedrouterid = nc_rd_be32(r);
	h->n_neighborid = nc_ospf_neighbors(p, r, &h->neighborid);
	return NC_DONE;
}

/* Section A.3.3 */
static enum nc_verdict description(struct nc_packet *p, struct nc_rd *r, Types__OSPFv2 *m)
{
	Types__DbDescPkg *d = nc_sub_new(p, &types__db_desc_pkg__descriptor);

	m->dbdesc = d;
	if (!d)
		return NC_BAD;
	d->interfacemtu = nc_rd_be16(r);
	d->options = nc_rd_u8(r);
	d->flags = nc_rd_u8(r);
	d->ddseqnumber = nc_rd_be32(r);
	d->n_lsainfo = nc_ospf_headers(p, r, VERSION, &d->lsainfo);
	return NC_DONE;
}

static enum nc_verdict body(struct nc_packet *p, struct nc_rd *r, Types__OSPFv2 *m)
{
	switch (m->type) {
	case NC_OSPF_HELLO:
		return hello(p, r, m);
	case NC_OSPF_DESCRIPTION:
		return description(p, r, m);
	case NC_OSPF_REQUEST:
		m->n_lsr = nc_ospf_requests(p, r, VERSION, &m->lsr);
		return NC_DONE;
	case NC_OSPF_UPDATE:
		return nc_ospf_update(p, r, VERSION, &m->lsu);
	case NC_OSPF_ACKNOWLEDGMENT:
		m->n_lsas = nc_ospf_headers(p, r, VERSION, &m->lsas);
		return NC_DONE;
	default:
		return nc_bad(p, "OSPFv2 packet of an unknown type");
	}
}

static enum nc_verdict ospfv2_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__OSPFv2 m = TYPES__OSPFV2__INIT;

	m.version = nc_rd_u8(r);
	if (r->failed)
		return NC_SHORT;
	if (m.version != VERSION)
		return NC_SKIP;
	m.type = nc_rd_u8(r);
	m.packetlength = nc_rd_be16(r);
	m.routerid = nc_rd_be32(r);
	m.areaid = nc_rd_be32(r);
	m.checksum = nc_rd_be16(r);
	m.autype = nc_rd_be16(r);
	m.authentication = (int64_t)nc_rd_be64(r);
	enum nc_verdict v = nc_ospf_trim(p, r, (size_t)m.packetlength, HEADER_LEN);
	if (v == NC_DONE)
		v = body(p, r, &m);
	if (v != NC_DONE)
		return v;
	if (r->failed)
		return nc_bad(p, "OSPFv2 packet with too little or a part of its contents");
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_ospfv2 = {
	.name = "OSPFv2", .decode = ospfv2_decode, .descriptor = &types__ospfv2__descriptor,
	.keys = NC_KEYS({ NC_IPPROTO, 89 }),
};
