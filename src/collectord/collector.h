/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector without its sockets: takes datagrams, checks them, stores their records, counts everything. */
#ifndef NC_COLLECTORD_COLLECTOR_H
#define NC_COLLECTORD_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "collectord/sensors.h"
#include "collectord/state.h"
#include "collectord/store.h"
#include "wire/datagram.h"
#include "wire/keys.h"

/* The clocks; injected, so that tests need not wait. */
struct nc_instant {
	int64_t mono, real;
};

/* Who sent a datagram, as text: "192.0.2.1" and "192.0.2.1:4711", or "2001:db8::1" and "[2001:db8::1]:4711". */
struct nc_peer {
	char host[48];
	char address[NC_SENSOR_ADDRESS];
};

struct nc_tail;

struct nc_collector_options {
	bool allow_unknown;
	size_t replay_max;
	struct nc_store_options store;
};

struct nc_collector {
	struct nc_collector_options options;
	const struct nc_keypair *keys;     /* the caller's, who may change it */
	const struct nc_keypair *old_keys; /* the same, NULL: there are none */
	struct nc_datagram *datagram;
	struct nc_replay *replay;
	struct nc_store *store;
	struct nc_sensors sensors;
	char *sensors_dirs[2];   /* as last read: the configuration's, our own */
	struct nc_state *state;  /* the caller's; NULL: no key is revoked or replaced */
	struct nc_tail *tail;    /* the caller's: who wants to see records as they arrive; NULL: nobody can */
	struct nc_instant started;
	uint64_t records, batches, headers;
	uint64_t rejects[NC_DG_REASONS_COUNT]; /* of all, known or not */
	uint64_t types[NC_TYPES_MAX];          /* records by slot */
	struct nc_log_limit limits[NC_DG_REASONS_COUNT];
	char last_error[256];
};

/* A collector that stores below root. keys and err as elsewhere; the list of sensors is empty. 0 or negative errno. */
int nc_collector_new(const struct nc_collector_options *o, const struct nc_keypair *keys, const char *root, struct nc_instant now,
                     struct nc_collector **ret, struct nc_buf *err);
/* Writes what waits and frees everything; returns the number of records that could not be written. */
uint64_t nc_collector_free(struct nc_collector *c);
/* Changes what may change while it runs (not replay_max); 0 or -ENOMEM. */
int nc_collector_set(struct nc_collector *c, const struct nc_collector_options *o);
/* Reads the folder of sensors, and own, the one where authorised keys are put (NULL: none; it may be missing). On failure the old
 * list stays. Bad files are skipped; err holds a line for each, or the one of the failure. */
int nc_collector_read_sensors(struct nc_collector *c, const char *dir, const char *own, struct nc_buf *err);

/* Processes one datagram: what became of it. */
enum nc_datagram_reason nc_collector_datagram(struct nc_collector *c, const uint8_t *p, size_t n, const struct nc_peer *peer,
                                              struct nc_instant now);
/* Counts and remembers a key that is on no list, and says so, at a bounded rate. */
void nc_collector_unknown(struct nc_collector *c, const uint8_t key[static NC_KEY_LEN], const struct nc_peer *peer,
                          struct nc_instant now);
/* The pre-shared key of a sensor, from NAME.psk in one of the folders of NAME.pub: zeros when there is no such file. 0 or
 * negative errno; why is a few words. */
int nc_collector_psk(const struct nc_collector *c, const char *name, uint8_t psk[static NC_KEY_LEN], const char **why);
/* The sensor that a key belongs to, unless it is on no list or revoked; *nomem tells when memory is short. */
struct nc_sensor *nc_collector_sensor(struct nc_collector *c, const uint8_t key[static NC_KEY_LEN], bool *nomem);
/* Writes what was gathered. */
void nc_collector_flush(struct nc_collector *c, struct nc_instant now);

#endif
