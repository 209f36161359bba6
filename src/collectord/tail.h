/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as they arrive, for those who look at them through the control socket: bounded, and never in the way of storing. */
#ifndef NC_COLLECTORD_TAIL_H
#define NC_COLLECTORD_TAIL_H

#include <stdint.h>

#include "base/loop.h"
#include "base/rd.h"
#include "block/block.h"
#include "control/control.h"
#include "record/format.h"
#include "record/type.h"

#define NC_TAIL_MAX        16u           /* who may look at the same time */
#define NC_TAIL_RECORD_MAX (64u * 1024u) /* larger records count as lost here */

struct nc_tail;

/* What one of them wants to see; all that comes when type is NULL, and sensor "". */
struct nc_tail_wish {
	const struct nc_type *type;
	char sensor[80];
	enum nc_format_kind format; /* JSON or CSV */
};

/* 0 or negative errno. The server must outlive it. */
int nc_tail_new(struct nc_loop *loop, struct nc_control_server *server, struct nc_tail **ret);
/* Ends all streams; nc_tail_free(NULL) does nothing. */
void nc_tail_free(struct nc_tail *t);
/* One more, behind a token of nc_control_defer; -EAGAIN when there are too many. */
int nc_tail_follow(struct nc_tail *t, uint64_t token, const struct nc_tail_wish *w);
/* How many there are; t may be NULL. */
size_t nc_tail_count(const struct nc_tail *t);
/* Shows a block that was taken from that sensor, or records of a datagram. Who reads too slowly misses records, and is told how
 * many. t may be NULL. */
void nc_tail_block(struct nc_tail *t, const char *sensor, const uint8_t *p, const struct nc_block_info *info);
void nc_tail_records(struct nc_tail *t, const char *sensor, const struct nc_type *type, struct nc_rd records, uint64_t count);

#endif
