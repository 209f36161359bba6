/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor as a daemon: command line, signals, control socket, systemd. */
#include "config.h"

#include "sensord/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/message.h"
#include "base/time.h"
#include "conf/cli.h"
#include "control/commands.h"
#include "control/http.h"
#include "sensord/ledger.h"
#include "sensord/sensor.h"
#include "wire/credential.h"

#define PROGRAM      "netcap-sensord"
#define CONFIG       NC_SYSCONFDIR "/sensord.conf"
#define STATUS_EVERY (5 * NC_NS_PER_S)
#define LAST_SENDING (5 * NC_NS_PER_S) /* how long the end may wait for the network */

struct daemon {
	const char *config;
	struct nc_sensor_settings settings; /* as of the last reload */
	struct nc_sensor_settings started;  /* of options that take a restart these count */
	struct nc_loop *loop;
	struct nc_sensor sensor;
	struct nc_control_server *server;
	struct nc_control_command commands[NC_CONTROL_COMMANDS_MAX];
	struct nc_http *http;
	int control_fd, metrics_fd; /* inherited, or -1 */
};

/* --- timers ------------------------------------------------------------------------------------------------------------------
 */

static void on_status(void *user)
{
	const struct daemon *d = user;
	struct nc_ship_state q;
	struct nc_transport_state t;
	uint64_t packets = 0, dropped = 0;

	for (unsigned k = 0; k < d->sensor.count; k++) {
		struct nc_pipeline_stats st;
		nc_pipeline_stats(d->sensor.interfaces[k].pipeline, &st);
		packets += st.packets;
		dropped += st.kernel_drop + st.crash_drop;
	}
	nc_ship_get_state(d->sensor.ship, &q, &t);
	sd_notifyf(0, "STATUS=%" PRIu64 " packets on %u interfaces, %" PRIu64 " dropped, %" PRIu64 " records sent, %" PRIu64 " bytes wait", packets,
	           d->sensor.count, dropped, t.records, q.queue_bytes);
}

static void on_watchdog(void *user)
{
	(void)user;
	sd_notify(0, "WATCHDOG=1");
}

static int add_timers(struct daemon *d)
{
	uint64_t usec = 0;
	int rc = nc_loop_add_timer(d->loop, STATUS_EVERY, STATUS_EVERY, on_status, d, NULL);

	if (rc == 0 && sd_watchdog_enabled(0, &usec) > 0 && usec > 1 && usec < INT64_MAX / 1000) {
		int64_t half = (int64_t)usec / 2 * 1000;
		rc = nc_loop_add_timer(d->loop, half, half, on_watchdog, d, NULL);
	}
	return rc;
}

/* --- reload ------------------------------------------------------------------------------------------------------------------
 */

/* All of what the file says, or nothing. */
static int read_again(struct daemon *d, struct nc_buf *err)
{
	struct nc_sensor_settings next;
	int rc = nc_sensor_settings_read(&next, d->config, err);

	if (rc < 0)
		return rc;
	rc = nc_sensor_apply(&d->sensor, &d->settings, &next, err);
	if (rc < 0) {
		nc_sensor_settings_free(&next);
		return rc;
	}
	nc_sensor_settings_free(&d->settings);
	d->settings = next;
	nc_log_level(nc_sensor_settings_level(&d->settings));
	return 0;
}

static int reload(struct daemon *d, struct nc_buf *restart, struct nc_buf *err)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, nc_time_mono() / 1000);
	int rc = read_again(d, err);
	if (rc < 0) {
		nc_say(NC_SAY_NOT_RELOADED, &(struct nc_about){ .reason = nc_buf_cstr(err) },
		       "not reloaded, nothing changed: %s", nc_buf_cstr(err));
	} else {
		nc_conf_restart_needed(nc_sensor_options, nc_sensor_options_count, &d->started, &d->settings, restart);
		nc_say(NC_SAY_RELOADED, NULL, "reloaded");
		if (restart->len)
			nc_say(NC_SAY_RESTART_NEEDED, NULL, "changed, but takes a restart: %s", nc_buf_cstr(restart));
	}
	sd_notify(0, "READY=1");
	return rc;
}

static void on_signal(void *user, int signo)
{
	struct daemon *d = user;
	struct nc_buf restart = { .max = 4096 }, err = { .max = 65536 };

	if (signo == SIGHUP) {
		(void)reload(d, &restart, &err);
	} else if (signo == SIGUSR1) {
		nc_sensor_flush_flows(&d->sensor);
	} else if (!d->sensor.stopping) {
		sd_notify(0, "STOPPING=1\nSTATUS=sending what waits");
		nc_say(NC_SAY_STOPPING, NULL, "stopping");
		nc_sensor_stop(&d->sensor);
	}
	nc_buf_free(&restart);
	nc_buf_free(&err);
}

/* --- control -----------------------------------------------------------------------------------------------------------------
 */

static const char *get_status(void *user, json_t *parameters, json_t **reply)
{
	const struct daemon *d = user;

	(void)parameters;
	*reply = json_pack("{s:o}", "status", nc_sensor_status(&d->sensor));
	return NULL;
}

static const char *get_ledger(void *user, json_t *parameters, json_t **reply)
{
	const struct daemon *d = user;
	struct nc_ledger *l = malloc(sizeof(*l));

	(void)parameters;
	if (!l)
		return "NotPossible";
	nc_sensor_ledger(&d->sensor, l);
	*reply = json_pack("{s:o}", "ledger", nc_ledger_json(l, false));
	free(l);
	return NULL;
}

static const char *get_interfaces(void *user, json_t *parameters, json_t **reply)
{
	const struct daemon *d = user;

	(void)parameters;
	*reply = json_pack("{s:o}", "interfaces", nc_sensor_interfaces(&d->sensor));
	return NULL;
}

static const char *get_types(void *user, json_t *parameters, json_t **reply)
{
	const struct daemon *d = user;

	(void)parameters;
	*reply = json_pack("{s:o}", "types", nc_sensor_types(&d->sensor));
	return NULL;
}

static const char *get_config(void *user, json_t *parameters, json_t **reply)
{
	const struct daemon *d = user;
	struct nc_buf text = { .max = 1 << 20 }, restart = { .max = 4096 };

	(void)parameters;
	nc_conf_dump_in_effect(nc_sensor_options, nc_sensor_options_count, &d->started, &d->settings, &text);
	nc_conf_restart_needed(nc_sensor_options, nc_sensor_options_count, &d->started, &d->settings, &restart);
	*reply = json_pack("{s:s, s:s}", "file", d->config, "config", nc_buf_cstr(&text));
	if (restart.len)
		json_object_set_new(*reply, "restart_needed", json_string(nc_buf_cstr(&restart)));
	nc_buf_free(&text);
	nc_buf_free(&restart);
	return NULL;
}

static const char *flush(void *user, json_t *parameters, json_t **reply)
{
	struct daemon *d = user;

	(void)parameters;
	(void)reply;
	nc_sensor_flush_flows(&d->sensor);
	return NULL;
}

static const char *reload_command(void *user, json_t *parameters, json_t **reply)
{
	struct nc_buf restart = { .max = 4096 }, err = { .max = 65536 };
	const char *name = NULL;

	(void)parameters;
	if (reload(user, &restart, &err) < 0) {
		*reply = json_pack("{s:s}", "reason", nc_buf_cstr(&err));
		name = "NotPossible";
	} else if (restart.len) {
		*reply = json_pack("{s:s}", "restart_needed", nc_buf_cstr(&restart));
	}
	nc_buf_free(&restart);
	nc_buf_free(&err);
	return name;
}

static const char *rotate_keys(void *user, json_t *parameters, json_t **reply)
{
	struct daemon *d = user;
	int rc = nc_sensor_rotate_keys(&d->sensor, json_is_true(json_object_get(parameters, "now")));
	const char *why = rc == -ENOTSUP  ? "only sessions can tell the collector of a new key"
	                  : rc == -EROFS ? "the key is the credential " NC_CREDENTIAL_SENSOR_KEY
	                                   ", which is replaced where systemd has it from; netcap-sensord(8) says how"
	                                 : strerrordesc_np(-rc);

	if (rc == 0)
		return NULL;
	*reply = json_pack("{s:s}", "reason", why);
	return "NotPossible";
}

static const char *get_version(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	(void)parameters;
	*reply = json_pack("{s:s, s:s}", "product", PROGRAM, "version", PACKAGE_VERSION);
	return NULL;
}

static int start_control(struct daemon *d, struct nc_buf *err)
{
	static const struct nc_control_binding bindings[] = {
		{ "status", get_status }, { "ledger", get_ledger },        { "flush", flush },
		{ "reload", reload_command },     { "version", get_version },
		{ "interfaces", get_interfaces }, { "types", get_types },
		{ "config", get_config },         { "log-level", nc_control_log_level },
		{ "rotate-keys", rotate_keys },
	};
	const struct nc_control_service *service = nc_control_service(NC_CONTROL_SENSORD);
	const struct nc_control_info info = {
		.product = service->product, .version = PACKAGE_VERSION, .interface = service->interface,
		.group = *d->started.control_group ? d->started.control_group : NULL,
	};

	if (d->control_fd < 0 && !*d->started.control_socket)
		return 0;
	int n = nc_control_bind(NC_CONTROL_SENSORD, bindings, sizeof(bindings) / sizeof(bindings[0]), d->commands);
	int rc = n < 0 ? n
	               : nc_control_listen(d->loop, d->started.control_socket, d->control_fd, &info, d->commands, (size_t)n, d,
	                                   &d->server);
	if (rc < 0)
		nc_buf_printf(err, "control socket %s: %s", d->started.control_socket, strerror(-rc));
	return rc;
}

static json_t *status_for_metrics(void *user)
{
	const struct daemon *d = user;

	return nc_sensor_status(&d->sensor);
}

static int start_metrics(struct daemon *d, struct nc_buf *err)
{
	if (d->metrics_fd < 0 && d->started.metrics_port == 0)
		return 0;
	return nc_http_new(d->loop, NC_CONTROL_SENSORD, (uint16_t)d->started.metrics_port, d->metrics_fd, status_for_metrics, d,
	                   &d->http, err);
}

/* --- start and end -----------------------------------------------------------------------------------------------------------
 */

static int start(struct daemon *d, struct nc_buf *err)
{
	sigset_t set;
	int rc = nc_loop_new(&d->loop);

	if (rc < 0)
		return rc;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* past a limit on file sizes writing fails like on a full disk */
	rc = nc_loop_signals(d->loop, &set, on_signal, d);
	if (rc == 0)
		rc = nc_sensor_start(&d->sensor, d->loop, &d->started, err);
	if (rc == 0)
		rc = start_control(d, err);
	if (rc == 0)
		rc = start_metrics(d, err);
	return rc < 0 ? rc : add_timers(d);
}

/* The network may take a while to take the last batches. */
static void send_last(struct daemon *d)
{
	int64_t until = nc_time_mono() + LAST_SENDING;

	while (!nc_ship_pump(d->sensor.ship) && nc_time_mono() < until)
		(void)nc_loop_once(d->loop, 50);
	/* the last word: where everything went */
	if (nc_sensor_send_ledger(&d->sensor) == 0)
		(void)nc_ship_pump(d->sensor.ship);
}

static int stop(struct daemon *d, int status)
{
	uint64_t left, kept = 0;

	nc_http_free(d->http);
	if (d->server)
		nc_control_close(d->server);
	left = nc_sensor_end(&d->sensor, &kept);
	if (kept)
		nc_say(NC_SAY_SPOOL_WAITS, NULL, "%" PRIu64 " records wait in the spool", kept);
	if (left) {
		nc_say(NC_SAY_NOT_SENT, NULL, "%" PRIu64 " records could not be sent", left);
		status = 1;
	}
	nc_loop_free(d->loop);
	nc_sensor_settings_free(&d->settings);
	nc_sensor_settings_free(&d->started);
	return status;
}

/* Sockets from systemd: a listening UNIX one for control, one of the name "metrics". */
static void inherit(struct daemon *d)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		if (strcmp(names[i], "metrics") == 0 && d->metrics_fd < 0)
			d->metrics_fd = fd;
		else if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0 && d->control_fd < 0)
			d->control_fd = fd;
		else
			close(fd);
		free(names[i]);
	}
	free(names);
}

static int run(struct daemon *d)
{
	struct nc_buf err = { .max = 65536 };
	int rc = nc_sensor_settings_read(&d->settings, d->config, &err);

	if (rc == 0)
		rc = nc_sensor_settings_read(&d->started, d->config, &err);
	if (rc < 0) {
		nc_say(NC_SAY_CONFIG_WRONG, NULL, "%s", nc_buf_cstr(&err));
		nc_buf_free(&err);
		return 2;
	}
	nc_log_level(nc_sensor_settings_level(&d->settings));
	inherit(d);
	rc = start(d, &err);
	int status = rc < 0 ? 1 : 0;
	if (rc < 0)
		nc_say(NC_SAY_START_FAILED, NULL, "%s", err.len ? nc_buf_cstr(&err) : strerror(-rc));
	nc_buf_free(&err);
	if (rc == 0) {
		const char *address = d->settings.collector_address.items[0];
		nc_say(NC_SAY_CAPTURING, &(struct nc_about){ .address = address }, "capturing on %u interface%s, sending to %s",
		       d->sensor.count, d->sensor.count == 1 ? "" : "s", address);
		sd_notify(0, "READY=1");
		on_status(d);
		status = nc_loop_run(d->loop) != 0;
		send_last(d);
	}
	return stop(d, status);
}

/* --- command line ------------------------------------------------------------------------------------------------------------
 */

static const struct nc_cli_option cli_options[] = {
	{ "config", required_argument, 'c', "FILE", "the configuration; " CONFIG " by default" },
	{ "check-config", no_argument, 'k', NULL, "read the configuration, say what is wrong with it, and end" },
	{ "dump-config", no_argument, 'd', NULL, "print every option with its value and what it means, and end" },
	{ "list-interfaces", no_argument, 'l', NULL, "print the interfaces that can be captured on, and end" },
	{ "foreground", no_argument, 'f', NULL, "accepted for the habit: it always stays in the foreground" },
	{ "version", no_argument, 'v', NULL, "print the version and end" },
	{ "help", no_argument, 'h', NULL, "print this and end" },
};
static const struct nc_cli cli = {
	.program = PROGRAM, .purpose = "Captures packets, decodes them, and sends the records to a collector.", .letters = ":c:fhv",
	.options = cli_options, .n = sizeof(cli_options) / sizeof(cli_options[0]),
};

static int list_interfaces(void)
{
	struct nc_buf out = { 0 }, err = { 0 };
	int rc = nc_live_list(&out, &err);

	if (rc < 0)
		fprintf(stderr, PROGRAM ": %s\n", err.len ? nc_buf_cstr(&err) : strerror(-rc));
	else
		fwrite(out.data, 1, out.len, stdout);
	nc_buf_free(&out);
	nc_buf_free(&err);
	return rc < 0 ? 1 : 0;
}

/* Without a file the defaults are what there is to dump; everything else needs one. */
static int read_or_default(void *settings, const char *path, struct nc_buf *err)
{
	if (strcmp(path, CONFIG) != 0 || access(path, F_OK) == 0)
		return nc_sensor_settings_read(settings, path, err);
	memset(settings, 0, sizeof(struct nc_sensor_settings));
	nc_conf_defaults(nc_sensor_options, nc_sensor_options_count, settings);
	return 0;
}

static int read_settings(void *settings, const char *path, struct nc_buf *err)
{
	return nc_sensor_settings_read(settings, path, err);
}

static void free_settings(void *settings)
{
	nc_sensor_settings_free(settings);
}

static int dispatch(struct daemon *d, int command)
{
	struct nc_cli_settings s = {
		.table = nc_sensor_options,
		.n = nc_sensor_options_count,
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
		s.read = read_or_default;
		return nc_cli_dump_config(&cli, &s, d->config);
	case 'l':
		return list_interfaces();
	}
	return run(d);
}

int nc_sensord_main(int argc, char **argv)
{
	struct daemon d = { .config = CONFIG, .control_fd = -1, .metrics_fd = -1, .sensor = { .state_dir = -1 } };
	int command = 'r', code;
	const char *arg;

	nc_log_open(PROGRAM);
	if (nc_keys_init() < 0) {
		nc_say(NC_SAY_START_FAILED, NULL, "the crypto library does not start");
		return 1;
	}
	while ((code = nc_cli_next(&cli, argc, argv, &arg)) > 0) {
		if (code == 'c')
			d.config = arg;
		else if (code != 'f')
			command = code;
	}
	if (code == 0 && optind < argc) {
		fprintf(stderr, PROGRAM ": %s: unexpected word\n", argv[optind]);
		code = -1;
	}
	return code < 0 ? 2 : dispatch(&d, command);
}
