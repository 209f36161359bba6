/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines of the daemons: one table behind parsing and help, and what both do with their configuration. */
#include "config.h"

#include "conf/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/message.h"
#include "base/text.h"

static void wrong_option(const struct nc_cli *c, const char *word)
{
	const char *names[NC_CLI_OPTIONS_MAX];

	for (size_t i = 0; i < c->n; i++)
		names[i] = c->options[i].name;
	const char *near = nc_text_nearest(word + strspn(word, "-"), names, c->n);
	fprintf(stderr, "%s: %s: no such option%s%s%s\n", c->program, word, near ? "; did you mean --" : "", near ? near : "",
	        near ? "?" : "");
}

int nc_cli_next(const struct nc_cli *c, int argc, char **argv, const char **arg)
{
	struct option table[NC_CLI_OPTIONS_MAX + 1] = { { .name = NULL } };

	for (size_t i = 0; i < c->n && i < NC_CLI_OPTIONS_MAX; i++)
		table[i] = (struct option){ .name = c->options[i].name,
			                    .has_arg = c->options[i].has_arg,
			                    .val = c->options[i].code };
	opterr = 0;
	/* the word that getopt is at; optind stays there until the last letter of it */
	int at = optind;
	while (at < argc && argv[at][0] != '-')
		at++;
	int code = getopt_long(argc, argv, c->letters, table, NULL);
	*arg = optarg;
	if (code == -1)
		return 0;
	if (code == '?')
		wrong_option(c, argv[at < argc ? at : optind - 1]);
	else if (code == ':')
		fprintf(stderr, "%s: %s: its argument is missing\n", c->program, argv[optind - 1]);
	else
		return code;
	return -1;
}

int nc_cli_help(const struct nc_cli *c)
{
	printf("usage: %s [options]\n%s\n\n", c->program, c->purpose);
	for (size_t i = 0; i < c->n; i++) {
		const struct nc_cli_option *o = &c->options[i];
		bool optional = o->has_arg == optional_argument;
		char left[64];
		snprintf(left, sizeof(left), "--%s%s%s%s", o->name, o->arg ? (optional ? " [" : " ") : "", o->arg ? o->arg : "",
		         optional ? "]" : "");
		printf("  %-22s %s\n", left, o->help);
	}
	return 0;
}

static int read_settings(const struct nc_cli *c, const struct nc_cli_settings *s, const char *path)
{
	struct nc_buf err = { 0 };
	int rc = s->read(s->settings, path, &err);

	const char *why = err.len ? nc_buf_cstr(&err) : strerror(-rc);
	if (rc < 0 && nc_log_is_journal())
		nc_say(NC_SAY_CONFIG_WRONG, NULL, "%s", why);
	else if (rc < 0)
		fprintf(stderr, "%s: %s\n", c->program, why);
	nc_buf_free(&err);
	return rc;
}

int nc_cli_check_config(const struct nc_cli *c, const struct nc_cli_settings *s, const char *path)
{
	if (read_settings(c, s, path) < 0)
		return 2;
	/* of a unit's ExecStartPre= nobody wants to read it at each start */
	if (!nc_log_is_journal())
		printf("%s: fine\n", path);
	s->free(s->settings);
	return 0;
}

int nc_cli_dump_config(const struct nc_cli *c, const struct nc_cli_settings *s, const char *path)
{
	struct nc_buf out = { 0 };

	if (read_settings(c, s, path) < 0)
		return 2;
	nc_conf_dump(s->table, s->n, s->settings, true, &out);
	fwrite(out.data, 1, out.len, stdout);
	nc_buf_free(&out);
	s->free(s->settings);
	return 0;
}
