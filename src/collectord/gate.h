/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's sessions: who may come in, what they bring, and what they are told. */
#ifndef NC_COLLECTORD_GATE_H
#define NC_COLLECTORD_GATE_H

#include <jansson.h>

#include "base/loop.h"
#include "collectord/collector.h"
#include "collectord/receive.h"
#include "collectord/state.h"
#include "conf/conf.h"
#include "wire/session.h"

#define NC_GATE_SESSIONS 4u /* of one sensor at a time; the oldest gives way */

struct nc_gate_options {
	const struct nc_conf_list *listen; /* addresses, when there are no fds */
	const int *fds;                    /* listening TCP sockets, owned from here on */
	size_t nfds;
	size_t half_open_max, half_open_host_max; /* connections whose handshake is not done; 0: 256, 16 */
	size_t sessions_max;                      /* of all; 0: 8192 */
	struct nc_sessions_options session;       /* with the collector's keys: the one in use, and an old one if there is one */
	int64_t key_grace;                        /* s: the most that a sensor's old key is good once its new one was used */
	/* NULL, or: a sensor has the collector's key on disk. */
	void (*confirmed)(void *user);
	void *user;
};

struct nc_gate_counters {
	uint64_t connections; /* accepted by the kernel */
	uint64_t crowded;     /* closed at once, or before their handshake was done: too many half-open ones */
	uint64_t unknown, revoked, replayed; /* handshakes refused for their key, for the time of their hello */
	uint64_t state_failures; /* refused since the time could not be recorded */
	uint64_t psk_failures;   /* refused since the sensor's pre-shared key can't be read */
	uint64_t blocks, bytes;
	uint64_t sealed_failures; /* sealed blocks that are not for us */
	uint64_t acks;            /* frames */
};

struct nc_gate;

/* Listens; blocks go to the collector's store, whose events it takes over. err gets a line. 0 or negative errno. */
int nc_gate_new(struct nc_loop *loop, struct nc_collector *c, struct nc_state *state, const struct nc_gate_options *o,
                struct nc_gate **ret, struct nc_buf *err);
/* Waits until what was taken is durable and tells the sensors, then closes; nc_gate_free(NULL) does nothing. */
void nc_gate_free(struct nc_gate *g);
/* Cuts the sessions of keys that are on no list any more, or revoked. */
void nc_gate_check(struct nc_gate *g);
/* Ends old keys of sensors whose time is over by then (s since 1970), and their sessions. */
void nc_gate_expire(struct nc_gate *g, int64_t now);
/* The collector has another key in use; sensors are told of it as long as there is an old one. old may be NULL. */
void nc_gate_set_keys(struct nc_gate *g, const struct nc_keypair *own, const struct nc_keypair *old);
void nc_gate_set_grace(struct nc_gate *g, int64_t key_grace);
/* Number of listening sockets, and the address of each as text. */
size_t nc_gate_count(const struct nc_gate *g);
void nc_gate_address(const struct nc_gate *g, size_t i, char out[static NC_LISTEN_TEXT]);
const struct nc_gate_counters *nc_gate_counters(const struct nc_gate *g);
const struct nc_sessions_counters *nc_gate_session_counters(const struct nc_gate *g);
/* Sessions that are open, and connections on their way to that. */
size_t nc_gate_open(const struct nc_gate *g);
size_t nc_gate_half_open(const struct nc_gate *g);

/* The sensor's answer: error is NULL, or its word, or "NotConnected" or "TimedOut"; result may be NULL, and is the callee's. */
typedef void (*nc_gate_answer_fn)(void *user, const char *error, json_t *result);
/* Sends a command to a sensor; fn is called once, later. parameters may be NULL. 0; -ENOENT: no such sensor is connected;
 * -EAGAIN: too many questions are open, or its connection is full; -ENOMEM. */
int nc_gate_ask(struct nc_gate *g, const char *sensor, const char *command, const json_t *parameters, nc_gate_answer_fn fn,
                void *user);

#endif
