/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What OSPF version 2 (RFC 2328) and version 3 (RFC 5340) share: lists of headers and requests, link state advertisements. */
#ifndef NC_DECODE_OSPF_H
#define NC_DECODE_OSPF_H

#include "decode/decode.h"

enum nc_ospf_type { NC_OSPF_HELLO = 1, NC_OSPF_DESCRIPTION, NC_OSPF_REQUEST, NC_OSPF_UPDATE, NC_OSPF_ACKNOWLEDGMENT };

#define NC_LSA_HEADER_LEN 20u

/* Leaves in r the body of a packet of this length, of which `header` bytes have been read. NC_DONE, NC_SHORT or NC_BAD. */
enum nc_verdict nc_ospf_trim(struct nc_packet *p, struct nc_rd *r, size_t length, size_t header);
/* The identifiers of neighbours, all that r holds. */
size_t nc_ospf_neighbors(struct nc_packet *p, struct nc_rd *r, uint32_t **ret);
/* The headers of advertisements (RFC 2328 section A.4.1, RFC 5340 section A.4.2), all that r holds. */
size_t nc_ospf_headers(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSAheader ***ret);
/* The requests (sections A.3.4), all that r holds. */
size_t nc_ospf_requests(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSReq ***ret);
/* The advertisements of an update (sections A.3.5). NC_DONE or NC_BAD. */
enum nc_verdict nc_ospf_update(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSUpdate **ret);

/* One header into h. */
void nc_lsa_header(struct nc_rd *r, unsigned version, Types__LSAheader *h);
/* One whole advertisement of which r holds the body, header apart, into the field of its kind. Unknown kinds have none.
 * What is missing fails r; NC_BAD for contradictions. */
enum nc_verdict nc_lsa_body(struct nc_packet *p, struct nc_rd *r, unsigned version, Types__LSA *lsa);

#endif
