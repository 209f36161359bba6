/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of the flow table: how packets are counted in them, and the records that they become. */
#include "flow/flowtable.h"

#include "base/text.h"
#include "base/time.h"

static int64_t timeout(const struct nc_flows *f, const struct nc_flow_entry *e)
{
	return e->kind == NC_FLOW_CONNECTION ? f->o.conn_timeout : f->o.flow_timeout;
}

/* The record's fields are signed and have 32 bits, so a larger flow goes on in another record. */
static bool full(const struct nc_flow_entry *e, const struct nc_flow_packet *p)
{
	return e->kind != NC_FLOW_NETWORK && (e->packets >= INT32_MAX || p->caplen > INT32_MAX - e->bytes ||
	                                      p->outer->app_size > INT32_MAX - e->app_bytes);
}

bool nc_flow_over(const struct nc_flows *f, const struct nc_flow_entry *e, const struct nc_flow_packet *p)
{
	int64_t limit = timeout(f, e), active = f->o.active_timeout;

	return nc_flow_apart(e->last_ns, p->ts_ns, limit) || nc_flow_apart(p->ts_ns, e->first_ns, limit) ||
	       nc_flow_apart(e->first_ns, p->ts_ns, active) || nc_flow_apart(p->ts_ns, e->last_ns, active) || full(e, p);
}

bool nc_flow_ended(const struct nc_flows *f, const struct nc_flow_entry *e, int64_t now)
{
	return nc_flow_apart(e->last_ns, now, timeout(f, e)) || nc_flow_apart(e->first_ns, now, f->o.active_timeout);
}

/* The addresses of a packet, in its direction. */
static void identify(struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	struct nc_flow_entry *e = nc_flow_entry(f, i);
	const struct nc_outer *o = s->o;

	e->link = s->kind_of_link;
	e->v6 = s->v6;
	e->mac = s->mac;
	e->transport = s->transport & 15u;
	e->sport = o->sport;
	e->dport = o->dport;
	if (s->mac) {
		memcpy(e->src_mac, o->link_src, 6);
		memcpy(e->dst_mac, o->link_dst, 6);
	}
	uint8_t *ip = nc_flow_ip(f, i);
	memcpy(ip, o->net_src, o->net_size);
	memcpy(ip + o->net_size, o->net_dst, o->net_size);
}

static void count(struct nc_flow_entry *e, const struct nc_flow_packet *p)
{
	if (e->kind == NC_FLOW_NETWORK) {
		e->wide.packets++;
		e->wide.bytes += p->caplen;
		return;
	}
	e->packets++;
	e->bytes += p->caplen;
	e->app_bytes += (uint32_t)p->outer->app_size;
	if (e->app == 0 && p->outer->app <= UINT8_MAX)
		e->app = (uint8_t)p->outer->app;
}

void nc_flow_start(struct nc_flows *f, uint32_t i, uint8_t kind, const struct nc_flow_seen *s)
{
	struct nc_flow_entry *e = nc_flow_entry(f, i);

	e->first_ns = e->last_ns = s->p->ts_ns;
	e->app = 0;
	e->wide.packets = 0;
	if (kind == NC_FLOW_NETWORK)
		e->wide.bytes = 0;
	else
		e->app_bytes = 0;
	e->kind = kind;
	identify(f, i, s);
	count(e, s->p);
}

void nc_flow_add(struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s)
{
	struct nc_flow_entry *e = nc_flow_entry(f, i);

	if (s->p->ts_ns > e->last_ns) {
		e->last_ns = s->p->ts_ns;
	} else if (s->p->ts_ns < e->first_ns) {
		e->first_ns = s->p->ts_ns;
		identify(f, i, s);
	}
	count(e, s->p);
}

void nc_flow_hashes(const struct nc_flows *f, uint32_t i, uint64_t ret[static 3])
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	const uint8_t *ip = nc_flow_ip(f, i);
	size_t n = nc_flow_ip_size(e);

	ret[0] = e->mac ? nc_ident_hash(e->src_mac, e->dst_mac, 6, NC_END_MAC) : 0;
	ret[1] = nc_ident_hash(ip, ip + n, n, e->v6 ? NC_END_IPV6 : NC_END_IPV4);
	ret[2] = e->transport ? nc_ident_ports(e->sport, e->dport, (enum nc_endpoint)e->transport) : 0;
}

/* The texts of an entry. */
struct texts {
	char first[NC_TIME_TEXT], last[NC_TIME_TEXT];
	char mac[2][NC_TEXT_MAC], ip[2][NC_TEXT_IPV6], port[2][8];
	char uid[NC_MD5_TEXT];
	int64_t duration;
};

static int64_t between(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(b, a, &d) ? INT64_MAX : d;
}

static void put_ip(char out[static NC_TEXT_IPV6], const uint8_t *ip, bool v6)
{
	if (v6)
		nc_text_ipv6(out, ip);
	else
		nc_text_ipv4(out, ip);
}

static void describe(const struct nc_flows *f, uint32_t i, struct texts *t)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	const uint8_t *ip = nc_flow_ip(f, i);

	nc_time_stamp(t->first, e->first_ns);
	nc_time_stamp(t->last, e->last_ns);
	t->duration = between(e->first_ns, e->last_ns);
	t->mac[0][0] = t->mac[1][0] = t->port[0][0] = t->port[1][0] = '\0';
	if (e->mac) {
		nc_text_mac(t->mac[0], e->src_mac);
		nc_text_mac(t->mac[1], e->dst_mac);
	}
	put_ip(t->ip[0], ip, e->v6);
	put_ip(t->ip[1], ip + nc_flow_ip_size(e), e->v6);
	if (e->transport) {
		char port[21];
		memcpy(t->port[0], port, nc_text_u64(port, e->sport) + 1);
		memcpy(t->port[1], port, nc_text_u64(port, e->dport) + 1);
	}
}

static size_t put(char *to, const char *s)
{
	size_t n = strlen(s);

	memcpy(to, s, n);
	return n;
}

static void flow_uid(const struct nc_flow_entry *e, struct texts *t)
{
	char text[2 * (NC_TEXT_IPV6 + 8) + 8];
	const char *sport = e->transport ? t->port[0] : "[]", *dport = e->transport ? t->port[1] : "[]";
	const char *const pieces[] = { t->ip[0], "->", t->ip[1], ":", sport, "->", dport };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		n += put(text + n, pieces[i]);
	nc_md5_hex(text, n, t->uid);
}

static void connection_uid(const struct nc_flows *f, uint32_t i, struct texts *t)
{
	uint64_t h[3];

	nc_flow_hashes(f, i, h);
	nc_ident_connection(h[0], h[1], h[2], t->uid);
}

/* Strings of records are not const, but nobody writes into them. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

#define FILL(m, e, t)                                                                                                          \
	do {                                                                                                                   \
		(m).timestampfirst = (t)->first;                                                                               \
		(m).timestamplast = (t)->last;                                                                                 \
		(m).duration = (t)->duration;                                                                                  \
		(m).linkproto = text(nc_ident_link_name((e)->link));                                                           \
		(m).networkproto = text((e)->v6 ? "IPv6" : "IPv4");                                                            \
		(m).transportproto = text(nc_ident_transport_name((e)->transport));                                            \
		(m).applicationproto = text(nc_ident_application((e)->app, (e)->transport, (e)->sport, (e)->dport));           \
		(m).srcmac = (t)->mac[0];                                                                                      \
		(m).dstmac = (t)->mac[1];                                                                                      \
		(m).srcip = (t)->ip[0];                                                                                        \
		(m).dstip = (t)->ip[1];                                                                                        \
		(m).srcport = (t)->port[0];                                                                                    \
		(m).dstport = (t)->port[1];                                                                                    \
		(m).totalsize = (int32_t)(e)->bytes;                                                                           \
		(m).apppayloadsize = (int32_t)(e)->app_bytes;                                                                  \
		(m).numpackets = (int32_t)(e)->packets;                                                                        \
		(m).uid = (t)->uid;                                                                                            \
	} while (0)

static void write_flow(const struct nc_flow_entry *e, struct texts *t, const struct nc_sink *sink)
{
	Types__Flow m = TYPES__FLOW__INIT;

	flow_uid(e, t);
	FILL(m, e, t);
	sink->record(sink->user, &m.base, e->first_ns);
}

static void write_connection(const struct nc_flow_entry *e, struct texts *t, const struct nc_sink *sink)
{
	Types__Connection m = TYPES__CONNECTION__INIT;

	FILL(m, e, t);
	sink->record(sink->user, &m.base, e->first_ns);
}

static int64_t clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static void write_network(const struct nc_flows *f, uint32_t i, struct texts *t, const struct nc_sink *sink)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	Types__NetworkFlow m = TYPES__NETWORK_FLOW__INIT;
	uint64_t h[3];

	nc_flow_hashes(f, i, h);
	m.timestampfirst = t->first;
	m.timestamplast = t->last;
	m.duration = t->duration;
	m.proto = text(e->v6 ? "IPv6" : "IPv4");
	m.srcip = t->ip[0];
	m.dstip = t->ip[1];
	m.totalsize = clamp(e->wide.bytes);
	m.numpackets = clamp(e->wide.packets);
	m.uid = h[1];
	sink->record(sink->user, &m.base, e->first_ns);
}

void nc_flow_write(const struct nc_flows *f, uint32_t i, const struct nc_sink *sink)
{
	const struct nc_flow_entry *e = nc_flow_entry(f, i);
	struct texts t;

	if (e->kind >= NC_FLOW_KINDS || !f->o.wanted[e->kind])
		return;
	describe(f, i, &t);
	switch (e->kind) {
	case NC_FLOW_FLOW:
		write_flow(e, &t, sink);
		break;
	case NC_FLOW_CONNECTION:
		connection_uid(f, i, &t);
		write_connection(e, &t, sink);
		break;
	default:
		write_network(f, i, &t, sink);
		break;
	}
}
