/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of record types and its lookups. */
#include "config.h"

#include "record/type.h"

#include <strings.h>

#include "base/text.h"

const struct nc_type nc_types[] = {
#include "record/types.inc"
};
const size_t nc_types_count = sizeof(nc_types) / sizeof(nc_types[0]);
_Static_assert(sizeof(nc_types) / sizeof(nc_types[0]) <= NC_TYPES_MAX, "more record types than arrays by slot can hold");

static const char alias_tls[] = "TLS";

const struct nc_type *nc_type_by_number(unsigned number)
{
	size_t lo = 0, hi = nc_types_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (nc_types[mid].number == number)
			return &nc_types[mid];
		if (nc_types[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct nc_type *nc_type_by_name(const char *name)
{
	if (strcasecmp(name, alias_tls) == 0)
		return nc_type_by_desc(&types__tlsclient_hello__descriptor);
	for (size_t i = 0; i < nc_types_count; i++) {
		if (strcasecmp(name, nc_types[i].name) == 0)
			return &nc_types[i];
	}
	return NULL;
}

const struct nc_type *nc_type_by_desc(const ProtobufCMessageDescriptor *desc)
{
	for (size_t i = 0; i < nc_types_count; i++) {
		if (nc_types[i].desc == desc)
			return &nc_types[i];
	}
	return NULL;
}

const char *nc_type_nearest(const char *name)
{
	const char *names[NC_TYPES_MAX + 1];

	for (size_t i = 0; i < nc_types_count; i++)
		names[i] = nc_types[i].name;
	names[nc_types_count] = alias_tls;
	return nc_text_nearest(name, names, nc_types_count + 1);
}
