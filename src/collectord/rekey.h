/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's key and its successor: when it is replaced, who knows, and when the old one may go. */
#ifndef NC_COLLECTORD_REKEY_H
#define NC_COLLECTORD_REKEY_H

#include <stddef.h>

#include "base/loop.h"
#include "collectord/collector.h"
#include "collectord/gate.h"
#include "wire/keyring.h"

struct nc_rekey;

/* Puts the ring's keys into the collector; a step that was interrupted is finished. None of these is owned, and all outlive
 * it. 0 or negative errno; err gets a line. */
int nc_rekey_new(struct nc_loop *loop, struct nc_keyring *ring, struct nc_collector *c, struct nc_rekey **ret,
                 struct nc_buf *err);
void nc_rekey_free(struct nc_rekey *k);
/* The gate that sessions come through, from here on. The old key goes now if nobody needs it any more. */
void nc_rekey_attach(struct nc_rekey *k, struct nc_gate *g);
/* A new key from now on; the old one stays until all sensors on the list have the new one, or nc_rekey_finish. -EBUSY: there
 * is an old one already; -EROFS: the key is a credential; another negative errno: it is not on disk, and nothing has changed. */
int nc_rekey_rotate(struct nc_rekey *k);
/* Ends the old key: 0, -ENOENT: there is none, another negative errno. */
int nc_rekey_finish(struct nc_rekey *k);
/* Ends it when no sensor on the list needs it. */
void nc_rekey_check(struct nc_rekey *k);
/* Sensors on the list that have not said that they have the key in use, or have blocks that are sealed for an earlier one. 0
 * when there is no old key. */
size_t nc_rekey_unconfirmed(const struct nc_rekey *k);

enum nc_rekey_of { NC_REKEY_NONE, NC_REKEY_UNCONFIRMED, NC_REKEY_BEHIND, NC_REKEY_CONFIRMED };
/* The same of one sensor; NC_REKEY_NONE when there is no old key. */
enum nc_rekey_of nc_rekey_of(const struct nc_collector *c, const char *name);

#endif
