/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What follows a tunnel's header, as the tunnels and the link types share it. */
#ifndef NC_DECODE_TUNNEL_H
#define NC_DECODE_TUNNEL_H

#include "decode/decode.h"

/* Keys of NC_INNER: what leads to a decoder that no number of a protocol selects. The 802.11 keys are a base and flags. */
enum nc_inner {
	NC_INNER_ERSPAN = 1,     /* behind GRE with a sequence number */
	NC_INNER_CTP_REPLY,      /* behind the function number of EthernetCTP */
	NC_INNER_USB_SETUP,      /* the 8 bytes of a control request */
	NC_INNER_EAP = 0x10,     /* in EAPOL */
	NC_INNER_EAPOLKEY,
	NC_INNER_DOT11 = 0x100,  /* 802.11 whose capture header says nothing of the frame check sequence */
	NC_INNER_DOT11_NOFCS = 0x101,
	NC_INNER_DOT11_FCS = 0x102,
	NC_INNER_DOT11_PAD = 4,  /* added to these: header padded to a multiple of 4 */
};

enum {
	NC_DATALINK_ETHERNET = 1,
	NC_DATALINK_CHDLC = 104,
	NC_TYPE_IPV4 = 0x0800,
	NC_TYPE_IPV6 = 0x86dd,
	NC_TYPE_ARP = 0x0806,
	NC_TYPE_VLAN = 0x8100,
	NC_TYPE_QINQ = 0x88a8,
	NC_TYPE_PPP = 0x880b,
	NC_TYPE_MPLS = 0x8847,
	NC_TYPE_MIN = 0x0600,    /* smaller EtherTypes are lengths (IEEE 802.3-2022 section 3.2.6) */
	NC_TYPE_NOBODY = 0xffff, /* reserved (RFC 1701); no decoder has it */
};

/* The link type that led to a decoder: that of the capture, or one that a header named (PPI). */
static inline uint32_t nc_linktype(const struct nc_packet *p)
{
	return p->next_space == NC_DATALINK && p->next_key ? p->next_key : p->datalink;
}

/* The packet is unknown from here on. */
static inline enum nc_verdict nc_next_nobody(struct nc_packet *p)
{
	return nc_next(p, NC_ETHERTYPE, NC_TYPE_NOBODY);
}

static inline enum nc_verdict nc_next_ethernet(struct nc_packet *p)
{
	return nc_next(p, NC_DATALINK, NC_DATALINK_ETHERNET);
}

/* An EtherType of a header that knows no lengths: those that would select LLC are nobody's. */
static inline enum nc_verdict nc_next_ethertype(struct nc_packet *p, uint16_t type)
{
	return type < NC_TYPE_MIN ? nc_next_nobody(p) : nc_next(p, NC_ETHERTYPE, type);
}

/* IPv4 or IPv6 by the first four bits; anything else is nobody's. NC_SHORT when nothing is left. */
static inline enum nc_verdict nc_next_ip(struct nc_packet *p, const struct nc_rd *r)
{
	struct nc_rd ahead = *r;
	unsigned version = nc_rd_u8(&ahead) >> 4;

	if (ahead.failed)
		return NC_SHORT;
	if (version != 4 && version != 6)
		return nc_next_nobody(p);
	return nc_next(p, NC_ETHERTYPE, version == 4 ? NC_TYPE_IPV4 : NC_TYPE_IPV6);
}

#endif
