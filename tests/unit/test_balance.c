/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hash that names a packet's worker: symmetric, blind for all but the outermost addresses, evenly spread. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "capture/live.h"

/* One packet: link header, tags, network header with the addresses a and b, some bytes that depend on salt. */
struct packet {
	uint32_t datalink;
	const char *link;    /* bytes before the network header */
	size_t link_len;
	bool ipv6;
};

#define LINK(datalink, bytes, ipv6) { datalink, bytes, sizeof(bytes) - 1, ipv6 }
#define MACS "\2\0\0\0\0\1\2\0\0\0\0\2"
#define SLL  "\0\0\0\1\0\6\2\0\0\0\0\1\0\0"
#define SLL2 "\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0"

static const struct packet packets[] = {
	LINK(1, MACS "\x08\0", false),
	LINK(1, MACS "\x86\xdd", true),
	LINK(1, MACS "\x81\0\0\5\x08\0", false),
	LINK(1, MACS "\x81\0\0\5\x86\xdd", true),
	LINK(1, MACS "\x88\xa8\0\5\x81\0\0\6\x08\0", false),
	LINK(1, MACS "\x91\0\0\5\x92\0\0\6\x81\0\0\7\x81\0\0\x8\x86\xdd", true),
	LINK(1, MACS "\x88\x64\x11\0\0\5\0\x2a\0\x21", false),
	LINK(1, MACS "\x81\0\0\5\x88\x64\x11\0\0\5\0\x2a\0\x57", true),
	LINK(1, MACS "\x88\x47\0\1\x01\x40", false),
	LINK(1, MACS "\x88\x47\0\1\0\x40\0\2\1\x40", true),
	LINK(1, MACS "\x88\x48\0\1\x01\x40" MACS "\x08\0", false),
	LINK(1, MACS "\x88\x47\0\1\x01\x40\0\0\0\7" MACS "\x86\xdd", true),
	LINK(0, "\2\0\0\0", false),
	LINK(0, "\0\0\0\2", false),
	LINK(0, "\x1c\0\0\0", true),
	LINK(0, "\0\0\0\x1e", true),
	LINK(108, "\0\0\0\2", false),
	LINK(108, "\0\0\0\x18", true),
	LINK(9, "\xff\3\0\x21", false),
	LINK(9, "\0\x21", false),
	LINK(9, "\x21", false),
	LINK(50, "\xff\3\0\x57", true),
	LINK(50, "\xff\3\2\x81\0\1\1\x40", false),
	LINK(50, "\x0f\0\x08\0", false),
	LINK(50, "\x8f\0\x86\xdd", true),
	LINK(51, "\x11\0\0\5\0\x2a\0\x21", false),
	LINK(101, "", false),
	LINK(101, "", true),
	LINK(228, "", false),
	LINK(229, "", true),
	LINK(104, "\x0f\0\x08\0", false),
	LINK(104, "\x8f\0\x86\xdd", true),
	LINK(113, SLL "\x08\0", false),
	LINK(113, SLL "\x86\xdd", true),
	LINK(113, SLL "\x81\0\0\5\x08\0", false),
	LINK(276, "\x08\0" SLL2, false),
	LINK(276, "\x86\xdd" SLL2, true),
};

#define KINDS (sizeof(packets) / sizeof(packets[0]))

/* Bytes of the packet between the hosts number a and b. */
static void build(struct nc_buf *out, const struct packet *p, uint32_t a, uint32_t b, unsigned salt)
{
	uint8_t ip[60];
	size_t at = p->ipv6 ? 8 : 12, size = p->ipv6 ? 16 : 4;

	memset(ip, (int)(salt & 255), sizeof(ip));
	ip[0] = p->ipv6 ? 0x60 : 0x45;
	memset(ip + at, 0x20, 2 * size);
	for (int i = 0; i < 4; i++) {
		ip[at + size - 1 - (size_t)i] = (uint8_t)(a >> 8 * i);
		ip[at + 2 * size - 1 - (size_t)i] = (uint8_t)(b >> 8 * i);
	}
	nc_buf_reset(out);
	nc_buf_add(out, p->link, p->link_len);
	nc_buf_add(out, ip, sizeof(ip));
}

static uint32_t hash(const struct packet *p, uint32_t a, uint32_t b, unsigned salt)
{
	struct nc_buf bytes = { 0 };

	build(&bytes, p, a, b, salt);
	uint32_t h = nc_balance_hash(p->datalink, bytes.data, bytes.len);
	nc_buf_free(&bytes);
	return h;
}

static void symmetric_and_only_of_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		uint32_t h = hash(&packets[i], 0x0a000001, 0xc0a80105, 1);
		assert_int_not_equal(h, 0);
		assert_int_equal(h, hash(&packets[i], 0xc0a80105, 0x0a000001, 200));
		assert_int_not_equal(h, hash(&packets[i], 0x0a000001, 0xc0a80106, 1));
		assert_int_not_equal(h, hash(&packets[i], 0x0a000002, 0xc0a80104, 1));
	}
}

/* The same pair on any link, since both kinds may be seen of one flow. */
static void same_on_every_link(void **state)
{
	uint32_t of[2] = { 0, 0 };

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		uint32_t h = hash(&packets[i], 77, 78, 3);
		if (of[packets[i].ipv6])
			assert_int_equal(h, of[packets[i].ipv6]);
		of[packets[i].ipv6] = h;
	}
}

static void others_stay_together(void **state)
{
	static const struct packet others[] = {
		LINK(1, MACS "\x08\x06", false),                                              /* ARP */
		LINK(1, MACS "\x88\x47\0\x01\x01\x40" MACS "\x08\x06", false),               /* ARP behind MPLS */
		LINK(1, MACS "\0\x26\x42\x42\x03", false),                                    /* LLC */
		LINK(1, MACS "\x81\0\0\1\x81\0\0\1\x81\0\0\1\x81\0\0\1\x81\0\0\1\x08\0", false), /* a fifth tag */
		LINK(9, "\xff\3\xc0\x21", false),                                             /* LCP */
		LINK(105, "\x08\0", false),
		LINK(4711, "", false),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(hash(&others[i], 1, 2, (unsigned)i), 0);
}

static void cut_at_every_byte(void **state)
{
	struct nc_buf bytes = { 0 };

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		build(&bytes, &packets[i], 3, 4, 1);
		uint32_t h = nc_balance_hash(packets[i].datalink, bytes.data, bytes.len);
		size_t need = packets[i].link_len + (packets[i].ipv6 ? 40 : 20);
		for (size_t n = 0; n < bytes.len; n++) {
			/* a copy of just that size: the sanitizer sees a read beyond it */
			uint8_t *p = malloc(n ? n : 1);
			memcpy(p, bytes.data, n);
			assert_int_equal(nc_balance_hash(packets[i].datalink, p, n), n >= need ? h : 0);
			free(p);
		}
	}
	assert_int_equal(nc_balance_hash(1, NULL, 0), 0);
	nc_buf_free(&bytes);
}

static void spread(const struct packet *p, unsigned workers, bool neighbours)
{
	const unsigned flows = 16000, part = flows / workers;
	unsigned count[16] = { 0 };

	for (unsigned i = 0; i < flows; i++) {
		uint32_t peer = neighbours ? 0x0a000001 + i : 0xc0a80001;
		count[hash(p, 0x0a000000 + i, peer, 0) % workers]++;
	}
	for (unsigned k = 0; k < workers; k++)
		assert_in_range(count[k], part * 85 / 100, part * 115 / 100);
}

/* Hosts of one network talking to one server, and neighbours in pairs: no worker of n gets much more than its part. */
static void evenly_spread(void **state)
{
	static const unsigned workers[] = { 2, 3, 4, 7, 8, 16 };

	(void)state;
	for (size_t w = 0; w < sizeof(workers) / sizeof(workers[0]); w++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			spread(&packets[ipv6], workers[w], false);
			spread(&packets[ipv6], workers[w], true);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symmetric_and_only_of_addresses),
		cmocka_unit_test(same_on_every_link),
		cmocka_unit_test(others_stay_together),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(evenly_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
