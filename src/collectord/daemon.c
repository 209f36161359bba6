/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector as a daemon: command line, sockets, signals, systemd. */
#include "config.h"

#include "collectord/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/message.h"
#include "base/loop.h"
#include "base/text.h"
#include "base/time.h"
#include "collectord/collector.h"
#include "collectord/control.h"
#include "collectord/gate.h"
#include "collectord/receive.h"
#include "collectord/rekey.h"
#include "collectord/settings.h"
#include "conf/cli.h"
#include "control/commands.h"
#include "control/http.h"
#include "wire/credential.h"

#define PROGRAM      "netcap-collectord"
#define CONFIG       NC_SYSCONFDIR "/collectord.conf"
#define STATUS_EVERY (5 * NC_NS_PER_S)
#define ERR_MAX      (64u * 1024u)

struct daemon {
	const char *config;
	bool config_optional;
	struct nc_collector_settings settings; /* as they are now */
	struct nc_collector_settings started;  /* as they were at the start: what a restart is needed for */
	struct nc_loop *loop;
	struct nc_loop_timer *flush_timer;
	struct nc_keyring *ring;
	struct nc_rekey *rekey;
	struct nc_collector *collector;
	struct nc_state *state;
	struct nc_gate *gate;
	struct nc_receiver *receiver; /* NULL: no datagrams */
	struct nc_tail *tail;
	char *own_sensors; /* folder of keys that netcapctl authorises, beside the collector's keys */
	struct nc_control_server *server;
	struct nc_collector_control control;
	struct nc_control_command commands[NC_CONTROL_COMMANDS_MAX];
	struct nc_http *http;
	int control_fd, metrics_fd; /* inherited, or -1 */
	int tcp_fds[NC_LISTEN_MAX], udp_fds[NC_LISTEN_MAX];
	size_t tcp_count, udp_count;
};

static struct nc_instant instant(void)
{
	return (struct nc_instant){ .mono = nc_time_mono(), .real = nc_time_real() };
}

static struct nc_collector_options collector_options(const struct nc_collector_settings *s)
{
	return (struct nc_collector_options){
		.allow_unknown = s->allow_unknown,
		.replay_max = (size_t)s->replay_max,
		.store = {
			.level = (int)s->compression,
			.pending_max = s->pending_max,
			.open_files = (size_t)s->open_files,
			.sync_interval = s->sync_interval,
			.verify = (enum nc_store_verify)s->verify,
			.rotate_size = s->rotate_size,
			.rotate_records = (uint64_t)s->rotate_records,
			.rotate_interval = s->rotate_interval,
			.expire_age = s->expire_age,
			.quota_sensor = s->quota_sensor,
			.quota = s->quota,
			.min_free = s->min_free,
		},
	};
}

/* Each line of err as a message: files of sensors that are passed over. */
static void warn_lines(struct nc_buf *err)
{
	char *text = strdup(nc_buf_cstr(err)), *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			nc_say(NC_SAY_SENSOR_FILE_WRONG, NULL, "%s", line);
	free(text);
	nc_buf_reset(err);
}

/* --- timers -------------------------------------------------------------------------------------------------------- */

static void on_flush(void *user)
{
	struct daemon *d = user;

	nc_collector_flush(d->collector, instant());
}

static void on_status(void *user)
{
	const struct daemon *d = user;
	const struct nc_collector *c = d->collector;
	uint64_t refused = 0;

	for (unsigned i = NC_DG_OK + 1; i < NC_DG_REASONS_COUNT; i++)
		refused += c->rejects[i];
	sd_notifyf(0, "STATUS=%" PRIu64 " records, %zu sessions of %zu sensors, %" PRIu64 " datagrams refused%s", c->records,
	           nc_gate_open(d->gate), c->sensors.list ? nc_keylist_count(c->sensors.list) : 0, refused,
	           nc_store_failing(c->store) ? ", writing fails" : "");
}

static void on_watchdog(void *user)
{
	(void)user;
	sd_notify(0, "WATCHDOG=1");
}

static int set_flush_timer(struct daemon *d)
{
	if (d->flush_timer)
		nc_loop_del_timer(d->flush_timer);
	d->flush_timer = NULL;
	return nc_loop_add_timer(d->loop, d->settings.flush_interval, d->settings.flush_interval, on_flush, d, &d->flush_timer);
}

static int add_timers(struct daemon *d)
{
	uint64_t usec = 0;
	int r = set_flush_timer(d);

	if (r == 0)
		r = nc_loop_add_timer(d->loop, STATUS_EVERY, STATUS_EVERY, on_status, d, NULL);
	if (r == 0 && sd_watchdog_enabled(0, &usec) > 0 && usec > 1 && usec < INT64_MAX / 1000) {
		int64_t half = (int64_t)usec / 2 * 1000;
		r = nc_loop_add_timer(d->loop, half, half, on_watchdog, d, NULL);
	}
	return r;
}

/* --- reload -------------------------------------------------------------------------------------------------------- */

/* What can change while it runs. The sensors come first since reading them may fail, and then nothing is to change. */
static int apply(struct daemon *d, struct nc_collector_settings *next, struct nc_buf *err)
{
	struct nc_collector_options o = collector_options(next);
	int r = nc_collector_read_sensors(d->collector, next->sensors, d->own_sensors, err);

	if (r < 0)
		return r;
	if (err->len)
		warn_lines(err);
	r = nc_collector_set(d->collector, &o);
	if (r < 0) {
		nc_buf_str(err, "out of memory");
		return r;
	}
	nc_gate_set_grace(d->gate, next->key_grace / NC_NS_PER_S);
	nc_gate_check(d->gate);
	nc_rekey_check(d->rekey);
	bool timer = next->flush_interval != d->settings.flush_interval;
	nc_collector_settings_free(&d->settings);
	d->settings = *next;
	memset(next, 0, sizeof(*next));
	nc_log_level(nc_collector_settings_level(&d->settings));
	return timer ? set_flush_timer(d) : 0;
}

/* The list alone. */
static int relist(void *user, struct nc_buf *err)
{
	struct daemon *d = user;
	int r = nc_collector_read_sensors(d->collector, d->settings.sensors, d->own_sensors, err);

	if (r < 0)
		return r;
	warn_lines(err);
	nc_gate_check(d->gate);
	return 0;
}

static const char *config_in_effect(void *user, struct nc_buf *text, struct nc_buf *restart)
{
	const struct daemon *d = user;

	nc_conf_dump_in_effect(nc_collector_options, nc_collector_options_count, &d->started, &d->settings, text);
	nc_conf_restart_needed(nc_collector_options, nc_collector_options_count, &d->started, &d->settings, restart);
	return d->config;
}

static int reload(void *user, struct nc_buf *restart, struct nc_buf *err)
{
	struct daemon *d = user;
	struct nc_collector_settings next = { .allow_unknown = false };

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, nc_time_mono() / 1000);
	int r = nc_collector_settings_read(&next, d->config, d->config_optional, err);
	if (r == 0)
		r = apply(d, &next, err);
	nc_collector_settings_free(&next);
	if (r < 0) {
		nc_say(NC_SAY_NOT_RELOADED, &(struct nc_about){ .reason = nc_buf_cstr(err) },
		       "not reloaded, nothing changed: %s", nc_buf_cstr(err));
	} else {
		nc_conf_restart_needed(nc_collector_options, nc_collector_options_count, &d->started, &d->settings, restart);
		nc_say(NC_SAY_RELOADED, NULL, "reloaded; %zu sensors may send", nc_keylist_count(d->collector->sensors.list));
		if (restart->len)
			nc_say(NC_SAY_RESTART_NEEDED, NULL, "changed, but takes a restart: %s", nc_buf_cstr(restart));
	}
	sd_notify(0, "READY=1");
	return r;
}

static void on_signal(void *user, int signo)
{
	struct daemon *d = user;
	struct nc_buf restart = { .max = 4096 }, err = { .max = ERR_MAX };

	if (signo == SIGHUP)
		(void)reload(d, &restart, &err);
	else
		nc_loop_stop(d->loop, 0);
	nc_buf_free(&restart);
	nc_buf_free(&err);
}

/* --- start and end ------------------------------------------------------------------------------------------------- */

static bool is_inet(int fd, int type, int listening)
{
	return sd_is_socket(fd, AF_INET, type, listening) > 0 || sd_is_socket(fd, AF_INET6, type, listening) > 0;
}

/* Sockets from systemd: listening TCP ones for sessions, UDP ones for datagrams, a listening UNIX one for control; one
 * of the name "metrics". */
static void inherit(struct daemon *d)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		if (strcmp(names[i], "metrics") == 0 && d->metrics_fd < 0) {
			d->metrics_fd = fd;
		} else if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0 && d->control_fd < 0) {
			d->control_fd = fd;
		} else if (is_inet(fd, SOCK_STREAM, 1) && d->tcp_count < NC_LISTEN_MAX) {
			d->tcp_fds[d->tcp_count++] = fd;
		} else if (is_inet(fd, SOCK_DGRAM, -1) && d->udp_count < NC_LISTEN_MAX) {
			d->udp_fds[d->udp_count++] = fd;
		} else {
			nc_say(NC_SAY_SOCKET_UNUSED, NULL, "an inherited socket is of no use here");
			close(fd);
		}
		free(names[i]);
	}
	free(names);
}

/* The first start of a collector makes its keys. */
static int make_keys(struct daemon *d, struct nc_buf *err)
{
	char fingerprint[NC_KEY_FINGERPRINT];

	nc_buf_reset(err);
	if (mkdir(d->settings.keys, 0750) < 0 && errno != EEXIST) {
		int r = -errno;
		nc_buf_printf(err, "keys: cannot make %s: %s", d->settings.keys, strerrordesc_np(-r));
		return r;
	}
	int r = nc_keyring_open(d->settings.keys, NC_CREDENTIAL_COLLECTOR_KEY, true, &d->ring, err);
	if (r < 0 || nc_keyring_credential(d->ring))
		return r;
	nc_key_fingerprint(fingerprint, nc_keyring_current(d->ring)->pub);
	nc_say(NC_SAY_COLLECTOR_KEY_MADE, &(struct nc_about){ .fingerprint = fingerprint },
	       "a key pair was made; copy %s/pub.key to the sensors, where their option collector.key says", d->settings.keys);
	return 0;
}

static int start_keys(struct daemon *d, struct nc_buf *err)
{
	char fingerprint[NC_KEY_FINGERPRINT];

	int r = nc_keyring_open(d->settings.keys, NC_CREDENTIAL_COLLECTOR_KEY, false, &d->ring, err);
	if (r == -ENOENT)
		r = make_keys(d, err);
	if (r == 0 && asprintf(&d->own_sensors, "%s/sensors.d", d->settings.keys) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (nc_keyring_replaced(d->ring))
		nc_say(NC_SAY_KEYS_BY_HAND, NULL, "%s: priv.key was replaced by hand: the change of keys that was under way is forgotten",
		       d->settings.keys);
	if (nc_keyring_unused(d->ring))
		nc_say(NC_SAY_KEY_FILE_UNUSED, NULL, "%s/priv.key is not used: the key is the credential %s", d->settings.keys,
		       NC_CREDENTIAL_COLLECTOR_KEY);
	nc_key_fingerprint(fingerprint, nc_keyring_current(d->ring)->pub);
	nc_say(NC_SAY_COLLECTOR_KEY, &(struct nc_about){ .fingerprint = fingerprint }, "the collector's key is %s", fingerprint);
	return 0;
}

static int start_collector(struct daemon *d, struct nc_buf *err)
{
	struct nc_collector_options o = collector_options(&d->settings);
	int r = nc_collector_new(&o, nc_keyring_current(d->ring), d->settings.root, instant(), &d->collector, err);

	if (r == 0)
		r = nc_state_open(d->settings.keys, &d->state, err);
	if (r < 0)
		return r;
	warn_lines(err);
	d->collector->state = d->state;
	r = nc_collector_read_sensors(d->collector, d->settings.sensors, d->own_sensors, err);
	if (r == -ENOENT) {
		nc_say(NC_SAY_NO_SENSORS, NULL, "%s: there is no such folder: no sensor may send", d->settings.sensors);
		nc_buf_reset(err);
		return 0;
	}
	if (r == 0)
		warn_lines(err);
	return r;
}

static void on_confirmed(void *user)
{
	nc_rekey_check(((struct daemon *)user)->rekey);
}

static int start_gate(struct daemon *d, struct nc_buf *err)
{
	struct nc_gate_options o = { .listen = &d->settings.listen, .fds = d->tcp_fds, .nfds = d->tcp_count };

	nc_sessions_defaults(&o.session);
	int r = nc_rekey_new(d->loop, d->ring, d->collector, &d->rekey, err);
	if (r < 0)
		return r;
	o.session.own[0] = d->collector->keys;
	o.session.own[1] = d->collector->old_keys;
	o.key_grace = d->settings.key_grace / NC_NS_PER_S;
	o.confirmed = on_confirmed;
	o.user = d;
	r = nc_gate_new(d->loop, d->collector, d->state, &o, &d->gate, err);
	if (r == 0)
		nc_rekey_attach(d->rekey, d->gate);
	return r;
}

static int start_datagrams(struct daemon *d, struct nc_buf *err)
{
	if (d->udp_count == 0 && d->settings.datagram_listen.count == 0)
		return 0;
	return nc_receiver_new(d->loop, d->collector, &d->settings.datagram_listen, d->udp_fds, d->udp_count,
	                       d->settings.receive_buffer, &d->receiver, err);
}

/* Something must be able to reach it. */
static int check_listening(const struct daemon *d, struct nc_buf *err)
{
	if (nc_gate_count(d->gate) > 0 || d->receiver)
		return 0;
	nc_buf_str(err, "listen, datagram.listen: no address to listen on");
	return -EINVAL;
}

static int start_control(struct daemon *d, struct nc_buf *err)
{
	const struct nc_control_service *service = nc_control_service(NC_CONTROL_COLLECTORD);
	const struct nc_control_info info = {
		.product = service->product,
		.version = PACKAGE_VERSION,
		.interface = service->interface,
		.group = d->settings.control_group[0] ? d->settings.control_group : NULL,
	};

	d->control = (struct nc_collector_control){ .collector = d->collector,
		                                    .receiver = d->receiver,
		                                    .gate = d->gate,
		                                    .state = d->state,
		                                    .own = d->own_sensors,
		                                    .rekey = d->rekey,
		                                    .reload = reload,
		                                    .relist = relist,
		                                    .config = config_in_effect,
		                                    .user = d };
	if (d->control_fd < 0 && !d->settings.control_socket[0])
		return 0;
	int n = nc_collector_commands(d->commands);
	int r = n < 0 ? n
	              : nc_control_listen(d->loop, d->settings.control_socket, d->control_fd, &info, d->commands, (size_t)n,
	                                  &d->control, &d->server);
	if (r < 0) {
		nc_buf_printf(err, "control socket %s: %s", d->settings.control_socket, strerrordesc_np(-r));
		return r;
	}
	d->control.server = d->server;
	r = nc_tail_new(d->loop, d->server, &d->tail);
	d->control.tail = d->collector->tail = d->tail;
	return r;
}

static json_t *status_for_metrics(void *user)
{
	const struct daemon *d = user;

	return nc_collector_status(&d->control, instant());
}

static int start_metrics(struct daemon *d, struct nc_buf *err)
{
	if (d->metrics_fd < 0 && d->settings.metrics_port == 0)
		return 0;
	return nc_http_new(d->loop, NC_CONTROL_COLLECTORD, (uint16_t)d->settings.metrics_port, d->metrics_fd, status_for_metrics,
	                   d, &d->http, err);
}

static int start(struct daemon *d, struct nc_buf *err)
{
	sigset_t set;
	int r = nc_loop_new(&d->loop);

	if (r < 0)
		return r;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	/* past a limit on file sizes writing fails like on a full disk, and is handled so */
	signal(SIGXFSZ, SIG_IGN);
	r = nc_loop_signals(d->loop, &set, on_signal, d);
	if (r == 0)
		r = start_keys(d, err);
	if (r == 0)
		r = start_collector(d, err);
	if (r == 0)
		r = nc_store_attach(d->collector->store, d->loop);
	if (r == 0)
		r = start_gate(d, err);
	if (r == 0)
		r = start_datagrams(d, err);
	if (r == 0)
		r = check_listening(d, err);
	if (r == 0)
		r = start_control(d, err);
	if (r == 0)
		r = start_metrics(d, err);
	return r < 0 ? r : add_timers(d);
}

/* What waits in the sockets is taken along, everything is written. */
static int stop(struct daemon *d)
{
	uint64_t lost = 0;

	if (d->receiver)
		nc_receiver_drain(d->receiver);
	nc_receiver_free(d->receiver);
	/* questions that are open are answered by it, so the control socket closes later */
	nc_rekey_free(d->rekey);
	nc_gate_free(d->gate);
	nc_http_free(d->http);
	nc_tail_free(d->tail);
	if (d->collector)
		d->collector->tail = NULL;
	if (d->server)
		nc_control_close(d->server);
	lost = nc_collector_free(d->collector);
	nc_state_close(d->state);
	if (lost)
		nc_say(NC_SAY_NOT_WRITTEN, NULL, "%" PRIu64 " records could not be written", lost);
	nc_loop_free(d->loop);
	nc_keyring_free(d->ring);
	free(d->own_sensors);
	nc_collector_settings_free(&d->settings);
	nc_collector_settings_free(&d->started);
	return lost ? 1 : 0;
}

static void announce(struct daemon *d)
{
	char text[NC_LISTEN_TEXT];

	for (size_t i = 0; i < nc_gate_count(d->gate); i++) {
		nc_gate_address(d->gate, i, text);
		nc_say(NC_SAY_LISTENING, &(struct nc_about){ .address = text }, "listening on %s", text);
	}
	for (size_t i = 0; d->receiver && i < nc_receiver_count(d->receiver); i++) {
		nc_receiver_address(d->receiver, i, text);
		nc_say(NC_SAY_LISTENING_DATAGRAMS, &(struct nc_about){ .address = text }, "receiving datagrams on %s", text);
	}
	nc_say(NC_SAY_COLLECTING, NULL, "%zu sensors may send, records go to %s",
	       d->collector->sensors.list ? nc_keylist_count(d->collector->sensors.list) : 0, d->settings.root);
	sd_notify(0, "READY=1");
	on_status(d);
}

static int run(struct daemon *d)
{
	struct nc_buf err = { .max = ERR_MAX };
	int r = nc_collector_settings_read(&d->settings, d->config, d->config_optional, &err);

	if (r == 0)
		r = nc_collector_settings_read(&d->started, d->config, d->config_optional, &err);
	if (r < 0) {
		nc_say(NC_SAY_CONFIG_WRONG, NULL, "%s", nc_buf_cstr(&err));
		nc_buf_free(&err);
		return 2;
	}
	nc_log_level(nc_collector_settings_level(&d->settings));
	inherit(d);
	r = start(d, &err);
	if (r < 0)
		nc_say(NC_SAY_START_FAILED, NULL, "%s", err.len ? nc_buf_cstr(&err) : strerrordesc_np(-r));
	nc_buf_free(&err);
	int status = 1;
	if (r == 0) {
		announce(d);
		status = nc_loop_run(d->loop) < 0 ? 1 : 0;
		sd_notify(0, "STOPPING=1\nSTATUS=writing what waits");
		nc_say(NC_SAY_STOPPING, NULL, "stopping");
	}
	return stop(d) ? 1 : status;
}

/* --- command line -------------------------------------------------------------------------------------------------- */

static const struct nc_cli_option cli_options[] = {
	{ "config", required_argument, 'c', "FILE", "the configuration; " CONFIG " by default" },
	{ "check-config", no_argument, 'k', NULL, "read the configuration, say what is wrong with it, and end" },
	{ "dump-config", no_argument, 'd', NULL, "print every option with its value and what it means, and end" },
	{ "foreground", no_argument, 'f', NULL, "accepted for the habit: it always stays in the foreground" },
	{ "gen-keypair", optional_argument, 'g', "DIR", "write pub.key and priv.key into DIR (default: option \"keys\"), print the fingerprint" },
	{ "version", no_argument, 'v', NULL, "print the version and end" },
	{ "help", no_argument, 'h', NULL, "print this and end" },
};
static const struct nc_cli cli = {
	.program = PROGRAM, .purpose = "Receives records from sensors and stores them.", .letters = ":c:fhv",
	.options = cli_options, .n = sizeof(cli_options) / sizeof(cli_options[0]),
};

/* For the command line: a file that was not named may be missing. */
static int read_settings(void *settings, const char *path, struct nc_buf *err)
{
	return nc_collector_settings_read(settings, path, strcmp(path, CONFIG) == 0, err);
}

static void free_settings(void *settings)
{
	nc_collector_settings_free(settings);
}

static int write_keypair(const char *dir)
{
	char fingerprint[NC_KEY_FINGERPRINT], hex[2 * NC_KEY_LEN + 1];
	struct nc_buf err = { .max = ERR_MAX };
	struct nc_keypair *k = nc_keypair_new();
	int r = k ? 0 : -ENOMEM;

	if (r == 0 && mkdir(dir, 0700) < 0 && errno != EEXIST) {
		r = -errno;
		nc_buf_printf(&err, "%s: %s", dir, strerrordesc_np(-r));
	}
	if (r == 0) {
		nc_keypair_generate(k);
		r = nc_keypair_write(k, dir, &err);
	}
	if (r < 0) {
		fprintf(stderr, PROGRAM ": %s\n", err.len ? nc_buf_cstr(&err) : strerrordesc_np(-r));
	} else {
		nc_key_fingerprint(fingerprint, k->pub);
		nc_text_hex(hex, k->pub, NC_KEY_LEN);
		printf("fingerprint: %s\npublic key:  %s\nwritten to:  %s\n", fingerprint, hex, dir);
	}
	nc_keypair_free(k);
	nc_buf_free(&err);
	return r < 0 ? 1 : 0;
}

static int gen_keypair(const struct daemon *d, const char *dir)
{
	struct nc_buf err = { .max = ERR_MAX };
	struct nc_collector_settings s;

	if (dir)
		return write_keypair(dir);
	int r = nc_collector_settings_read(&s, d->config, d->config_optional, &err);
	if (r < 0)
		fprintf(stderr, PROGRAM ": %s\n", nc_buf_cstr(&err));
	int status = r < 0 ? 2 : write_keypair(s.keys);
	nc_collector_settings_free(&s);
	nc_buf_free(&err);
	return status;
}

/* The command of the line: 'r' run, or the code of an option that ends at once; 0 when the line is wrong. */
static int parse(int argc, char **argv, struct daemon *d, const char **dir)
{
	int command = 'r', code;
	const char *arg;

	while ((code = nc_cli_next(&cli, argc, argv, &arg)) > 0) {
		if (code == 'c') {
			d->config = arg;
			d->config_optional = false;
		} else if (code == 'g') {
			*dir = arg;
			command = 'g';
		} else if (code != 'f') {
			command = code;
		}
	}
	if (code < 0)
		return 0;
	if (command == 'g' && !*dir && optind < argc)
		*dir = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, PROGRAM ": %s: unexpected word\n", argv[optind]);
		return 0;
	}
	return command;
}

static int dispatch(struct daemon *d, int command, const char *dir)
{
	const struct nc_cli_settings s = {
		.table = nc_collector_options,
		.n = nc_collector_options_count,
		.settings = &d->settings,
		.read = read_settings,
		.free = free_settings,
	};

	switch (command) {
	case 'h':
		return nc_cli_help(&cli);
	case 'v':
		printf(PROGRAM " %s\n", PACKAGE_VERSION);
		return 0;
	case 'k':
		return nc_cli_check_config(&cli, &s, d->config);
	case 'd':
		return nc_cli_dump_config(&cli, &s, d->config);
	case 'g':
		return gen_keypair(d, dir);
	case 'r':
		return run(d);
	}
	return 2;
}

int nc_collectord_main(int argc, char **argv)
{
	struct daemon d = { .config = CONFIG, .config_optional = true, .control_fd = -1, .metrics_fd = -1 };
	const char *dir = NULL;

	nc_log_open(PROGRAM);
	if (nc_keys_init() < 0) {
		nc_say(NC_SAY_START_FAILED, NULL, "the crypto library does not start");
		return 1;
	}
	int command = parse(argc, argv, &d, &dir);
	return dispatch(&d, command, dir);
}
