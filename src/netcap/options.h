/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of netcap: one table of options, from which parsing and help come. */
#ifndef NC_NETCAP_OPTIONS_H
#define NC_NETCAP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "record/format.h"
#include "record/type.h"

#define NC_TOOL_WORKERS_MAX 256u
#define NC_TOOL_SNAPLEN_MIN 64u
#define NC_TOOL_SNAPLEN_MAX 262144u

/* What the command line says. Strings point into argv. */
struct nc_tool_options {
	/* input and output */
	const char *read;  /* -r: file, folder or "-" */
	const char *iface; /* -iface */
	const char *out;   /* -out; NULL: the current folder */
	const char *bpf;
	const char *include, *exclude; /* as given; checked, and in `wanted` */
	bool wanted[NC_TYPES_MAX];     /* by slot */
	uint32_t workers;              /* 0: one per core */
	uint32_t stream_memory;        /* bytes */
	uint32_t snaplen;
	const char *base_name; /* -base as given */
	int base;              /* DLT number that replaces the capture's own; -1: the capture's own */
	bool buf;              /* false: blocks are written after each record */
	bool comp;
	bool payload;
	bool promisc;
	bool ignore_unknown, ignore_errors;
	int64_t flow_timeout, conn_timeout, active_timeout; /* ns, 0: never; the last is -1 when it was not given */
	uint32_t max_flows;
	/* printing */
	struct nc_format_options format;
	const char *select;
	bool csv; /* given; with a capture it asks for CSV files */
	bool tsv, table, struc, json;
	bool utc;
	bool fields, header, check;
	const char *sep, *begin, *end, *struct_sep; /* as given or NULL; effective values are in `format` */
	/* information */
	bool encoders, overview, version, help;
	const char *ts2utc;
};

/* Parses argv[1..]. 0; -EINVAL with one line in err. */
int nc_tool_options_parse(int argc, char **argv, struct nc_tool_options *o, struct nc_buf *err);
/* The text of -h: usage and every option of the table. */
void nc_tool_options_help(struct nc_buf *out);
/* The i-th option's name without dashes, NULL behind the last; for tests. */
const char *nc_tool_option_name(size_t i);

#endif
