/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the formatters: every kind of value in every format, quoting, selection, the checker. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "record/format.h"

/* The text of one record (and the header line) in static storage of the test. */
static const char *text_of(const char *type, const struct nc_format_options *o, const char *select, const ProtobufCMessage *m,
                           struct nc_buf *out)
{
	char *bad;
	struct nc_format *f = nc_format_new(nc_type_by_name(type), o, select, &bad);

	assert_non_null(f);
	assert_null(bad);
	nc_buf_reset(out);
	if (m) {
		nc_format_record(f, m, out);
		nc_format_flush(f, out);
	} else {
		nc_format_header(f, out);
	}
	nc_format_free(f);
	assert_false(out->failed);
	return nc_buf_cstr(out);
}

static struct nc_format_options of_kind(enum nc_format_kind kind)
{
	struct nc_format_options o = nc_format_default;

	o.kind = kind;
	return o;
}

static char ts[] = "1331904607.290000", empty[] = "";
static uint8_t padding[] = { 0x00, 0xab }, data[] = { 0x05, 0xa0 };

/* A TCP record with all kinds of values; o1, o2 and list are its options. */
static void make_tcp(Types__TCP *m, Types__TCPOption *o1, Types__TCPOption *o2, Types__TCPOption **list)
{
	types__tcp__init(m);
	types__tcpoption__init(o1);
	types__tcpoption__init(o2);
	o1->optiontype = 2;
	o1->optionlength = 4;
	o1->optiondata = (ProtobufCBinaryData){ 2, data };
	o2->optiontype = 1;
	o2->optionlength = 1;
	list[0] = o1;
	list[1] = o2;
	m->timestamp = ts;
	m->srcport = 80;
	m->seqnum = UINT32_MAX;
	m->syn = 1;
	m->urgent = -1;
	m->padding = (ProtobufCBinaryData){ 2, padding };
	m->n_options = 2;
	m->options = list;
	m->payloadentropy = 4.12345678;
}

static void csv(void **state)
{
	struct nc_buf out = { 0 };
	Types__TCPOption o1, o2, *list[2];
	Types__TCP m;
	struct nc_format_options o = nc_format_default;

	(void)state;
	make_tcp(&m, &o1, &o2, list);
	assert_string_equal(text_of("TCP", &o, NULL, NULL, &out),
	                    "Timestamp,SrcPort,DstPort,SeqNum,AckNum,DataOffset,FIN,SYN,RST,PSH,ACK,URG,ECE,CWR,NS,Window,"
	                    "Checksum,Urgent,Padding,Options,PayloadEntropy,PayloadSize,Payload\n");
	assert_string_equal(text_of("TCP", &o, NULL, &m.base, &out),
	                    "1331904607.290000,80,0,4294967295,0,0,false,true,false,false,false,false,false,false,false,0,0,"
	                    "-1,00ab,(2-4-05a0)(1-1-),4.12345678,0,\n");
	o.sep = "\t";
	assert_string_equal(text_of("TCP", &o, "Options,SrcPort,Options", &m.base, &out),
	                    "(2-4-05a0)(1-1-)\t80\t(2-4-05a0)(1-1-)\n");
	o = (struct nc_format_options){ .sep = "::", .begin = "[", .end = "]", .struct_sep = "|", .utc = true };
	assert_string_equal(text_of("TCP", &o, "Timestamp,Options", &m.base, &out),
	                    "2012-03-16 13:30:07.29 +0000 UTC::[2|4|05a0][1|1|]\n");
	m.timestamp = empty;
	assert_string_equal(text_of("TCP", &o, "Timestamp,SrcPort", &m.base, &out), "::80\n"); /* no time: nothing invented */
	nc_buf_free(&out);
}

static void csv_nested(void **state)
{
	struct nc_buf out = { 0 };
	Types__GRE gre;
	Types__GRERouting outer, inner;
	Types__TLSClientHello hello;
	int32_t suites[] = { 47, 53, -5 };
	char h2[] = "h2", http[] = "http/1.1", *alpns[] = { h2, http };
	uint32_t neighbor[] = { 1, UINT32_MAX };
	Types__OSPFv2 ospf;
	Types__HelloPkgV2 hi;

	(void)state;
	types__gre__init(&gre);
	types__grerouting__init(&outer);
	types__grerouting__init(&inner);
	assert_string_equal(text_of("GRE", &nc_format_default, "Routing", &gre.base, &out), "\n");
	gre.routing = &outer;
	outer.addressfamily = 7;
	outer.next = &inner;
	inner.routinginformation = (ProtobufCBinaryData){ 2, data };
	assert_string_equal(text_of("GRE", &nc_format_default, "Routing", &gre.base, &out), "(7-0-0--(0-0-0-05a0-))\n");
	inner.next = &inner; /* a circle ends */
	text_of("GRE", &nc_format_default, "Routing", &gre.base, &out);
	assert_true(out.len < 2000);

	types__tlsclient_hello__init(&hello);
	assert_string_equal(text_of("TLS", &nc_format_default, "CipherSuites,ALPNs", &hello.base, &out), "(),()\n");
	hello.n_ciphersuites = 3;
	hello.ciphersuites = suites;
	hello.n_alpns = 2;
	hello.alpns = alpns;
	assert_string_equal(text_of("TLS", &nc_format_default, "CipherSuites,ALPNs", &hello.base, &out),
	                    "(47-53--5),(h2-http/1.1)\n");

	types__ospfv2__init(&ospf);
	types__hello_pkg_v2__init(&hi);
	ospf.hellov2 = &hi;
	hi.n_neighborid = 2;
	hi.neighborid = neighbor;
	assert_string_equal(text_of("OSPFv2", &nc_format_default, "Authentication,HelloV2", &ospf.base, &out),
	                    "0,(0-0-0-0-0-0-0-(1-4294967295)-0)\n");
	nc_buf_free(&out);
}

/* Columns go by number, whatever the order in the schema: ASEL is 5, MFB 6. */
static void field_order(void **state)
{
	struct nc_buf out = { 0 };

	(void)state;
	assert_string_equal(text_of("Dot11LinkAdapationControl", &nc_format_default, NULL, NULL, &out),
	                    "TRQ,MRQ,MSI,MFSI,ASEL,MFB\n");
	nc_buf_free(&out);
}

static void csv_quotes(void **state)
{
	static const struct {
		const char *sep, *value, *text;
	} cases[] = {
		{ ",", "plain", "plain" },
		{ ",", "a,b", "\"a,b\"" },
		{ ",", "say \"hi\"", "\"say \"\"hi\"\"\"" },
		{ ",", "\"", "\"\"\"\"" },
		{ ",", "a\nb", "\"a\nb\"" },
		{ ",", "a\rb", "\"a\rb\"" },
		{ "\t", "a,b", "a,b" },
		{ "\t", "a\tb", "\"a\tb\"" },
		{ "::", "a:b", "a:b" },
		{ "::", "a::b", "\"a::b\"" },
		{ "::", "a:", "a:" },
	};
	struct nc_buf out = { 0 };
	Types__HTTP m;
	char value[32];

	(void)state;
	types__http__init(&m);
	m.url = value;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nc_format_options o = nc_format_default;
		size_t count;
		o.sep = cases[i].sep;
		snprintf(value, sizeof(value), "%s", cases[i].value);
		const char *line = text_of("HTTP", &o, "URL", &m.base, &out);
		assert_int_equal(out.len, strlen(cases[i].text) + 1);
		assert_memory_equal(line, cases[i].text, strlen(cases[i].text));
		line = text_of("HTTP", &o, "URL,Proto,URL", &m.base, &out);
		assert_true(nc_format_check(line, out.len - 1, o.sep, 2, &count));
	}
	nc_buf_free(&out);
}

/* A separator that numbers, hex and structures contain. */
static void csv_odd_separators(void **state)
{
	struct nc_buf out = { 0 };
	Types__TCPOption o1, o2, *list[2];
	Types__TCP m;

	(void)state;
	make_tcp(&m, &o1, &o2, list);
	for (const char *sep = "-0a.(e5r"; *sep; sep++) {
		const char one[2] = { *sep, '\0' };
		struct nc_format_options o = nc_format_default;
		size_t count;
		o.sep = one;
		const char *line = text_of("TCP", &o, NULL, &m.base, &out);
		assert_true(nc_format_check(line, out.len - 1, one, 22, &count));
		line = text_of("TCP", &o, NULL, NULL, &out);
		assert_true(nc_format_check(line, out.len - 1, one, 22, &count));
	}
	nc_buf_free(&out);
}

static void entropy(void **state)
{
	static const double values[] = { 0, 1, 8, 0.5, 1e-7, 4.9999999949999, 2.0000005, 1.0000015, 7.9999999999, 123456.0000005,
		                         -1.5, 1e300, DBL_MIN };
	struct nc_buf out = { 0 };
	char want[400];
	Types__TCP tcp;
	Types__IPv4 ip;

	(void)state;
	types__tcp__init(&tcp);
	types__ipv4__init(&ip);
	for (size_t i = 0; i < 20000; i++) {
		double v = i < sizeof(values) / sizeof(values[0]) ? values[i] : (double)i * 8 / 20000 + 1.0 / (double)(i + 3);
		tcp.payloadentropy = ip.payloadentropy = v;
		snprintf(want, sizeof(want), "%.8f\n", v);
		assert_string_equal(text_of("TCP", &nc_format_default, "PayloadEntropy", &tcp.base, &out), want);
		snprintf(want, sizeof(want), "%.6f\n", v);
		assert_string_equal(text_of("IPv4", &nc_format_default, "PayloadEntropy", &ip.base, &out), want);
	}
	tcp.payloadentropy = (double)NAN;
	assert_string_equal(text_of("TCP", &nc_format_default, "PayloadEntropy", &tcp.base, &out), "NaN\n");
	nc_buf_free(&out);
}

static void integers(void **state)
{
	struct nc_buf out = { 0 };
	Types__LinkFlow m;

	(void)state;
	types__link_flow__init(&m);
	m.totalsize = INT64_MIN;
	m.numpackets = INT64_MAX;
	m.uid = UINT64_MAX;
	assert_string_equal(text_of("LinkFlow", &nc_format_default, "TotalSize,NumPackets,UID", &m.base, &out),
	                    "-9223372036854775808,9223372036854775807,18446744073709551615\n");
	struct nc_format_options o = of_kind(NC_FORMAT_JSON);
	assert_string_equal(text_of("LinkFlow", &o, "TotalSize,UID", &m.base, &out),
	                    "{\"TotalSize\":-9223372036854775808,\"UID\":18446744073709551615}\n");
	nc_buf_free(&out);
}

static void json(void **state)
{
	struct nc_format_options o = of_kind(NC_FORMAT_JSON);
	struct nc_buf out = { 0 };
	Types__TCPOption o1, o2, *list[2];
	Types__TCP m;
	Types__GRE gre;
	Types__Header h;

	(void)state;
	make_tcp(&m, &o1, &o2, list);
	assert_string_equal(text_of("TCP", &o, "Timestamp,SYN,Padding,Options,PayloadEntropy", &m.base, &out),
	                    "{\"Timestamp\":\"1331904607.290000\",\"SYN\":true,\"Padding\":\"00ab\",\"Options\":["
	                    "{\"OptionType\":2,\"OptionLength\":4,\"OptionData\":\"05a0\"},"
	                    "{\"OptionType\":1,\"OptionLength\":1,\"OptionData\":\"\"}],\"PayloadEntropy\":4.12345678}\n");
	m.payloadentropy = 0.1 + 0.2;
	assert_string_equal(text_of("TCP", &o, "PayloadEntropy", &m.base, &out), "{\"PayloadEntropy\":0.30000000000000004}\n");
	m.payloadentropy = (double)INFINITY;
	assert_string_equal(text_of("TCP", &o, "PayloadEntropy", &m.base, &out), "{\"PayloadEntropy\":null}\n");
	o.utc = true;
	assert_string_equal(text_of("TCP", &o, "Timestamp", &m.base, &out),
	                    "{\"Timestamp\":\"2012-03-16 13:30:07.29 +0000 UTC\"}\n");
	types__gre__init(&gre);
	assert_string_equal(text_of("GRE", &o, "Routing", &gre.base, &out), "{\"Routing\":null}\n");
	types__header__init(&h);
	h.type = TYPES__TYPE__NC_TCP;
	assert_string_equal(text_of("Header", &o, "Type", &h.base, &out), "{\"Type\":38}\n");
	nc_buf_free(&out);
}

/* Whatever bytes a string has, the line is JSON. */
static void json_strings(void **state)
{
	struct nc_format_options o = of_kind(NC_FORMAT_JSON);
	struct nc_buf out = { 0 };
	Types__HTTP m;
	char value[4] = { 0 };

	(void)state;
	types__http__init(&m);
	m.url = value;
	for (unsigned i = 0; i < 65536; i++) {
		json_error_t err;
		value[0] = (char)(i & 255);
		value[1] = (char)(i >> 8);
		const char *line = text_of("HTTP", &o, "URL,Proto", &m.base, &out);
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, &err);
		assert_non_null(j);
		assert_int_equal(json_object_size(j), 2);
		json_decref(j);
	}
	memcpy(value, "\"\\\n", 4);
	assert_string_equal(text_of("HTTP", &o, "URL", &m.base, &out), "{\"URL\":\"\\\"\\\\\\n\"}\n");
	memcpy(value, "\x01\xffz", 4);
	assert_string_equal(text_of("HTTP", &o, "URL", &m.base, &out), "{\"URL\":\"\\u0001\\ufffdz\"}\n");
	nc_buf_free(&out);
}

static void struc(void **state)
{
	struct nc_format_options o = of_kind(NC_FORMAT_STRUC);
	struct nc_buf out = { 0 };
	Types__TCPOption o1, o2, *list[2];
	Types__TCP m;
	Types__Header h;
	char source[] = "a\"\n\xc3\xa9\xff";

	(void)state;
	make_tcp(&m, &o1, &o2, list);
	assert_string_equal(text_of("TCP", &o, NULL, &m.base, &out),
	                    "NC_TCP\nTimestamp: \"1331904607.290000\"\nSrcPort: 80\nSeqNum: 4294967295\nSYN: true\nUrgent: -1\n"
	                    "Padding: \"\\000\\253\"\nOptions {\n  OptionType: 2\n  OptionLength: 4\n  "
	                    "OptionData: \"\\005\\240\"\n}\n"
	                    "Options {\n  OptionType: 1\n  OptionLength: 1\n}\nPayloadEntropy: 4.12345678\n\n");
	types__header__init(&h);
	h.type = TYPES__TYPE__NC_TCP;
	h.inputsource = source;
	assert_string_equal(text_of("Header", &o, NULL, &h.base, &out),
	                    "NC_Header\nInputSource: \"a\\\"\\012\xc3\xa9\\377\"\nType: NC_TCP\n\n");
	nc_buf_free(&out);
}

static void table(void **state)
{
	struct nc_format_options o = of_kind(NC_FORMAT_TABLE);
	struct nc_buf out = { 0 };
	char *bad, host[] = "a\nb";
	struct nc_format *f = nc_format_new(nc_type_by_name("HTTP"), &o, "StatusCode,Host,Method", &bad);
	Types__HTTP m;

	(void)state;
	assert_non_null(f);
	types__http__init(&m);
	m.host = host;
	m.statuscode = 200;
	nc_format_header(f, &out);
	assert_int_equal(out.len, 0);
	nc_format_record(f, &m.base, &out);
	assert_int_equal(out.len, 0); /* waits for the others */
	nc_format_flush(f, &out);
	assert_string_equal(nc_buf_cstr(&out), "StatusCode  Host    Method\n"
	                                       "----------  ------  ------\n"
	                                       "       200  a\\x0ab\n\n");
	nc_buf_reset(&out);
	nc_format_flush(f, &out);
	assert_int_equal(out.len, 0);
	for (int i = 0; i < 250; i++)
		nc_format_record(f, &m.base, &out);
	nc_format_flush(f, &out);
	size_t heads = 0;
	for (const char *p = nc_buf_cstr(&out); (p = strstr(p, "StatusCode")); p++)
		heads++;
	assert_int_equal(heads, 3);
	nc_format_free(f);
	nc_buf_free(&out);
}

static void selection(void **state)
{
	static const struct {
		const char *select, *bad;
	} cases[] = {
		{ "SrcPrt", "TCP has no field \"SrcPrt\"; did you mean SrcPort?" },
		{ "SrcPort,", "TCP has no field \"\"" },
		{ "", "TCP has no field \"\"" },
		{ "a\nbcdefgh", "TCP has no field \"a\\x0abcdefgh\"" },
	};
	struct nc_buf out = { 0 };
	char *bad, many[2048] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(nc_format_new(nc_type_by_name("TCP"), &nc_format_default, cases[i].select, &bad));
		assert_non_null(bad);
		assert_string_equal(bad, cases[i].bad);
		free(bad);
	}
	for (int i = 0; i < 300; i++)
		strcat(many, "ACK,");
	assert_null(nc_format_new(nc_type_by_name("TCP"), &nc_format_default, many, &bad));
	assert_string_equal(bad, "too many fields selected");
	free(bad);
	assert_string_equal(text_of("TCP", &nc_format_default, " srcport , DSTPORT", NULL, &out), "SrcPort,DstPort\n");
	nc_buf_free(&out);
}

/* Every type of the schema can be printed in every format while empty. */
static void all_types(void **state)
{
	struct nc_buf out = { 0 };
	union {
		ProtobufCMessage m;
		uint8_t bytes[1024];
	} u;

	(void)state;
	for (size_t i = 0; i < nc_types_count; i++) {
		assert_true(nc_types[i].desc->sizeof_message <= sizeof(u));
		nc_types[i].desc->message_init(&u.m);
		for (int kind = NC_FORMAT_CSV; kind <= NC_FORMAT_JSON; kind++) {
			struct nc_format_options o = of_kind((enum nc_format_kind)kind);
			assert_true(strlen(text_of(nc_types[i].name, &o, NULL, &u.m, &out)) > 0);
		}
	}
	nc_buf_free(&out);
}

static void check(void **state)
{
	static const struct {
		const char *line, *sep;
		size_t count;
	} cases[] = {
		{ "", ",", 0 },
		{ "a,b,c", ",", 2 },
		{ ",,", ",", 2 },
		{ "\"a,b\",c", ",", 1 },
		{ "\"a\"\",\",c", ",", 1 },
		{ "\"\",c", ",", 1 },
		{ "a\"b,c\"", ",", 1 },   /* a quote within a field is none */
		{ "\"open,c", ",", 0 },
		{ "a::b:::c", "::", 2 },
		{ "a", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count = 99;
		assert_true(nc_format_check(cases[i].line, strlen(cases[i].line), cases[i].sep, cases[i].count, &count));
		assert_int_equal(count, cases[i].count);
		assert_false(nc_format_check(cases[i].line, strlen(cases[i].line), cases[i].sep, cases[i].count + 1, &count));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv),       cmocka_unit_test(csv_nested),   cmocka_unit_test(field_order),
		cmocka_unit_test(csv_quotes), cmocka_unit_test(csv_odd_separators), cmocka_unit_test(entropy),
		cmocka_unit_test(integers),  cmocka_unit_test(json),         cmocka_unit_test(json_strings),
		cmocka_unit_test(struc),     cmocka_unit_test(table),        cmocka_unit_test(selection),
		cmocka_unit_test(all_types), cmocka_unit_test(check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
