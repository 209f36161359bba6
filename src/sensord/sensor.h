/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor at work: a pipeline per interface, the queue behind them, what is kept, and its status. */
#ifndef NC_SENSORD_SENSOR_H
#define NC_SENSORD_SENSOR_H

#include <jansson.h>

#include "base/log.h"
#include "base/loop.h"
#include "pipeline/keep.h"
#include "pipeline/pipeline.h"
#include "sensord/settings.h"
#include "sensord/ship.h"
#include "wire/keyring.h"

#define NC_SENSOR_INTERFACES_MAX 32u

struct nc_sensor;

struct nc_sensor_interface {
	struct nc_sensor *sensor;
	const char *name;
	struct nc_live_options live;
	struct nc_pipeline *pipeline;
	bool done;
};

struct nc_sensor {
	struct nc_loop *loop;
	const struct nc_sensor_settings *settings; /* as it was started */
	bool wanted[NC_TYPES_MAX];                 /* types, as of the last change */
	struct nc_keyring *ring;
	uint8_t *psk; /* NULL: none */
	int64_t key_grace; /* s */
	char name[256];
	int state_dir;
	struct nc_ship *ship;
	struct nc_transport *transport; /* the ship's */
	struct nc_keep *keep;
	struct nc_loop_timer *flush_timer, *ledger_timer, *ledger_again;
	struct nc_sensor_interface interfaces[NC_SENSOR_INTERFACES_MAX];
	unsigned count;
	int64_t started;
	uint64_t epoch, seq;
	uint64_t ledgers;   /* records of that type that were built */
	uint64_t not_kept;  /* failed packets beyond keep.limit or that could not be written */
	bool keep_said, stopping;
	int failed;         /* negative errno when an interface ended by itself */
	char last_error[256];
	struct nc_log_limit crash_said;
};

/* Reads or makes the keys, finds the collector's key, starts capturing. What settings points to must outlive the sensor. 0 or
 * negative errno with one line in err. */
int nc_sensor_start(struct nc_sensor *s, struct nc_loop *loop, const struct nc_sensor_settings *settings, struct nc_buf *err);
/* Ends the captures; the loop stops (nc_loop_stop) when all is handed over. */
void nc_sensor_stop(struct nc_sensor *s);
/* Lets the workers hand out what they have, and sends it. */
void nc_sensor_flush(struct nc_sensor *s);
/* The same, after all live flows have been written out. */
void nc_sensor_flush_flows(struct nc_sensor *s);
/* Takes over what can change while it runs and differs from the settings before; keeps no pointer to either. When a filter can't
 * be put in place nothing changes. 0 or negative errno with a line in err. */
int nc_sensor_apply(struct nc_sensor *s, const struct nc_sensor_settings *before, const struct nc_sensor_settings *settings,
                    struct nc_buf *err);
/* Begins to replace the sensor's key; `now`: the old one is not good any more once the new one is used. 0; -ENOTSUP:
 * not with datagrams; -EROFS: it is a credential; another negative errno. */
int nc_sensor_rotate_keys(struct nc_sensor *s, bool now);
/* The status object of GetStatus; a new reference. */
json_t *nc_sensor_status(const struct nc_sensor *s);
/* The arrays of GetInterfaces and GetTypes; new references. */
json_t *nc_sensor_interfaces(const struct nc_sensor *s);
json_t *nc_sensor_types(const struct nc_sensor *s);
/* Frees all; returns how many records were not sent, *kept those that wait in the spool. */
uint64_t nc_sensor_end(struct nc_sensor *s, uint64_t *kept);

#endif
