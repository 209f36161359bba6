/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket: answers to messages, the command table, clients that behave and those that do not, rights. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/commands.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OWN      "org.netcap.Sensor."
#define SERVICE  "org.varlink.service."
#define NOBODY   65534

struct fixture {
	struct nc_loop *loop;
	struct nc_control_server *server;
	char folder[64];
	char path[100];
	int flushes;
	uint64_t token;
	bool more;
};

static const char *get_status(void *user, json_t *parameters, json_t **reply)
{
	struct fixture *f = user;

	(void)parameters;
	*reply = json_pack("{s:{s:i}}", "status", "flushes", f->flushes);
	return NULL;
}

static const char *echo(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	*reply = json_incref(parameters);
	return NULL;
}

static const char *flush(void *user, json_t *parameters, json_t **reply)
{
	struct fixture *f = user;

	(void)parameters;
	(void)reply;
	f->flushes++;
	return NULL;
}

static const char *refuse(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	*reply = json_pack("{s:s}", "reason", "the disk is full");
	return "NotPossible";
}

static const char *large(void *user, json_t *parameters, json_t **reply)
{
	static char text[100001];

	(void)user;
	(void)parameters;
	memset(text, 'x', sizeof(text) - 1);
	*reply = json_pack("{s:s}", "text", text);
	return NULL;
}

static const char *later(void *user, json_t *parameters, json_t **reply)
{
	struct fixture *f = user;

	(void)parameters;
	(void)reply;
	f->token = nc_control_defer(f->server);
	f->more = nc_control_wants_more(f->server);
	return NULL;
}

static const struct nc_control_command table[] = {
	{ .name = "status",
	  .method = "GetStatus",
	  .right = NC_CONTROL_LOOK,
	  .help = "how it goes",
	  .signature = "() -> (status: object)",
	  .fn = get_status },
	{ .name = "echo",
	  .method = "Echo",
	  .right = NC_CONTROL_LOOK,
	  .help = "say it again",
	  .signature = "(text: string, n:?int) -> (text: string)",
	  .fn = echo },
	{ .name = "flush",
	  .method = "Flush",
	  .right = NC_CONTROL_ACT,
	  .help = "write all",
	  .signature = "() -> ()",
	  .fn = flush },
	{ .name = "fail", .method = "Fail", .right = NC_CONTROL_LOOK, .help = "fail", .signature = "() -> ()", .fn = refuse },
	{ .name = "large",
	  .method = "Large",
	  .right = NC_CONTROL_LOOK,
	  .help = "much",
	  .signature = "() -> (text: string)",
	  .fn = large },
	{ .name = "later",
	  .method = "Later",
	  .right = NC_CONTROL_LOOK,
	  .help = "some day",
	  .signature = "() -> ()",
	  .fn = later },
	{ .name = "none", .method = "None", .right = NC_CONTROL_LOOK, .help = "nothing", .signature = "() -> ()", .fn = NULL },
};

static struct nc_control_info info = {
	.product = "test",
	.version = "1.2",
	.interface = "org.netcap.Sensor",
};

/* The answer as text; "fatal" or "none" where there is none. */
static void expect(enum nc_control_right right, const char *message, const char *answer)
{
	struct fixture f = { 0 };
	bool fatal = false;
	json_t *reply = nc_control_answer(&info, table, COUNT(table), &f, right, message, strlen(message), &fatal, NULL);
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : strdup(fatal ? "fatal" : "none");

	json_decref(reply);
	assert_string_equal(text, answer);
	free(text);
}

#define ERROR(name, key, value) "{\"error\":\"" SERVICE name "\",\"parameters\":{\"" key "\":\"" value "\"}}"

static void answers(void **state)
{
	(void)state;
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "GetStatus\"}", "{\"parameters\":{\"status\":{\"flushes\":0}}}");
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "GetStatus\",\"parameters\":null}",
	       "{\"parameters\":{\"status\":{\"flushes\":0}}}");
	expect(NC_CONTROL_LOOK, " {\"parameters\":{\"text\":\"\\u001b\"},\"method\":\"" OWN "Echo\",\"more\":true,\"x\":1}\n",
	       "{\"parameters\":{\"text\":\"\\u001B\"}}");
	expect(NC_CONTROL_ACT, "{\"method\":\"" OWN "Flush\"}", "{\"parameters\":{}}");
	expect(NC_CONTROL_ACT, "{\"method\":\"" OWN "Flush\",\"oneway\":true}", "none");
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Nope\",\"oneway\":true}", "none");
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Fail\"}",
	       "{\"error\":\"" OWN "NotPossible\",\"parameters\":{\"reason\":\"the disk is full\"}}");
}

static void refusals(void **state)
{
	(void)state;
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Flush\"}", "{\"error\":\"" SERVICE "PermissionDenied\",\"parameters\":{}}");
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Nope\"}", ERROR("MethodNotFound", "method", OWN "Nope"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "\"}", ERROR("MethodNotFound", "method", OWN));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "None\"}", ERROR("MethodNotImplemented", "method", OWN "None"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"org.other.GetStatus\"}", ERROR("InterfaceNotFound", "interface", "org.other"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"org.netcap.SensorX.Nope\"}",
	       ERROR("InterfaceNotFound", "interface", "org.netcap.SensorX"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"GetStatus\"}", ERROR("InterfaceNotFound", "interface", "GetStatus"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"\"}", ERROR("InterfaceNotFound", "interface", ""));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Echo\",\"parameters\":{\"ext\":1}}",
	       ERROR("InvalidParameter", "parameter", "ext"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Echo\",\"parameters\":{\"\":1}}",
	       ERROR("InvalidParameter", "parameter", ""));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "GetStatus\",\"parameters\":{\"status\":1}}",
	       ERROR("InvalidParameter", "parameter", "status"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Echo\",\"parameters\":[]}",
	       ERROR("InvalidParameter", "parameter", "parameters"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" OWN "Echo\",\"upgrade\":true}",
	       ERROR("InvalidParameter", "parameter", "upgrade"));
}

static void garbage(void **state)
{
	static const char *const messages[] = {
		"",
		"status",
		"[]",
		"null",
		"{}",
		"{\"method\":5}",
		"{\"method\":\"" OWN "GetStatus\"",
		"{\"method\":\"" OWN "GetStatus\"} x",
		"{\"method\":\"" OWN "GetStatus\",\"oneway\":1}",
		"{\"method\":\"" OWN "GetStatus\",\"more\":\"true\"}",
		"{\"method\":\"a\",\"method\":\"" OWN "GetStatus\"}",
		"{\"method\":\"\xff\"}",
		"{\"method\":\"\\u0000\"}",
	};
	char *deep = malloc(100001);

	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++)
		expect(NC_CONTROL_ACT, messages[i], "fatal");
	assert_non_null(deep);
	memset(deep, '[', 100000);
	deep[100000] = '\0';
	expect(NC_CONTROL_ACT, deep, "fatal");
	free(deep);
}

static json_t *parameters_of(const char *message)
{
	bool fatal;
	json_t *reply =
		nc_control_answer(&info, table, COUNT(table), NULL, NC_CONTROL_LOOK, message, strlen(message), &fatal, NULL);
	json_t *p = json_incref(json_object_get(reply, "parameters"));

	json_decref(reply);
	assert_non_null(p);
	return p;
}

static void introspection(void **state)
{
	json_t *p = parameters_of("{\"method\":\"" SERVICE "GetInfo\"}");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(p, "product")), "test");
	assert_string_equal(json_string_value(json_object_get(p, "version")), "1.2");
	assert_int_equal(json_array_size(json_object_get(p, "interfaces")), 2);
	json_decref(p);

	p = parameters_of("{\"method\":\"" SERVICE "GetInterfaceDescription\""
	                  ",\"parameters\":{\"interface\":\"org.netcap.Sensor\"}}");
	const char *text = json_string_value(json_object_get(p, "description"));
	assert_true(strncmp(text, "interface org.netcap.Sensor\n", 28) == 0);
	assert_non_null(strstr(text, "\nmethod GetStatus() -> (status: object)\n"));
	assert_non_null(strstr(text, "\nerror NotPossible (reason: ?string)\n"));
	json_decref(p);

	p = parameters_of("{\"method\":\"" SERVICE "GetInterfaceDescription\""
	                  ",\"parameters\":{\"interface\":\"org.varlink.service\"}}");
	text = json_string_value(json_object_get(p, "description"));
	assert_non_null(strstr(text, "\nmethod GetInterfaceDescription(interface: string) -> (description: string)\n"));
	json_decref(p);

	expect(NC_CONTROL_LOOK, "{\"method\":\"" SERVICE "GetInterfaceDescription\",\"parameters\":{\"interface\":\"x\"}}",
	       ERROR("InterfaceNotFound", "interface", "x"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" SERVICE "GetInterfaceDescription\"}",
	       ERROR("InvalidParameter", "parameter", "interface"));
	expect(NC_CONTROL_LOOK, "{\"method\":\"" SERVICE "Nope\"}", ERROR("MethodNotFound", "method", SERVICE "Nope"));
}

static void tables_of_the_daemons(void **state)
{
	static const char *const acting[] = { "authorize", "log-level", "flush", "reload", "revoke", "sensor-flush", "sensor-rotate",
		                              "rotate-keys" };
	struct nc_control_command out[NC_CONTROL_COMMANDS_MAX];
	struct nc_control_binding bindings[NC_CONTROL_COMMANDS_MAX + 1];

	(void)state;
	for (int d = NC_CONTROL_SENSORD; d <= NC_CONTROL_COLLECTORD; d++) {
		const struct nc_control_service *s = nc_control_service((enum nc_control_daemon)d);
		for (size_t i = 0; i < s->count; i++) {
			const struct nc_control_command *c = &s->commands[i];
			bool acts = false;
			for (size_t k = 0; k < COUNT(acting); k++)
				acts = acts || strcmp(c->name, acting[k]) == 0;
			assert_int_equal(c->right, acts ? NC_CONTROL_ACT : NC_CONTROL_LOOK);
			assert_non_null(strstr(c->signature, ") -> ("));
			assert_true(c->method && c->help && !c->fn);
			/* netcapctl sends its arguments as these */
			char first[64] = "()", second[64] = "";
			if (c->second)
				snprintf(second, sizeof(second), ", %s: string", c->second_parameter);
			if (c->argument)
				snprintf(first, sizeof(first), "(%s: %sstring%s)", c->parameter ? c->parameter : "name",
				         *c->argument == '[' ? "?" : "", second);
			if (strcmp(c->name, "rotate-keys") == 0)
				strcpy(first, d == NC_CONTROL_SENSORD ? "(now: ?bool)" : "(finish: ?bool)");
			if (!c->stream)
				assert_int_equal(strncmp(c->signature, first, strlen(first)), 0);
			bindings[i] = (struct nc_control_binding){ c->name, echo };
		}
		bindings[s->count] = (struct nc_control_binding){ "nope", echo };
		assert_int_equal(nc_control_bind((enum nc_control_daemon)d, bindings, s->count, out), s->count);
		assert_int_equal(nc_control_bind((enum nc_control_daemon)d, bindings, s->count + 1, out), -EINVAL);
		assert_int_equal(nc_control_bind((enum nc_control_daemon)d, bindings, s->count - 1, out), -EINVAL);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || nc_loop_new(&f->loop) < 0)
		return -1;
	strcpy(f->folder, "/tmp/test_control.XXXXXX");
	if (!mkdtemp(f->folder) || chmod(f->folder, 0755) < 0)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/s", f->folder);
	return nc_control_listen(f->loop, f->path, -1, &info, table, COUNT(table), f, &f->server);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nc_control_close(f->server);
	nc_loop_free(f->loop);
	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	assert_true(strlen(path) < sizeof(a.sun_path));
	strcpy(a.sun_path, path);
	return a;
}

static int dial(struct fixture *f)
{
	struct sockaddr_un a = address(f->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(nc_loop_once(f->loop, 0), 0);
}

/* What the server has sent so far; -1 when the connection ended or broke before any of it. */
static ssize_t take(struct fixture *f, int fd, char *buf, size_t size)
{
	turn(f);
	ssize_t n = recv(fd, buf, size, 0);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n == 0 ? -1 : n;
}

#define STATUS "{\"method\":\"" OWN "GetStatus\"}"
#define REPLY  "{\"parameters\":{\"status\":{\"flushes\":0}}}"

static void one_call_in_pieces(void **state)
{
	struct fixture *f = *state;
	char buf[256];
	int fd = dial(f);

	for (size_t i = 0; i < sizeof(STATUS); i++) {
		assert_int_equal(take(f, fd, buf, sizeof(buf)), 0);
		assert_int_equal(send(fd, &STATUS[i], 1, 0), 1);
	}
	assert_int_equal(take(f, fd, buf, sizeof(buf)), sizeof(REPLY));
	assert_memory_equal(buf, REPLY, sizeof(REPLY));
	close(fd);
	turn(f);
}

static void pipelined_calls(void **state)
{
	static const char calls[] = STATUS "\0" STATUS "\0{\"method\":\"" OWN "Flush\",\"oneway\":true}\0" STATUS "\0{\"meth";
	struct fixture *f = *state;
	char buf[512];
	int fd = dial(f);

	assert_int_equal(send(fd, calls, sizeof(calls) - 1, 0), sizeof(calls) - 1);
	ssize_t n = take(f, fd, buf, sizeof(buf));
	assert_int_equal(n, 3 * sizeof(REPLY));
	assert_memory_equal(buf, REPLY, sizeof(REPLY));
	assert_string_equal(buf + 2 * sizeof(REPLY), "{\"parameters\":{\"status\":{\"flushes\":1}}}");
	assert_int_equal(f->flushes, 1);
	close(fd);
}

/* What came behind the call waits for its answer, too. */
static void answers_that_come_later(void **state)
{
	static const char calls[] = "{\"method\":\"" OWN "Later\"}\0" STATUS;
	struct fixture *f = *state;
	char buf[512];
	int fd = dial(f);

	assert_int_equal(send(fd, calls, sizeof(calls), 0), sizeof(calls));
	while (f->token == 0)
		assert_int_equal(nc_loop_once(f->loop, 100), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(nc_loop_once(f->loop, 1), 0);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
	nc_control_complete(f->server, f->token + 1, NULL, json_object());
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
	nc_control_complete(f->server, f->token, "NotPossible", json_pack("{s:i}", "n", 7));
	ssize_t n = take(f, fd, buf, sizeof(buf));
	assert_string_equal(buf, "{\"error\":\"" OWN "NotPossible\",\"parameters\":{\"n\":7}}");
	assert_string_equal(buf + strlen(buf) + 1, "{\"parameters\":{\"status\":{\"flushes\":0}}}");
	assert_int_equal(n, strlen(buf) + 1 + sizeof(REPLY));
	/* nobody is left to hear of it */
	f->token = 0;
	assert_int_equal(send(fd, calls, sizeof(calls), 0), sizeof(calls));
	while (f->token == 0)
		assert_int_equal(nc_loop_once(f->loop, 100), 0);
	close(fd);
	for (int i = 0; i < 5; i++)
		assert_int_equal(nc_loop_once(f->loop, 1), 0);
	nc_control_complete(f->server, f->token, NULL, NULL);
}

static void call_later(struct fixture *f, int fd, const char *call)
{
	f->token = 0;
	assert_int_equal(send(fd, call, strlen(call) + 1, 0), strlen(call) + 1);
	while (f->token == 0)
		assert_int_equal(nc_loop_once(f->loop, 100), 0);
}

/* Several answers to one question; what the client does not read is not gathered without end. */
static void streams(void **state)
{
	static char text[100001], buf[1 << 20];
	struct fixture *f = *state;
	int fd = dial(f), rc = 0;
	size_t sent = 0, got = 0;

	call_later(f, fd, "{\"method\":\"" OWN "Later\",\"more\":true}");
	assert_true(f->more);
	assert_int_equal(nc_control_more(f->server, f->token, NULL), 0);
	assert_int_equal(nc_control_more(f->server, f->token, json_pack("{s:i}", "n", 1)), 0);
	assert_int_equal(nc_control_more(f->server, f->token, json_pack("{s:i}", "n", 2)), 0);
	take(f, fd, buf, sizeof(buf));
	assert_string_equal(buf, "{\"parameters\":{\"n\":1},\"continues\":true}");
	assert_string_equal(buf + strlen(buf) + 1, "{\"parameters\":{\"n\":2},\"continues\":true}");
	memset(text, 'x', sizeof(text) - 1);
	json_t *large_one = json_pack("{s:s}", "t", text);
	while (sent < 1000 && rc == 0) {
		rc = nc_control_more(f->server, f->token, json_incref(large_one));
		if (rc == 0)
			sent++;
		else
			json_decref(large_one);
	}
	assert_int_equal(rc, -EAGAIN);
	assert_in_range(sent, 40, 100);
	assert_int_equal(nc_control_more(f->server, f->token, NULL), -EAGAIN);
	/* what was taken is delivered */
	while (got < sent) {
		assert_int_equal(nc_loop_once(f->loop, 10), 0);
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++)
			got += buf[i] == '\0';
	}
	assert_int_equal(nc_control_more(f->server, f->token, NULL), 0);
	nc_control_complete(f->server, f->token, NULL, NULL);
	assert_int_equal(nc_control_more(f->server, f->token, json_incref(large_one)), -ENOENT);
	take(f, fd, buf, sizeof(buf));
	assert_string_equal(buf, "{\"parameters\":{}}");
	/* who did not ask for more gets one */
	call_later(f, fd, "{\"method\":\"" OWN "Later\"}");
	assert_false(f->more);
	assert_int_equal(nc_control_more(f->server, f->token, json_pack("{s:i}", "n", 3)), -ENOENT);
	take(f, fd, buf, sizeof(buf));
	assert_string_equal(buf, "{\"parameters\":{\"n\":3}}");
	/* and who goes away is forgotten */
	call_later(f, fd, "{\"method\":\"" OWN "Later\",\"more\":true}");
	close(fd);
	for (int i = 0; i < 5; i++)
		assert_int_equal(nc_loop_once(f->loop, 1), 0);
	assert_int_equal(nc_control_more(f->server, f->token, large_one), -ENOENT);
}

/* Far more replies than the buffers hold: the server stops reading until the client reads, and loses none. */
static void pipelining_beyond_the_buffers(void **state)
{
	static const char call[] = "{\"method\":\"" OWN "Large\"}";
	static char buf[1 << 20];
	const size_t calls = 400, each = sizeof("{\"parameters\":{\"text\":\"\"}}") + 100000;
	struct fixture *f = *state;
	size_t sent = 0, got = 0, total = calls * sizeof(call);
	char *out = malloc(total);
	int fd = dial(f);

	assert_non_null(out);
	for (size_t i = 0; i < calls; i++)
		memcpy(out + i * sizeof(call), call, sizeof(call));
	for (int round = 0; round < 100000 && got < calls * each; round++) {
		if (sent < total) {
			ssize_t n = send(fd, out + sent, total - sent, 0);
			sent += n > 0 ? (size_t)n : 0;
		} else if (round % 2 == 0) {
			shutdown(fd, SHUT_WR);
		}
		ssize_t n = take(f, fd, buf, sizeof(buf));
		assert_true(n >= 0);
		got += (size_t)n;
	}
	assert_int_equal(got, calls * each);
	assert_int_equal(take(f, fd, buf, sizeof(buf)), -1);
	close(fd);
	free(out);
}

static void garbage_closes(void **state)
{
	struct fixture *f = *state;
	char buf[256];
	int bad = dial(f), good = dial(f);

	assert_int_equal(send(bad, "hello", 6, 0), 6);
	assert_int_equal(take(f, bad, buf, sizeof(buf)), -1);
	assert_int_equal(send(good, STATUS, sizeof(STATUS), 0), sizeof(STATUS));
	assert_int_equal(take(f, good, buf, sizeof(buf)), sizeof(REPLY));
	close(bad);
	close(good);
}

static void oversize_closes(void **state)
{
	struct fixture *f = *state;
	static char zeros[4096];
	char buf[256];
	int fd = dial(f);
	size_t sent = 0;
	bool closed = false;

	memset(zeros, ' ', sizeof(zeros));
	for (int i = 0; i < 1000 && !closed; i++) {
		ssize_t n = send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		closed = take(f, fd, buf, sizeof(buf)) < 0;
	}
	assert_true(closed);
	assert_true(sent > NC_CONTROL_MESSAGE_MAX && sent < 2 * NC_CONTROL_MESSAGE_MAX);
	close(fd);
}

/* A message of the size allowed is answered, one byte more is not. */
static void largest_message(void **state)
{
	struct fixture *f = *state;
	char *message = malloc(NC_CONTROL_MESSAGE_MAX + 2);

	assert_non_null(message);
	for (size_t extra = 0; extra < 2; extra++) {
		size_t len = NC_CONTROL_MESSAGE_MAX + extra, sent = 0;
		char buf[256];
		ssize_t n = 0;
		int fd = dial(f);
		memset(message, ' ', len);
		memcpy(message, STATUS, sizeof(STATUS) - 1);
		message[len] = '\0';
		for (int i = 0; i < 1000 && n == 0; i++) {
			ssize_t k = sent <= len ? send(fd, message + sent, len + 1 - sent, MSG_NOSIGNAL) : 0;
			sent += k > 0 ? (size_t)k : 0;
			n = take(f, fd, buf, sizeof(buf));
		}
		assert_int_equal(n, extra ? -1 : (ssize_t)sizeof(REPLY));
		close(fd);
	}
	free(message);
}

/* More clients than allowed: whoever was silent longest is closed, and new ones are served. */
static void many_clients(void **state)
{
	struct fixture *f = *state;
	int fds[NC_CONTROL_CLIENTS_MAX + 1];
	char buf[256];

	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial(f);
		turn(f);
		if (i == 1) {
			assert_int_equal(send(fds[0], STATUS, sizeof(STATUS), 0), sizeof(STATUS));
			assert_int_equal(take(f, fds[0], buf, sizeof(buf)), sizeof(REPLY));
		}
	}
	for (size_t i = 0; i < COUNT(fds); i++) {
		send(fds[i], STATUS, sizeof(STATUS), MSG_NOSIGNAL);
		assert_int_equal(take(f, fds[i], buf, sizeof(buf)), i == 1 ? -1 : (ssize_t)sizeof(REPLY));
		close(fds[i]);
	}
}

static void second_server(void **state)
{
	struct fixture *f = *state;
	struct nc_control_server *other = NULL;
	struct stat st;

	assert_int_equal(nc_control_listen(f->loop, f->path, -1, &info, table, 1, f, &other), -EADDRINUSE);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	nc_control_close(f->server);
	f->server = NULL;
	assert_int_equal(stat(f->path, &st), -1);
}

static void stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	char path[110];

	snprintf(path, sizeof(path), "%s2", f->path);
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct nc_control_server *other = NULL;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(nc_control_listen(f->loop, path, -1, &info, table, 1, f, &other), 0);
	nc_control_close(other);

	/* What is no socket is left alone. */
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(nc_control_listen(f->loop, path, -1, &info, table, 1, f, &other), -EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(nc_control_listen(f->loop, "/nonexistent/s", -1, &info, table, 1, f, &other), -ENOENT);
}

/* Socket activation: the file is not ours to remove. */
static void inherited_socket(void **state)
{
	struct fixture *f = *state;
	char path[110], buf[256], saved[100];

	snprintf(path, sizeof(path), "%s2", f->path);
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct nc_control_server *other = NULL;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(nc_control_listen(f->loop, NULL, fd, &info, table, COUNT(table), f, &other), 0);
	strcpy(saved, f->path);
	strcpy(f->path, path);
	int client = dial(f);
	strcpy(f->path, saved);
	assert_int_equal(send(client, STATUS, sizeof(STATUS), 0), sizeof(STATUS));
	assert_int_equal(take(f, client, buf, sizeof(buf)), sizeof(REPLY));
	close(client);
	nc_control_close(other);
	assert_int_equal(unlink(path), 0);
}

struct question {
	const char *path;
	const char *method;
	uid_t uid;
	gid_t group;
};

/* Calls from a child, which is somebody else if asked; the child's exit code is the negative result. */
static pid_t ask(const struct question *q)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	json_t *reply = NULL;
	if (q->uid && (setgroups(q->group ? 1 : 0, &q->group) < 0 || setgid(NOBODY) < 0 || setuid(q->uid) < 0))
		_exit(255);
	int rc = nc_control_call(q->path, "org.netcap.Sensor", q->method, NULL, 5000, &reply);
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (rc == -EREMOTEIO && (!error || strcmp(error, OWN "NotPossible") != 0))
		_exit(254);
	if (rc == 0 && !json_is_object(reply))
		_exit(253);
	_exit(-rc);
}

static int result(struct fixture *f, const struct question *q)
{
	pid_t pid = ask(q);
	int status = 0;

	assert_true(pid > 0);
	for (int i = 0; i < 10000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		nc_loop_once(f->loop, 10);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void calls(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(result(f, &(struct question){ f->path, "GetStatus", 0, 0 }), 0);
	assert_int_equal(result(f, &(struct question){ f->path, "Large", 0, 0 }), 0);
	assert_int_equal(result(f, &(struct question){ f->path, "Flush", 0, 0 }), 0);
	assert_int_equal(f->flushes, 1);
	assert_int_equal(result(f, &(struct question){ f->path, "Fail", 0, 0 }), EREMOTEIO);
	assert_int_equal(result(f, &(struct question){ f->path, "Nope", 0, 0 }), ENOSYS);
	assert_int_equal(result(f, &(struct question){ f->path, "None", 0, 0 }), ENOSYS);
	assert_int_equal(result(f, &(struct question){ "/nonexistent/s", "GetStatus", 0, 0 }), ENOENT);
	assert_int_equal(result(f, &(struct question){ "/etc/passwd", "GetStatus", 0, 0 }), ECONNREFUSED);
}

static void rights(void **state)
{
	struct fixture *f = *state;
	char group[64] = "";

	if (geteuid() != 0)
		skip();
	for (struct group *g = getgrent(); g && !*group; g = getgrent())
		if (g->gr_gid != 0 && g->gr_gid != NOBODY && strlen(g->gr_name) < sizeof(group))
			strcpy(group, g->gr_name);
	endgrent();
	if (!*group)
		skip();
	gid_t gid = getgrnam(group)->gr_gid;
	nc_control_close(f->server);
	info.group = group;
	int rc = nc_control_listen(f->loop, f->path, -1, &info, table, COUNT(table), f, &f->server);
	info.group = NULL;
	assert_int_equal(rc, 0);

	assert_int_equal(result(f, &(struct question){ f->path, "GetStatus", NOBODY, gid }), 0);
	assert_int_equal(result(f, &(struct question){ f->path, "Flush", NOBODY, gid }), EPERM);
	assert_int_equal(result(f, &(struct question){ f->path, "GetStatus", NOBODY, 0 }), EACCES);
	/* Should the file's mode let strangers in, the server does not. */
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(result(f, &(struct question){ f->path, "GetStatus", NOBODY, 0 }), EPERM);
	assert_int_equal(result(f, &(struct question){ f->path, "Flush", NOBODY, 0 }), EPERM);
	assert_int_equal(f->flushes, 0);
}

/* A peer of nc_control_call that says `text` and ends, or says nothing. */
static int against(struct fixture *f, const char *text, size_t len, int timeout_ms)
{
	char path[110];
	json_t *reply = NULL;

	snprintf(path, sizeof(path), "%s3", f->path);
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char buf[256];
		int c = accept(fd, NULL, NULL);
		if (recv(c, buf, sizeof(buf), 0) < 0 || (text && send(c, text, len, 0) < 0))
			_exit(1);
		if (!text)
			(void)!recv(c, buf, sizeof(buf), 0);
		_exit(0);
	}
	close(fd);
	int rc = nc_control_call(path, "a.b", "C", NULL, timeout_ms, &reply);
	json_decref(reply);
	waitpid(pid, NULL, 0);
	unlink(path);
	return rc;
}

static void strange_servers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(against(f, "{\"parameters\":{}}", 18, 5000), 0);
	assert_int_equal(against(f, "{}", 3, 5000), 0);
	assert_int_equal(against(f, "{}", 2, 5000), -EPROTO);
	assert_int_equal(against(f, "", 0, 5000), -EPROTO);
	assert_int_equal(against(f, "", 1, 5000), -EPROTO);
	assert_int_equal(against(f, "[]", 3, 5000), -EPROTO);
	assert_int_equal(against(f, "{\"error\":5}", 12, 5000), -EPROTO);
	assert_int_equal(against(f, "{\"parameters\":[]}", 18, 5000), -EPROTO);
	assert_int_equal(against(f, "{\"error\":\"x.Y\"}", 16, 5000), -EREMOTEIO);
	assert_int_equal(against(f, "SSH-2.0-x\r\n", 12, 5000), -EPROTO);
	assert_int_equal(against(f, NULL, 0, 20), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(refusals),
		cmocka_unit_test(garbage),
		cmocka_unit_test(introspection),
		cmocka_unit_test(tables_of_the_daemons),
		cmocka_unit_test_setup_teardown(one_call_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(pipelined_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(streams, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_that_come_later, setup, teardown),
		cmocka_unit_test_setup_teardown(pipelining_beyond_the_buffers, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(oversize_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(largest_message, setup, teardown),
		cmocka_unit_test_setup_teardown(many_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(second_server, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_socket_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(inherited_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(calls, setup, teardown),
		cmocka_unit_test_setup_teardown(rights, setup, teardown),
		cmocka_unit_test_setup_teardown(strange_servers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
