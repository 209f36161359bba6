/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector has to know of the records in a batch: where they end, whether they are right, when they were. */
#ifndef NC_COLLECTORD_RECORDS_H
#define NC_COLLECTORD_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "block/file.h"
#include "record/type.h"

/* One delimited record in a batch. */
struct nc_record_view {
	const uint8_t *delimited; /* with its length */
	size_t delimited_len;
	const uint8_t *p; /* the message */
	size_t n;
};

/* The next record of r; false at the end and when the bytes are none (r->failed). */
bool nc_record_next(struct nc_rd *r, struct nc_record_view *ret);
/* Whether a message is the Header that sensors send before their first record of a type: its fields and no others, this type's
 * number, a Created that looks like a time, a Version that begins with 'v'. Fills in ret. */
bool nc_record_header(const uint8_t *p, size_t n, const struct nc_type *type, struct nc_file_header *ret);
/* Whether messages of the type have a time stamp as their first field. */
bool nc_record_has_time(const struct nc_type *type);
/* The time stamp (field 1) of a message of such a type; false when there is none that can be read. */
bool nc_record_time(const uint8_t *p, size_t n, int64_t *ret);

#endif
