/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector remembers of keys beside their files: times of hellos, which are revoked, which follow which. */
#ifndef NC_COLLECTORD_STATE_H
#define NC_COLLECTORD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "collectord/chain.h"
#include "collectord/saver.h"
#include "wire/keys.h"

#define NC_REVOKED_MAX 65536u

struct nc_state;

/* Opens (and fills, when it is new) the folder of the collector's keys: "hello/", "chains/" and "revoked" are in it. err
 * gets a line for each sensor whose chain of keys can't be read, or the one of the failure. 0 or negative errno. */
int nc_state_open(const char *dir, struct nc_state **ret, struct nc_buf *err);
/* From here on a thread writes what can wait, and fn is told of it. 0 or negative errno. */
int nc_state_attach(struct nc_state *s, struct nc_loop *loop, nc_saved_fn fn, void *user);
/* Writes what waits; nc_state_close(NULL) does nothing. */
void nc_state_close(struct nc_state *s);

/* Takes the time of a key's hello. 0: it is greater than all before, and from here on none is taken that is not greater
 * still; *ticket is told when that holds for a power failure, too, or 0 when it does. -ESTALE: it is not greater; another
 * negative errno: it can't be recorded. */
int nc_state_hello(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], uint64_t when, uint64_t *ticket);
bool nc_state_revoked(const struct nc_state *s, const uint8_t key[static NC_KEY_LEN]);
/* Puts a key on the list of those that are never let in again, for good: it is synced. 0 (also when it is there already) or
 * negative errno. */
int nc_state_revoke(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name);
/* The same for n keys of a sensor, with one write. */
int nc_state_revoke_all(struct nc_state *s, const uint8_t *const *keys, size_t n, const char *name);

/* The chains of keys; changed with nc_chains_… and saved with nc_state_save. */
struct nc_chains *nc_state_chains(const struct nc_state *s);
/* 0, and *ticket as above, or negative errno. */
int nc_state_save(struct nc_state *s, const struct nc_chain *c, uint64_t *ticket);
/* Another list of sensors holds. */
void nc_state_list(struct nc_state *s, const struct nc_keylist *list);

#endif
