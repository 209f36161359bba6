/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcapctl: its command line and exit codes, what it prints for people and for programs. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/commands.h"
#include "netcapctl/ctl.h"
#include "netcapctl/own.h"
#include "netcapctl/render.h"

struct fixture {
	char folder[64];
	char path[2][100];
	pid_t daemon[2];
};

static const char *status(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	*reply = json_pack("{s:{s:s, s:i, s:[{s:s, s:i}]}}", "status", "version", "1", "uptime_seconds", 90, "interfaces", "name",
	                   "eth\x1b[2J", "packets", 5);
	return NULL;
}

static const char *nothing(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	(void)reply;
	return NULL;
}

static const char *impossible(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	*reply = json_pack("{s:s}", "reason", "no\nway");
	return "NotPossible";
}

static const char *version(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	*reply = json_pack("{s:s, s:s}", "product", "p", "version", "9");
	return NULL;
}

static const char *named(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	*reply = json_pack("{s:O}", "named", json_object_get(parameters, "name"));
	return NULL;
}

/* In a child: serves until killed; `ready` is closed when it listens. */
static void serve(enum nc_control_daemon d, const char *path, int ready)
{
	static const struct nc_control_binding own[] = {
		{ "status", status }, { "reload", impossible }, { "version", version }, { "revoke", named },
	};
	struct nc_control_binding bindings[NC_CONTROL_COMMANDS_MAX];
	const struct nc_control_service *s = nc_control_service(d);
	struct nc_control_info info = { .product = s->product, .version = "9", .interface = s->interface };
	struct nc_control_command table[NC_CONTROL_COMMANDS_MAX];
	struct nc_control_server *server;
	struct nc_loop *loop;

	for (size_t i = 0; i < s->count; i++) {
		bindings[i] = (struct nc_control_binding){ s->commands[i].name, nothing };
		for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
			if (strcmp(own[k].name, bindings[i].name) == 0)
				bindings[i].fn = own[k].fn;
	}
	int n = nc_control_bind(d, bindings, s->count, table);

	if (n < 0 || nc_loop_new(&loop) < 0 || nc_control_listen(loop, path, -1, &info, table, (size_t)n, NULL, &server) < 0)
		_exit(1);
	close(ready);
	_exit(nc_loop_run(loop));
}

static void start(struct fixture *f, enum nc_control_daemon d)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	f->daemon[d] = fork();
	if (f->daemon[d] == 0) {
		close(ready[0]);
		serve(d, f->path[d], ready[1]);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 0);
	close(ready[0]);
}

static int setup(void **state)
{
	char folder[] = "/tmp/test_ctl.XXXXXX";
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || !mkdtemp(folder))
		return -1;
	strcpy(f->folder, folder);
	for (int d = 0; d < 2; d++) {
		const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)d);
		snprintf(f->path[d], sizeof(f->path[d]), "%s/%s", folder, s->socket);
		setenv(s->env, f->path[d], 1);
	}
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int d = 0; d < 2; d++) {
		if (f->daemon[d] > 0) {
			kill(f->daemon[d], SIGKILL);
			waitpid(f->daemon[d], NULL, 0);
		}
		unlink(f->path[d]);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

struct run {
	char out[8192];
	char err[2048];
	int code;
};

/* Runs a command line, split at spaces. */
static const struct run *ctl(const char *line)
{
	static struct run r;
	char words[256], *argv[16] = { words };
	char name[] = "netcapctl";
	int argc = 0;

	memset(&r, 0, sizeof(r));
	assert_true(strlen(line) < sizeof(words));
	strcpy(words, line);
	argv[argc++] = name;
	for (char *save, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	FILE *out = fmemopen(r.out, sizeof(r.out), "w"), *err = fmemopen(r.err, sizeof(r.err), "w");
	assert_true(out && err);
	r.code = nc_ctl_main(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return &r;
}

static void usage(void **state)
{
	static const struct {
		const char *line, *err;
	} cases[] = {
		{ "", "netcapctl: which command?; see netcapctl --help\n" },
		{ "statu", "netcapctl: unknown command \"statu\" (did you mean \"status\"?)\n" },
		{ "sensor", "netcapctl: unknown command \"sensor\" (did you mean \"sensors\"?)\n" },
		{ "qqqqqqqqqqqq", "netcapctl: unknown command \"qqqqqqqqqqqq\"; see netcapctl --help\n" },
		{ "\x1b[2Jx", "netcapctl: unknown command \"\\x1b[2Jx\"; see netcapctl --help\n" },
		{ "sensord sensors", "netcapctl: sensord has no command \"sensors\"\n" },
		{ "sensord", "netcapctl: which command?; see netcapctl --help\n" },
		{ "status now", "netcapctl: too many words: \"now\"; see netcapctl --help\n" },
		{ "revoke", "netcapctl: revoke needs an argument: NAME\n" },
		{ "authorize one", "netcapctl: authorize needs an argument: KEY\n" },
		{ "authorize one two", "netcapctl: neither a public key nor a file with one: \"two\"; see netcapctl --help\n" },
		{ "status --type TCP", "netcapctl: not an option of this command: \"--type\"; see netcapctl --help\n" },
		{ "tail --watch", "netcapctl: not an option of this command: \"--watch\"; see netcapctl --help\n" },
		{ "status --now", "netcapctl: status of either daemon takes no --now\n" },
		{ "sensord rotate-keys --finish", "netcapctl: rotate-keys of sensord takes no --finish\n" },
		{ "revoke one two", "netcapctl: too many words: \"two\"; see netcapctl --help\n" },
		{ "sensord revoke one", "netcapctl: sensord has no command \"revoke\"\n" },
		{ "--jsn status", "netcapctl: unknown option \"--jsn\" (did you mean \"--json\"?)\n" },
		{ "--json=1 status", "netcapctl: option takes no argument: \"--json\"; see netcapctl --help\n" },
		{ "status --socket", "netcapctl: option needs an argument: \"--socket\"; see netcapctl --help\n" },
		{ "status --socket=", "netcapctl: option needs an argument: \"--socket\"; see netcapctl --help\n" },
		{ "--watch flush", "netcapctl: --watch repeats commands that only look, not \"flush\"; see netcapctl --help\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct run *r = ctl(cases[i].line);
		assert_string_equal(r->err, cases[i].err);
		assert_string_equal(r->out, "");
		assert_int_equal(r->code, NC_CTL_USAGE);
	}
}

static bool is_command(int d, const char *name)
{
	const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)d);

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->commands[i].name, name) == 0)
			return true;
	return false;
}

static void help(void **state)
{
	static const char *const lines[] = { "help", "--help", "-h", "sensord help", "status --help" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct run *r = ctl(lines[i]);
		assert_int_equal(r->code, NC_CTL_OK);
		assert_true(strncmp(r->out, "usage: netcapctl ", 17) == 0);
		assert_non_null(strstr(r->out, "\n  sensors "));
	}
	json_t *v = json_loads(ctl("--json help")->out, 0, NULL);
	size_t words = 3; /* help, health, metrics */
	for (int d = 0; d < 2; d++) {
		const struct nc_control_service *service = nc_control_service((enum nc_control_daemon)d);
		for (size_t i = 0; i < service->count; i++)
			words += d == 0 || !is_command(0, service->commands[i].name);
	}
	assert_int_equal(json_array_size(json_object_get(v, "commands")), words);
	assert_int_equal(json_array_size(json_object_get(v, "options")), 11);
	json_decref(v);
	assert_int_equal(ctl("--version")->code, NC_CTL_OK);
}

static void nobody_runs(void **state)
{
	struct fixture *f = *state;
	char line[200];

	assert_int_equal(ctl("status")->code, NC_CTL_NOT_RUNNING);
	assert_string_equal(ctl("status")->err, "netcapctl: neither netcap-sensord nor netcap-collectord is running\n");
	assert_int_equal(ctl("--json status")->code, NC_CTL_NOT_RUNNING);
	assert_string_equal(ctl("--json status")->out, "");
	assert_int_equal(ctl("flush")->code, NC_CTL_NOT_RUNNING);
	assert_int_equal(ctl("sensors")->code, NC_CTL_NOT_RUNNING);
	assert_int_equal(ctl("sensord status")->code, NC_CTL_NOT_RUNNING);
	assert_non_null(strstr(ctl("sensord status")->err, f->path[0]));
	assert_int_equal(ctl("--watch status")->code, NC_CTL_NOT_RUNNING);
	assert_int_equal(ctl("version")->code, NC_CTL_OK);
	snprintf(line, sizeof(line), "--socket %s/nope status", f->folder);
	assert_int_equal(ctl(line)->code, NC_CTL_NOT_RUNNING);
	memset(line, 'x', 190);
	memcpy(line, "status --socket ", 16);
	line[190] = '\0';
	assert_int_equal(ctl(line)->code, NC_CTL_FAILED);
}

static void one_runs(void **state)
{
	struct fixture *f = *state;
	char line[200];

	start(f, NC_CONTROL_SENSORD);
	const struct run *r = ctl("sensord status --all");
	assert_int_equal(r->code, NC_CTL_OK);
	assert_string_equal(r->out,
	                    "version:  1\nuptime:   1m 30s\ninterfaces:\n  name        packets\n  eth\\x1b[2J        5\n");
	r = ctl("status --all");
	assert_int_equal(r->code, NC_CTL_OK);
	assert_string_equal(r->err, "");
	assert_true(strncmp(r->out, "sensord:\n  version:  1\n", 23) == 0);
	r = ctl("status");
	assert_int_equal(r->code, NC_CTL_OK);
	assert_true(strncmp(r->out, "sensor : up 1m 30s, version 1, key -\n  collector   -, by datagrams\n", 40) == 0);
	assert_non_null(strstr(r->out, "  interface   eth\\x1b[2J (NOT CAPTURED ON): 5 packets, 0 B, dropped 0 (0 %), 0 errors, 0 unknown\n"));
	assert_null(strstr(r->out, "collectord"));
	snprintf(line, sizeof(line), "--socket=%s --json status", f->path[0]);
	json_t *v = json_loads(ctl(line)->out, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "status"), "uptime_seconds")), 90);
	json_decref(v);
	assert_int_equal(ctl("flush")->code, NC_CTL_OK);
	assert_int_equal(ctl("sensors")->code, NC_CTL_NOT_RUNNING);
	r = ctl("reload");
	assert_int_equal(r->code, NC_CTL_FAILED);
	assert_string_equal(r->err, "netcapctl: netcap-sensord: NotPossible: no\\x0away\n");
	/* A socket of the other daemon is told apart. */
	snprintf(line, sizeof(line), "--socket %s collectord status", f->path[0]);
	assert_int_equal(ctl(line)->code, NC_CTL_USAGE);
	snprintf(line, sizeof(line), "--socket %s sensors", f->path[0]);
	assert_int_equal(ctl(line)->code, NC_CTL_USAGE);
}

static void both_run(void **state)
{
	struct fixture *f = *state;

	start(f, NC_CONTROL_SENSORD);
	start(f, NC_CONTROL_COLLECTORD);
	const struct run *r = ctl("status");
	assert_int_equal(r->code, NC_CTL_OK);
	assert_non_null(strstr(r->out, "\ncollector: up 1m 30s"));
	assert_string_equal(ctl("revoke one")->out, "named:  one\n");
	json_t *v = json_loads(ctl("status --json")->out, 0, NULL);
	assert_non_null(json_object_get(json_object_get(v, "sensord"), "status"));
	assert_non_null(json_object_get(json_object_get(v, "collectord"), "status"));
	json_decref(v);
	v = json_loads(ctl("version --json")->out, 0, NULL);
	assert_int_equal(json_object_size(v), 3);
	json_decref(v);
	assert_int_equal(ctl("sensors")->code, NC_CTL_OK);
	r = ctl("flush");
	assert_int_equal(r->code, NC_CTL_USAGE);
	assert_string_equal(r->err,
	                    "netcapctl: both daemons run; say which: netcapctl sensord flush, or netcapctl collectord flush\n");
	assert_int_equal(ctl("collectord flush")->code, NC_CTL_OK);
}

/* One line per round, until nobody reads them any more. */
static void watch(void **state)
{
	struct fixture *f = *state;
	char *argv[] = { "netcapctl", "--json", "--watch", "sensord", "status" };
	int p[2], code;

	start(f, NC_CONTROL_SENSORD);
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		close(p[0]);
		FILE *out = fdopen(p[1], "w"), *err = fopen("/dev/null", "w");
		_exit(out && err ? nc_ctl_main(5, argv, out, err) : 99);
	}
	close(p[1]);
	FILE *in = fdopen(p[0], "r");
	char line[1024];
	for (int i = 0; i < 2; i++) {
		assert_non_null(fgets(line, sizeof(line), in));
		json_t *v = json_loads(line, 0, NULL);
		assert_non_null(json_object_get(v, "status"));
		json_decref(v);
	}
	fclose(in);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFEXITED(code));
	assert_int_equal(WEXITSTATUS(code), NC_CTL_FAILED);
}

static void render(const char *json, const char *expected)
{
	struct nc_buf out = { 0 };
	json_t *v = json_loads(json, 0, NULL);

	assert_non_null(v);
	nc_render_object(&out, v, 0);
	assert_string_equal(nc_buf_cstr(&out), expected);
	json_decref(v);
	nc_buf_free(&out);
}

static void rendering(void **state)
{
	(void)state;
	render("{}", "");
	render("{\"queue_bytes\":1572864,\"bytes_sent\":1023,\"bytes\":0,\"batches_sent\":7}",
	       "queue:         1.5 MiB\nbytes sent:    1023 B\nbytes:         0 B\nbatches sent:  7\n");
	render("{\"a_seconds\":0,\"b_seconds\":59,\"c_seconds\":3600,\"d_seconds\":100000,\"e_ns\":1500000,\"f_seconds\":1.5}",
	       "a:  0s\nb:  59s\nc:  1h 0m\nd:  1d 3h\ne:  1.5ms\nf:  1.5s\n");
	render("{\"last_seen\":0,\"x_seen\":1331904607,\"y_time\":1331904607000000000,\"z_seen\":\"now\"}",
	       "last seen:  never\nx seen:     2012-03-16T13:30:07Z\ny time:     2012-03-16T13:30:07Z\nz seen:     now\n");
	render("{\"a\":null,\"b\":true,\"c\":false,\"d\":\"\",\"e\":[],\"f\":{},\"g\":[1,\"x\"],\"h\":0.5}",
	       "a:  -\nb:  yes\nc:  no\nd:  -\ne:  -\nf:  -\ng:  1, x\nh:  0.5\n");
	render("{\"records\":{\"TCP\":5,\"UDP\":10},\"n\":1}", "records:\n  TCP:  5\n  UDP:  10\nn:  1\n");
	render("{\"t\":[{\"name\":\"a\",\"n\":1,\"drops\":{\"kernel\":0,\"crash\":2}},"
	       "{\"name\":\"\xc3\xa4\xc3\xb6\",\"n\":100,\"x\":\"y\"}]}",
	       "t:\n  name    n  drops    x\n  a       1  crash 2  -\n  \xc3\xa4\xc3\xb6    100  -        y\n");
	render("{\"drops\":[{\"d\":{\"kernel\":0}}]}", "drops:\n  d\n  0\n");
	render("{\"a\\u001bb\":\"x\\u001b]0;\\u0007\\n\"}", "a\\x1bb:  x\\x1b]0;\\x07\\x0a\n");
	render("{\"big_seconds\":9223372036854775807,\"neg_bytes\":-1}", "big:  9223372036854775807\nneg:  -1\n");
}

static void numbers_of_the_screen(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 999, "999" }, { 999.4, "999" }, { 1000, "1.00 k" }, { 12345, "12.3 k" }, { 999499, "999 k" },
		{ 1e6, "1.00 M" }, { 1e9, "1.00 G" }, { 9.2e18, "9.20 E" }, { 1e22, "10000 E" },
	};
	static const double bars[] = { 0, 1, 3.5, 7, -1 };
	struct nc_buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		nc_buf_reset(&out);
		nc_ctl_count(&out, cases[i].v);
		assert_string_equal(nc_buf_cstr(&out), cases[i].text);
	}
	nc_buf_reset(&out);
	nc_ctl_spark(&out, bars, 5, false);
	assert_string_equal(nc_buf_cstr(&out), "_.+@_");
	nc_buf_reset(&out);
	nc_ctl_spark(&out, bars, 4, true);
	assert_string_equal(nc_buf_cstr(&out), "\u2581\u2582\u2585\u2588");
	nc_buf_free(&out);
}

/* Rates come from two rounds, and what a daemon says that makes no sense breaks nothing. */
static void rates_of_the_screen(void **state)
{
	struct nc_ctl_history *h = nc_ctl_history_new();
	struct nc_buf out = { 0 };

	(void)state;
	assert_non_null(h);
	for (int round = 0; round < 3; round++) {
		json_t *v = json_pack("{s:s, s:[{s:s, s:b, s:i, s:i, s:{s:i}}]}", "name", "n", "interfaces", "name", "eth0", "capturing", 1,
		                      "packets", round * 2000, "bytes", round * 500, "drops", "kernel", round);
		nc_buf_reset(&out);
		nc_ctl_screen(&out, NC_CONTROL_SENSORD, v, h, (int64_t)round * 2000000000 + 1);
		json_decref(v);
		assert_int_equal(strstr(nc_buf_cstr(&out), "1.00 k packets/s, 2.00 kbit/s, 0 dropped/s  ") != NULL, round > 0);
	}
	static const char *const strange[] = { "{}", "{\"interfaces\":5,\"records\":[],\"workers\":{},\"session\":7,\"spool\":\"x\"}",
		                               "{\"interfaces\":[{},{\"name\":1,\"drops\":[]}],\"sensors\":[{}],\"types\":{\"a\":\"b\"}}" };
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		for (int d = 0; d < 2; d++) {
			json_t *v = json_loads(strange[i], 0, NULL);
			assert_non_null(v);
			nc_ctl_screen(&out, (enum nc_control_daemon)d, v, h, 1);
			json_decref(v);
		}
	}
	nc_ctl_history_free(h);
	nc_buf_free(&out);
}

static const char *verdict(enum nc_control_daemon d, const char *before, const char *now, bool *ok)
{
	static char text[512];
	struct nc_buf bad = { 0 }, good = { 0 };
	json_t *b = json_loads(before, 0, NULL), *n = json_loads(now, 0, NULL);

	assert_true(b && n);
	nc_ctl_health(d, b, n, &bad, &good);
	*ok = bad.len == 0;
	snprintf(text, sizeof(text), "%s", nc_buf_cstr(*ok ? &good : &bad));
	json_decref(b);
	json_decref(n);
	nc_buf_free(&bad);
	nc_buf_free(&good);
	return text;
}

static void health(void **state)
{
	bool ok;

	(void)state;
	verdict(NC_CONTROL_SENSORD, "{}", "{\"interfaces\":[{\"name\":\"e\",\"capturing\":true}],\"session\":{\"connected\":true}}", &ok);
	assert_true(ok);
	assert_string_equal(verdict(NC_CONTROL_SENSORD, "{}", "{\"interfaces\":[{\"name\":\"e\",\"capturing\":false}]}", &ok),
	                    "sensor: e is not captured on");
	assert_string_equal(verdict(NC_CONTROL_SENSORD, "{\"interfaces\":[{\"capturing\":true,\"drops\":{\"kernel\":5}}]}",
	                            "{\"interfaces\":[{\"capturing\":true,\"drops\":{\"kernel\":8}}]}", &ok),
	                    "sensor: 3 packets were dropped within a second");
	assert_string_equal(verdict(NC_CONTROL_SENSORD, "{}", "{\"session\":{\"connected\":false},\"last_error\":\"x\\n\"}", &ok),
	                    "sensor: not connected to the collector (x\\x0a)");
	assert_string_equal(verdict(NC_CONTROL_COLLECTORD, "{}", "{\"store\":{\"failing\":true},\"last_error\":\"full\"}", &ok),
	                    "collector: writing fails (full)");
	verdict(NC_CONTROL_COLLECTORD, "{\"store\":{\"dropped_records\":5}}", "{\"store\":{\"dropped_records\":5}}", &ok);
	assert_true(ok);
}

/* A peer that nests without end gets a short answer. */
static void rendering_of_nests(void **state)
{
	json_t *v = json_pack("{s:i}", "x", 1);
	struct nc_buf out = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		v = i % 2 ? json_pack("{s:[o]}", "a", v) : json_pack("{s:o}", "o", v);
	nc_render_object(&out, v, 0);
	assert_true(!out.failed && out.len < 1000);
	assert_non_null(strstr(nc_buf_cstr(&out), "..."));
	nc_buf_free(&out);
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage),
		cmocka_unit_test(help),
		cmocka_unit_test_setup_teardown(nobody_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(one_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(both_run, setup, teardown),
		cmocka_unit_test_setup_teardown(watch, setup, teardown),
		cmocka_unit_test(rendering),
		cmocka_unit_test(numbers_of_the_screen),
		cmocka_unit_test(rates_of_the_screen),
		cmocka_unit_test(health),
		cmocka_unit_test(rendering_of_nests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
