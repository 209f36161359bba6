/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's key and its successor: when it is replaced, who knows, and when the old one may go. */
#include "config.h"

#include "collectord/rekey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "base/time.h"

#define TICK NC_NS_PER_S

struct nc_rekey {
	struct nc_keyring *ring;
	struct nc_collector *c;
	struct nc_gate *gate; /* NULL: not yet */
	struct nc_loop_timer *tick;
};

static void set_keys(struct nc_rekey *k)
{
	k->c->keys = nc_keyring_current(k->ring);
	k->c->old_keys = nc_keyring_old(k->ring);
	if (k->gate)
		nc_gate_set_keys(k->gate, k->c->keys, k->c->old_keys);
}

static void on_tick(void *user)
{
	struct nc_rekey *k = user;

	if (k->gate)
		nc_gate_expire(k->gate, nc_time_real() / NC_NS_PER_S);
}

int nc_rekey_new(struct nc_loop *loop, struct nc_keyring *ring, struct nc_collector *c, struct nc_rekey **ret, struct nc_buf *err)
{
	struct nc_rekey *k = calloc(1, sizeof(*k));
	int rc = k ? nc_loop_add_timer(loop, TICK, TICK, on_tick, k, &k->tick) : -ENOMEM;

	/* the operator asked for it, and was not told that it is done */
	if (rc == 0 && nc_keyring_next(ring))
		rc = nc_keyring_switch(ring, INT64_MAX);
	if (rc) {
		nc_buf_printf(err, "the collector's keys: %s", strerrordesc_np(-rc));
		nc_rekey_free(k);
		return rc;
	}
	k->ring = ring;
	k->c = c;
	set_keys(k);
	*ret = k;
	return 0;
}

void nc_rekey_free(struct nc_rekey *k)
{
	if (!k)
		return;
	nc_loop_del_timer(k->tick);
	free(k);
}

void nc_rekey_attach(struct nc_rekey *k, struct nc_gate *g)
{
	k->gate = g;
	set_keys(k);
	nc_rekey_check(k);
}

enum nc_rekey_of nc_rekey_of(const struct nc_collector *c, const char *name)
{
	const struct nc_chain *chain = c->state ? nc_chains_of(nc_state_chains(c->state), name) : NULL;

	if (!c->old_keys)
		return NC_REKEY_NONE;
	if (!chain || !chain->live || !chain->has_knows || memcmp(chain->knows, c->keys->pub, NC_KEY_LEN) != 0)
		return NC_REKEY_UNCONFIRMED;
	return chain->behind ? NC_REKEY_BEHIND : NC_REKEY_CONFIRMED;
}

size_t nc_rekey_unconfirmed(const struct nc_rekey *k)
{
	const struct nc_keylist *list = k->c->sensors.list;
	size_t n = 0;

	for (size_t i = 0; k->c->old_keys && list && i < nc_keylist_count(list); i++)
		n += !nc_state_revoked(k->c->state, nc_keylist_key(list, i)) &&
		     nc_rekey_of(k->c, nc_keylist_name(list, i)) != NC_REKEY_CONFIRMED;
	return n;
}

static void say_key(const struct nc_rekey *k, enum nc_message m, const char *what)
{
	char fingerprint[NC_KEY_FINGERPRINT];

	nc_key_fingerprint(fingerprint, nc_keyring_current(k->ring)->pub);
	nc_say(m, &(struct nc_about){ .fingerprint = fingerprint }, "%s %s", what, fingerprint);
}

int nc_rekey_rotate(struct nc_rekey *k)
{
	if (nc_keyring_credential(k->ring))
		return -EROFS;
	if (nc_keyring_old(k->ring))
		return -EBUSY;
	int rc = nc_keyring_prepare(k->ring, 0);
	if (rc == 0)
		rc = nc_keyring_switch(k->ring, INT64_MAX);
	if (rc) {
		nc_say(NC_SAY_KEY_NOT_KEPT, NULL, "the collector's next key can't be kept: %s", strerrordesc_np(-rc));
		return rc;
	}
	say_key(k, NC_SAY_COLLECTOR_KEY_CHANGED, "the collector has a new key, and the old one until all sensors know:");
	set_keys(k);
	return 0;
}

int nc_rekey_finish(struct nc_rekey *k)
{
	if (!nc_keyring_old(k->ring))
		return -ENOENT;
	size_t unconfirmed = nc_rekey_unconfirmed(k);
	int rc = nc_keyring_forget(k->ring);
	if (rc) {
		nc_say(NC_SAY_KEY_NOT_KEPT, NULL, "the collector's old key can't be removed: %s", strerrordesc_np(-rc));
		return rc;
	}
	set_keys(k);
	say_key(k, NC_SAY_COLLECTOR_OLD_KEY_GONE, "the collector's old key is gone; the one in use is");
	if (unconfirmed)
		nc_say(NC_SAY_SENSORS_WITHOUT_KEY, NULL,
		       "%zu sensors may not know the collector's new key, or have blocks that are sealed for the old one",
		       unconfirmed);
	return 0;
}

/* Without sensors on the list nobody can have confirmed: the list may be missing. */
void nc_rekey_check(struct nc_rekey *k)
{
	const struct nc_keylist *list = k->c->sensors.list;

	if (k->c->old_keys && list && nc_keylist_count(list) > 0 && nc_rekey_unconfirmed(k) == 0)
		(void)nc_rekey_finish(k);
}
