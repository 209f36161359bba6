/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A buddy allocator in a fixed piece of memory. */
#include "flow/pool.h"

#include <stdbool.h>

#define TOP        (NC_POOL_ORDERS - 1)
#define TOP_UNITS  (1u << TOP)
#define IN_USE     0x80u
#define ON_LIST    0x40u

/* Stands in a free block. */
struct link {
	uint32_t next, prev; /* unit plus 1 */
};

static struct link *link_of(const struct nc_pool *p, uint32_t unit)
{
	return (struct link *)(void *)(p->blocks + (size_t)unit * NC_POOL_UNIT);
}

static void push(struct nc_pool *p, uint32_t unit, unsigned order)
{
	struct link *l = link_of(p, unit);

	l->prev = 0;
	l->next = p->free[order];
	if (l->next)
		link_of(p, l->next - 1)->prev = unit + 1;
	p->free[order] = unit + 1;
	p->orders[unit] = (uint8_t)(ON_LIST | order);
}

static void pull(struct nc_pool *p, uint32_t unit, unsigned order)
{
	const struct link *l = link_of(p, unit);

	if (l->prev)
		link_of(p, l->prev - 1)->next = l->next;
	else
		p->free[order] = l->next;
	if (l->next)
		link_of(p, l->next - 1)->prev = l->prev;
	p->orders[unit] = 0;
}

void nc_pool_init(struct nc_pool *p, void *mem, size_t size)
{
	size_t tops = size / (NC_POOL_BLOCK + TOP_UNITS);

	if (tops > UINT32_MAX / TOP_UNITS / 2)
		tops = UINT32_MAX / TOP_UNITS / 2;
	*p = (struct nc_pool){ .blocks = mem, .units = (uint32_t)tops * TOP_UNITS, .size = tops * NC_POOL_BLOCK };
	p->orders = p->blocks + p->size;
}

static unsigned order_for(size_t n)
{
	unsigned order = 0;

	while (order < NC_POOL_ORDERS && (size_t)NC_POOL_UNIT << order < n)
		order++;
	return order;
}

/* A free block of at least that order, off its list; false when there is none. */
static bool take(struct nc_pool *p, unsigned order, uint32_t *unit, unsigned *got)
{
	for (unsigned k = order; k < NC_POOL_ORDERS; k++) {
		if (!p->free[k])
			continue;
		*unit = p->free[k] - 1;
		*got = k;
		pull(p, *unit, k);
		return true;
	}
	if (p->fresh == p->units)
		return false;
	*unit = p->fresh;
	*got = TOP;
	p->fresh += TOP_UNITS;
	return true;
}

void *nc_pool_alloc(struct nc_pool *p, size_t n)
{
	unsigned order = order_for(n), got;
	uint32_t unit;

	if (order >= NC_POOL_ORDERS || !take(p, order, &unit, &got))
		return NULL;
	while (got > order) {
		got--;
		push(p, unit + (1u << got), got);
	}
	p->orders[unit] = (uint8_t)(IN_USE | order);
	p->used += (size_t)NC_POOL_UNIT << order;
	return p->blocks + (size_t)unit * NC_POOL_UNIT;
}

static uint32_t unit_of(const struct nc_pool *p, const void *block)
{
	return (uint32_t)((size_t)((const uint8_t *)block - p->blocks) / NC_POOL_UNIT);
}

void nc_pool_free(struct nc_pool *p, void *block)
{
	if (!block)
		return;
	uint32_t unit = unit_of(p, block);
	unsigned order = p->orders[unit] & ~IN_USE;

	p->used -= (size_t)NC_POOL_UNIT << order;
	p->orders[unit] = 0;
	for (; order < TOP; order++) {
		uint32_t buddy = unit ^ 1u << order;
		if (p->orders[buddy] != (ON_LIST | order))
			break;
		pull(p, buddy, order);
		unit &= ~(1u << order);
	}
	push(p, unit, order);
}

size_t nc_pool_room(const struct nc_pool *p, const void *block)
{
	return (size_t)NC_POOL_UNIT << (p->orders[unit_of(p, block)] & ~IN_USE);
}
