/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the flow table: UIDs, counts, ends, eviction, parts, a worker that died in it; random traffic against a model. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>

#include "flow/flows.h"
#include "flow/ident.h"
#include "flow/merge.h"

#define S        INT64_C(1000000000)
#define SEEN_MAX 4096

/* A record, as far as tests look at it. */
struct seen {
	enum nc_flow_kind kind;
	char uid[NC_MD5_TEXT], src[64], sport[8], app[16];
	uint64_t number; /* UID of the kinds that have a number */
	int64_t packets, bytes, app_bytes, duration;
};

struct fixture {
	void *mem;
	size_t size;
	struct nc_flow_options o;
	struct nc_flow_counters c;
	struct nc_flows *f;
	struct nc_sink sink;
	struct seen seen[SEEN_MAX];
	size_t count;
	bool dying; /* the next record kills the worker */
	jmp_buf death;
	uint64_t order, seq, done, random;
};

static uint32_t draw(struct fixture *t, uint32_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (uint32_t)(t->random >> 11) % below;
}

#define COPY(to, from) snprintf(to, sizeof(to), "%s", from)

static void look_at_pair(struct seen *s, const Types__Flow *r)
{
	COPY(s->uid, r->uid);
	COPY(s->src, r->srcip);
	COPY(s->sport, r->srcport);
	COPY(s->app, r->applicationproto);
	s->packets = r->numpackets;
	s->bytes = r->totalsize;
	s->app_bytes = r->apppayloadsize;
	s->duration = r->duration;
}

static void look_at_transport(struct seen *s, const Types__TransportFlow *r)
{
	snprintf(s->sport, sizeof(s->sport), "%d", (int)(uint16_t)r->srcport);
	s->number = r->uid;
	s->packets = r->numpackets;
	s->bytes = r->totalsize;
	s->duration = r->duration;
}

static void look_at_addresses(struct seen *s, const Types__NetworkFlow *r)
{
	COPY(s->src, r->srcip);
	s->number = r->uid;
	s->packets = r->numpackets;
	s->bytes = r->totalsize;
	s->duration = r->duration;
}

/* Flow and Connection have the same fields, LinkFlow and NetworkFlow too. */
static void on_record(void *user, const ProtobufCMessage *m, int64_t ts_ns)
{
	struct fixture *t = user;
	struct seen *s = &t->seen[t->count++ % SEEN_MAX];

	(void)ts_ns;
	memset(s, 0, sizeof(*s));
	s->kind = nc_ident_kind(m->descriptor);
	if (s->kind == NC_FLOW_FLOW || s->kind == NC_FLOW_CONNECTION)
		look_at_pair(s, (const Types__Flow *)(const void *)m);
	else if (s->kind == NC_FLOW_TRANSPORT)
		look_at_transport(s, (const Types__TransportFlow *)(const void *)m);
	else
		look_at_addresses(s, (const Types__NetworkFlow *)(const void *)m);
	if (t->dying) {
		t->dying = false;
		longjmp(t->death, 1);
	}
}

static void start(struct fixture *t, uint32_t max)
{
	static const uint8_t seed[16] = { 1, 2, 3 };

	memset(t, 0, sizeof(*t));
	t->o = (struct nc_flow_options){ .flow_timeout = 30 * S, .conn_timeout = 60 * S, .max = max };
	t->o.wanted[NC_FLOW_FLOW] = t->o.wanted[NC_FLOW_CONNECTION] = t->o.wanted[NC_FLOW_NETWORK] = true;
	t->o.wanted[NC_FLOW_LINK] = t->o.wanted[NC_FLOW_TRANSPORT] = true;
	t->size = nc_flows_size(max);
	t->mem = mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(t->mem != MAP_FAILED);
	t->f = nc_flows_init(t->mem, t->size, seed, &t->o, &t->c);
	assert_non_null(t->f);
	t->sink = (struct nc_sink){ .record = on_record, .user = t };
	t->random = 88172645463325252u;
}

/* Other options than those of start, before the first packet. */
static void restart(struct fixture *t)
{
	static const uint8_t seed[16] = { 1, 2, 3 };

	t->f = nc_flows_init(t->mem, t->size, seed, &t->o, &t->c);
}

static void stop(struct fixture *t)
{
	munmap(t->mem, t->size);
}

/* The ends of a packet: hosts and ports by number. */
struct ends {
	uint8_t bytes[64];
	struct nc_outer o;
};

static void between(struct ends *e, unsigned a, unsigned b, uint16_t sport, uint16_t dport, const char *transport, bool v6)
{
	size_t n = v6 ? 16 : 4;

	memset(e->bytes, 0, sizeof(e->bytes));
	e->bytes[5] = (uint8_t)a;
	e->bytes[11] = (uint8_t)b;
	e->bytes[12] = e->bytes[12 + n] = v6 ? 0x20 : 10;
	e->bytes[12 + n - 2] = (uint8_t)(a >> 8);
	e->bytes[12 + n - 1] = (uint8_t)a;
	e->bytes[12 + 2 * n - 2] = (uint8_t)(b >> 8);
	e->bytes[12 + 2 * n - 1] = (uint8_t)b;
	e->o = (struct nc_outer){
		.link = "Ethernet", .link_src = e->bytes, .link_dst = e->bytes + 6, .network = v6 ? "IPv6" : "IPv4",
		.net_src = e->bytes + 12, .net_dst = e->bytes + 12 + n, .net_size = (uint8_t)n, .transport = transport,
		.sport = sport, .dport = dport, .app_size = 10,
	};
}

static void step(struct fixture *t)
{
	t->done = t->seq;
	nc_flows_settle(t->f, t->done);
}

static void walk(struct fixture *t, enum nc_flows_way way, int64_t now)
{
	bool more = true;

	nc_flows_begin(t->f, way, now);
	while (more) {
		more = nc_flows_out(t->f, ++t->seq, 1000, &t->sink);
		step(t);
	}
	if (way == NC_FLOWS_ALL)
		nc_flows_clear(t->f);
}

static void packet(struct fixture *t, const struct ends *e, int64_t ts, uint32_t size)
{
	const struct nc_flow_packet p = { .outer = &e->o, .ts_ns = ts, .caplen = size, .order = ++t->order, .seq = ++t->seq };
	struct nc_flow_part parts[16];

	while (nc_flows_parts_tight(t->f)) {
		nc_flows_parts(t->f, ++t->seq, parts, 16);
		step(t);
	}
	while (nc_flows_tight(t->f))
		walk(t, NC_FLOWS_EVICT, 0);
	/* announced or not makes no difference */
	for (unsigned k = t->order % 4; k < 3; k++)
		nc_flows_ahead(t->f, &e->o, k);
	nc_flows_packet(t->f, &p, &t->sink);
}

static void send(struct fixture *t, unsigned a, unsigned b, uint16_t sport, uint16_t dport, int64_t ts)
{
	struct ends e;

	between(&e, a, b, sport, dport, "TCP", false);
	packet(t, &e, ts, 100);
}

static const struct seen *only(const struct fixture *t, enum nc_flow_kind kind)
{
	const struct seen *found = NULL;

	for (size_t i = 0; i < t->count && i < SEEN_MAX; i++) {
		if (t->seen[i].kind != kind)
			continue;
		assert_null(found);
		found = &t->seen[i];
	}
	assert_non_null(found);
	return found;
}

static size_t count(const struct fixture *t, enum nc_flow_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count && i < SEEN_MAX; i++)
		n += t->seen[i].kind == kind;
	return n;
}

/* --- names -------------------------------------------------------------------------------------------------------------------
 */

/* As the 2019 program has them of mix/gopacket2-cip.pcap. */
static void uids(void **state)
{
	static const uint8_t macs[2][6] = { { 0x00, 0x0c, 0x29, 0x5a, 0xcf, 0x2e }, { 0x14, 0x10, 0x9f, 0xda, 0xf8, 0x4b } };
	static const uint8_t ips[2][4] = { { 10, 200, 1, 18 }, { 10, 200, 1, 86 } };
	struct fixture *t = malloc(sizeof(*t));
	struct ends e;

	(void)state;
	start(t, 1000);
	between(&e, 1, 2, 445, 56711, "TCP", false);
	e.o.link_src = macs[0];
	e.o.link_dst = macs[1];
	e.o.net_src = ips[0];
	e.o.net_dst = ips[1];
	packet(t, &e, S, 66);
	walk(t, NC_FLOWS_ALL, 0);
	assert_string_equal(only(t, NC_FLOW_FLOW)->uid, "4a489809775447ce27aefae01675c6a4");
	assert_string_equal(only(t, NC_FLOW_CONNECTION)->uid, "8d9a287c07902c90aa38f29da901dc39");
	assert_true(only(t, NC_FLOW_NETWORK)->number == UINT64_C(13792516839480931207));
	stop(t);
	free(t);
}

static void hashes_are_symmetric(void **state)
{
	static const uint8_t a[4] = { 192, 0, 2, 1 }, b[4] = { 198, 51, 100, 7 };

	(void)state;
	assert_true(nc_ident_hash(a, b, 4, NC_END_IPV4) == nc_ident_hash(b, a, 4, NC_END_IPV4));
	assert_true(nc_ident_hash(a, b, 4, NC_END_IPV4) != nc_ident_hash(a, b, 4, NC_END_IPV6));
	assert_true(nc_ident_ports(53, 1024, NC_END_UDP) == nc_ident_ports(1024, 53, NC_END_UDP));
	assert_true(nc_ident_ports(53, 1024, NC_END_UDP) != nc_ident_ports(53, 1024, NC_END_TCP));
}

static void applications(void **state)
{
	(void)state;
	assert_string_equal(nc_ident_application(0, NC_END_TCP, 40000, 443), "TLS");
	assert_string_equal(nc_ident_application(0, NC_END_UDP, 443, 40000), "QUIC");
	assert_string_equal(nc_ident_application(0, NC_END_UDP, 53, 53), "DNS");
	assert_string_equal(nc_ident_application(0, NC_END_TCP, 44818, 65000), "ENIP");
	assert_string_equal(nc_ident_application(0, NC_END_TCP, 40001, 40002), "");
	assert_string_equal(nc_ident_application(0, 0, 80, 80), "");
	assert_string_equal(nc_ident_application(100000, NC_END_TCP, 80, 1), "HTTP");
}

/* --- counting and ends -------------------------------------------------------------------------------------------------------
 */

static void both_directions(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	send(t, 1, 2, 5000, 80, 10 * S);
	send(t, 2, 1, 80, 5000, 11 * S);
	send(t, 1, 2, 5000, 80, 12 * S);
	assert_int_equal(t->count, 0);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(count(t, NC_FLOW_FLOW), 2);
	const struct seen *c = only(t, NC_FLOW_CONNECTION);
	assert_int_equal(c->packets, 3);
	assert_int_equal(c->bytes, 300);
	assert_int_equal(c->app_bytes, 30);
	assert_int_equal(c->duration, 2 * S);
	assert_string_equal(c->src, "10.0.0.1");
	assert_string_equal(c->sport, "5000");
	assert_string_equal(c->app, "HTTP");
	assert_int_equal(only(t, NC_FLOW_NETWORK)->packets, 3);
	stop(t);
	free(t);
}

/* Whose time is the earliest, not who comes first. */
static void the_earliest_names_it(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	send(t, 2, 1, 80, 5000, 11 * S);
	send(t, 1, 2, 5000, 80, 10 * S);
	send(t, 2, 1, 80, 5000, 10 * S);
	walk(t, NC_FLOWS_ALL, 0);
	assert_string_equal(only(t, NC_FLOW_CONNECTION)->sport, "5000");
	assert_int_equal(only(t, NC_FLOW_CONNECTION)->duration, S);
	stop(t);
	free(t);
}

static void idle_flows_are_cut(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	send(t, 1, 2, 5000, 80, 100 * S);
	send(t, 1, 2, 5000, 80, 130 * S);
	assert_int_equal(t->count, 0);
	send(t, 1, 2, 5000, 80, 160 * S + 1);
	assert_int_equal(count(t, NC_FLOW_FLOW), 1);
	assert_int_equal(count(t, NC_FLOW_NETWORK), 1);
	assert_int_equal(only(t, NC_FLOW_FLOW)->packets, 2);
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 0);
	/* far back is a gap as well */
	send(t, 1, 2, 5000, 80, 100 * S);
	assert_int_equal(count(t, NC_FLOW_FLOW), 2);
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 0);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(count(t, NC_FLOW_FLOW), 3);
	assert_int_equal(only(t, NC_FLOW_CONNECTION)->packets, 4);
	for (size_t i = 1; i < t->count; i++)
		if (t->seen[i].kind == NC_FLOW_FLOW)
			assert_string_equal(t->seen[i].uid, t->seen[0].uid);
	stop(t);
	free(t);
}

static void zero_means_never(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	t->o.flow_timeout = t->o.conn_timeout = 0;
	restart(t);
	send(t, 1, 2, 5000, 80, INT64_MIN);
	send(t, 1, 2, 5000, 80, INT64_MAX);
	send(t, 1, 2, 5000, 80, 0);
	walk(t, NC_FLOWS_IDLE, INT64_MAX);
	assert_int_equal(t->count, 0);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(only(t, NC_FLOW_CONNECTION)->packets, 3);
	assert_true(only(t, NC_FLOW_CONNECTION)->duration == INT64_MAX);
	stop(t);
	free(t);
}

static void walks_find_the_idle(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	for (uint16_t i = 0; i < 20; i++)
		send(t, 1, 2, (uint16_t)(1000 + i), 80, i * 10 * S);
	size_t cut = count(t, NC_FLOW_NETWORK);
	assert_int_equal(cut, 0);
	walk(t, NC_FLOWS_IDLE, 190 * S);
	/* those last seen more than 30 s before 190: 0 to 150 */
	assert_int_equal(count(t, NC_FLOW_FLOW), 16);
	/* more than 60 s: 0 to 120 */
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 13);
	assert_int_equal(count(t, NC_FLOW_NETWORK), 0);
	assert_int_equal(t->c.live, 4 + 7 + 1);
	stop(t);
	free(t);
}

static void long_flows_go_on(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	t->o.active_timeout = 100 * S;
	restart(t);
	for (int i = 0; i <= 250; i++)
		send(t, 1, 2, 5000, 80, i * S);
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 2);
	assert_int_equal(t->seen[0].packets, 101);
	walk(t, NC_FLOWS_IDLE, 260 * S);
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 2);
	walk(t, NC_FLOWS_IDLE, 303 * S);
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 3);
	stop(t);
	free(t);
}

/* The fields of a record have 31 bits. */
static void no_sum_overflows(void **state)
{
	struct fixture *t = malloc(sizeof(*t));
	struct ends e;
	int64_t bytes = 0;

	(void)state;
	start(t, 1000);
	between(&e, 1, 2, 5000, 80, "TCP", false);
	for (int i = 0; i < 20; i++)
		packet(t, &e, i, 1u << 28);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(count(t, NC_FLOW_FLOW), 3);
	for (size_t i = 0; i < t->count; i++) {
		assert_true(t->seen[i].bytes > 0);
		bytes += t->seen[i].kind == NC_FLOW_FLOW ? t->seen[i].bytes : 0;
	}
	assert_true(bytes == INT64_C(20) << 28);
	assert_true(only(t, NC_FLOW_NETWORK)->bytes == INT64_C(20) << 28);
	stop(t);
	free(t);
}

static void layers_that_are_not_there(void **state)
{
	struct fixture *t = malloc(sizeof(*t));
	struct ends e;

	(void)state;
	start(t, 1000);
	between(&e, 1, 2, 7, 8, NULL, false);
	packet(t, &e, S, 60);
	e.o.sport = 9; /* without a transport these say nothing */
	packet(t, &e, S, 60);
	between(&e, 1, 2, 0, 0, NULL, true);
	packet(t, &e, S, 60);
	e.o.network = NULL;
	packet(t, &e, S, 60);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(count(t, NC_FLOW_FLOW), 2);
	assert_int_equal(count(t, NC_FLOW_CONNECTION), 2);
	assert_int_equal(t->seen[0].packets, 2);
	assert_string_equal(t->seen[0].sport, "");
	stop(t);
	free(t);
}

/* --- limits ------------------------------------------------------------------------------------------------------------------
 */

static void a_flood_is_evicted(void **state)
{
	struct fixture *t = malloc(sizeof(*t));
	int64_t packets = 0;

	(void)state;
	start(t, 640);
	for (unsigned i = 0; i < 1000; i++)
		send(t, i, 60000, 5000, 80, i);
	assert_true(t->c.evicted > 0);
	assert_int_equal(t->c.evicted, t->count);
	assert_true(t->c.live <= 640);
	/* the longest idle first: what is left is newer than what went */
	assert_int_equal(count(t, NC_FLOW_FLOW) + count(t, NC_FLOW_CONNECTION) + count(t, NC_FLOW_NETWORK), t->count);
	walk(t, NC_FLOWS_ALL, 0);
	for (size_t i = 0; i < t->count; i++)
		packets += t->seen[i].kind == NC_FLOW_CONNECTION ? t->seen[i].packets : 0;
	assert_int_equal(packets, 1000);
	assert_int_equal(t->c.live, 0);
	stop(t);
	free(t);
}

/* More than the first part of the slots holds, and away again. */
static void grows_and_shrinks(void **state)
{
	enum { FLOWS = 60000 };
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 4 * FLOWS + 10);
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < FLOWS; i++)
			send(t, i, 65535, 5000, 80, round * 100 * S);
		assert_int_equal(t->c.live, 3 * FLOWS);
		for (unsigned i = 0; i < FLOWS; i++)
			send(t, 65535, i, 80, 5000, round * 100 * S + 1);
		assert_int_equal(t->c.live, 4 * FLOWS);
		walk(t, NC_FLOWS_IDLE, (round + 1) * 100 * S);
		assert_int_equal(t->c.live, 0);
		assert_int_equal(t->count, (size_t)(round + 1) * 4 * FLOWS);
	}
	stop(t);
	free(t);
}

/* --- a worker that dies ------------------------------------------------------------------------------------------------------
 */

static void written_but_not_done(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	for (unsigned i = 0; i < 100; i++)
		send(t, i, 200, 5000, 80, 0);
	nc_flows_begin(t->f, NC_FLOWS_ALL, 0);
	assert_true(nc_flows_out(t->f, ++t->seq, 50, &t->sink));
	assert_int_equal(t->count, 50);
	/* its records went with it: the successor writes them again */
	nc_flows_attach(t->f, t->seq, t->seq);
	assert_int_equal(t->c.live, 300);
	t->count = 0;
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(t->count, 300);
	stop(t);
	free(t);
}

static void done_but_not_removed(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	for (unsigned i = 0; i < 100; i++)
		send(t, i, 200, 5000, 80, 0);
	nc_flows_begin(t->f, NC_FLOWS_ALL, 0);
	assert_true(nc_flows_out(t->f, ++t->seq, 50, &t->sink));
	nc_flows_attach(t->f, t->seq, 0);
	assert_int_equal(t->c.live, 250);
	/* and the table is of use */
	for (unsigned i = 0; i < 100; i++)
		send(t, i, 200, 5000, 80, 1);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(t->c.live, 0);
	int64_t packets = 0;
	for (size_t i = 0; i < t->count; i++)
		packets += t->seen[i].kind == NC_FLOW_FLOW ? t->seen[i].packets : 0;
	assert_int_equal(packets, 200);
	stop(t);
	free(t);
}

static int64_t packets_of(const struct fixture *t, enum nc_flow_kind kind)
{
	int64_t packets = 0;

	for (size_t i = 0; i < t->count; i++)
		packets += t->seen[i].kind == kind ? t->seen[i].packets : 0;
	return packets;
}

/* In the middle of a packet, while the record of a flow is written that it ends. */
static void died_in_a_packet(void **state)
{
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	for (unsigned i = 0; i < 100; i++)
		send(t, i, 200, 5000, 80, 0);
	t->dying = true;
	if (setjmp(t->death) == 0)
		send(t, 7, 200, 5000, 80, 1000 * S);
	assert_int_equal(t->count, 1);
	t->count = 0;
	nc_flows_attach(t->f, t->seq, t->seq);
	assert_int_equal(t->c.recovered, 1);
	assert_int_equal(t->c.live, 300);
	for (unsigned i = 0; i < 100; i++)
		send(t, i, 200, 5000, 80, 1);
	assert_int_equal(t->c.live, 300);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(packets_of(t, NC_FLOW_FLOW), 200);
	stop(t);
	free(t);
}

/* Behind the last change for a packet, with what it cut not yet committed. */
static void died_behind_a_cut(void **state)
{
	struct fixture *t = malloc(sizeof(*t));
	struct ends e;

	(void)state;
	start(t, 1000);
	between(&e, 1, 2, 5000, 80, "TCP", true);
	for (int i = 0; i < 10; i++)
		packet(t, &e, i, 100);
	packet(t, &e, 1000 * S, 100);
	assert_int_equal(t->count, 3);
	t->count = 0;
	nc_flows_attach(t->f, t->seq, t->seq);
	assert_int_equal(t->c.recovered, 0);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(packets_of(t, NC_FLOW_FLOW), 10);
	assert_int_equal(packets_of(t, NC_FLOW_CONNECTION), 10);
	assert_int_equal(packets_of(t, NC_FLOW_NETWORK), 10);
	assert_int_equal(only(t, NC_FLOW_CONNECTION)->duration, 9);
	/* committed, it stays */
	packet(t, &e, 2000 * S, 100);
	packet(t, &e, 3000 * S, 100);
	nc_flows_attach(t->f, t->seq, 0);
	walk(t, NC_FLOWS_ALL, 0);
	assert_int_equal(packets_of(t, NC_FLOW_FLOW), 12);
	stop(t);
	free(t);
}

/* --- random traffic ----------------------------------------------------------------------------------------------------------
 */

enum { HOSTS = 12, PORTS = 4, PAIRS = HOSTS * HOSTS * PORTS };

/* Packets, bytes and records of each direction, and what the table said of it. */
struct model {
	int64_t first, last, packets, records;
	bool live;
};

static void against_a_model(void **state)
{
	struct fixture *t = malloc(sizeof(*t));
	struct model *m = calloc(PAIRS, sizeof(*m));
	size_t records = 0;
	int64_t now = 0;

	(void)state;
	start(t, 100000);
	t->o.wanted[NC_FLOW_CONNECTION] = t->o.wanted[NC_FLOW_NETWORK] = false;
	restart(t);
	t->random = (uint64_t)time(NULL) | 1;
	print_message("seed %llu\n", (unsigned long long)t->random);
	for (int i = 0; i < 200000; i++) {
		unsigned a = draw(t, HOSTS), b = draw(t, HOSTS), c = draw(t, PORTS);
		struct model *e = &m[(a * HOSTS + b) * PORTS + c];
		now += draw(t, 100) == 0 ? draw(t, 40) * S : draw(t, 50) * S / 1000;
		int64_t ts = draw(t, 20) == 0 ? now - draw(t, 60) * S : now;
		if (e->live && (ts > e->last + 30 * S || ts < e->first - 30 * S)) {
			e->live = false;
			records++;
		}
		if (!e->live)
			*e = (struct model){ .first = ts, .last = ts, .live = true };
		e->first = ts < e->first ? ts : e->first;
		e->last = ts > e->last ? ts : e->last;
		e->packets++;
		send(t, a, b, (uint16_t)(1000 + c), 80, ts);
		assert_int_equal(t->count, records);
		if (draw(t, 1000) != 0)
			continue;
		for (int k = 0; k < PAIRS; k++)
			if (m[k].live && m[k].last + 30 * S < now) {
				m[k].live = false;
				records++;
			}
		walk(t, NC_FLOWS_IDLE, now);
		assert_int_equal(t->count, records);
	}
	assert_true(records > 1000);
	free(m);
	stop(t);
	free(t);
}

/* --- parts -------------------------------------------------------------------------------------------------------------------
 */

enum { WORKERS = 4, TRAFFIC = 3000 };

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen));
}

/* Spreads the same packets over n workers, which hand out parts at any time; returns the records in order. */
static void spread(struct fixture *all, unsigned workers, unsigned seed)
{
	static const uint8_t key[16] = { 9 };
	struct fixture *w[WORKERS];
	struct nc_flow_part parts[64];
	size_t n;

	start(all, 1000);
	all->o.wanted[NC_FLOW_FLOW] = all->o.wanted[NC_FLOW_NETWORK] = false;
	struct nc_merge *m = nc_merge_new(&all->o, key);
	assert_non_null(m);
	for (unsigned k = 0; k < workers; k++) {
		w[k] = malloc(sizeof(**w));
		start(w[k], 10000);
		w[k]->o = all->o;
		w[k]->o.max = 10000;
		restart(w[k]);
	}
	all->random = 1000 + seed;
	uint64_t choice = 77 * workers + 1;
	for (uint64_t i = 1; i <= TRAFFIC; i++) {
		struct ends e;
		uint32_t a = draw(all, 5), b = draw(all, 5), port = draw(all, 6);
		int64_t ts = draw(all, 4000) * S;
		between(&e, a, b, (uint16_t)(1000 + port), 80, "UDP", false);
		if (draw(all, 3) == 0)
			e.o.network = e.o.transport = NULL;
		choice = choice * 6364136223846793005u + 1442695040888963407u;
		struct fixture *to = w[(choice >> 33) % workers];
		to->order = i - 1;
		packet(to, &e, ts, 60);
		if ((choice >> 40) % 50 != 0)
			continue;
		n = nc_flows_parts(to->f, ++to->seq, parts, (choice >> 50) % 64);
		step(to);
		for (size_t k = 0; k < n; k++)
			assert_true(nc_merge_add(m, &parts[k], &all->sink));
	}
	for (unsigned k = workers; k-- > 0;) {
		while ((n = nc_flows_parts(w[k]->f, ++w[k]->seq, parts, 64)) > 0) {
			step(w[k]);
			while (n-- > 0)
				assert_true(nc_merge_add(m, &parts[n], &all->sink));
		}
		stop(w[k]);
		free(w[k]);
	}
	nc_merge_all(m, &all->sink);
	nc_merge_free(m);
	qsort(all->seen, all->count, sizeof(all->seen[0]), by_bytes);
}

static void parts_make_the_same_whole(void **state)
{
	struct fixture *one = malloc(sizeof(*one)), *more = malloc(sizeof(*more));

	(void)state;
	for (unsigned seed = 0; seed < 20; seed++) {
		spread(one, 1, seed);
		assert_true(one->count > 100 && one->count < SEEN_MAX);
		for (unsigned n = 2; n <= WORKERS; n++) {
			spread(more, n, seed);
			assert_int_equal(more->count, one->count);
			assert_memory_equal(more->seen, one->seen, one->count * sizeof(one->seen[0]));
			stop(more);
		}
		stop(one);
	}
	free(one);
	free(more);
}

static void nonsense_is_refused(void **state)
{
	static const uint8_t key[16] = { 9 };
	const struct nc_flow_part good = { .kind = NC_FLOW_TRANSPORT, .proto = NC_END_UDP, .packets = 1, .bytes = 60 };
	struct fixture *t = malloc(sizeof(*t));

	(void)state;
	start(t, 1000);
	struct nc_merge *m = nc_merge_new(&t->o, key);
	assert_true(nc_merge_add(m, &good, &t->sink));
	struct nc_flow_part bad[8];
	for (size_t i = 0; i < 8; i++)
		bad[i] = good;
	bad[0].kind = NC_FLOW_FLOW;
	bad[1].kind = 200;
	bad[2].proto = 3;
	bad[3].packets = 0;
	bad[4].bytes = UINT64_MAX;
	bad[5].first_ns = 1;
	bad[6].has_mac = 2;
	bad[7].kind = NC_FLOW_LINK; /* without addresses */
	for (size_t i = 0; i < 8; i++)
		assert_false(nc_merge_add(m, &bad[i], &t->sink));
	assert_int_equal(nc_merge_live(m), 1);
	nc_merge_free(m);
	stop(t);
	free(t);
}

static void merging_is_bounded(void **state)
{
	static const uint8_t key[16] = { 9 };
	struct fixture *t = malloc(sizeof(*t));
	int64_t packets = 0;

	(void)state;
	start(t, 1000);
	t->o.max = 64;
	struct nc_merge *m = nc_merge_new(&t->o, key);
	for (unsigned i = 0; i < 1000; i++) {
		const struct nc_flow_part p = {
			.kind = NC_FLOW_TRANSPORT, .proto = NC_END_TCP, .packets = 1, .bytes = 60, .first_ns = i, .last_ns = i,
			.sport = (uint16_t)i,
		};
		assert_true(nc_merge_add(m, &p, &t->sink));
		assert_true(nc_merge_live(m) <= 64);
	}
	assert_int_equal(nc_merge_evicted(m), t->count);
	nc_merge_sweep(m, 999 + 30 * S, &t->sink);
	assert_int_equal(nc_merge_live(m), 1);
	nc_merge_all(m, &t->sink);
	assert_int_equal(nc_merge_live(m), 0);
	for (size_t i = 0; i < t->count; i++)
		packets += t->seen[i].packets;
	assert_int_equal(packets, 1000);
	nc_merge_free(m);
	stop(t);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uids),
		cmocka_unit_test(hashes_are_symmetric),
		cmocka_unit_test(applications),
		cmocka_unit_test(both_directions),
		cmocka_unit_test(the_earliest_names_it),
		cmocka_unit_test(idle_flows_are_cut),
		cmocka_unit_test(zero_means_never),
		cmocka_unit_test(walks_find_the_idle),
		cmocka_unit_test(long_flows_go_on),
		cmocka_unit_test(no_sum_overflows),
		cmocka_unit_test(layers_that_are_not_there),
		cmocka_unit_test(a_flood_is_evicted),
		cmocka_unit_test(grows_and_shrinks),
		cmocka_unit_test(written_but_not_done),
		cmocka_unit_test(done_but_not_removed),
		cmocka_unit_test(died_in_a_packet),
		cmocka_unit_test(died_behind_a_cut),
		cmocka_unit_test(against_a_model),
		cmocka_unit_test(parts_make_the_same_whole),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(merging_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
