/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the SSH reader: identification and key exchange in pieces, who is who, version 1, what is missing. */
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
#include "stream_driver.h"

#define S INT64_C(1000000000)

extern const struct nc_stream_reader nc_reader_ssh;

static const uint8_t zeros[40000];

static void be32(struct nc_buf *b, size_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		nc_buf_u8(b, (uint8_t)(v >> shift));
}

static void packet(struct nc_buf *b, const void *p, size_t n)
{
	be32(b, 1 + n + 7);
	nc_buf_u8(b, 7);
	nc_buf_add(b, p, n);
	nc_buf_add(b, zeros, 7);
}

/* A KEXINIT whose lists are kex, "<tag>1", ... "<tag>7,x", "", "". */
static void kexinit(struct nc_buf *b, const char *kex, char tag)
{
	struct nc_buf m = { 0 };
	char name[8] = { tag, '0', ',', 'x', '\0' };

	nc_buf_u8(&m, 20);
	nc_buf_add(&m, zeros, 16);
	be32(&m, strlen(kex));
	nc_buf_str(&m, kex);
	for (char i = '1'; i <= '7'; i++) {
		name[1] = i;
		be32(&m, 4);
		nc_buf_add(&m, name, 4);
	}
	nc_buf_add(&m, zeros, 4 + 4 + 1 + 4);
	packet(b, m.data, m.len);
	nc_buf_free(&m);
}

static void client_side(struct nc_buf *b)
{
	nc_buf_str(b, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
	packet(b, "\x02\0\0\0\0", 5); /* IGNORE */
	kexinit(b, "curve25519-sha256,ext-info-c", 'c');
}

static void server_side(struct nc_buf *b)
{
	nc_buf_str(b, "Welcome.\r\nNothing to see here.\nSSH-2.0-dropbear\xff\r\n");
	kexinit(b, "curve25519-sha256", 's');
}

static void check_md5(const char *got, const char *text)
{
	char want[NC_MD5_TEXT];

	nc_md5_hex(text, strlen(text), want);
	assert_string_equal(got, want);
}

static const Types__SSH *only(const struct nc_drive *d)
{
	assert_int_equal(d->count, 1);
	return (const Types__SSH *)(const void *)d->records[0].m;
}

static void check(const Types__SSH *m)
{
	assert_string_equal(m->clientident, "SSH-2.0-OpenSSH_9.2p1 Debian");
	assert_string_equal(m->serverident, "SSH-2.0-dropbear\xef\xbf\xbd");
	assert_int_equal(m->n_clientkexalgorithms, 2);
	assert_string_equal(m->clientkexalgorithms[1], "ext-info-c");
	assert_int_equal(m->n_clienthostkeyalgorithms, 2);
	assert_string_equal(m->clienthostkeyalgorithms[0], "c1");
	assert_string_equal(m->clientencryptiontoserver[0], "c2");
	assert_string_equal(m->clientencryptiontoclient[0], "c3");
	assert_string_equal(m->clientmactoserver[0], "c4");
	assert_string_equal(m->clientmactoclient[1], "x");
	assert_string_equal(m->clientcompressiontoserver[0], "c6");
	assert_string_equal(m->clientcompressiontoclient[0], "c7");
	assert_string_equal(m->serverkexalgorithms[0], "curve25519-sha256");
	assert_string_equal(m->servercompressiontoclient[0], "s7");
	check_md5(m->hassh, "curve25519-sha256,ext-info-c;c2,x;c4,x;c6,x");
	check_md5(m->hasshserver, "curve25519-sha256;s3,x;s5,x;s7,x");
}

static void any_cut(void **state)
{
	uint64_t random = (uint64_t)time(NULL) | 1;
	struct nc_buf c = { 0 }, v = { 0 };
	(void)state;

	print_message("seed %llu\n", (unsigned long long)random);
	client_side(&c);
	server_side(&v);
	for (unsigned round = 0; round < 500; round++) {
		struct nc_drive d;
		nc_drive_open(&d, &nc_reader_ssh, 4711, true);
		nc_drive_cut(&d, 1, v.data, v.len, 1 + nc_drive_draw(&random, 400), &random, 3 * S);
		nc_drive_cut(&d, 0, c.data, c.len, 1 + nc_drive_draw(&random, 400), &random, 4 * S);
		assert_true(d.stopped);
		check(only(&d));
		assert_int_equal(only(&d)->srcport, 40000);
		assert_string_equal(only(&d)->dstip, "198.51.100.2");
		assert_string_equal(only(&d)->srcmac, "02:00:00:00:00:01");
		assert_int_equal(d.records[0].ts_ns, 3 * S);
		nc_drive_close(&d);
	}
	nc_buf_free(&c);
	nc_buf_free(&v);
}

/* Without a SYN the names of the extension negotiation tell who is the client, or the port. */
static void who_is_who(void **state)
{
	struct nc_buf c = { 0 }, v = { 0 };
	struct nc_drive d;
	(void)state;

	client_side(&c);
	server_side(&v);
	nc_drive_open(&d, &nc_reader_ssh, 4711, false);
	nc_drive_give(&d, 0, v.data, v.len, S);
	nc_drive_give(&d, 1, c.data, c.len, S);
	check(only(&d));
	assert_int_equal(only(&d)->srcport, 4711);
	nc_drive_close(&d);
	nc_drive_open(&d, &nc_reader_ssh, 4711, false);
	d.s.end[0].port = 22;
	nc_drive_give(&d, 0, "SSH-2.0-server\n", 15, S);
	nc_drive_close(&d);
	nc_drive_open(&d, &nc_reader_ssh, 4711, false);
	d.s.end[0].port = 22;
	nc_drive_give(&d, 0, "SSH-2.0-server\n", 15, S);
	nc_drive_end(&d);
	assert_string_equal(only(&d)->serverident, "SSH-2.0-server");
	assert_string_equal(only(&d)->clientident, "");
	assert_int_equal(only(&d)->dstport, 22);
	nc_drive_close(&d);
	nc_buf_free(&c);
	nc_buf_free(&v);
}

static void version1(void **state)
{
	struct nc_drive d;
	(void)state;

	nc_drive_open(&d, &nc_reader_ssh, 22, true);
	nc_drive_give(&d, 1, "SSH-1.5-Cisco-1.25\n", 19, S);
	nc_drive_give(&d, 0, "SSH-1.5-PuTTY\n", 14, 2 * S);
	assert_true(d.stopped);
	assert_string_equal(only(&d)->serverident, "SSH-1.5-Cisco-1.25");
	assert_string_equal(only(&d)->clientident, "SSH-1.5-PuTTY");
	assert_string_equal(only(&d)->hassh, "");
	nc_drive_close(&d);
	nc_drive_open(&d, &nc_reader_ssh, 22, true); /* 1.99 speaks version 2 */
	nc_drive_give(&d, 1, "SSH-1.99-x\n", 11, S);
	nc_drive_give(&d, 0, "SSH-2.0-y\n", 10, S);
	assert_false(d.stopped);
	assert_int_equal(d.count, 0);
	nc_drive_end(&d);
	assert_string_equal(only(&d)->serverident, "SSH-1.99-x");
	nc_drive_close(&d);
}

/* What one side lacks does not harm the other. */
static void missing(void **state)
{
	struct nc_buf c = { 0 }, v = { 0 };
	struct nc_drive d;
	(void)state;

	client_side(&c);
	server_side(&v);
	nc_drive_open(&d, &nc_reader_ssh, 22, true);
	nc_drive_give(&d, 1, v.data, v.len, S);
	nc_drive_give(&d, 0, c.data, 40, S);
	nc_drive_gap(&d, 0, 100);
	nc_drive_give(&d, 0, c.data + 140, 10, S);
	nc_drive_end(&d);
	assert_string_equal(only(&d)->hassh, "");
	check_md5(only(&d)->hasshserver, "curve25519-sha256;s3,x;s5,x;s7,x");
	nc_drive_close(&d);
	nc_drive_open(&d, &nc_reader_ssh, 22, true);
	d.no_memory = true;
	nc_drive_give(&d, 1, v.data, v.len, S);
	nc_drive_give(&d, 0, c.data, c.len, S);
	assert_string_equal(only(&d)->hasshserver, "");
	assert_string_equal(only(&d)->clientident, "SSH-2.0-OpenSSH_9.2p1 Debian");
	nc_drive_close(&d);
	nc_buf_free(&c);
	nc_buf_free(&v);
}

/* Packets that can't be, lines without end, lists that say more than there is. */
static void nonsense(void **state)
{
	static const char *const heads[] = { "\0\0\0\1\1", "\xff\xff\xff\xff\1", "\0\0\0\x0c\xff", "\0\0\0\x0c\x0b" };
	struct nc_buf b = { 0 };
	struct nc_drive d;
	(void)state;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		nc_drive_open(&d, &nc_reader_ssh, 22, true);
		nc_drive_give(&d, 0, "SSH-2.0-x\r\n", 11, S);
		nc_drive_give(&d, 0, heads[i], 5, S);
		nc_drive_give(&d, 0, zeros, 40000, S);
		assert_false(d.overflowed);
		nc_drive_end(&d);
		assert_string_equal(only(&d)->clientident, "SSH-2.0-x");
		nc_drive_close(&d);
	}
	nc_drive_open(&d, &nc_reader_ssh, 22, true);
	nc_drive_cut(&d, 1, zeros, 3000, 1, NULL, S);
	assert_true(d.calls < 1100);
	nc_drive_close(&d);
	kexinit(&b, "a", 'c');
	for (size_t i = 22; i < b.len - 7; i++) {
		uint8_t was = b.data[i];
		b.data[i] ^= 0xff;
		nc_drive_open(&d, &nc_reader_ssh, 22, true);
		nc_drive_give(&d, 0, "SSH-2.0-x\r\n", 11, S);
		nc_drive_give(&d, 0, b.data, b.len, S);
		nc_drive_end(&d);
		assert_non_null(only(&d));
		nc_drive_close(&d);
		b.data[i] = was;
	}
	nc_buf_free(&b);
}

/* 4,000 names: the first 128 are kept, the fingerprint is of all. */
static void many_names(void **state)
{
	struct nc_buf kex = { 0 }, b = { 0 };
	struct nc_drive d;
	(void)state;

	for (unsigned i = 0; i < 3999; i++)
		nc_buf_str(&kex, "a,");
	nc_buf_str(&kex, "a");
	kexinit(&b, nc_buf_cstr(&kex), 'c');
	nc_drive_open(&d, &nc_reader_ssh, 22, true);
	for (unsigned dir = 0; dir < 2; dir++) {
		nc_drive_give(&d, dir, "SSH-2.0-x\r\n", 11, S);
		nc_drive_cut(&d, dir, b.data, b.len, 1, NULL, S);
	}
	assert_int_equal(only(&d)->n_clientkexalgorithms, 128);
	nc_buf_str(&kex, ";c2,x;c4,x;c6,x");
	check_md5(only(&d)->hassh, nc_buf_cstr(&kex));
	assert_true(d.calls < 40);
	nc_drive_close(&d);
	nc_buf_free(&kex);
	nc_buf_free(&b);
}

static void probes(void **state)
{
	(void)state;
	assert_int_equal(nc_drive_probe(&nc_reader_ssh, 0, "SSH-2.0-x", 9), NC_GUESS_YES);
	assert_int_equal(nc_drive_probe(&nc_reader_ssh, 0, "SSH-1.5", 7), NC_GUESS_YES);
	assert_int_equal(nc_drive_probe(&nc_reader_ssh, 0, "SSH-3.0", 7), NC_GUESS_NO);
	assert_int_equal(nc_drive_probe(&nc_reader_ssh, 0, "SSH", 3), NC_GUESS_MORE);
	assert_int_equal(nc_drive_probe(&nc_reader_ssh, 0, "SSL", 3), NC_GUESS_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut),  cmocka_unit_test(who_is_who), cmocka_unit_test(version1), cmocka_unit_test(missing),
		cmocka_unit_test(nonsense), cmocka_unit_test(many_names), cmocka_unit_test(probes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
