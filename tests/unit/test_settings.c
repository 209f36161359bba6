/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemons' tables of options: what is said of a change, for each of them. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "collectord/settings.h"
#include "sensord/settings.h"

/* Some value that is not the default, in the file's syntax. */
static void other_value(const struct nc_conf_option *o, const void *settings, struct nc_buf *out)
{
	const void *member = (const char *)settings + o->offset;

	switch (o->kind) {
	case NC_CONF_BOOL:
		nc_buf_str(out, *(const bool *)member ? "false" : "true");
		break;
	case NC_CONF_INT:
		nc_buf_printf(out, "%lldL", (long long)(*(const int64_t *)member == o->min ? o->min + 1 : o->min));
		break;
	case NC_CONF_SIZE:
		nc_buf_printf(out, "%lldL", (long long)(*(const uint64_t *)member == (uint64_t)o->min ? o->min + 1 : o->min));
		break;
	case NC_CONF_DURATION:
		nc_buf_str(out, "\"7s\"");
		break;
	case NC_CONF_ENUM:
		nc_buf_printf(out, "\"%s\"", o->words[*(const int *)member ? 0 : 1]);
		break;
	case NC_CONF_STRING:
		nc_buf_str(out, "\"udp\"");
		break;
	case NC_CONF_STRINGS:
		nc_buf_str(out, "[\"TCP\"]");
		break;
	}
}

/* Each option by itself: it is named when it takes a restart, and only then. */
static void each_option(const struct nc_conf_option *table, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		void *before = calloc(1, size), *after = calloc(1, size);
		struct nc_buf text = { 0 }, err = { 0 }, named = { .max = 4096 };
		const char *dot = strchr(table[i].key, '.');

		nc_conf_defaults(table, n, before);
		nc_conf_defaults(table, n, after);
		if (dot)
			nc_buf_printf(&text, "%.*s: { %s = ", (int)(dot - table[i].key), table[i].key, dot + 1);
		else
			nc_buf_printf(&text, "%s = ", table[i].key);
		other_value(&table[i], before, &text);
		nc_buf_str(&text, dot ? "; };\n" : ";\n");
		if (nc_conf_parse(table, n, after, "test", nc_buf_cstr(&text), &err) != 0)
			fail_msg("%s: %s", nc_buf_cstr(&text), nc_buf_cstr(&err));
		nc_conf_restart_needed(table, n, before, after, &named);
		assert_string_equal(nc_buf_cstr(&named), table[i].restart ? table[i].key : "");
		nc_conf_free(table, n, before);
		nc_conf_free(table, n, after);
		free(before);
		free(after);
		nc_buf_free(&text);
		nc_buf_free(&err);
		nc_buf_free(&named);
	}
}

static void restarts_are_named(void **state)
{
	(void)state;
	each_option(nc_sensor_options, nc_sensor_options_count, sizeof(struct nc_sensor_settings));
	each_option(nc_collector_options, nc_collector_options_count, sizeof(struct nc_collector_settings));
}

/* What can change while it runs. */
static void reloads(void **state)
{
	static const char *const sensor[] = { "bpf", "include", "exclude", "payloads", "flows.timeout", "flows.conn_timeout",
		                              "flows.active_timeout", "key_grace", "batch.interval", "queue.limit", "spool.limit",
		                              "ledger.interval", "keep.errors", "keep.unknown", "keep.limit", "log.level" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < nc_sensor_options_count; i++) {
		if (nc_sensor_options[i].restart)
			continue;
		bool listed = false;
		for (size_t k = 0; k < sizeof(sensor) / sizeof(sensor[0]); k++)
			listed = listed || strcmp(sensor[k], nc_sensor_options[i].key) == 0;
		if (!listed)
			fail_msg("%s", nc_sensor_options[i].key);
		n++;
	}
	assert_int_equal(n, sizeof(sensor) / sizeof(sensor[0]));
}

/* Where it is wrong is said with file and line. */
static void wrong_values(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "\nbpf = \"udp prot 5\";\n", "test:2: bpf: can't parse filter expression: syntax error" },
		{ "\n\ninclude = [\"TCP\", \"Ethernt\"];\n",
		  "test:3: include: unknown record type \"Ethernt\"; did you mean Ethernet" },
		{ "exclude = [\"A\\nB\"];\n", "test:1: exclude: unknown record type \"A\\x0aB\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct nc_sensor_settings s = { .name = NULL };
		struct nc_buf err = { 0 };
		nc_conf_defaults(nc_sensor_options, nc_sensor_options_count, &s);
		int rc = nc_conf_parse(nc_sensor_options, nc_sensor_options_count, &s, "test", wrong[i].text, &err);
		assert_int_equal(rc, -EINVAL);
		if (strncmp(nc_buf_cstr(&err), wrong[i].says, strlen(wrong[i].says)) != 0)
			fail_msg("%s instead of %s", nc_buf_cstr(&err), wrong[i].says);
		assert_string_equal(s.bpf, "");
		assert_int_equal(s.include.count, 0);
		nc_buf_free(&err);
		nc_sensor_settings_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restarts_are_named),
		cmocka_unit_test(reloads),
		cmocka_unit_test(wrong_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
