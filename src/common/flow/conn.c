/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of TCP connections: found by a keyed hash, ended by time, and limited in number. */
#include "flow/assembly.h"

#include <string.h>

#define TICK_BITS 32
#define LOOKS_MAX 64u /* at connections of one slot when one has to go */

static uint32_t index_of(const struct nc_tcp *t, const struct nc_conn *c)
{
	return (uint32_t)(c - t->conns);
}

static uint64_t hash(const struct nc_tcp *t, const struct nc_conn_key *k)
{
	uint8_t text[32 + 4 + 4];
	size_t n = k->version == 4 ? 4 : 16;

	memcpy(text, k->ip[0], n);
	memcpy(text + n, k->ip[1], n);
	memcpy(text + 2 * n, k->port, sizeof(k->port));
	memcpy(text + 2 * n + 4, &k->tunnel, sizeof(k->tunnel));
	return nc_siphash(t->seed, text, 2 * n + 8);
}

static bool same(const struct nc_conn *c, const struct nc_conn_key *k)
{
	return memcmp(c->port, k->port, sizeof(k->port)) == 0 && memcmp(c->ip, k->ip, sizeof(k->ip)) == 0 &&
	       c->tunnel == k->tunnel && c->version == k->version;
}

struct nc_conn *nc_conn_find(struct nc_tcp *t, const struct nc_conn_key *k, uint32_t *bucket)
{
	*bucket = (uint32_t)hash(t, k) & t->bucket_mask;
	for (uint32_t i = t->buckets[*bucket]; i; i = t->conns[i].chain)
		if (same(&t->conns[i], k))
			return &t->conns[i];
	return NULL;
}

static void unchain(struct nc_tcp *t, const struct nc_conn *c)
{
	struct nc_conn_key k = { .tunnel = c->tunnel, .version = c->version };
	memcpy(k.ip, c->ip, sizeof(k.ip));
	memcpy(k.port, c->port, sizeof(k.port));
	uint32_t *link = &t->buckets[(uint32_t)hash(t, &k) & t->bucket_mask];

	while (*link != index_of(t, c))
		link = &t->conns[*link].chain;
	*link = c->chain;
}

/* --- times -------------------------------------------------------------------------------------------------------------------
 */

static uint32_t *slot_of(struct nc_tcp *t, int64_t tick)
{
	return &t->slots[(uint64_t)tick % NC_CONN_SLOTS];
}

static void leave_slot(struct nc_tcp *t, struct nc_conn *c)
{
	if (c->older)
		t->conns[c->older].newer = c->newer;
	else
		*slot_of(t, c->tick) = c->newer;
	if (c->newer)
		t->conns[c->newer].older = c->older;
}

/* In a slot the one that came last stands first. */
static void enter_slot(struct nc_tcp *t, struct nc_conn *c)
{
	c->tick = (int32_t)(c->last_ns >> TICK_BITS);
	uint32_t *head = slot_of(t, c->tick);
	c->older = 0;
	c->newer = *head;
	if (*head)
		t->conns[*head].older = index_of(t, c);
	*head = index_of(t, c);
	if (c->tick < t->swept)
		t->swept = c->tick;
}

bool nc_conn_expired(const struct nc_tcp *t, const struct nc_conn *c, int64_t now_ns)
{
	int64_t idle;

	if (t->timeout_ns == 0)
		return false;
	return __builtin_sub_overflow(now_ns, c->last_ns, &idle) ? now_ns > c->last_ns : idle > t->timeout_ns;
}

/* Looks at those of a slot that can have been idle since `tick`. */
static void sweep_slot(struct nc_tcp *t, int64_t slot, int64_t tick, int64_t now_ns)
{
	for (uint32_t i = *slot_of(t, slot), next; i; i = next) {
		struct nc_conn *c = &t->conns[i];
		next = c->newer;
		if (c->tick > tick)
			continue;
		if (nc_conn_expired(t, c, now_ns)) {
			t->counters->timeouts += (c->flags & NC_CONN_LIVE) != 0;
			nc_conn_drop(t, c);
		} else if (c->last_ns >> TICK_BITS != c->tick) {
			leave_slot(t, c);
			enter_slot(t, c);
		}
	}
}

void nc_tcp_sweep(struct nc_tcp *t, int64_t now_ns)
{
	int64_t end;

	if (t->timeout_ns == 0 || __builtin_sub_overflow(now_ns, t->timeout_ns, &end))
		return;
	int64_t tick = end >> TICK_BITS, from = t->swept;
	if (tick < from)
		return;
	if (tick - from >= NC_CONN_SLOTS)
		from = tick - NC_CONN_SLOTS + 1;
	t->swept = tick;
	for (int64_t k = from; k <= tick; k++)
		sweep_slot(t, k, tick, now_ns);
}

/* One of those that have been idle for longest: exactly that one when few share its 4.3 s. */
static struct nc_conn *longest_idle(struct nc_tcp *t)
{
	for (unsigned k = 0; k <= NC_CONN_SLOTS; k++, t->swept++) {
		unsigned looks = 0;
		struct nc_conn *best = NULL;
		for (uint32_t i = *slot_of(t, t->swept), next; i && looks < LOOKS_MAX; i = next, looks++) {
			struct nc_conn *c = &t->conns[i];
			next = c->newer;
			if (c->last_ns >> TICK_BITS != c->tick) {
				leave_slot(t, c);
				enter_slot(t, c);
			} else if (!best || c->last_ns < best->last_ns) {
				best = c;
			}
		}
		if (best)
			return best;
		if (looks == LOOKS_MAX)
			k = 0, t->swept--;
	}
	return NULL;
}

/* --- lists -------------------------------------------------------------------------------------------------------------------
 */

static void delist(struct nc_tcp *t, struct nc_conn *c)
{
	struct nc_conn_ends *l = &t->lists[c->list];

	if (c->list == NC_LIST_NONE)
		return;
	*(c->prev ? &t->conns[c->prev].next : &l->head) = c->next;
	*(c->next ? &t->conns[c->next].prev : &l->tail) = c->prev;
	l->count--;
	c->prev = c->next = 0;
}

void nc_conn_enlist(struct nc_tcp *t, struct nc_conn *c, enum nc_conn_list list)
{
	struct nc_conn_ends *l = &t->lists[list];

	delist(t, c);
	c->list = (uint8_t)list;
	if (list == NC_LIST_NONE)
		return;
	c->prev = l->tail;
	*(l->tail ? &t->conns[l->tail].next : &l->head) = index_of(t, c);
	l->tail = index_of(t, c);
	l->count++;
}

/* --- life --------------------------------------------------------------------------------------------------------------------
 */

void nc_conn_drop(struct nc_tcp *t, struct nc_conn *c)
{
	nc_tcp_finish(t, c);
	nc_conn_enlist(t, c, NC_LIST_NONE);
	leave_slot(t, c);
	unchain(t, c);
	c->chain = t->conn_free;
	t->conn_free = index_of(t, c);
}

static void make_room(struct nc_tcp *t)
{
	uint32_t quiet = t->lists[NC_LIST_QUIET].head;

	if (t->lists[NC_LIST_QUIET].count >= t->quiet_max) {
		t->counters->quiet_evicted++;
		nc_conn_drop(t, &t->conns[quiet]);
		return;
	}
	if (t->conn_free || t->conn_fresh < t->conn_max)
		return;
	struct nc_conn *c = longest_idle(t);
	if (!c)
		return;
	t->counters->evicted += (c->flags & NC_CONN_LIVE) != 0;
	t->counters->quiet_evicted += c->list == NC_LIST_QUIET;
	nc_conn_drop(t, c);
}

static uint32_t take_free(struct nc_tcp *t)
{
	uint32_t i = t->conn_free;

	if (i)
		t->conn_free = t->conns[i].chain;
	else if (t->conn_fresh < t->conn_max)
		i = t->conn_fresh++;
	return i;
}

struct nc_conn *nc_conn_new(struct nc_tcp *t, const struct nc_conn_key *k, uint32_t bucket)
{
	make_room(t);
	uint32_t i = take_free(t);
	if (!i)
		return NULL;
	struct nc_conn *c = &t->conns[i];
	*c = (struct nc_conn){ .chain = t->buckets[bucket], .tunnel = k->tunnel, .version = k->version, .last_ns = t->now_ns };
	memcpy(c->ip, k->ip, sizeof(c->ip));
	memcpy(c->port, k->port, sizeof(c->port));
	t->buckets[bucket] = i;
	enter_slot(t, c);
	return c;
}
