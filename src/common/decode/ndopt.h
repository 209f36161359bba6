/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of neighbour and router discovery (RFC 4861 section 4.6), which four decoders share. */
#ifndef NC_DECODE_NDOPT_H
#define NC_DECODE_NDOPT_H

#include "decode/decode.h"

/* All options that r holds, into *n and *list. NC_DONE, NC_SHORT or NC_BAD. */
enum nc_verdict nc_ndopt_read(struct nc_packet *p, struct nc_rd *r, size_t *n, Types__ICMPv6Option ***list);

#endif
