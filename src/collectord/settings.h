/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's options: one table behind the configuration file, its sample and its manual. */
#ifndef NC_COLLECTORD_SETTINGS_H
#define NC_COLLECTORD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

struct nc_collector_settings {
	struct nc_conf_list listen, datagram_listen;
	char *keys, *sensors, *root;
	int64_t key_grace;
	bool allow_unknown;
	int64_t flush_interval, sync_interval;
	uint64_t receive_buffer, pending_max;
	int64_t replay_max, open_files, compression;
	int verify; /* enum nc_store_verify */
	uint64_t rotate_size, quota_sensor, quota, min_free;
	int64_t rotate_records, rotate_interval, expire_age;
	char *control_socket, *control_group;
	int64_t metrics_port;
	int log_level; /* index into the words of the option */
};

extern const struct nc_conf_option nc_collector_options[];
extern const size_t nc_collector_options_count;

/* The defaults, then the file over them. A file that is not there is fine when `optional`. On failure *s is empty and err has a
 * line. 0 or negative errno; *s is freed with nc_collector_settings_free. */
int nc_collector_settings_read(struct nc_collector_settings *s, const char *path, bool optional, struct nc_buf *err);
void nc_collector_settings_free(struct nc_collector_settings *s);
/* The syslog level that log.level names. */
int nc_collector_settings_level(const struct nc_collector_settings *s);

#endif
