/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A piece of a flow that one worker can't see whole, on its way to main. */
#ifndef NC_FLOW_PART_H
#define NC_FLOW_PART_H

#include <stdint.h>

enum nc_flow_kind {
	NC_FLOW_NONE,
	NC_FLOW_FLOW,
	NC_FLOW_CONNECTION,
	NC_FLOW_NETWORK,
	NC_FLOW_LINK,
	NC_FLOW_TRANSPORT,
	NC_FLOW_KINDS,
	NC_FLOW_MARK = 64, /* no flow: the worker's window `order` has ended, whose low-water time is first_ns */
	NC_FLOW_FLUSHED,   /* no flow: the worker has written out all that it had, for flush `order` */
};

/* Packets of one key whose times lie close together. Fixed size, no pointers; who gets it checks it first. */
struct nc_flow_part {
	int64_t first_ns, last_ns;
	uint64_t order;          /* place of the earliest packet in the capture; of two at one time the first counts */
	uint64_t packets, bytes;
	uint16_t sport, dport;   /* of the earliest packet, as are the addresses */
	uint8_t src[6], dst[6];
	uint8_t kind;            /* enum nc_flow_kind: _LINK, _TRANSPORT, or _CONNECTION without network layer */
	uint8_t proto;           /* of _TRANSPORT: enum nc_endpoint; else nc_ident_link */
	uint8_t has_mac;
	uint8_t zero[5];
};

#endif
