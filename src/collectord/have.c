/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which blocks of a sensor are there: ranges of numbers by epoch, of bounded size. */
#include "config.h"

#include "collectord/have.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void nc_have_free(struct nc_have *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->epochs[i].ranges);
	free(h->epochs);
	memset(h, 0, sizeof(*h));
}

static const struct nc_have_epoch *find(const struct nc_have *h, uint64_t id)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->epochs[i].id == id)
			return &h->epochs[i];
	return NULL;
}

/* The first range that ends at seq or behind it; e->n when there is none. */
static size_t seek(const struct nc_have_epoch *e, uint64_t seq)
{
	size_t low = 0, high = e->n;

	/* numbers come in order: it is mostly the last one */
	if (high > 0 && e->ranges[high - 1].to < seq)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (e->ranges[mid].to < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

enum nc_have_state nc_have_state(const struct nc_have *h, uint64_t epoch, uint64_t seq)
{
	const struct nc_have_epoch *e = find(h, epoch);

	if (!e)
		return NC_HAVE_NOT;
	if (seq < e->floor)
		return NC_HAVE_UNKNOWN;
	size_t i = seek(e, seq);
	return i < e->n && e->ranges[i].from <= seq ? NC_HAVE_YES : NC_HAVE_NOT;
}

uint64_t nc_have_count(const struct nc_have *h, uint64_t epoch, uint64_t *highest)
{
	const struct nc_have_epoch *e = find(h, epoch);
	uint64_t n = e ? e->floor - 1 : 0;

	*highest = n;
	for (size_t i = 0; e && i < e->n; i++) {
		n += e->ranges[i].to - e->ranges[i].from + 1;
		*highest = e->ranges[i].to;
	}
	return n;
}

/* Takes `count` ranges from i on out. */
static void drop_ranges(struct nc_have *h, struct nc_have_epoch *e, size_t i, size_t count)
{
	if (count == 0)
		return;
	memmove(&e->ranges[i], &e->ranges[i + count], (e->n - i - count) * sizeof(e->ranges[0]));
	e->n -= count;
	h->ranges -= count;
}

static void forget_last_epoch(struct nc_have *h)
{
	h->n--;
	h->ranges -= h->epochs[h->n].n;
	free(h->epochs[h->n].ranges);
	h->forgotten_epochs++;
}

static void drop_epoch(struct nc_have *h, size_t i)
{
	free(h->epochs[i].ranges);
	h->n--;
	memmove(&h->epochs[i], &h->epochs[i + 1], (h->n - i) * sizeof(h->epochs[0]));
}

/* The epoch, made when it is new, in front of the others. */
static struct nc_have_epoch *use(struct nc_have *h, uint64_t id)
{
	const struct nc_have_epoch *known = find(h, id);
	size_t at = known ? (size_t)(known - h->epochs) : h->n;
	struct nc_have_epoch e = { .id = id, .floor = 1 };

	if (at == 0 && known)
		return h->epochs;
	if (known) {
		e = *known;
	} else {
		if (h->n == NC_HAVE_EPOCHS)
			forget_last_epoch(h);
		struct nc_have_epoch *more = reallocarray(h->epochs, h->n + 1, sizeof(*more));
		if (!more)
			return NULL;
		h->epochs = more;
		at = h->n++;
	}
	memmove(&h->epochs[1], &h->epochs[0], at * sizeof(h->epochs[0]));
	h->epochs[0] = e;
	return &h->epochs[0];
}

static int grow(struct nc_have_epoch *e, size_t extra)
{
	if (e->cap - e->n >= extra)
		return 0;
	size_t cap = e->n + extra < 2 * e->cap ? 2 * e->cap : e->n + extra;
	struct nc_have_range *more = reallocarray(e->ranges, cap, sizeof(*more));
	if (!more)
		return -ENOMEM;
	e->ranges = more;
	e->cap = cap;
	return 0;
}

int nc_have_reserve(struct nc_have *h, uint64_t epoch, size_t extra)
{
	struct nc_have_epoch *e = use(h, epoch);

	return e ? grow(e, extra) : -ENOMEM;
}

/* The floor rises over the gap behind the lowest range. */
static void forget_range(struct nc_have *h, struct nc_have_epoch *e)
{
	e->floor = e->ranges[1].from;
	drop_ranges(h, e, 0, 1);
	h->forgotten_ranges++;
}

/* Every epoch may keep its last range: there is room for as many. */
static void make_room(struct nc_have *h)
{
	for (size_t i = h->n; h->ranges > NC_HAVE_RANGES && i > 0; i--)
		while (h->ranges > NC_HAVE_RANGES && h->epochs[i - 1].n > 1)
			forget_range(h, &h->epochs[i - 1]);
}

/* Makes one range of from..to and those it touches, [i, end). */
static void join(struct nc_have *h, struct nc_have_epoch *e, size_t i, size_t end, uint64_t from, uint64_t to)
{
	struct nc_have_range *r = &e->ranges[i];

	r->from = from < r->from ? from : r->from;
	r->to = to > e->ranges[end - 1].to ? to : e->ranges[end - 1].to;
	drop_ranges(h, e, i + 1, end - i - 1);
}

int nc_have_add(struct nc_have *h, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct nc_have_epoch *e = use(h, epoch);

	if (!e || grow(e, 1) < 0)
		return -ENOMEM;
	if (from < e->floor)
		from = e->floor;
	if (from > to)
		return 0;
	size_t i = seek(e, from > 1 ? from - 1 : from), end = i;
	while (end < e->n && (to == UINT64_MAX || e->ranges[end].from <= to + 1))
		end++;
	if (end > i) {
		join(h, e, i, end, from, to);
		return 0;
	}
	memmove(&e->ranges[i + 1], &e->ranges[i], (e->n - i) * sizeof(e->ranges[0]));
	e->ranges[i] = (struct nc_have_range){ .from = from, .to = to };
	e->n++;
	h->ranges++;
	make_room(h);
	return 0;
}

/* Takes from..to out of range i, of which they are the middle. */
static int split(struct nc_have *h, struct nc_have_epoch *e, size_t i, uint64_t from, uint64_t to)
{
	if (grow(e, 1) < 0)
		return -ENOMEM;
	memmove(&e->ranges[i + 1], &e->ranges[i], (e->n - i) * sizeof(e->ranges[0]));
	e->ranges[i].to = from - 1;
	e->ranges[i + 1].from = to + 1;
	e->n++;
	h->ranges++;
	return 0;
}

int nc_have_remove(struct nc_have *h, uint64_t epoch, uint64_t from, uint64_t to)
{
	const struct nc_have_epoch *known = find(h, epoch);
	struct nc_have_epoch *e = known ? &h->epochs[known - h->epochs] : NULL;

	if (!e)
		return 0;
	size_t i = seek(e, from);
	if (i < e->n && e->ranges[i].from < from) {
		if (e->ranges[i].to > to)
			return split(h, e, i, from, to);
		e->ranges[i++].to = from - 1;
	}
	size_t end = i;
	while (end < e->n && e->ranges[end].to <= to)
		end++;
	if (end < e->n && e->ranges[end].from <= to)
		e->ranges[end].from = to + 1;
	drop_ranges(h, e, i, end - i);
	if (e->n == 0 && e->floor == 1)
		drop_epoch(h, (size_t)(e - h->epochs));
	return 0;
}

void nc_have_floor(struct nc_have *h, uint64_t epoch, uint64_t floor)
{
	const struct nc_have_epoch *known = find(h, epoch);
	struct nc_have_epoch *e = known ? &h->epochs[known - h->epochs] : NULL;

	if (!e || floor <= e->floor)
		return;
	e->floor = floor;
	size_t i = seek(e, floor);
	if (i < e->n && e->ranges[i].from < floor)
		e->ranges[i].from = floor;
	drop_ranges(h, e, 0, i);
}
