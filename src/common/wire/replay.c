/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nonces of the last hour: a hash table over a ring in the order of their arrival. */
#include "config.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "wire/datagram.h"

#define HOUR (3600 * NC_NS_PER_S)

/* Only a keyed 64-bit hash of each nonce is kept. That a fresh one is taken for a repetition has a chance of
 * max in 2^64, and without the key nobody can aim at it. */
struct seen {
	uint64_t hash;
	int64_t when;
};

struct nc_replay {
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct seen *ring;
	size_t max, first, count;
	uint32_t *slots; /* index into ring + 1, 0 empty; linear probing */
	size_t mask;
};

struct nc_replay *nc_replay_new(size_t max)
{
	struct nc_replay *r = calloc(1, sizeof(*r));
	size_t slots = 16;

	if (!r)
		return NULL;
	if (max == 0)
		max = 1;
	if (max > UINT32_MAX / 4)
		max = UINT32_MAX / 4;
	while (slots < 2 * max)
		slots *= 2;
	r->max = max;
	r->mask = slots - 1;
	r->ring = calloc(max, sizeof(*r->ring));
	r->slots = calloc(slots, sizeof(*r->slots));
	if (!r->ring || !r->slots) {
		nc_replay_free(r);
		return NULL;
	}
	crypto_shorthash_keygen(r->key);
	return r;
}

void nc_replay_free(struct nc_replay *r)
{
	if (!r)
		return;
	free(r->ring);
	free(r->slots);
	free(r);
}

/* The slot that holds the hash, or the empty one where it belongs. */
static size_t find(const struct nc_replay *r, uint64_t hash)
{
	size_t i = (size_t)hash & r->mask;

	while (r->slots[i] && r->ring[r->slots[i] - 1].hash != hash)
		i = (i + 1) & r->mask;
	return i;
}

/* Empties slot i and moves back what was pushed beyond it, so that no chain breaks. */
static void remove_slot(struct nc_replay *r, size_t i)
{
	size_t j = i;

	for (;;) {
		j = (j + 1) & r->mask;
		if (!r->slots[j])
			break;
		size_t home = (size_t)r->ring[r->slots[j] - 1].hash & r->mask;
		/* j may move to i unless its home lies behind i */
		if (((j - home) & r->mask) < ((j - i) & r->mask))
			continue;
		r->slots[i] = r->slots[j];
		i = j;
	}
	r->slots[i] = 0;
}

static void forget_oldest(struct nc_replay *r)
{
	remove_slot(r, find(r, r->ring[r->first].hash));
	r->first = (r->first + 1) % r->max;
	r->count--;
}

bool nc_replay_check(struct nc_replay *r, const uint8_t key[static NC_KEY_LEN], const uint8_t nonce[static 24], int64_t now_ns)
{
	uint8_t both[NC_KEY_LEN + 24], out[crypto_shorthash_BYTES];
	uint64_t hash;

	while (r->count > 0 && now_ns - r->ring[r->first].when >= HOUR)
		forget_oldest(r);
	memcpy(both, key, NC_KEY_LEN);
	memcpy(both + NC_KEY_LEN, nonce, 24);
	crypto_shorthash(out, both, sizeof(both), r->key);
	memcpy(&hash, out, sizeof(hash));
	if (r->slots[find(r, hash)])
		return false;
	if (r->count == r->max)
		forget_oldest(r);
	size_t at = (r->first + r->count) % r->max;
	r->ring[at] = (struct seen){ .hash = hash, .when = now_ns };
	r->slots[find(r, hash)] = (uint32_t)at + 1;
	r->count++;
	return true;
}
