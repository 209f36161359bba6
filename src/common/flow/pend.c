/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes of a stream that wait for more, each with the time at which it came. */
#include <string.h>

#include "flow/assembly.h"

#define MARKS_FIRST 4u
#define MARKS_MAX   256u

/* Room for n more bytes behind those that wait. */
static bool make_room(struct nc_tcp *t, const struct nc_conn *keep, struct nc_pend *q, size_t n)
{
	size_t room = q->p ? nc_pool_room(&t->pool, q->p) : 0;

	if (q->start + q->len + n <= room)
		return true;
	/* so that each byte moves seldom */
	if (q->len + n <= room && q->start >= q->len) {
		memmove(q->p, q->p + q->start, q->len);
		q->start = 0;
		return true;
	}
	uint8_t *p = nc_tcp_alloc(t, keep, q->len + n);
	if (!p)
		return false;
	if (q->len)
		memcpy(p, q->p + q->start, q->len);
	nc_pool_free(&t->pool, q->p);
	q->p = p;
	q->start = 0;
	return true;
}

static bool grow_marks(struct nc_tcp *t, const struct nc_conn *keep, struct nc_pend *q)
{
	size_t room = q->marks ? nc_pool_room(&t->pool, q->marks) / sizeof(*q->marks) : 0;
	uint32_t first = q->mark_first, n = q->mark_count;

	if (first + n < room)
		return true;
	struct nc_mark *m = q->marks;
	if (!m || first < n) {
		m = nc_tcp_alloc(t, keep, sizeof(*m) * (n ? 2 * n : MARKS_FIRST));
		if (!m)
			return false;
	}
	if (n)
		memmove(m, q->marks + first, n * sizeof(*m));
	if (m != q->marks)
		nc_pool_free(&t->pool, q->marks);
	q->marks = m;
	q->mark_first = 0;
	return true;
}

/* When there are too many, the younger bytes count as having come with the last one. */
static bool mark(struct nc_tcp *t, const struct nc_conn *keep, struct nc_pend *q, int64_t ts_ns)
{
	uint32_t n = q->mark_count;

	if (n == MARKS_MAX || (n && q->marks[q->mark_first + n - 1].ts_ns == ts_ns))
		return true;
	if (!grow_marks(t, keep, q))
		return n > 0;
	q->marks[q->mark_first + q->mark_count++] = (struct nc_mark){ .at = q->origin + q->len, .ts_ns = ts_ns };
	return true;
}

bool nc_pend_add(struct nc_tcp *t, const struct nc_conn *keep, struct nc_pend *q, const uint8_t *p, size_t n, int64_t ts_ns)
{
	if (!make_room(t, keep, q, n) || !mark(t, keep, q, ts_ns))
		return false;
	memcpy(q->p + q->start + q->len, p, n);
	q->len += (uint32_t)n;
	return true;
}

void nc_pend_consume(struct nc_tcp *t, struct nc_pend *q, size_t n)
{
	if (n >= q->len) {
		nc_pend_free(t, q);
		return;
	}
	q->origin += (uint32_t)n;
	q->start += (uint32_t)n;
	q->len -= (uint32_t)n;
	while (q->mark_count > 1 && nc_seq_diff(q->marks[q->mark_first + 1].at, q->origin) <= 0) {
		q->mark_first++;
		q->mark_count--;
	}
}

void nc_pend_free(struct nc_tcp *t, struct nc_pend *q)
{
	nc_pool_free(&t->pool, q->p);
	nc_pool_free(&t->pool, q->marks);
	*q = (struct nc_pend){ 0 };
}
