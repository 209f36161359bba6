/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stages of a worker: where records gather until they make a block, and how that goes into the ring. */
#ifndef NC_PIPELINE_STAGE_H
#define NC_PIPELINE_STAGE_H

#include "pipeline/worker.h"

struct nc_stager {
	const struct nc_worker_start *s;
	struct nc_ring_end ring;
	struct nc_deflater *deflater;
	uint32_t limit;                         /* flush from this length on */
	struct nc_stage_state now[NC_STAGES];   /* with the packet in hand, not yet committed */
	bool dirty[NC_STAGES];
	uint16_t dirty_list[NC_STAGES];
	unsigned dirty_count;
};

/* Goes on with what the stages hold. -ENOMEM or 0. */
int nc_stager_init(struct nc_stager *g, const struct nc_worker_start *s);
/* Where the next bytes of a stage go, and how many fit. */
uint8_t *nc_stager_room(struct nc_stager *g, unsigned stage, size_t *room);
/* n bytes were written there: one record of time ts_ns. */
void nc_stager_add(struct nc_stager *g, unsigned stage, size_t n, int64_t ts_ns);
/* The packet is done: what it brought counts from now on, and full stages go out. */
void nc_stager_commit(struct nc_stager *g);
/* A stage that is full goes out at once, in the middle of a packet too: for what one packet brings without bound. */
void nc_stager_relieve(struct nc_stager *g, unsigned stage);
/* One stage goes out. */
void nc_stager_flush_stage(struct nc_stager *g, unsigned stage);
/* All stages go out. Waits for main where the ring is full. */
void nc_stager_flush(struct nc_stager *g);
/* A stage that must not mix link types goes out first when its own differs. Only between packets. */
void nc_stager_datalink(struct nc_stager *g, unsigned stage, uint32_t datalink);

#endif
