/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the TLS reader: hellos in one piece and in thousands, retries, early data, gaps, and lengths that lie. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/md5.h"
#include "flow/hello.h"
#include "stream_driver.h"

#define S      INT64_C(1000000000)
#define CLIENT 0u
#define SERVER 1u

extern const struct nc_stream_reader nc_reader_tls;

static const uint8_t zeros[65536];
static const uint8_t retry_random[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	                                  0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	                                  0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };

static void be16(struct nc_buf *b, size_t v)
{
	nc_buf_u8(b, (uint8_t)(v >> 8));
	nc_buf_u8(b, (uint8_t)v);
}

static void extension(struct nc_buf *b, unsigned type, const void *p, size_t n)
{
	be16(b, type);
	be16(b, n);
	nc_buf_add(b, p, n);
}

/* Version, random and a session id of n bytes. */
static void hello_start(struct nc_buf *b, unsigned version, const uint8_t *random, size_t n)
{
	be16(b, version);
	nc_buf_add(b, random, 32);
	nc_buf_u8(b, (uint8_t)n);
	nc_buf_add(b, zeros, n);
}

static void client_extensions(struct nc_buf *b, bool early)
{
	static const uint8_t name[] = "\x00\x0b\x00\x00\x08"
				      "a.exampl",
			     groups[] = { 0, 6, 0x3a, 0x3a, 0, 29, 0, 23 }, algs[] = { 0, 4, 4, 3, 8, 4 },
			     alpn[] = "\x00\x06\x02h2\x02\xff!";
	struct nc_buf e = { 0 };

	extension(&e, 0x1a1a, "", 0);
	extension(&e, 0, name, sizeof(name) - 1);
	extension(&e, 10, groups, sizeof(groups));
	extension(&e, 11, "\x01", 2);
	extension(&e, 13, algs, sizeof(algs));
	extension(&e, 5, "\x01\0\0\0", 5);
	extension(&e, 16, alpn, sizeof(alpn) - 1);
	if (early)
		extension(&e, 42, "", 0);
	be16(b, e.len);
	nc_buf_add(b, e.data, e.len);
	nc_buf_free(&e);
}

/* The body of a ClientHello and the text of its JA3. */
static const char ja3_text[] = "771,4865-49195,0-10-11-13-5-16,29-23,0";
static void client_body(struct nc_buf *b, bool early)
{
	hello_start(b, 0x0303, zeros, 32);
	be16(b, 6);
	be16(b, 0x2a2a);
	be16(b, 4865);
	be16(b, 49195);
	nc_buf_u8(b, 1);
	nc_buf_u8(b, 0);
	client_extensions(b, early);
}

static void server_body(struct nc_buf *b, const uint8_t *random)
{
	hello_start(b, 0x0303, random, 0);
	be16(b, 4866);
	nc_buf_u8(b, 0);
	be16(b, 6 + 6 + 9);
	extension(b, 43, "\x03\x04", 2);
	extension(b, 51, "\0\x1d", 2);
	extension(b, 16, "\0\x03\x02h2", 5);
}

static void record(struct nc_buf *b, unsigned type, const void *p, size_t n)
{
	nc_buf_u8(b, (uint8_t)type);
	be16(b, 0x0301);
	be16(b, n);
	nc_buf_add(b, p, n);
}

static void message(struct nc_buf *b, unsigned type, const void *p, size_t n)
{
	nc_buf_u8(b, (uint8_t)type);
	nc_buf_u8(b, (uint8_t)(n >> 16));
	be16(b, n & 0xffff);
	nc_buf_add(b, p, n);
}

/* Messages as records of `most` bytes at most. */
static void records(struct nc_buf *b, const struct nc_buf *messages, size_t most)
{
	for (size_t at = 0, k; at < messages->len; at += k) {
		k = messages->len - at < most ? messages->len - at : most;
		record(b, 22, messages->data + at, k);
	}
}

static void client_flight(struct nc_buf *b, bool early, size_t most)
{
	struct nc_buf body = { 0 }, m = { 0 };

	client_body(&body, early);
	message(&m, 1, body.data, body.len);
	records(b, &m, most);
	nc_buf_free(&body);
	nc_buf_free(&m);
}

static void server_flight(struct nc_buf *b, const uint8_t *random, size_t most)
{
	struct nc_buf body = { 0 }, m = { 0 };

	server_body(&body, random);
	message(&m, 2, body.data, body.len);
	if (random == zeros) /* a certificate behind it, cut anywhere */
		message(&m, 11, zeros, 5000);
	records(b, &m, most);
	nc_buf_free(&body);
	nc_buf_free(&m);
}

static void check_ja3(const char *got, const char *text)
{
	char want[NC_MD5_TEXT];

	nc_md5_hex(text, strlen(text), want);
	assert_string_equal(got, want);
}

static const Types__TLSClientHello *client_of(const struct nc_drive *d, size_t i)
{
	assert_true(i < d->count);
	assert_ptr_equal(d->records[i].m->descriptor, &types__tlsclient_hello__descriptor);
	return (const Types__TLSClientHello *)(const void *)d->records[i].m;
}

static const Types__TLSServerHello *server_of(const struct nc_drive *d, size_t i)
{
	assert_true(i < d->count);
	assert_ptr_equal(d->records[i].m->descriptor, &types__tlsserver_hello__descriptor);
	return (const Types__TLSServerHello *)(const void *)d->records[i].m;
}

static void check_client(const Types__TLSClientHello *m)
{
	assert_int_equal(m->type, 22);
	assert_int_equal(m->version, 0x0301);
	assert_int_equal(m->handshaketype, 1);
	assert_int_equal(m->handshakeversion, 0x0303);
	assert_int_equal(m->random.len, 32);
	assert_int_equal(m->sessionidlen, 32);
	assert_int_equal(m->sessionid.len, 32);
	assert_int_equal(m->ciphersuitelen, 6);
	assert_int_equal(m->n_ciphersuites, 3);
	assert_int_equal(m->ciphersuites[0], 0x2a2a);
	assert_int_equal(m->n_compressmethods, 1);
	assert_int_equal(m->n_signaturealgs, 2);
	assert_int_equal(m->signaturealgs[1], 0x0804);
	assert_int_equal(m->n_supportedgroups, 3);
	assert_int_equal(m->n_supportedpoints, 1);
	assert_int_equal(m->n_extensions, 7);
	assert_int_equal(m->extensions[0], 0x1a1a);
	assert_string_equal(m->sni, "a.exampl");
	assert_true(m->oscp);
	assert_int_equal(m->n_alpns, 2);
	assert_string_equal(m->alpns[0], "h2");
	assert_string_equal(m->alpns[1], "\xef\xbf\xbd!");
	check_ja3(m->ja3, ja3_text);
	assert_string_equal(m->srcip, "192.0.2.1");
	assert_string_equal(m->dstip, "198.51.100.2");
	assert_string_equal(m->srcmac, "02:00:00:00:00:01");
	assert_string_equal(m->dstmac, "02:00:00:00:00:02");
	assert_int_equal(m->srcport, 40000);
	assert_int_equal(m->dstport, 4711);
}

static void check_server(const Types__TLSServerHello *m)
{
	assert_int_equal(m->recordversion, 0x0301);
	assert_int_equal(m->handshakeversion, 0x0303);
	assert_int_equal(m->ciphersuite, 4866);
	assert_int_equal(m->supportedversion, 0x0304);
	assert_int_equal(m->keysharegroup, 29);
	assert_string_equal(m->alpn, "h2");
	assert_int_equal(m->n_extensions, 3);
	assert_int_equal(m->extensionlen, 21);
	check_ja3(m->ja3s, "771,4866,43-51-16");
	assert_string_equal(m->srcip, "198.51.100.2");
	assert_int_equal(m->srcport, 4711);
	assert_int_equal(m->dstport, 40000);
}

static void whole_handshake(void **state)
{
	struct nc_buf c = { 0 }, v = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, false, 16384);
	server_flight(&v, zeros, 16384);
	record(&v, 20, "\x01", 1);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_give(&d, CLIENT, c.data, c.len, 5 * S);
	nc_drive_give(&d, SERVER, v.data, v.len, 6 * S);
	nc_drive_give(&d, CLIENT, "\x14\x03\x03\0\x01\x01", 6, 6 * S);
	assert_true(d.stopped);
	assert_int_equal(d.count, 2);
	check_client(client_of(&d, 0));
	check_server(server_of(&d, 1));
	assert_int_equal(client_of(&d, 0)->messagelen, c.len - 5);
	assert_int_equal(client_of(&d, 0)->handshakelen, c.len - 5 - 4);
	assert_int_equal(d.records[0].ts_ns, 5 * S);
	assert_int_equal(d.records[1].ts_ns, 6 * S);
	assert_false(server_of(&d, 1)->helloretryrequest);
	nc_drive_close(&d);
	nc_buf_free(&c);
	nc_buf_free(&v);
}

/* Segments and records of any size give the same. */
static void any_cut(void **state)
{
	uint64_t random = (uint64_t)time(NULL) | 1;
	(void)state;

	print_message("seed %llu\n", (unsigned long long)random);
	for (unsigned round = 0; round < 500; round++) {
		struct nc_buf c = { 0 }, v = { 0 };
		struct nc_drive d;
		client_flight(&c, false, 1 + nc_drive_draw(&random, 300));
		server_flight(&v, zeros, 40 + nc_drive_draw(&random, 9000));
		record(&v, 20, "\x01", 1);
		nc_drive_open(&d, &nc_reader_tls, 4711, true);
		nc_drive_cut(&d, CLIENT, c.data, c.len, 1 + nc_drive_draw(&random, 400), &random, S);
		nc_drive_cut(&d, SERVER, v.data, v.len, 1 + nc_drive_draw(&random, 2000), &random, S);
		nc_drive_cut(&d, CLIENT, "\x14\x03\x03\0\x01\x01", 6, 1 + nc_drive_draw(&random, 6), &random, S);
		assert_true(d.stopped);
		assert_int_equal(d.count, 2);
		check_client(client_of(&d, 0));
		check_server(server_of(&d, 1));
		nc_drive_close(&d);
		nc_buf_free(&c);
		nc_buf_free(&v);
	}
}

/* The largest hello that is read, in records of 2 bytes and segments of 1: a walk per 2/7 of what is left. */
static void many_small_pieces(void **state)
{
	struct nc_buf body = { 0 }, m = { 0 }, c = { 0 };
	struct nc_drive d;
	(void)state;

	hello_start(&body, 0x0303, zeros, 0);
	be16(&body, 2);
	be16(&body, 4865);
	nc_buf_str(&body, "\x01");
	nc_buf_u8(&body, 0);
	be16(&body, 10004);
	extension(&body, 21, zeros, 10000);
	message(&m, 1, body.data, body.len);
	records(&c, &m, 2);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_cut(&d, CLIENT, c.data, c.len, 1, NULL, S);
	assert_int_equal(d.count, 1);
	check_ja3(client_of(&d, 0)->ja3, "771,4865,21,,");
	assert_true(d.calls < 100);
	assert_true(d.shown < 40 * c.len);
	nc_drive_close(&d);
	nc_buf_free(&body);
	nc_buf_free(&m);
	nc_buf_free(&c);
}

static void retry(void **state)
{
	struct nc_buf c = { 0 }, v = { 0 }, r = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, false, 16384);
	server_flight(&v, zeros, 16384);
	server_flight(&r, retry_random, 16384);
	record(&r, 20, "\x01", 1);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	nc_drive_give(&d, SERVER, r.data, r.len, S);
	nc_drive_give(&d, CLIENT, "\x14\x03\x03\0\x01\x01", 6, S); /* ChangeCipherSpec of the compatibility mode */
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	nc_drive_give(&d, SERVER, v.data, v.len, S);
	nc_drive_give(&d, SERVER, "\x17\x03\x03\0\x20", 5, S);
	nc_drive_give(&d, CLIENT, "\x17\x03\x03\0\x20", 5, S);
	assert_true(d.stopped);
	assert_int_equal(d.count, 4);
	check_client(client_of(&d, 0));
	check_server(server_of(&d, 1));
	assert_true(server_of(&d, 1)->helloretryrequest);
	check_client(client_of(&d, 2));
	assert_false(server_of(&d, 3)->helloretryrequest);
	nc_drive_close(&d);
	nc_buf_free(&c);
	nc_buf_free(&v);
	nc_buf_free(&r);
}

/* Only one side was captured: what is behind ChangeCipherSpec is a hello, or encrypted. */
static void one_side(void **state)
{
	struct nc_buf c = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, false, 16384);
	record(&c, 20, "\x01", 1);
	nc_drive_open(&d, &nc_reader_tls, 4711, false);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 2);
	nc_drive_give(&d, CLIENT, "\x16\x03\x03\0\x28\x99", 6, S);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 2);
	nc_drive_close(&d);
	nc_buf_free(&c);
}

/* RFC 8446 section 4.2.10: data may follow at once; a server that asks for a retry throws it away. */
static void early_data(void **state)
{
	struct nc_buf c = { 0 }, plain = { 0 }, r = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, true, 16384);
	client_flight(&plain, false, 16384);
	record(&c, 20, "\x01", 1);
	record(&c, 23, zeros, 9000);
	server_flight(&r, retry_random, 16384);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_cut(&d, CLIENT, c.data, c.len, 1460, &(uint64_t){ 77 }, S);
	nc_drive_give(&d, SERVER, r.data, r.len, S);
	nc_drive_give(&d, CLIENT, plain.data, plain.len, S);
	assert_int_equal(d.count, 3);
	check_client(client_of(&d, 2));
	nc_drive_close(&d);
	nc_buf_free(&c);
	nc_buf_free(&plain);
	nc_buf_free(&r);
}

/* A second handshake in the clear, before keys are changed; then an end to it. */
static void again_in_clear(void **state)
{
	struct nc_buf c = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, false, 16384);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	nc_drive_give(&d, CLIENT, "\x15\x03\x01\0\x02\x01\0", 7, S);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 2);
	for (unsigned i = 0; i < 20; i++)
		nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 8);
	assert_string_equal(d.bad, "too many hellos");
	nc_drive_close(&d);
	nc_buf_free(&c);
}

/* TLS 1.3 before draft 22. */
static void draft_server(void **state)
{
	struct nc_buf body = { 0 }, m = { 0 }, v = { 0 };
	struct nc_drive d;
	(void)state;

	be16(&body, 0x7f12);
	nc_buf_add(&body, zeros, 32);
	be16(&body, 4865);
	be16(&body, 6);
	extension(&body, 51, "\0\x1d", 2);
	message(&m, 2, body.data, body.len);
	records(&v, &m, 16384);
	nc_drive_open(&d, &nc_reader_tls, 443, true);
	nc_drive_give(&d, SERVER, v.data, v.len, S);
	check_ja3(server_of(&d, 0)->ja3s, "32530,4865,51");
	assert_int_equal(server_of(&d, 0)->keysharegroup, 29);
	nc_drive_close(&d);
	nc_buf_free(&body);
	nc_buf_free(&m);
	nc_buf_free(&v);
}

static void old_form(void **state)
{
	static const uint8_t hello[] = { 0x80, 0x2e, 1, 3, 1, 0, 9, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80, 0, 0, 5 };
	struct nc_buf c = { 0 };
	struct nc_drive d;
	(void)state;

	nc_buf_add(&c, hello, sizeof(hello));
	c.data[1] = (uint8_t)(9 + 9 + 16);
	nc_buf_add(&c, zeros, 16);
	assert_int_equal(nc_drive_probe(&nc_reader_tls, CLIENT, c.data, c.len), NC_GUESS_YES);
	nc_drive_open6(&d, &nc_reader_tls, 443, true);
	nc_drive_cut(&d, CLIENT, c.data, c.len, 1, NULL, S);
	assert_int_equal(d.count, 1);
	const Types__TLSClientHello *m = client_of(&d, 0);
	assert_int_equal(m->type, 0);
	assert_int_equal(m->handshakeversion, 0x0301);
	assert_int_equal(m->n_ciphersuites, 3);
	assert_int_equal(m->ciphersuites[1], 0x010080);
	assert_int_equal(m->random.len, 16);
	assert_string_equal(m->ja3, "");
	assert_string_equal(m->srcip, "2001:db8::1");
	assert_string_equal(m->srcmac, "");
	nc_drive_close(&d);
	nc_buf_free(&c);
}

/* A body cut at every byte: a record only where it may end, and never a read beyond it. */
static void cut_bodies(void **state)
{
	struct nc_buf body = { 0 };
	size_t seen = 0;
	(void)state;

	client_body(&body, false);
	for (size_t n = 0; n <= body.len; n++) {
		struct nc_buf m = { 0 }, c = { 0 };
		struct nc_drive d;
		message(&m, 1, body.data, n);
		records(&c, &m, 16384);
		nc_drive_open(&d, &nc_reader_tls, 443, true);
		nc_drive_give(&d, CLIENT, c.data, c.len, S);
		seen += d.count;
		nc_drive_close(&d);
		nc_buf_free(&m);
		nc_buf_free(&c);
	}
	assert_int_equal(seen, 2); /* without extensions, and whole */
	nc_buf_free(&body);
}

/* One byte behind the last extension is no extension. */
static void rest_of_extensions(void **state)
{
	struct nc_buf body = { 0 }, m = { 0 }, c = { 0 };
	struct nc_drive d;
	(void)state;

	hello_start(&body, 0x0301, zeros, 0);
	nc_buf_add(&body, "\0\x02\0\x34\x01\0\0\x05\0\0\0\0\0", 13);
	message(&m, 1, body.data, body.len);
	records(&c, &m, 16384);
	nc_drive_open(&d, &nc_reader_tls, 443, true);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	check_ja3(client_of(&d, 0)->ja3, "769,52,0,,");
	nc_drive_close(&d);
	nc_buf_free(&body);
	nc_buf_free(&m);
	nc_buf_free(&c);
}

/* Each byte of both flights set to 0, 1, 127 and 255. */
static void wrong_bytes(void **state)
{
	static const uint8_t values[] = { 0, 1, 127, 255 };
	struct nc_buf c = { 0 }, v = { 0 };
	(void)state;

	client_flight(&c, true, 60);
	server_flight(&v, retry_random, 30);
	for (size_t i = 0; i < (c.len + v.len) * sizeof(values); i++) {
		struct nc_drive d;
		size_t at = i / sizeof(values);
		uint8_t *to = at < c.len ? &c.data[at] : &v.data[at - c.len], was = *to;
		*to = values[i % sizeof(values)];
		nc_drive_open(&d, &nc_reader_tls, 443, true);
		nc_drive_give(&d, CLIENT, c.data, c.len, S);
		nc_drive_give(&d, SERVER, v.data, v.len, S);
		assert_true(d.count <= 2);
		nc_drive_close(&d);
		*to = was;
	}
	nc_buf_free(&c);
	nc_buf_free(&v);
}

static void gaps(void **state)
{
	struct nc_buf c = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, false, 16384);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_give(&d, CLIENT, c.data, 50, S);
	nc_drive_gap(&d, CLIENT, c.len - 50);
	nc_drive_cut(&d, CLIENT, c.data, c.len, 1, NULL, 2 * S); /* a record begins behind the gap */
	assert_int_equal(d.count, 1);
	check_client(client_of(&d, 0));
	assert_int_equal(d.records[0].ts_ns, 2 * S);
	nc_drive_gap(&d, CLIENT, 1);
	nc_drive_give(&d, CLIENT, "no record", 9, S);
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 1);
	nc_drive_close(&d);
	nc_buf_free(&c);
}

/* Without memory a hello in two records is not read, and nothing else is harmed. */
static void no_memory(void **state)
{
	struct nc_buf c = { 0 };
	struct nc_drive d;
	(void)state;

	client_flight(&c, false, 60);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	d.no_memory = true;
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 0);
	d.no_memory = false;
	nc_drive_give(&d, CLIENT, c.data, c.len, S);
	assert_int_equal(d.count, 1);
	nc_drive_close(&d);
	nc_buf_free(&c);
}

/* More than is read: passed over, or the end of it. */
static void too_large(void **state)
{
	struct nc_buf m = { 0 }, c = { 0 }, flight = { 0 };
	struct nc_drive d;
	(void)state;

	message(&m, 1, zeros, NC_HELLO_MAX + 1);
	records(&c, &m, 16384);
	client_flight(&flight, false, 16384);
	nc_buf_add(&c, flight.data, flight.len);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_cut(&d, CLIENT, c.data, c.len, 1460, &(uint64_t){ 9 }, S);
	assert_int_equal(d.count, 1);
	assert_false(d.overflowed);
	nc_drive_close(&d);
	nc_buf_reset(&c);
	m.data[1] = 0; /* 32,000 bytes in records of one: more would have to wait than may */
	m.data[2] = 0x7d;
	records(&c, &m, 1);
	nc_drive_open(&d, &nc_reader_tls, 4711, true);
	nc_drive_cut(&d, CLIENT, c.data, c.len, 1460, &(uint64_t){ 9 }, S);
	assert_int_equal(d.count, 0);
	assert_false(d.overflowed);
	nc_drive_close(&d);
	nc_buf_free(&c);
	nc_buf_free(&m);
	nc_buf_free(&flight);
}

static void probes(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		enum nc_guess guess;
	} table[] = {
		{ "\x16\x03\x01\x02\0\x01", 6, NC_GUESS_YES },
		{ "\x16\x03\x03\0\x40\x02", 6, NC_GUESS_YES },
		{ "\x17\x03\x03\0\x40", 5, NC_GUESS_YES },
		{ "\x15\x03\x03\0\x02\x02", 6, NC_GUESS_YES },
		{ "\x14\x03\x03\0\x01\x01", 6, NC_GUESS_YES },
		{ "\x14\x03\x03\0\x02\x01", 6, NC_GUESS_NO },
		{ "\x16\x03\x01\x02", 4, NC_GUESS_MORE },
		{ "\x16\x03\x05\x02\0\x01", 6, NC_GUESS_NO },
		{ "\x16\x03\x01\x7f\xff\x01", 6, NC_GUESS_NO },
		{ "\x16\x03\x01\0\0\x01", 6, NC_GUESS_NO },
		{ "\x16\x03\x01\x02\0\x77", 6, NC_GUESS_NO },
		{ "GET / HTTP/1.1", 14, NC_GUESS_NO },
		{ "SSH-2.0-x", 9, NC_GUESS_NO },
		{ "\x80\x2e\x01\x03\x01\0\x09\0\0\0\x10", 11, NC_GUESS_NO },
		{ "\x03\0\0\x13", 4, NC_GUESS_NO },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(nc_drive_probe(&nc_reader_tls, 0, table[i].p, table[i].n), table[i].guess);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_handshake),
		cmocka_unit_test(any_cut),
		cmocka_unit_test(many_small_pieces),
		cmocka_unit_test(retry),
		cmocka_unit_test(early_data),
		cmocka_unit_test(again_in_clear),
		cmocka_unit_test(old_form),
		cmocka_unit_test(cut_bodies),
		cmocka_unit_test(wrong_bytes),
		cmocka_unit_test(gaps),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(too_large),
		cmocka_unit_test(probes),
		cmocka_unit_test(draft_server),
		cmocka_unit_test(one_side),
		cmocka_unit_test(rest_of_extensions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
