/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON for people: indented names and values, tables, units. */
#ifndef NC_NETCAPCTL_RENDER_H
#define NC_NETCAPCTL_RENDER_H

#include <stdbool.h>
#include <jansson.h>

#include "base/buf.h"

/* Appends the members of `object`, one per line, indented by depth times two. Objects inside are indented below their
 * name; arrays of objects become tables. Units follow the key: "_seconds" and "_ns" are durations, "_bytes", "bytes_"
 * and "bytes" sizes, "_seen" and "_time" points in time (seconds or nanoseconds since the epoch). Text is escaped. */
void nc_render_object(struct nc_buf *out, json_t *object, int depth);
/* Appends an array of objects as a table, indented like that. */
void nc_render_table(struct nc_buf *out, json_t *rows, int depth);
/* Whether v is an array of objects, which makes a table. */
bool nc_render_is_table(json_t *v);
/* "1.5 MiB"; the two largest units of a duration: "1d 4h". */
void nc_render_bytes(struct nc_buf *out, json_int_t v);
void nc_render_duration(struct nc_buf *out, json_int_t ns);

#endif
