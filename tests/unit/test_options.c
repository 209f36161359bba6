/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of netcap's command line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "netcap/options.h"

#define WORDS_MAX 12

/* Parses a command line given as words with blanks between. */
static int parse(const char *line, struct nc_tool_options *o, struct nc_buf *err)
{
	static char copy[512]; /* the options point into it */
	char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t)"netcap" }, *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(argc <= WORDS_MAX);
		argv[argc++] = w;
	}
	nc_buf_reset(err);
	return nc_tool_options_parse(argc, argv, o, err);
}

static void values(void **state)
{
	struct nc_tool_options o;
	struct nc_buf err = { 0 };

	(void)state;
	assert_int_equal(parse("-r a.pcap", &o, &err), 0);
	assert_string_equal(o.read, "a.pcap");
	assert_true(o.comp && o.promisc && o.buf);
	assert_false(o.payload || o.ignore_unknown || o.ignore_errors || o.utc);
	assert_int_equal(o.snaplen, 262144);
	assert_int_equal(o.workers, 0);
	assert_int_equal(o.base, -1);
	assert_int_equal(o.format.kind, NC_FORMAT_CSV);
	assert_string_equal(o.format.sep, ",");

	const char *line = "--r=- -comp=false --promisc=0 -buf=F -payload -payload=TRUE -workers 4 --snaplen=1K -base IPv4";
	assert_int_equal(parse(line, &o, &err), 0);
	assert_string_equal(o.read, "-");
	assert_false(o.comp || o.promisc || o.buf);
	assert_true(o.payload);
	assert_int_equal(o.workers, 4);
	assert_int_equal(o.snaplen, 1024);
	assert_int_equal(o.base, 228);

	assert_int_equal(parse("-r x -tsv -begin [ -end=] -struct-sep == -utc -select A,B", &o, &err), 0);
	assert_string_equal(o.format.sep, "\t");
	assert_string_equal(o.format.begin, "[");
	assert_string_equal(o.format.end, "]");
	assert_string_equal(o.format.struct_sep, "==");
	assert_true(o.format.utc);
	assert_string_equal(o.select, "A,B");
	assert_int_equal(parse("-r x -csv -sep ;", &o, &err), 0);
	assert_string_equal(o.format.sep, ";");
	assert_int_equal(parse("-r x -json", &o, &err), 0);
	assert_int_equal(o.format.kind, NC_FORMAT_JSON);
	assert_int_equal(parse("-r x -table=true", &o, &err), 0);
	assert_int_equal(o.format.kind, NC_FORMAT_TABLE);
	assert_int_equal(parse("-r x -struc -json=false", &o, &err), 0);
	assert_int_equal(o.format.kind, NC_FORMAT_STRUC);
	assert_int_equal(parse("-opts lazy -pbuf=100 -iface lo", &o, &err), 0);
	assert_int_equal(parse("-h -table -json", &o, &err), 0);
	assert_true(o.help);
	nc_buf_free(&err);
}

static bool wanted(const struct nc_tool_options *o, const char *name)
{
	return o->wanted[nc_type_slot(nc_type_by_name(name))];
}

static void types(void **state)
{
	struct nc_tool_options o;
	struct nc_buf err = { 0 };

	(void)state;
	assert_int_equal(parse("-r x", &o, &err), 0);
	assert_true(wanted(&o, "TCP") && wanted(&o, "NortelDiscovery"));
	assert_int_equal(parse("-r x -include tcp,UDP,TLS", &o, &err), 0);
	assert_true(wanted(&o, "TCP") && wanted(&o, "UDP") && wanted(&o, "TLSClientHello"));
	assert_false(wanted(&o, "IPv4"));
	assert_int_equal(parse("-r x -exclude TCP", &o, &err), 0);
	assert_true(wanted(&o, "UDP"));
	assert_false(wanted(&o, "TCP"));
	assert_int_equal(parse("-r x -include TCP,UDP -exclude UDP", &o, &err), 0);
	assert_true(wanted(&o, "TCP"));
	assert_false(wanted(&o, "UDP") || wanted(&o, "IPv4"));
	nc_buf_free(&err);
}

static void mistakes(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "", "nothing to do: name an input with -r or -iface (-h lists the options)" },
		{ "-utc", "nothing to do: name an input with -r or -iface (-h lists the options)" },
		{ "-tabel", "unknown option -tabel; did you mean -table?" },
		{ "--ifcae=lo", "unknown option -ifcae; did you mean -iface?" },
		{ "-qqqqqqqq", "unknown option -qqqqqqqq (-h lists all)" },
		{ "-a\tb", "unknown option -a\\x09b (-h lists all)" },
		{ "a.pcap", "unexpected argument \"a.pcap\": name an input with -r" },
		{ "-r x -comp false", "unexpected argument \"false\": write -comp=false" },
		{ "-r", "option -r needs a value: FILE" },
		{ "-r=", "option -r: the value is empty" },
		{ "-r x -comp=maybe", "option -comp: \"maybe\" is neither true nor false" },
		{ "-r x -comp=", "option -comp: \"\" is neither true nor false" },
		{ "-r x -workers 257", "option -workers: \"257\" is not a number from 0 to 256" },
		{ "-r x -workers -1", "option -workers: \"-1\" is not a number from 0 to 256" },
		{ "-r x -workers 4294967297", "option -workers: \"4294967297\" is not a number from 0 to 256" },
		{ "-r x -snaplen 63", "option -snaplen: \"63\" is not a number from 64 to 262144" },
		{ "-r x -snaplen 1G", "option -snaplen: \"1G\" is not a number from 64 to 262144" },
		{ "-r x -base ethernt", "option -base: unknown layer \"ethernt\"; did you mean ethernet?" },
		{ "-r x -include TCP,UPD", "option -include: unknown record type \"UPD\"; did you mean UDP?" },
		{ "-r x -include TCP,,UDP", "option -include: unknown record type \"\" (-encoders lists all)" },
		{ "-r x -exclude Qqqqqqqqqqqqqq",
		  "option -exclude: unknown record type \"Qqqqqqqqqqqqqq\" (-encoders lists all)" },
		{ "-r x -table -json", "options -table and -json exclude each other" },
		{ "-r x -tsv -sep ;", "options -tsv and -sep exclude each other" },
		{ "-r x -check -struc", "options -check and -struc exclude each other" },
		{ "-r x -iface lo", "options -r and -iface exclude each other" },
		{ "-r x -sep a\"b", "option -sep: a separator holds no quote or line break" },
	};
	struct nc_tool_options o;
	struct nc_buf err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line, &o, &err), -EINVAL);
		assert_string_equal(nc_buf_cstr(&err), cases[i].text);
	}
	nc_buf_free(&err);
}

static void long_words(void **state)
{
	struct nc_tool_options o;
	struct nc_buf err = { 0 };
	char line[400], list[400] = "-r x -include ";

	(void)state;
	memset(line, 'z', sizeof(line) - 1);
	line[0] = '-';
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(parse(line, &o, &err), -EINVAL);
	memset(list + strlen(list), 'z', 300);
	assert_int_equal(parse(list, &o, &err), -EINVAL);
	nc_buf_free(&err);
}

/* Every option of the list is there, and the help names each. */
static void help(void **state)
{
	static const char *const names[] = {
		"r", "iface", "out", "bpf", "include", "exclude", "encoders", "overview", "select", "fields", "header", "tsv",
		"sep", "table", "struc", "json", "csv", "utc", "ts2utc", "check", "begin", "end", "struct-sep", "workers",
		"buf", "comp",
		"payload", "promisc", "snaplen", "base", "ignore-unknown", "ignore-errors", "version", "h", "opts", "pbuf",
	};
	struct nc_buf out = { 0 };
	char line[64];

	(void)state;
	nc_tool_options_help(&out);
	const char *text = nc_buf_cstr(&out);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t k = 0;
		while (nc_tool_option_name(k) && strcmp(nc_tool_option_name(k), names[i]) != 0)
			k++;
		assert_non_null(nc_tool_option_name(k));
	}
	for (size_t k = 0; nc_tool_option_name(k); k++) {
		snprintf(line, sizeof(line), "\n  -%s ", nc_tool_option_name(k));
		assert_non_null(strstr(text, line));
	}
	nc_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),     cmocka_unit_test(types), cmocka_unit_test(mistakes),
		cmocka_unit_test(long_words), cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
