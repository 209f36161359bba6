/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensors that a collector knows, what each of them sent, and the keys that wait to be authorised. */
#ifndef NC_COLLECTORD_SENSORS_H
#define NC_COLLECTORD_SENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/time.h"
#include "collectord/loss.h"
#include "collectord/store.h"
#include "record/type.h"
#include "wire/datagram.h"
#include "wire/keys.h"

#define NC_SENSOR_NAME    80   /* "name" or "unauthenticated/address" */
#define NC_SENSOR_ADDRESS 80   /* "[v6%scope]:port" */
#define NC_UNKNOWN_MAX    256u /* addresses of unknown sensors with a folder each, with allow_unknown */
#define NC_PENDING_MAX    64u  /* refused keys that are remembered */
#define NC_PENDING_ADDRESS_MAX 8u /* of them from one address */
#define NC_PENDING_TIME (24 * 3600 * NC_NS_PER_S) /* how long after they knocked last */

struct nc_ledger;

/* From when on a sensor's acknowledged records are compared with those that came. */
struct nc_ledger_watch {
	uint64_t epoch;
	bool begun;
	uint64_t acknowledged, here; /* both sides' counters at that time */
};

#define NC_LEDGER_STARTS 8u

/* What a start of a sensor said last of its blocks; `elsewhere`: at least so many were acknowledged by others. */
struct nc_ledger_start {
	uint64_t epoch, built, dropped, elsewhere;
};

/* The present one and those that are over. */
struct nc_ledger_starts {
	struct nc_ledger_start now, past[NC_LEDGER_STARTS]; /* the oldest first */
	size_t count;
	uint64_t forgotten; /* blocks that starts from before those miss */
};

/* A sensor that has sent. */
struct nc_sensor {
	TAILQ_ENTRY(nc_sensor) all;
	char name[NC_SENSOR_NAME];
	uint8_t key[NC_KEY_LEN]; /* in its file */
	bool listed;  /* its key is on the list now */
	bool unknown; /* let in by allow_unknown */
	char address[NC_SENSOR_ADDRESS];
	char client_id[64]; /* what it calls itself, escaped */
	int64_t last_seen;  /* wall clock, 0: nothing accepted yet */
	uint64_t records, headers, bytes, batches;
	uint64_t rejects[NC_DG_REASONS_COUNT];
	/* of its sessions */
	struct nc_visit *visits; /* that are open, the newest first; the gate's */
	uint64_t block_records;  /* of the records: those in blocks of sessions */
	struct nc_shelf *shelf;  /* the store's, NULL before the first session */
	int64_t connected_since; /* wall clock of the last time that it came after it was away */
	char software[80];       /* what it says it is, escaped */
	uint64_t sessions, blocks, block_bytes, blocks_refused;
	struct nc_log_limit said, said_keys;
	/* of its datagrams */
	struct nc_loss loss;
	struct nc_ledger *ledger; /* the last one, NULL before */
	struct nc_ledger_watch watch;
	struct nc_ledger_starts starts;
	struct nc_stream *streams[NC_TYPES_MAX]; /* by slot; owned by the store */
};

/* An open session (gate.c). */
struct nc_visit;

/* A key that is on no list and knocked. */
struct nc_pending {
	uint8_t key[NC_KEY_LEN];
	char address[NC_SENSOR_ADDRESS];
	uint64_t count;
	int64_t last_seen; /* wall clock */
};

struct nc_sensors {
	struct nc_keylist *list;   /* NULL: nobody */
	struct nc_sensor **listed; /* by index of the list; NULL until it sends */
	TAILQ_HEAD(nc_sensor_list, nc_sensor) all;
	size_t unknown_count;
	struct nc_pending pending[NC_PENDING_MAX];
	size_t pending_count;
};

void nc_sensors_init(struct nc_sensors *s);
void nc_sensors_free(struct nc_sensors *s);
/* Puts a new list (owned from here on, also on failure) in the place of the old one. Sensors keep their numbers by their names.
 * 0 or -ENOMEM. */
int nc_sensors_list(struct nc_sensors *s, struct nc_keylist *list);
/* The sensor that stands at that place of the list (-1: none), NULL also when memory is short, which *nomem tells. */
struct nc_sensor *nc_sensors_at(struct nc_sensors *s, ssize_t i, bool *nomem);
/* The sensor that stands for everybody unknown at a host (text of the address without port); NULL beyond NC_UNKNOWN_MAX. */
struct nc_sensor *nc_sensors_unknown(struct nc_sensors *s, const char *host, const uint8_t key[static NC_KEY_LEN]);
/* Remembers a refused key. The one that knocked least, and longest ago, gives way. True when it is new here. */
bool nc_sensors_pend(struct nc_sensors *s, const uint8_t key[static NC_KEY_LEN], const char *address, int64_t now_real);
/* Forgets those that have not knocked for NC_PENDING_TIME. */
void nc_sensors_expire(struct nc_sensors *s, int64_t now_real);
/* The key of a name on the list, NULL when there is none. */
const uint8_t *nc_sensors_key(const struct nc_sensors *s, const char *name);

#endif
