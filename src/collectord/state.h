/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the collector remembers of sensors' keys beside their files: the time of the last hello, and which keys are revoked. */
#ifndef NC_COLLECTORD_STATE_H
#define NC_COLLECTORD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/keys.h"

#define NC_REVOKED_MAX 65536u

struct nc_state;

/* Opens (and fills, when it is new) the folder of the collector's keys: "hello/" and "revoked" are in it. err gets a line. 0 or
 * negative errno. */
int nc_state_open(const char *dir, struct nc_state **ret, struct nc_buf *err);
/* nc_state_close(NULL) does nothing. */
void nc_state_close(struct nc_state *s);
/* Takes the time of a key's hello: 0 when it is greater than all before and on record now, so that no restart forgets it; -ESTALE
 * when it is not greater; another negative errno when it could not be recorded. A power failure may forget the last seconds. */
int nc_state_hello(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], uint64_t when);
bool nc_state_revoked(const struct nc_state *s, const uint8_t key[static NC_KEY_LEN]);
/* Puts the key on the list of those that are never let in again, for good: it is synced. 0 (also when it is there already) or
 * negative errno. */
int nc_state_revoke(struct nc_state *s, const uint8_t key[static NC_KEY_LEN], const char *name);

#endif
