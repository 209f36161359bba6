/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SSH (RFC 4253): how both sides call themselves and what key exchange they offer. What follows is encrypted. */
#include "config.h"

#include "flow/fingerprint.h"
#include "flow/stream.h"

#define IDENT_MAX   255u /* with CR LF (RFC 4253 section 4.2) */
#define LINES_MAX   64u  /* that a server may send in front of it */
#define LEAD_MAX    1024u
#define PACKET_MAX  35000u /* RFC 4253 section 6.1 */
#define KEXINIT_MAX 8192u  /* beyond that it is not read */
#define KEXINIT_MIN 62u    /* type, cookie, ten empty lists, two more fields */
#define PACKETS_MAX 16u    /* in front of it: IGNORE, DEBUG */
#define NAMES_MAX   128u   /* of a list that are kept */
#define LISTS       10u
#define COOKIE      16u
#define SSH_PORT    22u

enum { MSG_KEXINIT = 20, MSG_NEWKEYS = 21 };

/* The lists of a KEXINIT that a fingerprint is made of (RFC 4253 section 7.1). */
enum {
	KEX = 0,
	ENC_TO_SERVER = 2,
	ENC_TO_CLIENT = 3,
	MAC_TO_SERVER = 4,
	MAC_TO_CLIENT = 5,
	COMP_TO_SERVER = 6,
	COMP_TO_CLIENT = 7
};

/* One direction. */
struct side {
	uint8_t ident[IDENT_MAX];
	uint8_t ident_len; /* 0: not seen yet */
	uint8_t lines, packets;
	bool done; /* KEXINIT seen, or it won't be */
	size_t kexinit_len;
	uint8_t *kexinit; /* of nc_stream_alloc: the payload */
};

struct ssh {
	struct side side[2];
	int64_t ts_ns; /* of the first identification */
	bool written;
};

static const char prefix[] = "SSH-";
#define PREFIX (sizeof(prefix) - 1)

static enum nc_guess ssh_probe(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	if (n < PREFIX)
		return memcmp(p, prefix, n) == 0 ? NC_GUESS_MORE : NC_GUESS_NO;
	if (memcmp(p, prefix, PREFIX) != 0)
		return NC_GUESS_NO;
	if (n == PREFIX)
		return NC_GUESS_MORE;
	return p[PREFIX] == '1' || p[PREFIX] == '2' ? NC_GUESS_YES : NC_GUESS_NO;
}

/* Version 1 has no KEXINIT; 1.99 is version 2 (RFC 4253 section 5.1). */
static bool is_version1(const struct side *d)
{
	return d->ident_len > PREFIX + 3 && d->ident[PREFIX] == '1' && memcmp(d->ident + PREFIX, "1.99", 4) != 0;
}

/* Whether the key exchange list has this name. */
static bool offers(const struct side *d, const char *name)
{
	struct nc_rd r = nc_rd_over(d->kexinit, d->kexinit_len);
	size_t len = strlen(name);

	nc_rd_skip(&r, 1 + COOKIE);
	struct nc_rd list = nc_rd_sub(&r, nc_rd_be32(&r));
	return list.left >= len && memmem(list.p, list.left, name, len) != NULL;
}

/* The direction that the client sends in. The names tell when the SYN was not seen (RFC 8308 section 2.1), else the port. */
static unsigned client_of(const struct nc_stream *s, const struct ssh *ssh)
{
	if (s->opened)
		return 0;
	for (unsigned dir = 0; dir < 2; dir++) {
		if (offers(&ssh->side[dir], "ext-info-c") || offers(&ssh->side[dir], "kex-strict-c-"))
			return dir;
		if (offers(&ssh->side[dir], "ext-info-s") || offers(&ssh->side[dir], "kex-strict-s-"))
			return !dir;
	}
	return s->end[0].port == SSH_PORT && s->end[1].port != SSH_PORT ? 1 : 0;
}

/* A name-list (RFC 4251 section 5) as texts. */
static void names(struct nc_stream *s, struct nc_rd list, size_t *n, char ***ret)
{
	size_t count = 1;

	if (list.left == 0)
		return;
	for (size_t i = 0; i < list.left && count < NAMES_MAX; i++)
		count += list.p[i] == ',';
	char **v = nc_arena_calloc(s->arena, count, sizeof(*v));
	if (!v)
		return;
	for (*n = 0; *n < count; (*n)++) {
		const uint8_t *comma = memchr(list.p, ',', list.left);
		size_t len = comma ? (size_t)(comma - list.p) : list.left;
		v[*n] = nc_stream_str(s, nc_rd_bytes(&list, len), len);
		nc_rd_skip(&list, comma ? 1 : 0);
	}
	*ret = v;
}

static char *hassh(struct nc_stream *s, const struct nc_rd lists[static LISTS], const unsigned parts[static 4])
{
	struct nc_fingerprint f;

	nc_fingerprint_init(&f);
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			nc_fingerprint_part(&f, ';');
		nc_fingerprint_text(&f, lists[parts[i]].p, lists[parts[i]].left);
	}
	return nc_fingerprint_end(&f, s->arena);
}

/* The ten lists; false when they are not all there. */
static bool read_lists(const struct side *d, struct nc_rd lists[static LISTS])
{
	struct nc_rd r = nc_rd_over(d->kexinit, d->kexinit_len);

	nc_rd_skip(&r, 1 + COOKIE);
	for (unsigned i = 0; i < LISTS; i++)
		lists[i] = nc_rd_sub(&r, nc_rd_be32(&r));
	return !r.failed;
}

static void client_lists(struct nc_stream *s, const struct side *d, Types__SSH *m)
{
	static const unsigned parts[] = { KEX, ENC_TO_SERVER, MAC_TO_SERVER, COMP_TO_SERVER };
	const struct {
		size_t *n;
		char ***v;
	} to[] = {
		{ &m->n_clientkexalgorithms, &m->clientkexalgorithms },
		{ &m->n_clienthostkeyalgorithms, &m->clienthostkeyalgorithms },
		{ &m->n_clientencryptiontoserver, &m->clientencryptiontoserver },
		{ &m->n_clientencryptiontoclient, &m->clientencryptiontoclient },
		{ &m->n_clientmactoserver, &m->clientmactoserver },
		{ &m->n_clientmactoclient, &m->clientmactoclient },
		{ &m->n_clientcompressiontoserver, &m->clientcompressiontoserver },
		{ &m->n_clientcompressiontoclient, &m->clientcompressiontoclient },
	};
	struct nc_rd lists[LISTS];

	if (d->kexinit_len == 0)
		return;
	if (!read_lists(d, lists)) {
		nc_stream_bad(s, "bad KEXINIT");
		return;
	}
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		names(s, lists[i], to[i].n, to[i].v);
	m->hassh = hassh(s, lists, parts);
}

static void server_lists(struct nc_stream *s, const struct side *d, Types__SSH *m)
{
	static const unsigned parts[] = { KEX, ENC_TO_CLIENT, MAC_TO_CLIENT, COMP_TO_CLIENT };
	const struct {
		size_t *n;
		char ***v;
	} to[] = {
		{ &m->n_serverkexalgorithms, &m->serverkexalgorithms },
		{ &m->n_serverhostkeyalgorithms, &m->serverhostkeyalgorithms },
		{ &m->n_serverencryptiontoserver, &m->serverencryptiontoserver },
		{ &m->n_serverencryptiontoclient, &m->serverencryptiontoclient },
		{ &m->n_servermactoserver, &m->servermactoserver },
		{ &m->n_servermactoclient, &m->servermactoclient },
		{ &m->n_servercompressiontoserver, &m->servercompressiontoserver },
		{ &m->n_servercompressiontoclient, &m->servercompressiontoclient },
	};
	struct nc_rd lists[LISTS];

	if (d->kexinit_len == 0)
		return;
	if (!read_lists(d, lists)) {
		nc_stream_bad(s, "bad KEXINIT");
		return;
	}
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		names(s, lists[i], to[i].n, to[i].v);
	m->hasshserver = hassh(s, lists, parts);
}

static void write_record(struct nc_stream *s, struct ssh *ssh)
{
	Types__SSH m = TYPES__SSH__INIT;
	unsigned client = client_of(s, ssh);
	const struct side *c = &ssh->side[client], *v = &ssh->side[!client];

	ssh->written = true;
	m.clientident = nc_stream_str(s, c->ident, c->ident_len);
	m.serverident = nc_stream_str(s, v->ident, v->ident_len);
	client_lists(s, c, &m);
	server_lists(s, v, &m);
	m.srcip = nc_stream_ip(s, client);
	m.dstip = nc_stream_ip(s, !client);
	m.srcmac = nc_stream_mac(s, client);
	m.dstmac = nc_stream_mac(s, !client);
	m.srcport = s->end[client].port;
	m.dstport = s->end[!client].port;
	if (!s->arena->failed)
		nc_stream_record(s, &m.base, ssh->ts_ns);
}

/* A line up to its LF: its length with that, 0 when the LF is not there yet. */
static size_t line_length(const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);
	return end ? (size_t)(end - p) + 1 : 0;
}

static void keep_ident(struct ssh *ssh, struct side *d, const uint8_t *p, size_t n, int64_t ts_ns)
{
	if (!ssh->side[0].ident_len && !ssh->side[1].ident_len)
		ssh->ts_ns = ts_ns;
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	memcpy(d->ident, p, n);
	d->ident_len = (uint8_t)n;
}

/* Takes a line in front of the packets. Returns what it consumed; 0: more is needed, or the side is done. */
static size_t take_line(struct ssh *ssh, struct side *d, const uint8_t *p, size_t n, int64_t ts_ns)
{
	size_t len = line_length(p, n < LEAD_MAX ? n : LEAD_MAX);

	if (len == 0) {
		d->done = n >= LEAD_MAX;
		return 0;
	}
	if (len > PREFIX && memcmp(p, prefix, PREFIX) == 0 && len <= IDENT_MAX) {
		keep_ident(ssh, d, p, len, ts_ns);
		d->done = is_version1(d);
	} else {
		d->done = ++d->lines > LINES_MAX;
	}
	return len;
}

static void keep_kexinit(struct nc_stream *s, struct side *d, const uint8_t *p, size_t n)
{
	d->done = true;
	if (n < KEXINIT_MIN || n > KEXINIT_MAX) {
		nc_stream_bad(s, "KEXINIT length");
		return;
	}
	d->kexinit = nc_stream_alloc(s, n);
	if (!d->kexinit)
		return;
	memcpy(d->kexinit, p, n);
	d->kexinit_len = n;
}

static size_t bad_packet(struct nc_stream *s, struct side *d)
{
	nc_stream_bad(s, "bad packet");
	d->done = true;
	return 0;
}

/* A binary packet (RFC 4253 section 6). Returns as take_line; *want: bytes that must be waiting. */
static size_t take_packet(struct nc_stream *s, struct side *d, const uint8_t *p, size_t n, size_t *want)
{
	struct nc_rd r = nc_rd_over(p, n);
	uint32_t len = nc_rd_be32(&r);
	struct nc_rd packet = nc_rd_over(r.p, r.left);

	if (n < 4) {
		*want = 4;
		return 0;
	}
	if (len < 5 || len > PACKET_MAX)
		return bad_packet(s, d);
	if (packet.left < len) {
		*want = 4 + (size_t)len;
		return 0;
	}
	nc_rd_trim(&packet, len);
	uint8_t padding = nc_rd_u8(&packet);
	if (padding >= packet.left)
		return bad_packet(s, d);
	nc_rd_trim(&packet, packet.left - padding);
	uint8_t type = packet.p[0];
	if (type == MSG_KEXINIT)
		keep_kexinit(s, d, packet.p, packet.left);
	else
		d->done = type == MSG_NEWKEYS || ++d->packets > PACKETS_MAX;
	return 4 + (size_t)len;
}

static bool is_over(const struct ssh *ssh)
{
	const struct side *d = ssh->side;

	return (d[0].done && d[1].done) || (d[0].ident_len && d[1].ident_len && (is_version1(&d[0]) || is_version1(&d[1])));
}

static size_t ssh_data(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns)
{
	struct ssh *ssh = s->state;
	struct side *d = &ssh->side[dir];
	size_t at = 0, took = 1, want = 0;

	while (!d->done && at < n && took > 0) {
		if (d->ident_len == 0)
			took = take_line(ssh, d, p + at, n - at, ts_ns);
		else
			took = take_packet(s, d, p + at, n - at, &want);
		at += took;
	}
	if (is_over(ssh)) {
		write_record(s, ssh);
		nc_stream_stop(s);
		return n;
	}
	if (d->done) {
		nc_stream_skip(s, dir, UINT64_MAX);
		return n;
	}
	if (want > 0)
		nc_stream_want(s, dir, want);
	return at;
}

/* Where the next packet begins is not known any more. */
static void ssh_gap(struct nc_stream *s, unsigned dir, uint64_t n)
{
	struct ssh *ssh = s->state;

	(void)n;
	ssh->side[dir].done = true;
}

static void ssh_end(struct nc_stream *s)
{
	struct ssh *ssh = s->state;

	if (!ssh->written && (ssh->side[0].ident_len || ssh->side[1].ident_len))
		write_record(s, ssh);
	for (unsigned dir = 0; dir < 2; dir++)
		nc_stream_free(s, ssh->side[dir].kexinit);
}

const struct nc_stream_reader nc_reader_ssh = {
	.name = "SSH",
	.state_size = sizeof(struct ssh),
	.ports = (const uint16_t[]){ 22, 2222, 0 },
	.pending_max = PACKET_MAX + 4,
	.probe = ssh_probe,
	.data = ssh_data,
	.gap = ssh_gap,
	.end = ssh_end,
	.records = (const ProtobufCMessageDescriptor *const[]){ &types__ssh__descriptor, NULL },
};
