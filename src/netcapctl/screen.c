/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The status of the daemons on one screen: units, rates and a line of bars for packets per second. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "netcapctl/own.h"
#include "netcapctl/render.h"

#define BARS       40u
#define INTERFACES 32u
#define TOP_TYPES  6u
#define NAME_LEN   32

struct series {
	char name[NAME_LEN];
	double values[BARS];
	size_t n;
};

struct nc_ctl_history {
	json_t *last[NC_CTL_DAEMONS];
	int64_t when[NC_CTL_DAEMONS];
	struct series series[INTERFACES];
	size_t count;
};

struct nc_ctl_history *nc_ctl_history_new(void)
{
	return calloc(1, sizeof(struct nc_ctl_history));
}

void nc_ctl_history_free(struct nc_ctl_history *h)
{
	if (!h)
		return;
	for (int d = 0; d < NC_CTL_DAEMONS; d++)
		json_decref(h->last[d]);
	free(h);
}

/* --- numbers --------------------------------------------------------------------------------------------------------- */

void nc_ctl_count(struct nc_buf *out, double v)
{
	static const char *const names[] = { "", " k", " M", " G", " T", " P", " E" };
	size_t i = 0;

	for (; v >= 999.5 && i + 1 < sizeof(names) / sizeof(names[0]); i++)
		v /= 1000;
	nc_buf_printf(out, i && v < 9.995 ? "%.2f%s" : i && v < 99.95 ? "%.1f%s" : "%.0f%s", v, names[i]);
}

void nc_ctl_spark(struct nc_buf *out, const double *v, size_t n, bool utf8)
{
	static const char *const bars[] = { "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char plain[] = "_.-=+*%@";
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = v[i] > most ? v[i] : most;
	for (size_t i = 0; i < n; i++) {
		int level = most > 0 && v[i] > 0 ? (int)(v[i] / most * 7 + 0.5) : 0;
		if (utf8)
			nc_buf_str(out, bars[level]);
		else
			nc_buf_u8(out, (uint8_t)plain[level]);
	}
}

static bool terminal_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

static json_int_t get(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static json_int_t sum(json_t *o)
{
	const char *key;
	json_int_t n = 0;
	json_t *v;

	json_object_foreach(o, key, v) n += json_integer_value(v);
	return n;
}

/* Text of a peer or of a file, escaped; "-" when there is none. */
static void text(struct nc_buf *out, json_t *v)
{
	const char *s = json_string_value(v);
	char shown[512];

	nc_buf_str(out, s && *s ? nc_text_escape(shown, sizeof(shown), s, strlen(s)) : "-");
}

static void list(struct nc_buf *out, json_t *a)
{
	size_t i;
	json_t *v;

	json_array_foreach(a, i, v)
	{
		nc_buf_str(out, i ? ", " : "");
		text(out, v);
	}
	if (json_array_size(a) == 0)
		nc_buf_u8(out, '-');
}

static void label(struct nc_buf *out, const char *name)
{
	nc_buf_printf(out, "  %-11s ", name);
}

/* "5 batch, 1 type": what is not zero. */
static void parts(struct nc_buf *out, json_t *o)
{
	const char *key;
	json_t *v;
	bool any = false;

	json_object_foreach(o, key, v)
	{
		char shown[128];
		if (json_integer_value(v) == 0)
			continue;
		nc_buf_str(out, any ? ", " : "");
		nc_ctl_count(out, (double)json_integer_value(v));
		nc_buf_printf(out, " %s", nc_text_escape(shown, sizeof(shown), key, strlen(key)));
		any = true;
	}
}

/* "1.20 M: Ethernet 400 k, IPv4 390 k, 12 more types" */
static void types(struct nc_buf *out, json_t *o)
{
	bool used[256] = { false };
	size_t shown = 0;

	nc_ctl_count(out, (double)sum(o));
	for (; shown < TOP_TYPES && shown < json_object_size(o); shown++) {
		const char *key, *best = NULL;
		json_int_t most = -1;
		size_t i = 0, at = 0;
		json_t *v;
		json_object_foreach(o, key, v)
		{
			if (i < sizeof(used) && !used[i] && json_integer_value(v) > most) {
				most = json_integer_value(v);
				best = key;
				at = i;
			}
			i++;
		}
		if (!best)
			break;
		used[at] = true;
		char name[64];
		nc_buf_printf(out, "%s%s ", shown ? ", " : ": ", nc_text_escape(name, sizeof(name), best, strlen(best)));
		nc_ctl_count(out, (double)most);
	}
	if (json_object_size(o) > shown)
		nc_buf_printf(out, ", %zu more types", json_object_size(o) - shown);
	nc_buf_u8(out, '\n');
}

/* --- rates ----------------------------------------------------------------------------------------------------------- */

/* Per second since the last round; negative: not known. */
static double rate(json_int_t before, json_int_t now, double seconds)
{
	return seconds <= 0 || now < before ? -1 : (double)(now - before) / seconds;
}

static json_t *find(json_t *array, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v)
	{
		const char *s = json_string_value(json_object_get(v, "name"));
		if (s && name && strcmp(s, name) == 0)
			return v;
	}
	return NULL;
}

static struct series *series_of(struct nc_ctl_history *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (strncmp(h->series[i].name, name, NAME_LEN - 1) == 0)
			return &h->series[i];
	if (h->count == INTERFACES)
		return NULL;
	snprintf(h->series[h->count].name, NAME_LEN, "%s", name);
	return &h->series[h->count++];
}

static void push(struct series *s, double v)
{
	if (s->n == BARS)
		memmove(s->values, s->values + 1, (--s->n) * sizeof(s->values[0]));
	s->values[s->n++] = v;
}

static void interface_rates(struct nc_buf *out, struct nc_ctl_history *h, json_t *i, json_t *before, double seconds)
{
	const char *name = json_string_value(json_object_get(i, "name"));
	struct series *s = name ? series_of(h, name) : NULL;
	double packets = before ? rate(get(before, "packets"), get(i, "packets"), seconds) : -1;
	double bytes = before ? rate(get(before, "bytes"), get(i, "bytes"), seconds) : -1;
	double dropped = before ? rate(sum(json_object_get(before, "drops")), sum(json_object_get(i, "drops")), seconds) : -1;

	if (!s || packets < 0)
		return;
	push(s, packets);
	nc_buf_printf(out, "  %-11s ", "");
	nc_ctl_count(out, packets);
	nc_buf_str(out, " packets/s, ");
	nc_ctl_count(out, bytes * 8);
	nc_buf_str(out, bytes * 8 < 999.5 ? " bit/s, " : "bit/s, ");
	nc_ctl_count(out, dropped);
	nc_buf_str(out, " dropped/s  ");
	nc_ctl_spark(out, s->values, s->n, terminal_is_utf8());
	nc_buf_u8(out, '\n');
}

/* --- the sensor ------------------------------------------------------------------------------------------------------- */

static void interface_line(struct nc_buf *out, json_t *i)
{
	json_t *drops = json_object_get(i, "drops");
	double dropped = (double)sum(drops), packets = (double)get(i, "packets");

	label(out, "interface");
	text(out, json_object_get(i, "name"));
	nc_buf_str(out, json_is_true(json_object_get(i, "capturing")) ? ": " : " (NOT CAPTURED ON): ");
	nc_ctl_count(out, packets);
	nc_buf_str(out, " packets, ");
	nc_render_bytes(out, get(i, "bytes"));
	nc_buf_str(out, ", dropped ");
	nc_ctl_count(out, dropped);
	nc_buf_printf(out, " (%.2g %%)", packets + dropped > 0 ? 100 * dropped / (packets + dropped) : 0.0);
	if (dropped > 0) {
		nc_buf_str(out, ": ");
		parts(out, drops);
	}
	nc_buf_str(out, ", ");
	nc_ctl_count(out, (double)get(i, "errors"));
	nc_buf_str(out, " errors, ");
	nc_ctl_count(out, (double)get(i, "unknown"));
	nc_buf_str(out, " unknown\n");
}

static void connection(struct nc_buf *out, json_t *status)
{
	json_t *session = json_object_get(status, "session");

	label(out, "collector");
	if (json_is_true(json_object_get(session, "connected"))) {
		text(out, json_object_get(session, "address"));
		nc_buf_str(out, ", connected for ");
		nc_render_duration(out, get(session, "seconds") * NC_NS_PER_S);
	} else {
		list(out, json_object_get(status, "collector"));
		nc_buf_str(out, session ? ", NOT CONNECTED" : ", by datagrams");
	}
	nc_buf_u8(out, '\n');
}

static void shipping(struct nc_buf *out, json_t *status)
{
	json_t *spool = json_object_get(status, "spool"), *dropped = json_object_get(status, "records_dropped");

	label(out, "sent");
	nc_ctl_count(out, (double)get(status, "records_sent"));
	nc_buf_str(out, " records, ");
	nc_render_bytes(out, get(status, "bytes_sent"));
	nc_buf_str(out, "; acknowledged ");
	nc_ctl_count(out, (double)get(status, "records_acknowledged"));
	nc_buf_str(out, "; waiting ");
	nc_ctl_count(out, (double)get(status, "records_waiting"));
	nc_buf_str(out, ", memory ");
	nc_render_bytes(out, get(status, "queue_bytes"));
	if (json_is_object(spool)) {
		nc_buf_str(out, ", spool ");
		nc_render_bytes(out, get(spool, "bytes"));
	}
	nc_buf_u8(out, '\n');
	if (sum(dropped) == 0)
		return;
	label(out, "LOST");
	nc_ctl_count(out, (double)sum(dropped));
	nc_buf_str(out, " records: ");
	parts(out, dropped);
	nc_buf_u8(out, '\n');
}

static void workers(struct nc_buf *out, json_t *a)
{
	json_int_t restarts = 0;
	size_t i;
	json_t *v;

	json_array_foreach(a, i, v) restarts += get(v, "restarts");
	label(out, "workers");
	nc_buf_printf(out, "%zu, started again %" JSON_INTEGER_FORMAT " times\n", json_array_size(a), restarts);
}

static void sensor_screen(struct nc_buf *out, json_t *status, json_t *before, struct nc_ctl_history *h, double seconds)
{
	size_t i;
	json_t *v;

	connection(out, status);
	json_array_foreach(json_object_get(status, "interfaces"), i, v)
	{
		interface_line(out, v);
		if (before)
			interface_rates(
				out, h, v,
				find(json_object_get(before, "interfaces"), json_string_value(json_object_get(v, "name"))),
				seconds);
	}
	label(out, "records");
	types(out, json_object_get(status, "records"));
	shipping(out, status);
	workers(out, json_object_get(status, "workers"));
}

/* --- the collector ---------------------------------------------------------------------------------------------------- */

static void state_of(struct nc_buf *out, json_t *s)
{
	if (json_is_true(json_object_get(s, "revoked")))
		nc_buf_str(out, "revoked");
	else if (json_is_true(json_object_get(s, "connected")))
		nc_buf_str(out, "connected");
	else if (get(s, "batches") > 0)
		nc_buf_str(out, "datagrams");
	else
		nc_buf_str(out, get(s, "sessions") > 0 ? "away" : "never seen");
}

static json_t *sensor_row(json_t *s)
{
	struct nc_buf state = { 0 }, records = { 0 };

	state_of(&state, s);
	nc_ctl_count(&records, (double)get(s, "records"));
	json_t *row = json_pack("{s:O?, s:s, s:s, s:I, s:I, s:O?, s:O?}", "sensor", json_object_get(s, "name"), "state",
	                        nc_buf_cstr(&state), "records", nc_buf_cstr(&records), "bytes", get(s, "bytes"), "lost",
	                        get(s, "lost_records"), "address", json_object_get(s, "address"), "last_seen",
	                        json_object_get(s, "last_seen"));
	nc_buf_free(&state);
	nc_buf_free(&records);
	return row;
}

static void sensor_table(struct nc_buf *out, json_t *sensors)
{
	json_t *rows = json_array();
	size_t i;
	json_t *v;

	json_array_foreach(sensors, i, v) json_array_append_new(rows, sensor_row(v));
	if (json_array_size(rows))
		nc_render_table(out, rows, 1);
	json_decref(rows);
}

static void storing(struct nc_buf *out, json_t *status, json_t *before, double seconds)
{
	json_t *store = json_object_get(status, "store");

	label(out, "written");
	nc_ctl_count(out, (double)get(store, "written_records"));
	nc_buf_str(out, " records, ");
	nc_render_bytes(out, get(store, "written_bytes"));
	double r = before ? rate(get(json_object_get(before, "store"), "written_records"), get(store, "written_records"), seconds)
	                  : -1;
	if (r >= 0) {
		nc_buf_str(out, ", ");
		nc_ctl_count(out, r);
		nc_buf_str(out, " records/s");
	}
	nc_buf_printf(out, "; files finished %" JSON_INTEGER_FORMAT ", expired %" JSON_INTEGER_FORMAT "%s\n",
	              get(store, "rotated_files"), get(store, "expired_files"),
	              json_is_true(json_object_get(store, "failing")) ? "; WRITING FAILS" : "");
	if (get(store, "dropped_records") == 0)
		return;
	label(out, "LOST");
	nc_ctl_count(out, (double)get(store, "dropped_records"));
	nc_buf_str(out, " records that could not be written\n");
}

static void collector_screen(struct nc_buf *out, json_t *status, json_t *before, double seconds)
{
	json_t *sessions = json_object_get(status, "sessions"), *rejects = json_object_get(status, "rejects");

	label(out, "listening");
	list(out, json_object_get(status, "listen"));
	if (json_array_size(json_object_get(status, "datagram_listen"))) {
		nc_buf_str(out, ", datagrams ");
		list(out, json_object_get(status, "datagram_listen"));
	}
	json_int_t n = get(sessions, "open");
	nc_buf_printf(out, "; %" JSON_INTEGER_FORMAT " session%s\n", n, n == 1 ? "" : "s");
	label(out, "records");
	types(out, json_object_get(status, "types"));
	storing(out, status, before, seconds);
	if (sum(rejects) > 0) {
		label(out, "refused");
		parts(out, rejects);
		nc_buf_u8(out, '\n');
	}
	sensor_table(out, json_object_get(status, "sensors"));
	if (json_array_size(json_object_get(status, "pending")))
		nc_buf_printf(out, "  %zu keys want in: netcapctl pending\n",
		              json_array_size(json_object_get(status, "pending")));
}

void nc_ctl_screen(struct nc_buf *out, enum nc_control_daemon d, json_t *status, struct nc_ctl_history *h, int64_t now)
{
	json_t *before = h ? h->last[d] : NULL;
	double seconds = before ? (double)(now - h->when[d]) / (double)NC_NS_PER_S : 0;

	nc_buf_str(out, d == NC_CONTROL_SENSORD ? "sensor " : "collector");
	if (json_object_get(status, "name"))
		text(out, json_object_get(status, "name"));
	nc_buf_str(out, ": up ");
	nc_render_duration(out, get(status, "uptime_seconds") * NC_NS_PER_S);
	nc_buf_str(out, ", version ");
	text(out, json_object_get(status, "version"));
	nc_buf_str(out, ", key ");
	text(out, json_object_get(status, "fingerprint"));
	nc_buf_u8(out, '\n');
	if (d == NC_CONTROL_SENSORD)
		sensor_screen(out, status, before, h, seconds);
	else
		collector_screen(out, status, before, seconds);
	if (json_is_string(json_object_get(status, "last_error"))) {
		label(out, "last error");
		text(out, json_object_get(status, "last_error"));
		nc_buf_u8(out, '\n');
	}
	if (!h)
		return;
	json_decref(h->last[d]);
	h->last[d] = json_incref(status);
	h->when[d] = now;
}
