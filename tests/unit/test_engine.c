/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine with decoders of the test's own: who is asked when, what a failed layer leaves, limits, counters that add up. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/engine.h"
#include "record/type.h"

#define LINK   60001u /* link types that nobody else has */
#define TUNNEL 60002u
#define PORT_A 60001u
#define PORT_B 60002u
#define ETHER  60001u

/* --- decoders that do what the packet's bytes say -----------------------------------------------
 * Each takes one byte and obeys it; the next byte is for the next layer. */

static void emit_arp(struct nc_packet *p)
{
	Types__ARP m = TYPES__ARP__INIT;

	nc_emit(p, &m.base);
}

static enum nc_verdict obey(struct nc_packet *p, struct nc_rd *r, uint8_t word)
{
	switch (word) {
	case 'n': /* next: the same again */
		emit_arp(p);
		return nc_next(p, NC_DATALINK, TUNNEL);
	case 'd':
		emit_arp(p);
		return NC_DONE;
	case 's': /* more than there is, and says so */
		emit_arp(p);
		nc_rd_skip(r, 1000);
		return NC_SHORT;
	case 'f': /* more than there is, and does not say so */
		emit_arp(p);
		nc_rd_skip(r, 1000);
		return NC_DONE;
	case 'b':
		emit_arp(p);
		return nc_bad(p, "as told");
	case 'B':
		return NC_BAD;
	case 'k': /* skips after it has begun */
		emit_arp(p);
		(void)nc_p_alloc(p, 1000);
		return NC_SKIP;
	case 'a': /* arena */
		emit_arp(p);
		while (nc_p_alloc(p, 4096))
			;
		return NC_DONE;
	case 'r': /* records */
		for (unsigned i = 0; i <= NC_RECORDS_MAX; i++)
			emit_arp(p);
		return NC_DONE;
	case 'R':
		for (unsigned i = 0; i < NC_RECORDS_MAX; i++)
			emit_arp(p);
		return NC_DONE;
	case 'p':
		emit_arp(p);
		return nc_next_ports(p, NC_UDPPORT, nc_rd_be16(r), nc_rd_be16(r));
	case 'e': /* nobody claims this */
		emit_arp(p);
		return nc_next(p, NC_ETHERTYPE, ETHER);
	case '6':
		emit_arp(p);
		return nc_next(p, NC_IPPROTO, 59);
	case 'i':
		emit_arp(p);
		return nc_next(p, NC_ICMPV6TYPE, 251);
	case 'u':
		emit_arp(p);
		return nc_next(p, NC_UDPPORT, 1);
	default:
		return NC_SKIP;
	}
}

static enum nc_verdict tunnel_decode(struct nc_packet *p, struct nc_rd *r)
{
	return obey(p, r, nc_rd_u8(r));
}

/* Takes what begins with its own letter. */
static enum nc_verdict first_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint8_t word = nc_rd_u8(r);

	if (word == 'A')
		return obey(p, r, 'd');
	return word == 'X' ? nc_bad(p, "first") : obey(p, r, 'k');
}

static enum nc_verdict second_decode(struct nc_packet *p, struct nc_rd *r)
{
	return nc_rd_u8(r) == 'C' ? NC_SKIP : obey(p, r, 'd');
}

/* Skips with the arena full: that is nobody else's fault. */
static enum nc_verdict greedy_decode(struct nc_packet *p, struct nc_rd *r)
{
	(void)r;
	while (nc_p_alloc(p, 4096))
		;
	return NC_SKIP;
}

static const struct nc_decoder tunnel = {
	.name = "Tunnel", .decode = tunnel_decode, .keys = NC_KEYS({ NC_DATALINK, LINK }, { NC_DATALINK, TUNNEL }),
};
/* declared in the wrong order on purpose */
static const struct nc_decoder second = {
	.name = "Second", .decode = second_decode, .order = 20, .keys = NC_KEYS({ NC_UDPPORT, PORT_A }),
};
static const struct nc_decoder first = {
	.name = "First", .decode = first_decode, .order = 10, .keys = NC_KEYS({ NC_UDPPORT, PORT_A }, { NC_UDPPORT, PORT_B }),
};
static const struct nc_decoder greedy = {
	.name = "Greedy", .decode = greedy_decode, .order = 5, .keys = NC_KEYS({ NC_UDPPORT, PORT_A }),
};

/* Payload whose second byte is Q: this one takes it with ! for a third and obeys the fourth, */
static bool prover_holds(struct nc_packet *p, struct nc_rd r)
{
	(void)p;
	nc_rd_skip(&r, 2);
	return nc_rd_u8(&r) == '!';
}

static enum nc_verdict prover_decode(struct nc_packet *p, struct nc_rd *r)
{
	nc_rd_skip(r, 3);
	return obey(p, r, nc_rd_u8(r));
}

/* and this one in any case. */
static bool believer_holds(struct nc_packet *p, struct nc_rd r)
{
	(void)p;
	return r.left > 0;
}

static enum nc_verdict believer_decode(struct nc_packet *p, struct nc_rd *r)
{
	return obey(p, r, 'd');
}

#define MARK_Q 0x00ff000000000000, 0x0051000000000000

static const struct nc_decoder prover = {
	.name = "Prover", .decode = prover_decode, .keys = NC_KEYS({ NC_INNER, 60000 }),
	.proofs = NC_PROOFS({ NC_UDPPORT, MARK_Q, prover_holds }),
};
static const struct nc_decoder believer = {
	.name = "Believer", .decode = believer_decode, .proofs = NC_PROOFS({ NC_UDPPORT, MARK_Q, believer_holds }),
};
static const struct nc_decoder *const all[] = { &tunnel, &second, &first, &greedy, &prover, &believer };

enum { D_TUNNEL, D_SECOND, D_FIRST, D_GREEDY, D_PROVER, D_BELIEVER };

/* --- fixture ------------------------------------------------------------ */

static struct nc_engine *engine;
static struct nc_decode_counters counters;
static const struct nc_engine_result *res;

static struct nc_engine *make(bool wanted)
{
	struct nc_engine_options o = { .counters = &counters, .extra = all, .extra_count = sizeof(all) / sizeof(all[0]) };
	struct nc_buf err = { 0 };

	memset(o.wanted, wanted, sizeof(o.wanted));
	memset(&counters, 0, sizeof(counters));
	struct nc_engine *e = nc_engine_new(&o, &err);
	assert_non_null(e);
	nc_buf_free(&err);
	return e;
}

static int set_up(void **state)
{
	(void)state;
	engine = make(true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nc_engine_free(engine);
	return 0;
}

static void decode_n(const char *bytes, size_t n)
{
	res = nc_engine_packet(engine, LINK, 0, (const uint8_t *)bytes, n);
}

static void decode(const char *bytes)
{
	decode_n(bytes, strlen(bytes));
}

static uint64_t verdicts(unsigned decoder, enum nc_verdict v)
{
	return counters.verdicts[nc_decoders_count + decoder][v];
}

static uint64_t sum(enum nc_verdict v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < NC_DECODERS_MAX; i++)
		n += counters.verdicts[i][v];
	return n;
}

static bool layer_is(unsigned i, unsigned decoder)
{
	return i < res->depth && res->layers[i] == nc_decoders_count + decoder;
}

#define PORTS(dst, src) (char)((dst) >> 8), (char)((dst) & 255), (char)((src) >> 8), (char)((src) & 255)

static void decode_ports(unsigned dst, unsigned src, char word)
{
	const char bytes[] = { 'p', PORTS(dst, src), word };

	decode_n(bytes, sizeof(bytes));
}

static void decode_payload(unsigned dst, unsigned src, const char *payload)
{
	char bytes[64] = { 'p', PORTS(dst, src) };

	memcpy(bytes + 5, payload, strlen(payload));
	decode_n(bytes, 5 + strlen(payload));
}

/* --- tests ------------------------------------------------------------ */

static void layers_stand_outermost_first(void **state)
{
	(void)state;
	decode("nnd");
	assert_int_equal(res->depth, 3);
	assert_int_equal(res->count, 3);
	assert_null(res->error);
	assert_false(res->unknown);
	assert_int_equal(verdicts(D_TUNNEL, NC_NEXT), 2);
	assert_int_equal(verdicts(D_TUNNEL, NC_DONE), 1);
	assert_string_equal(nc_engine_decoder(engine, res->layers[0])->name, "Tunnel");
	assert_null(nc_engine_decoder(engine, NC_DECODERS_MAX + 1));
}

static void the_lower_order_is_asked_first(void **state)
{
	(void)state;
	decode_ports(PORT_A, 1, 'A');
	assert_true(layer_is(1, D_FIRST));
	assert_int_equal(verdicts(D_SECOND, NC_DONE), 0);
	/* the first two skip */
	decode_ports(PORT_A, 1, 'Z');
	assert_true(layer_is(1, D_SECOND));
	assert_int_equal(res->count, 2);
	assert_null(res->error);
	/* who says bad has taken it */
	decode_ports(PORT_A, 1, 'X');
	assert_string_equal(res->error, "first");
	assert_int_equal(res->error_decoder, nc_decoders_count + D_FIRST);
	assert_int_equal(verdicts(D_GREEDY, NC_SKIP), 3);
}

/* All three skip: application payload that nobody wants is neither unknown nor an error. */
static void all_may_skip(void **state)
{
	(void)state;
	decode_ports(PORT_A, 1, 'C');
	assert_int_equal(res->depth, 1);
	assert_int_equal(res->count, 1);
	assert_null(res->error);
	assert_false(res->unknown);
}

static void the_other_port_comes_second(void **state)
{
	(void)state;
	decode_ports(1, PORT_B, 'A');
	assert_true(layer_is(1, D_FIRST));
	decode_ports(PORT_B, PORT_A, 'Z');
	assert_true(layer_is(1, D_SECOND)); /* FIRST skipped for B; for A it skipped again */
	/* the same port twice is asked once */
	uint64_t before = verdicts(D_FIRST, NC_SKIP);
	decode_ports(PORT_B, PORT_B, 'Z');
	assert_int_equal(verdicts(D_FIRST, NC_SKIP), before + 1);
	/* nothing to decode, nobody asked */
	before = sum(NC_SKIP);
	const char bytes[] = { 'p', PORTS(PORT_B, PORT_A) };
	decode_n(bytes, sizeof(bytes));
	assert_int_equal(sum(NC_SKIP), before);
	assert_null(res->error);
}

static void payload_may_prove_what_it_is(void **state)
{
	static const struct { unsigned port; const char *payload; unsigned layer; const char *error; } cases[] = {
		{ 1, "ZQ!d....", D_PROVER, NULL },
		{ 1, "ZQ?d....", D_BELIEVER, NULL },      /* the proof fails, the next one's holds */
		{ 1, "ZQ!k....", D_BELIEVER, NULL },      /* skips in spite of its proof */
		{ 1, "ZQ!b....", D_PROVER, "as told" },   /* its verdict stands */
		{ 1, "ZQ!s....", D_PROVER, "truncated" },
		{ 1, "ZR!d....", D_TUNNEL, NULL },        /* without the mark nobody is asked */
		{ 1, "ZQ!d...", D_TUNNEL, NULL },         /* there are less than eight bytes to look at */
		{ PORT_B, "AQ!d....", D_FIRST, NULL },    /* a port claims it */
		{ PORT_B, "XQ!d....", D_FIRST, "first" }, /* and its verdict stands */
		{ PORT_B, "ZQ!d....", D_PROVER, NULL },   /* who skips does not */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned turn = 0; turn < 2; turn++) {
			decode_payload(turn ? 1 : cases[i].port, turn ? cases[i].port : 1, cases[i].payload);
			bool taken = cases[i].layer != D_TUNNEL;
			assert_int_equal(res->depth, 1 + taken);
			assert_true(layer_is(taken, cases[i].layer));
			assert_int_equal(res->count, 1 + (taken && !cases[i].error));
			assert_int_equal(res->error != NULL, cases[i].error != NULL);
			if (cases[i].error)
				assert_string_equal(res->error, cases[i].error);
			assert_false(res->unknown);
		}
	}
	assert_int_equal(sum(NC_BAD) + sum(NC_SHORT), 6);
}

static void what_a_skip_began_is_gone(void **state)
{
	char bytes[8];

	(void)state;
	/* GREEDY fills the arena and FIRST emits before they skip: SECOND has all of the arena, and its record is the only one */
	for (unsigned i = 0; i < 3; i++) {
		decode_ports(PORT_A, 1, 'Z');
		assert_null(res->error);
		assert_int_equal(res->count, 2);
	}
	strcpy(bytes, "nk");
	decode(bytes);
	assert_int_equal(res->count, 1);
	assert_true(res->unknown); /* nobody took the second link layer */
}

static void a_failed_layer_leaves_the_outer_ones(void **state)
{
	static const struct { const char *bytes, *error; enum nc_verdict verdict; } cases[] = {
		{ "nns", "truncated", NC_SHORT },
		{ "nnf", "truncated", NC_SHORT },
		{ "nnb", "as told", NC_BAD },
		{ "nnB", "malformed", NC_BAD },
		{ "nna", "more than the memory of a packet", NC_BAD },
		{ "nnr", "more than the memory of a packet", NC_BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = verdicts(D_TUNNEL, cases[i].verdict);
		decode(cases[i].bytes);
		assert_non_null(res->error);
		assert_string_equal(res->error, cases[i].error);
		assert_int_equal(res->count, 2);
		assert_int_equal(res->depth, 3);
		assert_int_equal(res->error_decoder, nc_decoders_count + D_TUNNEL);
		assert_false(res->unknown);
		assert_int_equal(verdicts(D_TUNNEL, cases[i].verdict), before + 1);
	}
	/* and the next packet starts afresh */
	decode("d");
	assert_null(res->error);
	assert_int_equal(res->count, 1);
}

static void as_many_records_as_there_may_be(void **state)
{
	(void)state;
	decode("R");
	assert_null(res->error);
	assert_int_equal(res->count, NC_RECORDS_MAX);
	decode("r");
	assert_non_null(res->error);
	assert_int_equal(res->count, 0);
}

static void sixteen_layers_and_no_more(void **state)
{
	(void)state;
	decode("nnnnnnnnnnnnnnnd");
	assert_int_equal(res->depth, NC_LAYERS_MAX);
	assert_null(res->error);
	uint64_t before = sum(NC_BAD);
	decode("nnnnnnnnnnnnnnnnd");
	assert_int_equal(res->depth, NC_LAYERS_MAX);
	assert_string_equal(res->error, "nested too deeply");
	assert_int_equal(res->count, NC_LAYERS_MAX);
	/* no decoder gave that verdict */
	assert_int_equal(sum(NC_BAD), before);
	/* a seventeenth selector that nobody claims is only unknown */
	decode("nnnnnnnnnnnnnnne");
	assert_null(res->error);
	assert_true(res->unknown);
}

static void unknown_is_what_nobody_claims(void **state)
{
	static const struct { const char *bytes; bool unknown; } cases[] = {
		{ "e", true }, { "6", false }, { "ix", false }, { "ux", false }, { "d", false }, { "z", true }, { "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decode(cases[i].bytes);
		assert_int_equal(res->unknown, cases[i].unknown);
		assert_null(res->error);
	}
	assert_true(nc_engine_packet(engine, 70000, 0, (const uint8_t *)"d", 1)->unknown);
	assert_true(nc_engine_packet(engine, 60003, 0, (const uint8_t *)"d", 1)->unknown);
	assert_false(nc_engine_packet(engine, LINK, 0, (const uint8_t *)"d", 1)->unknown);
	assert_true(nc_engine_has_datalink(engine, LINK));
	assert_false(nc_engine_has_datalink(engine, 60003));
	assert_false(nc_engine_has_datalink(engine, LINK + 65536));
}

/* Over all kinds of packets: each ends in one of done, failed, unknown, or at the end of its selectors. */
static void counters_add_up(void **state)
{
	static const char words[] = "ndsfbBkarRpe6iuz";
	uint64_t errors = 0, too_deep = 0, layers = 0, packets = 0;
	uint32_t seed = 7;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char bytes[20];
		size_t n = seed % sizeof(bytes);
		for (size_t k = 0; k < n; k++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[k] = words[(seed >> 24) % (sizeof(words) - 1)];
			if ((seed >> 16) % 3)
				bytes[k] = 'n';
		}
		seed = seed * 1664525u + 1013904223u;
		decode_n(bytes, n);
		packets++;
		errors += res->error != NULL;
		too_deep += res->error && !strcmp(res->error, "nested too deeply");
		layers += res->depth;
		assert_false(res->error && res->unknown);
		assert_true(res->depth <= NC_LAYERS_MAX && res->count <= NC_RECORDS_MAX);
	}
	assert_true(too_deep > 0);
	assert_int_equal(sum(NC_SHORT) + sum(NC_BAD) + too_deep, errors);
	assert_int_equal(sum(NC_NEXT) + sum(NC_DONE) + sum(NC_SHORT) + sum(NC_BAD), layers);
	assert_true(sum(NC_DONE) <= packets);
}

static void types_not_wanted(void **state)
{
	struct nc_engine *e = make(false);

	(void)state;
	const struct nc_engine_result *r = nc_engine_packet(e, LINK, 0, (const uint8_t *)"nnr", 3);
	assert_int_equal(r->count, 0);
	assert_null(r->error);
	assert_int_equal(r->depth, 3);
	nc_engine_free(e);
}

/* Records carry their packet's time, also one before 1970. */
static void time_stamps(void **state)
{
	(void)state;
	res = nc_engine_packet(engine, LINK, INT64_C(1500000000123456789), (const uint8_t *)"d", 1);
	assert_string_equal(((const Types__ARP *)(const void *)res->records[0].m)->timestamp, "1500000000.123456");
	res = nc_engine_packet(engine, LINK, INT64_MIN, (const uint8_t *)"d", 1);
	assert_int_equal(res->count, 1);
	res = nc_engine_packet(engine, LINK, INT64_MAX, (const uint8_t *)"d", 1);
	assert_int_equal(res->count, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(layers_stand_outermost_first),
		TEST(the_lower_order_is_asked_first),
		TEST(all_may_skip),
		TEST(the_other_port_comes_second),
		TEST(payload_may_prove_what_it_is),
		TEST(what_a_skip_began_is_gone),
		TEST(a_failed_layer_leaves_the_outer_ones),
		TEST(as_many_records_as_there_may_be),
		TEST(sixteen_layers_and_no_more),
		TEST(unknown_is_what_nobody_claims),
		TEST(counters_add_up),
		TEST(types_not_wanted),
		TEST(time_stamps),
	};
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
