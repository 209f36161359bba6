/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session transport: blocks pipelined to a collector that says when it has them on disk. */
#ifndef NC_SENSORD_SESSION_H
#define NC_SENSORD_SESSION_H

#include <jansson.h>

#include "base/loop.h"
#include "conf/conf.h"
#include "sensord/keys.h"
#include "sensord/transport.h"
#include "wire/session.h"

struct nc_session_transport_options {
	struct nc_loop *loop;
	const struct nc_conf_list
		*addresses; /* "host:port", "[v6]:port"; at most NC_COLLECTORS_MAX, in the order of preference */
	uint8_t keys[NC_COLLECTORS_MAX][NC_KEY_LEN]; /* of the collector at each, as configured */
	const struct nc_keypair *own;             /* not owned */
	struct nc_keyring *ring;                  /* not owned; in the place of own where that is to be changed */
	const uint8_t *psk;                       /* NC_NOISE_PSK_LEN, or NULL */
	int state_dir; /* for the time of the last hello, and what collectors say of their keys; -1: nowhere */
	uint64_t epoch;                           /* of new blocks */
	const struct nc_conf_list *interfaces;
	uint64_t window;                          /* bytes of blocks without an outcome */
	int64_t renew_interval;                   /* ns after which a new session takes over */
	uint64_t renew_bytes;                     /* the same in bytes */
	int64_t wait_min, wait_max;               /* ns between attempts; 0: 0.2 s, 30 s */
	struct nc_sessions_options session;       /* its keys are set here */
	/* What the collector asks: NULL and perhaps a new reference in *result, or the name of an error. parameters may be NULL.
	 */
	const char *(*command)(void *user, const char *name, const json_t *parameters, json_t **result);
	/* NULL, or: the first collector has another key, so that what is spooled is to be sealed to this one from here on. */
	void (*seal_to)(void *user, const uint8_t key[static NC_KEY_LEN]);
	/* NULL, or: whether something waits that is sealed to an earlier one. */
	bool (*behind)(void *user);
	void *user;
};

/* Begins to connect; 0 or negative errno with one line in err. The key pairs, the psk and the list of interfaces must
 * outlive the transport. */
int nc_session_transport(const struct nc_session_transport_options *o, struct nc_transport **ret, struct nc_buf *err);
/* Opens a new session, with new ephemeral keys, in the place of the present one. */
void nc_session_transport_renew(struct nc_transport *t);
/* Draws the sensor's next key, which is announced to the collector and used when that has it on disk; the present one is good for
 * `grace` s more from then on. 0 or negative errno. */
int nc_session_transport_rotate_keys(struct nc_transport *t, int64_t grace);
/* The key of the first collector as last heard. */
const uint8_t *nc_session_transport_peer(const struct nc_transport *t);
/* What the transport is doing: "connected", "address", "since" (seconds), "unacknowledged_bytes", "sessions"; a new reference. */
json_t *nc_session_transport_status(const struct nc_transport *t);

#endif
