/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domain Name System (RFC 1035), over UDP and TCP; multicast DNS (RFC 6762) and LLMNR (RFC 4795) have the same messages. */
#include <string.h>

#include "decode/cut.h"
#include "decode/decode.h"

#define HEADER_LEN    12u
#define QUESTION_MIN  5u   /* root name, type, class */
#define RECORD_MIN    11u  /* root name, type, class, TTL, length */
#define NAME_MAX_WIRE 255u /* RFC 1035 section 3.1, length bytes and root included */
#define JUMPS_MAX     128u
#define KNOWN_NAMES   8u
#define CLASS_IN      1u
#define CLASS_ANY     255u
#define Z_RESERVED    4       /* of the three bits of Z (RFC 4035 section 3.2) */
#define RESPONSE_MAX  10      /* RFC 2136 section 2.2 */
#define CLASS_MASK    0x7fffu /* RFC 6762 section 10.2: the upper bit is the cache-flush bit; it stays in the record */

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_OPT = 41
};

/* A name that was read already, by where it starts: answers point to the same few again and again. */
struct known {
	size_t at;
	ProtobufCBinaryData name;
};

struct dns {
	struct nc_packet *p;
	const uint8_t *msg;
	size_t len;
	struct known known[KNOWN_NAMES];
	unsigned known_count;
	/* the 2019 format has these in each record, most of them empty: one of each is enough */
	Types__DNSSOA *no_soa;
	Types__DNSSRV *no_srv;
	Types__DNSMX *no_mx;
};

/* A name while it is being read. */
struct text {
	uint8_t bytes[NAME_MAX_WIRE];
	size_t len, wire;
	unsigned jumps;
};

static bool add_label(struct text *t, struct nc_rd *r, size_t n)
{
	const uint8_t *label = nc_rd_bytes(r, n);

	if (!label)
		return false;
	t->wire += n + 1;
	if (t->wire + 1 > NAME_MAX_WIRE)
		return false;
	if (t->len > 0)
		t->bytes[t->len++] = '.';
	memcpy(t->bytes + t->len, label, n);
	t->len += n;
	return true;
}

/* Labels and pointers from r on (RFC 1035 section 4.1.4); r ends behind the first pointer or the root label. */
static enum nc_verdict expand(struct dns *d, struct nc_rd *r, struct text *t)
{
	struct nc_rd here = *r;

	for (;;) {
		unsigned c = nc_rd_u8(&here), kind = c & 0xc0;
		if (kind == 0xc0) {
			size_t to = (c & 0x3f) << 8 | nc_rd_u8(&here);
			if (t->jumps == 0)
				*r = here;
			if (here.failed)
				return NC_SHORT;
			if (to >= d->len)
				return nc_bad(d->p, "DNS pointer beyond the message");
			if (++t->jumps > JUMPS_MAX)
				return nc_bad(d->p, "DNS name with a loop of pointers");
			here = nc_rd_over(d->msg + to, d->len - to);
		} else if (kind) {
			return nc_bad(d->p, "DNS label of an unknown kind");
		} else if (c == 0) {
			break;
		} else if (!add_label(t, &here, c)) {
			return here.failed ? NC_SHORT : nc_bad(d->p, "DNS name longer than 255 bytes");
		}
	}
	if (t->jumps == 0)
		*r = here;
	return here.failed ? NC_SHORT : NC_DONE;
}

/* Where the name at r really starts: a name that is nothing but a pointer is the one that it points to. */
static size_t start_of(const struct dns *d, const struct nc_rd *r)
{
	struct nc_rd ahead = *r;
	unsigned c = nc_rd_u8(&ahead);
	unsigned low = nc_rd_u8(&ahead);

	if (!ahead.failed && (c & 0xc0) == 0xc0)
		return (c & 0x3f) << 8 | low;
	return (size_t)(r->p - d->msg);
}

static const struct known *recall(const struct dns *d, size_t at)
{
	unsigned n = d->known_count < KNOWN_NAMES ? d->known_count : KNOWN_NAMES;

	for (unsigned i = 0; i < n; i++)
		if (d->known[i].at == at)
			return &d->known[i];
	return NULL;
}

/* The name at r as text without a dot at the end; the root is empty. */
static enum nc_verdict name(struct dns *d, struct nc_rd *r, ProtobufCBinaryData *ret)
{
	size_t at = start_of(d, r);
	bool pointer = at != (size_t)(r->p - d->msg);
	const struct known *k = pointer ? recall(d, at) : NULL;

	if (k) {
		nc_rd_skip(r, 2);
		*ret = k->name;
		return NC_DONE;
	}
	struct text t = { .len = 0 };
	enum nc_verdict v = expand(d, r, &t);
	if (v != NC_DONE || t.len == 0)
		return v;
	uint8_t *copy = nc_p_alloc(d->p, t.len);
	if (!copy)
		return NC_BAD;
	memcpy(copy, t.bytes, t.len);
	*ret = nc_p_bytes(copy, t.len);
	d->known[d->known_count++ % KNOWN_NAMES] = (struct known){ .at = at, .name = *ret };
	return NC_DONE;
}

/* RFC 1035 section 3.3.13. */
static enum nc_verdict soa(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	Types__DNSSOA *s = nc_p_alloc(d->p, sizeof(*s));

	if (!s)
		return NC_BAD;
	types__dnssoa__init(s);
	m->soa = s;
	enum nc_verdict v = name(d, r, &s->mname);
	if (v == NC_DONE)
		v = name(d, r, &s->rname);
	s->serial = nc_rd_be32(r);
	s->refresh = nc_rd_be32(r);
	s->retry = nc_rd_be32(r);
	s->expire = nc_rd_be32(r);
	s->minimum = nc_rd_be32(r);
	return v;
}

/* RFC 2782. */
static enum nc_verdict srv(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	Types__DNSSRV *s = nc_p_alloc(d->p, sizeof(*s));

	if (!s)
		return NC_BAD;
	types__dnssrv__init(s);
	m->srv = s;
	s->priority = nc_rd_be16(r);
	s->weight = nc_rd_be16(r);
	s->port = nc_rd_be16(r);
	return name(d, r, &s->name);
}

/* RFC 1035 section 3.3.9. */
static enum nc_verdict mx(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	Types__DNSMX *s = nc_p_alloc(d->p, sizeof(*s));

	if (!s)
		return NC_BAD;
	types__dnsmx__init(s);
	m->mx = s;
	s->preference = nc_rd_be16(r);
	return name(d, r, &s->name);
}

/* RFC 1035 section 3.3.14: strings, each behind its length. */
static enum nc_verdict txt(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	size_t n = 0;

	for (struct nc_rd ahead = *r; ahead.left > 0 && !ahead.failed; n++)
		nc_rd_skip(&ahead, nc_rd_u8(&ahead));
	m->txts = nc_p_alloc(d->p, n * sizeof(*m->txts));
	if (!m->txts)
		return NC_BAD;
	for (; m->n_txts < n; m->n_txts++) {
		uint8_t len = nc_rd_u8(r);
		m->txts[m->n_txts] = nc_p_bytes(nc_rd_bytes(r, len), len);
	}
	return NC_DONE;
}

/* Other classes may hold something else in A and AAAA (Chaosnet does). */
static enum nc_verdict address(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	size_t want = m->type == TYPE_A ? 4 : 16;

	if (r->left != want) {
		if (((unsigned)m->class_ & CLASS_MASK) != CLASS_IN)
			return NC_DONE;
		return nc_bad(d->p, "DNS address of a wrong length");
	}
	m->ip = m->type == TYPE_A ? nc_p_ipv4(d->p, r->p) : nc_p_ipv6(d->p, r->p);
	return NC_DONE;
}

static enum nc_verdict data(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	switch (m->type) {
	case TYPE_A:
	case TYPE_AAAA:
		return address(d, r, m);
	case TYPE_NS:
		return name(d, r, &m->ns);
	case TYPE_CNAME:
		return name(d, r, &m->cname);
	case TYPE_PTR:
		return name(d, r, &m->ptr);
	case TYPE_SOA:
		return soa(d, r, m);
	case TYPE_MX:
		return mx(d, r, m);
	case TYPE_TXT:
		return txt(d, r, m);
	case TYPE_SRV:
		return srv(d, r, m);
	default:
		return NC_DONE;
	}
}

static enum nc_verdict record(struct dns *d, struct nc_rd *r, Types__DNSResourceRecord *m)
{
	enum nc_verdict v = name(d, r, &m->name);

	if (v != NC_DONE)
		return v;
	m->type = nc_rd_be16(r);
	m->class_ = nc_rd_be16(r);
	m->ttl = nc_rd_be32(r);
	uint16_t len = nc_rd_be16(r);
	struct nc_rd in = nc_rd_sub(r, len);
	if (in.failed)
		return NC_SHORT;
	m->datalength = len;
	m->data = nc_p_bytes(in.p, len);
	m->soa = d->no_soa;
	m->srv = d->no_srv;
	m->mx = d->no_mx;
	/* RFC 2136 sections 2.4 and 2.5: an update may have a record of any type without data */
	if (len == 0)
		return NC_DONE;
	v = data(d, &in, m);
	if (in.failed || v == NC_SHORT)
		return nc_bad(d->p, "DNS record with too little data for its type");
	return v;
}

static enum nc_verdict records(struct dns *d, struct nc_rd *r, size_t n, size_t *n_ret, Types__DNSResourceRecord ***ret)
{
	if (n == 0)
		return NC_DONE;
	Types__DNSResourceRecord **list = (Types__DNSResourceRecord **)nc_p_array(d->p, n);
	Types__DNSResourceRecord *m = nc_p_alloc(d->p, n * sizeof(*m));
	if (!list || !m)
		return NC_BAD;
	for (size_t i = 0; i < n; i++, m++) {
		types__dnsresource_record__init(m);
		enum nc_verdict v = record(d, r, m);
		if (v != NC_DONE)
			return v;
		list[i] = m;
	}
	*n_ret = n;
	*ret = list;
	return NC_DONE;
}

static enum nc_verdict questions(struct dns *d, struct nc_rd *r, size_t n, Types__DNS *m)
{
	if (n == 0)
		return NC_DONE;
	m->questions = (Types__DNSQuestion **)nc_p_array(d->p, n);
	Types__DNSQuestion *q = nc_p_alloc(d->p, n * sizeof(*q));
	if (!m->questions || !q)
		return NC_BAD;
	for (size_t i = 0; i < n; i++, q++) {
		types__dnsquestion__init(q);
		enum nc_verdict v = name(d, r, &q->name);
		if (v != NC_DONE)
			return v;
		q->type = nc_rd_be16(r);
		q->class_ = nc_rd_be16(r);
		m->questions[i] = q;
	}
	m->n_questions = n;
	return r->failed ? NC_SHORT : NC_DONE;
}

/* RFC 1035 section 4.1.1; Z is all three bits, of which RFC 4035 made two AD and CD. */
static void header(struct nc_rd *r, Types__DNS *m)
{
	m->id = nc_rd_be16(r);
	unsigned f = nc_rd_be16(r);
	m->qr = (f & 0x8000) != 0;
	m->opcode = f >> 11 & 15;
	m->aa = (f & 0x0400) != 0;
	m->tc = (f & 0x0200) != 0;
	m->rd = (f & 0x0100) != 0;
	m->ra = (f & 0x0080) != 0;
	m->z = f >> 4 & 7;
	m->responsecode = f & 15;
	m->qdcount = nc_rd_be16(r);
	m->ancount = nc_rd_be16(r);
	m->nscount = nc_rd_be16(r);
	m->arcount = nc_rd_be16(r);
}

/* Whether so many questions and records can be in the n bytes behind the header. */
static bool counts_fit(const Types__DNS *m, size_t n)
{
	size_t all = (size_t)m->ancount + (size_t)m->nscount + (size_t)m->arcount;

	return (size_t)m->qdcount * QUESTION_MIN + all * RECORD_MIN <= n;
}

static bool empties(struct dns *d)
{
	d->no_soa = nc_p_alloc(d->p, sizeof(*d->no_soa));
	d->no_srv = nc_p_alloc(d->p, sizeof(*d->no_srv));
	d->no_mx = nc_p_alloc(d->p, sizeof(*d->no_mx));
	if (!d->no_soa || !d->no_srv || !d->no_mx)
		return false;
	types__dnssoa__init(d->no_soa);
	types__dnssrv__init(d->no_srv);
	types__dnsmx__init(d->no_mx);
	return true;
}

/* One message, which r holds and nothing else. */
static enum nc_verdict message(struct nc_packet *p, struct nc_rd *r)
{
	struct dns d = { .p = p, .msg = r->p, .len = r->left };
	Types__DNS m = TYPES__DNS__INIT;

	header(r, &m);
	if (r->failed || !counts_fit(&m, r->left))
		return NC_SHORT;
	if (!empties(&d))
		return NC_BAD;
	enum nc_verdict v = questions(&d, r, (size_t)m.qdcount, &m);
	if (v == NC_DONE)
		v = records(&d, r, (size_t)m.ancount, &m.n_answers, &m.answers);
	if (v == NC_DONE)
		v = records(&d, r, (size_t)m.nscount, &m.n_authorities, &m.authorities);
	if (v == NC_DONE)
		v = records(&d, r, (size_t)m.arcount, &m.n_additionals, &m.additionals);
	if (v == NC_DONE)
		nc_emit(p, &m.base);
	return v;
}

/* Whether r holds nothing but whole messages, each behind its length (RFC 1035 section 4.2.2). */
static bool whole_messages(struct nc_rd r)
{
	while (r.left > 0) {
		struct nc_rd one = nc_rd_sub(&r, nc_rd_be16(&r));
		Types__DNS m = TYPES__DNS__INIT;
		header(&one, &m);
		if (one.failed || !counts_fit(&m, one.left))
			return false;
	}
	return true;
}

/* A segment in the middle of a message is the business of stream reassembly. */
static enum nc_verdict segment(struct nc_packet *p, struct nc_rd *r)
{
	if (nc_cut(p, r) || !whole_messages(*r))
		return NC_SKIP;
	while (r->left > 0) {
		struct nc_rd one = nc_rd_sub(r, nc_rd_be16(r));
		enum nc_verdict v = message(p, &one);
		if (v != NC_DONE)
			return v;
	}
	return NC_DONE;
}

/* Those that are asked for: RFC 1035, and IANA's list of RR types. */
static bool asked(uint16_t type)
{
	static const uint16_t known[] = {
		TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_SOA, 10, TYPE_PTR, 13, TYPE_MX, TYPE_TXT, TYPE_AAAA, TYPE_SRV,
		35, 39, 43, 46, 47, 48, 50, 52, 59, 60, 64, 65, 99, 251, 252, 255, 256, 257,
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == type)
			return true;
	return false;
}

/* RFC 1001 section 14.1: NetBIOS, whose messages are made like those of DNS, writes a name as 32 letters from A to P. */
static bool netbios(const struct text *t)
{
	size_t n = 0;

	while (n < t->len && t->bytes[n] >= 'A' && t->bytes[n] <= 'P')
		n++;
	return n == 32 && (n == t->len || t->bytes[n] == '.');
}

static bool printable(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->bytes[i] <= ' ' || t->bytes[i] > '~')
			return false;
	return true;
}

static bool proves_question(struct dns *d, struct nc_rd *r)
{
	struct text t = { .len = 0 };

	if (expand(d, r, &t) != NC_DONE || t.jumps > 0 || !printable(&t) || netbios(&t))
		return false;
	uint16_t type = nc_rd_be16(r);
	return asked(type) && nc_rd_be16(r) == CLASS_IN && !r->failed;
}

static bool proves_record(struct dns *d, struct nc_rd *r)
{
	struct text t = { .len = 0 };

	if (expand(d, r, &t) != NC_DONE)
		return false;
	uint16_t type = nc_rd_be16(r), class = nc_rd_be16(r);
	nc_rd_skip(r, 4);
	nc_rd_skip(r, nc_rd_be16(r));
	/* RFC 6891 section 6.1.2: the class is a size there, and the name the root; RFC 8945 section 4.2: ANY for signatures */
	return !r->failed && (type == TYPE_OPT ? t.len == 0 : class == CLASS_IN || class == CLASS_ANY);
}

/* A standard query with one question (RFC 9619) or its answer, in which all is where it must be to the last byte. */
static bool proves_message(struct nc_packet *p, struct nc_rd r)
{
	struct dns d = { .p = p, .msg = r.p, .len = r.left };
	Types__DNS m = TYPES__DNS__INIT;

	header(&r, &m);
	size_t n = (size_t)m.ancount + (size_t)m.nscount + (size_t)m.arcount;
	if (r.failed || m.opcode != 0 || (m.z & Z_RESERVED) || m.qdcount != 1 || !counts_fit(&m, r.left))
		return false;
	if (!m.qr && (m.aa || m.tc || m.ra || m.responsecode || m.ancount || m.nscount))
		return false;
	if (m.responsecode > RESPONSE_MAX || !proves_question(&d, &r))
		return false;
	while (n > 0 && proves_record(&d, &r))
		n--;
	return n == 0 && r.left == 0;
}

static bool proves(struct nc_packet *p, struct nc_rd r)
{
	return proves_message(p, r) && !nc_cut(p, &r);
}

static bool proves_segment(struct nc_packet *p, struct nc_rd r)
{
	bool good = !nc_cut(p, &r);

	while (good && r.left > 0) {
		struct nc_rd one = nc_rd_sub(&r, nc_rd_be16(&r));
		good = !one.failed && proves_message(p, one);
	}
	return good;
}

static enum nc_verdict dns_decode(struct nc_packet *p, struct nc_rd *r)
{
	bool cut = nc_cut(p, r);
	enum nc_verdict v = p->next_space == NC_TCPPORT ? segment(p, r) : message(p, r);

	/* what a whole packet lacks was never there */
	return v == NC_SHORT && !cut ? nc_bad(p, "DNS message shorter than its contents") : v;
}

const struct nc_decoder nc_decoder_dns = {
	.name = "DNS", .decode = dns_decode, .descriptor = &types__dns__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 53 }, { NC_UDPPORT, 5353 }, { NC_UDPPORT, 5355 }, { NC_TCPPORT, 53 }, { NC_TCPPORT, 5353 },
	                { NC_TCPPORT, 5355 }),
	/* opcode 0, the reserved bit 0, one question */
	.proofs = NC_PROOFS({ NC_UDPPORT, 0x00007840ffff0000, 0x0000000000010000, proves },
	                    { NC_TCPPORT, 0x000000007840ffff, 0x0000000000000001, proves_segment }),
};
