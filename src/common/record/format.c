/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiles a record type into the columns that the formats print, and hands records to the chosen format. */
#include "config.h"

#include "record/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "record/plan.h"

#define SELECT_MAX 256u /* fields of a selection */

const struct nc_format_options nc_format_default = {
	.kind = NC_FORMAT_CSV,
	.sep = ",",
	.begin = "(",
	.end = ")",
	.struct_sep = "-",
};

static enum nc_value value_of(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return NC_VALUE_I32;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return NC_VALUE_U32;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return NC_VALUE_I64;
	case PROTOBUF_C_TYPE_BOOL:
		return NC_VALUE_BOOL;
	case PROTOBUF_C_TYPE_ENUM:
		return NC_VALUE_ENUM;
	case PROTOBUF_C_TYPE_FLOAT:
		return NC_VALUE_FLOAT;
	case PROTOBUF_C_TYPE_DOUBLE:
		return NC_VALUE_DOUBLE;
	case PROTOBUF_C_TYPE_STRING:
		return strncmp(f->name, "Timestamp", 9) == 0 ? NC_VALUE_TIME : NC_VALUE_STRING;
	case PROTOBUF_C_TYPE_BYTES:
		return NC_VALUE_BYTES;
	case PROTOBUF_C_TYPE_MESSAGE:
		return NC_VALUE_MESSAGE;
	default:
		return NC_VALUE_U64;
	}
}

static uint32_t stride_of(enum nc_value value)
{
	static const uint8_t strides[] = {
		[NC_VALUE_I32] = sizeof(int32_t),
		[NC_VALUE_U32] = sizeof(uint32_t),
		[NC_VALUE_I64] = sizeof(int64_t),
		[NC_VALUE_U64] = sizeof(uint64_t),
		[NC_VALUE_BOOL] = sizeof(protobuf_c_boolean),
		[NC_VALUE_ENUM] = sizeof(int32_t),
		[NC_VALUE_FLOAT] = sizeof(float),
		[NC_VALUE_DOUBLE] = sizeof(double),
		[NC_VALUE_STRING] = sizeof(char *),
		[NC_VALUE_TIME] = sizeof(char *),
		[NC_VALUE_BYTES] = sizeof(ProtobufCBinaryData),
		[NC_VALUE_MESSAGE] = sizeof(ProtobufCMessage *),
	};

	return strides[value];
}

/* TCP and UDP print their entropy with 8 decimals, all others with 6. */
static uint8_t decimals_of(const ProtobufCMessageDescriptor *desc)
{
	return desc == &types__tcp__descriptor || desc == &types__udp__descriptor ? 8 : 6;
}

/* Whether a number, bool or hex text can hold the separator's first byte. */
static bool risky_separator(const char *sep)
{
	return *sep && strchr("0123456789abcdefghijklmnopqrstuvwxyz-+.INFa", *sep);
}

static const struct nc_plan *plan_of(struct nc_format *f, const ProtobufCMessageDescriptor *desc);

static bool compile_column(struct nc_format *f, struct nc_column *c, const ProtobufCMessageDescriptor *desc,
                           const ProtobufCFieldDescriptor *field)
{
	struct nc_buf json = { 0 };
	enum nc_value value = value_of(field);

	*c = (struct nc_column){
		.field = field,
		.stride = stride_of(value),
		.value = (uint8_t)value,
		.decimals = decimals_of(desc),
		.repeated = field->label == PROTOBUF_C_LABEL_REPEATED,
	};
	c->scan = c->repeated || value == NC_VALUE_STRING || value == NC_VALUE_TIME || value == NC_VALUE_MESSAGE ||
	          risky_separator(f->o.sep);
	nc_json_string(&json, field->name, strlen(field->name));
	nc_buf_u8(&json, ':');
	c->json = (char *)json.data;
	c->json_len = json.len;
	if (value == NC_VALUE_MESSAGE)
		c->sub = plan_of(f, field->descriptor);
	return !json.failed && (value != NC_VALUE_MESSAGE || c->sub);
}

static void plan_free(struct nc_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		free(p->columns[i].json);
	free(p);
}

static struct nc_plan *plan_alloc(const ProtobufCMessageDescriptor *desc, size_t count)
{
	struct nc_plan *p = calloc(1, sizeof(*p) + count * sizeof(p->columns[0]));

	if (p) {
		p->desc = desc;
		p->count = count;
	}
	return p;
}

/* The plan of a sub-message, made once; a message that contains itself finds its own. */
static const struct nc_plan *plan_of(struct nc_format *f, const ProtobufCMessageDescriptor *desc)
{
	for (struct nc_plan *p = f->plans; p; p = p->next) {
		if (p->desc == desc)
			return p;
	}
	struct nc_plan *p = plan_alloc(desc, desc->n_fields);
	if (!p)
		return NULL;
	p->next = f->plans;
	f->plans = p;
	for (size_t i = 0; i < p->count; i++) {
		if (!compile_column(f, &p->columns[i], desc, &desc->fields[i])) /* fields are in the order of their numbers */
			return NULL;
	}
	return p;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *desc, const char *name, size_t n)
{
	for (unsigned i = 0; i < desc->n_fields; i++) {
		if (strlen(desc->fields[i].name) == n && strncasecmp(desc->fields[i].name, name, n) == 0)
			return &desc->fields[i];
	}
	return NULL;
}

/* The message about a field that `type` doesn't have. */
static char *unknown_field(const struct nc_type *type, const char *name, size_t n)
{
	const ProtobufCMessageDescriptor *desc = type->desc;
	const char **names = calloc(desc->n_fields + 1u, sizeof(*names));
	char word[65], shown[4 * sizeof(word)], *text = NULL;

	if (!names)
		return NULL;
	for (unsigned i = 0; i < desc->n_fields; i++)
		names[i] = desc->fields[i].name;
	snprintf(word, sizeof(word), "%.*s", n < sizeof(word) ? (int)n : (int)sizeof(word) - 1, name);
	nc_text_escape(shown, sizeof(shown), word, strlen(word));
	const char *nearest = nc_text_nearest(word, names, desc->n_fields);
	int rc = nearest ? asprintf(&text, "%s has no field \"%s\"; did you mean %s?", type->name, shown, nearest) :
	                   asprintf(&text, "%s has no field \"%s\"", type->name, shown);
	free(names);
	return rc < 0 ? NULL : text;
}

/* The next name of a comma-separated list, without blanks around it; moves *list behind it, to NULL after the last. */
static const char *next_name(const char **list, size_t *n)
{
	const char *start = *list + strspn(*list, " ");
	size_t len = strcspn(start, ",");

	*list = start[len] ? start + len + 1 : NULL;
	while (len > 0 && start[len - 1] == ' ')
		len--;
	*n = len;
	return start;
}

static struct nc_plan *select_fields(struct nc_format *f, const char *list, char **bad)
{
	const ProtobufCMessageDescriptor *desc = f->type->desc;
	struct nc_plan *p = plan_alloc(desc, SELECT_MAX);
	size_t count = 0, n;
	bool whole = true;

	if (!p)
		return NULL;
	while (list && whole) {
		const char *name = next_name(&list, &n);
		const ProtobufCFieldDescriptor *field = find_field(desc, name, n);
		if (count == SELECT_MAX) {
			*bad = strdup("too many fields selected");
			break;
		}
		if (!field) {
			*bad = unknown_field(f->type, name, n);
			break;
		}
		whole = compile_column(f, &p->columns[count++], desc, field);
	}
	p->count = count;
	if (whole && !*bad)
		return p;
	plan_free(p);
	return NULL;
}

static struct nc_plan *all_fields(struct nc_format *f)
{
	const ProtobufCMessageDescriptor *desc = f->type->desc;
	struct nc_plan *p = plan_alloc(desc, desc->n_fields);

	for (size_t i = 0; p && i < p->count; i++) {
		if (!compile_column(f, &p->columns[i], desc, &desc->fields[i])) {
			plan_free(p);
			return NULL;
		}
	}
	return p;
}

struct nc_format *nc_format_new(const struct nc_type *type, const struct nc_format_options *o, const char *select, char **bad)
{
	struct nc_format *f = calloc(1, sizeof(*f));

	*bad = NULL;
	if (!f)
		return NULL;
	f->type = type;
	f->o = *o;
	f->sep_len = strlen(o->sep);
	f->begin_len = strlen(o->begin);
	f->end_len = strlen(o->end);
	f->struct_sep_len = strlen(o->struct_sep);
	f->special['"'] = f->special['\n'] = f->special['\r'] = true;
	f->special[(uint8_t)o->sep[0]] = true;
	f->top = select ? select_fields(f, select, bad) : all_fields(f);
	if (f->top && o->kind == NC_FORMAT_TABLE)
		f->table = nc_table_new(f->top);
	if (f->top && (f->table || o->kind != NC_FORMAT_TABLE))
		return f;
	nc_format_free(f);
	return NULL;
}

void nc_format_free(struct nc_format *f)
{
	if (!f)
		return;
	while (f->plans) {
		struct nc_plan *p = f->plans;
		f->plans = p->next;
		plan_free(p);
	}
	plan_free(f->top);
	nc_table_free(f->table);
	free(f);
}

void nc_format_header(struct nc_format *f, struct nc_buf *out)
{
	if (f->o.kind == NC_FORMAT_CSV)
		nc_csv_header(f, out);
}

void nc_format_record(struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out)
{
	switch (f->o.kind) {
	case NC_FORMAT_CSV:
		nc_csv_record(f, m, out);
		break;
	case NC_FORMAT_TABLE:
		nc_table_record(f, m, out);
		break;
	case NC_FORMAT_STRUC:
		nc_struc_record(f, m, out);
		break;
	case NC_FORMAT_JSON:
		nc_json_record(f, m, out);
		break;
	}
}

void nc_format_flush(struct nc_format *f, struct nc_buf *out)
{
	if (f->table)
		nc_table_flush(f, out);
}
