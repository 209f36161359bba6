/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor at work: a pipeline per interface, the queue behind them, and what is kept. */
#include "config.h"

#include "sensord/sensor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/message.h"
#include "base/text.h"
#include "base/time.h"
#include "sensord/datagram.h"
#include "sensord/ledger.h"
#include "sensord/session.h"
#include "wire/credential.h"

#define LEVEL        1
#define LEDGER_RETRY NC_NS_PER_S
#define CRASH_BURST  10u
#define CRASH_PERIOD (60 * NC_NS_PER_S)

/* --- keys --------------------------------------------------------------------------------------------------------------------
 */

static void announce_key(const struct nc_sensor *s)
{
	char fingerprint[NC_KEY_FINGERPRINT], hex[2 * NC_KEY_LEN + 1];

	const uint8_t *pub = nc_keyring_current(s->ring)->pub;

	nc_key_fingerprint(fingerprint, pub);
	nc_text_hex(hex, pub, NC_KEY_LEN);
	nc_say(NC_SAY_SENSOR_KEY, &(struct nc_about){ .fingerprint = fingerprint }, "this sensor's key is %s", fingerprint);
	nc_say(NC_SAY_SENSOR_KEY_AUTHORISE, NULL, "to authorise it, on the collector: netcapctl authorize %s %s", s->name, hex);
}

static int start_keys(struct nc_sensor *s, struct nc_buf *err)
{
	const char *dir = s->settings->state;

	if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
		int rc = -errno;
		nc_buf_printf(err, "state: cannot make %s: %s", dir, strerror(-rc));
		return rc;
	}
	s->state_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->state_dir < 0) {
		int rc = -errno;
		nc_buf_printf(err, "state: %s: %s", dir, strerror(-rc));
		return rc;
	}
	int rc = nc_keyring_open(dir, NC_CREDENTIAL_SENSOR_KEY, true, &s->ring, err);
	if (rc)
		return rc;
	if (nc_keyring_unused(s->ring))
		nc_say(NC_SAY_KEY_FILE_UNUSED, NULL, "%s/priv.key is not used: the key is the credential %s", dir,
		       NC_CREDENTIAL_SENSOR_KEY);
	if (nc_keyring_replaced(s->ring))
		nc_say(NC_SAY_KEYS_BY_HAND, NULL, "%s: priv.key was replaced by hand: the change of keys that was under way is forgotten", dir);
	announce_key(s);
	return 0;
}

static int start_psk(struct nc_sensor *s, struct nc_buf *err)
{
	const char *file = s->settings->collector_psk, *why = "";

	s->psk = nc_keys_memory(NC_NOISE_PSK_LEN);
	if (!s->psk) {
		nc_buf_str(err, "no locked memory for the pre-shared key");
		return -ENOMEM;
	}
	int rc = nc_credential_read(NC_CREDENTIAL_SENSOR_PSK, s->psk, err);
	if (rc == 0 && *file) {
		rc = nc_key_read_secret(AT_FDCWD, file, s->psk, &why);
		if (rc)
			nc_buf_printf(err, "collector.psk: %s: %s", file, why);
		return rc;
	}
	if (rc == 0) {
		sodium_free(s->psk);
		s->psk = NULL;
	}
	return rc < 0 ? rc : 0;
}

/* --- output of the workers ---------------------------------------------------------------------------------------------------
 */

static void keep(struct nc_sensor *s, const struct nc_chunk *c)
{
	const char *name;
	int rc = nc_keep_chunk(s->keep, c, &name);

	if (rc == 0)
		return;
	if (c->kind != NC_CHUNK_LOG)
		s->not_kept += c->count;
	const char *why = rc == -EFBIG ? "keep.limit is reached" : strerror(-rc);
	if (!s->keep_said)
		nc_say(NC_SAY_KEEP_ENDED, &(struct nc_about){ .reason = why }, "%s/%s: %s; failed packets are only counted from here on",
		       s->settings->state, name, why);
	s->keep_said = true;
}

static void on_chunk(void *user, const struct nc_chunk *c)
{
	struct nc_sensor *s = ((struct nc_sensor_interface *)user)->sensor;

	if (c->kind != NC_CHUNK_BLOCK) {
		keep(s, c);
		return;
	}
	nc_block_stamp(c->data, s->epoch, ++s->seq);
	nc_ship_block(s->ship, c->data, c->n, c->count);
}

static void on_crash(void *user, const struct nc_crash *c)
{
	struct nc_sensor_interface *i = user;
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1] = "";
	unsigned hidden = 0;

	if (!nc_log_allow(&i->sensor->crash_said, CRASH_BURST, CRASH_PERIOD, nc_time_mono(), &hidden))
		return;
	if (c->has_packet) {
		crypto_hash_sha256(hash, c->packet.data, c->packet.caplen);
		nc_text_hex(hex, hash, sizeof(hash));
	}
	const struct nc_about about = { .interface = i->name, .packet_sha256 = hex, .reason = c->cause };
	snprintf(i->sensor->last_error, sizeof(i->sensor->last_error), "%s: worker %u died: %s", i->name, c->worker, c->cause);
	if (c->has_packet)
		nc_say(NC_SAY_WORKER_KILLED, &about,
		       "%s: a packet of %" PRIu32 " bytes killed worker %u: %s; sha256 %s; it is kept in errors.pcap", i->name,
		       c->packet.caplen, c->worker, c->cause, hex);
	else
		nc_say(NC_SAY_WORKER_DIED, &about, "%s: worker %u died: %s; a new one takes over", i->name, c->worker, c->cause);
}

static void on_done(void *user, int status, const char *problem)
{
	struct nc_sensor_interface *i = user;
	struct nc_sensor *s = i->sensor;

	i->done = true;
	if (!s->stopping) {
		const char *why = problem ? problem : "the capture ended";
		nc_say(NC_SAY_CAPTURE_ENDED, &(struct nc_about){ .interface = i->name, .reason = why }, "%s: %s", i->name, why);
		snprintf(s->last_error, sizeof(s->last_error), "%s: %s", i->name, why);
		s->failed = status < 0 ? status : -EIO;
	}
	for (unsigned k = 0; k < s->count; k++)
		if (!s->interfaces[k].done)
			return;
	nc_loop_stop(s->loop, s->failed ? 1 : 0);
}

static void on_flush(void *user)
{
	nc_sensor_flush(user);
}

static void on_ledger(void *user);

/* Not while there is no connection: then as soon as there is one. */
static void on_ledger_again(void *user)
{
	struct nc_sensor *s = user;

	s->ledger_again = NULL;
	on_ledger(s);
}

static void on_ledger(void *user)
{
	struct nc_sensor *s = user;

	if (nc_sensor_send_ledger(s) == -EAGAIN && !s->ledger_again)
		(void)nc_loop_add_timer(s->loop, LEDGER_RETRY, 0, on_ledger_again, s, &s->ledger_again);
}

/* --- start and end -----------------------------------------------------------------------------------------------------------
 */

/* A spool that can't be used is no reason not to capture. */
static void start_spool(struct nc_sensor *s, const uint8_t collector[static NC_KEY_LEN])
{
	struct nc_spool *spool = NULL;
	struct nc_spool_state st;
	struct nc_buf err = { .max = 4096 };

	if (nc_spool_open(s->settings->spool_path, s->settings->spool_limit, collector, &spool, &err) != 0) {
		nc_say(NC_SAY_SPOOL_UNUSABLE, &(struct nc_about){ .reason = nc_buf_cstr(&err) },
		       "%s; there is no spool", nc_buf_cstr(&err));
		snprintf(s->last_error, sizeof(s->last_error), "%s", nc_buf_cstr(&err));
		nc_buf_free(&err);
		return;
	}
	nc_ship_set_spool(s->ship, spool);
	nc_spool_state(spool, &st);
	if (st.found.blocks)
		nc_say(NC_SAY_SPOOL_WAITS, NULL, "%" PRIu64 " records wait in the spool", st.found.records);
	if (st.damages)
		nc_say(NC_SAY_SPOOL_DAMAGED, NULL, "spool: %" PRIu64 " bytes in %" PRIu64 " places are damaged and passed over",
		       st.damaged_bytes, st.damages);
}

/* The collectors' public keys: a file for each address, or one for all. */
static int read_keys(const struct nc_sensor_settings *set, uint8_t keys[static NC_COLLECTORS_MAX][NC_KEY_LEN], struct nc_buf *err)
{
	const struct nc_conf_list *files = &set->collector_key;
	size_t n = set->collector_address.count;

	if (n > NC_COLLECTORS_MAX || (files->count != 1 && files->count != n)) {
		nc_buf_printf(err, "collector.key: %zu files for %zu addresses; one for all, or one for each of at most %u",
		              files->count, n, NC_COLLECTORS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		int rc = nc_key_read_public(keys[i], files->items[files->count == 1 ? 0 : i], err);
		if (rc) {
			nc_buf_printf(err, "; collector.key names a copy of the collector's pub.key");
			return rc;
		}
	}
	return 0;
}

static void on_seal_to(void *user, const uint8_t key[static NC_KEY_LEN])
{
	nc_ship_seal_to(((struct nc_sensor *)user)->ship, key);
}

static bool on_behind(void *user)
{
	return nc_ship_behind(((struct nc_sensor *)user)->ship);
}

static const char *ask_status(struct nc_sensor *s, json_t **result)
{
	*result = nc_sensor_status(s);
	return NULL;
}

static const char *ask_flush(struct nc_sensor *s, json_t **result)
{
	(void)result;
	nc_sensor_flush(s);
	return NULL;
}

static const char *ask_ledger(struct nc_sensor *s, json_t **result)
{
	(void)result;
	return nc_sensor_send_ledger(s) == 0 ? NULL : "not now";
}

static const char *ask_rotate(struct nc_sensor *s, json_t **result)
{
	(void)result;
	nc_session_transport_renew(s->transport);
	return NULL;
}

/* What the collector may ask. */
static const char *on_command(void *user, const char *name, const json_t *parameters, json_t **result)
{
	static const struct {
		const char *name;
		const char *(*fn)(struct nc_sensor *s, json_t **result);
	} commands[] = { { "status", ask_status }, { "flush", ask_flush }, { "ledger", ask_ledger }, { "rotate", ask_rotate } };

	(void)parameters;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].fn(user, result);
	return "unknown";
}

static int start_session(struct nc_sensor *s, uint8_t keys[static NC_COLLECTORS_MAX][NC_KEY_LEN], struct nc_buf *err)
{
	const struct nc_sensor_settings *set = s->settings;
	struct nc_session_transport_options o = {
		.loop = s->loop,
		.addresses = &set->collector_address,
		.ring = s->ring,
		.psk = s->psk,
		.state_dir = s->state_dir,
		.epoch = s->epoch,
		.interfaces = &set->interfaces,
		.window = set->collector_window < set->queue_limit ? set->collector_window : set->queue_limit,
		.renew_interval = set->collector_renew_interval,
		.renew_bytes = set->collector_renew_bytes,
		.command = on_command,
		.seal_to = on_seal_to,
		.behind = on_behind,
		.user = s,
	};

	memcpy(o.keys, keys, sizeof(o.keys));
	nc_sessions_defaults(&o.session);
	return nc_session_transport(&o, &s->transport, err);
}

static int start_datagram(struct nc_sensor *s, uint8_t keys[static NC_COLLECTORS_MAX][NC_KEY_LEN], struct nc_buf *err)
{
	const struct nc_sensor_settings *set = s->settings;
	struct nc_datagram_options o = {
		.own = nc_keyring_current(s->ring),
		.client_id = s->name,
		.source = s->name,
		.payloads = set->payloads,
		.peer_2019 = set->collector_peer == NC_PEER_NETCAP_2019,
	};

	if (set->collector_address.count != 1) {
		nc_buf_str(err, "collector.address: datagrams go to one address");
		return -EINVAL;
	}
	o.address = set->collector_address.items[0];
	memcpy(o.peer_key, keys[0], NC_KEY_LEN);
	return nc_datagram_transport(&o, &s->transport, err);
}

static int start_transport(struct nc_sensor *s, struct nc_buf *err)
{
	const struct nc_sensor_settings *set = s->settings;
	uint8_t keys[NC_COLLECTORS_MAX][NC_KEY_LEN] = { 0 };
	int rc = read_keys(set, keys, err);

	if (rc)
		return rc;
	rc = set->collector_transport == NC_TRANSPORT_SESSION ? start_session(s, keys, err) : start_datagram(s, keys, err);
	if (rc == 0)
		rc = nc_ship_new(s->loop, s->transport, set->queue_limit, &s->ship);
	if (rc == 0 && *set->spool_path)
		start_spool(s, nc_session_transport_peer(s->transport));
	return rc;
}

static int start_interface(struct nc_sensor *s, const char *name, struct nc_buf *err)
{
	const struct nc_sensor_settings *set = s->settings;
	struct nc_sensor_interface *i = &s->interfaces[s->count];
	struct nc_pipeline_events ev = { .chunk = on_chunk, .crash = on_crash, .done = on_done, .user = i };
	struct nc_pipeline_options o = {
		.live = &i->live, .workers = (unsigned)set->workers, .payloads = set->payloads, .keep_errors = set->keep_errors,
		.keep_unknown = set->keep_unknown, .base_datalink = -1, .output = NC_OUTPUT_BLOCKS, .level = LEVEL,
		.stream_memory = set->stream_memory,
		.flow_timeout = set->flow_timeout, .conn_timeout = set->conn_timeout, .active_timeout = set->active_timeout,
		.max_flows = (uint32_t)set->max_flows,
	};

	i->sensor = s;
	i->name = name;
	i->live = (struct nc_live_options){
		.interface = name,
		.bpf = set->bpf,
		.snaplen = (uint32_t)set->snaplen,
		.buffer = (uint32_t)set->buffer,
		.promisc = set->promisc,
	};
	memcpy(o.wanted, s->wanted, sizeof(o.wanted));
	int rc = nc_pipeline_new(s->loop, &o, &ev, &i->pipeline, err);
	if (rc == 0)
		s->count++;
	return rc;
}

static int start_interfaces(struct nc_sensor *s, struct nc_buf *err)
{
	const struct nc_conf_list *list = &s->settings->interfaces;

	if (list->count == 0) {
		nc_buf_str(err, "interfaces: none is configured (netcap-sensord --list-interfaces shows what there is)");
		return -EINVAL;
	}
	if (list->count > NC_SENSOR_INTERFACES_MAX) {
		nc_buf_printf(err, "interfaces: %zu are more than %u", list->count, NC_SENSOR_INTERFACES_MAX);
		return -EINVAL;
	}
	for (size_t k = 0; k < list->count; k++) {
		int rc = start_interface(s, list->items[k], err);
		if (rc)
			return rc;
	}
	return 0;
}

static int set_timers(struct nc_sensor *s, const struct nc_sensor_settings *set)
{
	nc_loop_del_timer(s->flush_timer);
	nc_loop_del_timer(s->ledger_timer);
	s->flush_timer = s->ledger_timer = NULL;
	int rc = nc_loop_add_timer(s->loop, set->batch_interval, set->batch_interval, on_flush, s, &s->flush_timer);
	return rc ? rc : nc_loop_add_timer(s->loop, set->ledger_interval, set->ledger_interval, on_ledger, s, &s->ledger_timer);
}

int nc_sensor_start(struct nc_sensor *s, struct nc_loop *loop, const struct nc_sensor_settings *settings, struct nc_buf *err)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->settings = settings;
	nc_sensor_settings_wanted(settings, s->wanted);
	s->state_dir = -1;
	s->started = nc_time_mono();
	if (getrandom(&s->epoch, sizeof(s->epoch), 0) != (ssize_t)sizeof(s->epoch))
		return -EIO;
	if (*settings->name)
		snprintf(s->name, sizeof(s->name), "%s", settings->name);
	else if (gethostname(s->name, sizeof(s->name) - 1) != 0)
		snprintf(s->name, sizeof(s->name), "sensor");
	s->key_grace = settings->key_grace / NC_NS_PER_S;
	int rc = start_keys(s, err);
	if (rc == 0)
		rc = start_psk(s, err);
	if (rc == 0)
		rc = start_transport(s, err);
	if (rc)
		return rc;
	s->keep = nc_keep_new(s->state_dir, settings->keep_limit, true);
	rc = s->keep ? start_interfaces(s, err) : -ENOMEM;
	if (rc == 0)
		rc = set_timers(s, settings);
	/* a session begins with one, so that the collector knows where this start began */
	if (rc == 0 && s->transport->ledger)
		on_ledger(s);
	return rc;
}

void nc_sensor_stop(struct nc_sensor *s)
{
	s->stopping = true;
	for (unsigned k = 0; k < s->count; k++)
		nc_pipeline_stop(s->interfaces[k].pipeline);
}

void nc_sensor_flush_flows(struct nc_sensor *s)
{
	for (unsigned k = 0; k < s->count; k++)
		nc_pipeline_flush_flows(s->interfaces[k].pipeline);
	nc_sensor_flush(s);
}

void nc_sensor_flush(struct nc_sensor *s)
{
	for (unsigned k = 0; k < s->count; k++)
		nc_pipeline_flush(s->interfaces[k].pipeline);
}

/* --- reload ------------------------------------------------------------------------------------------------------------------
 */

/* The filters of all interfaces, or none: what is put in place is taken back when it can't be done for one of them. */
static int swap_filters(struct nc_sensor *s, struct nc_program *filters[static NC_SENSOR_INTERFACES_MAX], struct nc_buf *err)
{
	for (unsigned k = 0; k < s->count; k++) {
		int rc = nc_pipeline_filter(s->interfaces[k].pipeline, &filters[k], err);
		if (rc == 0)
			continue;
		struct nc_buf ignored = { 0 };
		while (k-- > 0)
			(void)nc_pipeline_filter(s->interfaces[k].pipeline, &filters[k], &ignored);
		nc_buf_free(&ignored);
		return rc;
	}
	return 0;
}

static int change_filters(struct nc_sensor *s, const char *bpf, struct nc_buf *err)
{
	struct nc_program *filters[NC_SENSOR_INTERFACES_MAX] = { NULL };
	int rc = 0;

	nc_buf_str(err, "bpf: ");
	for (unsigned k = 0; rc == 0 && k < s->count; k++)
		rc = nc_pipeline_compile(s->interfaces[k].pipeline, bpf, &filters[k], err);
	if (rc == 0)
		rc = swap_filters(s, filters, err);
	for (unsigned k = 0; k < s->count; k++)
		nc_program_free(filters[k]);
	if (rc == 0)
		nc_buf_reset(err);
	return rc;
}

static void change_workers(struct nc_sensor *s, const struct nc_sensor_settings *set)
{
	struct nc_pipeline_change c = {
		.payloads = set->payloads,
		.keep_errors = set->keep_errors,
		.keep_unknown = set->keep_unknown,
		.flow_timeout = set->flow_timeout,
		.conn_timeout = set->conn_timeout,
		.active_timeout = set->active_timeout,
	};

	nc_sensor_settings_wanted(set, s->wanted);
	memcpy(c.wanted, s->wanted, sizeof(c.wanted));
	for (unsigned k = 0; k < s->count; k++)
		nc_pipeline_change(s->interfaces[k].pipeline, &c);
}

int nc_sensor_apply(struct nc_sensor *s, const struct nc_sensor_settings *before, const struct nc_sensor_settings *settings,
                    struct nc_buf *err)
{
	int rc = strcmp(before->bpf, settings->bpf) == 0 ? 0 : change_filters(s, settings->bpf, err);

	if (rc)
		return rc;
	change_workers(s, settings);
	/* not taken back: some with payloads may still wait */
	if (settings->payloads && s->settings->collector_transport == NC_TRANSPORT_DATAGRAM)
		nc_datagram_payloads(s->transport);
	nc_keep_limit(s->keep, settings->keep_limit);
	s->keep_said = s->keep_said && settings->keep_limit == before->keep_limit;
	nc_ship_limit(s->ship, settings->queue_limit, settings->spool_limit);
	s->key_grace = settings->key_grace / NC_NS_PER_S;
	return set_timers(s, settings);
}

int nc_sensor_rotate_keys(struct nc_sensor *s, bool now)
{
	char fingerprint[NC_KEY_FINGERPRINT];

	if (s->settings->collector_transport != NC_TRANSPORT_SESSION)
		return -ENOTSUP;
	if (nc_keyring_credential(s->ring))
		return -EROFS;
	int rc = nc_session_transport_rotate_keys(s->transport, now ? 0 : s->key_grace);
	if (rc) {
		nc_say(NC_SAY_KEY_NOT_KEPT, &(struct nc_about){ .reason = strerrordesc_np(-rc) },
		       "the sensor's next key can't be kept: %s", strerrordesc_np(-rc));
		return rc;
	}
	nc_key_fingerprint(fingerprint, nc_keyring_next(s->ring)->pub);
	nc_say(NC_SAY_KEY_NEXT, &(struct nc_about){ .fingerprint = fingerprint },
	       "the sensor's next key is %s, which is used once the collector has it", fingerprint);
	return 0;
}

uint64_t nc_sensor_end(struct nc_sensor *s, uint64_t *kept)
{
	for (unsigned k = 0; k < s->count; k++)
		nc_pipeline_free(s->interfaces[k].pipeline);
	nc_loop_del_timer(s->flush_timer);
	nc_loop_del_timer(s->ledger_timer);
	nc_loop_del_timer(s->ledger_again);
	uint64_t left = nc_ship_free(s->ship, kept);
	(void)nc_keep_close(s->keep);
	if (s->state_dir >= 0)
		close(s->state_dir);
	nc_keyring_free(s->ring);
	sodium_free(s->psk);
	return left;
}
