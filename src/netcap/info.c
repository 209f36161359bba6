/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What netcap tells about itself: help, version, record types, time stamps. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "decode/decode.h"
#include "flow/ident.h"
#include "flow/stream.h"
#include "netcap/tool.h"

static bool is_decoded(const struct nc_type *type)
{
	for (size_t i = 0; i < nc_decoders_count; i++) {
		if (nc_decoders[i]->descriptor == type->desc)
			return true;
	}
	return false;
}

/* By a stream reader, or in the flow table. */
static bool is_followed(const struct nc_type *type)
{
	for (size_t i = 0; i < nc_stream_readers_count; i++)
		for (const ProtobufCMessageDescriptor *const *d = nc_stream_readers[i]->records; *d; d++)
			if (*d == type->desc)
				return true;
	return nc_ident_kind(type->desc) != NC_FLOW_NONE;
}

static void add_encoders(struct nc_buf *out)
{
	for (size_t i = 0; i < nc_types_count; i++) {
		if (!is_decoded(&nc_types[i]) && !is_followed(&nc_types[i]))
			continue;
		nc_buf_str(out, nc_types[i].name);
		nc_buf_u8(out, '\n');
	}
}

static void add_fields(const struct nc_type *type, struct nc_buf *out)
{
	for (unsigned i = 0; i < type->desc->n_fields; i++) {
		if (i > 0)
			nc_buf_u8(out, ',');
		nc_buf_str(out, type->desc->fields[i].name);
	}
}

static void add_overview(struct nc_buf *out)
{
	struct nc_grid *g = nc_grid_new(4, 1u << 1);
	struct nc_buf fields = { 0 };

	if (!g) {
		out->failed = true;
		return;
	}
	nc_grid_add(g, "Type");
	nc_grid_add(g, "Number");
	nc_grid_add(g, "Decoded");
	nc_grid_add(g, "Fields");
	for (size_t i = 0; i < nc_types_count; i++) {
		nc_buf_reset(&fields);
		add_fields(&nc_types[i], &fields);
		nc_grid_add(g, "%s", nc_types[i].name);
		nc_grid_add(g, "%u", nc_types[i].number);
		nc_grid_add(g, "%s", is_decoded(&nc_types[i]) || is_followed(&nc_types[i]) ? "yes" : "-");
		nc_grid_add(g, "%s", nc_buf_cstr(&fields));
	}
	if (!nc_grid_print(g, out))
		out->failed = true;
	nc_buf_free(&fields);
	nc_grid_free(g);
}

static int add_time(const char *stamp, struct nc_buf *out)
{
	char text[NC_TIME_TEXT], shown[128];
	int64_t ns;

	if (nc_time_parse(stamp, &ns) < 0) {
		nc_tool_say("option -ts2utc: \"%s\" is not seconds.microseconds",
		            nc_text_escape(shown, sizeof(shown), stamp, strlen(stamp)));
		return NC_TOOL_USAGE;
	}
	nc_time_utc(text, ns);
	nc_buf_str(out, text);
	nc_buf_u8(out, '\n');
	return NC_TOOL_OK;
}

int nc_tool_info(const struct nc_tool_options *o)
{
	struct nc_buf out = { 0 };
	int status = NC_TOOL_OK;

	if (o->help)
		nc_tool_options_help(&out);
	else if (o->version)
		nc_buf_str(&out, "netcap " PACKAGE_VERSION "\n");
	else if (o->encoders)
		add_encoders(&out);
	else if (o->overview)
		add_overview(&out);
	else
		status = add_time(o->ts2utc, &out);
	int rc = nc_tool_flush(&out);
	nc_buf_free(&out);
	return rc < 0 ? nc_tool_output_failed(rc) : status;
}
