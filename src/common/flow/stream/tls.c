/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS 1.0 to 1.3 and SSL 3.0 (RFC 8446, RFC 5246, RFC 2246): the hellos of a connection. What follows them is gone over. */
#include "config.h"

#include "flow/hello.h"
#include "flow/stream.h"

#define HEAD        5u     /* of a record: type, version, length */
#define MESSAGE     4u     /* type and length of a handshake message */
#define RECORD_MAX  18432u /* 2^14 + 2,048 (RFC 5246 section 6.2.3) */
#define RECORDS_MAX 256u   /* that a direction may have in the clear */
#define HELLOS_MAX  8u     /* of a direction */
#define V2_HEAD     11u    /* of a hello in the form of SSL 2.0, up to the ciphers */
#define V2_MAX      1024u
#define PENDING     65536u /* a hello in the smallest records that it is read from */

/* ContentType and HandshakeType (RFC 8446 sections 5.1 and 4). */
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23, HEARTBEAT = 24 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2 };

/* One direction. Where it stands: in a record of handshake messages with record_left bytes to come, of which the next
 * message_left belong to a message that is gone over. */
struct side {
	uint16_t version, length; /* of that record */
	uint16_t record_left;
	uint16_t records;
	uint32_t message_left;
	uint8_t hellos;
	bool done; /* nothing in the clear follows */
	bool lost; /* a gap came: the next bytes are a record's, or nobody knows where one begins */
};

struct tls {
	struct side side[2];
	bool retry; /* the last ServerHello asks for another ClientHello */
	bool early; /* the last ClientHello has early data behind it, and no ServerHello came yet */
};

/* A call of data. */
struct walk {
	struct nc_stream *s;
	struct tls *tls;
	struct side *side;
	unsigned dir;
	const uint8_t *p;
	size_t n, at;  /* bytes shown; of which consumed */
	uint64_t skip; /* behind those shown */
	size_t want;   /* 0: any */
	int64_t ts_ns;
};

enum found { FOUND, MORE, NOT };

static enum nc_guess head_guess(const uint8_t *p, size_t n)
{
	if (p[0] < CHANGE_CIPHER_SPEC || p[0] > HEARTBEAT || (n > 1 && p[1] != 3) || (n > 2 && p[2] > 4))
		return NC_GUESS_NO;
	if (n < HEAD)
		return NC_GUESS_MORE;
	size_t length = (size_t)p[3] << 8 | p[4];
	return length > 0 && length <= RECORD_MAX ? NC_GUESS_YES : NC_GUESS_NO;
}

/* The messages that a handshake can have in the clear (RFC 8446 section 4, RFC 5246 section 7.4). */
static bool known_message(uint8_t type)
{
	const uint32_t known = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15 |
	                       1u << 16 | 1u << 21 | 1u << 22 | 1u << 23;

	return type < 32 && (known >> type & 1) != 0;
}

static enum nc_guess record_guess(const uint8_t *p, size_t n)
{
	enum nc_guess guess = head_guess(p, n);

	if (guess != NC_GUESS_YES)
		return guess;
	size_t length = (size_t)p[3] << 8 | p[4];
	if (p[0] == CHANGE_CIPHER_SPEC)
		return length == 1 ? NC_GUESS_YES : NC_GUESS_NO;
	if (p[0] == APPLICATION_DATA || p[0] == HEARTBEAT)
		return NC_GUESS_YES;
	if (n <= HEAD)
		return NC_GUESS_MORE;
	if (p[0] == ALERT) /* warning or fatal, or encrypted and longer */
		return length > 2 || (length == 2 && (p[5] == 1 || p[5] == 2)) ? NC_GUESS_YES : NC_GUESS_NO;
	return known_message(p[5]) ? NC_GUESS_YES : NC_GUESS_NO;
}

/* A hello in the form of SSL 2.0 for SSL 3.0 and later (RFC 5246 appendix E.2). Its lengths must add up. */
static enum nc_guess v2_guess(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t at, low, high;
	} table[] = { { 0, 0x80, 0x83 }, { 2, 1, 1 }, { 3, 3, 3 }, { 4, 0, 3 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (n > table[i].at && (p[table[i].at] < table[i].low || p[table[i].at] > table[i].high))
			return NC_GUESS_NO;
	if (n < V2_HEAD)
		return NC_GUESS_MORE;
	struct nc_rd r = nc_rd_over(p, n);
	size_t length = nc_rd_be16(&r) & 0x7fffu;
	nc_rd_skip(&r, 3);
	size_t ciphers = nc_rd_be16(&r), session = nc_rd_be16(&r), challenge = nc_rd_be16(&r);
	if (ciphers == 0 || ciphers % 3 != 0 || session > 32 || challenge < 16 || challenge > 32)
		return NC_GUESS_NO;
	return length == V2_HEAD - 2 + ciphers + session + challenge && length <= V2_MAX ? NC_GUESS_YES : NC_GUESS_NO;
}

static enum nc_guess tls_probe(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	if (n == 0)
		return NC_GUESS_MORE;
	return p[0] & 0x80 ? v2_guess(p, n) : record_guess(p, n);
}

static void finish(struct walk *w)
{
	w->side->done = true;
	w->at = w->n;
	w->skip = UINT64_MAX;
}

/* Goes over n bytes, shown or not. */
static void pass(struct walk *w, size_t n)
{
	size_t here = n < w->n - w->at ? n : w->n - w->at;

	w->at += here;
	w->skip = n - here;
}

/* A cursor over the messages in the records from where the walk stands. */
struct cursor {
	size_t at, left;          /* in the bytes shown; of the record there */
	uint16_t version, length; /* of that record */
	uint16_t records;         /* begun on the way */
};

/* The next record's head; it must be one of handshake messages. */
static enum found next_record(const struct walk *w, struct cursor *c, size_t *want)
{
	struct nc_rd r = nc_rd_over(w->p + c->at, w->n - c->at);

	if (r.left < HEAD) {
		*want += HEAD;
		return MORE;
	}
	uint8_t type = nc_rd_u8(&r);
	c->version = nc_rd_be16(&r);
	c->length = nc_rd_be16(&r);
	if (type != HANDSHAKE || c->version >> 8 != 3 || c->length == 0 || c->length > RECORD_MAX)
		return NOT;
	c->at += HEAD;
	c->left = c->length;
	c->records++;
	return FOUND;
}

/* The next n bytes of messages, copied to `to` (unless NULL), from as many records as it takes; c is moved past them.
 * MORE: *want bytes must be waiting before that can be tried again. */
static enum found gather(const struct walk *w, struct cursor *c, uint8_t *to, size_t n, size_t *want)
{
	for (size_t got = 0, k; got < n; got += k) {
		*want = c->at - w->at + (n - got);
		if (c->left == 0) {
			enum found f = next_record(w, c, want);
			if (f != FOUND)
				return f;
		}
		k = n - got < c->left ? n - got : c->left;
		if (k > w->n - c->at)
			k = w->n - c->at;
		if (k == 0)
			return MORE;
		if (to)
			memcpy(to + got, w->p + c->at, k);
		c->at += k;
		c->left -= k;
	}
	return FOUND;
}

static struct cursor cursor_here(const struct walk *w)
{
	return (struct cursor){
		.at = w->at, .left = w->side->record_left, .version = w->side->version, .length = w->side->length
	};
}

static void move_to(struct walk *w, const struct cursor *c)
{
	w->at = c->at;
	w->side->record_left = (uint16_t)c->left;
	w->side->version = c->version;
	w->side->length = c->length;
	w->side->records = (uint16_t)(w->side->records + c->records);
}

/* False in any case: the walk waits for `want` bytes (MORE), or is at its end. */
static bool not_yet(struct walk *w, enum found f, size_t want)
{
	if (f == MORE && want <= PENDING) {
		w->want = want;
		return false;
	}
	if (f == MORE)
		nc_stream_bad(w->s, "hello in too many records");
	finish(w);
	return false;
}

static void write_client(struct walk *w, Types__TLSClientHello *m)
{
	struct nc_stream *s = w->s;

	m->srcip = nc_stream_ip(s, w->dir);
	m->dstip = nc_stream_ip(s, !w->dir);
	m->srcmac = nc_stream_mac(s, w->dir);
	m->dstmac = nc_stream_mac(s, !w->dir);
	m->srcport = s->end[w->dir].port;
	m->dstport = s->end[!w->dir].port;
	if (!s->arena->failed)
		nc_stream_record(s, &m->base, w->ts_ns);
}

static void client_hello(struct walk *w, const uint8_t *body, size_t n)
{
	Types__TLSClientHello m = TYPES__TLSCLIENT_HELLO__INIT;
	struct nc_hello h = { 0 };

	m.type = HANDSHAKE;
	m.version = w->side->version;
	m.messagelen = w->side->length;
	m.handshaketype = CLIENT_HELLO;
	m.handshakelen = (uint32_t)n;
	if (!nc_hello_client(w->s, nc_rd_over(body, n), &m, &h)) {
		nc_stream_bad(w->s, "bad ClientHello");
		return;
	}
	w->tls->early = h.early;
	write_client(w, &m);
}

static void server_hello(struct walk *w, const uint8_t *body, size_t n)
{
	Types__TLSServerHello m = TYPES__TLSSERVER_HELLO__INIT;
	struct nc_stream *s = w->s;
	struct nc_hello h = { 0 };

	m.recordversion = w->side->version;
	m.messagelen = w->side->length;
	m.handshakelen = (uint32_t)n;
	if (!nc_hello_server(s, nc_rd_over(body, n), &m, &h)) {
		nc_stream_bad(s, "bad ServerHello");
		return;
	}
	w->tls->retry = h.retry;
	w->tls->early = false;
	m.srcip = nc_stream_ip(s, w->dir);
	m.dstip = nc_stream_ip(s, !w->dir);
	m.srcmac = nc_stream_mac(s, w->dir);
	m.dstmac = nc_stream_mac(s, !w->dir);
	m.srcport = s->end[w->dir].port;
	m.dstport = s->end[!w->dir].port;
	if (!s->arena->failed)
		nc_stream_record(s, &m.base, w->ts_ns);
}

static void hello_body(struct walk *w, uint8_t type, const uint8_t *body, size_t n)
{
	if (type == CLIENT_HELLO)
		client_hello(w, body, n);
	else
		server_hello(w, body, n);
}

/* The hello of n bytes behind the head of its message, where c stands. MessageLen is that of the record it begins in. */
static bool hello(struct walk *w, uint8_t type, size_t n, struct cursor c)
{
	struct cursor end = c;
	size_t want = 0;
	enum found f = gather(w, &end, NULL, n, &want);

	if (f != FOUND)
		return not_yet(w, f, want);
	if (++w->side->hellos > HELLOS_MAX) {
		nc_stream_bad(w->s, "too many hellos");
		return not_yet(w, NOT, 0);
	}
	if (n > 0 && end.records == c.records) { /* in one piece */
		hello_body(w, type, w->p + c.at, n);
	} else {
		uint8_t *own = nc_stream_alloc(w->s, n ? n : 1);
		if (own && gather(w, &c, own, n, &want) == FOUND)
			hello_body(w, type, own, n);
		nc_stream_free(w->s, own);
	}
	move_to(w, &end);
	return true;
}

/* The walk stands at the head of a message. */
static bool message(struct walk *w)
{
	struct cursor c = cursor_here(w);
	uint8_t head[MESSAGE];
	size_t want = 0;
	enum found f = gather(w, &c, head, sizeof(head), &want);

	if (f != FOUND)
		return not_yet(w, f, want);
	struct nc_rd r = nc_rd_over(head, sizeof(head));
	uint8_t type = nc_rd_u8(&r);
	uint32_t n = nc_rd_be24(&r);
	if ((type == CLIENT_HELLO || type == SERVER_HELLO) && n <= NC_HELLO_MAX)
		return hello(w, type, n, c);
	if (n > NC_HELLO_MAX && (type == CLIENT_HELLO || type == SERVER_HELLO))
		nc_stream_bad(w->s, "long hello");
	if (!known_message(type))
		return not_yet(w, NOT, 0);
	move_to(w, &c);
	w->side->message_left = n;
	return true;
}

static bool pass_message(struct walk *w)
{
	struct side *d = w->side;
	uint32_t k = d->message_left < d->record_left ? d->message_left : d->record_left;

	d->message_left -= k;
	d->record_left = (uint16_t)(d->record_left - k);
	pass(w, k);
	return w->skip == 0;
}

/* Whether a hello in the clear may follow a record of this type. In the compatibility mode of TLS 1.3 ChangeCipherSpec stands
 * before the second ClientHello (RFC 8446 appendix D.4), and the capture may lack what the server said. The other case is early
 * data that the server refuses. */
static bool goes_on(const struct walk *w, uint8_t type)
{
	if (type != CHANGE_CIPHER_SPEC && type != APPLICATION_DATA)
		return true;
	return w->tls->retry || w->tls->early || (type == CHANGE_CIPHER_SPEC && w->tls->side[!w->dir].hellos == 0);
}

static bool v2_hello(struct walk *w)
{
	Types__TLSClientHello m = TYPES__TLSCLIENT_HELLO__INIT;
	struct nc_rd r = nc_rd_over(w->p + w->at, w->n - w->at);
	enum nc_guess guess = v2_guess(r.p, r.left);

	if (guess == NC_GUESS_NO || w->side->records > 0)
		return not_yet(w, NOT, 0);
	if (guess == NC_GUESS_MORE)
		return not_yet(w, MORE, V2_HEAD);
	size_t n = nc_rd_be16(&r) & 0x7fffu;
	if (r.left < n)
		return not_yet(w, MORE, n + 2);
	nc_rd_trim(&r, n);
	if (!nc_hello_v2(w->s, r, &m))
		return not_yet(w, NOT, 0);
	m.messagelen = (int32_t)n;
	m.handshakelen = (uint32_t)n;
	write_client(w, &m);
	w->side->records++;
	w->at += n + 2;
	return true;
}

/* The walk stands at the head of a record. */
static bool record(struct walk *w)
{
	struct nc_rd r = nc_rd_over(w->p + w->at, w->n - w->at);

	if (r.p[0] & 0x80)
		return v2_hello(w);
	if (r.left < HEAD)
		return not_yet(w, MORE, HEAD);
	enum nc_guess guess = head_guess(r.p, r.left);
	uint8_t type = nc_rd_u8(&r);
	uint16_t version = nc_rd_be16(&r), length = nc_rd_be16(&r);
	if (guess != NC_GUESS_YES || ++w->side->records > RECORDS_MAX || !goes_on(w, type))
		return not_yet(w, NOT, 0);
	w->at += HEAD;
	if (type != HANDSHAKE) {
		pass(w, length);
		return w->skip == 0;
	}
	w->side->version = version;
	w->side->length = length;
	w->side->record_left = length;
	return true;
}

static bool step(struct walk *w)
{
	if (w->side->record_left == 0)
		return record(w);
	return w->side->message_left > 0 ? pass_message(w) : message(w);
}

/* Behind a gap: whether a record begins here. */
static void find_record(struct walk *w)
{
	enum nc_guess guess = record_guess(w->p, w->n);

	if (guess == NC_GUESS_MORE) {
		w->want = w->n + 1;
		return;
	}
	w->side->lost = false;
	if (guess == NC_GUESS_NO)
		finish(w);
}

static size_t tls_data(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns)
{
	struct tls *tls = s->state;
	struct walk w = { .s = s, .tls = tls, .side = &tls->side[dir], .dir = dir, .p = p, .n = n, .ts_ns = ts_ns };

	if (w.side->done)
		finish(&w);
	if (w.side->lost && n > 0)
		find_record(&w);
	if (!w.side->lost && !w.side->done)
		while (w.at < n && step(&w))
			continue;
	if (tls->side[0].done && tls->side[1].done)
		nc_stream_stop(s);
	else if (w.skip > 0)
		nc_stream_skip(s, dir, w.skip);
	else if (w.want > 0)
		nc_stream_want(s, dir, w.want);
	return w.at;
}

static void tls_gap(struct nc_stream *s, unsigned dir, uint64_t n)
{
	struct tls *tls = s->state;
	struct side *d = &tls->side[dir];

	(void)n;
	d->lost = true;
	d->record_left = 0;
	d->message_left = 0;
}

static void tls_end(struct nc_stream *s)
{
	(void)s;
}

const struct nc_stream_reader nc_reader_tls = {
	.name = "TLS",
	.state_size = sizeof(struct tls),
	.ports = (const uint16_t[]){ 443, 8443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 0 },
	.pending_max = PENDING,
	.probe = tls_probe,
	.data = tls_data,
	.gap = tls_gap,
	.end = tls_end,
	.records = (const ProtobufCMessageDescriptor *const[]){ &types__tlsclient_hello__descriptor,
	                                                        &types__tlsserver_hello__descriptor, NULL },
};
