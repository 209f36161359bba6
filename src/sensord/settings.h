/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's options: one table behind the configuration file, its sample and its manual. */
#ifndef NC_SENSORD_SETTINGS_H
#define NC_SENSORD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "record/type.h"

enum nc_sensor_transport { NC_TRANSPORT_SESSION, NC_TRANSPORT_DATAGRAM };
enum nc_sensor_peer { NC_PEER_NETCAP, NC_PEER_NETCAP_2019 };

struct nc_sensor_settings {
	char *name;
	struct nc_conf_list interfaces;
	char *bpf;
	uint64_t snaplen, buffer, stream_memory;
	bool promisc, payloads;
	int64_t flow_timeout, conn_timeout, active_timeout;
	int64_t max_flows;
	int64_t workers;
	struct nc_conf_list include, exclude;
	char *state;
	struct nc_conf_list collector_address, collector_key;
	char *collector_psk;
	int64_t key_grace;
	int collector_transport, collector_peer;
	uint64_t collector_window, collector_renew_bytes;
	int64_t collector_renew_interval;
	int64_t batch_interval;
	uint64_t queue_limit;
	char *spool_path;
	uint64_t spool_limit;
	int64_t ledger_interval;
	bool keep_errors, keep_unknown;
	uint64_t keep_limit;
	char *control_socket, *control_group;
	int64_t metrics_port;
	int log_level;
};

extern const struct nc_conf_option nc_sensor_options[];
extern const size_t nc_sensor_options_count;

/* The defaults, then the file over them; what goes beyond single options is checked too. On failure *s is empty and err has a
 * line. 0 or negative errno; *s is freed with nc_sensor_settings_free. */
int nc_sensor_settings_read(struct nc_sensor_settings *s, const char *path, struct nc_buf *err);
void nc_sensor_settings_free(struct nc_sensor_settings *s);
/* The syslog level that log.level names. */
int nc_sensor_settings_level(const struct nc_sensor_settings *s);
/* Which types include and exclude leave. */
void nc_sensor_settings_wanted(const struct nc_sensor_settings *s, bool wanted[static NC_TYPES_MAX]);

#endif
