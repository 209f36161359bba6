/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open Shortest Path First, version 3 (RFC 5340). */
#include "decode/decode.h"
#include "decode/ospf.h"
#include "decode/sub.h"

#define VERSION    3
#define HEADER_LEN 16u

/* Section A.3.2 */
static enum nc_verdict hello(struct nc_packet *p, struct nc_rd *r, Types__OSPFv3 *m)
{
	Types__HelloPkg *h = nc_sub_new(p, &types__hello_pkg__descriptor);

	m->hello = h;
	if (!h)
		return NC_BAD;
	h->interfaceid = nc_rd_be32(r);
	h->rtrpriority = nc_rd_u8(r);
	h->options = nc_rd_be24(r);
	h->hellointerval = nc_rd_be16(r);
	h->routerdeadinterval = nc_rd_be16(r);
	h->designatedrouterid = nc_rd_be32(r);
	h->backupdesignatedrouterid = nc_rd_be32(r);
	h->n_neighborid = nc_ospf_neighbors(p, r, &h->neighborid);
	return NC_DONE;
}

/* Section A.3.3 */
static enum nc_verdict description(struct nc_packet *p, struct nc_rd *r, Types__OSPFv3 *m)
{
	Types__DbDescPkg *d = nc_sub_new(p, &types__db_desc_pkg__descriptor);

	m->dbdesc = d;
	if (!d)
		return NC_BAD;
	nc_rd_skip(r, 1);
	d->options = nc_rd_be24(r);
	d->interfacemtu = nc_rd_be16(r);
	nc_rd_skip(r, 1);
	d->flags = nc_rd_u8(r);
	d->ddseqnumber = nc_rd_be32(r);
	d->n_lsainfo = nc_ospf_headers(p, r, VERSION, &d->lsainfo);
	return NC_DONE;
}

static enum nc_verdict body(struct nc_packet *p, struct nc_rd *r, Types__OSPFv3 *m)
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
		return nc_bad(p, "OSPFv3 packet of an unknown type");
	}
}

static enum nc_verdict ospfv3_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__OSPFv3 m = TYPES__OSPFV3__INIT;

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
	m.instance = nc_rd_u8(r);
	m.reserved = nc_rd_u8(r);
	enum nc_verdict v = nc_ospf_trim(p, r, (size_t)m.packetlength, HEADER_LEN);
	if (v == NC_DONE)
		v = body(p, r, &m);
	if (v != NC_DONE)
		return v;
	if (r->failed)
		return nc_bad(p, "OSPFv3 packet with too little or a part of its contents");
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_ospfv3 = {
	.name = "OSPFv3", .decode = ospfv3_decode, .descriptor = &types__ospfv3__descriptor, .order = 1,
	.keys = NC_KEYS({ NC_IPPROTO, 89 }),
};
