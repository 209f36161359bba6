/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's options: one table behind the configuration file, its sample and its manual. */
#include "config.h"

#include "sensord/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "capture/live.h"
#include "conf/daemon.h"
#include "pipeline/pipeline.h"
#include "sensord/spool.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const char *const transports[] = { "session", "datagram", NULL };
static const char *const peers[] = { "netcap", "netcap-2019", NULL };

static int check_bpf(const void *value, struct nc_buf *why)
{
	const char *text = value;

	return *text ? nc_filter_check(text, why) : 0;
}

static int check_types(const void *value, struct nc_buf *why)
{
	const struct nc_conf_list *list = value;

	for (size_t i = 0; i < list->count; i++) {
		char shown[80];
		if (nc_type_by_name(list->items[i]))
			continue;
		const char *near = nc_type_nearest(list->items[i]);
		nc_text_escape(shown, sizeof(shown), list->items[i], strlen(list->items[i]));
		nc_buf_printf(why, "unknown record type \"%s\"%s%s", shown, near ? "; did you mean " : "", near ? near : "");
		return -EINVAL;
	}
	return 0;
}

#define AT(member) .offset = offsetof(struct nc_sensor_settings, member)

const struct nc_conf_option nc_sensor_options[] = {
	{
		.key = "name",
		.kind = NC_CONF_STRING,
		AT(name),
		.dflt = "",
		.restart = true,
		.help = "Name that the sensor gives itself; empty: the host's name. The collector files records under the name that it gave "
			"the sensor's key, whatever stands here.",
	},
	{
		.key = "interfaces",
		.kind = NC_CONF_STRINGS,
		AT(interfaces),
		.dflt = "",
		.restart = true,
		.help = "Interfaces to capture on; netcap-sensord --list-interfaces shows what there is.",
	},
	{
		.key = "bpf",
		.kind = NC_CONF_STRING,
		AT(bpf),
		.dflt = "",
		.check = check_bpf,
		.help = "Capture only packets that this filter passes (pcap-filter(7)); empty: all. A change takes effect on packets that come after the "
			"reload. Names of hosts in it are looked up at every reload.",
	},
	{
		.key = "snaplen",
		.kind = NC_CONF_SIZE,
		AT(snaplen),
		.dflt = "256K",
		.min = 64,
		.max = 256 * KIB,
		.restart = true,
		.help = "Bytes to capture of each packet.",
	},
	{
		.key = "buffer",
		.kind = NC_CONF_SIZE,
		AT(buffer),
		.dflt = "32M",
		.min = MIB,
		.max = GIB,
		.restart = true,
		.help = "Kernel buffer of each worker for packets that wait.",
	},
	{
		.key = "promisc",
		.kind = NC_CONF_BOOL,
		AT(promisc),
		.dflt = "true",
		.restart = true,
		.help = "Capture in promiscuous mode.",
	},
	{
		.key = "workers",
		.kind = NC_CONF_INT,
		AT(workers),
		.dflt = "0",
		.max = NC_WORKERS_MAX,
		.restart = true,
		.help = "Worker processes of each interface; 0: one per core.",
	},
	{
		.key = "include",
		.kind = NC_CONF_STRINGS,
		AT(include),
		.dflt = "",
		.check = check_types,
		.help = "Record types to write; empty: all. When kinds of flows change on reload, live flows are sent and go on in new records; stream "
			"readers (HTTP, TLS, SSH) that are switched on read the connections that begin then.",
	},
	{
		.key = "exclude",
		.kind = NC_CONF_STRINGS,
		AT(exclude),
		.dflt = "",
		.check = check_types,
		.help = "Record types to leave out.",
	},
	{
		.key = "payloads",
		.kind = NC_CONF_BOOL,
		AT(payloads),
		.dflt = "false",
		.help = "Keep payloads in the records that have a field for them.",
	},
	{
		.key = "flows.timeout",
		.kind = NC_CONF_DURATION,
		AT(flow_timeout),
		.dflt = "30s",
		.max = 24 * 3600 * NC_NS_PER_S,
		.help = "End a Flow, LinkFlow, NetworkFlow or TransportFlow that is idle for so long; 0: never. What comes later makes a new record "
			"with the same UID.",
	},
	{
		.key = "flows.conn_timeout",
		.kind = NC_CONF_DURATION,
		AT(conn_timeout),
		.dflt = "60s",
		.max = 24 * 3600 * NC_NS_PER_S,
		.help = "The same for a Connection and for streams of TCP.",
	},
	{
		.key = "flows.active_timeout",
		.kind = NC_CONF_DURATION,
		AT(active_timeout),
		.dflt = "30m",
		.max = 24 * 3600 * NC_NS_PER_S,
		.help = "Let flows and connections that have lasted for longer go on in a new record; 0: never.",
	},
	{
		.key = "flows.max",
		.kind = NC_CONF_INT,
		AT(max_flows),
		.dflt = "1000000",
		.min = NC_FLOWS_MIN,
		.max = NC_FLOWS_MAX,
		.restart = true,
		.help = "Flows of all kinds that each worker keeps at one time, about 100 bytes each. When there are more, those that have been idle "
			"for longest are sent before their time, and counted.",
	},
	{
		.key = "state",
		.kind = NC_CONF_STRING,
		AT(state),
		.dflt = NC_STATEDIR "/sensor",
		.restart = true,
		.help = "Folder of the sensor's key pair, which is made at the first start, and of errors.pcap, unknown.pcap and errors.log.",
	},
	{
		.key = "key_grace",
		.kind = NC_CONF_DURATION,
		AT(key_grace),
		.dflt = "1d",
		.min = 0,
		.max = 365 * 24 * 3600 * NC_NS_PER_S,
		.help = "How long the sensor's old key is good after netcapctl rotate-keys, from the moment on when the new one is used. The collector "
			"may allow less.",
	},
	{
		.key = "streams.memory",
		.kind = NC_CONF_SIZE,
		AT(stream_memory),
		.dflt = "256M",
		.min = NC_STREAM_MEMORY_MIN,
		.max = NC_STREAM_MEMORY_MAX,
		.restart = true,
		.help = "Memory for TCP streams, of all workers of an interface together.",
	},
	{
		.key = "collector.address",
		.kind = NC_CONF_STRINGS,
		AT(collector_address),
		.dflt = "127.0.0.1:1335",
		.restart = true,
		.help = "Where the collector listens: \"192.0.2.1:1335\", \"[2001:db8::1]:1335\" or \"name:1335\". Several can be listed: the next "
			"is tried when one fails.",
	},
	{
		.key = "collector.key",
		.kind = NC_CONF_STRINGS,
		AT(collector_key),
		.dflt = NC_SYSCONFDIR "/collector.pub",
		.restart = true,
		.help = "File with the collector's public key, a copy of its pub.key. One for all addresses, or one for each of them.",
	},
	{
		.key = "collector.psk",
		.kind = NC_CONF_STRING,
		AT(collector_psk),
		.dflt = "",
		.restart = true,
		.help = "File with a pre-shared key of 64 hex digits, which only the daemon's user may read (mode 0600); the collector has the same one "
			"in NAME.psk beside this sensor's NAME.pub. A credential netcap-sensor.psk of systemd goes before it. Empty: none.",
	},
	{
		.key = "collector.transport",
		.kind = NC_CONF_ENUM,
		AT(collector_transport),
		.dflt = "session",
		.words = transports,
		.restart = true,
		.help = "How records travel: \"session\" is TCP, and a record is kept until the collector has it on disk; \"datagram\" is UDP, best "
			"effort, to one address, for collectors of 2019.",
	},
	{
		.key = "collector.window",
		.kind = NC_CONF_SIZE,
		AT(collector_window),
		.dflt = "32M",
		.min = 64 * KIB,
		.max = 4 * GIB,
		.restart = true,
		.help = "Bytes that a session sends before the collector has acknowledged the first of them; never more than queue.limit.",
	},
	{
		.key = "collector.renew_interval",
		.kind = NC_CONF_DURATION,
		AT(collector_renew_interval),
		.dflt = "10m",
		.min = NC_NS_PER_S / 10,
		.max = 86400 * NC_NS_PER_S,
		.restart = true,
		.help = "How long a session lasts before one with new keys takes over.",
	},
	{
		.key = "collector.renew_bytes",
		.kind = NC_CONF_SIZE,
		AT(collector_renew_bytes),
		.dflt = "64G",
		.min = MIB,
		.max = 1024 * GIB,
		.restart = true,
		.help = "How much a session sends before one with new keys takes over.",
	},
	{
		.key = "collector.peer",
		.kind = NC_CONF_ENUM,
		AT(collector_peer),
		.dflt = "netcap",
		.words = peers,
		.restart = true,
		.help = "What the collector is: \"netcap\", or \"netcap-2019\" for the server of that year, which drops the data of the first batch "
			"of each type; it is then sent without any.",
	},
	{
		.key = "batch.interval",
		.kind = NC_CONF_DURATION,
		AT(batch_interval),
		.dflt = "1s",
		.min = NC_NS_PER_S / 100,
		.max = 3600 * NC_NS_PER_S,
		.help = "How long records may wait before they are sent.",
	},
	{
		.key = "queue.limit",
		.kind = NC_CONF_SIZE,
		AT(queue_limit),
		.dflt = "64M",
		.min = MIB,
		.max = 64 * GIB,
		.help = "Memory for records until the collector has them. Beyond it they go to the spool where there is one; else the oldest are "
			"dropped and counted: first those of packets, then flows, connections and the like.",
	},
	{
		.key = "spool.path",
		.kind = NC_CONF_STRING,
		AT(spool_path),
		.dflt = "",
		.restart = true,
		.help = "Folder for records that find no room in memory, and for those that the collector has not got when the sensor stops; for "
			"instance one inside of \"state\". Only the collector can read them there. Empty: none. Takes the session transport, "
			"and one key for all collectors.",
	},
	{
		.key = "spool.limit",
		.kind = NC_CONF_SIZE,
		AT(spool_limit),
		.dflt = "1G",
		.min = NC_SPOOL_LIMIT_MIN,
		.max = 1024 * GIB,
		.help = "Size that this folder may have. Beyond it the oldest records are dropped and counted.",
	},
	{
		.key = "ledger.interval",
		.kind = NC_CONF_DURATION,
		AT(ledger_interval),
		.dflt = "1m",
		.min = NC_NS_PER_S,
		.max = 24 * 3600 * NC_NS_PER_S,
		.help = "How often the collector is told where packets and records went.",
	},
	{
		.key = "keep.errors",
		.kind = NC_CONF_BOOL,
		AT(keep_errors),
		.dflt = "true",
		.help = "Keep packets that could not be decoded, in errors.pcap and errors.log.",
	},
	{
		.key = "keep.unknown",
		.kind = NC_CONF_BOOL,
		AT(keep_unknown),
		.dflt = "false",
		.help = "Keep packets with a link, network or transport protocol that nobody decodes, in unknown.pcap.",
	},
	{
		.key = "keep.limit",
		.kind = NC_CONF_SIZE,
		AT(keep_limit),
		.dflt = "64M",
		.min = MIB,
		.max = 1024 * GIB,
		.help = "Size that these files may have together; what comes later is counted only.",
	},
	NC_CONF_DAEMON_ROWS(struct nc_sensor_settings, NC_RUNDIR "/sensord.sock"),
};
const size_t nc_sensor_options_count = sizeof(nc_sensor_options) / sizeof(nc_sensor_options[0]);

static void mark(const struct nc_conf_list *list, bool value, bool wanted[static NC_TYPES_MAX])
{
	for (size_t i = 0; i < list->count; i++) {
		const struct nc_type *t = nc_type_by_name(list->items[i]);
		if (t)
			wanted[nc_type_slot(t)] = value;
	}
}

void nc_sensor_settings_wanted(const struct nc_sensor_settings *s, bool wanted[static NC_TYPES_MAX])
{
	for (size_t i = 0; i < NC_TYPES_MAX; i++)
		wanted[i] = s->include.count == 0;
	mark(&s->include, true, wanted);
	mark(&s->exclude, false, wanted);
}

static int check_spool(const struct nc_sensor_settings *s, struct nc_buf *err)
{
	const char *why = NULL;

	if (s->collector_transport == NC_TRANSPORT_DATAGRAM)
		why = "the datagram transport can't send what is sealed for the collector";
	else if (s->collector_key.count > 1)
		why = "what is sealed for one collector can't be sent to another; collector.key must name one key for all";
	if (!*s->spool_path || !why)
		return 0;
	nc_buf_printf(err, "spool.path: %s", why);
	return -EINVAL;
}

int nc_sensor_settings_read(struct nc_sensor_settings *s, const char *path, struct nc_buf *err)
{
	memset(s, 0, sizeof(*s));
	nc_conf_defaults(nc_sensor_options, nc_sensor_options_count, s);
	int rc = nc_conf_read(nc_sensor_options, nc_sensor_options_count, s, path, err);
	if (rc == 0) {
		rc = check_spool(s, err);
		if (rc)
			nc_buf_printf(err, " (in %s)", path);
	}
	if (rc)
		nc_sensor_settings_free(s);
	return rc;
}

void nc_sensor_settings_free(struct nc_sensor_settings *s)
{
	nc_conf_free(nc_sensor_options, nc_sensor_options_count, s);
	memset(s, 0, sizeof(*s));
}

int nc_sensor_settings_level(const struct nc_sensor_settings *s)
{
	return nc_log_level_parse(nc_conf_levels[s->log_level]);
}
