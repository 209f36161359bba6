/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With which keys a session is tried: the sensor's own, and the collectors'. */
#ifndef NC_SENSORD_KEYS_H
#define NC_SENSORD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensord/learned.h"
#include "wire/keyring.h"

#define NC_COLLECTORS_MAX 8u

/* Of one address of a collector. */
struct nc_peer_keys {
	unsigned learned;  /* index */
	unsigned attempt;  /* which combination of keys: bit 0: our old one, bit 1: the collector's one before */
	int64_t patient_until; /* monotonic; before, a combination that it refused while others worked is not tried again */
};

struct nc_sensor_keys {
	struct nc_keyring *ring;      /* not owned; NULL: `own` is all there is */
	const struct nc_keypair *own;
	struct nc_learned learned[NC_COLLECTORS_MAX];
	size_t learned_count;
	struct nc_peer_keys peers[NC_COLLECTORS_MAX];
	size_t peer_count;
};

/* The keys of a session. */
struct nc_sensor_choice {
	uint8_t own[NC_KEY_LEN], peer[NC_KEY_LEN];
};

/* ring may be NULL, state_dir -1: nothing is kept. keys: of n collectors, as configured. 0 or negative errno; err gets a line. */
int nc_sensor_keys_open(struct nc_sensor_keys *k, struct nc_keyring *ring, const struct nc_keypair *own, int state_dir,
                        uint8_t keys[][NC_KEY_LEN], size_t n, struct nc_buf *err);
/* The pair in use, and the key of the i-th collector as last heard. */
const struct nc_keypair *nc_sensor_keys_own(const struct nc_sensor_keys *k);
const uint8_t *nc_sensor_keys_of(const struct nc_sensor_keys *k, size_t i);

/* The keys for the next session with the i-th collector. The pair returned is good until a step of the ring is taken. */
const struct nc_keypair *nc_sensor_keys_choose(const struct nc_sensor_keys *k, size_t i, struct nc_sensor_choice *ret);
/* That collector has let nobody in with the last choice: true when there is another one to be tried. */
bool nc_sensor_keys_refused(struct nc_sensor_keys *k, size_t i, int64_t now_mono);
/* A session with these keys is open. */
void nc_sensor_keys_worked(struct nc_sensor_keys *k, size_t i, const struct nc_sensor_choice *c);
/* Whether a new session would have other keys than this one, and is worth trying. */
bool nc_sensor_keys_stale(const struct nc_sensor_keys *k, size_t i, const struct nc_sensor_choice *c, int64_t now_mono);
/* What is to be announced in a session with these keys; NULL: nothing. */
const struct nc_keypair *nc_sensor_keys_news(const struct nc_sensor_keys *k, const struct nc_sensor_choice *c);
/* The i-th collector has our key on disk. 1: it is in use from here on, 0: it was already; negative errno. */
int nc_sensor_keys_kept(struct nc_sensor_keys *k, size_t i, const uint8_t key[static NC_KEY_LEN], int64_t now_s);
/* The i-th collector's next key. 1: it is on our disk, 0: it was already; negative errno. */
int nc_sensor_keys_learn(struct nc_sensor_keys *k, size_t i, const uint8_t key[static NC_KEY_LEN]);
/* While a session with these keys is open: true when our old key's time was over, and it is gone. */
bool nc_sensor_keys_expire(struct nc_sensor_keys *k, const struct nc_sensor_choice *c, int64_t now_s);

#endif
