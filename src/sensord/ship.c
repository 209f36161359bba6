/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's queue: blocks wait in memory, bounded, and on disk where there is a spool, until the collector has them. */
#include "config.h"

#include "sensord/ship.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/message.h"
#include "base/text.h"
#include "base/time.h"

#define RETRY       (NC_NS_PER_S / 5)
#define LATER_FIRST (NC_NS_PER_S / 2)  /* until a block comes again that the collector could not take */
#define LATER_MOST  (4 * NC_NS_PER_S)   /* the transport itself waits longer where nothing is taken */
#define DISK_AGAIN  NC_NS_PER_S        /* after the spool failed */
#define SYNC_AFTER  NC_NS_PER_S
#define ROUND       16u /* blocks that are sent before the rest of the loop has its turn */

/* What goes first when memory is short: the lower rank. */
enum rank { RANK_PACKETS, RANK_RECORDS, RANK_FLOWS, RANK_LEDGER, RANKS };

static const struct {
	uint16_t type;
	enum rank rank;
} ranks[] = {
	{ TYPES__TYPE__NC_LossLedger, RANK_LEDGER },
	{ TYPES__TYPE__NC_Flow, RANK_FLOWS },
	{ TYPES__TYPE__NC_Connection, RANK_FLOWS },
	{ TYPES__TYPE__NC_LinkFlow, RANK_FLOWS },
	{ TYPES__TYPE__NC_NetworkFlow, RANK_FLOWS },
	{ TYPES__TYPE__NC_TransportFlow, RANK_FLOWS },
	{ TYPES__TYPE__NC_TLSClientHello, RANK_FLOWS },
	{ TYPES__TYPE__NC_TLSServerHello, RANK_FLOWS },
	{ TYPES__TYPE__NC_HTTP, RANK_FLOWS },
	{ TYPES__TYPE__NC_SSH, RANK_FLOWS },
};

/* Where a block is. */
enum place {
	WAITING, /* to be submitted */
	HELD,    /* to be submitted after a while, since the collector could not take it */
	FLYING,  /* submitted, without an outcome */
	PLACES
};

struct item {
	TAILQ_ENTRY(item) in_order, in_rank;
	struct nc_block_info info;
	enum place place;
	enum rank rank;
	uint8_t *data;           /* NULL: on disk only, or given up while it was on its way */
	struct nc_spool_ref ref; /* where it is on disk */
	int64_t held_until;
	unsigned refusals;
};
TAILQ_HEAD(list, item);

struct nc_ship {
	struct nc_loop *loop;
	struct nc_transport *t;
	struct nc_loop_timer *retry, *held, *sync;
	struct list order[PLACES];        /* by age, but for those held */
	struct list rank[2][RANKS];       /* the same by rank: not on their way, on their way */
	struct nc_spool *spool;
	struct nc_buf sealed;
	int64_t disk_again;
	uint64_t limit, memory;           /* bytes */
	uint64_t epoch;                   /* of the newest block */
	struct nc_ship_state state;
	struct nc_log_limit said, disk_said, rejected_said;
	struct item *offered;             /* the transport said not now to it */
	struct item *submitting;          /* NULL again when it got its outcome meanwhile */
	bool pumping;
};

const char *nc_ship_reason_name(enum nc_ship_reason r)
{
	static const char *const names[NC_SHIP_REASONS] = {
		[NC_SHIP_MEMORY] = "memory",         [NC_SHIP_FLIGHT] = "flight",     [NC_SHIP_SPOOL] = "spool",
		[NC_SHIP_DAMAGE] = "damage",         [NC_SHIP_REJECTED] = "rejected",
		[NC_SHIP_UNSENDABLE] = "unsendable", [NC_SHIP_STOP] = "stop",
	};

	return names[r];
}

/* --- lists and sums ----------------------------------------------------------------------------------------------------------
 */

static enum rank rank_of(const struct nc_block_info *info)
{
	if (info->kind != NC_BLOCK_RECORDS)
		return RANK_PACKETS;
	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		if (ranks[i].type == info->type)
			return ranks[i].rank;
	return RANK_RECORDS;
}

static struct list *rank_list(struct nc_ship *s, const struct item *i)
{
	return &s->rank[i->place == FLYING][i->rank];
}

/* Whether a was built before b. What comes from the spool of an earlier start is older than all of this one. */
static bool older(const struct nc_ship *s, const struct nc_block_info *a, const struct nc_block_info *b)
{
	if (a->epoch == b->epoch)
		return a->seq < b->seq;
	return b->epoch == s->epoch;
}

static void enter_order(struct nc_ship *s, struct list *l, struct item *i)
{
	struct item *at = TAILQ_LAST(l, list);

	if (at && older(s, &i->info, &at->info)) {
		TAILQ_FOREACH(at, l, in_order)
			if (older(s, &i->info, &at->info))
				break;
		TAILQ_INSERT_BEFORE(at, i, in_order);
		return;
	}
	TAILQ_INSERT_TAIL(l, i, in_order);
}

static void enter_rank(struct nc_ship *s, struct list *l, struct item *i)
{
	struct item *at = TAILQ_LAST(l, list);

	if (at && older(s, &i->info, &at->info)) {
		TAILQ_FOREACH(at, l, in_rank)
			if (older(s, &i->info, &at->info))
				break;
		TAILQ_INSERT_BEFORE(at, i, in_rank);
		return;
	}
	TAILQ_INSERT_TAIL(l, i, in_rank);
}

static void enter(struct nc_ship *s, struct item *i, enum place place)
{
	i->place = place;
	enter_order(s, &s->order[place], i);
	enter_rank(s, rank_list(s, i), i);
}

static void leave(struct nc_ship *s, struct item *i)
{
	TAILQ_REMOVE(&s->order[i->place], i, in_order);
	TAILQ_REMOVE(rank_list(s, i), i, in_rank);
}

static void move(struct nc_ship *s, struct item *i, enum place place)
{
	leave(s, i);
	enter(s, i, place);
}

static void free_data(struct nc_ship *s, struct item *i)
{
	if (!i->data)
		return;
	free(i->data);
	i->data = NULL;
	s->memory -= i->info.size;
	s->state.queue_bytes -= i->info.size;
}

/* Takes the item out; what becomes of its records is the caller's to count. */
static void take_out(struct nc_ship *s, struct item *i)
{
	leave(s, i);
	free_data(s, i);
	s->memory -= sizeof(*i);
	s->state.queue_blocks--;
	s->state.waiting.blocks--;
	s->state.waiting.records -= i->info.count;
	if (i->ref.file) {
		s->state.spooled.blocks--;
		s->state.spooled.records -= i->info.count;
	}
	if (s->offered == i)
		s->offered = NULL;
	if (s->submitting == i)
		s->submitting = NULL;
	free(i);
}

static void count_dropped(struct nc_ship *s, const struct nc_block_info *info, enum nc_ship_reason why, uint32_t records)
{
	if (records == 0)
		return;
	s->state.dropped[why].records += records;
	s->state.dropped_types[why][nc_spool_slot(info->type)] += records;
}

/* The end of a block of which so many records are lost; NC_SHIP_REASONS: none. */
static void settle(struct nc_ship *s, struct item *i, enum nc_ship_reason why, uint32_t lost)
{
	if (why < NC_SHIP_REASONS && lost == i->info.count)
		s->state.dropped[why].blocks++;
	else
		s->state.acknowledged.blocks++;
	s->state.acknowledged.records += i->info.count - lost;
	count_dropped(s, &i->info, why, lost);
	if (i->ref.file)
		nc_spool_done(s->spool, &i->ref);
	take_out(s, i);
}

static struct nc_transport_block form(const struct item *i)
{
	return (struct nc_transport_block){ .info = i->info, .data = i->data, .len = i->info.size };
}

static void drop(struct nc_ship *s, struct item *i, enum nc_ship_reason why)
{
	struct nc_transport_block b = form(i);
	uint32_t lost = i->info.count;

	if (s->offered == i && s->t->abandon)
		lost = s->t->abandon(s->t, &b);
	settle(s, i, why, lost < i->info.count ? lost : i->info.count);
}

/* --- timers ------------------------------------------------------------------------------------------------------------------
 */

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

static void on_held(void *user)
{
	struct nc_ship *s = user;
	int64_t now = nc_time_mono();
	struct item *i, *next;

	s->held = NULL;
	for (i = TAILQ_FIRST(&s->order[HELD]); i; i = next) {
		next = TAILQ_NEXT(i, in_order);
		if (now >= i->held_until)
			move(s, i, WAITING);
	}
	if (!TAILQ_EMPTY(&s->order[HELD]))
		(void)nc_loop_add_timer(s->loop, LATER_FIRST, 0, on_held, s, &s->held);
	pump_later(s, 0);
}

static void hold(struct nc_ship *s, struct item *i)
{
	int64_t wait = i->refusals < 6 ? LATER_FIRST << i->refusals : LATER_MOST;

	i->refusals++;
	i->held_until = nc_time_mono() + (wait < LATER_MOST ? wait : LATER_MOST);
	move(s, i, HELD);
	if (!s->held)
		(void)nc_loop_add_timer(s->loop, LATER_FIRST, 0, on_held, s, &s->held);
}

static void on_sync(void *user)
{
	struct nc_ship *s = user;

	s->sync = NULL;
	(void)nc_spool_sync(s->spool);
}

/* --- what the transport tells ------------------------------------------------------------------------------------------------
 */

static void acknowledge(struct nc_ship *s, enum place place, uint64_t epoch, uint64_t from, uint64_t to, uint64_t *left)
{
	struct item *next;

	for (struct item *i = TAILQ_FIRST(&s->order[place]); i && *left > 0; i = next) {
		next = TAILQ_NEXT(i, in_order);
		if (i->info.epoch != epoch || i->info.seq < from)
			continue;
		if (i->info.seq <= to) {
			settle(s, i, NC_SHIP_REASONS, 0);
			(*left)--;
		} else if (place == WAITING) {
			break;
		}
	}
}

static void on_durable(void *user, uint64_t epoch, uint64_t from, uint64_t to)
{
	uint64_t left = to < from ? 0 : to - from == UINT64_MAX ? UINT64_MAX : to - from + 1;

	acknowledge(user, FLYING, epoch, from, to, &left);
	/* those that are to be sent again since an acknowledgement was lost */
	acknowledge(user, HELD, epoch, from, to, &left);
	acknowledge(user, WAITING, epoch, from, to, &left);
}

static struct item *find_flying(struct nc_ship *s, uint64_t epoch, uint64_t seq)
{
	struct item *i;

	TAILQ_FOREACH(i, &s->order[FLYING], in_order)
		if (i->info.epoch == epoch && i->info.seq == seq)
			break;
	return i;
}

static void tell_rejected(struct nc_ship *s, const struct item *i, const char *reason)
{
	const struct nc_type *t = nc_type_by_number(i->info.type);
	unsigned hidden = 0;

	nc_text_escape(s->state.rejected, sizeof(s->state.rejected), reason, strlen(reason));
	if (!nc_log_allow(&s->rejected_said, 3, 60 * NC_NS_PER_S, nc_time_mono(), &hidden))
		return;
	const struct nc_about about = { .record_type = t ? t->name : NULL, .reason = s->state.rejected, .hidden = hidden };
	nc_say(NC_SAY_BLOCK_REFUSED, &about, "the collector refused a block of %u records (%s) for good: %s", i->info.count,
	       t ? t->name : "of an unknown type", s->state.rejected);
}

static void on_rejected(void *user, uint64_t epoch, uint64_t seq, bool permanent, const char *reason)
{
	struct nc_ship *s = user;
	struct item *i = find_flying(s, epoch, seq);

	if (!i)
		return;
	if (permanent) {
		tell_rejected(s, i, reason);
		settle(s, i, NC_SHIP_REJECTED, i->info.count);
	} else if (i->data || i->ref.file) {
		hold(s, i);
	} else {
		settle(s, i, NC_SHIP_FLIGHT, i->info.count);
	}
}

static void on_left_out(void *user, uint64_t epoch, uint64_t seq, uint32_t records)
{
	struct nc_ship *s = user;
	struct item *i = find_flying(s, epoch, seq);

	if (!i)
		return;
	records = records < i->info.count ? records : i->info.count;
	i->info.count -= records;
	s->state.waiting.records -= records;
	s->state.spooled.records -= i->ref.file ? records : 0;
	count_dropped(s, &i->info, NC_SHIP_UNSENDABLE, records);
}

/* Nothing is on its way any more. From the newest to the oldest, so that each finds its place at the head at once. */
static void land(struct nc_ship *s)
{
	struct item *i;

	while ((i = TAILQ_LAST(&s->order[FLYING], list))) {
		if (i->data || i->ref.file)
			move(s, i, WAITING);
		else
			settle(s, i, NC_SHIP_FLIGHT, i->info.count);
	}
}

static void on_lost(void *user)
{
	struct nc_ship *s = user;

	s->offered = NULL;
	land(s);
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

/* --- sending -----------------------------------------------------------------------------------------------------------------
 */

static struct item *new_item(struct nc_ship *s, const struct nc_block_info *info)
{
	struct item *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->info = *info;
	i->rank = rank_of(info);
	s->memory += sizeof(*i);
	s->state.queue_blocks++;
	s->state.waiting.blocks++;
	s->state.waiting.records += info->count;
	return i;
}

/* The oldest block of the spool, when it is older than all that waits in memory, comes to the head of the queue. */
static void fetch(struct nc_ship *s)
{
	struct item *first = TAILQ_FIRST(&s->order[WAITING]);
	struct nc_block_info info;
	struct nc_spool_ref ref;

	if (!s->spool || !nc_spool_peek(s->spool, &info) || (first && !older(s, &info, &first->info)))
		return;
	if (nc_spool_next(s->spool, &info, &ref) == 0)
		return;
	struct item *i = new_item(s, &info);
	if (!i) { /* it comes back with the next start */
		s->state.dropped[NC_SHIP_MEMORY].blocks++;
		count_dropped(s, &info, NC_SHIP_MEMORY, info.count);
		return;
	}
	i->ref = ref;
	s->state.spooled.blocks++;
	s->state.spooled.records += info.count;
	enter(s, i, WAITING);
}

static int load(struct nc_ship *s, const struct item *i, struct nc_transport_block *b)
{
	*b = form(i);
	if (i->data)
		return 0;
	int rc = nc_spool_read(s->spool, &i->ref, &s->sealed);
	b->data = s->sealed.data;
	b->len = s->sealed.len;
	b->sealed = true;
	return rc;
}

/* 0, -EAGAIN: not now. */
static int send_one(struct nc_ship *s, struct item *i)
{
	const struct nc_ship_tally one = { .blocks = 1, .records = i->info.count };
	struct nc_transport_block b;
	int rc = load(s, i, &b);

	if (rc == -EAGAIN)
		return rc;
	if (rc) {
		drop(s, i, rc == -ESTALE ? NC_SHIP_SPOOL : NC_SHIP_DAMAGE);
		return 0;
	}
	s->submitting = i;
	move(s, i, FLYING); /* its outcome may come before submit returns */
	rc = s->t->submit(s->t, &b);
	i = s->submitting;
	s->submitting = NULL;
	if (rc == 0) {
		s->offered = NULL;
		s->state.sent.blocks += one.blocks;
		s->state.sent.records += one.records;
	} else if (i && rc != -EAGAIN) {
		settle(s, i, NC_SHIP_UNSENDABLE, i->info.count);
	} else if (i && i->place == FLYING) {
		move(s, i, WAITING);
		s->offered = i;
	}
	return rc == -EAGAIN ? rc : 0;
}

static struct item *next_to_go(struct nc_ship *s)
{
	fetch(s);
	return TAILQ_FIRST(&s->order[WAITING]);
}

bool nc_ship_pump(struct nc_ship *s)
{
	struct item *i;
	int rc = 0;

	/* what was to be tried later is tried now */
	nc_loop_del_timer(s->retry);
	s->retry = NULL;
	s->pumping = true;
	for (unsigned n = 0; n < ROUND && rc == 0 && (i = next_to_go(s)); n++)
		rc = send_one(s, i);
	s->pumping = false;
	if (next_to_go(s))
		pump_later(s, rc ? RETRY : 0);
	return s->state.queue_blocks == 0;
}

/* --- room --------------------------------------------------------------------------------------------------------------------
 */

static bool to_disk(struct nc_ship *s, const struct nc_block_info *info, const uint8_t *block, bool before)
{
	struct nc_spool_state st;
	unsigned hidden;

	if (!s->spool || nc_time_mono() < s->disk_again)
		return false;
	int rc = nc_spool_put(s->spool, info, block, before);
	if (rc == 0) {
		if (!s->sync)
			(void)nc_loop_add_timer(s->loop, SYNC_AFTER, 0, on_sync, s, &s->sync);
		return true;
	}
	s->disk_again = nc_time_mono() + DISK_AGAIN;
	nc_spool_state(s->spool, &st);
	if (nc_log_allow(&s->disk_said, 1, 60 * NC_NS_PER_S, nc_time_mono(), &hidden))
		nc_say(NC_SAY_SPOOL_FAILS, &(struct nc_about){ .reason = st.last_error }, "%s; blocks stay in memory meanwhile",
		       st.last_error);
	return false;
}

/* The oldest block that waits in memory, but for one that is half sent. */
static struct item *oldest_in_memory(const struct nc_ship *s)
{
	struct item *i;

	TAILQ_FOREACH(i, &s->order[WAITING], in_order)
		if (i->data && !(i == s->offered && s->t->abandon))
			return i;
	return TAILQ_FIRST(&s->order[HELD]) && TAILQ_FIRST(&s->order[HELD])->data ? TAILQ_FIRST(&s->order[HELD]) : NULL;
}

static bool move_to_disk(struct nc_ship *s)
{
	struct item *i = oldest_in_memory(s);

	if (!i || !to_disk(s, &i->info, i->data, false))
		return false;
	take_out(s, i);
	return true;
}

static struct item *first_in_memory(const struct list *l)
{
	struct item *i;

	TAILQ_FOREACH(i, l, in_rank)
		if (i->data)
			break;
	return i;
}

/* Frees memory for a block of this rank (RANKS: whatever it costs); false when nothing can go for it. */
static bool give_up_one(struct nc_ship *s, unsigned rank)
{
	struct item *i;

	for (unsigned r = 0; r <= rank && r < RANKS; r++) {
		i = first_in_memory(&s->rank[0][r]);
		if (!i)
			continue;
		drop(s, i, NC_SHIP_MEMORY);
		return true;
	}
	/* those on their way keep their names: the collector may still say that it has them */
	for (unsigned r = 0; r < rank; r++) {
		i = first_in_memory(&s->rank[1][r]);
		if (!i)
			continue;
		free_data(s, i);
		return true;
	}
	return false;
}

static bool fits(const struct nc_ship *s, uint64_t n)
{
	return n <= s->limit && s->memory <= s->limit - n;
}

static bool make_room(struct nc_ship *s, unsigned rank, uint64_t n)
{
	unsigned hidden;
	bool dropped = false;

	while (!fits(s, n)) {
		if (move_to_disk(s))
			continue;
		if (!give_up_one(s, rank))
			break;
		dropped = true;
	}
	if (dropped && nc_log_allow(&s->said, 1, 60 * NC_NS_PER_S, nc_time_mono(), &hidden))
		nc_say(NC_SAY_QUEUE_FULL, NULL, "the queue is full (queue.limit): the oldest records are dropped; %llu so far",
		       (unsigned long long)s->state.dropped[NC_SHIP_MEMORY].records);
	return fits(s, n);
}

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
	for (unsigned i = 0; i < PLACES; i++)
		TAILQ_INIT(&s->order[i]);
	for (unsigned i = 0; i < RANKS; i++) {
		TAILQ_INIT(&s->rank[0][i]);
		TAILQ_INIT(&s->rank[1][i]);
	}
	t->events = &events;
	t->user = s;
	*ret = s;
	return 0;
}

void nc_ship_set_spool(struct nc_ship *s, struct nc_spool *spool)
{
	struct nc_spool_state st;

	s->spool = spool;
	nc_spool_state(spool, &st);
	s->state.recovered = (struct nc_ship_tally){ .blocks = st.found.blocks, .records = st.found.records };
	if (st.found.blocks)
		pump_later(s, 0);
}

void nc_ship_seal_to(struct nc_ship *s, const uint8_t key[static NC_KEY_LEN])
{
	if (s->spool)
		nc_spool_seal_to(s->spool, key);
}

bool nc_ship_behind(const struct nc_ship *s)
{
	return s->spool && nc_spool_behind(s->spool);
}

/* The block into memory; false when there is no room. */
static bool keep(struct nc_ship *s, const struct nc_block_info *info, const uint8_t head[static NC_BLOCK_HEADER_LEN],
                 const uint8_t *block)
{
	uint8_t *data = make_room(s, rank_of(info), info->size + sizeof(struct item)) ? malloc(info->size) : NULL;
	struct item *i = data ? new_item(s, info) : NULL;

	if (!i) {
		free(data);
		return false;
	}
	memcpy(data, head, NC_BLOCK_HEADER_LEN);
	memcpy(data + NC_BLOCK_HEADER_LEN, block + NC_BLOCK_HEADER_LEN, info->size - NC_BLOCK_HEADER_LEN);
	i->data = data;
	s->memory += info->size;
	s->state.queue_bytes += info->size;
	enter(s, i, WAITING);
	return true;
}

/* What there is no memory for. */
static bool straight_to_disk(struct nc_ship *s, const struct nc_block_info *info, const uint8_t head[static NC_BLOCK_HEADER_LEN],
                             const uint8_t *block)
{
	uint8_t *copy = s->spool ? malloc(info->size) : NULL;

	if (!copy)
		return false;
	memcpy(copy, head, NC_BLOCK_HEADER_LEN);
	memcpy(copy + NC_BLOCK_HEADER_LEN, block + NC_BLOCK_HEADER_LEN, info->size - NC_BLOCK_HEADER_LEN);
	bool done = to_disk(s, info, copy, false);
	free(copy);
	return done;
}

void nc_ship_block(struct nc_ship *s, const uint8_t *block, size_t n, uint32_t count)
{
	uint8_t head[NC_BLOCK_HEADER_LEN];
	struct nc_block_info info = { .type = UINT16_MAX, .count = count };

	/* a worker may still write to what it gave: what is checked is a copy, and the copy is what goes on */
	if (n >= sizeof(head))
		memcpy(head, block, sizeof(head));
	bool right = n >= sizeof(head) && nc_block_info(head, sizeof(head), &info) == 0 && info.size == n;
	s->state.built.blocks++;
	s->state.built.records += info.count;
	s->epoch = right ? info.epoch : s->epoch;
	if (right && (keep(s, &info, head, block) || straight_to_disk(s, &info, head, block))) {
		if (!s->retry)
			(void)nc_ship_pump(s);
		return;
	}
	enum nc_ship_reason why = right ? NC_SHIP_MEMORY : NC_SHIP_DAMAGE;
	s->state.dropped[why].blocks++;
	count_dropped(s, &info, why, info.count);
}

void nc_ship_limit(struct nc_ship *s, uint64_t limit, uint64_t spool_limit)
{
	s->limit = limit;
	(void)make_room(s, RANKS, 0);
	if (s->spool)
		nc_spool_limit(s->spool, spool_limit);
}

void nc_ship_get_state(const struct nc_ship *s, struct nc_ship_state *queue, struct nc_transport_state *transport)
{
	static const enum nc_ship_reason reasons[NC_SPOOL_LOSSES] = {
		[NC_SPOOL_FULL] = NC_SHIP_SPOOL, [NC_SPOOL_DAMAGED] = NC_SHIP_DAMAGE,
	};

	*queue = s->state;
	*transport = s->t->state;
	if (!s->spool)
		return;
	nc_spool_state(s->spool, &queue->spool);
	queue->waiting.blocks += queue->spool.waiting.blocks;
	queue->waiting.records += queue->spool.waiting.records;
	queue->spooled.blocks += queue->spool.waiting.blocks;
	queue->spooled.records += queue->spool.waiting.records;
	for (unsigned k = 0; k < NC_SPOOL_LOSSES; k++) {
		queue->dropped[reasons[k]].blocks += queue->spool.lost[k].blocks;
		queue->dropped[reasons[k]].records += queue->spool.lost[k].records;
		for (size_t i = 0; i <= NC_TYPES_MAX; i++)
			queue->dropped_types[reasons[k]][i] += queue->spool.lost_types[k][i];
	}
}

int nc_ship_ledger(struct nc_ship *s, uint64_t epoch, int64_t when, const struct nc_transport_counter *list, size_t n)
{
	return s->t->ledger ? s->t->ledger(s->t, epoch, when, list, n) : -ENOTSUP;
}

/* --- the end -----------------------------------------------------------------------------------------------------------------
 */

/* The name of the oldest block on the disk; false when there is none. */
static bool oldest_on_disk(struct nc_ship *s, struct nc_block_info *ret)
{
	struct item *i;

	TAILQ_FOREACH(i, &s->order[WAITING], in_order) {
		if (!i->ref.file)
			continue;
		*ret = i->info;
		return true;
	}
	return s->spool && nc_spool_peek(s->spool, ret) == 1;
}

static bool still_on_disk(struct nc_ship *s, const struct item *i)
{
	return i->ref.file && nc_spool_read(s->spool, &i->ref, &s->sealed) == 0;
}

/* Empties the queue: what can be kept on disk is. Returns the records of blocks that had come from there and stay there. */
static uint64_t put_away(struct nc_ship *s)
{
	struct nc_block_info disk;
	bool any = oldest_on_disk(s, &disk);
	uint64_t stay = 0;
	struct item *i;

	s->disk_again = 0;
	while ((i = TAILQ_FIRST(&s->order[WAITING]))) {
		bool half = i == s->offered && s->t->abandon;
		if (still_on_disk(s, i)) {
			stay += i->info.count;
			take_out(s, i);
		} else if (i->data && !half && to_disk(s, &i->info, i->data, any && older(s, &i->info, &disk))) {
			take_out(s, i);
		} else {
			drop(s, i, i->ref.file ? NC_SHIP_SPOOL : NC_SHIP_STOP);
		}
	}
	return stay;
}

static uint64_t all_dropped(const struct nc_ship *s)
{
	struct nc_ship_state st;
	struct nc_transport_state t;
	uint64_t sum = 0;

	nc_ship_get_state(s, &st, &t);
	for (unsigned i = 0; i < NC_SHIP_REASONS; i++)
		sum += st.dropped[i].records;
	return sum;
}

uint64_t nc_ship_free(struct nc_ship *s, uint64_t *kept)
{
	struct nc_ship_state st;
	struct nc_transport_state t;
	struct item *i;

	if (!s)
		return 0;
	uint64_t before = all_dropped(s);
	while ((i = TAILQ_FIRST(&s->order[HELD])))
		move(s, i, WAITING);
	land(s);
	uint64_t on_disk = put_away(s);
	uint64_t left = all_dropped(s) - before;
	nc_ship_get_state(s, &st, &t);
	if (kept)
		*kept = st.spooled.records + on_disk;
	nc_loop_del_timer(s->retry);
	nc_loop_del_timer(s->held);
	nc_loop_del_timer(s->sync);
	s->t->close(s->t);
	nc_spool_close(s->spool);
	nc_buf_free(&s->sealed);
	free(s);
	return left;
}
