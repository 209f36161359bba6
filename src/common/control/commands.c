/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of both daemons: the one table behind dispatch, rights, help, manual and completion. */
#include "config.h"

#include "control/commands.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/message.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct nc_control_command sensor_commands[] = {
	{
		.name = "status",
		.method = "GetStatus",
		.right = NC_CONTROL_LOOK,
		.help = "packets, drops, records, workers, what waits and what was sent",
		.signature = "() -> (status: object)",
	},
	{
		.name = "ledger",
		.method = "GetLedger",
		.right = NC_CONTROL_LOOK,
		.help = "where packets and records went, and what is left over",
		.signature = "() -> (ledger: object)",
	},
	{
		.name = "interfaces",
		.method = "GetInterfaces",
		.right = NC_CONTROL_LOOK,
		.help = "the interfaces that are captured on: packets, drops, workers",
		.signature = "() -> (interfaces: []object)",
	},
	{
		.name = "types",
		.method = "GetTypes",
		.right = NC_CONTROL_LOOK,
		.help = "the record types: which are made, and how many there were",
		.signature = "() -> (types: []object)",
	},
	{
		.name = "flush",
		.method = "Flush",
		.right = NC_CONTROL_ACT,
		.help = "send what waits in memory and all live flows now",
		.signature = "() -> ()",
	},
	{
		.name = "reload",
		.method = "Reload",
		.right = NC_CONTROL_ACT,
		.help = "read the configuration again; names the options that take a restart",
		.signature = "() -> (restart_needed: ?string)",
	},
	{
		.name = "rotate-keys",
		.method = "RotateKeys",
		.right = NC_CONTROL_ACT,
		.help = "replace this sensor's key; --now: the old one ends when the new one is used",
		.signature = "(now: ?bool) -> ()",
	},
	{
		.name = "config",
		.method = "GetConfig",
		.right = NC_CONTROL_LOOK,
		.help = "the configuration that is in effect, and the options that wait for a restart",
		.signature = "() -> (file: string, config: string, restart_needed: ?string)",
	},
	{
		.name = "log-level",
		.method = "SetLogLevel",
		.right = NC_CONTROL_ACT,
		.help = "set the level of messages until the next reload, or print it",
		.signature = "(level: ?string) -> (level: string)",
		.argument = "[LEVEL]",
		.parameter = "level",
	},
	{
		.name = "version",
		.method = "GetVersion",
		.right = NC_CONTROL_LOOK,
		.help = "versions of this program and of the daemons that run",
		.signature = "() -> (product: string, version: string)",
	},
};

static const struct nc_control_command collector_commands[] = {
	{
		.name = "status",
		.method = "GetStatus",
		.right = NC_CONTROL_LOOK,
		.help = "sensors, what they sent, what was rejected and why",
		.signature = "() -> (status: object)",
	},
	{
		.name = "sensors",
		.method = "GetSensors",
		.right = NC_CONTROL_LOOK,
		.help = "the sensors that may send, and those that wait to be authorised",
		.signature = "() -> (sensors: []object, pending: ?[]object)",
	},
	{
		.name = "types",
		.method = "GetTypes",
		.right = NC_CONTROL_LOOK,
		.help = "the record types that came, and how many there were",
		.signature = "() -> (types: []object)",
	},
	{
		.name = "tail",
		.method = "Tail",
		.right = NC_CONTROL_LOOK,
		.help = "records as they arrive; --type, --sensor",
		.signature = "(type: ?string, sensor: ?string, format: ?string) -> (sensor: string, type: string, header: ?string, "
			     "records: []string, lost: int)",
		.stream = true,
	},
	{
		.name = "authorize",
		.method = "Authorize",
		.right = NC_CONTROL_ACT,
		.help = "let the sensor with this key in, under this name; KEY is hex, base64 or a file",
		.signature = "(name: string, key: string) -> (name: string, fingerprint: string)",
		.argument = "NAME",
		.second = "KEY",
		.second_parameter = "key",
	},
	{
		.name = "pending",
		.method = "GetPending",
		.right = NC_CONTROL_LOOK,
		.help = "keys that knocked within a day and are on no list",
		.signature = "() -> (pending: []object)",
	},
	{
		.name = "revoke",
		.method = "Revoke",
		.right = NC_CONTROL_ACT,
		.help = "refuse the key of a sensor for good, and end its sessions",
		.signature = "(name: string) -> ()",
		.argument = "NAME",
	},
	{
		.name = "sensor-status",
		.method = "GetSensorStatus",
		.right = NC_CONTROL_LOOK,
		.help = "ask a connected sensor for its status",
		.signature = "(name: string) -> (status: object)",
		.argument = "NAME",
	},
	{
		.name = "sensor-flush",
		.method = "FlushSensor",
		.right = NC_CONTROL_ACT,
		.help = "let a connected sensor send what waits in its memory",
		.signature = "(name: string) -> ()",
		.argument = "NAME",
	},
	{
		.name = "sensor-rotate",
		.method = "RotateSensor",
		.right = NC_CONTROL_ACT,
		.help = "let a connected sensor open a new session, with new keys",
		.signature = "(name: string) -> ()",
		.argument = "NAME",
	},
	{
		.name = "ledger",
		.method = "GetLedgers",
		.right = NC_CONTROL_LOOK,
		.help = "where each sensor's packets and records went, and what is left over",
		.signature = "(name: ?string) -> (ledgers: object)",
		.argument = "[SENSOR]",
	},
	{
		.name = "flush",
		.method = "Flush",
		.right = NC_CONTROL_ACT,
		.help = "write what waits in memory to the files now",
		.signature = "() -> ()",
	},
	{
		.name = "reload",
		.method = "Reload",
		.right = NC_CONTROL_ACT,
		.help = "read the configuration and the list of sensors again",
		.signature = "() -> (restart_needed: ?string)",
	},
	{
		.name = "rotate-keys",
		.method = "RotateKeys",
		.right = NC_CONTROL_ACT,
		.help = "replace the collector's key; --finish: end the old one, whoever still needs it",
		.signature = "(finish: ?bool) -> (unconfirmed: int)",
	},
	{
		.name = "config",
		.method = "GetConfig",
		.right = NC_CONTROL_LOOK,
		.help = "the configuration that is in effect, and the options that wait for a restart",
		.signature = "() -> (file: string, config: string, restart_needed: ?string)",
	},
	{
		.name = "log-level",
		.method = "SetLogLevel",
		.right = NC_CONTROL_ACT,
		.help = "set the level of messages until the next reload, or print it",
		.signature = "(level: ?string) -> (level: string)",
		.argument = "[LEVEL]",
		.parameter = "level",
	},
	{
		.name = "version",
		.method = "GetVersion",
		.right = NC_CONTROL_LOOK,
		.help = "versions of this program and of the daemons that run",
		.signature = "() -> (product: string, version: string)",
	},
};

static const struct nc_control_service services[] = {
	[NC_CONTROL_SENSORD] = {
		.name = "sensord",
		.product = "netcap-sensord",
		.interface = NC_CONTROL_SENSOR,
		.socket = "sensord.sock",
		.env = "NETCAP_SENSORD_SOCKET",
		.commands = sensor_commands,
		.count = COUNT(sensor_commands),
	},
	[NC_CONTROL_COLLECTORD] = {
		.name = "collectord",
		.product = "netcap-collectord",
		.interface = NC_CONTROL_COLLECTOR,
		.socket = "collectord.sock",
		.env = "NETCAP_COLLECTORD_SOCKET",
		.commands = collector_commands,
		.count = COUNT(collector_commands),
	},
};

_Static_assert(COUNT(sensor_commands) <= NC_CONTROL_COMMANDS_MAX, "NC_CONTROL_COMMANDS_MAX");
_Static_assert(COUNT(collector_commands) <= NC_CONTROL_COMMANDS_MAX, "NC_CONTROL_COMMANDS_MAX");

const struct nc_control_service *nc_control_service(enum nc_control_daemon d)
{
	return &services[d];
}

static struct nc_control_command *find(struct nc_control_command *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

int nc_control_bind(enum nc_control_daemon d, const struct nc_control_binding *bindings, size_t n,
                    struct nc_control_command out[static NC_CONTROL_COMMANDS_MAX])
{
	const struct nc_control_service *s = nc_control_service(d);

	memcpy(out, s->commands, s->count * sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		struct nc_control_command *c = find(out, s->count, bindings[i].name);
		if (!c)
			return -EINVAL;
		c->fn = bindings[i].fn;
	}
	for (size_t i = 0; i < s->count; i++)
		if (!out[i].fn)
			return -EINVAL;
	return (int)s->count;
}

const char *nc_control_log_level(void *user, json_t *parameters, json_t **reply)
{
	const char *word = json_string_value(json_object_get(parameters, "level"));
	int level = word ? nc_log_level_parse(word) : 0;

	(void)user;
	if (level < 0) {
		*reply = json_pack("{s:s}", "reason", "the levels are err, warning, notice, info, debug");
		return "NotKnown";
	}
	if (word) {
		nc_log_level(level);
		nc_say(NC_SAY_LOG_LEVEL, NULL, "messages of level %s and above are logged", word);
	}
	*reply = json_pack("{s:s}", "level", nc_log_level_name());
	return NULL;
}
