/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON for people: indented names and values, tables, units. */
#ifndef NC_NETCAPCTL_RENDER_H
#define NC_NETCAPCTL_RENDER_H

#include <jansson.h>

#include "base/buf.h"

/* Appends the members of `object`, one per line, indented by depth times two. Objects inside are indented below their
 * name; arrays of objects become tables. Units follow the key: "_seconds" and "_ns" are durations, "_bytes", "bytes_"
 * and "bytes" sizes, "_seen" and "_time" points in time (seconds or nanoseconds since the epoch). Text is escaped. */
void nc_render_object(struct nc_buf *out, json_t *object, int depth);

#endif
