/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker: takes packets from its source, decodes them, gathers records, and knows nothing else. */
#ifndef NC_PIPELINE_WORKER_H
#define NC_PIPELINE_WORKER_H

#include "pipeline/pipeline.h"
#include "pipeline/shared.h"

/* What main gives a worker over fork(). */
struct nc_worker_start {
	const struct nc_pipeline_options *o;
	const struct nc_layout *layout;
	struct nc_shared *shared;
	uint32_t wish;         /* generation of nc_shared.wish that o holds already */
	unsigned index, count;
	unsigned count_all;    /* workers, whether they share a file or an interface */
	pid_t parent;
	int file;              /* descriptor of the capture file, or -1 */
	struct nc_live *live;  /* or NULL */
	int data_ready;        /* eventfd: worker to main */
	int wake;              /* eventfd: main to worker (room in the ring, stop, flush) */
	const int *keep;       /* descriptors that stay open, ascending */
	size_t keep_count;
};

/* Runs in the child until its source ends; never returns. */
_Noreturn void nc_worker_run(const struct nc_worker_start *s);

#endif
