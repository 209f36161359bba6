/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of OSPF's link state advertisements: RFC 2328 section A.4, RFC 3101 (NSSA), RFC 5340 section A.4. */
#include "decode/ospf.h"
#include "decode/sub.h"

#define LINK_V2_MIN   12u
#define LINK_V3_LEN   16u
#define PREFIX_MAX    128u
#define FUNCTION_MASK 0x1fff /* RFC 5340 section A.4.2.1: the other bits are scope and what to do with unknown ones */
#define EXTERNAL_F    0x02   /* section A.4.7 */
#define EXTERNAL_T    0x01

enum { ROUTER = 1, NETWORK, SUMMARY_NETWORK, SUMMARY_ROUTER, EXTERNAL, NSSA = 7, LINK, INTRA_PREFIX };

/* Metrics and options: a word whose first byte is something else. */
static uint32_t low24(uint32_t word)
{
	return word & 0xffffff;
}

/* RFC 2328 section A.4.2 */
static enum nc_verdict router_v2(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__RouterLSAV2 *m = nc_sub_new(p, &types__router_lsav2__descriptor);

	lsa->rlsav2 = m;
	if (!m)
		return NC_BAD;
	m->flags = nc_rd_u8(r);
	nc_rd_skip(r, 1);
	size_t n = nc_rd_be16(r);
	m->links = (int32_t)n;
	if (n > r->left / LINK_V2_MIN)
		return nc_bad(p, "OSPF router advertisement with fewer links than it says");
	m->routers = (Types__RouterV2 **)nc_sub_list(p, &types__router_v2__descriptor, n);
	for (; m->routers && m->n_routers < n; m->n_routers++) {
		Types__RouterV2 *l = m->routers[m->n_routers];
		l->linkid = nc_rd_be32(r);
		l->linkdata = nc_rd_be32(r);
		l->type = nc_rd_u8(r);
		size_t tos = nc_rd_u8(r);
		l->metric = nc_rd_be16(r);
		nc_rd_skip(r, tos * 4);
	}
	return NC_DONE;
}

/* RFC 2328 section A.4.3; the record has no field for the mask. */
static enum nc_verdict network_v2(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__NetworkLSA *m = nc_sub_new(p, &types__network_lsa__descriptor);

	lsa->nlsa = m;
	if (!m)
		return NC_BAD;
	nc_rd_skip(r, 4);
	m->n_attachedrouter = nc_ospf_neighbors(p, r, &m->attachedrouter);
	return NC_DONE;
}

/* RFC 2328 section A.4.4, which RFC 5340 section 4.4.3.4 names as the counterpart of the inter-area prefix. */
static enum nc_verdict summary_network_v2(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__InterAreaPrefixLSA *m = nc_sub_new(p, &types__inter_area_prefix_lsa__descriptor);
	uint8_t *prefix = nc_p_alloc(p, 4);

	lsa->interaprefixlsa = m;
	if (!m || !prefix)
		return NC_BAD;
	uint32_t id = lsa->header->linkstateid;
	for (unsigned i = 0; i < 4; i++)
		prefix[i] = (uint8_t)(id >> (24 - 8 * i));
	m->addressprefix = nc_p_bytes(prefix, 4);
	for (uint32_t mask = nc_rd_be32(r); mask & 0x80000000u; mask <<= 1)
		m->prefixlength++;
	m->metric = low24(nc_rd_be32(r));
	return NC_DONE;
}

/* The same section; RFC 5340 section 4.4.3.5: the counterpart of the inter-area router. */
static enum nc_verdict summary_router_v2(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__InterAreaRouterLSA *m = nc_sub_new(p, &types__inter_area_router_lsa__descriptor);

	lsa->iarouterlsa = m;
	if (!m)
		return NC_BAD;
	m->destinationrouterid = lsa->header->linkstateid;
	nc_rd_skip(r, 4);
	m->metric = low24(nc_rd_be32(r));
	return NC_DONE;
}

/* RFC 2328 section A.4.5, RFC 3101 appendix C */
static enum nc_verdict external_v2(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__ASExternalLSAV2 *m = nc_sub_new(p, &types__asexternal_lsav2__descriptor);

	lsa->aselsav2 = m;
	if (!m)
		return NC_BAD;
	m->networkmask = nc_rd_be32(r);
	uint32_t word = nc_rd_be32(r);
	m->externalbit = (int32_t)(word >> 24 & 0x80);
	m->metric = low24(word);
	m->forwardingaddress = nc_rd_be32(r);
	m->externalroutetag = nc_rd_be32(r);
	return NC_DONE;
}

/* RFC 5340 section A.4.3 */
static enum nc_verdict router_v3(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__RouterLSA *m = nc_sub_new(p, &types__router_lsa__descriptor);
	uint32_t word = nc_rd_be32(r);

	lsa->rlsa = m;
	if (!m)
		return NC_BAD;
	m->flags = (int32_t)(word >> 24);
	m->options = low24(word);
	if (r->left % LINK_V3_LEN != 0)
		return nc_bad(p, "OSPF router advertisement with a part of a link");
	size_t n = r->left / LINK_V3_LEN;
	m->routers = (Types__Router **)nc_sub_list(p, &types__router__descriptor, n);
	for (; m->routers && m->n_routers < n; m->n_routers++) {
		Types__Router *l = m->routers[m->n_routers];
		l->type = nc_rd_u8(r);
		nc_rd_skip(r, 1);
		l->metric = nc_rd_be16(r);
		l->interfaceid = nc_rd_be32(r);
		l->neighborinterfaceid = nc_rd_be32(r);
		l->neighborrouterid = nc_rd_be32(r);
	}
	return NC_DONE;
}

/* RFC 5340 section A.4.4 */
static enum nc_verdict network_v3(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__NetworkLSA *m = nc_sub_new(p, &types__network_lsa__descriptor);

	lsa->nlsa = m;
	if (!m)
		return NC_BAD;
	m->options = low24(nc_rd_be32(r));
	m->n_attachedrouter = nc_ospf_neighbors(p, r, &m->attachedrouter);
	return NC_DONE;
}

/* Address prefixes are in whole 32-bit words (RFC 5340 section A.4.1). */
static ProtobufCBinaryData address(struct nc_rd *r, unsigned bits)
{
	size_t n = (bits + 31) / 32 * 4;

	if (bits > PREFIX_MAX)
		r->failed = true;
	return nc_p_bytes(nc_rd_bytes(r, n), n);
}

static enum nc_verdict prefixes(struct nc_packet *p, struct nc_rd *r, size_t n, size_t *n_ret, Types__LSAPrefix ***ret)
{
	if (n > r->left / 4)
		return nc_bad(p, "OSPF advertisement with fewer prefixes than it says");
	*ret = (Types__LSAPrefix **)nc_sub_list(p, &types__lsaprefix__descriptor, n);
	for (size_t i = 0; *ret && i < n; i++) {
		Types__LSAPrefix *x = (*ret)[i];
		x->prefixlength = nc_rd_u8(r);
		x->prefixoptions = nc_rd_u8(r);
		x->metric = nc_rd_be16(r);
		x->addressprefix = address(r, (unsigned)x->prefixlength);
	}
	*n_ret = *ret ? n : 0;
	return NC_DONE;
}

/* RFC 5340 section A.4.5 */
static enum nc_verdict inter_prefix(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__InterAreaPrefixLSA *m = nc_sub_new(p, &types__inter_area_prefix_lsa__descriptor);

	lsa->interaprefixlsa = m;
	if (!m)
		return NC_BAD;
	m->metric = low24(nc_rd_be32(r));
	m->prefixlength = nc_rd_u8(r);
	m->prefixoptions = nc_rd_u8(r);
	nc_rd_skip(r, 2);
	m->addressprefix = address(r, (unsigned)m->prefixlength);
	return NC_DONE;
}

/* RFC 5340 section A.4.6 */
static enum nc_verdict inter_router(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__InterAreaRouterLSA *m = nc_sub_new(p, &types__inter_area_router_lsa__descriptor);

	lsa->iarouterlsa = m;
	if (!m)
		return NC_BAD;
	m->options = low24(nc_rd_be32(r));
	m->metric = low24(nc_rd_be32(r));
	m->destinationrouterid = nc_rd_be32(r);
	return NC_DONE;
}

/* RFC 5340 sections A.4.7 and A.4.8 */
static enum nc_verdict external_v3(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__ASExternalLSA *m = nc_sub_new(p, &types__asexternal_lsa__descriptor);
	uint32_t word = nc_rd_be32(r);

	lsa->aselsa = m;
	if (!m)
		return NC_BAD;
	m->flags = (int32_t)(word >> 24);
	m->metric = low24(word);
	m->prefixlength = nc_rd_u8(r);
	m->prefixoptions = nc_rd_u8(r);
	m->reflstype = nc_rd_be16(r);
	m->addressprefix = address(r, (unsigned)m->prefixlength);
	if (m->flags & EXTERNAL_F)
		m->forwardingaddress = nc_p_bytes(nc_rd_bytes(r, 16), 16);
	if (m->flags & EXTERNAL_T)
		m->externalroutetag = nc_rd_be32(r);
	if (m->reflstype != 0)
		m->reflinkstateid = nc_rd_be32(r);
	return NC_DONE;
}

/* RFC 5340 section A.4.9 */
static enum nc_verdict link_lsa(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__LinkLSA *m = nc_sub_new(p, &types__link_lsa__descriptor);
	uint32_t word = nc_rd_be32(r);

	lsa->llsa = m;
	if (!m)
		return NC_BAD;
	m->rtrpriority = (int32_t)(word >> 24);
	m->options = low24(word);
	m->linklocaladdress = nc_p_bytes(nc_rd_bytes(r, 16), 16);
	m->numofprefixes = nc_rd_be32(r);
	return prefixes(p, r, m->numofprefixes, &m->n_prefixes, &m->prefixes);
}

/* RFC 5340 section A.4.10 */
static enum nc_verdict intra_prefix(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa)
{
	Types__IntraAreaPrefixLSA *m = nc_sub_new(p, &types__intra_area_prefix_lsa__descriptor);

	lsa->intraaprefixlsa = m;
	if (!m)
		return NC_BAD;
	m->numofprefixes = nc_rd_be16(r);
	m->reflstype = nc_rd_be16(r);
	m->reflinkstateid = nc_rd_be32(r);
	m->refadvrouter = nc_rd_be32(r);
	return prefixes(p, r, (size_t)m->numofprefixes, &m->n_prefixes, &m->prefixes);
}

typedef enum nc_verdict body_fn(struct nc_packet *p, struct nc_rd *r, Types__LSA *lsa);

enum nc_verdict nc_lsa_body(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSA *lsa)
{
	static body_fn *const v2[] = {
		[ROUTER] = router_v2, [NETWORK] = network_v2, [SUMMARY_NETWORK] = summary_network_v2,
		[SUMMARY_ROUTER] = summary_router_v2, [EXTERNAL] = external_v2, [NSSA] = external_v2, [INTRA_PREFIX] = NULL,
	};
	static body_fn *const v3[] = {
		[ROUTER] = router_v3, [NETWORK] = network_v3, [SUMMARY_NETWORK] = inter_prefix, [SUMMARY_ROUTER] = inter_router,
		[EXTERNAL] = external_v3, [NSSA] = external_v3, [LINK] = link_lsa, [INTRA_PREFIX] = intra_prefix,
	};
	unsigned type = (unsigned)lsa->header->lstype & (version == 2 ? 0xff : FUNCTION_MASK);
	body_fn *body = type > INTRA_PREFIX ? NULL : version == 2 ? v2[type] : v3[type];

	return body ? body(p, r, lsa) : NC_DONE;
}
