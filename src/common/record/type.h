/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Record types: number, name and descriptor of each, from netcap.proto. */
#ifndef NC_RECORD_TYPE_H
#define NC_RECORD_TYPE_H

#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "netcap.pb-c.h"

/* One record type of enum Type. */
struct nc_type {
	uint16_t number;
	const char *name; /* without NC_: "TCP" */
	const ProtobufCMessageDescriptor *desc;
};

/* All types, by ascending number; the index of a type in this table is its "slot". */
extern const struct nc_type nc_types[];
extern const size_t nc_types_count;
#define NC_TYPES_MAX 128 /* bound of nc_types_count, for arrays by slot */

/* The type, or NULL. Names compare without case; "TLS" is an alias of TLSClientHello. */
const struct nc_type *nc_type_by_number(unsigned number);
const struct nc_type *nc_type_by_name(const char *name);
const struct nc_type *nc_type_by_desc(const ProtobufCMessageDescriptor *desc);
static inline size_t nc_type_slot(const struct nc_type *t)
{
	return (size_t)(t - nc_types);
}
/* The nearest type name to a wrong one, or NULL. */
const char *nc_type_nearest(const char *name);

#endif
