/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's options: one table behind the configuration file, its sample and its manual. */
#include "config.h"

#include "collectord/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "collectord/receive.h"
#include "conf/daemon.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define DAY (86400 * NC_NS_PER_S)

static const char *const verifies[] = { "full", "header", NULL }; /* as enum nc_store_verify */

#define AT(member) .offset = offsetof(struct nc_collector_settings, member)

const struct nc_conf_option nc_collector_options[] = {
	{
		.key = "listen",
		.kind = NC_CONF_STRINGS,
		AT(listen),
		.dflt = "0.0.0.0:1335",
		.restart = true,
		.help = "Addresses and TCP ports where sensors' sessions are taken: \"192.0.2.1:1335\", \"[2001:db8::1]:1335\"; \"0.0.0.0\" and "
			"\"[::]\" are all of a family. Unused when systemd hands over such sockets.",
	},
	{
		.key = "datagram.listen",
		.kind = NC_CONF_STRINGS,
		AT(datagram_listen),
		.dflt = "",
		.restart = true,
		.help = "Addresses and UDP ports where datagrams are taken, for sensors of 2019 and those with collector.transport = \"datagram\"; "
			"empty: none are. Unused when systemd hands over such sockets.",
	},
	{
		.key = "keys",
		.kind = NC_CONF_STRING,
		AT(keys),
		.dflt = NC_STATEDIR "/collector",
		.restart = true,
		.help = "Folder of the collector's key pair, pub.key and priv.key, which is made at the first start, and of what it remembers of "
			"sensors' keys. Those that netcapctl authorize let in are in its sensors.d.",
	},
	{
		.key = "sensors",
		.kind = NC_CONF_STRING,
		AT(sensors),
		.dflt = NC_SYSCONFDIR "/sensors.d",
		.help = "Folder of the sensors that may send: one file NAME.pub each, with the sensor's public key. Read again on reload. "
			"Sensors that netcapctl authorize let in are kept beside the keys. A file NAME.psk beside NAME.pub, readable by the "
			"daemon's user only (mode 0600), holds a pre-shared key of 64 hex digits, without which that sensor is not let in.",
	},
	{
		.key = "key_grace",
		.kind = NC_CONF_DURATION,
		AT(key_grace),
		.dflt = "1d",
		.min = 0,
		.max = 365 * DAY,
		.help = "The longest time that a sensor's old key is good once it has used its new one; the sensor may ask for less.",
	},
	{
		.key = "root",
		.kind = NC_CONF_STRING,
		AT(root),
		.dflt = NC_STATEDIR "/records",
		.restart = true,
		.help = "Folder of the record files: ROOT/SENSOR/TYPE.ncap.gz.",
	},
	{
		.key = "allow_unknown",
		.kind = NC_CONF_BOOL,
		AT(allow_unknown),
		.dflt = "false",
		.help = "Whether records of sensors whose key is on no list are kept, in ROOT/unauthenticated/ADDRESS/. Anybody who knows the "
			"collector's public key can then fill the disk.",
	},
	{
		.key = "flush_interval",
		.kind = NC_CONF_DURATION,
		AT(flush_interval),
		.dflt = "1s",
		.min = NC_NS_PER_S / 100,
		.max = 3600 * NC_NS_PER_S,
		.help = "How long records may wait in memory before they are written.",
	},
	{
		.key = "sync_interval",
		.kind = NC_CONF_DURATION,
		AT(sync_interval),
		.dflt = "30s",
		.max = 86400 * NC_NS_PER_S,
		.help = "How often what came in datagrams is forced to the disk; 0 leaves it to the system. Blocks of sessions are forced to it "
			"within 20 ms, before they are acknowledged.",
	},
	{
		.key = "pending_max",
		.kind = NC_CONF_SIZE,
		AT(pending_max),
		.dflt = "64M",
		.min = MIB,
		.max = 64 * GIB,
		.help = "Memory for records that can't be written, because the disk is full for example. Beyond it the oldest are dropped and "
			"counted.",
	},
	{
		.key = "open_files",
		.kind = NC_CONF_INT,
		AT(open_files),
		.dflt = "512",
		.min = 1,
		.max = 65536,
		.help = "Record files that are held open at a time.",
	},
	{
		.key = "compression",
		.kind = NC_CONF_INT,
		AT(compression),
		.dflt = "6",
		.min = 0,
		.max = 12,
		.help = "Compression of the record files: 0 is none, 12 smallest and slow.",
	},
	{
		.key = "receive_buffer",
		.kind = NC_CONF_SIZE,
		AT(receive_buffer),
		.dflt = "8M",
		.min = 64 * KIB,
		.max = GIB,
		.restart = true,
		.help = "Buffer that is asked of the kernel for each socket; the kernel grants at most net.core.rmem_max.",
	},
	{
		.key = "replay_max",
		.kind = NC_CONF_INT,
		AT(replay_max),
		.dflt = "1048576",
		.min = 1024,
		.max = 64 * MIB,
		.restart = true,
		.help = "How many datagrams of the last hour are remembered, to refuse those that come again; 24 bytes of memory each.",
	},
	{
		.key = "store.verify",
		.kind = NC_CONF_ENUM,
		AT(verify),
		.dflt = "full",
		.words = verifies,
		.help = "What is looked at before a block of a session is stored: \"full\" inflates it and checks where its records end, "
			"\"header\" believes its sensor.",
	},
	{
		.key = "store.rotate_size",
		.kind = NC_CONF_SIZE,
		AT(rotate_size),
		.dflt = "1G",
		.max = 1024 * GIB,
		.help = "A file of that size is finished, and a new one begun; 0: of any size.",
	},
	{
		.key = "store.rotate_records",
		.kind = NC_CONF_INT,
		AT(rotate_records),
		.dflt = "0",
		.max = INT64_MAX,
		.help = "The same by the number of records in it; 0: any number.",
	},
	{
		.key = "store.rotate_interval",
		.kind = NC_CONF_DURATION,
		AT(rotate_interval),
		.dflt = "1d",
		.max = 36500 * DAY,
		.help = "The same by the time since it was begun; 0: no time.",
	},
	{
		.key = "store.expire_age",
		.kind = NC_CONF_DURATION,
		AT(expire_age),
		.dflt = "0",
		.max = 36500 * DAY,
		.help = "Finished files are removed so long after they were last written to; 0: never.",
	},
	{
		.key = "store.quota_sensor",
		.kind = NC_CONF_SIZE,
		AT(quota_sensor),
		.dflt = "0",
		.max = INT64_MAX,
		.help = "What the files of one sensor may take on the disk; beyond it its oldest finished files are removed. 0: no limit.",
	},
	{
		.key = "store.quota",
		.kind = NC_CONF_SIZE,
		AT(quota),
		.dflt = "0",
		.max = INT64_MAX,
		.help = "What the files of all sensors may take together; beyond it the oldest finished files are removed. 0: no limit.",
	},
	{
		.key = "store.min_free",
		.kind = NC_CONF_SIZE,
		AT(min_free),
		.dflt = "64M",
		.max = INT64_MAX,
		.help = "Space that is left free on the file system: the oldest finished files are removed for it, and when there are none nothing "
			"is stored until there is room. 0: none.",
	},
	NC_CONF_DAEMON_ROWS(struct nc_collector_settings, NC_RUNDIR "/collectord.sock"),
};
const size_t nc_collector_options_count = sizeof(nc_collector_options) / sizeof(nc_collector_options[0]);

static int check_listen(const struct nc_conf_list *list, const char *key, const char *path, struct nc_buf *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct nc_listen_address a;
		if (nc_listen_parse(list->items[i], &a) < 0) {
			nc_buf_printf(err, "%s: %s: \"%s\" is not an address and a port like \"0.0.0.0:1335\" or \"[::]:1335\"",
			              path, key, list->items[i]);
			return -EINVAL;
		}
	}
	return 0;
}

int nc_collector_settings_read(struct nc_collector_settings *s, const char *path, bool optional, struct nc_buf *err)
{
	memset(s, 0, sizeof(*s));
	nc_conf_defaults(nc_collector_options, nc_collector_options_count, s);
	int r = nc_conf_read(nc_collector_options, nc_collector_options_count, s, path, err);
	if (r == -ENOENT && optional) {
		nc_buf_reset(err);
		r = 0;
	}
	if (r == 0)
		r = check_listen(&s->listen, "listen", path, err);
	if (r == 0)
		r = check_listen(&s->datagram_listen, "datagram.listen", path, err);
	if (r < 0)
		nc_collector_settings_free(s);
	return r;
}

void nc_collector_settings_free(struct nc_collector_settings *s)
{
	nc_conf_free(nc_collector_options, nc_collector_options_count, s);
	memset(s, 0, sizeof(*s));
}

int nc_collector_settings_level(const struct nc_collector_settings *s)
{
	int level = nc_log_level_parse(nc_conf_levels[s->log_level]);

	return level < 0 ? LOG_INFO : level;
}
