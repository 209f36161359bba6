/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's queue: blocks wait in memory, bounded, until the collector has them. */
#include "config.h"

#include "sensord/ship.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/time.h"

#define RETRY (NC_NS_PER_S / 5)
#define ROUND 16u /* blocks that are sent before the rest of the loop has its turn */

struct item {
	TAILQ_ENTRY(item) entry;
	struct nc_block_info info;
	bool flying; /* submitted, without an outcome */
	uint8_t block[];
};
TAILQ_HEAD(list, item);

struct nc_ship {
	struct nc_loop *loop;
	struct nc_transport *t;
	struct nc_loop_timer *retry;
	struct list queue; /* oldest first */
	uint64_t limit;
	struct nc_ship_state state;
	struct nc_log_limit said;
	struct item *offered; /* the transport said not now to it */
	bool pumping;
};

static void take_out(struct nc_ship *s, struct item *i)
{
	TAILQ_REMOVE(&s->queue, i, entry);
	s->state.queue_bytes -= i->info.size;
	s->state.queue_blocks--;
	if (s->offered == i)
		s->offered = NULL;
	free(i);
}

static struct nc_transport_block form(const struct item *i)
{
	return (struct nc_transport_block){ .info = i->info, .data = i->block, .len = i->info.size };
}

static void drop(struct nc_ship *s, struct item *i)
{
	struct nc_transport_block b = form(i);
	bool shown = s->offered == i && s->t->abandon;

	s->state.dropped_records += shown ? s->t->abandon(s->t, &b) : i->info.count;
	s->state.dropped_blocks++;
	take_out(s, i);
}

static void on_retry(void *user)
{
	struct nc_ship *s = user;

	s->retry = NULL;
	(void)nc_ship_pump(s);
}

static void pump_later(struct nc_ship *s, int64_t after)
{
	if (!s->retry)
		(void)nc_loop_add_timer(s->loop, after, 0, on_retry, s, &s->retry);
}

/* --- what the transport tells ------------------------------------------------------------------------------------------------
 */

static void on_durable(void *user, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct nc_ship *s = user;
	struct item *next;

	for (struct item *i = TAILQ_FIRST(&s->queue); i; i = next) {
		next = TAILQ_NEXT(i, entry);
		if (i->flying && i->info.epoch == epoch && i->info.seq >= from && i->info.seq <= to)
			take_out(s, i);
	}
}

static struct item *find(struct nc_ship *s, uint64_t epoch, uint64_t seq)
{
	struct item *i;

	TAILQ_FOREACH(i, &s->queue, entry)
		if (i->flying && i->info.epoch == epoch && i->info.seq == seq)
			break;
	return i;
}

static void on_rejected(void *user, uint64_t epoch, uint64_t seq, bool permanent, const char *reason)
{
	struct nc_ship *s = user;
	struct item *i = find(s, epoch, seq);

	(void)reason;
	if (i)
		i->flying = false;
	if (i && permanent)
		drop(s, i);
	else
		pump_later(s, RETRY);
}

static void on_left_out(void *user, uint64_t epoch, uint64_t seq, uint32_t records)
{
	struct item *i = find(user, epoch, seq);

	if (i)
		i->info.count -= records < i->info.count ? records : i->info.count;
}

static void on_lost(void *user)
{
	struct nc_ship *s = user;
	struct item *i;

	TAILQ_FOREACH(i, &s->queue, entry)
		i->flying = false;
	pump_later(s, RETRY);
}

static void on_ready(void *user)
{
	struct nc_ship *s = user;

	if (!s->pumping)
		(void)nc_ship_pump(s);
}

static const struct nc_transport_events events = {
	.durable = on_durable, .rejected = on_rejected, .left_out = on_left_out, .lost = on_lost, .ready = on_ready,
};

/* --- the queue ---------------------------------------------------------------------------------------------------------------
 */

int nc_ship_new(struct nc_loop *loop, struct nc_transport *t, uint64_t limit, struct nc_ship **ret)
{
	struct nc_ship *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->t = t;
	s->limit = limit;
	TAILQ_INIT(&s->queue);
	t->events = &events;
	t->user = s;
	*ret = s;
	return 0;
}

static struct item *next_to_go(struct nc_ship *s)
{
	struct item *i = TAILQ_FIRST(&s->queue);

	while (i && i->flying)
		i = TAILQ_NEXT(i, entry);
	return i;
}

/* 0, -EAGAIN: not now. */
static int send_one(struct nc_ship *s, struct item *i)
{
	struct nc_transport_block b = form(i);

	i->flying = true; /* its outcome may come before submit returns: then it is gone */
	int rc = s->t->submit(s->t, &b);
	if (rc == 0) {
		s->offered = NULL;
		return 0;
	}
	i->flying = false;
	if (rc == -EAGAIN)
		s->offered = i;
	else
		take_out(s, i);
	return rc == -EAGAIN ? rc : 0;
}

bool nc_ship_pump(struct nc_ship *s)
{
	struct item *i;
	int rc = 0;

	s->pumping = true;
	for (unsigned n = 0; n < ROUND && (i = next_to_go(s)) && rc == 0; n++)
		rc = send_one(s, i);
	s->pumping = false;
	if (next_to_go(s))
		pump_later(s, rc ? RETRY : 0);
	return TAILQ_EMPTY(&s->queue);
}

static void make_room(struct nc_ship *s, uint64_t n)
{
	unsigned hidden;
	bool dropped = false;

	while (!TAILQ_EMPTY(&s->queue) && (n > s->limit || s->state.queue_bytes > s->limit - n)) {
		drop(s, TAILQ_FIRST(&s->queue));
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
	i->info = info;
	i->flying = false;
	memcpy(i->block, head, sizeof(head));
	memcpy(i->block + sizeof(head), block + sizeof(head), n - sizeof(head));
	TAILQ_INSERT_TAIL(&s->queue, i, entry);
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
	while (!TAILQ_EMPTY(&s->queue))
		drop(s, TAILQ_FIRST(&s->queue));
	uint64_t left = s->state.dropped_records - before;
	nc_loop_del_timer(s->retry);
	s->t->close(s->t);
	free(s);
	return left;
}
