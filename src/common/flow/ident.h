/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What names a flow: the hashes of address pairs, the names of protocols, and the applications that ports stand for. */
#ifndef NC_FLOW_IDENT_H
#define NC_FLOW_IDENT_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/md5.h"
#include "flow/part.h"

/* Which kind of flow a record type is of, NC_FLOW_NONE for all others. */
enum nc_flow_kind nc_ident_kind(const ProtobufCMessageDescriptor *d);

/* The kinds of endpoints that the hash tells apart. */
enum nc_endpoint { NC_END_IPV4 = 1, NC_END_IPV6, NC_END_MAC, NC_END_TCP, NC_END_UDP, NC_END_SCTP };

/* The symmetric hash of two endpoints of n bytes each: ((fnv1a64(a) + fnv1a64(b)) xor type) * 1099511628211. */
uint64_t nc_ident_hash(const uint8_t *a, const uint8_t *b, size_t n, enum nc_endpoint type);
/* The same for two ports. */
uint64_t nc_ident_ports(uint16_t a, uint16_t b, enum nc_endpoint type);
/* UID of a connection: md5 over the three hashes in decimal, 0 for a missing one. */
void nc_ident_connection(uint64_t link, uint64_t network, uint64_t transport, char out[static NC_MD5_TEXT]);

/* The number of a link layer's name, 0: none or not in the list. */
unsigned nc_ident_link(const char *name);
/* The name of that number, "" for 0 and for what is no number of one. */
const char *nc_ident_link_name(unsigned link);
/* The endpoint type of a transport's name (NC_END_TCP, _UDP, _SCTP), 0: none or another. */
unsigned nc_ident_transport(const char *name);
/* "TCP", "UDP", "SCTP", "". */
const char *nc_ident_transport_name(unsigned type);

/* The application: the name of stream reader app - 1, or by port (the lower of the two is asked first), or "". */
const char *nc_ident_application(unsigned app, unsigned transport, uint16_t sport, uint16_t dport);

#endif
