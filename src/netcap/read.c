/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcap -r on a record file: prints its records, its fields or its header. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/time.h"
#include "block/file.h"
#include "netcap/tool.h"
#include "record/format.h"
#include "record/pack.h"

#define FLUSH_AT      (256u * 1024u)       /* bytes of output that are written at once */
#define ARENA_MIN     (4u * 1024u * 1024u) /* of an unpacked record */
#define ARENA_SMALL   (16u * 1024u)        /* packed bytes that this is always enough for */
#define ARENA_PER     64u                  /* more per packed byte of a larger one */
#define COMPLAINTS    20u                  /* lines about damage */

struct reading {
	const struct nc_tool_options *o;
	const char *name;
	struct nc_file_reader *file;
	const struct nc_type *type;
	struct nc_format *format;
	struct nc_buf out, line;
	size_t separators; /* -check: of the header line */
	struct nc_arena arena;
	ProtobufCAllocator allocator;
	uint64_t seen, records, damages; /* seen: also those that did not parse */
};

static void *arena_alloc(void *arena, size_t n)
{
	return nc_arena_alloc(arena, n);
}

static void arena_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

/* An empty arena that is large enough for any honest record of n packed bytes. */
static bool arena_for(struct reading *r, size_t n)
{
	size_t need = ARENA_MIN + (n > ARENA_SMALL ? n * ARENA_PER : 0);

	if (n > NC_RECORD_MAX)
		return false;
	if (need > r->arena.cap) {
		free(r->arena.mem);
		void *mem = malloc(need);
		nc_arena_init(&r->arena, mem, mem ? need : 0);
	}
	nc_arena_reset(&r->arena);
	return r->arena.mem;
}

/* Damage at a byte, or in a record, counted from 1. */
static void complain(struct reading *r, const char *unit, uint64_t at, const char *reason)
{
	r->damages++;
	if (r->damages <= COMPLAINTS)
		fprintf(stderr, "%s: damaged at %s %" PRIu64 ": %s\n", r->name, unit, at, reason);
}

static ProtobufCMessage *unpack(struct reading *r, const uint8_t *p, size_t n)
{
	if (!nc_record_valid(r->type->desc, p, n, false) || !arena_for(r, n))
		return NULL;
	return protobuf_c_message_unpack(r->type->desc, &r->allocator, n, p);
}

/* Appends the line with its separators in red, and their number. */
static void add_marked(struct reading *r, const char *line, size_t len, size_t count)
{
	const char *sep = r->o->format.sep;
	size_t n = strlen(sep);

	for (size_t i = 0; i < len;) {
		if (len - i >= n && memcmp(line + i, sep, n) == 0) {
			nc_buf_str(&r->out, "\033[31m");
			nc_buf_add(&r->out, sep, n);
			nc_buf_str(&r->out, "\033[0m");
			i += n;
		} else {
			nc_buf_u8(&r->out, (uint8_t)line[i++]);
		}
	}
	nc_buf_printf(&r->out, " %zu\n", count);
}

static void check_record(struct reading *r, const ProtobufCMessage *m)
{
	size_t count;

	nc_buf_reset(&r->line);
	nc_format_record(r->format, m, &r->line);
	const char *line = nc_buf_cstr(&r->line);
	size_t len = r->line.len > 0 ? r->line.len - 1 : 0;
	if (!nc_format_check(line, len, r->o->format.sep, r->separators, &count))
		add_marked(r, line, len, count);
}

static void print_record(struct reading *r, const uint8_t *p, size_t n)
{
	ProtobufCMessage *m = unpack(r, p, n);

	r->seen++;
	if (!m) {
		complain(r, "record", r->seen, "not a record of the file's type");
		return;
	}
	r->records++;
	if (r->o->check)
		check_record(r, m);
	else
		nc_format_record(r->format, m, &r->out);
}

/* Prints the header line, and counts its separators for -check. */
static void print_head(struct reading *r)
{
	nc_format_header(r->format, &r->out);
	if (!r->o->check)
		return;
	const char *line = nc_buf_cstr(&r->out);
	(void)nc_format_check(line, r->out.len > 0 ? r->out.len - 1 : 0, r->o->format.sep, 0, &r->separators);
	nc_buf_reset(&r->out);
}

/* Takes a failure of the reader. True when reading can go on behind it. */
static bool damaged(struct reading *r, int rc)
{
	const char *reason = strerror(-rc);

	if (rc != -EBADMSG) {
		complain(r, "record", r->seen + 1, reason);
		return false;
	}
	uint64_t at = nc_file_reader_damage(r->file, &reason);
	complain(r, "byte", at, reason);
	return nc_file_reader_resync(r->file) > 0;
}

static int print_records(struct reading *r)
{
	const uint8_t *p;
	size_t n;
	int rc = 0;

	print_head(r);
	for (;;) {
		int got = nc_file_reader_next(r->file, &p, &n);
		if (got == 0 || (got < 0 && !damaged(r, got)))
			break;
		if (got > 0)
			print_record(r, p, n);
		if (r->out.failed || r->out.len >= FLUSH_AT)
			rc = nc_tool_flush(&r->out);
		if (rc < 0)
			return rc;
	}
	nc_format_flush(r->format, &r->out);
	return nc_tool_flush(&r->out);
}

static int finish(const struct reading *r)
{
	if (r->damages > COMPLAINTS)
		fprintf(stderr, "%s: damaged in %" PRIu64 " more places\n", r->name, r->damages - COMPLAINTS);
	fprintf(stderr, "%" PRIu64 " records\n", r->records);
	return r->damages ? NC_TOOL_DAMAGED : NC_TOOL_OK;
}

static void add_header_row(struct nc_grid *g, const char *what, const char *value)
{
	char shown[1024];

	nc_grid_add(g, "%s", what);
	nc_grid_add(g, "%s", nc_text_escape(shown, sizeof(shown), value, strlen(value)));
}

/* -header */
static int print_file_header(struct reading *r)
{
	const struct nc_file_header *h = nc_file_reader_header(r->file);
	struct nc_grid *g = nc_grid_new(2, 0);
	char created[NC_TIME_TEXT];
	int64_t ns;
	int rc = -ENOMEM;

	if (!g)
		return rc;
	bool is_stamp = nc_time_parse(h->created, &ns) == 0;
	if (is_stamp)
		nc_time_utc(created, ns);
	add_header_row(g, "Field", "Value");
	add_header_row(g, "Created", is_stamp ? created : h->created);
	add_header_row(g, "Source", h->source);
	add_header_row(g, "Version", h->version);
	add_header_row(g, "Type", r->type->name);
	if (nc_grid_print(g, &r->out))
		rc = nc_tool_flush(&r->out);
	nc_grid_free(g);
	return rc;
}

/* Opens the formatter; the exit status, NC_TOOL_OK when it is there. */
static int open_format(struct reading *r)
{
	struct nc_format_options o = r->o->format;
	char *bad;

	if (r->o->fields || r->o->check)
		o.kind = NC_FORMAT_CSV;
	r->format = nc_format_new(r->type, &o, r->o->select, &bad);
	if (r->format)
		return NC_TOOL_OK;
	nc_tool_say("%s%s", bad ? "option -select: " : "", bad ? bad : strerror(ENOMEM));
	free(bad);
	return NC_TOOL_USAGE;
}

static int print_file(struct reading *r)
{
	int rc, status;

	if (r->o->header) {
		rc = print_file_header(r);
		return rc < 0 ? nc_tool_output_failed(rc) : NC_TOOL_OK;
	}
	status = open_format(r);
	if (status != NC_TOOL_OK)
		return status;
	if (r->o->fields) {
		nc_format_header(r->format, &r->out);
		rc = nc_tool_flush(&r->out);
		return rc < 0 ? nc_tool_output_failed(rc) : NC_TOOL_OK;
	}
	rc = print_records(r);
	return rc < 0 ? nc_tool_output_failed(rc) : finish(r);
}

int nc_tool_read(const struct nc_tool_options *o, int fd, const char *name)
{
	struct reading r = { .o = o, .name = name };
	int status = NC_TOOL_USAGE;
	int rc = nc_file_reader_open(fd, &r.file);

	if (rc < 0) {
		nc_tool_say("%s: %s", name, rc == -EBADMSG ? "neither a capture nor a record file" : strerror(-rc));
		return status;
	}
	r.allocator = (ProtobufCAllocator){ .alloc = arena_alloc, .free = arena_free, .allocator_data = &r.arena };
	r.type = nc_type_by_number(nc_file_reader_header(r.file)->type);
	if (r.type)
		status = print_file(&r);
	else
		nc_tool_say("%s: record type %" PRIu32 " is not known", name, nc_file_reader_header(r.file)->type);
	nc_file_reader_close(r.file);
	nc_format_free(r.format);
	nc_buf_free(&r.out);
	nc_buf_free(&r.line);
	free(r.arena.mem);
	return status;
}
