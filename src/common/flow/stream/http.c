/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP/1.0 and 1.1 (RFC 9110, RFC 9112): a record per request, with what its response says. */
#include "config.h"

#include <string.h>

#include "flow/http/head.h"

#define CHUNK_LINE_MAX 8192u /* bytes of a chunk's size and extensions */
#define STATUS_SIZE    13u   /* of the beginning of a response */

/* What is expected next in a direction. */
enum expect {
	EXPECT_START,   /* a message, right here */
	EXPECT_SEARCH,  /* a message, somewhere */
	EXPECT_FIELD,   /* a field, or the end of the header */
	EXPECT_CHUNK,   /* the size of a chunk */
	EXPECT_DATA,    /* the line end behind a chunk */
	EXPECT_TRAILER, /* a field behind the last chunk, or the end of the message */
	EXPECT_ANSWER,  /* nothing before the response to CONNECT */
	EXPECT_NOTHING  /* no more messages */
};

struct side {
	uint8_t expect;
	bool shown;     /* there was a byte of it */
	size_t waiting; /* bytes that data did not consume */
	size_t scanned; /* of these, without a line end */
	uint32_t size;  /* of the trailer so far */
	struct nc_http_head head;
};

struct http {
	struct side side[2];
	struct nc_http_pairs pairs;
	bool begun;
};

/* A call of data. */
struct turn {
	struct nc_stream *s;
	struct http *http;
	struct side *side;
	unsigned dir;
	struct nc_rd r;
	size_t n;     /* bytes shown */
	size_t fresh; /* where those begin that were not shown before */
	int64_t ts_ns;
	bool over;    /* nothing more is to be read now */
	bool again;   /* what follows is no HTTP */
};

static struct http *http_of(struct nc_stream *s)
{
	struct http *h = s->state;

	if (!h->begun && !s->opened)
		h->pairs.missed[0] = h->pairs.missed[1] = h->pairs.jumped[0] = h->pairs.jumped[1] = true;
	h->begun = true;
	return h;
}

/* Where the next message begins has to be looked for. */
static void lost(struct turn *t, const char *why)
{
	if (!t->http->pairs.missed[t->dir])
		nc_stream_bad(t->s, why);
	nc_http_pairs_jump(&t->http->pairs, t->dir);
	t->side->expect = EXPECT_SEARCH;
}

/* Nothing that follows in this direction can be trusted, or told apart. */
static void close_side(struct turn *t)
{
	t->side->expect = EXPECT_NOTHING;
	t->over = true;
	nc_rd_skip(&t->r, t->r.left);
	nc_stream_skip(t->s, t->dir, UINT64_MAX);
}

static void skip(struct turn *t, uint64_t n)
{
	size_t here = n < t->r.left ? (size_t)n : t->r.left;

	nc_rd_skip(&t->r, here);
	if (n > here) {
		nc_stream_skip(t->s, t->dir, n - here);
		t->over = true;
	}
}

/* --- start lines */

static bool on_start(struct turn *t)
{
	struct nc_http_span line;
	struct nc_http_start start;

	/* RFC 9112 section 2.2: empty lines before a request */
	while (t->r.left > 0 && (*t->r.p == '\r' || *t->r.p == '\n'))
		nc_rd_skip(&t->r, 1);
	/* the call that begins with the message has its time */
	if (t->r.left == 0 || t->r.left < t->n)
		return false;
	if (nc_http_begins(t->r.p, t->r.left) == NC_GUESS_NO) {
		lost(t, "no message");
		return true;
	}
	if (!nc_http_line(&t->r, &t->side->scanned, &line)) {
		if (t->r.left < NC_HTTP_HEAD_MAX)
			return false;
		nc_rd_skip(&t->r, 1);
		lost(t, "long start line");
		return true;
	}
	if (!nc_http_start_line(line, &start)) {
		lost(t, "no message");
		return true;
	}
	nc_http_head_start(t->s, &t->side->head, t->dir, &start, t->ts_ns);
	t->side->head.size = (uint32_t)line.n;
	t->side->expect = EXPECT_FIELD;
	return true;
}

/* The place behind the first byte, and before end, of a version or of what may become one; else end. */
static size_t version_place(const struct nc_rd *r, size_t end)
{
	static const char version[] = "HTTP/1.";
	size_t size = strlen(version), n = r->left < end + size - 1 ? r->left : end + size - 1;
	const uint8_t *whole = memmem(r->p + 1, n - 1, version, size);

	if (whole)
		return (size_t)(whole - r->p);
	for (size_t k = size - 1; k > 0; k--)
		if (r->left > k && r->left - k < end && memcmp(r->p + r->left - k, version, k) == 0)
			return r->left - k;
	return end;
}

/* Where a message may begin behind the first byte: behind a line end, where new bytes begin, or at a version. */
static size_t next_place(const struct turn *t)
{
	const struct nc_rd *r = &t->r;
	const uint8_t *line = memchr(r->p, '\n', r->left);
	size_t at = t->n - r->left, next = line ? (size_t)(line - r->p) + 1 : r->left;

	if (t->fresh > at && t->fresh - at < next)
		next = t->fresh - at;
	return version_place(r, next);
}

/* Whether a message begins with the next byte; MORE when its line has not ended. */
static enum nc_guess here(struct turn *t)
{
	struct nc_rd r = t->r;
	struct nc_http_span line;
	struct nc_http_start start;

	if (nc_http_begins(r.p, r.left) == NC_GUESS_NO)
		return NC_GUESS_NO;
	if (!nc_http_line(&r, &t->side->scanned, &line))
		return t->r.left < NC_STREAM_PROBE * 32 ? NC_GUESS_MORE : NC_GUESS_NO;
	return nc_http_start_line(line, &start) ? NC_GUESS_YES : NC_GUESS_NO;
}

static bool on_search(struct turn *t)
{
	while (t->r.left > 0) {
		switch (here(t)) {
		case NC_GUESS_YES:
			t->side->expect = EXPECT_START;
			return true;
		case NC_GUESS_MORE:
			return false;
		case NC_GUESS_NO:
			nc_rd_skip(&t->r, next_place(t));
			t->side->scanned = 0;
		}
	}
	return false;
}

/* --- header and body */

static void follow(struct turn *t, enum nc_http_body body)
{
	struct side *side = t->side;

	side->expect = EXPECT_START;
	switch (body) {
	case NC_HTTP_EMPTY:
	case NC_HTTP_INTERIM:
		break;
	case NC_HTTP_SIZED:
		skip(t, side->head.length);
		break;
	case NC_HTTP_CHUNKED:
		side->expect = EXPECT_CHUNK;
		break;
	case NC_HTTP_CLOSE:
		close_side(t);
		break;
	case NC_HTTP_FAULT:
		nc_http_pairs_jump(&t->http->pairs, t->dir);
		close_side(t);
		break;
	case NC_HTTP_TUNNEL:
		side->expect = EXPECT_ANSWER;
		t->over = true;
		t->again = side->head.response;
	}
}

/* Hands the message on, whole or as far as it came. */
static enum nc_http_body finish(struct nc_stream *s, struct http *http, unsigned dir, int64_t ts_ns)
{
	struct nc_http_head *head = &http->side[dir].head;
	struct nc_http_message *m = head->message;
	const struct nc_http_message *asked = NULL;

	if (head->response && (head->status >= 200 || head->status == 101))
		asked = nc_http_pairs_asked(s, &http->pairs, dir, m ? m->ts_ns : ts_ns);
	enum nc_http_body body = nc_http_head_end(head, asked ? (enum nc_http_kind)asked->kind : NC_HTTP_OTHER);
	head->message = NULL;
	if (body == NC_HTTP_INTERIM) {
		nc_stream_free(s, m);
		return body;
	}
	/* what the client sent behind CONNECT is a request, if that was refused */
	if (head->response && (!asked || asked->kind == NC_HTTP_CONNECT) && http->side[!dir].expect == EXPECT_ANSWER)
		http->side[!dir].expect = EXPECT_START;
	if (!m)
		nc_http_pairs_jump(&http->pairs, dir);
	else if (!nc_http_pairs_add(s, &http->pairs, m))
		nc_stream_bad(s, "response without request");
	if (body == NC_HTTP_FAULT)
		nc_stream_bad(s, head->fault);
	return body;
}

static bool on_field(struct turn *t)
{
	struct side *side = t->side;
	struct nc_http_span line;
	size_t left = t->r.left;
	bool found = nc_http_line(&t->r, &side->scanned, &line);
	size_t size = found ? left - t->r.left : left;

	if (side->head.size + size > NC_HTTP_HEAD_MAX) {
		finish(t->s, t->http, t->dir, t->ts_ns);
		lost(t, "long header");
		return true;
	}
	if (!found)
		return false;
	side->head.size += (uint32_t)size;
	if (line.n > 0)
		nc_http_head_line(t->s, &side->head, line);
	else
		follow(t, finish(t->s, t->http, t->dir, t->ts_ns));
	return true;
}

static bool broken(struct turn *t)
{
	nc_stream_bad(t->s, "bad chunk");
	nc_http_pairs_jump(&t->http->pairs, t->dir);
	close_side(t);
	return true;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 9112 section 7.1: hexadecimal digits, then perhaps extensions */
static bool chunk_size(struct nc_http_span line, uint64_t *ret)
{
	struct nc_http_span rest, size = nc_http_trim(nc_http_cut(line, ';', &rest));

	*ret = 0;
	if (size.n == 0 || size.n > 15 || *line.p <= ' ' || memchr(line.p, '\r', line.n))
		return false;
	for (size_t i = 0; i < size.n; i++) {
		int digit = hex_digit(size.p[i]);

		if (digit < 0)
			return false;
		*ret = *ret << 4 | (unsigned)digit;
	}
	return true;
}

static bool on_chunk(struct turn *t)
{
	struct nc_http_span line;
	uint64_t size;

	if (!nc_http_line(&t->r, &t->side->scanned, &line))
		return t->r.left <= CHUNK_LINE_MAX ? false : broken(t);
	if (!chunk_size(line, &size))
		return broken(t);
	t->side->size = 0;
	t->side->expect = size > 0 ? EXPECT_DATA : EXPECT_TRAILER;
	skip(t, size);
	return true;
}

static bool on_data(struct turn *t)
{
	size_t cr = t->r.left > 0 && *t->r.p == '\r';

	if (t->r.left <= cr)
		return false;
	if (t->r.p[cr] != '\n')
		return broken(t);
	nc_rd_skip(&t->r, cr + 1);
	t->side->expect = EXPECT_CHUNK;
	return true;
}

/* RFC 9112 section 7.1.2; none of our fields may come there */
static bool on_trailer(struct turn *t)
{
	struct nc_http_span line;
	size_t left = t->r.left;
	bool found = nc_http_line(&t->r, &t->side->scanned, &line);
	size_t size = found ? left - t->r.left : left;

	if (t->side->size + size > NC_HTTP_HEAD_MAX) {
		lost(t, "long trailer");
		return true;
	}
	if (!found)
		return false;
	t->side->size += (uint32_t)size;
	if (line.n == 0)
		t->side->expect = EXPECT_START;
	return true;
}

static bool on_answer(struct turn *t)
{
	t->over = true;
	return false;
}

static bool on_nothing(struct turn *t)
{
	close_side(t);
	return false;
}

/* Each consumes something or changes what is expected, and returns false when it needs more. */
static bool (*const steps[])(struct turn *t) = {
	[EXPECT_START] = on_start, [EXPECT_SEARCH] = on_search,   [EXPECT_FIELD] = on_field,   [EXPECT_CHUNK] = on_chunk,
	[EXPECT_DATA] = on_data,   [EXPECT_TRAILER] = on_trailer, [EXPECT_ANSWER] = on_answer, [EXPECT_NOTHING] = on_nothing,
};

/* --- the reader */

static size_t http_data(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns)
{
	struct http *http = http_of(s);
	struct side *side = &http->side[dir];
	struct turn t = { .s = s,
		          .http = http,
		          .side = side,
		          .dir = dir,
		          .r = nc_rd_over(p, n),
		          .n = n,
		          .fresh = side->waiting,
		          .ts_ns = ts_ns };

	while (!t.over && t.r.left > 0 && steps[side->expect](&t))
		;
	side->waiting = t.r.left;
	if (t.again)
		nc_stream_again(s);
	return n - t.r.left;
}

/* A gap ends the message that it is in. What was not yet taken of it is lost, but a request whose first line was seen makes a
 * record. */
static void http_gap(struct nc_stream *s, unsigned dir, uint64_t n)
{
	struct http *http = http_of(s);
	struct side *side = &http->side[dir];

	(void)n;
	side->waiting = side->scanned = 0;
	if (side->head.open)
		finish(s, http, dir, s->now_ns);
	nc_http_pairs_jump(&http->pairs, dir);
	if (side->expect < EXPECT_ANSWER)
		side->expect = EXPECT_SEARCH;
}

static void http_end(struct nc_stream *s)
{
	struct http *http = http_of(s);

	for (unsigned dir = 0; dir < 2; dir++)
		if (http->side[dir].head.open)
			finish(s, http, dir, s->now_ns);
	nc_http_pairs_end(s, &http->pairs);
}

/* A request line that does not end within the bytes of the probe: its target begins as those of HTTP do. */
static enum nc_guess long_target(struct nc_rd r)
{
	static const char *const begins[] = { "/", "http://", "https://" };
	struct nc_http_span target;

	nc_http_cut((struct nc_http_span){ r.p, r.left }, ' ', &target);
	for (size_t i = 0; i < target.n; i++)
		if (target.p[i] < ' ' || target.p[i] == 127)
			return NC_GUESS_NO;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (target.n >= strlen(begins[i]) && memcmp(target.p, begins[i], strlen(begins[i])) == 0)
			return NC_GUESS_YES;
	return NC_GUESS_NO;
}

/* The version tells HTTP from SIP (RFC 3261), RTSP (RFC 7826), ICAP (RFC 3507) and their like, whose lines look the same. */
static enum nc_guess http_probe(unsigned dir, const uint8_t *p, size_t n)
{
	struct nc_rd r = nc_rd_over(p, n);
	struct nc_http_span line;
	struct nc_http_start start;
	size_t scanned = 0;

	(void)dir;
	while (r.left > 0 && (*r.p == '\r' || *r.p == '\n'))
		nc_rd_skip(&r, 1);
	if (r.left == 0)
		return n < NC_STREAM_PROBE ? NC_GUESS_MORE : NC_GUESS_NO;
	if (nc_http_begins(r.p, r.left) == NC_GUESS_NO)
		return NC_GUESS_NO;
	if (nc_http_line(&r, &scanned, &line))
		return nc_http_start_line(line, &start) ? NC_GUESS_YES : NC_GUESS_NO;
	if (r.left >= STATUS_SIZE && nc_http_start_line((struct nc_http_span){ r.p, STATUS_SIZE }, &start) && start.response)
		return NC_GUESS_YES;
	return n < NC_STREAM_PROBE ? NC_GUESS_MORE : long_target(r);
}

static const uint16_t http_ports[] = { 80, 8080, 8000, 8008, 8888, 3128, 5985, 0 };

const struct nc_stream_reader nc_reader_http = {
	.name = "HTTP",
	.state_size = sizeof(struct http),
	.ports = http_ports,
	.pending_max = NC_HTTP_HEAD_MAX + 1,
	.probe = http_probe,
	.data = http_data,
	.gap = http_gap,
	.end = http_end,
	.records = (const ProtobufCMessageDescriptor *const[]){ &types__http__descriptor, NULL },
	.hands_over = true,
};
