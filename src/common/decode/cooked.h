/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the protocol field of a Linux cooked capture means, in both of its versions (LINKTYPE_LINUX_SLL, _SLL2). */
#ifndef NC_DECODE_COOKED_H
#define NC_DECODE_COOKED_H

#include "decode/decode.h"

/* Who comes next, by ARPHRD_ type and protocol field; NC_SKIP when that is nobody's. */
static inline enum nc_verdict nc_cooked_next(struct nc_packet *p, uint16_t arphrd, uint16_t protocol)
{
	enum { ARPHRD_80211 = 801, ARPHRD_PRISM = 802, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK_ = 824 };
	enum { PROTOCOL_LLC = 4, TYPE_MIN = 0x0600 };

	if (arphrd == ARPHRD_80211)
		return nc_next(p, NC_DATALINK, 105);
	if (arphrd == ARPHRD_PRISM)
		return nc_next(p, NC_DATALINK, 119);
	if (arphrd == ARPHRD_RADIOTAP)
		return nc_next(p, NC_DATALINK, 127);
	if (arphrd == ARPHRD_NETLINK_ || (protocol < TYPE_MIN && protocol != PROTOCOL_LLC))
		return NC_SKIP;
	return nc_next(p, NC_ETHERTYPE, protocol == PROTOCOL_LLC ? 0 : protocol);
}

#endif
