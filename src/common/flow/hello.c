/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two hellos of TLS, from bytes to records (RFC 8446 section 4.1, RFC 5246 section 7.4.1 and appendix E.2). */
#include "config.h"

#include "flow/fingerprint.h"
#include "flow/hello.h"

#define RANDOM     32u
#define SESSION_ID 32u
#define EXT_HEAD   4u

/* ExtensionType (RFC 8446 section 4.2, RFC 8422 section 5.1.2). */
enum {
	EXT_SERVER_NAME = 0,
	EXT_STATUS_REQUEST = 5,
	EXT_GROUPS = 10,
	EXT_POINTS = 11,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_EARLY_DATA = 42,
	EXT_VERSIONS = 43,
	EXT_KEY_SHARE = 51,
};

struct list {
	size_t *n;
	int32_t **v;
};

struct client {
	struct nc_stream *s;
	Types__TLSClientHello *m;
	struct nc_hello *h;
};

struct server {
	struct nc_stream *s;
	Types__TLSServerHello *m;
};

static ProtobufCBinaryData bytes(const uint8_t *p, size_t n)
{
	return (ProtobufCBinaryData){ .len = p ? n : 0, .data = (uint8_t *)(uintptr_t)p };
}

/* All of r as numbers of `width` bytes; nothing when it is no multiple of that. A list that is there already stays. */
static bool numbers(struct nc_stream *s, struct nc_rd *r, size_t width, struct list to)
{
	size_t n = r->left / width;

	if (r->failed || r->left % width != 0)
		return false;
	if (*to.n > 0 || n == 0)
		return true;
	int32_t *v = nc_arena_alloc(s->arena, n * sizeof(*v));
	if (!v)
		return false;
	for (size_t i = 0; i < n; i++)
		v[i] = width == 1 ? nc_rd_u8(r) : width == 2 ? nc_rd_be16(r) : (int32_t)nc_rd_be24(r);
	*to.v = v;
	*to.n = n;
	return true;
}

/* RFC 6066 section 3; the first host name counts. */
static void server_name(struct client *c, struct nc_rd *r)
{
	struct nc_rd all = nc_rd_sub(r, nc_rd_be16(r));

	while (!all.failed && all.left > 0 && !*c->m->sni) {
		uint8_t type = nc_rd_u8(&all);
		struct nc_rd name = nc_rd_sub(&all, nc_rd_be16(&all));
		if (!name.failed && type == 0 && name.left <= NC_HELLO_NAME_MAX)
			c->m->sni = nc_stream_str(c->s, name.p, name.left);
	}
}

/* RFC 6066 section 8: 1 is OCSP. */
static void status_request(struct client *c, struct nc_rd *r)
{
	if (nc_rd_u8(r) == 1)
		c->m->oscp = true;
}

static void groups(struct client *c, struct nc_rd *r)
{
	struct nc_rd all = nc_rd_sub(r, nc_rd_be16(r));
	(void)numbers(c->s, &all, 2, (struct list){ &c->m->n_supportedgroups, &c->m->supportedgroups });
}

static void points(struct client *c, struct nc_rd *r)
{
	struct nc_rd all = nc_rd_sub(r, nc_rd_u8(r));
	(void)numbers(c->s, &all, 1, (struct list){ &c->m->n_supportedpoints, &c->m->supportedpoints });
}

static void signatures(struct client *c, struct nc_rd *r)
{
	struct nc_rd all = nc_rd_sub(r, nc_rd_be16(r));
	(void)numbers(c->s, &all, 2, (struct list){ &c->m->n_signaturealgs, &c->m->signaturealgs });
}

/* RFC 7301 section 3.1. */
static void protocols(struct client *c, struct nc_rd *r)
{
	struct nc_rd all = nc_rd_sub(r, nc_rd_be16(r));

	if (c->m->n_alpns > 0 || all.failed || all.left == 0)
		return;
	char **names = nc_arena_calloc(c->s->arena, NC_HELLO_NAMES, sizeof(*names));
	if (!names)
		return;
	c->m->alpns = names;
	while (all.left > 0 && c->m->n_alpns < NC_HELLO_NAMES) {
		struct nc_rd name = nc_rd_sub(&all, nc_rd_u8(&all));
		if (name.failed)
			break;
		names[c->m->n_alpns++] = nc_stream_str(c->s, name.p, name.left);
	}
}

static void early_data(struct client *c, struct nc_rd *r)
{
	(void)r;
	c->h->early = true;
}

static void client_extension(struct client *c, uint16_t type, struct nc_rd *r)
{
	static const struct {
		uint16_t type;
		void (*read)(struct client *c, struct nc_rd *r);
	} table[] = {
		{ EXT_SERVER_NAME, server_name }, { EXT_STATUS_REQUEST, status_request }, { EXT_GROUPS, groups },
		{ EXT_POINTS, points },           { EXT_SIGNATURES, signatures },         { EXT_ALPN, protocols },
		{ EXT_EARLY_DATA, early_data },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].type == type)
			table[i].read(c, r);
}

/* How many extensions r holds; false when it ends within one. Less than a head of one is passed over. */
static bool count_extensions(struct nc_rd r, size_t *ret)
{
	for (*ret = 0; r.left >= EXT_HEAD; (*ret)++) {
		nc_rd_skip(&r, 2);
		nc_rd_skip(&r, nc_rd_be16(&r));
		if (r.failed)
			return false;
	}
	return true;
}

/* Both hellos may end without any (RFC 5246 section 7.4.1.2). *len: what the length field says. */
static bool extensions(struct nc_stream *s, struct nc_rd *r, int32_t *len, struct nc_rd *all, struct list *types)
{
	size_t n;

	*all = nc_rd_over(r->p, 0);
	if (r->left == 0)
		return !r->failed;
	*len = nc_rd_be16(r);
	*all = nc_rd_sub(r, (size_t)*len);
	if (all->failed || !count_extensions(*all, &n))
		return false;
	if (n == 0)
		return true;
	*types->v = nc_arena_alloc(s->arena, n * sizeof(**types->v));
	return *types->v != NULL;
}

static char *ja3(struct nc_stream *s, const Types__TLSClientHello *m)
{
	const struct {
		const int32_t *v;
		size_t n;
	} lists[] = {
		{ m->ciphersuites, m->n_ciphersuites },
		{ m->extensions, m->n_extensions },
		{ m->supportedgroups, m->n_supportedgroups },
		{ m->supportedpoints, m->n_supportedpoints },
	};
	struct nc_fingerprint f;

	nc_fingerprint_init(&f);
	nc_fingerprint_number(&f, (uint32_t)m->handshakeversion);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		nc_fingerprint_part(&f, ',');
		nc_fingerprint_numbers(&f, lists[i].v, lists[i].n);
	}
	return nc_fingerprint_end(&f, s->arena);
}

bool nc_hello_client(struct nc_stream *s, struct nc_rd r, Types__TLSClientHello *m, struct nc_hello *h)
{
	struct client c = { s, m, h };
	struct list types = { &m->n_extensions, &m->extensions };
	struct nc_rd all;

	m->handshakeversion = nc_rd_be16(&r);
	m->random = bytes(nc_rd_bytes(&r, RANDOM), RANDOM);
	m->sessionidlen = nc_rd_u8(&r);
	m->sessionid = bytes(nc_rd_bytes(&r, m->sessionidlen), m->sessionidlen);
	m->ciphersuitelen = nc_rd_be16(&r);
	struct nc_rd ciphers = nc_rd_sub(&r, (size_t)m->ciphersuitelen);
	if (m->sessionidlen > SESSION_ID || !numbers(s, &ciphers, 2, (struct list){ &m->n_ciphersuites, &m->ciphersuites }))
		return false;
	struct nc_rd methods = nc_rd_sub(&r, nc_rd_u8(&r));
	if (!numbers(s, &methods, 1, (struct list){ &m->n_compressmethods, &m->compressmethods }) ||
	    !extensions(s, &r, &m->extensionlen, &all, &types))
		return false;
	while (all.left >= EXT_HEAD) {
		uint16_t type = nc_rd_be16(&all);
		struct nc_rd value = nc_rd_sub(&all, nc_rd_be16(&all));
		m->extensions[m->n_extensions++] = type;
		client_extension(&c, type, &value);
	}
	m->ja3 = ja3(s, m);
	return !s->arena->failed;
}

/* TLS 1.3 before its draft 22 had neither session nor compression here, and the draft's number in the version. */
static bool is_draft(int32_t version)
{
	return version > 0x7f00 && version < 0x7f00 + 22;
}

/* RFC 8446 section 4.1.3: such a ServerHello is a HelloRetryRequest. The bytes are the SHA-256 of that word. */
static bool is_retry(const ProtobufCBinaryData *random)
{
	static const uint8_t retry[RANDOM] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
		                               0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
		                               0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };

	return random->len == RANDOM && memcmp(random->data, retry, RANDOM) == 0;
}

static void server_extension(struct server *c, uint16_t type, struct nc_rd *r)
{
	Types__TLSServerHello *m = c->m;

	if (type == EXT_VERSIONS) {
		m->supportedversion = nc_rd_be16(r);
	} else if (type == EXT_KEY_SHARE) {
		m->keysharegroup = nc_rd_be16(r);
	} else if (type == EXT_ALPN) {
		struct nc_rd all = nc_rd_sub(r, nc_rd_be16(r));
		struct nc_rd name = nc_rd_sub(&all, nc_rd_u8(&all));
		if (!name.failed && !*m->alpn)
			m->alpn = nc_stream_str(c->s, name.p, name.left);
	}
}

/* version,cipher,extensions */
static char *ja3s(struct nc_stream *s, const Types__TLSServerHello *m)
{
	struct nc_fingerprint f;

	nc_fingerprint_init(&f);
	nc_fingerprint_number(&f, (uint32_t)m->handshakeversion);
	nc_fingerprint_part(&f, ',');
	nc_fingerprint_number(&f, (uint32_t)m->ciphersuite);
	nc_fingerprint_part(&f, ',');
	nc_fingerprint_numbers(&f, m->extensions, m->n_extensions);
	return nc_fingerprint_end(&f, s->arena);
}

bool nc_hello_server(struct nc_stream *s, struct nc_rd r, Types__TLSServerHello *m, struct nc_hello *h)
{
	struct server c = { s, m };
	struct list types = { &m->n_extensions, &m->extensions };
	struct nc_rd all;

	m->handshakeversion = nc_rd_be16(&r);
	m->random = bytes(nc_rd_bytes(&r, RANDOM), RANDOM);
	bool draft = is_draft(m->handshakeversion);
	m->sessionidlen = draft ? 0 : nc_rd_u8(&r);
	m->sessionid = bytes(nc_rd_bytes(&r, m->sessionidlen), m->sessionidlen);
	m->ciphersuite = nc_rd_be16(&r);
	m->compressmethod = draft ? 0 : nc_rd_u8(&r);
	if (m->sessionidlen > SESSION_ID || !extensions(s, &r, &m->extensionlen, &all, &types))
		return false;
	while (all.left >= EXT_HEAD) {
		uint16_t type = nc_rd_be16(&all);
		struct nc_rd value = nc_rd_sub(&all, nc_rd_be16(&all));
		m->extensions[m->n_extensions++] = type;
		server_extension(&c, type, &value);
	}
	m->helloretryrequest = h->retry = is_retry(&m->random);
	m->ja3s = ja3s(s, m);
	return !s->arena->failed;
}

bool nc_hello_v2(struct nc_stream *s, struct nc_rd r, Types__TLSClientHello *m)
{
	m->handshaketype = nc_rd_u8(&r);
	m->handshakeversion = nc_rd_be16(&r);
	m->ciphersuitelen = nc_rd_be16(&r);
	m->sessionidlen = nc_rd_be16(&r);
	size_t challenge = nc_rd_be16(&r);
	struct nc_rd ciphers = nc_rd_sub(&r, (size_t)m->ciphersuitelen);
	m->sessionid = bytes(nc_rd_bytes(&r, m->sessionidlen), m->sessionidlen);
	m->random = bytes(nc_rd_bytes(&r, challenge), challenge);
	return !r.failed && m->sessionidlen <= SESSION_ID && challenge <= RANDOM &&
	       numbers(s, &ciphers, 3, (struct list){ &m->n_ciphersuites, &m->ciphersuites }) && !s->arena->failed;
}
