/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What records hold besides numbers: sub-messages, and lists of addresses and numbers read from the packet. */
#ifndef NC_DECODE_SUB_H
#define NC_DECODE_SUB_H

#include "decode/decode.h"

/* An initialised message of this type in the arena; NULL when it is full. */
void *nc_sub_new(struct nc_packet *p, const ProtobufCMessageDescriptor *d);
/* The array of pointers to n of them; NULL when n is 0 or the arena is full. */
void **nc_sub_list(struct nc_packet *p, const ProtobufCMessageDescriptor *d, size_t n);

/* The next address of size bytes (4: IPv4, 16: IPv6, 6: MAC) as text; "" when fewer are left. */
char *nc_sub_address(struct nc_packet *p, struct nc_rd *r, size_t size);
/* The next n of them into *ret. Returns n, or 0 when r fails or the arena is full. */
size_t nc_sub_addresses(struct nc_packet *p, struct nc_rd *r, size_t n, size_t size, char ***ret);
/* The next n 32-bit numbers in network order into *ret. Returns n, or 0 when r fails or the arena is full. */
size_t nc_sub_be32(struct nc_packet *p, struct nc_rd *r, size_t n, uint32_t **ret);
/* A hardware address of any length: aa:bb:...; "" for none. */
char *nc_sub_hwaddr(struct nc_packet *p, const uint8_t *addr, size_t n);
/* An object identifier (X.690 section 8.19), with or without tag and length, as dotted numbers; "" when it is none. */
char *nc_sub_oid(struct nc_packet *p, const uint8_t *oid, size_t n);

#endif
