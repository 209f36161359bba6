/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters for capture files: each link type, expressions that suit only some, and wrong ones. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "capture/live.h"
#include "capture/program.h"

#define IP4(proto) "\x45\0\0\x28\0\0\0\0\x40" proto "\0\0\x0a\0\0\1\x0a\0\0\2\0\x35\0\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define MACS       "\2\0\0\0\0\1\2\0\0\0\0\2"
#define TCP        "\6"
#define UDP        "\x11"

static bool match(const struct nc_filter *f, uint32_t datalink, const char *p, size_t n, bool *cannot)
{
	uint8_t copy[128];

	assert_true(n <= sizeof(copy));
	memcpy(copy, p, n);
	const struct nc_capture_packet pkt = { .data = copy, .caplen = (uint32_t)n, .len = (uint32_t)n, .datalink = datalink };
	return nc_filter_match(f, &pkt, cannot);
}

#define MATCH(f, datalink, bytes, cannot) match(f, datalink, bytes, sizeof(bytes) - 1, cannot)

static struct nc_filter *compile(const char *expression)
{
	struct nc_buf err = { 0 };
	struct nc_filter *f = NULL;

	assert_int_equal(nc_filter_compile(expression, &f, &err), 0);
	assert_int_equal(err.len, 0);
	assert_non_null(f);
	return f;
}

static void link_types(void **state)
{
	struct nc_filter *f = compile("tcp port 53 and host 10.0.0.1");
	bool cannot = true;

	(void)state;
#define BOTH(datalink, head)                                              \
	assert_true(MATCH(f, datalink, head IP4(TCP), &cannot));          \
	assert_false(cannot);                                             \
	assert_false(MATCH(f, datalink, head IP4(UDP), &cannot));         \
	assert_false(cannot)
	BOTH(1, MACS "\x08\0");
	BOTH(0, "\2\0\0\0");
	BOTH(108, "\0\0\0\2");
	BOTH(101, "");
	BOTH(228, "");
	BOTH(9, "\xff\3\0\x21");
	BOTH(50, "\xff\3\0\x21");
	BOTH(51, "\x11\0\0\1\0\x2a\0\x21");
	BOTH(104, "\x0f\0\x08\0");
	BOTH(113, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0");
	BOTH(276, "\x08\0\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0");
	BOTH(10, "\x50" MACS "\xaa\xaa\3\0\0\0\x08\0");
	BOTH(6, "\x10\x40" MACS "\xaa\xaa\3\0\0\0\x08\0");
	/* a link type that no filter is made for */
	assert_false(MATCH(f, 4711, IP4(TCP), &cannot));
	assert_true(cannot);
	assert_false(MATCH(f, 2, IP4(TCP), &cannot));
	assert_true(cannot);
	nc_filter_free(f);
}

/* Words about MAC addresses mean nothing on IP links. */
static void only_some_link_types(void **state)
{
	struct nc_filter *f = compile("ether src 02:00:00:00:00:02");
	bool cannot = true;

	(void)state;
	assert_true(MATCH(f, 1, MACS "\x08\0" IP4(TCP), &cannot));
	assert_false(cannot);
	assert_false(MATCH(f, 101, IP4(TCP), &cannot));
	assert_true(cannot);
	nc_filter_free(f);
	/* and only these know 802.11 frames: the first in the table fails, others compile */
	f = compile("wlan type mgt");
	assert_true(MATCH(f, 105, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\2\0\0\0\0\1\0\0", &cannot));
	assert_false(cannot);
	assert_false(MATCH(f, 1, MACS "\x08\0" IP4(TCP), &cannot));
	assert_true(cannot);
	nc_filter_free(f);
}

static void cut_packets(void **state)
{
	static const char packet[] = MACS "\x08\0" IP4(TCP);
	struct nc_filter *f = compile("tcp src port 53");
	bool cannot;

	(void)state;
	for (size_t n = 0; n < sizeof(packet); n++)
		assert_int_equal(match(f, 1, packet, n, &cannot), n >= 36);
	nc_filter_free(f);
	f = compile("");
	assert_true(match(f, 1, packet, 0, &cannot));
	nc_filter_free(f);
}

static void wrong_expressions(void **state)
{
	static const char *const wrong[] = { "tcp prot 80", "host", "port 99999999", "(tcp", "unknown-word" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct nc_filter *f = (void *)&f;
		struct nc_buf err = { 0 };
		assert_int_equal(nc_filter_compile(wrong[i], &f, &err), -EINVAL);
		assert_ptr_equal(f, (void *)&f); /* written only on success */
		assert_true(err.len > strlen(wrong[i]));
		assert_non_null(strstr(nc_buf_cstr(&err), wrong[i]));
		assert_null(strchr(nc_buf_cstr(&err), '\n'));
		nc_buf_free(&err);
	}
	nc_filter_free(NULL);
}

/* Whether it compiles at all, which is what a configuration is asked. */
static void checks(void **state)
{
	static const char *const right[] = { "", "tcp port 80", "wlan type data", "vlan 7 and ip", "ifindex 1", "inbound" };
	static const char *const wrong[] = { "tcp prot 80", "port 99999999", "(tcp" };
	struct nc_buf err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(nc_filter_check(right[i], &err), 0);
	assert_int_equal(err.len, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(nc_filter_check(wrong[i], &err), -EINVAL);
		assert_true(err.len > 0);
		nc_buf_reset(&err);
	}
	nc_buf_free(&err);
}

#define LOAD(K) { .code = BPF_LD | BPF_B | BPF_ABS, .k = (K) }
#define AD(K)   ((uint32_t)(SKF_AD_OFF + (K)))

/* A cooked header is made up by libpcap: the kernel has its fields elsewhere. */
static void cooked(void **state)
{
	struct sock_filter two[] = {
		LOAD(0), LOAD(4), LOAD(10), LOAD(20), { .code = BPF_LD | BPF_H | BPF_IND, .k = 22 },
		{ .code = BPF_LDX | BPF_B | BPF_MSH, .k = 20 }, LOAD(AD(SKF_AD_VLAN_TAG)), { .code = BPF_LD | BPF_IMM, .k = 4 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .k = 4 }, { .code = BPF_RET | BPF_K, .k = 10 },
	};
	static const uint32_t want[] = {
		AD(SKF_AD_PROTOCOL), AD(SKF_AD_IFINDEX), AD(SKF_AD_PKTTYPE), 0, 2, 0, AD(SKF_AD_VLAN_TAG), 4, 4, 10,
	};
	struct sock_filter one[] = { LOAD(0), LOAD(14), LOAD(16), LOAD(40) }, no[] = { LOAD(20), LOAD(8) };

	(void)state;
	assert_true(nc_program_uncook(two, sizeof(two) / sizeof(two[0]), DLT_LINUX_SLL2));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(two[i].k, want[i]);
	assert_true(nc_program_uncook(one, 4, DLT_LINUX_SLL));
	assert_int_equal(one[0].k, AD(SKF_AD_PKTTYPE));
	assert_int_equal(one[1].k, AD(SKF_AD_PROTOCOL));
	assert_int_equal(one[2].k, 0);
	assert_int_equal(one[3].k, 24);
	/* the hardware type, which the kernel does not tell a filter by that name */
	assert_false(nc_program_uncook(no, 2, DLT_LINUX_SLL2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_types),
		cmocka_unit_test(only_some_link_types),
		cmocka_unit_test(cut_packets),
		cmocka_unit_test(wrong_expressions),
		cmocka_unit_test(checks),
		cmocka_unit_test(cooked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
