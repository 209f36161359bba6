/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker's flows: feeds the table of its shared piece, and hands out what ends. */
#ifndef NC_PIPELINE_FLOWS_H
#define NC_PIPELINE_FLOWS_H

#include "flow/flows.h"
#include "pipeline/stage.h"

struct nc_flow_driver {
	struct nc_flows *flows; /* NULL: there is no table */
	bool on;                /* flows of any kind are wanted */
	struct nc_stager *stager;
	struct nc_shared *shared;
	struct nc_flow_options o;
	struct nc_sink sink;
	bool live;
	uint32_t flushed;       /* generation of the last flush that main asked for */
	bool seen;              /* live: a packet came, whose time was newest_ns when the monotonic clock stood at newest_mono */
	bool fresh;
	int64_t newest_ns, newest_mono, ticked;
};

/* What main wants of flows, as the table takes it. */
void nc_flow_options_of(const struct nc_pipeline_options *o, struct nc_flow_options *ret);
bool nc_flow_options_any(const struct nc_flow_options *o);

/* Goes on with what the table holds, a window that has not been ended included. sink: where records go; they count when the
 * stager commits. */
void nc_flow_driver_init(struct nc_flow_driver *d, const struct nc_worker_start *s, struct nc_stager *g,
                         const struct nc_sink *sink);
/* Other kinds and timeouts, between packets. When kinds differ all live flows are written out first, and go on as new records. */
void nc_flow_driver_change(struct nc_flow_driver *d, const struct nc_pipeline_options *o);
/* The packet of that number, from 1 on, was read in the file, own or not. May be said again of the one said last. */
void nc_flow_driver_read(struct nc_flow_driver *d, uint64_t number, int64_t ts_ns);
/* A packet was decoded, and its records are being packed, between which the steps of nc_flows_ahead are taken. */
static inline void nc_flow_driver_ahead(const struct nc_flow_driver *d, const struct nc_outer *o, unsigned step)
{
	if (d->on && step < 3)
		nc_flows_ahead(d->flows, o, step);
}
/* A packet was decoded; before the stager's commit. */
void nc_flow_driver_packet(struct nc_flow_driver *d, const struct nc_engine_result *res, int64_t ts_ns, uint32_t caplen);
/* Behind that commit, and behind each packet that was read: makes room, ends windows. */
void nc_flow_driver_after(struct nc_flow_driver *d);
/* Live, between packets: writes out what has ended, by the time of the newest packet plus what has passed since. */
void nc_flow_driver_tick(struct nc_flow_driver *d, int64_t mono);
/* Writes out everything when main asked for it since the last call. */
void nc_flow_driver_obey(struct nc_flow_driver *d);
/* Writes out everything: the end of the input. */
void nc_flow_driver_end(struct nc_flow_driver *d);

#endif
