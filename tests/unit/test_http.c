/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the HTTP reader: conversations at all kinds of cuts, with gaps, from the middle, without memory. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow/http/pair.h"
#include "stream_driver.h"

#define STEPS 24

extern const struct nc_stream_reader nc_reader_http;

/* What happens: "> " and bytes of the client, "< " of the server, ">#n" and "<#n": n bytes are missing. */
struct talk {
	const char *name;
	bool middle; /* the handshake was not seen */
	const char *steps[STEPS];
	const char *records; /* one line each: method host url version agent referer [cookies] length, status length type */
	const char *bad;     /* the last reason, NULL: none */
};

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define GOT(path) "GET h " path " HTTP/1.1 - - [] 0, 200 2 text/plain\n"
#define NOT(path) "GET h " path " HTTP/1.1 - - [] 0, 0 0 -\n"

static const struct talk talks[] = {
	{ "all fields",
	  false,
	  { "> POST /a?b=c HTTP/1.1\r\nHost: example.com:81\r\nUser-Agent: x y\r\nReferer: http://r/\r\nCookie: a=1; b=2\r\n"
	    "cookie:c=3\r\nContent-Length: 3\r\nX-Host: no\r\n\r\nabc",
	    "< HTTP/1.1 201 Created\r\ncontent-type: text/html; charset=utf-8 \r\nCONTENT-LENGTH:5\r\n\r\nhello" },
	  "POST example.com:81 /a?b=c HTTP/1.1 x y http://r/ [a=1|b=2|c=3] 3, 201 5 text/html; charset=utf-8\n",
	  NULL },
	{ "keep-alive", false, { "> " GET("/1"), "< " OK, "> " GET("/2"), "< " OK }, GOT("/1") GOT("/2"), NULL },
	{ "pipelined", false, { "> " GET("/1") GET("/2") GET("/3"), "< " OK OK OK }, GOT("/1") GOT("/2") GOT("/3"), NULL },
	{ "response first", false, { "< " OK, "> " GET("/1") }, GOT("/1"), NULL },
	{ "no response", false, { "> " GET("/1") GET("/2") }, NOT("/1") NOT("/2"), NULL },
	{ "response without request", true, { "< " OK, "> " GET("/1") }, NOT("/1"), "response without request" },
	{ "cut header", false, { "> GET /1 HTTP/1.1\r\nHost: h\r\nUser-Ag" }, NOT("/1"), NULL },
	{ "cut response",
	  false,
	  { "> " GET("/1"), "< HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Le" },
	  "GET h /1 HTTP/1.1 - - [] 0, 200 -1 text/plain\n",
	  NULL },
	{ "bare LF",
	  false,
	  { "> GET /1 HTTP/1.1\nHost: h\n\n", "< HTTP/1.1 200 OK\nContent-Length: 2\nContent-Type: text/plain\n\nok" OK,
	    "> " GET("/2") },
	  GOT("/1") GOT("/2"),
	  NULL },
	{ "empty lines first", false, { "> \r\n\r\n" GET("/1") "\r\n" GET("/2"), "< " OK OK }, GOT("/1") GOT("/2"), NULL },
	{ "folded",
	  false,
	  { "> GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\r\n  b\r\n\tc\r\nX: y\r\n z\r\n\r\n" },
	  "GET h / HTTP/1.1 a b c - [] 0, 0 0 -\n",
	  NULL },
	{ "twice",
	  false,
	  { "> GET / HTTP/1.0\r\nHost: h\r\nHost: i\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n" },
	  "GET h / HTTP/1.0 a - [] 0, 0 0 -\n",
	  NULL },
	{ "absolute form",
	  false,
	  { "> GET http://u:p@a.b:8/c@d HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"
	    "GET https://q?x HTTP/1.1\r\n\r\nGET ftp://f/ HTTP/1.1\r\nHost: h\r\n\r\n" },
	  "GET a.b:8 http://u:p@a.b:8/c@d HTTP/1.1 - - [] 0, 0 0 -\nOPTIONS h * HTTP/1.1 - - [] 0, 0 0 -\n"
	  "GET q https://q?x HTTP/1.1 - - [] 0, 0 0 -\nGET h ftp://f/ HTTP/1.1 - - [] 0, 0 0 -\n",
	  NULL },
	{ "any method",
	  false,
	  { "> VERSION-CONTROL /1 HTTP/1.1\r\n\r\nx!y /a b HTTP/1.1\r\n\r\n" },
	  "VERSION-CONTROL - /1 HTTP/1.1 - - [] 0, 0 0 -\nx!y - /a b HTTP/1.1 - - [] 0, 0 0 -\n",
	  NULL },
	{ "not UTF-8",
	  false,
	  { "> GET /\xff\xc3\xa4 HTTP/1.1\r\nUser-Agent: \xe2\x82\r\n\r\n" },
	  "GET - /\xef\xbf\xbd\xc3\xa4 HTTP/1.1 \xef\xbf\xbd\xef\xbf\xbd - [] 0, 0 0 -\n",
	  NULL },
	{ "chunks",
	  false,
	  { "> POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0A\r\n0123456789\r\n000\r\nX: y\r\n\r\n" GET(
		    "/2"),
	    "< HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Type: a\r\n\r\n1 \r\nx\r\n0;q\r\n\r\n" OK },
	  "POST h /1 HTTP/1.1 - - [] -1, 200 -1 a\n" GOT("/2"),
	  NULL },
	{ "no bodies",
	  false,
	  { "> HEAD /1 HTTP/1.1\r\nHost: h\r\n\r\n" GET("/2") GET("/3") "HEAD /4 HTTP/1.1\r\n\r\n" GET("/5"),
	    "< HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" OK },
	  "HEAD h /1 HTTP/1.1 - - [] 0, 200 99 -\nGET h /2 HTTP/1.1 - - [] 0, 204 0 -\nGET h /3 HTTP/1.1 - - [] 0, 304 0 -\n"
	  "HEAD - /4 HTTP/1.1 - - [] 0, 200 -1 -\n" GOT("/5"),
	  NULL },
	{ "interim",
	  false,
	  { "> " GET("/1") GET("/2"), "< HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK OK },
	  GOT("/1") GOT("/2"),
	  NULL },
	{ "until close",
	  false,
	  { "> GET /1 HTTP/1.0\r\n\r\n", "< HTTP/1.0 200\r\n\r\nHTTP/1.1 404 Not\r\n\r\n", "> " GET("/2") },
	  "GET - /1 HTTP/1.0 - - [] 0, 200 -1 -\n" NOT("/2"),
	  NULL },
	{ "upgrade",
	  false,
	  { "> GET /1 HTTP/1.1\r\nUpgrade: x\r\n\r\n", "< HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	    "> " GET("/2") },
	  "GET - /1 HTTP/1.1 - - [] 0, 101 0 -\n",
	  NULL },
	{ "tunnel",
	  false,
	  { "> CONNECT a.b:443 HTTP/1.1\r\nHost: h\r\n\r\n" GET("/in"), "< HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" OK,
	    "> " GET("/2") },
	  "CONNECT a.b:443 a.b:443 HTTP/1.1 - - [] 0, 200 0 -\n",
	  NULL },
	{ "tunnel refused",
	  false,
	  { "> CONNECT a.b:443 HTTP/1.1\r\n\r\n" GET("/1"), "< HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", "> " GET("/2"),
	    "< " OK OK },
	  "CONNECT a.b:443 a.b:443 HTTP/1.1 - - [] 0, 407 2 -\n" GOT("/1") GOT("/2"),
	  NULL },
	{ "tunnel behind others",
	  false,
	  { "> " GET("/1") "CONNECT a.b:443 HTTP/1.1\r\n\r\n" GET("/in"), "< " OK, "> more", "< HTTP/1.1 200 OK\r\n\r\n" },
	  GOT("/1") "CONNECT a.b:443 a.b:443 HTTP/1.1 - - [] 0, 200 0 -\n",
	  NULL },
	{ "same length twice",
	  false,
	  { "> " GET("/1"),
	    "< HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok" OK,
	    "> " GET("/2") },
	  GOT("/1") GOT("/2"),
	  NULL },
	{ "two lengths",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n" GET("/in"), "< " OK OK },
	  "POST - /1 HTTP/1.1 - - [] -1, 200 2 text/plain\n",
	  "response without request" },
	{ "length and coding",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "length and coding" },
	{ "length with sign",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length: +4\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "bad length" },
	{ "length too long",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "bad length" },
	{ "large length",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length: 9000000000\r\n\r\nabc" },
	  "POST - /1 HTTP/1.1 - - [] 2147483647, 0 0 -\n",
	  NULL },
	{ "space before colon",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length : 4\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "space before colon" },
	{ "harmless space before colon",
	  false,
	  { "> GET /1 HTTP/1.1\r\nHost : h\r\n\r\n" GET("/2") },
	  "GET - /1 HTTP/1.1 - - [] 0, 0 0 -\n" NOT("/2"),
	  NULL },
	{ "bad name",
	  false,
	  { "> POST /1 HTTP/1.1\r\nTransfer-Encoding\v: chunked\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "bad field name" },
	{ "folded length",
	  false,
	  { "> POST /1 HTTP/1.1\r\nContent-Length: 4\r\n 4\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "folded length" },
	{ "CR in a line",
	  false,
	  { "> POST /1 HTTP/1.1\r\nX: y\rContent-Length: 4\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "CR in a line" },
	{ "coding behind chunked",
	  false,
	  { "> POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "coding behind chunked" },
	{ "coding without end",
	  false,
	  { "> POST /1 HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "coding without end" },
	{ "coding in 1.0",
	  false,
	  { "> GET /1 HTTP/1.0\r\n\r\n", "< HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" OK, "> " GET("/2") },
	  "GET - /1 HTTP/1.0 - - [] 0, 200 -1 -\n" NOT("/2"),
	  "coding in HTTP/1.0" },
	{ "coded until close",
	  false,
	  { "> " GET("/1"), "< HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" OK, "> " GET("/2") },
	  "GET h /1 HTTP/1.1 - - [] 0, 200 -1 -\n" NOT("/2"),
	  NULL },
	{ "bad chunk",
	  false,
	  { "> POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "bad chunk" },
	{ "chunk without end",
	  false,
	  { "> POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" GET("/in") },
	  "POST - /1 HTTP/1.1 - - [] -1, 0 0 -\n",
	  "bad chunk" },
	{ "gap in a body",
	  false,
	  { "> POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab", ">#4", "> xyz" GET("/2"), "< " OK, "<#0", "< " OK },
	  "POST h /1 HTTP/1.1 - - [] 9, 200 2 text/plain\n" GOT("/2"),
	  NULL },
	{ "gap in a request",
	  false,
	  { "> GET /1 HTTP/1.1\r\nHost: h\r\nUser-Agent: ab", ">#10", "> cd\r\nReferer: r\r\n\r\n" GET("/2"), "< " OK OK },
	  GOT("/1") GOT("/2"),
	  NULL },
	{ "gap in a request line",
	  false,
	  { "> GET /1", ">#10", "> HTTP/1.1\r\nHost: h\r\n\r\n", "< " OK, "> " GET("/2"), "< " OK },
	  GOT("/2"),
	  "response without request" },
	{ "gap in a response",
	  false,
	  { "> " GET("/1"), "< HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: ", "<#10", "< ength: 2\r\n\r\nok",
	    "> " GET("/2"), "< " OK },
	  "GET h /1 HTTP/1.1 - - [] 0, 200 -1 text/plain\n" GOT("/2"),
	  NULL },
	{ "gap over a response", false, { "> " GET("/1"), "<#99", "< llo", "> " GET("/2"), "< " OK }, NOT("/1") GOT("/2"), NULL },
	{ "gap over one of many",
	  false,
	  { "> " GET("/1") GET("/2") GET("/3"), "<#99", "< " OK OK, "> " GET("/4"), "< " OK },
	  NOT("/1") NOT("/2") NOT("/3") GOT("/4"),
	  "response without request" },
	{ "gap in chunks",
	  false,
	  { "> " GET("/1"), "< HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "<#3", "< \r\n4\r\nab", "<#20",
	    "< xyz" OK, "> " GET("/2"), "< abc" OK },
	  "GET h /1 HTTP/1.1 - - [] 0, 200 -1 -\n" GOT("/2"),
	  "response without request" },
	{ "from a body on", true, { "< rest of a body\nand more", "> " GET("/1"), "< " OK }, GOT("/1"), NULL },
	{ "from a header on",
	  true,
	  { "> ept: x\r\nCookie: y\r\n\r\n", "> " GET("/1"), "< et: y\r\n\r\n\x01\x02HTTP/1.1", "< " OK },
	  GOT("/1"),
	  NULL },
	{ "other protocol behind",
	  false,
	  { "> " GET("/1"), "< " OK, "> \x16\x03\x01 abc", "< xyz" OK, "> x\n" GET("/2"), "< " OK },
	  GOT("/1") GOT("/2"),
	  "response without request" },
	{ "either side asks", false, { "> " GET("/1"), "< " OK GET("/r"), "> " OK }, GOT("/1") GOT("/r"), NULL },
};

static char *told; /* the records of the drive at hand */

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static void tell(const struct nc_drive *d)
{
	size_t size = 0;
	FILE *f = open_memstream(&told, &size);

	assert_non_null(f);
	for (size_t i = 0; i < d->count; i++) {
		const Types__HTTP *m = (const Types__HTTP *)(const void *)d->records[i].m;

		fprintf(f, "%s %s %s %s %s %s [", or_dash(m->method), or_dash(m->host), or_dash(m->url), or_dash(m->proto),
		        or_dash(m->useragent), or_dash(m->referer));
		for (size_t k = 0; k < m->n_reqcookies; k++)
			fprintf(f, "%s%s", k ? "|" : "", m->reqcookies[k]);
		fprintf(f, "] %d, %d %d %s\n", m->reqcontentlength, m->statuscode, m->rescontentlength, or_dash(m->contenttype));
	}
	fclose(f);
}

static void step(struct nc_drive *d, const char *what, size_t most, uint64_t *random, int64_t ts_ns)
{
	unsigned dir = *what == '<';
	const char *bytes = what + 2;

	if (what[1] == '#')
		nc_drive_gap(d, dir, strtoul(bytes, NULL, 10));
	else if (most == 0)
		nc_drive_give(d, dir, bytes, strlen(bytes), ts_ns);
	else
		nc_drive_cut(d, dir, bytes, strlen(bytes), most, random, ts_ns);
}

static void run(const struct talk *t, size_t most, uint64_t *random)
{
	struct nc_drive d;

	nc_drive_open(&d, &nc_reader_http, 80, !t->middle);
	for (int i = 0; i < STEPS && t->steps[i]; i++)
		step(&d, t->steps[i], most, random, 1000 + i);
	nc_drive_end(&d);
	tell(&d);
	if (strcmp(told, t->records) != 0 || strcmp(or_dash(d.bad), or_dash(t->bad)) != 0)
		fail_msg("%s, pieces of %zu:\n%sinstead of\n%s(%s instead of %s)", t->name, most, told, t->records,
		         or_dash(d.bad), or_dash(t->bad));
	free(told);
	nc_drive_close(&d);
}

static void conversations(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		run(&talks[i], 0, &random);
		run(&talks[i], 1, &random);
		for (size_t most = 2; most < 80; most += 1 + most / 4)
			run(&talks[i], most, &random);
	}
}

static void times_and_ends(void **state)
{
	struct nc_drive d;

	(void)state;
	nc_drive_open6(&d, &nc_reader_http, 8123, true);
	nc_drive_give(&d, 0, "GE", 2, 10);
	nc_drive_give(&d, 0, "T /1 HTTP/1.1\r\n\r\n" GET("/2") "G", 19 - 2 + strlen(GET("/2")) + 1, 20);
	nc_drive_give(&d, 0, "ET /3 HTTP/1.1\r\n\r\n", 18, 30);
	nc_drive_give(&d, 1, OK OK OK, 3 * strlen(OK), 40);
	assert_int_equal(d.count, 3);
	for (int64_t i = 0; i < 3; i++) {
		const Types__HTTP *m = (const Types__HTTP *)(const void *)d.records[i].m;

		assert_int_equal(d.records[i].ts_ns, i == 0 ? 10 : 20);
		assert_string_equal(m->srcip, "2001:db8::1");
		assert_string_equal(m->dstip, "2001:db8::2");
	}
	nc_drive_close(&d);
	/* the client is who asks, whoever came first */
	nc_drive_open(&d, &nc_reader_http, 80, false);
	nc_drive_give(&d, 1, GET("/1"), strlen(GET("/1")), 10);
	nc_drive_end(&d);
	assert_int_equal(d.count, 1);
	assert_string_equal(((const Types__HTTP *)(const void *)d.records[0].m)->srcip, "198.51.100.2");
	nc_drive_close(&d);
}

/* More requests than may wait: the oldest are written, and the answers to them are not taken for those of others. */
static void many_pending(void **state)
{
	struct nc_drive d;
	char text[64];

	(void)state;
	nc_drive_open(&d, &nc_reader_http, 80, true);
	for (unsigned i = 0; i < NC_HTTP_PENDING_MAX + 10; i++) {
		snprintf(text, sizeof(text), GET("/%u"), i);
		nc_drive_give(&d, 0, text, strlen(text), i);
	}
	assert_int_equal(d.count, 10);
	for (unsigned i = 0; i < NC_HTTP_PENDING_MAX + 10; i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 %u x\r\nContent-Length: 0\r\n\r\n", 200 + i);
		nc_drive_give(&d, 1, text, strlen(text), 1000);
	}
	assert_int_equal(d.count, NC_HTTP_PENDING_MAX + 10);
	for (unsigned i = 0; i < d.count; i++)
		assert_int_equal(((const Types__HTTP *)(const void *)d.records[i].m)->statuscode, i < 10 ? 0 : 200 + i);
	nc_drive_close(&d);
	/* responses that nobody asked for */
	nc_drive_open(&d, &nc_reader_http, 80, true);
	for (unsigned i = 0; i < 1000; i++)
		nc_drive_give(&d, 1, OK, strlen(OK), i);
	assert_true(d.blocks <= NC_HTTP_PENDING_MAX);
	nc_drive_close(&d);
}

/* A header of fields of n bytes in all; beyond 64 KiB the message ends, and the next is found. */
static void long_header(size_t n, bool fits)
{
	struct nc_drive d;
	char *text = malloc(n + 1);
	int at = snprintf(text, n, "GET / HTTP/1.1\r\nHost: h\r\n");

	nc_drive_open(&d, &nc_reader_http, 80, true);
	while ((size_t)at + 200 < n)
		at += snprintf(text + at, n - (size_t)at, "Cookie: %0100d\r\n", at);
	snprintf(text + at, n + 1 - (size_t)at, "X: %0*d\r\nUser-Agent: z\r\n\r\n", (int)n - at - 22, 0);
	assert_int_equal(strlen(text), n);
	nc_drive_give(&d, 0, text, n, 1);
	nc_drive_give(&d, 0, GET("/2"), strlen(GET("/2")), 2);
	nc_drive_give(&d, 1, OK OK, 2 * strlen(OK), 3);
	assert_false(d.stopped);
	assert_int_equal(d.count, 2);
	const Types__HTTP *m = (const Types__HTTP *)(const void *)d.records[0].m;
	assert_string_equal(m->host, "h");
	assert_string_equal(m->useragent, fits ? "z" : "");
	assert_int_equal(m->n_reqcookies, fits ? NC_HTTP_COOKIES_MAX : m->n_reqcookies);
	assert_string_equal(((const Types__HTTP *)(const void *)d.records[1].m)->url, "/2");
	assert_string_equal(or_dash(d.bad), fits ? "-" : "long header");
	free(text);
	nc_drive_close(&d);
}

static void long_headers(void **state)
{
	struct nc_drive d;

	(void)state;
	long_header(65000, true);
	long_header(66000, false);
	/* one line without end */
	char *text = malloc(70000);
	memset(text, 'a', 70000);
	memcpy(text, "GET /", 5);
	nc_drive_open(&d, &nc_reader_http, 80, true);
	for (size_t at = 0; at < 70000; at += 1000)
		nc_drive_give(&d, 0, text + at, 1000, 1);
	nc_drive_give(&d, 0, GET("/2"), strlen(GET("/2")), 2);
	nc_drive_end(&d);
	assert_int_equal(d.count, 1);
	nc_drive_close(&d);
	free(text);
}

/* What was looked through for a line end is not looked through again: one put there is not found. */
static void no_rescan(void **state)
{
	static char text[4000];
	struct nc_drive d;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	nc_drive_open(&d, &nc_reader_http, 80, true);
	assert_int_equal(d.reader->data(&d.s, 0, (uint8_t *)text, 2000, 1), 0);
	text[1000] = '\n';
	assert_int_equal(d.reader->data(&d.s, 0, (uint8_t *)text, 3000, 1), 0);
	text[1000] = 'a';
	memcpy(text + 3990, " HTTP/1.1\n", 10);
	assert_int_equal(d.reader->data(&d.s, 0, (uint8_t *)text, 4000, 1), 4000);
	memset(text, 'b', sizeof(text));
	assert_int_equal(d.reader->data(&d.s, 0, (uint8_t *)text, 2000, 1), 0);
	text[1000] = '\n';
	assert_int_equal(d.reader->data(&d.s, 0, (uint8_t *)text, 3000, 1), 0);
	nc_drive_close(&d);
}

/* A body costs one call, however long it is. */
static void bodies_are_free(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n";
	static const uint8_t part[1460];
	struct nc_drive d;

	(void)state;
	nc_drive_open(&d, &nc_reader_http, 80, true);
	nc_drive_give(&d, 0, head, strlen(head), 1);
	size_t calls = d.calls;
	for (unsigned i = 0; i < 1000; i++)
		nc_drive_give(&d, 0, part, sizeof(part), 2);
	nc_drive_gap(&d, 0, 1000000000 - 1000 * sizeof(part));
	assert_int_equal(d.calls, calls);
	nc_drive_give(&d, 0, GET("/2"), strlen(GET("/2")), 3);
	nc_drive_end(&d);
	assert_int_equal(d.count, 2);
	nc_drive_close(&d);
}

static void without_memory(void **state)
{
	struct nc_drive d;

	(void)state;
	nc_drive_open(&d, &nc_reader_http, 80, true);
	d.no_memory = true;
	nc_drive_give(&d, 0, GET("/1"), strlen(GET("/1")), 1);
	nc_drive_give(&d, 1, OK, strlen(OK), 2);
	d.no_memory = false;
	nc_drive_give(&d, 0, GET("/2"), strlen(GET("/2")), 3);
	nc_drive_give(&d, 1, OK, strlen(OK), 4);
	nc_drive_end(&d);
	tell(&d);
	assert_string_equal(told, GOT("/2"));
	free(told);
	nc_drive_close(&d);
}

static void probes(void **state)
{
	static const struct {
		const char *text;
		enum nc_guess guess;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n", NC_GUESS_YES },
		{ "get /x HTTP/1.0\n", NC_GUESS_YES },
		{ "HTTP/1.1 200 OK\r\n", NC_GUESS_YES },
		{ "\r\nGET / HTTP/1.1\r\n", NC_GUESS_YES },
		{ "HTTP/1.0 404\n", NC_GUESS_YES },
		{ "PROPFIND /a HTTP/1.1\r\n", NC_GUESS_YES },
		{ "HTTP/2.0 200 OK\r\n", NC_GUESS_NO },
		{ "PRI * HTTP/2.0\r\n", NC_GUESS_NO },
		{ "OPTIONS rtsp://a RTSP/1.0\r\n", NC_GUESS_NO },
		{ "INVITE sip:a SIP/2.0\r\n", NC_GUESS_NO },
		{ "REQMOD icap://a ICAP/1.0\r\n", NC_GUESS_NO },
		{ "SSH-2.0-x\r\n", NC_GUESS_NO },
		{ "220 a.b ESMTP\r\n", NC_GUESS_NO },
		{ "\x16\x03\x01", NC_GUESS_NO },
		{ "GET /\r\n", NC_GUESS_NO },
		{ "HELO x\r\n", NC_GUESS_NO },
		{ "GET / HTTP/1.1", NC_GUESS_MORE },
		{ "HTTP/1.1 20", NC_GUESS_MORE },
		{ "HTTP/1.1 2x0 OK\r\n", NC_GUESS_NO },
		{ "ThisMethodIsFarTooLongToBeOneAtAll /", NC_GUESS_NO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned dir = 0; dir < 2; dir++)
			if (nc_drive_probe(&nc_reader_http, dir, rows[i].text, strlen(rows[i].text)) != rows[i].guess)
				fail_msg("%s: not %d", rows[i].text, (int)rows[i].guess);
	char text[NC_STREAM_PROBE + 1];
	snprintf(text, sizeof(text), "GET /%0*d", (int)NC_STREAM_PROBE - 5, 0);
	assert_int_equal(nc_drive_probe(&nc_reader_http, 0, text, NC_STREAM_PROBE), NC_GUESS_YES);
	snprintf(text, sizeof(text), "PLAY rtsp://%0*d", (int)NC_STREAM_PROBE - 12, 0);
	assert_int_equal(nc_drive_probe(&nc_reader_http, 0, text, NC_STREAM_PROBE), NC_GUESS_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),  cmocka_unit_test(times_and_ends), cmocka_unit_test(many_pending),
		cmocka_unit_test(long_headers),   cmocka_unit_test(no_rescan),      cmocka_unit_test(bodies_are_free),
		cmocka_unit_test(without_memory), cmocka_unit_test(probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
