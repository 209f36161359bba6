/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sensor says of itself on its control socket. */
#include "config.h"

#include <string.h>

#include "base/time.h"
#include "sensord/sensor.h"
#include "sensord/session.h"

static json_t *number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *streams(const struct nc_tcp_counters *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < nc_tcp_counts_count; i++)
		json_object_set_new(o, nc_tcp_counts[i].key, number(nc_tcp_counted(c, &nc_tcp_counts[i])));
	return o;
}

static json_t *interface_status(const struct nc_sensor_interface *i, const struct nc_pipeline_stats *st)
{
	json_t *drops = json_object(), *o = json_object();

	json_object_set_new(drops, "kernel", number(st->kernel_drop));
	json_object_set_new(drops, "interface", number(st->if_drop));
	json_object_set_new(drops, "crash", number(st->crash_drop));
	json_object_set_new(drops, "stop", number(st->stop_drop));
	json_object_set_new(o, "name", json_string(i->name));
	json_object_set_new(o, "capturing", json_boolean(!i->done));
	json_object_set_new(o, "packets", number(st->packets));
	json_object_set_new(o, "bytes", number(st->bytes));
	json_object_set_new(o, "errors", number(st->errors));
	json_object_set_new(o, "unknown", number(st->unknown));
	json_object_set_new(o, "killers", number(st->crashes));
	json_object_set_new(o, "records_lost", number(st->records_lost));
	json_object_set_new(o, "drops", drops);
	json_object_set_new(o, "streams", streams(&st->tcp));
	json_object_set_new(o, "flows", number(st->flows.live));
	json_object_set_new(o, "flows_evicted", number(st->flows.evicted));
	return o;
}

static void add_workers(json_t *list, const struct nc_sensor_interface *i, const struct nc_pipeline_stats *st)
{
	for (unsigned k = 0; k < st->worker_count; k++) {
		const struct nc_pipeline_worker *w = &st->workers[k];
		json_array_append_new(list, json_pack("{s:s, s:i, s:o, s:o}", "interface", i->name, "pid", (int)w->pid,
		                                      "restarts", number(w->restarts), "packets", number(w->packets)));
	}
}

static json_t *reasons(const struct nc_sensor *s)
{
	enum { SHOWN = 32 };
	struct nc_pipeline_reason list[SHOWN];
	json_t *o = json_object();

	for (unsigned k = 0; k < s->count; k++) {
		size_t n = nc_pipeline_reasons(s->interfaces[k].pipeline, list, SHOWN);
		for (size_t r = 0; r < n; r++) {
			json_int_t before = json_integer_value(json_object_get(o, list[r].text));
			json_object_set_new(o, list[r].text, json_integer(before + (json_int_t)list[r].count));
		}
	}
	return o;
}

static json_t *records(const uint64_t totals[static NC_TYPES_MAX])
{
	json_t *o = json_object();

	for (size_t i = 0; i < nc_types_count; i++)
		if (totals[i])
			json_object_set_new(o, nc_types[i].name, number(totals[i]));
	return o;
}

static json_t *dropped(const struct nc_ship_state *q)
{
	json_t *o = json_object();

	for (unsigned r = 0; r < NC_SHIP_REASONS; r++)
		json_object_set_new(o, nc_ship_reason_name((enum nc_ship_reason)r), number(q->dropped[r].records));
	return o;
}

static json_t *spool(const struct nc_ship_state *q)
{
	json_t *o = json_object();

	json_object_set_new(o, "bytes", number(q->spool.bytes));
	json_object_set_new(o, "files", number(q->spool.files));
	json_object_set_new(o, "records", number(q->spooled.records));
	json_object_set_new(o, "damaged_bytes", number(q->spool.damaged_bytes));
	json_object_set_new(o, "failures", number(q->spool.failures));
	json_object_set_new(o, "last_error", *q->spool.last_error ? json_string(q->spool.last_error) : json_null());
	return o;
}

static json_t *collectors(const struct nc_conf_list *list)
{
	json_t *a = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(a, json_string(list->items[i]));
	return a;
}

static void add_queue(json_t *o, const struct nc_sensor *s)
{
	struct nc_ship_state q;
	struct nc_transport_state t;

	nc_ship_get_state(s->ship, &q, &t);
	json_object_set_new(o, "collector", collectors(&s->settings->collector_address));
	if (s->settings->collector_transport == NC_TRANSPORT_SESSION)
		json_object_set_new(o, "session", nc_session_transport_status(s->transport));
	json_object_set_new(o, "queue_bytes", number(q.queue_bytes));
	json_object_set_new(o, "queue_blocks", number(q.queue_blocks));
	json_object_set_new(o, "queue_dropped_records", number(q.dropped[NC_SHIP_MEMORY].records));
	json_object_set_new(o, "records_acknowledged", number(q.acknowledged.records));
	json_object_set_new(o, "records_waiting", number(q.waiting.records));
	json_object_set_new(o, "records_dropped", dropped(&q));
	json_object_set_new(o, "spool", *s->settings->spool_path ? spool(&q) : json_null());
	json_object_set_new(o, "batches_sent", number(t.batches));
	json_object_set_new(o, "records_sent", number(t.records));
	json_object_set_new(o, "records_unsendable", number(q.dropped[NC_SHIP_UNSENDABLE].records));
	json_object_set_new(o, "bytes_sent", number(t.bytes));
	const char *last = *t.last_error ? t.last_error : s->last_error;
	json_object_set_new(o, "last_error", *last ? json_string(last) : json_null());
}

static json_t *fingerprint(const struct nc_keypair *k)
{
	char text[NC_KEY_FINGERPRINT];

	if (!k)
		return json_null();
	nc_key_fingerprint(text, k->pub);
	return json_string(text);
}

/* The others are there while the key is being replaced. */
static void add_keys(json_t *o, const struct nc_keyring *ring)
{
	json_object_set_new(o, "fingerprint", fingerprint(nc_keyring_current(ring)));
	if (nc_keyring_next(ring))
		json_object_set_new(o, "next_fingerprint", fingerprint(nc_keyring_next(ring)));
	if (nc_keyring_old(ring))
		json_object_set_new(o, "old_fingerprint", fingerprint(nc_keyring_old(ring)));
}

json_t *nc_sensor_status(const struct nc_sensor *s)
{
	json_t *o = json_object(), *interfaces = json_array(), *workers = json_array();
	uint64_t totals[NC_TYPES_MAX] = { 0 }, errors = 0, unknown = 0;

	for (unsigned k = 0; k < s->count; k++) {
		struct nc_pipeline_stats st;
		nc_pipeline_stats(s->interfaces[k].pipeline, &st);
		json_array_append_new(interfaces, interface_status(&s->interfaces[k], &st));
		add_workers(workers, &s->interfaces[k], &st);
		for (size_t i = 0; i < nc_types_count; i++)
			totals[i] += st.records[i];
		errors += st.errors;
		unknown += st.unknown;
	}
	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(o, "name", json_string(s->name));
	add_keys(o, s->ring);
	json_object_set_new(o, "uptime_seconds", number((uint64_t)((nc_time_mono() - s->started) / NC_NS_PER_S)));
	json_object_set_new(o, "interfaces", interfaces);
	json_object_set_new(o, "records", records(totals));
	json_object_set_new(o, "workers", workers);
	json_object_set_new(o, "errors", number(errors));
	json_object_set_new(o, "unknown", number(unknown));
	json_object_set_new(o, "error_texts", reasons(s));
	json_object_set_new(o, "not_kept", number(s->not_kept));
	add_queue(o, s);
	return o;
}

json_t *nc_sensor_interfaces(const struct nc_sensor *s)
{
	json_t *a = json_array();

	for (unsigned k = 0; k < s->count; k++) {
		const struct nc_sensor_interface *i = &s->interfaces[k];
		struct nc_pipeline_stats st;
		nc_pipeline_stats(i->pipeline, &st);
		json_t *o = interface_status(i, &st);
		json_object_del(o, "streams");
		json_object_set_new(o, "workers", number(st.worker_count));
		json_object_set_new(o, "restarts", number(st.restarts));
		json_object_set_new(o, "bpf", json_string(nc_pipeline_bpf(i->pipeline)));
		json_array_append_new(a, o);
	}
	return a;
}

json_t *nc_sensor_types(const struct nc_sensor *s)
{
	uint64_t totals[NC_TYPES_MAX] = { 0 };
	json_t *a = json_array();

	for (unsigned k = 0; k < s->count; k++) {
		struct nc_pipeline_stats st;
		nc_pipeline_stats(s->interfaces[k].pipeline, &st);
		for (size_t i = 0; i < nc_types_count; i++)
			totals[i] += st.records[i];
	}
	for (size_t i = 0; i < nc_types_count; i++) {
		if (nc_types[i].desc == &types__header__descriptor || nc_types[i].desc == &types__batch__descriptor)
			continue;
		json_array_append_new(a, json_pack("{s:s, s:i, s:b, s:o}", "name", nc_types[i].name, "number", nc_types[i].number,
		                                   "wanted", s->wanted[i], "records", number(totals[i])));
	}
	return a;
}
