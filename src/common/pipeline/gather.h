/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Main's side of flows: puts the workers' parts together and makes records of them, in the form that the workers' own have. */
#ifndef NC_PIPELINE_GATHER_H
#define NC_PIPELINE_GATHER_H

#include "flow/merge.h"
#include "pipeline/pipeline.h"

struct nc_gather;
/* chunk gets what is full. NULL when memory is short. */
struct nc_gather *nc_gather_new(const struct nc_pipeline_options *o, void (*chunk)(void *user, const struct nc_chunk *c),
                                void *user);
void nc_gather_free(struct nc_gather *g);
/* Other timeouts, as these options say. */
void nc_gather_change(struct nc_gather *g, const struct nc_pipeline_options *o);
/* Takes a part; false when it is nonsense. */
bool nc_gather_part(struct nc_gather *g, const struct nc_flow_part *p);
/* The low-water time of a window that has ended in all workers; sweeps when that is due. */
void nc_gather_window(struct nc_gather *g, int64_t low_ns);
/* Writes out what is idle or active for too long at that time. */
void nc_gather_sweep(struct nc_gather *g, int64_t now_ns);
/* Writes out all flows. */
void nc_gather_all(struct nc_gather *g);
/* Hands on the records that wait for more. */
void nc_gather_flush(struct nc_gather *g);
/* Adds its records by slot of nc_types. */
void nc_gather_count(const struct nc_gather *g, struct nc_pipeline_stats *to);

#endif
