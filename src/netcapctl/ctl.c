/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcapctl as a function: its command line, and what it does. */
#include "config.h"

#include "netcapctl/ctl.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "netcapctl/ask.h"
#include "netcapctl/own.h"
#include "netcapctl/render.h"

#define DAEMONS   NC_CTL_DAEMONS
#define WORDS_MAX (DAEMONS * NC_CONTROL_COMMANDS_MAX + 16)

enum option_id {
	OPT_JSON,
	OPT_WATCH,
	OPT_ALL,
	OPT_TYPE,
	OPT_SENSOR,
	OPT_OPENMETRICS,
	OPT_SOCKET,
	OPT_NOW,
	OPT_FINISH,
	OPT_HELP,
	OPT_VERSION
};

static const struct option_row {
	const char *name;
	const char *argument;
	const char *help;
} options[] = {
	[OPT_JSON] = { "--json", NULL, "print the reply as JSON" },
	[OPT_WATCH] = { "--watch", NULL, "repeat every second until interrupted" },
	[OPT_ALL] = { "--all", NULL, "status: everything there is" },
	[OPT_TYPE] = { "--type", "TYPE", "tail: records of this type only, as CSV unless --json is given" },
	[OPT_SENSOR] = { "--sensor", "NAME", "tail: records of this sensor only" },
	[OPT_OPENMETRICS] = { "--openmetrics", NULL, "metrics: in the form of OpenMetrics" },
	[OPT_SOCKET] = { "--socket", "PATH", "ask the daemon that listens on PATH" },
	[OPT_NOW] = { "--now", NULL, "rotate-keys: the old key is not good any longer than it must be" },
	[OPT_FINISH] = { "--finish", NULL, "rotate-keys: end the old key" },
	[OPT_HELP] = { "--help", NULL, "print this" },
	[OPT_VERSION] = { "--version", NULL, "print the version of netcapctl" },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* The commands that netcapctl makes of what the daemons say. */
static const struct own_command {
	const char *name, *help;
	int (*run)(const struct nc_ctl *c, const struct nc_ctl_target targets[static DAEMONS]);
} own_commands[] = {
	{ "health", "for monitoring: 0 and one line when all is well, 1 and what is wrong when not", nc_ctl_run_health },
	{ "metrics", "all numbers of status for Prometheus", nc_ctl_run_metrics },
};

#define OWN_COMMANDS (sizeof(own_commands) / sizeof(own_commands[0]))

/* The commands of netcapctl itself, and all words of the daemons. Each word once; returns how many. */
static size_t command_words(const char *words[static WORDS_MAX])
{
	size_t n = 0;

	words[n++] = "help";
	for (size_t i = 0; i < OWN_COMMANDS; i++)
		words[n++] = own_commands[i].name;
	for (int d = 0; d < DAEMONS; d++) {
		const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)d);
		for (size_t i = 0; i < s->count; i++) {
			size_t k = 0;
			while (k < n && strcmp(words[k], s->commands[i].name) != 0)
				k++;
			if (k == n)
				words[n++] = s->commands[i].name;
		}
	}
	return n;
}

static const struct nc_control_command *find_command(int daemon, const char *name)
{
	const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)daemon);

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->commands[i].name, name) == 0)
			return &s->commands[i];
	return NULL;
}

static int find_daemon(const char *name)
{
	for (int d = 0; d < DAEMONS; d++)
		if (strcmp(nc_control_service((enum nc_control_daemon)d)->name, name) == 0)
			return d;
	return -1;
}

static int usage(const struct nc_ctl *c, const char *what, const char *word, const char *near)
{
	char shown[128];

	fprintf(c->err, "netcapctl: %s", what);
	if (word)
		fprintf(c->err, " \"%s\"", nc_text_escape(shown, sizeof(shown), word, strlen(word)));
	if (near)
		fprintf(c->err, " (did you mean \"%s\"?)", near);
	fputs(near ? "\n" : "; see netcapctl --help\n", c->err);
	return NC_CTL_USAGE;
}

static int unknown_option(const struct nc_ctl *c, const char *word)
{
	const char *names[OPTIONS];

	for (size_t i = 0; i < OPTIONS; i++)
		names[i] = options[i].name;
	return usage(c, "unknown option", word, nc_text_nearest(word, names, OPTIONS));
}

static int unknown_command(const struct nc_ctl *c, const char *word)
{
	const char *words[WORDS_MAX];
	size_t n = command_words(words);

	for (int d = 0; d < DAEMONS && c->daemon < 0; d++)
		words[n++] = nc_control_service((enum nc_control_daemon)d)->name;
	return usage(c, "unknown command", word, nc_text_nearest(word, words, n));
}

static int set_option(struct nc_ctl *c, enum option_id id, const char *argument)
{
	switch (id) {
	case OPT_JSON:
		c->json = true;
		break;
	case OPT_WATCH:
		c->watch = true;
		break;
	case OPT_ALL:
		c->all = true;
		break;
	case OPT_TYPE:
		c->type = argument;
		break;
	case OPT_SENSOR:
		c->sensor = argument;
		break;
	case OPT_OPENMETRICS:
		c->openmetrics = true;
		break;
	case OPT_SOCKET:
		c->socket = argument;
		break;
	case OPT_NOW:
	case OPT_FINISH:
		c->flag = options[id].name + 2;
		break;
	case OPT_HELP:
		c->help = true;
		break;
	case OPT_VERSION:
		c->version = true;
		break;
	}
	return NC_CTL_OK;
}

/* One option, with its argument behind "=" or in the next word. */
static int parse_option(struct nc_ctl *c, int argc, char *const *argv, int *at)
{
	const char *word = strcmp(argv[*at], "-h") == 0 ? "--help" : argv[*at];
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < OPTIONS; i++) {
		if (strlen(options[i].name) != len || memcmp(options[i].name, word, len) != 0)
			continue;
		const char *argument = word[len] ? word + len + 1 : NULL;
		if (!options[i].argument && argument)
			return usage(c, "option takes no argument:", options[i].name, NULL);
		if (options[i].argument && !argument && *at + 1 < argc)
			argument = argv[++*at];
		if (options[i].argument && (!argument || !*argument))
			return usage(c, "option needs an argument:", options[i].name, NULL);
		return set_option(c, (enum option_id)i, argument);
	}
	return unknown_option(c, word);
}

/* The n-th argument that the command of any daemon takes. */
static const char *takes_argument(const char *command, size_t n)
{
	for (int d = 0; d < DAEMONS; d++) {
		const struct nc_control_command *cmd = find_command(d, command);
		if (cmd && n < NC_CTL_ARGUMENTS && (n ? cmd->second : cmd->argument))
			return n ? cmd->second : cmd->argument;
	}
	return NULL;
}

static const struct own_command *find_own(const char *name)
{
	for (size_t i = 0; i < OWN_COMMANDS; i++)
		if (strcmp(own_commands[i].name, name) == 0)
			return &own_commands[i];
	return NULL;
}

static int parse_word(struct nc_ctl *c, const char *word)
{
	const char *words[WORDS_MAX];
	size_t n = command_words(words);

	if (c->command && takes_argument(c->command, c->argument_count)) {
		c->arguments[c->argument_count++] = word;
		return NC_CTL_OK;
	}
	if (c->command)
		return usage(c, "too many words:", word, NULL);
	if (c->daemon < 0 && find_daemon(word) >= 0) {
		c->daemon = find_daemon(word);
		return NC_CTL_OK;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], word) == 0) {
			c->command = words[i];
			return NC_CTL_OK;
		}
	}
	return unknown_command(c, word);
}

/* The second daemon word of "sensord collectord" is refused by parse_word as an unknown command. */
static int parse(struct nc_ctl *c, int argc, char *const *argv)
{
	bool words_only = false;

	for (int i = 1; i < argc; i++) {
		int rc;
		if (!words_only && strcmp(argv[i], "--") == 0) {
			words_only = true;
			continue;
		}
		if (!words_only && argv[i][0] == '-')
			rc = parse_option(c, argc, argv, &i);
		else
			rc = parse_word(c, argv[i]);
		if (rc)
			return rc;
	}
	return NC_CTL_OK;
}

static json_t *help_json(void)
{
	const char *words[WORDS_MAX];
	size_t n = command_words(words);
	json_t *commands = json_array(), *opts = json_array(), *names = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *daemons = json_array();
		for (int d = 0; d < DAEMONS; d++)
			if (find_command(d, words[i]))
				json_array_append_new(daemons, json_string(nc_control_service((enum nc_control_daemon)d)->name));
		json_array_append_new(commands, json_pack("{s:s, s:o}", "name", words[i], "daemons", daemons));
	}
	for (int d = 0; d < DAEMONS; d++)
		json_array_append_new(names, json_string(nc_control_service((enum nc_control_daemon)d)->name));
	for (size_t i = 0; i < OPTIONS; i++)
		json_array_append_new(opts, json_pack("{s:s, s:s?, s:s}", "name", options[i].name, "argument",
		                                      options[i].argument, "help", options[i].help));
	return json_pack("{s:o, s:o, s:o}", "daemons", names, "commands", commands, "options", opts);
}

void nc_ctl_print_json(const struct nc_ctl *c, json_t *v)
{
	json_dumpf(v, c->out, JSON_ENSURE_ASCII | (c->watch ? JSON_COMPACT : JSON_INDENT(2)));
	fputc('\n', c->out);
}

static int show_help(const struct nc_ctl *c)
{
	char left[48];

	if (c->json) {
		json_t *v = help_json();
		nc_ctl_print_json(c, v);
		json_decref(v);
		return NC_CTL_OK;
	}
	fputs("usage: netcapctl [OPTIONS] [sensord|collectord] COMMAND [ARGUMENTS]\n", c->out);
	for (int d = 0; d < DAEMONS; d++) {
		const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)d);
		fprintf(c->out, "\ncommands of %s:\n", s->name);
		for (size_t i = 0; i < s->count; i++) {
			const struct nc_control_command *cmd = &s->commands[i];
			snprintf(left, sizeof(left), "%s %s %s", cmd->name, cmd->argument ? cmd->argument : "",
			         cmd->second ? cmd->second : "");
			fprintf(c->out, "  %-18s %s%s\n", left, cmd->help, cmd->right == NC_CONTROL_ACT ? " (root)" : "");
		}
	}
	fputs("\ncommands of netcapctl itself:\n", c->out);
	for (size_t i = 0; i < OWN_COMMANDS; i++)
		fprintf(c->out, "  %-18s %s\n", own_commands[i].name, own_commands[i].help);
	fputs("\noptions:\n", c->out);
	for (size_t i = 0; i < OPTIONS; i++) {
		snprintf(left, sizeof(left), "%s %s", options[i].name, options[i].argument ? options[i].argument : "");
		fprintf(c->out, "  %-18s %s\n", left, options[i].help);
	}
	fputs("\nWithout the name of a daemon, commands that only look ask both; other commands go to the one that runs.\n"
	      "Exit status: 0 done, 1 failed, 2 not known, 3 not running, 4 permission denied.\n",
	      c->out);
	return NC_CTL_OK;
}

json_t *nc_ctl_unwrap(json_t *reply)
{
	json_t *status = json_object_get(reply, "status");

	return json_object_size(reply) == 1 && json_is_object(status) ? status : reply;
}

/* The only member, when it is a table. */
static json_t *only_table(json_t *reply)
{
	void *first = json_object_iter(reply);
	json_t *v = first ? json_object_iter_value(first) : NULL;

	return json_object_size(reply) == 1 && json_is_array(v) && (nc_render_is_table(v) || json_array_size(v) == 0) ? v : NULL;
}

static void print_config(struct nc_buf *text, json_t *reply)
{
	const char *restart = json_string_value(json_object_get(reply, "restart_needed"));
	char shown[4096];

	nc_buf_str(text, "# what is in effect of ");
	const char *file = json_string_value(json_object_get(reply, "file"));
	nc_buf_printf(text, "%s\n", nc_text_escape(shown, sizeof(shown), file ? file : "", file ? strlen(file) : 0));
	if (restart)
		nc_buf_printf(text, "# changed there, but takes a restart: %s\n",
		              nc_text_escape(shown, sizeof(shown), restart, strlen(restart)));
	const char *config = json_string_value(json_object_get(reply, "config"));
	nc_buf_str(text, config ? config : "");
}

static void print_people(const struct nc_ctl *c, int d, const char *heading, json_t *reply)
{
	struct nc_buf text = { 0 };
	json_t *table = only_table(reply);
	bool screen = strcmp(c->command, "status") == 0 && !c->all;

	if (screen) {
		nc_ctl_screen(&text, (enum nc_control_daemon)d, nc_ctl_unwrap(reply), c->history, nc_time_mono());
	} else if (strcmp(c->command, "config") == 0) {
		print_config(&text, reply);
	} else {
		if (heading)
			nc_buf_printf(&text, "%s:\n", heading);
		if (table && json_array_size(table))
			nc_render_table(&text, table, heading ? 1 : 0);
		else if (!table)
			nc_render_object(&text, nc_ctl_unwrap(reply), heading ? 1 : 0);
	}
	fwrite(text.data, 1, text.len, c->out);
	nc_buf_free(&text);
}

/* The parameters of a call into *ret; an exit code. */
static int parameters_of(const struct nc_ctl *c, const struct nc_control_command *cmd, json_t **ret)
{
	json_t *o = c->argument_count || c->flag ? json_object() : NULL;
	char hex[65];

	for (size_t i = 0; i < c->argument_count; i++) {
		const char *name = i ? cmd->second_parameter : cmd->parameter ? cmd->parameter : "name", *text = c->arguments[i];
		if (strcmp(name, "key") == 0) {
			if (!nc_ctl_key(hex, text)) {
				json_decref(o);
				return usage(c, "neither a public key nor a file with one:", text, NULL);
			}
			text = hex;
		}
		if (json_object_set_new(o, name, json_string(text)) < 0) {
			json_decref(o);
			return usage(c, "not UTF-8:", text, NULL);
		}
	}
	if (c->flag)
		json_object_set_new(o, c->flag, json_true());
	*ret = o;
	return NC_CTL_OK;
}

/* One command of one daemon. */
static int run_one(const struct nc_ctl *c, int d, const struct nc_ctl_target *t, const struct nc_control_command *cmd)
{
	json_t *reply = NULL, *parameters = NULL;

	if (cmd->stream)
		return nc_ctl_run_tail(c, t, cmd);
	int code = parameters_of(c, cmd, &parameters);
	if (code)
		return code;
	int rc = nc_ctl_ask(t, cmd, parameters, &reply);
	code = rc < 0 ? nc_ctl_explain(c->err, t, cmd, rc, reply) : NC_CTL_OK;
	if (reply && c->json)
		nc_ctl_print_json(c, reply);
	else if (rc == 0 && json_object_size(reply) > 0)
		print_people(c, d, NULL, reply);
	json_decref(reply);
	return code;
}

int nc_ctl_status(const struct nc_ctl *c, const struct nc_ctl_target *t, json_t **ret)
{
	const struct nc_control_command *cmd = &t->service->commands[0]; /* status */
	json_t *reply = NULL;
	int rc = nc_ctl_ask(t, cmd, NULL, &reply), code = NC_CTL_OK;

	if (rc == -ENOENT || rc == -ECONNREFUSED)
		code = NC_CTL_NOT_RUNNING;
	else if (rc < 0)
		code = nc_ctl_explain(c->err, t, cmd, rc, reply);
	else
		*ret = json_incref(nc_ctl_unwrap(reply));
	json_decref(reply);
	return code;
}

/* Not running is no failure as long as another one answers. */
static int worse(int a, int b)
{
	if (a == NC_CTL_OK || a == NC_CTL_NOT_RUNNING)
		return b == NC_CTL_NOT_RUNNING ? a : b;
	return a;
}

/* The same command of all daemons; prints those that run. */
static int run_all(const struct nc_ctl *c, const struct nc_ctl_target targets[static DAEMONS], json_t *json)
{
	int code = NC_CTL_NOT_RUNNING;
	unsigned missing = 0;

	for (int d = 0; d < DAEMONS; d++) {
		const struct nc_control_command *cmd = find_command(d, c->command);
		json_t *reply = NULL;
		int rc = nc_ctl_ask(&targets[d], cmd, NULL, &reply);
		if (rc == -ENOENT || rc == -ECONNREFUSED) {
			missing++;
			continue;
		}
		code = worse(code, rc < 0 ? nc_ctl_explain(c->err, &targets[d], cmd, rc, reply) : NC_CTL_OK);
		if (rc == 0 && c->json)
			json_object_set(json, targets[d].service->name, reply);
		else if (rc == 0)
			print_people(c, d, targets[d].service->name, reply);
		json_decref(reply);
	}
	return missing == DAEMONS ? NC_CTL_NOT_RUNNING : code;
}

int nc_ctl_nobody(const struct nc_ctl *c, const struct nc_ctl_target targets[static DAEMONS])
{
	fprintf(c->err, "netcapctl: neither %s nor %s is running\n", targets[0].service->product, targets[1].service->product);
	return NC_CTL_NOT_RUNNING;
}

static int ask_all(const struct nc_ctl *c, const struct nc_ctl_target targets[static DAEMONS])
{
	json_t *json = json_object();
	int code = run_all(c, targets, json);

	if (c->json && json_object_size(json) > 0)
		nc_ctl_print_json(c, json);
	json_decref(json);
	return code == NC_CTL_NOT_RUNNING ? nc_ctl_nobody(c, targets) : code;
}

/* A command that only looks, and that both have. */
static bool is_for_all(const struct nc_ctl *c)
{
	for (int d = 0; d < DAEMONS; d++) {
		const struct nc_control_command *cmd = find_command(d, c->command);
		if (!cmd || cmd->right != NC_CONTROL_LOOK)
			return false;
	}
	return c->argument_count == 0;
}

/* The version of netcapctl can always be told. */
static int all_versions(const struct nc_ctl *c, const struct nc_ctl_target targets[static DAEMONS])
{
	json_t *json = json_pack("{s:{s:s}}", "netcapctl", "version", PACKAGE_VERSION);

	if (!c->json)
		fprintf(c->out, "netcapctl:\n  version:  %s\n", PACKAGE_VERSION);
	int code = run_all(c, targets, json);
	if (c->json)
		nc_ctl_print_json(c, json);
	json_decref(json);
	return code == NC_CTL_NOT_RUNNING ? NC_CTL_OK : code;
}

/* Finds the daemon for a command that goes to one, into *ret; an exit code. */
static int choose(const struct nc_ctl *c, const struct nc_ctl_target targets[static DAEMONS], int *ret)
{
	int able = 0, running = 0;

	for (int d = 0; d < DAEMONS; d++) {
		const struct nc_control_command *cmd = find_command(d, c->command);
		if (!cmd || (c->argument_count && !cmd->argument))
			continue;
		able++;
		*ret = d;
	}
	if (able == 1)
		return NC_CTL_OK;
	for (int d = 0; d < DAEMONS; d++) {
		if (!nc_ctl_runs(&targets[d]))
			continue;
		running++;
		*ret = d;
	}
	if (running == 1)
		return NC_CTL_OK;
	if (running == 0)
		return nc_ctl_nobody(c, targets);
	fprintf(c->err, "netcapctl: both daemons run; say which: netcapctl %s %s, or netcapctl %s %s\n", targets[0].service->name,
	        c->command, targets[1].service->name, c->command);
	return NC_CTL_USAGE;
}

/* --socket without a daemon's name: the one that answers there says what it is. */
static int identify(struct nc_ctl *c)
{
	enum nc_control_daemon d = NC_CONTROL_SENSORD;
	struct nc_ctl_target t;
	int rc = nc_ctl_target(d, c->socket, &t);

	if (rc == 0)
		rc = nc_ctl_identify(c->socket, &d);
	if (rc == 0) {
		c->daemon = (int)d;
		return NC_CTL_OK;
	}
	if (rc == -ENAMETOOLONG)
		return nc_ctl_explain(c->err, &t, NULL, rc, NULL);
	/* Which daemon it would be is not known, so the messages name none. */
	static const struct nc_control_service any = { .product = "a netcap daemon", .interface = "org.varlink.service" };
	static const struct nc_control_command info = { .name = "access", .method = "GetInfo", .right = NC_CONTROL_LOOK };
	t.service = &any;
	return nc_ctl_explain(c->err, &t, &info, rc, NULL);
}

/* Flags are the boolean parameters that a command's signature names. */
static bool has_flag(const struct nc_control_command *cmd, const char *flag)
{
	char parameter[32];

	snprintf(parameter, sizeof(parameter), "%s: ?bool", flag);
	return cmd && strstr(cmd->signature, parameter);
}

/* Whether a daemon that the line may mean knows it. */
static bool takes_flag(const struct nc_ctl *c)
{
	bool takes = false;

	for (int d = 0; d < DAEMONS; d++)
		takes = takes || ((c->daemon < 0 || c->daemon == d) && has_flag(find_command(d, c->command), c->flag));
	return takes;
}

static int wrong_flag(const struct nc_ctl *c, const char *who)
{
	fprintf(c->err, "netcapctl: %s of %s takes no --%s\n", c->command, who, c->flag);
	return NC_CTL_USAGE;
}

static int run_once(const struct nc_ctl *c)
{
	struct nc_ctl_target targets[DAEMONS];
	int d = c->daemon;

	for (int i = 0; i < DAEMONS; i++) {
		int rc = nc_ctl_target((enum nc_control_daemon)i, c->daemon == i ? c->socket : NULL, &targets[i]);
		if (rc < 0 && (d < 0 || d == i))
			return nc_ctl_explain(c->err, &targets[i], NULL, rc, NULL);
	}
	if (find_own(c->command))
		return find_own(c->command)->run(c, targets);
	if (d < 0 && strcmp(c->command, "version") == 0)
		return all_versions(c, targets);
	if (d < 0 && is_for_all(c))
		return ask_all(c, targets);
	if (d < 0) {
		int code = choose(c, targets, &d);
		if (code)
			return code;
	}
	const struct nc_control_command *cmd = find_command(d, c->command);
	if (c->flag && !has_flag(cmd, c->flag))
		return wrong_flag(c, nc_control_service((enum nc_control_daemon)d)->name);
	return run_one(c, d, &targets[d], cmd);
}

/* Options that only one command has. */
static int check_options(const struct nc_ctl *c)
{
	const struct {
		bool given;
		const char *option, *command;
	} list[] = {
		{ c->all, "--all", "status" },
		{ c->type, "--type", "tail" },
		{ c->sensor, "--sensor", "tail" },
		{ c->openmetrics, "--openmetrics", "metrics" },
		{ c->watch && strcmp(c->command, "tail") == 0, "--watch", "status" },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i].given && strcmp(list[i].command, c->command) != 0)
			return usage(c, "not an option of this command:", list[i].option, NULL);
	return NC_CTL_OK;
}

static int check_command(const struct nc_ctl *c)
{
	const char *argument = takes_argument(c->command, c->argument_count);

	if (argument && *argument != '[') {
		fprintf(c->err, "netcapctl: %s needs an argument: %s\n", c->command, argument);
		return NC_CTL_USAGE;
	}
	if (c->daemon >= 0 && !find_command(c->daemon, c->command) && !find_own(c->command)) {
		const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)c->daemon);
		fprintf(c->err, "netcapctl: %s has no command \"%s\"\n", s->name, c->command);
		return NC_CTL_USAGE;
	}
	if (c->daemon >= 0 && c->argument_count && !find_own(c->command) && !find_command(c->daemon, c->command)->argument)
		return usage(c, "too many words:", c->arguments[0], NULL);
	int code = check_options(c);
	if (code)
		return code;
	if (c->flag && !takes_flag(c))
		return wrong_flag(c,
		                  c->daemon < 0 ? "either daemon" : nc_control_service((enum nc_control_daemon)c->daemon)->name);
	for (int d = 0; c->watch && d < DAEMONS; d++) {
		const struct nc_control_command *cmd = find_command(d, c->command);
		if (cmd && cmd->right != NC_CONTROL_LOOK)
			return usage(c, "--watch repeats commands that only look, not", c->command, NULL);
	}
	return NC_CTL_OK;
}

/* Ends when the first round fails, on a lack of permission, or when nobody reads the output; a daemon that is away for a
 * while is waited for. */
static int run_watch(struct nc_ctl *c)
{
	bool terminal = isatty(fileno(c->out)) == 1;

	c->history = nc_ctl_history_new();
	for (unsigned round = 0;; round++) {
		if (terminal && !c->json)
			fputs("\033[H\033[2J\033[3J", c->out);
		else if (round && !c->json)
			fputc('\n', c->out);
		int code = run_once(c);
		if (fflush(c->out) != 0 || ferror(c->out))
			code = NC_CTL_FAILED;
		else if (code && round && code != NC_CTL_DENIED && code != NC_CTL_USAGE)
			code = NC_CTL_OK;
		if (code) {
			nc_ctl_history_free(c->history);
			return code;
		}
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	}
}

static int run(struct nc_ctl *c)
{
	if (c->help || (c->command && strcmp(c->command, "help") == 0))
		return show_help(c);
	if (c->version) {
		fprintf(c->out, "netcapctl %s\n", PACKAGE_VERSION);
		return NC_CTL_OK;
	}
	if (!c->command)
		return usage(c, "which command?", NULL, NULL);
	int code = check_command(c);
	if (code == NC_CTL_OK && c->socket && c->daemon < 0) {
		code = identify(c);
		if (code == NC_CTL_OK)
			code = check_command(c);
	}
	if (code)
		return code;
	return c->watch ? run_watch(c) : run_once(c);
}

int nc_ctl_main(int argc, char *const *argv, FILE *out, FILE *err)
{
	struct nc_ctl c = { .out = out, .err = err, .daemon = -1 };
	int code = parse(&c, argc, argv);

	if (code == NC_CTL_OK)
		code = run(&c);
	if (fflush(out) != 0 || ferror(out)) {
		fprintf(err, "netcapctl: standard output: %s\n", strerror(errno));
		return NC_CTL_FAILED;
	}
	return code;
}
