/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiled form of a record type that the formatters walk; private to record/. */
#ifndef NC_RECORD_PLAN_H
#define NC_RECORD_PLAN_H

#include "record/format.h"

/* What a value is for printing. */
enum nc_value {
	NC_VALUE_I32,
	NC_VALUE_U32,
	NC_VALUE_I64,
	NC_VALUE_U64,
	NC_VALUE_BOOL,
	NC_VALUE_ENUM,
	NC_VALUE_FLOAT,
	NC_VALUE_DOUBLE,
	NC_VALUE_STRING,
	NC_VALUE_TIME, /* a string that holds a time stamp */
	NC_VALUE_BYTES,
	NC_VALUE_MESSAGE,
};

#define NC_PLAN_DEPTH 20u /* messages within each other; what is nested deeper is not printed */

struct nc_plan;

/* One field. */
struct nc_column {
	const ProtobufCFieldDescriptor *field;
	const struct nc_plan *sub; /* of a message */
	char *json;                /* "name": */
	size_t json_len;
	uint32_t stride;   /* of an array's elements */
	uint8_t value;     /* enum nc_value */
	uint8_t decimals;  /* of a double in csv */
	bool repeated;
	bool scan;         /* its csv text may need quotes */
};

/* The fields to print of a message. Those of sub-messages are shared, so that recursive types end. */
struct nc_plan {
	const ProtobufCMessageDescriptor *desc;
	struct nc_plan *next;
	size_t count;
	struct nc_column columns[];
};

/* Where a value lies and what it is. n of them at p. */
struct nc_values {
	const void *p;
	size_t n;
};

struct nc_table; /* rows that wait for their alignment */

struct nc_format {
	const struct nc_type *type;
	struct nc_format_options o;
	size_t sep_len, begin_len, end_len, struct_sep_len;
	bool special[256]; /* bytes that may ask for quotes: quote, CR, LF, the first of the separator */
	struct nc_plan *top;
	struct nc_plan *plans; /* all others */
	struct nc_table *table;
};

/* The values of a column: none when a message, pointer or array is absent. */
static inline struct nc_values nc_column_values(const struct nc_column *c, const ProtobufCMessage *m)
{
	const char *base = (const char *)m;

	if (!c->repeated)
		return (struct nc_values){ .p = base + c->field->offset, .n = 1 };
	return (struct nc_values){
		.p = *(const void *const *)(base + c->field->offset),
		.n = *(const size_t *)(base + c->field->quantifier_offset),
	};
}

/* Text of values, value.c. Strings are never NULL here. */
const char *nc_value_string(const void *p);
const ProtobufCMessage *nc_value_message(const void *p);
void nc_value_add_u64(struct nc_buf *out, uint64_t v);
void nc_value_add_i64(struct nc_buf *out, int64_t v);
void nc_value_add_hex(struct nc_buf *out, const ProtobufCBinaryData *b);
/* A number of kind I32 to ENUM. */
void nc_value_add_integer(struct nc_buf *out, enum nc_value kind, const void *p);
/* With so many decimals, correctly rounded. */
void nc_value_add_fixed(struct nc_buf *out, double v, unsigned decimals);
/* The shortest text that reads back as the same number; v is finite. */
void nc_value_add_shortest(struct nc_buf *out, double v);
/* A time stamp of a record as UTC text; as it is when it is none. */
void nc_value_add_utc(struct nc_buf *out, const char *s);

/* One of the formats each: csv.c, table.c, struc.c, json.c. */
void nc_csv_header(const struct nc_format *f, struct nc_buf *out);
void nc_csv_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out);
/* The text of one column without quotes. */
void nc_csv_column(const struct nc_format *f, const struct nc_column *c, const ProtobufCMessage *m, struct nc_buf *out);
void nc_struc_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out);
void nc_json_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out);
/* "s" as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void nc_json_string(struct nc_buf *out, const char *s, size_t n);
struct nc_table *nc_table_new(const struct nc_plan *plan);
void nc_table_free(struct nc_table *t);
void nc_table_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out);
void nc_table_flush(const struct nc_format *f, struct nc_buf *out);

#endif
