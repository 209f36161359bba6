/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the netcap program. */
#ifndef NC_NETCAP_TOOL_H
#define NC_NETCAP_TOOL_H

#include "base/buf.h"
#include "netcap/options.h"

/* Exit statuses. */
enum nc_tool_status {
	NC_TOOL_OK = 0,
	NC_TOOL_DAMAGED = 1, /* a damaged record file, or output that could not be written */
	NC_TOOL_USAGE = 2,   /* wrong options, or an input that is neither a capture nor a record file */
};

/* The program; returns its exit status. */
int nc_tool_main(int argc, char **argv);

/* Captures from o->iface, or decodes the capture o->read ("-": standard input), as the options say. capture.c. */
int nc_tool_capture(const struct nc_tool_options *o);
/* Prints the record file at fd (taken over), called `name` in messages. */
int nc_tool_read(const struct nc_tool_options *o, int fd, const char *name);
/* Lists the record files of a folder. */
int nc_tool_list(const struct nc_tool_options *o);
/* -encoders, -overview, -ts2utc, -version, -h. */
int nc_tool_info(const struct nc_tool_options *o);

/* One line on standard error, after "netcap: ". */
void nc_tool_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes b to standard output and empties it. 0 or negative errno. */
int nc_tool_flush(struct nc_buf *b);
/* The exit status after nc_tool_flush failed with rc; says why, unless it is only that nobody reads any more. */
int nc_tool_output_failed(int rc);

/* Cells of text printed in aligned columns; cells are appended row by row. */
struct nc_grid;
/* `right` has a bit set for each column that is aligned to the right. NULL when memory is short. */
struct nc_grid *nc_grid_new(unsigned columns, uint32_t right);
void nc_grid_free(struct nc_grid *g);
/* Appends a cell (printf); what came from outside must be escaped before. */
void nc_grid_add(struct nc_grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends the table to out; false when memory was short. */
bool nc_grid_print(struct nc_grid *g, struct nc_buf *out);

#endif
