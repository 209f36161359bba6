/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether bytes in a tunnel are a packet, told from themselves. None of these consumes anything. */
#ifndef NC_DECODE_INNER_H
#define NC_DECODE_INNER_H

#include "decode/decode.h"

/* Whether r is a packet of this EtherType beyond doubt: IPv4 or IPv6 whose version, header and length agree with what is there,
 * or ARP of Ethernet and IPv4 (RFC 826). What the capture left out counts as there. */
bool nc_inner_packet(const struct nc_packet *p, struct nc_rd r, uint16_t type);
/* The same for an Ethernet frame, with up to two VLAN tags (IEEE 802.1Q-2022 section 9.5). */
bool nc_inner_ethernet(const struct nc_packet *p, struct nc_rd r);

#endif
