/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Printing of records over their descriptors: csv, tsv, table, struc, json. */
#ifndef NC_RECORD_FORMAT_H
#define NC_RECORD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "record/type.h"

enum nc_format_kind { NC_FORMAT_CSV, NC_FORMAT_TABLE, NC_FORMAT_STRUC, NC_FORMAT_JSON };

struct nc_format_options {
	enum nc_format_kind kind;
	const char *sep;        /* "," */
	const char *begin;      /* "(" */
	const char *end;        /* ")" */
	const char *struct_sep; /* "-" */
	bool utc;               /* time stamps as UTC text */
};
extern const struct nc_format_options nc_format_default;

/* A formatter of one record type with chosen fields (`select` NULL: all, in the order of their numbers; otherwise a comma
 * separated list). On an unknown field *bad points to a malloc'ed one-line message that names the nearest field.
 * NULL on failure. */
struct nc_format *nc_format_new(const struct nc_type *type, const struct nc_format_options *o, const char *select, char **bad);
void nc_format_free(struct nc_format *f);
/* Appends the header line (csv; nothing for the others: each table gets its own when it is written). */
void nc_format_header(struct nc_format *f, struct nc_buf *out);
/* Appends one record. The table kind collects rows and writes every 100; nc_format_flush writes the rest. */
void nc_format_record(struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out);
void nc_format_flush(struct nc_format *f, struct nc_buf *out);

/* The checker of -check: true when the line (without its end) has the expected number of separators outside quotes,
 * which is returned in *count. */
bool nc_format_check(const char *line, size_t len, const char *sep, size_t expected, size_t *count);

#endif
