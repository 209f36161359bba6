/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key pairs of one side on disk, and how one takes the place of another. */
#ifndef NC_WIRE_KEYRING_H
#define NC_WIRE_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/keys.h"

/* pub.key and priv.key are the pair in use. While another one is to come, or an old one still counts, the file `rotation`
 * (0600) holds all of them; its replacement is the one moment at which a step is taken, and what was left undone behind it is
 * done at the next opening. docs/session.md has the steps.
 *
 * When systemd hands over the private key as a credential (wire/credential.h) that is the pair in use, the only one, and no step
 * can be taken: it is the operator's. It is never written; pub.key is, where the folder has no private key of its own. One
 * that it has stays as it is, with all that was under way, and is the one in use when the credential is gone. */
struct nc_keyring;

/* Opens the folder; with `make` a pair is made when there is none. credential: the name of the one that goes before the files;
 * outlives the ring, or NULL. 0 or negative errno; err gets a line (without its end). */
int nc_keyring_open(const char *dir, const char *credential, bool make, struct nc_keyring **ret, struct nc_buf *err);
/* Wipes and frees; nc_keyring_free(NULL) does nothing. */
void nc_keyring_free(struct nc_keyring *r);

/* The pair in use, the one that is to come, and the one before; the latter two are NULL when there is none. What they point to
 * stays memory of the ring, but is another pair, or zeros, after each of the functions below. */
const struct nc_keypair *nc_keyring_current(const struct nc_keyring *r);
const struct nc_keypair *nc_keyring_next(const struct nc_keyring *r);
const struct nc_keypair *nc_keyring_old(const struct nc_keyring *r);
/* How long (s) the pair in use is to count when the next one is used. */
int64_t nc_keyring_grace(const struct nc_keyring *r);
/* When (s since 1970) the old pair ends; INT64_MAX: when it is told to. */
int64_t nc_keyring_until(const struct nc_keyring *r);
/* Somebody put another pair into pub.key and priv.key: the rotation that was under way was forgotten at the opening. */
bool nc_keyring_replaced(const struct nc_keyring *r);
/* The name of the credential that the pair in use came as; NULL: it is in the folder. */
const char *nc_keyring_credential(const struct nc_keyring *r);
/* It came as a credential, and the folder has a private key, which is not used. */
bool nc_keyring_unused(const struct nc_keyring *r);

/* Draws the next pair and has it on disk. When there is one already it stays, and only the grace changes. 0; -EROFS: the pair
 * in use is a credential; another negative errno: nothing has changed. */
int nc_keyring_prepare(struct nc_keyring *r, int64_t grace);
/* The next pair is the one in use from here on, and the one in use the old one, until then. 0; -ENOENT: there is no next one;
 * another negative errno: nothing has changed here, but the disk may have. */
int nc_keyring_switch(struct nc_keyring *r, int64_t until);
/* The old pair is gone. 0 or negative errno. */
int nc_keyring_forget(struct nc_keyring *r);

#endif
