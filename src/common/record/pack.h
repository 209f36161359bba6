/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing of records: the bytes of protobuf-c, produced in one pass from precompiled tables. Also the validator. */
#ifndef NC_RECORD_PACK_H
#define NC_RECORD_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

struct nc_packer; /* the compiled form of all record types */

/* Compiles the tables of all record types; NULL when memory is short. */
struct nc_packer *nc_packer_new(void);
void nc_packer_free(struct nc_packer *p);
/* Writes varint(length) and the message, whose type has this slot in nc_types, to dst; returns the bytes written, 0 when they
 * don't fit in n (a few bytes more than the record takes must be free) or the slot is none. */
size_t nc_pack_delimited(const struct nc_packer *p, size_t slot, const ProtobufCMessage *m, uint8_t *dst, size_t n);
/* Whether the n bytes at p are a whole message of that descriptor: known fields have their wire type, lengths fit,
 * nesting is at most 16, strings are valid UTF-8 (pass utf8 = false to let them be). Unknown fields are allowed. */
bool nc_record_valid(const ProtobufCMessageDescriptor *desc, const uint8_t *p, size_t n, bool utf8);

#endif
