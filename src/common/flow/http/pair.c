/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and responses of one connection: what is kept of each, which belong together, and the records of them. */
#include "config.h"

#include <string.h>

#include "flow/http/pair.h"

#define ROOM_FIRST 480u /* bytes of text to begin with */
#define PART_HEAD  5u

/* Room for n more bytes. False: the message stays as it is. */
static bool reserve(struct nc_stream *s, struct nc_http_message **m, size_t n)
{
	struct nc_http_message *old = *m;
	size_t size = old->size;

	while (size - old->used < n)
		size *= 2;
	if (size == old->size)
		return true;
	struct nc_http_message *bigger = nc_stream_alloc(s, sizeof(*bigger) + size);
	if (!bigger)
		return false;
	memcpy(bigger, old, sizeof(*old) + old->used);
	bigger->size = (uint32_t)size;
	nc_stream_free(s, old);
	*m = bigger;
	return true;
}

static void set_length(struct nc_http_message *m, size_t n)
{
	for (unsigned i = 0; i < 4; i++)
		m->text[m->last + 1 + i] = (uint8_t)(n >> 8 * i);
}

static void append(struct nc_http_message *m, const uint8_t *p, size_t n)
{
	if (n > 0)
		memcpy(m->text + m->used, p, n);
	m->used += (uint32_t)n;
	set_length(m, m->used - m->last - PART_HEAD);
}

void nc_http_message_add(struct nc_stream *s, struct nc_http_message **m, enum nc_http_part part, struct nc_http_span text,
                         bool more)
{
	if (!*m || !reserve(s, m, text.n + PART_HEAD))
		return;
	if (more) {
		append(*m, (const uint8_t *)" ", 1);
	} else {
		(*m)->last = (*m)->used;
		(*m)->text[(*m)->last] = (uint8_t)part;
		(*m)->used += PART_HEAD;
	}
	append(*m, text.p, text.n);
}

struct nc_http_message *nc_http_message_new(struct nc_stream *s, unsigned dir, const struct nc_http_start *start, int64_t ts_ns)
{
	struct nc_http_message *m = nc_stream_alloc(s, sizeof(*m) + ROOM_FIRST);

	if (!m)
		return NULL;
	*m = (struct nc_http_message){ .ts_ns = ts_ns, .status = start->status, .dir = (uint8_t)dir, .response = start->response,
				       .kind = (uint8_t)start->kind, .size = ROOM_FIRST };
	if (start->response)
		return m;
	nc_http_message_add(s, &m, NC_HTTP_METHOD, start->method, false);
	nc_http_message_add(s, &m, NC_HTTP_URL, start->target, false);
	nc_http_message_add(s, &m, NC_HTTP_VERSION, start->version, false);
	/* RFC 9112 section 3.2.2: the target's host, not that of the Host field */
	struct nc_http_span host = nc_http_authority(start);
	if (host.n > 0)
		nc_http_message_add(s, &m, NC_HTTP_HOST, host, false);
	return m;
}

/* --- records */

static bool next_part(struct nc_rd *r, enum nc_http_part *part, struct nc_http_span *text)
{
	*part = (enum nc_http_part)nc_rd_u8(r);
	text->n = nc_rd_le32(r);
	text->p = nc_rd_bytes(r, text->n);
	return !r->failed;
}

static char *text_of(struct nc_stream *s, const struct nc_http_message *m, enum nc_http_part wanted)
{
	struct nc_rd r = nc_rd_over(m->text, m->used);
	struct nc_http_span text;
	enum nc_http_part part;

	while (next_part(&r, &part, &text))
		if (part == wanted)
			return nc_stream_str(s, text.p, text.n);
	return (char *)(uintptr_t)protobuf_c_empty_string;
}

/* Puts the pairs of a Cookie field (RFC 6265 section 4.2.1) into to, or only counts them. */
static size_t cookies_of(struct nc_stream *s, struct nc_http_span field, char **to, size_t room)
{
	struct nc_http_span rest = field;
	size_t n = 0;

	while (rest.n > 0 && n < room) {
		struct nc_http_span one = nc_http_trim(nc_http_cut(rest, ';', &rest));

		if (one.n == 0)
			continue;
		if (to)
			to[n] = nc_stream_str(s, one.p, one.n);
		n++;
	}
	return n;
}

static size_t cookies(struct nc_stream *s, const struct nc_http_message *m, char **to)
{
	struct nc_rd r = nc_rd_over(m->text, m->used);
	struct nc_http_span text;
	enum nc_http_part part;
	size_t n = 0;

	while (next_part(&r, &part, &text))
		if (part == NC_HTTP_COOKIE)
			n += cookies_of(s, text, to ? to + n : NULL, NC_HTTP_COOKIES_MAX - n);
	return n;
}

static void write_record(struct nc_stream *s, const struct nc_http_message *q, const struct nc_http_message *a)
{
	Types__HTTP m = TYPES__HTTP__INIT;
	size_t n = cookies(s, q, NULL), mark = s->arena->used;

	m.proto = text_of(s, q, NC_HTTP_VERSION);
	m.method = text_of(s, q, NC_HTTP_METHOD);
	m.host = text_of(s, q, NC_HTTP_HOST);
	m.useragent = text_of(s, q, NC_HTTP_AGENT);
	m.referer = text_of(s, q, NC_HTTP_REFERER);
	m.url = text_of(s, q, NC_HTTP_URL);
	m.reqcontentlength = q->length;
	m.srcip = nc_stream_ip(s, q->dir);
	m.dstip = nc_stream_ip(s, !q->dir);
	if (n > 0)
		m.reqcookies = nc_arena_calloc(s->arena, n, sizeof(*m.reqcookies));
	if (m.reqcookies)
		m.n_reqcookies = cookies(s, q, m.reqcookies);
	if (a) {
		m.rescontentlength = a->length;
		m.statuscode = a->status;
		m.contenttype = text_of(s, a, NC_HTTP_TYPE);
	}
	/* bytes that are no UTF-8 become three; what does not fit is left out */
	if (s->arena->failed)
		nc_stream_bad(s, "long text");
	s->arena->failed = false;
	nc_stream_record(s, &m.base, q->ts_ns);
	/* a call may write many */
	s->arena->used = mark;
}

/* --- pairing */

/* Takes the message that *at points to out of the list. */
static struct nc_http_message *take(struct nc_http_pairs *q, struct nc_http_message **at)
{
	struct nc_http_message *m = *at;

	*at = m->next;
	q->count--;
	q->bytes -= m->used;
	return m;
}

static void append_message(struct nc_http_pairs *q, struct nc_http_message *m)
{
	struct nc_http_message **at = &q->first;

	while (*at)
		at = &(*at)->next;
	m->next = NULL;
	*at = m;
	q->count++;
	q->bytes += m->used;
}

/* The first that waits of a direction: a request or a response. */
static struct nc_http_message **first_of(struct nc_http_pairs *q, unsigned dir, bool response)
{
	struct nc_http_message **at = &q->first;

	while (*at && ((*at)->dir != dir || (*at)->response != response))
		at = &(*at)->next;
	return at;
}

static void give_up(struct nc_stream *s, struct nc_http_message *m)
{
	if (!m->response)
		write_record(s, m, NULL);
	nc_stream_free(s, m);
}

static bool sure(const struct nc_http_pairs *q)
{
	return !q->missed[0] && !q->missed[1];
}

/* Responses were lost. Who sends one request after the other has the next response for the last of them; of requests that were
 * sent together nobody can say which are meant. */
static void settle(struct nc_stream *s, struct nc_http_pairs *q, unsigned dir, int64_t ts_ns)
{
	struct nc_http_message **at;
	unsigned left = 0;

	for (const struct nc_http_message *m = q->first; m; m = m->next)
		left += m->dir != dir && !m->response && m->ts_ns <= ts_ns;
	left -= left > 0 && !q->pipelined;
	for (; left > 0; left--) {
		at = first_of(q, !dir, false);
		give_up(s, take(q, at));
	}
	q->jumped[dir] = false;
}

const struct nc_http_message *nc_http_pairs_asked(struct nc_stream *s, struct nc_http_pairs *q, unsigned dir, int64_t ts_ns)
{
	if (q->owed[dir] > 0)
		return NULL;
	if (q->jumped[dir])
		settle(s, q, dir, ts_ns);
	const struct nc_http_message *m = *first_of(q, !dir, false);
	return m && (sure(q) || m->ts_ns <= ts_ns) ? m : NULL;
}

static void keep(struct nc_stream *s, struct nc_http_pairs *q, struct nc_http_message *m)
{
	append_message(q, m);
	while (q->count > NC_HTTP_PENDING_MAX || q->bytes > NC_HTTP_WAITING_MAX) {
		struct nc_http_message *oldest = take(q, &q->first);

		q->owed[!oldest->dir] += !oldest->response;
		give_up(s, oldest);
	}
}

static void add_request(struct nc_stream *s, struct nc_http_pairs *q, struct nc_http_message *m)
{
	struct nc_http_message **early = first_of(q, !m->dir, true);

	if (*early) {
		struct nc_http_message *a = take(q, early);

		write_record(s, m, a);
		nc_stream_free(s, a);
		nc_stream_free(s, m);
		return;
	}
	if (*first_of(q, m->dir, false) && !q->jumped[!m->dir])
		q->pipelined = true;
	keep(s, q, m);
}

static bool add_response(struct nc_stream *s, struct nc_http_pairs *q, struct nc_http_message *m)
{
	const struct nc_http_message *asked = nc_http_pairs_asked(s, q, m->dir, m->ts_ns);
	bool owed = q->owed[m->dir] > 0;

	if (!asked && !owed && sure(q)) {
		keep(s, q, m);
		return true;
	}
	if (asked) {
		struct nc_http_message *r = take(q, first_of(q, !m->dir, false));

		write_record(s, r, m);
		nc_stream_free(s, r);
	}
	q->owed[m->dir] -= owed;
	nc_stream_free(s, m);
	return asked || owed;
}

bool nc_http_pairs_add(struct nc_stream *s, struct nc_http_pairs *q, struct nc_http_message *m)
{
	if (m->response)
		return add_response(s, q, m);
	add_request(s, q, m);
	return true;
}

void nc_http_pairs_jump(struct nc_http_pairs *q, unsigned dir)
{
	q->missed[dir] = q->jumped[dir] = true;
	q->owed[dir] = 0;
}

void nc_http_pairs_end(struct nc_stream *s, struct nc_http_pairs *q)
{
	while (q->first)
		give_up(s, take(q, &q->first));
}
