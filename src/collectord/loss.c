/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a sensor's batches say about those that did not come: lost batches, lost records, repetitions. */
#include "collectord/loss.h"

#include <stdlib.h>
#include <string.h>

#include "record/type.h"

/* Records of one type: the range that the sensor has told of, and how many of it came. */
struct range {
	uint64_t from, to, have;
};

struct nc_loss_epoch {
	uint64_t id;
	uint64_t from, to; /* first and highest number */
	uint64_t have;     /* batches that came, at least 1 */
	uint64_t seen[NC_LOSS_WINDOW / 64];
	struct range types[NC_TYPES_MAX];
};

static uint64_t missing(uint64_t from, uint64_t to, uint64_t have)
{
	uint64_t all = to > from ? to - from : 0;

	return all > have ? all - have : 0;
}

static uint64_t epoch_batches(const struct nc_loss_epoch *e)
{
	return missing(e->from, e->to, e->have - 1);
}

static uint64_t epoch_records(const struct nc_loss_epoch *e)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NC_TYPES_MAX; i++)
		sum += missing(e->types[i].from, e->types[i].to, e->types[i].have);
	return sum;
}

static uint64_t *word(struct nc_loss_epoch *e, uint64_t sequence)
{
	return &e->seen[sequence % NC_LOSS_WINDOW / 64];
}

static uint64_t bit(uint64_t sequence)
{
	return UINT64_C(1) << (sequence % 64);
}

/* Moves epoch i to the front; NULL when there is none. */
static struct nc_loss_epoch *to_front(struct nc_loss *l, size_t i)
{
	struct nc_loss_epoch *e = l->epochs[i];

	memmove(&l->epochs[1], &l->epochs[0], i * sizeof(l->epochs[0]));
	l->epochs[0] = e;
	return e;
}

static struct nc_loss_epoch *find(struct nc_loss *l, uint64_t id)
{
	for (size_t i = 0; i < NC_LOSS_EPOCHS && l->epochs[i]; i++)
		if (l->epochs[i]->id == id)
			return to_front(l, i);
	return NULL;
}

static struct nc_loss_epoch *begin(struct nc_loss *l, uint64_t id, uint64_t sequence)
{
	struct nc_loss_epoch *e = calloc(1, sizeof(*e));
	struct nc_loss_epoch *oldest = l->epochs[NC_LOSS_EPOCHS - 1];

	if (!e)
		return NULL;
	e->id = id;
	e->from = l->epochs[0] && sequence > 0 ? 1 : sequence;
	e->to = sequence;
	/* without a beginning, a type's range begins with its first batch */
	for (size_t i = 0; i < NC_TYPES_MAX; i++)
		e->types[i].from = l->epochs[0] ? 0 : UINT64_MAX;
	if (oldest) {
		l->past_batches += epoch_batches(oldest);
		l->past_records += epoch_records(oldest);
		free(oldest);
	}
	l->epochs[NC_LOSS_EPOCHS - 1] = e;
	return to_front(l, NC_LOSS_EPOCHS - 1);
}

/* Makes `to` the highest number; what leaves the window is forgotten. */
static void advance(struct nc_loss_epoch *e, uint64_t to)
{
	if (to - e->to >= NC_LOSS_WINDOW)
		memset(e->seen, 0, sizeof(e->seen));
	else
		for (uint64_t i = e->to + 1; i < to; i++)
			*word(e, i) &= ~bit(i);
	*word(e, to) &= ~bit(to);
	e->to = to;
}

bool nc_loss_batch(struct nc_loss *l, uint64_t epoch, uint64_t sequence)
{
	struct nc_loss_epoch *e = find(l, epoch);

	if (!e)
		e = begin(l, epoch, sequence);
	if (!e)
		return true;
	if (sequence > e->to)
		advance(e, sequence);
	else if (e->to - sequence >= NC_LOSS_WINDOW || (*word(e, sequence) & bit(sequence)))
		return false;
	if (sequence < e->from)
		e->from = sequence;
	*word(e, sequence) |= bit(sequence);
	e->have++;
	return true;
}

void nc_loss_records(struct nc_loss *l, uint64_t epoch, unsigned slot, uint64_t before, uint64_t count)
{
	struct nc_loss_epoch *e = find(l, epoch);

	if (!e || slot >= NC_TYPES_MAX)
		return;
	struct range *t = &e->types[slot];
	uint64_t end = before > UINT64_MAX - count ? UINT64_MAX : before + count;
	if (before < t->from)
		t->from = before;
	if (end > t->to)
		t->to = end;
	t->have = t->have > UINT64_MAX - count ? UINT64_MAX : t->have + count;
}

uint64_t nc_loss_batches(const struct nc_loss *l)
{
	uint64_t sum = l->past_batches;

	for (size_t i = 0; i < NC_LOSS_EPOCHS && l->epochs[i]; i++)
		sum += epoch_batches(l->epochs[i]);
	return sum;
}

uint64_t nc_loss_records_lost(const struct nc_loss *l)
{
	uint64_t sum = l->past_records;

	for (size_t i = 0; i < NC_LOSS_EPOCHS && l->epochs[i]; i++)
		sum += epoch_records(l->epochs[i]);
	return sum;
}

void nc_loss_free(struct nc_loss *l)
{
	for (size_t i = 0; i < NC_LOSS_EPOCHS; i++)
		free(l->epochs[i]);
	memset(l, 0, sizeof(*l));
}
