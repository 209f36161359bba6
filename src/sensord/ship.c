/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's queue: blocks wait in memory, bounded, until the transport takes them. */
#include "config.h"

#include "sensord/ship.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"

#define RETRY (NC_NS_PER_S / 5)
#define ROUND 16u /* blocks that are sent before the rest of the loop has its turn */

struct item {
	struct item *next;
	struct nc_block_info info;
	uint8_t block[];
};

struct nc_ship {
	struct nc_loop *loop;
	struct nc_transport *t;
	struct nc_loop_timer *retry;
	struct item *head, **tail;
	uint64_t limit;
	struct nc_ship_state state;
	struct nc_log_limit said;
	bool waiting; /* the transport said not now */
};

int nc_ship_new(struct nc_loop *loop, struct nc_transport *t, uint64_t limit, struct nc_ship **ret)
{
	struct nc_ship *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->t = t;
	s->limit = limit;
	s->tail = &s->head;
	*ret = s;
	return 0;
}

static void pop(struct nc_ship *s)
{
	struct item *i = s->head;

	s->head = i->next;
	if (!s->head)
		s->tail = &s->head;
	s->state.queue_bytes -= i->info.size;
	s->state.queue_blocks--;
	free(i);
}

static void drop_oldest(struct nc_ship *s)
{
	s->state.dropped_records += s->waiting ? s->t->abandon(s->t) : s->head->info.count;
	s->state.dropped_blocks++;
	s->waiting = false;
	pop(s);
}

static void on_retry(void *user)
{
	struct nc_ship *s = user;

	s->retry = NULL;
	(void)nc_ship_pump(s);
}

bool nc_ship_pump(struct nc_ship *s)
{
	for (unsigned n = 0; s->head && n < ROUND; n++) {
		s->waiting = s->t->submit(s->t, &s->head->info, s->head->block) == -EAGAIN;
		if (s->waiting)
			break;
		pop(s);
	}
	if (s->head && !s->retry)
		(void)nc_loop_add_timer(s->loop, s->waiting ? RETRY : 0, 0, on_retry, s, &s->retry);
	return !s->head;
}

static void make_room(struct nc_ship *s, uint64_t n)
{
	unsigned hidden;
	bool dropped = false;

	while (s->head && (n > s->limit || s->state.queue_bytes > s->limit - n)) {
		drop_oldest(s);
		dropped = true;
	}
	if (dropped && nc_log_allow(&s->said, 1, 60 * NC_NS_PER_S, nc_time_mono(), &hidden))
		nc_warn("the queue is full (queue.limit): the oldest records are dropped; %llu so far",
		        (unsigned long long)s->state.dropped_records);
}

void nc_ship_block(struct nc_ship *s, const uint8_t *block, size_t n)
{
	uint8_t head[NC_BLOCK_HEADER_LEN];
	struct nc_block_info info;

	/* a worker may still write to what it gave: what is checked is a copy, and the copy is what goes on */
	if (n < sizeof(head))
		return;
	memcpy(head, block, sizeof(head));
	if (nc_block_info(head, sizeof(head), &info) != 0 || info.size != n)
		return;
	make_room(s, n);
	struct item *i = n <= s->limit ? malloc(sizeof(*i) + n) : NULL;
	if (!i) {
		s->state.dropped_blocks++;
		s->state.dropped_records += info.count;
		return;
	}
	i->next = NULL;
	i->info = info;
	memcpy(i->block, head, sizeof(head));
	memcpy(i->block + sizeof(head), block + sizeof(head), n - sizeof(head));
	*s->tail = i;
	s->tail = &i->next;
	s->state.queue_bytes += n;
	s->state.queue_blocks++;
	if (!s->retry)
		(void)nc_ship_pump(s);
}

void nc_ship_limit(struct nc_ship *s, uint64_t limit)
{
	s->limit = limit;
	make_room(s, 0);
}

void nc_ship_get_state(const struct nc_ship *s, struct nc_ship_state *queue, struct nc_transport_state *transport)
{
	*queue = s->state;
	*transport = s->t->state;
}

uint64_t nc_ship_free(struct nc_ship *s)
{
	if (!s)
		return 0;
	uint64_t before = s->state.dropped_records;
	while (s->head)
		drop_oldest(s);
	uint64_t left = s->state.dropped_records - before;
	nc_loop_del_timer(s->retry);
	s->t->close(s->t);
	free(s);
	return left;
}
