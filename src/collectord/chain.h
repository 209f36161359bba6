/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which keys a sensor has beside the one in its file: those that it announced, and those that they replace. */
#ifndef NC_COLLECTORD_CHAIN_H
#define NC_COLLECTORD_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "collectord/sensors.h"
#include "wire/keys.h"

#define NC_CHAIN_TEXT 1024u /* room for a chain as text */
#define NC_CHAIN_NAME (NC_SENSOR_NAME + 8u)

/* The sensor's file holds the first key; the chain goes on from there. It is void once another key stands in the file. */
struct nc_chain {
	char name[NC_SENSOR_NAME];
	bool live; /* its name is on the list now, with the first key */
	uint8_t first[NC_KEY_LEN];
	uint8_t now[NC_KEY_LEN];
	bool has_next, has_old, has_knows;
	uint8_t next[NC_KEY_LEN]; /* announced, and not used yet */
	int64_t grace;            /* s that `now` counts once `next` was used */
	uint8_t old[NC_KEY_LEN];  /* counts until then (s since 1970) */
	int64_t until;
	uint8_t knows[NC_KEY_LEN]; /* the collector's key that the sensor has on disk */
	bool behind;              /* blocks sealed for an earlier one wait with it */
};

enum nc_chain_place { NC_CHAIN_NONE, NC_CHAIN_NOW, NC_CHAIN_NEXT, NC_CHAIN_OLD };

/* Where a key stands in the chain. */
enum nc_chain_place nc_chain_place(const struct nc_chain *c, const uint8_t key[static NC_KEY_LEN]);
/* The chain as text, and the reverse, strictly (name is set by the caller). */
size_t nc_chain_print(const struct nc_chain *c, char out[static NC_CHAIN_TEXT]);
bool nc_chain_parse(struct nc_chain *c, char *text);

/* All chains. */
struct nc_chains;
int nc_chains_new(struct nc_chains **ret);
void nc_chains_free(struct nc_chains *s);
/* Reads the files NAME.keys of the folder. One that is damaged is said in err (a line each, with its end), and its sensor is
 * let in with no key, since nobody knows which of its keys are still good. 0 or negative errno. */
int nc_chains_load(struct nc_chains *s, int dirfd, struct nc_buf *err);
/* The name of a chain's file. */
void nc_chains_file(char out[static NC_CHAIN_NAME], const char *name);
/* Another list of sensors holds. A chain whose first key does not stand in its sensor's file any more is void and forgotten;
 * when it is the key in use that stands there, the chain goes on from that. `changed` is told of each such chain. */
void nc_chains_list(struct nc_chains *s, const struct nc_keylist *list,
                    void (*changed)(void *user, const struct nc_chain *c, bool gone), void *user);

/* The chain of a name, or of a key that stands in one; NULL: none. */
const struct nc_chain *nc_chains_of(const struct nc_chains *s, const char *name);
const struct nc_chain *nc_chains_with(const struct nc_chains *s, const uint8_t key[static NC_KEY_LEN]);

/* The steps; they are to be saved when *ret (may be NULL before) is set to the chain that changed. Each may be repeated. */
/* The sensor `name`, whose file holds `first` and whose session has the key `via`, announces its next key. 0; -EACCES: `via`
 * is not its key in use; -EEXIST: that key is known, of this or another sensor; -ENOMEM. */
int nc_chains_announce(struct nc_chains *s, const char *name, const uint8_t first[static NC_KEY_LEN],
                       const uint8_t via[static NC_KEY_LEN], const uint8_t next[static NC_KEY_LEN], int64_t grace,
                       const struct nc_chain **ret);
/* Somebody who has this key was there: if it is an announced one it is the one in use from now (s since 1970) on. */
void nc_chains_used(struct nc_chains *s, const uint8_t key[static NC_KEY_LEN], int64_t now, int64_t grace_max,
                    const struct nc_chain **ret);
/* The sensor has this key of the collector on disk. 0 or -ENOMEM. */
int nc_chains_knows(struct nc_chains *s, const char *name, const uint8_t first[static NC_KEY_LEN],
                    const uint8_t key[static NC_KEY_LEN], bool behind, const struct nc_chain **ret);
/* Ends an old key whose time is over; *ret stays NULL when there is none. */
void nc_chains_expire(struct nc_chains *s, int64_t now, const struct nc_chain **ret);

#endif
