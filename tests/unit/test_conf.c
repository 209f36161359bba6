/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Option tables: values of every kind, messages for every mistake, dumps that read back. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "conf/conf.h"

struct settings {
	bool promisc;
	int64_t snaplen;
	int64_t offset;
	uint64_t buffer;
	uint64_t any;
	int64_t interval;
	char *bpf;
	int level;
	struct nc_conf_list interfaces;
	char *deep;
};

static const char *const levels[] = { "err", "warning", "info", "debug", NULL };

#define AT(member) .offset = offsetof(struct settings, member)

static const struct nc_conf_option table[] = {
	{ "promisc", NC_CONF_BOOL, AT(promisc), .dflt = "true", .help = "See all packets." },
	{ "snaplen", NC_CONF_INT, AT(snaplen), .dflt = "262144", .min = 64, .max = 262144, .restart = true, .help = "Bytes." },
	{ "offset", NC_CONF_INT, AT(offset), .dflt = "-1", .help = "Any." },
	{ "log.level", NC_CONF_ENUM, AT(level), .dflt = "info", .words = levels, .help = "What is logged." },
	{ "buffer", NC_CONF_SIZE, AT(buffer), .dflt = "64M", .min = 4096, .max = INT64_C(1) << 34, .restart = true,
	  .help = "B." },
	{ "any", NC_CONF_SIZE, AT(any), .dflt = "0", .help = "Any size." },
	{ "interval", NC_CONF_DURATION, AT(interval), .dflt = "1s", .min = NC_NS_PER_S / 100, .max = 3600 * NC_NS_PER_S,
	  .help = "How often." },
	{ "log.sub.deep", NC_CONF_STRING, AT(deep), .dflt = "x", .help = "Deep." },
	{ "bpf", NC_CONF_STRING, AT(bpf), .dflt = "", .help = "A filter." },
	{ "interfaces", NC_CONF_STRINGS, AT(interfaces), .dflt = "eth0, lo", .restart = true, .help = "Which ones." },
};

#define N (sizeof(table) / sizeof(table[0]))

static int parse(struct settings *s, const char *text, struct nc_buf *err)
{
	nc_conf_defaults(table, N, s);
	return nc_conf_parse(table, N, s, "f", text, err);
}

static void defaults(void **state)
{
	struct settings s;

	(void)state;
	nc_conf_defaults(table, N, &s);
	assert_true(s.promisc);
	assert_int_equal(s.snaplen, 262144);
	assert_int_equal(s.offset, -1);
	assert_int_equal(s.buffer, 64 << 20);
	assert_int_equal(s.any, 0);
	assert_int_equal(s.interval, NC_NS_PER_S);
	assert_string_equal(s.bpf, "");
	assert_int_equal(s.level, 2);
	assert_int_equal(s.interfaces.count, 2);
	assert_string_equal(s.interfaces.items[0], "eth0");
	assert_string_equal(s.interfaces.items[1], "lo");
	nc_conf_free(table, N, &s);
	assert_null(s.bpf);
}

static void all_kinds(void **state)
{
	struct nc_buf err = { 0 };
	struct settings s;

	(void)state;
	assert_int_equal(parse(&s,
	                       "# comment 3000000000\npromisc = false;\nsnaplen = 64\noffset = -5000000000;\n"
	                       "log: { level = \"debug\"; sub = { deep = \"a\\\"b\" } }\n"
	                       "buffer = 5000000000; any = \"2GiB\" /* 99999999999999999999 */\n"
	                       "interval = \"500ms\"; bpf = \"tcp \" \"port 80\"; interfaces = ( \"eth1\", \"eth2\" );",
	                       &err),
	                 0);
	assert_int_equal(err.len, 0);
	assert_false(s.promisc);
	assert_int_equal(s.snaplen, 64);
	assert_true(s.offset == INT64_C(-5000000000));
	assert_int_equal(s.level, 3);
	assert_string_equal(s.deep, "a\"b");
	assert_true(s.buffer == UINT64_C(5000000000));
	assert_true(s.any == UINT64_C(2) << 30);
	assert_int_equal(s.interval, NC_NS_PER_S / 2);
	assert_string_equal(s.bpf, "tcp port 80");
	assert_int_equal(s.interfaces.count, 2);
	assert_string_equal(s.interfaces.items[1], "eth2");
	nc_conf_free(table, N, &s);
}

static void forms(void **state)
{
	static const struct {
		const char *text;
		uint64_t any;
		int64_t interval;
		size_t interfaces;
	} cases[] = {
		{ "any = 0x10; interval = 2; interfaces = [];", 16, 2 * NC_NS_PER_S, 0 },
		{ "any = 0xffffffff; interval = \"2m\"; interfaces = \"eth0\";", 0xffffffff, 120 * NC_NS_PER_S, 1 },
		{ "any = 7L; interval: \"1h\"; interfaces = ();", 7, 3600 * NC_NS_PER_S, 0 },
		{ "any=4294967296 interval=3 interfaces=[\"a\",\"b\",\"c\"]", UINT64_C(1) << 32, 3 * NC_NS_PER_S, 3 },
		{ "any = 9223372036854775807;", INT64_MAX, NC_NS_PER_S, 2 },
		{ "// x = 1\n/* y = 2 */ any = \"8K\" # z = 3", 8192, NC_NS_PER_S, 2 },
		{ "", 0, NC_NS_PER_S, 2 },
		{ "\n\n", 0, NC_NS_PER_S, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nc_buf err = { 0 };
		struct settings s;
		if (parse(&s, cases[i].text, &err) != 0)
			fail_msg("%s", nc_buf_cstr(&err));
		assert_true(s.any == cases[i].any);
		assert_true(s.interval == cases[i].interval);
		assert_int_equal(s.interfaces.count, cases[i].interfaces);
		nc_conf_free(table, N, &s);
	}
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "snaplem = 1;", "f:1: unknown option \"snaplem\" (did you mean \"snaplen\"?)" },
		{ "\n\nqqqqqqqqqqqq = 1;", "f:3: unknown option \"qqqqqqqqqqqq\"" },
		{ "log: { leve = \"info\"; };", "f:1: unknown option \"log.leve\" (did you mean \"log.level\"?)" },
		{ "snaplen: { x = 1; };", "f:1: snaplen: a group is not a whole number" },
		{ "log = 1;", "f:1: log: is a group: write log { ... }" },
		{ "lo = { level = \"info\" };", "f:1: unknown option \"lo\"" },
		{ "promisc = 1;", "f:1: promisc: 1 is not true or false" },
		{ "promisc = \"yes\";", "f:1: promisc: \"yes\" is not true or false" },
		{ "snaplen = 63;", "f:1: snaplen: 63 is out of range: must be from 64 to 262144" },
		{ "\nsnaplen = 3000000000;", "f:2: snaplen: 3000000000 is out of range: must be from 64 to 262144" },
		{ "snaplen = 4294967360;", "f:1: snaplen: 4294967360 is out of range: must be from 64 to 262144" },
		{ "offset = 99999999999999999999;", "f:1: number too large" },
		{ "offset = 0xfffffffffffffffff;", "f:1: number too large" },
		{ "snaplen = 1.5;", "f:1: snaplen: 1.5 is not a whole number" },
		{ "snaplen = \"64\";", "f:1: snaplen: \"64\" is not a whole number" },
		{ "snaplen = true;", "f:1: snaplen: true is not a whole number" },
		{ "snaplen = [64];", "f:1: snaplen: a list is not a whole number" },
		{ "buffer = \"1K\";", "f:1: buffer: \"1K\" is out of range: must be from 4K to 16G" },
		{ "buffer = -1;", "f:1: buffer: -1 is not a size such as 4096, \"64K\", \"64M\" or \"1G\"" },
		{ "buffer = \"64X\";", "f:1: buffer: \"64X\" is not a size such as 4096, \"64K\", \"64M\" or \"1G\"" },
		{ "any = \"99999999999G\";", "f:1: any: \"99999999999G\" is too large" },
		{ "interval = \"1ms\";", "f:1: interval: \"1ms\" is out of range: must be from 10ms to 1h" },
		{ "interval = 9223372036854775807;", "f:1: interval: 9223372036854775807 is too large" },
		{ "log = { level = \"inof\"; }",
		  "f:1: log.level: \"inof\" is none of \"err\", \"warning\", \"info\", \"debug\" (did you mean \"info\"?)" },
		{ "log = { level = \"\\x1b[2J\"; }",
		  "f:1: log.level: \"\\x1b[2J\" is none of \"err\", \"warning\", \"info\", \"debug\"" },
		{ "log = { level = 2; }", "f:1: log.level: 2 is not a word" },
		{ "bpf = 5;", "f:1: bpf: 5 is not a string" },
		{ "interfaces = (\"a\", 5);", "f:1: interfaces: element 2 is not a string" },
		{ "interfaces = 5;", "f:1: interfaces: 5 is not a list of strings" },
		{ "snaplen = 64;\nsnaplen = 65;", "f:2: duplicate setting name at \"snaplen = 65;\"" },
		{ "log = { level = \"err\" }; log = { }",
		  "f:1: duplicate setting name at \"log = { level = \"err\" }; log = { }\"" },
		{ "snaplen = 64;\n  @include \"/etc/passwd\"\n", "f:2: include directives are refused" },
		{ "@include \"x\"", "f:1: include directives are refused" },
		{ "bpf = \"a\\x00b\";", "f:1: NUL byte in a string" },
		{ "snaplen = 64; /* oops", "f:1: comment without an end" },
		{ "snaplen = 64;\nbpf = \"oops\n\n", "f:2: string without an end" },
		{ "snaplen = ;", "f:1: syntax error at \"snaplen = ;\"" },
		{ "promisc = true;\nlog = {\n", "f:3: syntax error at the end of the file" },
		{ "a.b = 1;", "f:1: syntax error at \"a.b = 1;\"" },
		{ "snaplen = 1e5;", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nc_buf err = { 0 };
		struct settings s;
		assert_int_equal(parse(&s, cases[i].text, &err), -EINVAL);
		if (cases[i].message)
			assert_string_equal(nc_buf_cstr(&err), cases[i].message);
		assert_int_equal(s.snaplen, 262144);
		nc_buf_free(&err);
		nc_conf_free(table, N, &s);
	}
}

static void failure_changes_nothing(void **state)
{
	struct nc_buf err = { 0 };
	struct settings s;

	(void)state;
	assert_int_equal(parse(&s, "bpf = \"new\"; interfaces = [\"new\"]; promisc = false; nope = 1;", &err), -EINVAL);
	assert_string_equal(s.bpf, "");
	assert_int_equal(s.interfaces.count, 2);
	assert_true(s.promisc);
	nc_buf_free(&err);
	nc_conf_free(table, N, &s);
}

static void dump_reads_back(void **state)
{
	static const char text[] = "promisc = false; offset = 5000000000; any = 1536; buffer = \"3G\"; interval = \"1500ms\";"
				   "bpf = \"a\\\\b\\\"c\\x01\\n\"; interfaces = [\"x\", \"y,z\"];"
				   "log = { level = \"err\"; sub = { deep = \"q\" } }";
	struct nc_buf err = { 0 }, first = { 0 }, second = { 0 };
	struct settings s, t;

	(void)state;
	assert_int_equal(parse(&s, text, &err), 0);
	for (int comments = 0; comments < 2; comments++) {
		nc_buf_reset(&first);
		nc_buf_reset(&second);
		nc_conf_dump(table, N, &s, comments, &first);
		assert_int_equal(parse(&t, nc_buf_cstr(&first), &err), 0);
		nc_conf_dump(table, N, &t, comments, &second);
		assert_int_equal(first.len, second.len);
		assert_memory_equal(first.data, second.data, first.len);
		assert_string_equal(t.bpf, s.bpf);
		assert_string_equal(t.interfaces.items[1], "y,z");
		nc_conf_free(table, N, &t);
	}
	nc_conf_free(table, N, &s);
	nc_buf_free(&first);
	nc_buf_free(&second);
}

static void dump_text(void **state)
{
	struct nc_buf out = { 0 };
	struct settings s;

	(void)state;
	nc_conf_defaults(table, N, &s);
	nc_conf_dump(table, N, &s, false, &out);
	assert_string_equal(nc_buf_cstr(&out), "promisc = true;\nsnaplen = 262144;\noffset = -1;\nlog: {\n\tlevel = \"info\";\n"
	                                       "\tsub: {\n\t\tdeep = \"x\";\n\t};\n};\nbuffer = \"64M\";\nany = 0;\n"
	                                       "interval = \"1s\";\nbpf = \"\";\ninterfaces = [ \"eth0\", \"lo\" ];\n");
	nc_buf_reset(&out);
	nc_conf_dump(table, 4, &s, true, &out);
	assert_string_equal(nc_buf_cstr(&out),
	                    "# See all packets.\npromisc = true;\n\n# Bytes. From 64 to 262144. A change takes a restart.\n"
	                    "snaplen = 262144;\n\n# Any.\noffset = -1;\n\nlog: {\n\t# What is logged. "
	                    "One of \"err\", \"warning\", \"info\", \"debug\".\n\tlevel = \"info\";\n};\n");
	nc_buf_free(&out);
	nc_conf_free(table, N, &s);
}

static void restart_needed(void **state)
{
	struct nc_buf err = { 0 }, out = { 0 };
	struct settings a, b;

	(void)state;
	nc_conf_defaults(table, N, &a);
	assert_int_equal(parse(&b, "promisc = false; bpf = \"x\";", &err), 0);
	nc_conf_restart_needed(table, N, &a, &b, &out);
	assert_int_equal(out.len, 0);
	nc_conf_free(table, N, &b);
	assert_int_equal(parse(&b, "snaplen = 100; interfaces = [\"eth0\"]; bpf = \"x\";", &err), 0);
	nc_conf_restart_needed(table, N, &a, &b, &out);
	assert_string_equal(nc_buf_cstr(&out), "snaplen, interfaces");
	nc_conf_free(table, N, &a);
	nc_conf_free(table, N, &b);
	nc_buf_free(&out);
}

static int read_bytes(const char *bytes, size_t n, struct settings *s, struct nc_buf *err)
{
	char path[] = "/tmp/test_conf.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
	nc_conf_defaults(table, N, s);
	int rc = nc_conf_read(table, N, s, path, err);
	unlink(path);
	return rc;
}

static void files(void **state)
{
	struct nc_buf err = { 0 };
	struct settings s;

	(void)state;
	assert_int_equal(read_bytes("snaplen = 99;", 13, &s, &err), 0);
	assert_int_equal(s.snaplen, 99);
	nc_conf_free(table, N, &s);
	assert_int_equal(read_bytes("", 0, &s, &err), 0);
	nc_conf_free(table, N, &s);
	assert_int_equal(read_bytes("\n\nbpf = \"a\0b\";", 14, &s, &err), -EINVAL);
	assert_non_null(strstr(nc_buf_cstr(&err), ":3: NUL byte"));
	nc_conf_free(table, N, &s);
	nc_buf_reset(&err);
	nc_conf_defaults(table, N, &s);
	assert_int_equal(nc_conf_read(table, N, &s, "/nonexistent/x.conf", &err), -ENOENT);
	assert_string_equal(nc_buf_cstr(&err), "/nonexistent/x.conf: No such file or directory");
	nc_buf_reset(&err);
	assert_int_equal(nc_conf_read(table, N, &s, "/", &err), -EIO);
	assert_string_equal(nc_buf_cstr(&err), "/: Is a directory");
	nc_conf_free(table, N, &s);
	nc_buf_free(&err);
}

static void large_files(void **state)
{
	size_t n = 1024 * 1024 + 1;
	char *text = malloc(n);
	struct nc_buf err = { 0 };
	struct settings s;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', n);
	assert_int_equal(read_bytes(text, n, &s, &err), -EINVAL);
	assert_non_null(strstr(nc_buf_cstr(&err), ": larger than 1 MiB"));
	nc_conf_free(table, N, &s);
	nc_buf_reset(&err);
	assert_int_equal(read_bytes(text, n - 1, &s, &err), 0);
	nc_conf_free(table, N, &s);
	/* Nesting that would overflow a careless parser's stack is refused. */
	memset(text, '(', n);
	memcpy(text, "any = ", 6);
	text[n - 1] = '\0';
	assert_int_equal(parse(&s, text, &err), -EINVAL);
	nc_conf_free(table, N, &s);
	nc_buf_free(&err);
	free(text);
}

static void too_many_strings(void **state)
{
	struct nc_buf text = { 0 }, err = { 0 };
	struct settings s;

	(void)state;
	nc_buf_str(&text, "interfaces = [\"a\"");
	for (int i = 0; i < 1024; i++)
		nc_buf_str(&text, ",\"a\"");
	nc_buf_str(&text, "];");
	assert_int_equal(parse(&s, nc_buf_cstr(&text), &err), -EINVAL);
	assert_string_equal(nc_buf_cstr(&err), "f:1: interfaces: more than 1024 strings");
	nc_conf_free(table, N, &s);
	nc_buf_free(&text);
	nc_buf_free(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_kinds),
		cmocka_unit_test(forms),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(failure_changes_nothing),
		cmocka_unit_test(dump_reads_back),
		cmocka_unit_test(dump_text),
		cmocka_unit_test(restart_needed),
		cmocka_unit_test(files),
		cmocka_unit_test(large_files),
		cmocka_unit_test(too_many_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
