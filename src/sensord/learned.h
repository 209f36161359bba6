/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a collector said of its next key: a small file in the sensor's state folder for each key that is configured. */
#ifndef NC_SENSORD_LEARNED_H
#define NC_SENSORD_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/keys.h"

struct nc_learned {
	int dir;                    /* not owned; -1: nothing is kept */
	uint8_t first[NC_KEY_LEN];  /* as configured */
	uint8_t now[NC_KEY_LEN];    /* as last heard */
	bool has_before;            /* no session has been opened with `now` yet */
	uint8_t before[NC_KEY_LEN];
};

/* What is known of the collector whose configured key is `first`. 0 or negative errno; err gets a line. */
int nc_learned_open(struct nc_learned *l, int dir, const uint8_t first[static NC_KEY_LEN], struct nc_buf *err);
/* The collector has a new key, which is on disk when 0 is returned; on failure nothing has changed. */
int nc_learned_take(struct nc_learned *l, const uint8_t key[static NC_KEY_LEN]);
/* A session was opened with `now`: the one before is forgotten. */
void nc_learned_used(struct nc_learned *l);

#endif
