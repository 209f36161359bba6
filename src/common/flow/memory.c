/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory of the TCP reassembly: who has to go when it is used up. */
#include "flow/assembly.h"

/* The longest idle holder but `keep`. */
static struct nc_conn *victim(const struct nc_tcp *t, const struct nc_conn *keep)
{
	uint32_t i = t->lists[NC_LIST_HOLDERS].head;

	if (i && &t->conns[i] == keep)
		i = t->conns[i].next;
	return i ? &t->conns[i] : NULL;
}

/* What waits of it is handed out first: it was certain. */
static void evict(struct nc_tcp *t, struct nc_conn *c)
{
	int64_t now = t->now_ns;

	t->counters->evicted++;
	t->now_ns = c->last_ns;
	nc_order_flush(t, c, 0);
	nc_order_flush(t, c, 1);
	nc_feed_end(t, c);
	t->now_ns = now;
}

void *nc_tcp_alloc(struct nc_tcp *t, const struct nc_conn *keep, size_t n)
{
	for (;;) {
		void *p = nc_pool_alloc(&t->pool, n);
		/* the records of a reader that is at work lie in the arena, which those of another would need */
		if (p || t->evicting)
			return p;
		struct nc_conn *c = victim(t, keep);
		if (!c)
			return NULL;
		t->evicting = true;
		evict(t, c);
		t->evicting = false;
	}
}

void nc_tcp_reserve(struct nc_tcp *t, const struct nc_conn *keep)
{
	while (t->pool.size - t->pool.used < t->reserve) {
		struct nc_conn *c = victim(t, keep);
		if (!c)
			return;
		t->evicting = true;
		evict(t, c);
		t->evicting = false;
	}
}
