/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector answers on its control socket. */
#include "config.h"

#include "collectord/control.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "control/commands.h"

static const char product[] = "netcap-collectord";

static json_t *number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

/* A time as text; null for none. */
static json_t *moment(int64_t ns)
{
	char text[NC_TIME_TEXT];

	if (ns == 0)
		return json_null();
	nc_time_iso(text, ns);
	return json_string(text);
}

static json_t *fingerprint(const uint8_t key[static NC_KEY_LEN])
{
	char text[NC_KEY_FINGERPRINT];

	nc_key_fingerprint(text, key);
	return json_string(text);
}

static json_t *hex(const uint8_t key[static NC_KEY_LEN])
{
	char text[2 * NC_KEY_LEN + 1];

	nc_text_hex(text, key, NC_KEY_LEN);
	return json_string(text);
}

static json_t *rejects(const uint64_t counts[static NC_DG_REASONS_COUNT])
{
	json_t *o = json_object();

	for (unsigned i = NC_DG_OK + 1; i < NC_DG_REASONS_COUNT; i++)
		if (counts[i])
			json_object_set_new(o, nc_datagram_reason_text((enum nc_datagram_reason)i), number(counts[i]));
	return o;
}

static json_t *sensor(const struct nc_sensor *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(s->name));
	json_object_set_new(o, "fingerprint", fingerprint(s->key));
	json_object_set_new(o, "authorised", json_boolean(s->listed));
	json_object_set_new(o, "client_id", json_string(s->client_id));
	json_object_set_new(o, "address", s->address[0] ? json_string(s->address) : json_null());
	json_object_set_new(o, "last_seen", moment(s->last_seen));
	json_object_set_new(o, "records", number(s->records));
	json_object_set_new(o, "bytes", number(s->bytes));
	json_object_set_new(o, "batches", number(s->batches));
	json_object_set_new(o, "lost_batches", number(nc_loss_batches(&s->loss)));
	json_object_set_new(o, "lost_records", number(nc_loss_records_lost(&s->loss)));
	json_object_set_new(o, "duplicates", number(s->rejects[NC_DG_REPEATED]));
	json_object_set_new(o, "rejects", rejects(s->rejects));
	return o;
}

/* Those on the list that have not sent yet are shown too: an operator looks for them. */
static json_t *sensors(const struct nc_sensors *s)
{
	json_t *a = json_array();
	const struct nc_sensor *e;
	size_t n = s->list ? nc_keylist_count(s->list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct nc_sensor silent = { .listed = true };
		if (s->listed[i]) {
			json_array_append_new(a, sensor(s->listed[i]));
			continue;
		}
		const char *name = nc_keylist_name(s->list, i);
		nc_text_escape(silent.name, sizeof(silent.name), name, strlen(name));
		memcpy(silent.key, nc_keylist_key(s->list, i), NC_KEY_LEN);
		json_array_append_new(a, sensor(&silent));
	}
	TAILQ_FOREACH(e, &s->all, all)
		if (!e->listed)
			json_array_append_new(a, sensor(e));
	return a;
}

static json_t *pending(const struct nc_sensors *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->pending_count; i++) {
		const struct nc_pending *p = &s->pending[i];
		json_t *o = json_object();
		json_object_set_new(o, "fingerprint", fingerprint(p->key));
		json_object_set_new(o, "key", hex(p->key));
		json_object_set_new(o, "address", json_string(p->address));
		json_object_set_new(o, "count", number(p->count));
		json_object_set_new(o, "last_seen", moment(p->last_seen));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *types(const struct nc_collector *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < nc_types_count; i++)
		if (c->types[i])
			json_object_set_new(o, nc_types[i].name, number(c->types[i]));
	return o;
}

static json_t *tally(const struct nc_tally *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "blocks", number(t->blocks));
	json_object_set_new(o, "records", number(t->records));
	json_object_set_new(o, "bytes", number(t->bytes));
	return o;
}

static void add_folder(void *user, const char *dir, const struct nc_shelf *h)
{
	const struct nc_shelf_counters n = nc_shelf_counters(h);
	const struct {
		const char *name;
		const struct nc_tally *tally;
	} tallies[] = {
		{ "received", &n.received }, { "stored", &n.stored }, { "duplicate", &n.duplicate }, { "rejected", &n.rejected },
		{ "later", &n.later },       { "failed", &n.failed }, { "expired", &n.expired },
	};
	json_t *o = json_object();

	json_object_set_new(o, "used_bytes", number(n.used_bytes));
	json_object_set_new(o, "finished_files", number(n.finished_files));
	for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++)
		if (tallies[i].tally->blocks)
			json_object_set_new(o, tallies[i].name, tally(tallies[i].tally));
	json_object_set_new(user, dir, o);
}

static json_t *store(struct nc_store *s)
{
	const struct nc_store_counters *n = nc_store_counters(s);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "written_bytes", n->written_bytes },
		{ "written_records", n->written_records },
		{ "written_blocks", n->written_blocks },
		{ "pending_bytes", n->pending_bytes },
		{ "failures", n->failures },
		{ "dropped_records", n->dropped_records },
		{ "torn_bytes", n->torn_bytes },
		{ "syncs", n->syncs },
		{ "rotated_files", n->rotated_files },
		{ "expired_files", n->expired_files },
		{ "failed_files", n->failed_files },
		{ "watermarks", n->watermarks },
		{ "lost_watermarks", n->lost_watermarks },
		{ "forgotten", n->forgotten },
	};
	json_t *o = json_object(), *folders = json_object();

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].name, number(numbers[i].value));
	json_object_set_new(o, "failing", json_boolean(nc_store_failing(s)));
	nc_store_each(s, add_folder, folders);
	json_object_set_new(o, "folders", folders);
	return o;
}

static json_t *listeners(const struct nc_receiver *r)
{
	json_t *a = json_array();
	char text[NC_LISTEN_TEXT];

	for (size_t i = 0; r && i < nc_receiver_count(r); i++) {
		nc_receiver_address(r, i, text);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

json_t *nc_collector_status(const struct nc_collector_control *c, struct nc_instant now)
{
	const struct nc_collector *k = c->collector;
	json_t *o = json_object();

	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(o, "uptime_seconds", json_integer((now.mono - k->started.mono) / NC_NS_PER_S));
	json_object_set_new(o, "fingerprint", fingerprint(k->keys->pub));
	json_object_set_new(o, "listen", listeners(c->receiver));
	json_object_set_new(o, "records", number(k->records));
	json_object_set_new(o, "batches", number(k->batches));
	json_object_set_new(o, "headers", number(k->headers));
	json_object_set_new(o, "kernel_drops", number(c->receiver ? nc_receiver_drops(c->receiver) : 0));
	json_object_set_new(o, "sensors", sensors(&k->sensors));
	json_object_set_new(o, "rejects", rejects(k->rejects));
	json_object_set_new(o, "pending", pending(&k->sensors));
	json_object_set_new(o, "types", types(k));
	json_object_set_new(o, "store", store(k->store));
	json_object_set_new(o, "last_error", k->last_error[0] ? json_string(k->last_error) : json_null());
	return o;
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

static struct nc_instant instant(void)
{
	return (struct nc_instant){ .mono = nc_time_mono(), .real = nc_time_real() };
}

static const char *get_status(void *user, json_t *parameters, json_t **reply)
{
	(void)parameters;
	*reply = json_pack("{s:o}", "status", nc_collector_status(user, instant()));
	return NULL;
}

static const char *get_sensors(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;

	(void)parameters;
	*reply = json_pack("{s:o, s:o}", "sensors", sensors(&c->collector->sensors), "pending", pending(&c->collector->sensors));
	return NULL;
}

static const char *flush(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;

	(void)parameters;
	nc_collector_flush(c->collector, instant());
	if (!nc_store_failing(c->collector->store))
		return NULL;
	*reply = json_pack("{s:s}", "reason", nc_store_last_error(c->collector->store));
	return "NotPossible";
}

static const char *reload(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	struct nc_buf restart = { .max = 4096 }, err = { .max = 65536 };
	const char *name = NULL;

	(void)parameters;
	if (c->reload(c->user, &restart, &err) < 0) {
		*reply = json_pack("{s:s}", "reason", nc_buf_cstr(&err));
		name = "NotPossible";
	} else if (restart.len) {
		*reply = json_pack("{s:s}", "restart_needed", nc_buf_cstr(&restart));
	}
	nc_buf_free(&restart);
	nc_buf_free(&err);
	return name;
}

static const char *get_version(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	*reply = json_pack("{s:s, s:s}", "product", product, "version", PACKAGE_VERSION);
	return NULL;
}

int nc_collector_commands(struct nc_control_command *out)
{
	static const struct nc_control_binding bindings[] = {
		{ "status", get_status }, { "sensors", get_sensors }, { "flush", flush },
		{ "reload", reload },     { "version", get_version },
	};

	return nc_control_bind(NC_CONTROL_COLLECTORD, bindings, sizeof(bindings) / sizeof(bindings[0]), out);
}
