/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What OSPF version 2 (RFC 2328) and version 3 (RFC 5340) share: lists of headers and requests, link state advertisements. */
#include "decode/ospf.h"

#include "decode/cut.h"
#include "decode/sub.h"

#define REQUEST_LEN 12u

enum nc_verdict nc_ospf_trim(struct nc_packet *p, struct nc_rd *r, size_t length, size_t header)
{
	if (r->failed)
		return nc_lacks(p, r, "OSPF packet shorter than its header");
	if (length < header)
		return nc_bad(p, "OSPF length below that of the header");
	if (length - header > r->left)
		return nc_lacks(p, r, "OSPF length beyond the packet");
	/* digests and data for the link may follow (RFC 2328 section D.3, RFC 5613, RFC 7166) */
	nc_rd_trim(r, length - header);
	return NC_DONE;
}

/* How many entries of this size r holds; a rest fails. */
static size_t entries(struct nc_rd *r, size_t size)
{
	if (r->left % size != 0)
		r->failed = true;
	return r->failed ? 0 : r->left / size;
}

size_t nc_ospf_neighbors(struct nc_packet *p, struct nc_rd *r, uint32_t **ret)
{
	return nc_sub_be32(p, r, entries(r, sizeof(**ret)), ret);
}

void nc_lsa_header(struct nc_rd *r, unsigned version, Types__LSAheader *h)
{
	h->lsage = nc_rd_be16(r);
	if (version == 2) {
		h->lsoptions = nc_rd_u8(r);
		h->lstype = nc_rd_u8(r);
	} else {
		h->lstype = nc_rd_be16(r);
	}
	h->linkstateid = nc_rd_be32(r);
	h->advrouter = nc_rd_be32(r);
	h->lsseqnumber = nc_rd_be32(r);
	h->lschecksum = nc_rd_be16(r);
	h->length = nc_rd_be16(r);
}

size_t nc_ospf_headers(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSAheader ***ret)
{
	size_t n = entries(r, NC_LSA_HEADER_LEN);

	*ret = (Types__LSAheader **)nc_sub_list(p, &types__lsaheader__descriptor, n);
	for (size_t i = 0; *ret && i < n; i++)
		nc_lsa_header(r, version, (*ret)[i]);
	return *ret ? n : 0;
}

size_t nc_ospf_requests(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSReq ***ret)
{
	size_t n = entries(r, REQUEST_LEN);

	*ret = (Types__LSReq **)nc_sub_list(p, &types__lsreq__descriptor, n);
	for (size_t i = 0; *ret && i < n; i++) {
		Types__LSReq *q = (*ret)[i];
		/* of version 3 the first half is reserved */
		uint32_t type = nc_rd_be32(r);
		q->lstype = (int32_t)(version == 2 ? type : type & 0xffff);
		q->lsid = nc_rd_be32(r);
		q->advrouter = nc_rd_be32(r);
	}
	return *ret ? n : 0;
}

static enum nc_verdict advertisement(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSA *lsa)
{
	lsa->header = nc_sub_new(p, &types__lsaheader__descriptor);
	if (!lsa->header)
		return NC_BAD;
	nc_lsa_header(r, version, lsa->header);
	size_t len = (size_t)lsa->header->length;
	if (r->failed || len < NC_LSA_HEADER_LEN || len - NC_LSA_HEADER_LEN > r->left)
		return nc_bad(p, "OSPF advertisement with a wrong length");
	struct nc_rd body = nc_rd_sub(r, len - NC_LSA_HEADER_LEN);
	enum nc_verdict v = nc_lsa_body(p, &body, version, lsa);
	return v == NC_DONE && body.failed ? nc_bad(p, "OSPF advertisement shorter than its contents") : v;
}

enum nc_verdict nc_ospf_update(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSUpdate **ret)
{
	Types__LSUpdate *u = nc_sub_new(p, &types__lsupdate__descriptor);
	size_t n = nc_rd_be32(r);

	if (!u)
		return NC_BAD;
	if (n > r->left / NC_LSA_HEADER_LEN)
		return nc_bad(p, "OSPF update with fewer advertisements than it says");
	u->numoflsas = (uint32_t)n;
	u->lsas = (Types__LSA **)nc_sub_list(p, &types__lsa__descriptor, n);
	*ret = u;
	for (; u->lsas && u->n_lsas < n; u->n_lsas++) {
		enum nc_verdict v = advertisement(p, r, version, u->lsas[u->n_lsas]);
		if (v != NC_DONE)
			return v;
	}
	return NC_DONE;
}
