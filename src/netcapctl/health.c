/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcapctl health and metrics: for monitoring. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "control/metrics.h"
#include "netcapctl/ctl.h"
#include "netcapctl/own.h"

static json_int_t at(json_t *o, const char *a, const char *b)
{
	json_t *v = json_object_get(o, a);

	return json_integer_value(b ? json_object_get(v, b) : v);
}

__attribute__((format(printf, 2, 3))) static void say(struct nc_buf *b, const char *fmt, ...)
{
	va_list ap;

	if (b->len)
		nc_buf_str(b, "; ");
	va_start(ap, fmt);
	nc_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

/* The escaped text of a member, "" when there is none. */
static const char *shown(char *out, size_t size, json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? nc_text_escape(out, size, s, strlen(s)) : "";
}

static json_int_t sum(json_t *o)
{
	const char *key;
	json_int_t n = 0;
	json_t *v;

	json_object_foreach(o, key, v) n += json_integer_value(v);
	return n;
}

static json_int_t dropped_packets(json_t *status)
{
	json_int_t n = 0;
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(status, "interfaces"), i, v) n += sum(json_object_get(v, "drops"));
	return n;
}

static void sensor_health(json_t *before, json_t *now, struct nc_buf *bad, struct nc_buf *good)
{
	json_t *interfaces = json_object_get(now, "interfaces"), *session = json_object_get(now, "session"), *v;
	char name[128], why[512];
	size_t i;

	json_array_foreach(interfaces, i, v) if (!json_is_true(json_object_get(v, "capturing")))
		say(bad, "sensor: %s is not captured on", shown(name, sizeof(name), v, "name"));
	if (session && !json_is_true(json_object_get(session, "connected")))
		say(bad, "sensor: not connected to the collector (%s)", shown(why, sizeof(why), now, "last_error"));
	json_int_t packets = dropped_packets(now) - dropped_packets(before);
	json_int_t records = sum(json_object_get(now, "records_dropped")) - sum(json_object_get(before, "records_dropped"));
	if (packets > 0)
		say(bad, "sensor: %" JSON_INTEGER_FORMAT " packets were dropped within a second", packets);
	if (records > 0)
		say(bad, "sensor: %" JSON_INTEGER_FORMAT " records were dropped within a second", records);
	size_t n = json_array_size(interfaces);
	say(good, "sensor captures on %zu interface%s%s", n, n == 1 ? "" : "s", session ? " and is connected" : "");
}

static void collector_health(json_t *before, json_t *now, struct nc_buf *bad, struct nc_buf *good)
{
	size_t i, connected = 0;
	char name[128], why[512];
	json_t *v;

	if (json_is_true(json_object_get(json_object_get(now, "store"), "failing")))
		say(bad, "collector: writing fails (%s)", shown(why, sizeof(why), now, "last_error"));
	json_array_foreach(json_object_get(now, "sensors"), i, v)
	{
		bool there = json_is_true(json_object_get(v, "connected"));
		connected += there;
		if (!there && json_is_true(json_object_get(v, "authorised")) && at(v, "sessions", NULL) > 0)
			say(bad, "collector: sensor %s is away", shown(name, sizeof(name), v, "name"));
	}
	json_int_t drops = at(now, "kernel_drops", NULL) - at(before, "kernel_drops", NULL);
	if (drops > 0)
		say(bad, "collector: %" JSON_INTEGER_FORMAT " datagrams were dropped within a second", drops);
	json_int_t lost = at(now, "store", "dropped_records") - at(before, "store", "dropped_records");
	if (lost > 0)
		say(bad, "collector: %" JSON_INTEGER_FORMAT " records were dropped within a second", lost);
	say(good, "collector writes, %zu sensors are connected", connected);
}

void nc_ctl_health(enum nc_control_daemon d, json_t *before, json_t *now, struct nc_buf *bad, struct nc_buf *good)
{
	if (d == NC_CONTROL_SENSORD)
		sensor_health(before, now, bad, good);
	else
		collector_health(before, now, bad, good);
}

static bool asked(const struct nc_ctl *c, int d)
{
	return c->daemon < 0 || c->daemon == d;
}

/* The status of each daemon that was asked for; the exit code is that of the worst, NC_CTL_NOT_RUNNING when none runs. */
static int all(const struct nc_ctl *c, const struct nc_ctl_target targets[static NC_CTL_DAEMONS],
               json_t *ret[static NC_CTL_DAEMONS])
{
	int code = NC_CTL_NOT_RUNNING;

	for (int d = 0; d < NC_CTL_DAEMONS; d++) {
		if (!asked(c, d))
			continue;
		int one = nc_ctl_status(c, &targets[d], &ret[d]);
		if (one != NC_CTL_NOT_RUNNING)
			code = code == NC_CTL_NOT_RUNNING || code == NC_CTL_OK ? one : code;
	}
	return code == NC_CTL_NOT_RUNNING ? nc_ctl_nobody(c, targets) : code;
}

static int verdict(const struct nc_ctl *c, struct nc_buf *bad, struct nc_buf *good)
{
	bool ok = bad->len == 0;

	if (c->json) {
		json_t *v = json_pack("{s:b, s:s}", "healthy", ok, "reason", nc_buf_cstr(ok ? good : bad));
		nc_ctl_print_json(c, v);
		json_decref(v);
	} else {
		fprintf(c->out, "%s: %s\n", ok ? "healthy" : "unhealthy", nc_buf_cstr(ok ? good : bad));
	}
	return ok ? NC_CTL_OK : NC_CTL_FAILED;
}

int nc_ctl_run_health(const struct nc_ctl *c, const struct nc_ctl_target targets[static NC_CTL_DAEMONS])
{
	json_t *before[NC_CTL_DAEMONS] = { NULL }, *now[NC_CTL_DAEMONS] = { NULL };
	struct nc_buf bad = { 0 }, good = { 0 };
	int code = all(c, targets, before);

	if (code == NC_CTL_OK) {
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		code = all(c, targets, now);
	}
	for (int d = 0; d < NC_CTL_DAEMONS && code == NC_CTL_OK; d++) {
		if (before[d] && now[d])
			nc_ctl_health((enum nc_control_daemon)d, before[d], now[d], &bad, &good);
		else if (before[d])
			say(&bad, "%s has just ended", targets[d].service->product);
	}
	if (code == NC_CTL_OK)
		code = verdict(c, &bad, &good);
	for (int d = 0; d < NC_CTL_DAEMONS; d++) {
		json_decref(before[d]);
		json_decref(now[d]);
	}
	nc_buf_free(&bad);
	nc_buf_free(&good);
	return code;
}

int nc_ctl_run_metrics(const struct nc_ctl *c, const struct nc_ctl_target targets[static NC_CTL_DAEMONS])
{
	enum nc_metrics_form form = c->openmetrics ? NC_METRICS_OPENMETRICS : NC_METRICS_PROMETHEUS;
	json_t *now[NC_CTL_DAEMONS] = { NULL };
	struct nc_buf text = { 0 };
	int code = all(c, targets, now);

	for (int d = 0; d < NC_CTL_DAEMONS; d++) {
		if (now[d] && !c->json)
			nc_metrics_write((enum nc_control_daemon)d, now[d], form, &text);
		else if (now[d])
			nc_ctl_print_json(c, now[d]);
		json_decref(now[d]);
	}
	if (code == NC_CTL_OK && !c->json)
		nc_metrics_end(form, &text);
	fwrite(text.data, 1, text.len, c->out);
	nc_buf_free(&text);
	return code;
}
