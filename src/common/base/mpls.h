/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands behind an MPLS label stack, which no field says: it is told from its own bytes. */
#ifndef NC_BASE_MPLS_H
#define NC_BASE_MPLS_H

#include <stdbool.h>

#include "base/rd.h"

#define NC_MPLS_LABELS_MAX 16u

enum nc_mpls { NC_MPLS_NOBODY, NC_MPLS_IPV4, NC_MPLS_IPV6, NC_MPLS_ETHERNET };

/* Looks at what r holds behind the last label, and moves r past a control word or a channel's header (RFC 4385). */
enum nc_mpls nc_mpls_tell(struct nc_rd *r);

/* Whether r begins like a header of IPv4 whose checksum holds (RFC 791 section 3.1), or of IPv6 whose length is there (RFC 8200
 * section 3). Nothing is consumed. */
bool nc_like_ipv4(struct nc_rd r);
bool nc_like_ipv6(struct nc_rd r);

#endif
