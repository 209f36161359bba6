/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session Initiation Protocol (RFC 3261): start line and header fields; bodies are left alone. */
#include <ctype.h>
#include <string.h>

#include "decode/cut.h"
#include "decode/decode.h"

#define ROWS_MAX 256u
#define CODE_LEN 3u  /* RFC 3261 section 7.2 */
#define CODE_MIN 100
#define CODE_MAX 699

/* As the 2019 format numbers them, from 1. RFCs 3261, 3262, 6665, 3903, 6086, 3515, 3428, 3311. */
static const char *const methods[] = {
	"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "MESSAGE",
	"UPDATE", "PING",
};

struct span {
	const uint8_t *p;
	size_t n;
};

/* A line of the header. Lines of one name make one field, with commas (RFC 3261 section 7.3.1), folded ones with a space. */
struct row {
	struct span name, value;
	uint32_t hash;
	char joint;   /* before the value */
	struct row *next; /* of the same field */
	struct row *last; /* in the first one of a field */
	size_t size;      /* of the whole field, in the first one */
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct span trimmed(struct span s)
{
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_space(*s.p))
		s.p++, s.n--;
	return s;
}

/* The next line without its end; false when none ends. */
static bool line(struct nc_rd *r, struct span *ret)
{
	const uint8_t *end = r->left > 0 ? memchr(r->p, '\n', r->left) : NULL;

	if (!end)
		return false;
	*ret = (struct span){ r->p, (size_t)(end - r->p) };
	nc_rd_skip(r, ret->n + 1);
	while (ret->n > 0 && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

/* Cuts off and returns what stands before the first space, or all of it. */
static struct span word(struct span *s)
{
	const uint8_t *space = s->n > 0 ? memchr(s->p, ' ', s->n) : NULL;
	struct span w = { s->p, space ? (size_t)(space - s->p) : s->n };
	size_t used = space ? w.n + 1 : w.n;

	s->p += used;
	s->n -= used;
	return w;
}

static bool same(struct span a, const char *b)
{
	size_t n = strlen(b);

	if (a.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (toupper(a.p[i]) != toupper((unsigned char)b[i]))
			return false;
	return true;
}

static int32_t version(struct span s)
{
	return same(s, "SIP/2.0") ? 2 : same(s, "SIP/1.0") ? 1 : 0;
}

/* 0: one that the 2019 format does not number (RFC 3261 section 27.4 leaves the list open). */
static int32_t method(struct span s)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (same(s, methods[i]))
			return (int32_t)i + 1;
	return 0;
}

static bool status_code(struct span s, int32_t *ret)
{
	*ret = 0;
	if (s.n != CODE_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*ret = *ret * 10 + (s.p[i] - '0');
	}
	return true;
}

/* Request or status line (RFC 3261 sections 7.1 and 7.2); false for what is none. */
static bool start_line(struct nc_packet *p, struct span s, Types__SIP *m)
{
	struct span first = word(&s);

	m->version = version(first);
	if (m->version > 0) {
		m->isresponse = true;
		if (!status_code(word(&s), &m->responsecode))
			return false;
		m->responsestatus = nc_p_str(p, s.p, s.n);
		return true;
	}
	m->method = method(first);
	struct span uri = word(&s);
	m->version = version(s);
	return first.n > 0 && uri.n > 0 && m->version > 0;
}

static uint32_t hash(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint32_t)tolower(s.p[i])) * 16777619u;
	return h;
}

static bool same_name(const struct row *a, const struct row *b)
{
	if (a->hash != b->hash || a->name.n != b->name.n)
		return false;
	for (size_t i = 0; i < a->name.n; i++)
		if (tolower(a->name.p[i]) != tolower(b->name.p[i]))
			return false;
	return true;
}

/* Hangs a row onto the first one of its field. */
static void attach(struct row *first, struct row *row, char joint)
{
	row->joint = joint;
	first->last->next = row;
	first->last = row;
	first->size += 1 + row->value.n;
}

static struct row *field_of(struct row *rows, size_t n, const struct row *row)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].last && same_name(&rows[i], row))
			return &rows[i];
	return NULL;
}

/* Method of a response, from "CSeq: 1 INVITE" (RFC 3261 section 20.16). */
static void cseq(const struct row *row, Types__SIP *m)
{
	struct span rest = row->value;

	if (m->isresponse && same(row->name, "cseq")) {
		(void)word(&rest);
		rest = trimmed(rest);
		m->method = method(word(&rest));
	}
}

/* Sorts a line into rows[n]; field is the one that a folded line goes on with. A line that is no header field is passed over. */
static bool sort_in(struct row *rows, size_t n, struct span s, struct row **field)
{
	struct row *row = &rows[n];
	const uint8_t *colon = memchr(s.p, ':', s.n);
	bool folded = is_space(*s.p);

	*row = (struct row){ .value = trimmed(s) };
	if (folded && *field)
		attach(*field, row, ' ');
	if (folded || !colon) {
		*field = folded ? *field : NULL;
		return folded && *field;
	}
	size_t at = (size_t)(colon - s.p);
	row->name = trimmed((struct span){ s.p, at });
	row->value = trimmed((struct span){ colon + 1, s.n - at - 1 });
	row->hash = hash(row->name);
	*field = field_of(rows, n, row);
	if (*field) {
		attach(*field, row, ',');
		return true;
	}
	row->joint = ':';
	row->last = row;
	row->size = row->name.n + 1 + row->value.n;
	*field = row;
	return true;
}

/* name:value,value */
static char *print_field(struct nc_packet *p, const struct row *first)
{
	uint8_t *s = nc_p_alloc(p, first->size), *to = s;

	if (!s)
		return (char *)(uintptr_t)protobuf_c_empty_string;
	for (size_t i = 0; i < first->name.n; i++)
		*to++ = (uint8_t)tolower(first->name.p[i]);
	for (const struct row *row = first; row; row = row->next) {
		*to++ = (uint8_t)row->joint;
		memcpy(to, row->value.p, row->value.n);
		to += row->value.n;
	}
	/* a NUL would end the string; this byte is replaced as one that is no UTF-8 */
	for (size_t i = 0; i < first->size; i++)
		if (s[i] == 0)
			s[i] = 0xff;
	return nc_p_str(p, s, first->size);
}

static size_t count_lines(struct nc_rd r)
{
	struct span s;
	size_t n = 0;

	while (line(&r, &s) && s.n > 0)
		n++;
	return n;
}

/* All header fields, up to the empty line; *ended tells whether it is there. */
static enum nc_verdict headers(struct nc_packet *p, struct nc_rd *r, Types__SIP *m, bool *ended)
{
	size_t lines = count_lines(*r), n = 0;
	struct row *field = NULL;
	struct span s = { 0 };

	if (lines > ROWS_MAX)
		return nc_bad(p, "SIP with more than 256 header lines");
	struct row *rows = nc_p_alloc(p, (lines + 1) * sizeof(*rows));
	m->headers = nc_p_alloc(p, (lines + 1) * sizeof(*m->headers));
	if (!rows || !m->headers)
		return NC_BAD;
	*ended = false;
	while (line(r, &s)) {
		if (s.n == 0) {
			*ended = true;
			break;
		}
		if (sort_in(rows, n, s, &field)) {
			cseq(&rows[n], m);
			n++;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (rows[i].last)
			m->headers[m->n_headers++] = print_field(p, &rows[i]);
	return NC_DONE;
}

static bool is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static bool all_in(struct span s, uint8_t first, uint8_t last)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < first || s.p[i] > last)
			return false;
	return s.n > 0;
}

/* RFC 3986 section 3: letters, a colon, something. */
static bool is_uri(struct span s)
{
	const uint8_t *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
	size_t scheme = colon ? (size_t)(colon - s.p) : 0;

	return all_in((struct span){ s.p, scheme }, 'a', 'z') && scheme + 1 < s.n && all_in(s, '!', '~');
}

/* A start line as RFC 3261 writes it, letter by letter: its version is the proof. */
static bool proves(struct nc_packet *p, struct nc_rd r)
{
	struct span s, first;
	int32_t code;

	(void)p;
	if (!line(&r, &s))
		return false;
	first = word(&s);
	if (is(first, "SIP/2.0"))
		return status_code(word(&s), &code) && code >= CODE_MIN && code <= CODE_MAX;
	struct span uri = word(&s);
	return is(s, "SIP/2.0") && is_uri(uri) && all_in(first, 'A', 'Z');
}

static enum nc_verdict sip_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__SIP m = TYPES__SIP__INIT;
	bool stream = p->next_space == NC_TCPPORT, ended = false;
	struct span s;

	/* keep-alives (RFC 5626 section 4.4) and the middle of a stream are not messages */
	if (!line(r, &s) || !start_line(p, s, &m))
		return NC_SKIP;
	enum nc_verdict v = headers(p, r, &m, &ended);
	if (v != NC_DONE)
		return v;
	if (!ended && stream)
		return NC_SKIP;
	if (!ended && nc_cut(p, r))
		return NC_SHORT;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_sip = {
	.name = "SIP", .decode = sip_decode, .descriptor = &types__sip__descriptor,
	.keys = NC_KEYS({ NC_UDPPORT, 5060 }, { NC_TCPPORT, 5060 }),
	/* three capital letters, or some of the few other characters beside them */
	.proofs = NC_PROOFS({ NC_UDPPORT, 0xe0e0e00000000000, 0x4040400000000000, proves },
	                    { NC_TCPPORT, 0xe0e0e00000000000, 0x4040400000000000, proves }),
};
