/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector answers on its control socket. */
#include "config.h"

#include "collectord/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/message.h"
#include "base/text.h"
#include "base/time.h"
#include "collectord/ledger.h"
#include "control/commands.h"
#include "wire/credential.h"

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

/* "connected" since when, from where; what it brought in blocks. */
static void add_session(json_t *o, const struct nc_sensor *s)
{
	json_object_set_new(o, "connected", json_boolean(s->visits != NULL));
	json_object_set_new(o, "connected_since", s->visits ? moment(s->connected_since) : json_null());
	json_object_set_new(o, "software", s->software[0] ? json_string(s->software) : json_null());
	json_object_set_new(o, "sessions", number(s->sessions));
	json_object_set_new(o, "blocks", number(s->blocks));
	json_object_set_new(o, "blocks_refused", number(s->blocks_refused));
}

/* Which of its keys is in use; others are there while they are being replaced, and so is whether it has the collector's. */
static void add_keys(json_t *o, const struct nc_sensor *s, const struct nc_collector *k)
{
	static const char *const words[] = {
		[NC_REKEY_UNCONFIRMED] = "unconfirmed", [NC_REKEY_BEHIND] = "behind", [NC_REKEY_CONFIRMED] = "confirmed",
	};
	const struct nc_chain *c = k->state ? nc_chains_of(nc_state_chains(k->state), s->name) : NULL;
	enum nc_rekey_of knows = s->unknown ? NC_REKEY_NONE : nc_rekey_of(k, s->name);

	json_object_set_new(o, "fingerprint", fingerprint(c && c->live ? c->now : s->key));
	if (c && c->live && c->has_next)
		json_object_set_new(o, "next_fingerprint", fingerprint(c->next));
	if (c && c->live && c->has_old) {
		json_object_set_new(o, "old_fingerprint", fingerprint(c->old));
		json_object_set_new(o, "old_until", moment(c->until * NC_NS_PER_S));
	}
	if (knows != NC_REKEY_NONE)
		json_object_set_new(o, "collector_key", json_string(words[knows]));
}

static json_t *sensor(const struct nc_sensor *s, const struct nc_collector *k)
{
	const struct nc_state *state = k->state;
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(s->name));
	add_keys(o, s, k);
	bool revoked = state && nc_state_revoked(state, s->key);
	json_object_set_new(o, "authorised", json_boolean(s->listed && !revoked));
	json_object_set_new(o, "revoked", json_boolean(revoked));
	add_session(o, s);
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
static json_t *sensors(const struct nc_collector *k)
{
	const struct nc_sensors *s = &k->sensors;
	json_t *a = json_array();
	const struct nc_sensor *e;
	size_t n = s->list ? nc_keylist_count(s->list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct nc_sensor silent = { .listed = true };
		if (s->listed[i]) {
			json_array_append_new(a, sensor(s->listed[i], k));
			continue;
		}
		const char *name = nc_keylist_name(s->list, i);
		nc_text_escape(silent.name, sizeof(silent.name), name, strlen(name));
		memcpy(silent.key, nc_keylist_key(s->list, i), NC_KEY_LEN);
		json_array_append_new(a, sensor(&silent, k));
	}
	TAILQ_FOREACH(e, &s->all, all)
		if (!e->listed)
			json_array_append_new(a, sensor(e, k));
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

static json_t *gates(const struct nc_gate *g)
{
	json_t *a = json_array();
	char text[NC_LISTEN_TEXT];

	for (size_t i = 0; g && i < nc_gate_count(g); i++) {
		nc_gate_address(g, i, text);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

static json_t *sessions(const struct nc_gate *g)
{
	const struct nc_gate_counters *n = nc_gate_counters(g);
	const struct nc_sessions_counters *m = nc_gate_session_counters(g);
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{ "open", nc_gate_open(g) },
		{ "half_open", nc_gate_half_open(g) },
		{ "connections", n->connections },
		{ "accepted", m->accepted },
		{ "crowded", n->crowded },
		{ "handshake_errors", m->handshake_errors },
		{ "handshake_timeouts", m->handshake_timeouts },
		{ "other_versions", m->handshake_versions },
		{ "unknown_keys", n->unknown },
		{ "revoked_keys", n->revoked },
		{ "replayed", n->replayed },
		{ "state_failures", n->state_failures },
		{ "psk_failures", n->psk_failures },
		{ "broken", m->broken },
		{ "silent", m->dead },
		{ "skipped_frames", m->skipped_frames },
		{ "blocks", n->blocks },
		{ "bytes", n->bytes },
		{ "acks", n->acks },
		{ "sealed_failures", n->sealed_failures },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		json_object_set_new(o, list[i].name, number(list[i].value));
	return o;
}

json_t *nc_collector_status(const struct nc_collector_control *c, struct nc_instant now)
{
	const struct nc_collector *k = c->collector;
	json_t *o = json_object();

	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(o, "uptime_seconds", json_integer((now.mono - k->started.mono) / NC_NS_PER_S));
	json_object_set_new(o, "fingerprint", fingerprint(k->keys->pub));
	if (k->old_keys) {
		json_object_set_new(o, "old_fingerprint", fingerprint(k->old_keys->pub));
		json_object_set_new(o, "unconfirmed", number(c->rekey ? nc_rekey_unconfirmed(c->rekey) : 0));
	}
	json_object_set_new(o, "listen", gates(c->gate));
	json_object_set_new(o, "datagram_listen", listeners(c->receiver));
	if (c->gate)
		json_object_set_new(o, "sessions", sessions(c->gate));
	json_object_set_new(o, "records", number(k->records));
	json_object_set_new(o, "batches", number(k->batches));
	json_object_set_new(o, "headers", number(k->headers));
	json_object_set_new(o, "kernel_drops", number(c->receiver ? nc_receiver_drops(c->receiver) : 0));
	json_object_set_new(o, "sensors", sensors(k));
	json_object_set_new(o, "rejects", rejects(k->rejects));
	json_object_set_new(o, "pending", pending(&k->sensors));
	json_object_set_new(o, "types", types(k));
	json_object_set_new(o, "tails", number(nc_tail_count(k->tail)));
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
	*reply = json_pack("{s:o, s:o}", "sensors", sensors(c->collector), "pending",
	                   pending(&c->collector->sensors));
	return NULL;
}

static const char *get_pending(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;

	(void)parameters;
	nc_sensors_expire(&c->collector->sensors, nc_time_real());
	*reply = json_pack("{s:o}", "pending", pending(&c->collector->sensors));
	return NULL;
}

static const char *not_possible(json_t **reply, const char *reason)
{
	*reply = json_pack("{s:s}", "reason", reason);
	return "NotPossible";
}

static const char *not_known(json_t **reply, const char *reason)
{
	*reply = json_pack("{s:s}", "reason", reason);
	return "NotKnown";
}

static const char *get_types(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	json_t *a = json_array();

	(void)parameters;
	for (size_t i = 0; i < nc_types_count; i++)
		if (c->collector->types[i])
			json_array_append_new(a, json_pack("{s:s, s:i, s:o}", "name", nc_types[i].name, "number",
			                                   nc_types[i].number, "records", number(c->collector->types[i])));
	*reply = json_pack("{s:o}", "types", a);
	return NULL;
}

static const char *get_config(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	struct nc_buf text = { .max = 1 << 20 }, restart = { .max = 4096 };

	(void)parameters;
	const char *file = c->config(c->user, &text, &restart);
	*reply = json_pack("{s:s, s:s}", "file", file, "config", nc_buf_cstr(&text));
	if (restart.len)
		json_object_set_new(*reply, "restart_needed", json_string(nc_buf_cstr(&restart)));
	nc_buf_free(&text);
	nc_buf_free(&restart);
	return NULL;
}

/* Why this key can't get this name; NULL: it can. */
static const char *obstacle(const struct nc_collector_control *c, const char *name, const uint8_t key[static NC_KEY_LEN])
{
	const struct nc_keylist *list = c->collector->sensors.list;
	const uint8_t *has = nc_sensors_key(&c->collector->sensors, name);
	const char *other = list ? nc_keylist_find(list, key) : NULL;

	if (nc_state_revoked(c->state, key))
		return "this key is revoked, for good: the sensor needs another one";
	const struct nc_chain *chain = nc_chains_with(nc_state_chains(c->state), key);
	if ((other && strcmp(other, name) != 0) || (chain && strcmp(chain->name, name) != 0))
		return "this key stands under another name";
	if (has && memcmp(has, key, NC_KEY_LEN) != 0 && !nc_state_revoked(c->state, has))
		return "another key has this name: revoke it first";
	return NULL;
}

static const char *relist(const struct nc_collector_control *c, const char *name, const uint8_t key[static NC_KEY_LEN],
                          struct nc_buf *err)
{
	const uint8_t *has;

	if (c->relist(c->user, err) < 0)
		return nc_buf_cstr(err);
	has = nc_sensors_key(&c->collector->sensors, name);
	/* what stands in the configuration goes first */
	return has && memcmp(has, key, NC_KEY_LEN) == 0 ? NULL
	                                                : "the folder of the configuration has another key of this name: remove that file";
}

static const char *authorize(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	const char *name = json_string_value(json_object_get(parameters, "name"));
	const char *text = json_string_value(json_object_get(parameters, "key"));
	char fingerprint_text[NC_KEY_FINGERPRINT];
	struct nc_buf err = { .max = 65536 };
	uint8_t key[NC_KEY_LEN];

	if (!name || !nc_key_name_valid(name))
		return not_possible(reply, "a name has letters, digits, '.', '_' and '-', at most 64, and no '.' in front");
	if (!text || !nc_key_parse(key, text))
		return not_possible(reply, "a public key is 64 hexadecimal digits, or 32 bytes in base64");
	const char *why = obstacle(c, name, key);
	const uint8_t *has = nc_sensors_key(&c->collector->sensors, name);
	bool there = has && memcmp(has, key, NC_KEY_LEN) == 0;
	if (!why && !there && nc_keylist_put(c->own, name, key, &err) < 0)
		why = nc_buf_cstr(&err);
	if (!why && !there)
		why = relist(c, name, key, &err);
	if (why) {
		why = not_possible(reply, why);
	} else {
		nc_key_fingerprint(fingerprint_text, key);
		*reply = json_pack("{s:s, s:s}", "name", name, "fingerprint", fingerprint_text);
	}
	if (!why && !there)
		nc_say(NC_SAY_KEY_AUTHORISED, &(struct nc_about){ .sensor = name, .fingerprint = fingerprint_text },
		       "sensor %s: its key %s is authorised", name, fingerprint_text);
	nc_buf_free(&err);
	return why;
}

static const char *tail(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	const char *type = json_string_value(json_object_get(parameters, "type"));
	const char *sensor_name = json_string_value(json_object_get(parameters, "sensor"));
	const char *format = json_string_value(json_object_get(parameters, "format"));
	struct nc_tail_wish w = { .type = type ? nc_type_by_name(type) : NULL, .format = NC_FORMAT_JSON };

	if (type && !w.type)
		return not_known(reply, "there is no such record type");
	if (format && strcmp(format, "csv") == 0)
		w.format = NC_FORMAT_CSV;
	else if (format && strcmp(format, "json") != 0)
		return not_known(reply, "the formats are json and csv");
	if (sensor_name && strlen(sensor_name) >= sizeof(w.sensor))
		return not_known(reply, "no sensor has such a name");
	if (sensor_name)
		memcpy(w.sensor, sensor_name, strlen(sensor_name) + 1);
	if (!c->tail || !nc_control_wants_more(c->server))
		return not_possible(reply, "this command takes \"more\"");
	uint64_t token = nc_control_defer(c->server);
	if (nc_tail_follow(c->tail, token, &w) == 0)
		return NULL;
	nc_control_undefer(c->server);
	return not_possible(reply, "too many look already");
}

/* Every key that the sensor could come in with; returns how many. */
static size_t keys_of(const struct nc_collector *k, const char *name, const uint8_t *listed, const uint8_t *keys[static 4])
{
	const struct nc_chain *c = nc_chains_of(nc_state_chains(k->state), name);
	const uint8_t *all[] = { listed, c ? c->now : NULL, c && c->has_next ? c->next : NULL, c && c->has_old ? c->old : NULL };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			keys[n++] = all[i];
	return n;
}

static const char *revoke_key(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	const char *name = json_string_value(json_object_get(parameters, "name"));
	const uint8_t *key = name ? nc_sensors_key(&c->collector->sensors, name) : NULL;
	char fingerprint_text[NC_KEY_FINGERPRINT];
	const uint8_t *keys[4];

	if (!key)
		return not_known(reply, "no sensor of this name is authorised");
	size_t n = keys_of(c->collector, name, key, keys);
	int rc = nc_state_revoke_all(c->state, keys, n, name);
	/* even if it may be forgotten by a restart */
	if (c->gate)
		nc_gate_check(c->gate);
	if (rc < 0)
		return not_possible(reply, strerrordesc_np(-rc));
	for (size_t i = 0; i < n; i++) {
		nc_key_fingerprint(fingerprint_text, keys[i]);
		if (i == 0 || memcmp(keys[i], keys[0], NC_KEY_LEN) != 0)
			nc_say(NC_SAY_KEY_REVOKED, &(struct nc_about){ .sensor = name, .fingerprint = fingerprint_text },
			       "sensor %s: its key %s is revoked", name, fingerprint_text);
	}
	if (c->rekey)
		nc_rekey_check(c->rekey);
	return NULL;
}

static const char *rotate_keys(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	bool finish = json_is_true(json_object_get(parameters, "finish"));
	int rc = !c->rekey ? -ENOTSUP : finish ? nc_rekey_finish(c->rekey) : nc_rekey_rotate(c->rekey);

	if (rc == 0) {
		*reply = json_pack("{s:I}", "unconfirmed", (json_int_t)nc_rekey_unconfirmed(c->rekey));
		return NULL;
	}
	if (rc == -EBUSY)
		return not_possible(reply, "the last one is not at its end: netcapctl sensors shows who has not confirmed, and --finish ends it");
	if (rc == -EROFS)
		return not_possible(reply, "the key is the credential " NC_CREDENTIAL_COLLECTOR_KEY
		                           ", which is replaced where systemd has it from; netcap-collectord(8) says how");
	return not_possible(reply, rc == -ENOENT ? "there is no old key" : strerrordesc_np(-rc));
}

/* Where a sensor's answer goes. */
struct waiting {
	struct nc_control_server *server;
	uint64_t token;
	bool status;
};

static void on_answer(void *user, const char *error, json_t *result)
{
	struct waiting *w = user;

	if (!error && w->status) {
		nc_control_complete(w->server, w->token, NULL, json_pack("{s:o}", "status", result ? result : json_object()));
	} else {
		json_decref(result);
		json_t *why = error ? json_pack("{s:s}", "reason", error) : NULL;
		nc_control_complete(w->server, w->token, error ? "NotPossible" : NULL, why);
	}
	free(w);
}

static const char *ask(void *user, json_t *parameters, json_t **reply, const char *command)
{
	const struct nc_collector_control *c = user;
	const char *name = json_string_value(json_object_get(parameters, "name"));
	struct waiting *w = c->gate && c->server && name ? calloc(1, sizeof(*w)) : NULL;
	int rc = w ? nc_gate_ask(c->gate, name, command, NULL, on_answer, w) : -ENOENT;

	if (rc == 0) {
		*w = (struct waiting){ c->server, nc_control_defer(c->server), strcmp(command, "status") == 0 };
		return NULL;
	}
	free(w);
	return rc == -ENOENT ? not_known(reply, "no sensor of this name is connected")
	                     : not_possible(reply, strerrordesc_np(-rc));
}

static const char *sensor_status(void *user, json_t *parameters, json_t **reply)
{
	return ask(user, parameters, reply, "status");
}

static const char *sensor_flush(void *user, json_t *parameters, json_t **reply)
{
	return ask(user, parameters, reply, "flush");
}

static const char *sensor_rotate(void *user, json_t *parameters, json_t **reply)
{
	return ask(user, parameters, reply, "rotate");
}

static const char *get_ledgers(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;
	const char *name = json_string_value(json_object_get(parameters, "name"));
	json_t *ledgers = json_object();
	const struct nc_sensor *s;

	TAILQ_FOREACH(s, &c->collector->sensors.all, all) {
		json_t *one = !name || strcmp(name, s->name) == 0 ? nc_ledger_of(s) : NULL;
		if (one)
			json_object_set_new(ledgers, s->name, one);
	}
	if (name && json_object_size(ledgers) == 0) {
		json_decref(ledgers);
		return not_known(reply, "there is no ledger of a sensor of this name");
	}
	*reply = json_pack("{s:o}", "ledgers", ledgers);
	return NULL;
}

static const char *flush(void *user, json_t *parameters, json_t **reply)
{
	const struct nc_collector_control *c = user;

	(void)parameters;
	nc_collector_flush(c->collector, instant());
	if (!nc_store_failing(c->collector->store))
		return NULL;
	return not_possible(reply, nc_store_last_error(c->collector->store));
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
		{ "reload", reload },     { "version", get_version }, { "pending", get_pending },
		{ "revoke", revoke_key },     { "sensor-status", sensor_status }, { "sensor-flush", sensor_flush },
		{ "sensor-rotate", sensor_rotate }, { "types", get_types }, { "config", get_config }, { "authorize", authorize },
		{ "tail", tail }, { "ledger", get_ledgers },         { "log-level", nc_control_log_level },
		{ "rotate-keys", rotate_keys },
	};

	return nc_control_bind(NC_CONTROL_COLLECTORD, bindings, sizeof(bindings) / sizeof(bindings[0]), out);
}
