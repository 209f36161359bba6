/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows that no worker sees whole, put together from the parts that all of them saw. */
#ifndef NC_FLOW_MERGE_H
#define NC_FLOW_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flows.h"
#include "flow/part.h"
#include "flow/sink.h"

/* A table of at most o->max flows, of which only those in use take memory. Timeouts are those of o. seed: secret. NULL when
 * memory is short. */
struct nc_merge;
struct nc_merge *nc_merge_new(const struct nc_flow_options *o, const uint8_t seed[static 16]);
void nc_merge_free(struct nc_merge *m);
/* Other timeouts from now on. */
void nc_merge_change(struct nc_merge *m, const struct nc_flow_options *o);
/* Adds a part. Parts of one key whose times are no more than a timeout apart are one record, in whatever order they come. False
 * when it is nonsense. When the table is full, the sixteenth that has been idle for longest goes to the sink. */
bool nc_merge_add(struct nc_merge *m, const struct nc_flow_part *p, const struct nc_sink *sink);
/* Writes out what is idle or active for too long at the time now_ns. */
void nc_merge_sweep(struct nc_merge *m, int64_t now_ns, const struct nc_sink *sink);
/* Writes out everything. */
void nc_merge_all(struct nc_merge *m, const struct nc_sink *sink);
/* Entries, and records that went out before their time for want of room. */
uint32_t nc_merge_live(const struct nc_merge *m);
uint64_t nc_merge_evicted(const struct nc_merge *m);

#endif
