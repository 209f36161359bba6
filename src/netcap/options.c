/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of netcap's options, its parser and its help. */
#include "config.h"

#include "netcap/options.h"

#include <errno.h>
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/time.h"
#include "pipeline/pipeline.h"

enum kind {
	KIND_BOOL,    /* bool */
	KIND_TEXT,    /* const char *, not empty */
	KIND_NUMBER,  /* uint32_t from min to max */
	KIND_TIME,    /* int64_t, ns */
	KIND_IGNORED, /* takes a value and does nothing */
};

enum group { GROUP_INPUT, GROUP_PRINT, GROUP_INFO, GROUP_OLD, GROUPS };

static const char *const group_titles[GROUPS] = {
	[GROUP_INPUT] = "Input and decoding:",
	[GROUP_PRINT] = "Printing of record files:",
	[GROUP_INFO] = "Information:",
	[GROUP_OLD] = "Accepted for compatibility, without effect:",
};

struct option {
	const char *name;
	const char *argument; /* its name in the help; NULL for a switch */
	const char *help;
	enum group group;
	enum kind kind;
	size_t offset;
	uint32_t min, max;
};

#define AT(field) offsetof(struct nc_tool_options, field)

static const struct option options[] = {
	{ "r", "FILE", "read a capture, a record file, a folder of record files, or - for standard input",
	  GROUP_INPUT, KIND_TEXT, AT(read), 0, 0 },
	{ "iface", "NAME", "capture from this interface", GROUP_INPUT, KIND_TEXT, AT(iface), 0, 0 },
	{ "out", "DIR", "write record files into this folder, made when missing (default: the current one)",
	  GROUP_INPUT, KIND_TEXT, AT(out), 0, 0 },
	{ "bpf", "FILTER", "decode only the packets that this filter passes", GROUP_INPUT, KIND_TEXT, AT(bpf), 0, 0 },
	{ "include", "TYPES", "write only these record types, separated by commas",
	  GROUP_INPUT, KIND_TEXT, AT(include), 0, 0 },
	{ "exclude", "TYPES", "leave these record types out", GROUP_INPUT, KIND_TEXT, AT(exclude), 0, 0 },
	{ "workers", "N", "worker processes (default 0: one per core)",
	  GROUP_INPUT, KIND_NUMBER, AT(workers), 0, NC_TOOL_WORKERS_MAX },
	{ "stream-memory", "SIZE", "memory for TCP streams, of all workers together (default 256M)",
	  GROUP_INPUT, KIND_NUMBER, AT(stream_memory), NC_STREAM_MEMORY_MIN, NC_STREAM_MEMORY_MAX },
	{ "buf", NULL, "collect records in memory before they are written (default true)",
	  GROUP_INPUT, KIND_BOOL, AT(buf), 0, 0 },
	{ "comp", NULL, "compress the record files (default true)", GROUP_INPUT, KIND_BOOL, AT(comp), 0, 0 },
	{ "payload", NULL, "keep payloads in the records that have a field for them", GROUP_INPUT, KIND_BOOL, AT(payload), 0, 0 },
	{ "promisc", NULL, "capture in promiscuous mode (default true)", GROUP_INPUT, KIND_BOOL, AT(promisc), 0, 0 },
	{ "snaplen", "BYTES", "bytes to capture of each packet (default 262144)",
	  GROUP_INPUT, KIND_NUMBER, AT(snaplen), NC_TOOL_SNAPLEN_MIN, NC_TOOL_SNAPLEN_MAX },
	{ "base", "LAYER", "outermost layer, when it is not what the capture says",
	  GROUP_INPUT, KIND_TEXT, AT(base_name), 0, 0 },
	{ "flow-timeout", "TIME", "end flows that are idle for this long, by packet time; 0: never (default 30s)",
	  GROUP_INPUT, KIND_TIME, AT(flow_timeout), 0, 0 },
	{ "conn-timeout", "TIME", "end connections and streams that are idle for this long; 0: never (default 60s)",
	  GROUP_INPUT, KIND_TIME, AT(conn_timeout), 0, 0 },
	{ "active-timeout", "TIME", "go on in a new record after this long; 0: never (default 0, with -iface 30m)",
	  GROUP_INPUT, KIND_TIME, AT(active_timeout), 0, 0 },
	{ "max-flows", "N", "flows that each worker keeps at one time (default 1000000)",
	  GROUP_INPUT, KIND_NUMBER, AT(max_flows), NC_FLOWS_MIN, NC_FLOWS_MAX },
	{ "ignore-unknown", NULL, "write no unknown.pcap", GROUP_INPUT, KIND_BOOL, AT(ignore_unknown), 0, 0 },
	{ "ignore-errors", NULL, "write no errors.pcap and errors.log", GROUP_INPUT, KIND_BOOL, AT(ignore_errors), 0, 0 },

	{ "csv", NULL, "print comma-separated values (the default); with a capture: write CSV files",
	  GROUP_PRINT, KIND_BOOL, AT(csv), 0, 0 },
	{ "tsv", NULL, "print tab-separated values", GROUP_PRINT, KIND_BOOL, AT(tsv), 0, 0 },
	{ "sep", "TEXT", "print values separated by this text (default ,)", GROUP_PRINT, KIND_TEXT, AT(sep), 0, 0 },
	{ "table", NULL, "print tables with aligned columns", GROUP_PRINT, KIND_BOOL, AT(table), 0, 0 },
	{ "struc", NULL, "print protobuf text format", GROUP_PRINT, KIND_BOOL, AT(struc), 0, 0 },
	{ "json", NULL, "print a JSON object a line", GROUP_PRINT, KIND_BOOL, AT(json), 0, 0 },
	{ "utc", NULL, "print time stamps as UTC text", GROUP_PRINT, KIND_BOOL, AT(utc), 0, 0 },
	{ "select", "FIELDS", "print only these fields, in this order", GROUP_PRINT, KIND_TEXT, AT(select), 0, 0 },
	{ "fields", NULL, "print the names of the fields and stop", GROUP_PRINT, KIND_BOOL, AT(fields), 0, 0 },
	{ "header", NULL, "print the file's header and stop", GROUP_PRINT, KIND_BOOL, AT(header), 0, 0 },
	{ "check", NULL, "print only lines whose number of separators is not that of the header",
	  GROUP_PRINT, KIND_BOOL, AT(check), 0, 0 },
	{ "begin", "TEXT", "text before a structure (default ( )", GROUP_PRINT, KIND_TEXT, AT(begin), 0, 0 },
	{ "end", "TEXT", "text behind a structure (default ) )", GROUP_PRINT, KIND_TEXT, AT(end), 0, 0 },
	{ "struct-sep", "TEXT", "text between the values of a structure (default -)",
	  GROUP_PRINT, KIND_TEXT, AT(struct_sep), 0, 0 },

	{ "encoders", NULL, "list the record types that captures are decoded to", GROUP_INFO, KIND_BOOL, AT(encoders), 0, 0 },
	{ "overview", NULL, "list all record types with their fields", GROUP_INFO, KIND_BOOL, AT(overview), 0, 0 },
	{ "ts2utc", "STAMP", "print a time stamp (seconds.microseconds) as UTC text",
	  GROUP_INFO, KIND_TEXT, AT(ts2utc), 0, 0 },
	{ "version", NULL, "print the version", GROUP_INFO, KIND_BOOL, AT(version), 0, 0 },
	{ "h", NULL, "print this help", GROUP_INFO, KIND_BOOL, AT(help), 0, 0 },
	{ "help", NULL, "print this help", GROUP_INFO, KIND_BOOL, AT(help), 0, 0 },

	{ "opts", "TEXT", "decoding options of the 2019 program", GROUP_OLD, KIND_IGNORED, 0, 0, 0 },
	{ "pbuf", "N", "packet buffer of the 2019 program", GROUP_OLD, KIND_IGNORED, 0, 0, 0 },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* Names for -base. */
static const struct {
	const char *name;
	int dlt;
} bases[] = {
	{ "auto", -1 },
	{ "ethernet", DLT_EN10MB },
	{ "ipv4", DLT_IPV4 },
	{ "ipv6", DLT_IPV6 },
	{ "raw", DLT_RAW },
	{ "null", DLT_NULL },
	{ "loop", DLT_LOOP },
	{ "sll", DLT_LINUX_SLL },
	{ "sll2", DLT_LINUX_SLL2 },
	{ "dot11", DLT_IEEE802_11 },
	{ "radiotap", DLT_IEEE802_11_RADIO },
	{ "ppp", DLT_PPP },
	{ "fddi", DLT_FDDI },
	{ "usb", DLT_USB_LINUX_MMAPPED },
};
#define BASES (sizeof(bases) / sizeof(bases[0]))

#define FLOW_TIMEOUT        (30 * NC_NS_PER_S)
#define CONN_TIMEOUT        (60 * NC_NS_PER_S)
#define ACTIVE_TIMEOUT_LIVE (30 * 60 * NC_NS_PER_S)

#define SHOWN 160 /* bytes of an argument in a message */

static int fail(struct nc_buf *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct nc_buf *err, const char *fmt, ...)
{
	va_list ap;

	nc_buf_reset(err);
	va_start(ap, fmt);
	nc_buf_vprintf(err, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static const char *show(char out[static SHOWN], const char *s, size_t n)
{
	return nc_text_escape(out, SHOWN, s, n);
}

const char *nc_tool_option_name(size_t i)
{
	return i < OPTIONS ? options[i].name : NULL;
}

static const struct option *find_option(const char *name, size_t n)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
			return &options[i];
	}
	return NULL;
}

static int unknown_option(const char *name, size_t n, struct nc_buf *err)
{
	const char *names[OPTIONS];
	char shown[SHOWN];

	for (size_t i = 0; i < OPTIONS; i++)
		names[i] = options[i].name;
	const char *nearest = nc_text_nearest(show(shown, name, n), names, OPTIONS);
	if (nearest)
		return fail(err, "unknown option -%s; did you mean -%s?", shown, nearest);
	return fail(err, "unknown option -%s (-h lists all)", shown);
}

static int parse_bool(const struct option *opt, const char *value, bool *ret, struct nc_buf *err)
{
	static const char *const yes[] = { "true", "t", "1" };
	static const char *const no[] = { "false", "f", "0" };
	char shown[SHOWN];

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*ret = strcasecmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return fail(err, "option -%s: \"%s\" is neither true nor false", opt->name, show(shown, value, strlen(value)));
}

static int parse_number(const struct option *opt, const char *value, uint32_t *ret, struct nc_buf *err)
{
	char shown[SHOWN];
	uint64_t v;

	if (nc_text_size(value, &v) < 0 || v < opt->min || v > opt->max)
		return fail(err, "option -%s: \"%s\" is not a number from %u to %u", opt->name, show(shown, value, strlen(value)),
		            opt->min, opt->max);
	*ret = (uint32_t)v;
	return 0;
}

static int parse_time(const struct option *opt, const char *value, int64_t *ret, struct nc_buf *err)
{
	char shown[SHOWN];

	if (nc_text_duration(value, ret) == 0)
		return 0;
	return fail(err, "option -%s: \"%s\" is not a time like 30s, 5m or 0", opt->name, show(shown, value, strlen(value)));
}

static int store(struct nc_tool_options *o, const struct option *opt, const char *value, struct nc_buf *err)
{
	char *field = (char *)o + opt->offset;

	switch (opt->kind) {
	case KIND_BOOL:
		return parse_bool(opt, value ? value : "true", (bool *)field, err);
	case KIND_NUMBER:
		return parse_number(opt, value, (uint32_t *)(void *)field, err);
	case KIND_TIME:
		return parse_time(opt, value, (int64_t *)(void *)field, err);
	case KIND_TEXT:
		if (!*value)
			return fail(err, "option -%s: the value is empty", opt->name);
		*(const char **)(void *)field = value;
		return 0;
	case KIND_IGNORED:
		break;
	}
	return 0;
}

static int stray_argument(const char *word, bool after_switch, const char *last, struct nc_buf *err)
{
	char shown[SHOWN];

	show(shown, word, strlen(word));
	if (after_switch && (strcasecmp(word, "true") == 0 || strcasecmp(word, "false") == 0))
		return fail(err, "unexpected argument \"%s\": write -%s=%s", shown, last, shown);
	return fail(err, "unexpected argument \"%s\": name an input with -r", shown);
}

static int parse_words(int argc, char **argv, struct nc_tool_options *o, struct nc_buf *err)
{
	const struct option *opt = NULL;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (word[0] != '-' || !word[1] || strcmp(word, "--") == 0)
			return stray_argument(word, opt && opt->kind == KIND_BOOL, opt ? opt->name : "", err);
		word += word[1] == '-' ? 2 : 1;
		size_t n = strcspn(word, "=");
		opt = find_option(word, n);
		if (!opt)
			return unknown_option(word, n, err);
		const char *value = word[n] == '=' ? word + n + 1 : NULL;
		if (!value && opt->kind != KIND_BOOL) {
			if (i + 1 >= argc)
				return fail(err, "option -%s needs a value: %s", opt->name, opt->argument);
			value = argv[++i];
		}
		int rc = store(o, opt, value, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* The type that the n bytes at name name; NULL with the nearest one's name (or NULL) in *nearest. */
static const struct nc_type *find_type(const char *name, size_t n, const char **nearest)
{
	char word[64];

	*nearest = NULL;
	if (n >= sizeof(word))
		return NULL;
	memcpy(word, name, n);
	word[n] = '\0';
	const struct nc_type *type = nc_type_by_name(word);
	if (!type)
		*nearest = nc_type_nearest(word);
	return type;
}

/* Sets wanted[] to `value` for each type of a comma-separated list. */
static int mark_types(struct nc_tool_options *o, const char *option, const char *list, bool value, struct nc_buf *err)
{
	char shown[SHOWN];

	while (*list) {
		size_t n = strcspn(list, ",");
		const char *nearest;
		const struct nc_type *type = find_type(list, n, &nearest);
		show(shown, list, n);
		if (nearest)
			return fail(err, "option -%s: unknown record type \"%s\"; did you mean %s?", option, shown, nearest);
		if (!type)
			return fail(err, "option -%s: unknown record type \"%s\" (-encoders lists all)", option, shown);
		o->wanted[nc_type_slot(type)] = value;
		list += n + (list[n] == ',');
	}
	return 0;
}

static int check_types(struct nc_tool_options *o, struct nc_buf *err)
{
	int rc = 0;

	for (size_t i = 0; i < nc_types_count; i++)
		o->wanted[i] = !o->include;
	if (o->include)
		rc = mark_types(o, "include", o->include, true, err);
	if (!rc && o->exclude)
		rc = mark_types(o, "exclude", o->exclude, false, err);
	return rc;
}

static int check_base(struct nc_tool_options *o, struct nc_buf *err)
{
	const char *names[BASES];
	char shown[SHOWN];

	o->base = -1;
	if (!o->base_name)
		return 0;
	for (size_t i = 0; i < BASES; i++) {
		names[i] = bases[i].name;
		if (strcasecmp(o->base_name, names[i]) == 0) {
			o->base = bases[i].dlt;
			return 0;
		}
	}
	const char *nearest = nc_text_nearest(o->base_name, names, BASES);
	return fail(err, "option -base: unknown layer \"%s\"; did you mean %s?", show(shown, o->base_name, strlen(o->base_name)),
	            nearest ? nearest : "ethernet");
}

/* Options that say two things about one matter. */
static int check_conflicts(const struct nc_tool_options *o, struct nc_buf *err)
{
	const struct {
		const char *name;
		bool given;
	} styles[] = {
		{ "csv", o->csv },     { "tsv", o->tsv },   { "sep", o->sep },     { "table", o->table },
		{ "struc", o->struc }, { "json", o->json },
	};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		if (!styles[i].given)
			continue;
		bool csv_sep = first && strcmp(first, "csv") == 0 && strcmp(styles[i].name, "sep") == 0;
		if (first && !csv_sep) /* -csv -sep X says one thing */
			return fail(err, "options -%s and -%s exclude each other", first, styles[i].name);
		first = styles[i].name;
	}
	if (o->check && (o->table || o->struc || o->json))
		return fail(err, "options -check and -%s exclude each other", first);
	if (o->read && o->iface)
		return fail(err, "options -r and -iface exclude each other");
	if (o->sep && strpbrk(o->sep, "\"\r\n"))
		return fail(err, "option -sep: a separator holds no quote or line break");
	return 0;
}

static void set_format(struct nc_tool_options *o)
{
	struct nc_format_options *f = &o->format;

	*f = nc_format_default;
	f->kind = o->table ? NC_FORMAT_TABLE : o->struc ? NC_FORMAT_STRUC : o->json ? NC_FORMAT_JSON : NC_FORMAT_CSV;
	f->utc = o->utc;
	if (o->tsv)
		f->sep = "\t";
	if (o->sep)
		f->sep = o->sep;
	if (o->begin)
		f->begin = o->begin;
	if (o->end)
		f->end = o->end;
	if (o->struct_sep)
		f->struct_sep = o->struct_sep;
}

int nc_tool_options_parse(int argc, char **argv, struct nc_tool_options *o, struct nc_buf *err)
{
	*o = (struct nc_tool_options){
		.snaplen = NC_TOOL_SNAPLEN_MAX,
		.stream_memory = NC_STREAM_MEMORY,
		.buf = true,
		.comp = true,
		.promisc = true,
		.base = -1,
		.flow_timeout = FLOW_TIMEOUT,
		.conn_timeout = CONN_TIMEOUT,
		.active_timeout = -1,
		.max_flows = NC_MAX_FLOWS,
	};
	int rc = parse_words(argc, argv, o, err);
	if (!rc && !o->help)
		rc = check_conflicts(o, err);
	if (!rc)
		rc = check_types(o, err);
	if (!rc)
		rc = check_base(o, err);
	if (rc)
		return rc;
	set_format(o);
	if (o->active_timeout < 0)
		o->active_timeout = o->iface ? ACTIVE_TIMEOUT_LIVE : 0;
	if (!(o->read || o->iface || o->encoders || o->overview || o->version || o->help || o->ts2utc))
		return fail(err, "nothing to do: name an input with -r or -iface (-h lists the options)");
	return 0;
}

#define HELP_COLUMN 22u

static void help_option(const struct option *opt, struct nc_buf *out)
{
	size_t start = out->len;

	nc_buf_str(out, "  -");
	nc_buf_str(out, opt->name);
	if (opt->argument) {
		nc_buf_u8(out, ' ');
		nc_buf_str(out, opt->argument);
	}
	do {
		nc_buf_u8(out, ' ');
	} while (!out->failed && out->len - start < HELP_COLUMN);
	nc_buf_str(out, opt->help);
	nc_buf_u8(out, '\n');
}

void nc_tool_options_help(struct nc_buf *out)
{
	nc_buf_str(out, "usage: netcap -r FILE [option ...]       print a record file, or turn a capture into record files\n"
	                "       netcap -r DIR                     list the record files in a folder\n"
	                "       netcap -iface NAME [option ...]   capture and write record files\n"
	                "One or two dashes; values as -option value or -option=value; switches off with =false.\n");
	for (int g = 0; g < GROUPS; g++) {
		nc_buf_u8(out, '\n');
		nc_buf_str(out, group_titles[g]);
		nc_buf_u8(out, '\n');
		for (size_t i = 0; i < OPTIONS; i++) {
			if ((int)options[i].group == g)
				help_option(&options[i], out);
		}
	}
}
