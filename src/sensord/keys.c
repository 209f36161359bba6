/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With which keys a session is tried: the sensor's own, and the collectors'. */
#include "config.h"

#include "sensord/keys.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"

#define OUR_OLD   1u
#define THEIR_OLD 2u
#define ATTEMPTS  4u
#define PATIENCE  (30 * NC_NS_PER_S)

static bool same(const uint8_t a[static NC_KEY_LEN], const uint8_t b[static NC_KEY_LEN])
{
	return memcmp(a, b, NC_KEY_LEN) == 0;
}

static int learn_of(struct nc_sensor_keys *k, int state_dir, const uint8_t key[static NC_KEY_LEN], unsigned *ret,
                    struct nc_buf *err)
{
	for (*ret = 0; *ret < k->learned_count; (*ret)++)
		if (same(k->learned[*ret].first, key))
			return 0;
	int rc = nc_learned_open(&k->learned[*ret], state_dir, key, err);
	k->learned_count += rc == 0;
	return rc;
}

int nc_sensor_keys_open(struct nc_sensor_keys *k, struct nc_keyring *ring, const struct nc_keypair *own, int state_dir,
                        uint8_t keys[][NC_KEY_LEN], size_t n, struct nc_buf *err)
{
	int rc = n <= NC_COLLECTORS_MAX ? 0 : -E2BIG;

	*k = (struct nc_sensor_keys){ .ring = ring, .own = own };
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = learn_of(k, state_dir, keys[i], &k->peers[i].learned, err);
	k->peer_count = n;
	return rc;
}

const struct nc_keypair *nc_sensor_keys_own(const struct nc_sensor_keys *k)
{
	return k->ring ? nc_keyring_current(k->ring) : k->own;
}

static struct nc_learned *learned(struct nc_sensor_keys *k, size_t i)
{
	return &k->learned[k->peers[i].learned];
}

const uint8_t *nc_sensor_keys_of(const struct nc_sensor_keys *k, size_t i)
{
	return k->learned[k->peers[i].learned].now;
}

static const struct nc_keypair *old_pair(const struct nc_sensor_keys *k)
{
	return k->ring ? nc_keyring_old(k->ring) : NULL;
}

static bool possible(const struct nc_sensor_keys *k, size_t i, unsigned attempt)
{
	return (!(attempt & OUR_OLD) || old_pair(k)) && (!(attempt & THEIR_OLD) || k->learned[k->peers[i].learned].has_before);
}

const struct nc_keypair *nc_sensor_keys_choose(const struct nc_sensor_keys *k, size_t i, struct nc_sensor_choice *ret)
{
	const struct nc_learned *l = &k->learned[k->peers[i].learned];
	unsigned attempt = possible(k, i, k->peers[i].attempt) ? k->peers[i].attempt : 0;
	const struct nc_keypair *own = attempt & OUR_OLD ? old_pair(k) : nc_sensor_keys_own(k);

	memcpy(ret->own, own->pub, NC_KEY_LEN);
	memcpy(ret->peer, attempt & THEIR_OLD ? l->before : l->now, NC_KEY_LEN);
	return own;
}

bool nc_sensor_keys_refused(struct nc_sensor_keys *k, size_t i, int64_t now_mono)
{
	struct nc_peer_keys *p = &k->peers[i];

	for (p->attempt++; p->attempt < ATTEMPTS && !possible(k, i, p->attempt); p->attempt++)
		;
	if (p->attempt < ATTEMPTS)
		p->patient_until = now_mono + PATIENCE;
	else
		p->attempt = 0;
	return p->attempt != 0;
}

void nc_sensor_keys_worked(struct nc_sensor_keys *k, size_t i, const struct nc_sensor_choice *c)
{
	struct nc_learned *l = learned(k, i);

	if (same(l->now, c->peer))
		nc_learned_used(l);
}

bool nc_sensor_keys_stale(const struct nc_sensor_keys *k, size_t i, const struct nc_sensor_choice *c, int64_t now_mono)
{
	struct nc_sensor_choice next;

	(void)nc_sensor_keys_choose(k, i, &next);
	return now_mono >= k->peers[i].patient_until && !(same(next.own, c->own) && same(next.peer, c->peer));
}

const struct nc_keypair *nc_sensor_keys_news(const struct nc_sensor_keys *k, const struct nc_sensor_choice *c)
{
	const struct nc_keypair *own = nc_sensor_keys_own(k);

	if (!k->ring)
		return NULL;
	return same(own->pub, c->own) ? nc_keyring_next(k->ring) : own;
}

int nc_sensor_keys_kept(struct nc_sensor_keys *k, size_t i, const uint8_t key[static NC_KEY_LEN], int64_t now_s)
{
	const struct nc_keypair *next = k->ring ? nc_keyring_next(k->ring) : NULL;
	int rc = 0;

	if (next && same(next->pub, key))
		rc = nc_keyring_switch(k->ring, now_s + nc_keyring_grace(k->ring));
	else if (!same(nc_sensor_keys_own(k)->pub, key))
		return -ENOENT;
	if (rc)
		return rc;
	k->peers[i].attempt &= ~OUR_OLD;
	for (size_t j = 0; next && j < k->peer_count; j++)
		k->peers[j] = (struct nc_peer_keys){ .learned = k->peers[j].learned, .attempt = k->peers[j].attempt & ~OUR_OLD };
	return next != NULL;
}

int nc_sensor_keys_learn(struct nc_sensor_keys *k, size_t i, const uint8_t key[static NC_KEY_LEN])
{
	struct nc_learned *l = learned(k, i);

	if (same(l->now, key))
		return 0;
	int rc = nc_learned_take(l, key);
	if (rc)
		return rc;
	for (size_t j = 0; j < k->peer_count; j++)
		if (k->peers[j].learned == k->peers[i].learned)
			k->peers[j] = (struct nc_peer_keys){ .learned = k->peers[j].learned,
				                             .attempt = k->peers[j].attempt & ~THEIR_OLD };
	return 1;
}

bool nc_sensor_keys_expire(struct nc_sensor_keys *k, const struct nc_sensor_choice *c, int64_t now_s)
{
	return old_pair(k) && same(nc_sensor_keys_own(k)->pub, c->own) && now_s >= nc_keyring_until(k->ring) &&
	       nc_keyring_forget(k->ring) == 0;
}
