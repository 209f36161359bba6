/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's half of the ledger: what a sensor said of itself, with what arrived of it. */
#include "config.h"

#include "collectord/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

/* --- starts of the sensor that are over --------------------------------------------------------------------------------- */

/* Blocks that were built and are not here. The number of the last one that came may be above what the last ledger knew. */
static uint64_t missing_of(const struct nc_sensor *s, const struct nc_ledger_start *b)
{
	uint64_t highest, there = nc_shelf_blocks(s->shelf, b->epoch, &highest) + b->dropped + b->elsewhere;
	uint64_t all = b->built > highest ? b->built : highest;

	return all > there ? all - there : 0;
}

static uint64_t missing_blocks(const struct nc_sensor *s)
{
	uint64_t sum = s->starts.forgotten;

	for (size_t i = 0; i < s->starts.count; i++)
		sum += missing_of(s, &s->starts.past[i]);
	return sum;
}

static void forget_start(struct nc_ledger_starts *a, size_t i)
{
	a->count--;
	memmove(&a->past[i], &a->past[i + 1], (a->count - i) * sizeof(a->past[0]));
}

/* The present start is over, since there is another one. */
static void end_start(struct nc_sensor *s)
{
	struct nc_ledger_starts *a = &s->starts;

	if (a->count == NC_LEDGER_STARTS) {
		a->forgotten += missing_of(s, &a->past[0]);
		forget_start(a, 0);
	}
	a->past[a->count++] = a->now;
}

/* What is acknowledged and not here is with another collector; what the sensor found in its spool is of an earlier start. */
static void note_start(struct nc_sensor *s, const Types__LossLedger *m)
{
	struct nc_ledger_starts *a = &s->starts;
	uint64_t highest, here = nc_shelf_blocks(s->shelf, m->epoch, &highest) + m->blocksrecovered;

	if (a->now.epoch && a->now.epoch != m->epoch)
		end_start(s);
	for (size_t i = a->count; i > 0; i--)
		if (a->past[i - 1].epoch == m->epoch)
			forget_start(a, i - 1);
	a->now = (struct nc_ledger_start){
		.epoch = m->epoch,
		.built = m->blocksbuilt,
		.dropped = m->blocksdropped,
		.elsewhere = m->blocksacknowledged > here ? m->blocksacknowledged - here : 0,
	};
}

/* --- both halves -------------------------------------------------------------------------------------------------------- */

/* What arrived since the collector's start; `self` records of that are the ledger itself. */
static void fill(const struct nc_sensor *s, uint64_t self, struct nc_ledger *l)
{
	struct nc_shelf_counters n = { .received = { 0 } };
	Types__LossLedger *m = &l->m;
	uint64_t datagrams = s->records - s->block_records - self;

	if (s->shelf)
		n = nc_shelf_counters(s->shelf);

	m->collectorreceived = datagrams + n.received.records;
	m->collectorstored = datagrams + n.stored.records;
	m->collectorduplicate = n.duplicate.records;
	m->collectorrejected = n.rejected.records;
	m->collectordeferred = n.later.records + n.failed.records;
	m->collectorwaiting = n.received.records - n.stored.records - n.duplicate.records - n.rejected.records -
	                      n.later.records - n.failed.records;
	m->collectorexpired = n.expired.records;
	m->collectorlost = nc_loss_records_lost(&s->loss);
	m->collectormissing = s->shelf ? missing_blocks(s) : 0;
}

/* What the sensor calls acknowledged must be what was stored here or is known to be lost, counted from a moment at which
 * nothing was on its way: both sides' counters begin with their own starts. */
static void compare(struct nc_sensor *s, struct nc_ledger *l)
{
	struct nc_ledger_watch *w = &s->watch;
	uint64_t here = l->m.collectorstored + l->m.collectorlost;

	if (w->epoch != l->m.epoch)
		*w = (struct nc_ledger_watch){ .epoch = l->m.epoch };
	if (!w->begun && l->m.recordswaiting == 0 && l->m.collectorwaiting == 0) {
		w->begun = true;
		w->acknowledged = l->m.recordsacknowledged;
		w->here = here;
	}
	if (w->begun) {
		l->m.sinceacknowledged = l->m.recordsacknowledged - w->acknowledged;
		l->m.sincestored = here - w->here;
	}
}

/* It becomes the sensor's last one; l is owned by it then. */
static void finish(struct nc_sensor *s, uint64_t self, struct nc_ledger *l)
{
	snprintf(l->sensor, sizeof(l->sensor), "%s", s->name);
	fill(s, self, l);
	compare(s, l);
	free(s->ledger);
	s->ledger = l;
}

int nc_ledger_take(struct nc_collector *c, struct nc_sensor *s, uint64_t epoch, const struct nc_ledger_counter *list, size_t n,
                   struct nc_instant now)
{
	const struct nc_type *t = nc_type_by_number(TYPES__TYPE__NC_LossLedger);
	struct nc_stream **at = &s->streams[nc_type_slot(t)];
	struct nc_buf out = { 0 };
	struct nc_ledger *l = malloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	nc_ledger_init(l, now.real, s->name, epoch);
	for (size_t i = 0; i < n; i++)
		(void)nc_ledger_set(l, list[i].name, list[i].value);
	if (s->shelf)
		note_start(s, &l->m);
	finish(s, 0, l);
	if (!*at)
		*at = nc_store_stream(c->store, s->name, t);
	nc_ledger_pack(l, &out);
	int rc = !*at || out.failed ? -ENOMEM : nc_stream_add(*at, out.data, out.len, &now.real, false);
	nc_buf_free(&out);
	return rc;
}

int nc_ledger_complete(struct nc_sensor *s, const uint8_t *p, size_t n, uint64_t self, struct nc_buf *out)
{
	struct nc_ledger *l = malloc(sizeof(*l));
	int rc = l ? nc_ledger_parse(l, p, n) : -ENOMEM;

	if (rc) {
		free(l);
		return rc;
	}
	finish(s, self, l);
	nc_ledger_pack(l, out);
	return out->failed ? -ENOMEM : 0;
}

json_t *nc_ledger_of(const struct nc_sensor *s)
{
	if (!s->ledger)
		return NULL;
	fill(s, 0, s->ledger);
	return nc_ledger_json(s->ledger, true);
}
