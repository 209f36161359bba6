/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session: one TCP connection with its handshake, its frames, and the watch over both. The same on both sides. */
#ifndef NC_WIRE_SESSION_H
#define NC_WIRE_SESSION_H

#include <sys/socket.h>

#include "base/loop.h"
#include "wire/frame.h"
#include "wire/keys.h"
#include "wire/noise.h"

#define NC_SESSION_PROLOGUE      "netcap-session-1"
#define NC_SESSION_HANDSHAKE_MAX 1024u /* bytes of a handshake message */
#define NC_SESSION_OWN_MAX       2u    /* own key pairs: the one in use, and one that is being replaced or is next */
#define NC_SESSION_WHY           256u

/* What a program's sessions share: the loop, room to read into, options, counters. */
struct nc_sessions;

struct nc_sessions_options {
	const struct nc_keypair *own[NC_SESSION_OWN_MAX]; /* not owned; the first is used for connecting, all for accepting */
	int64_t handshake_limit; /* ns; until the first frame of the peer could be opened. 5 s */
	int64_t ping_interval;   /* ns without a message of ours before a PING goes out. 15 s */
	int64_t dead_after;      /* ns without a byte of the peer, or without it taking one, before it is given up. 45 s */
	size_t out_limit;        /* bytes that may wait to be sent before nc_session_send says -EAGAIN. 256 KiB */
};
struct nc_sessions_counters {
	uint64_t accepted, connected;     /* handshakes that were completed */
	uint64_t handshake_errors;        /* no handshake of ours, or not for our key */
	uint64_t handshake_timeouts;
	uint64_t handshake_versions;      /* the preamble names another version */
	uint64_t refused;                 /* by the authorise event */
	uint64_t broken;                  /* messages that did not open, frames that are too long */
	uint64_t dead;                    /* peers that were given up */
	uint64_t skipped_frames;          /* of unknown types */
};
/* The defaults stand beside the options above. */
void nc_sessions_defaults(struct nc_sessions_options *o);
int nc_sessions_new(struct nc_loop *loop, const struct nc_sessions_options *o, struct nc_sessions **ret);
/* All its sessions must have been freed. */
void nc_sessions_free(struct nc_sessions *c);
/* Changes what may change while sessions are open; a session keeps the keys that it began with. */
void nc_sessions_set(struct nc_sessions *c, const struct nc_sessions_options *o);
const struct nc_sessions_counters *nc_sessions_counters(const struct nc_sessions *c);

struct nc_session;

/* All but `authorise` of the side that connects must be there. Any of them may free the session. */
struct nc_session_events {
	/* Accepting side: somebody proved to own `key`. `when` is the hello's time (ns since the epoch), which must grow for each
	 * key. Returns 0 to go on, and may fill in psk (zeros before); else the connection is closed without a word. */
	int (*authorise)(void *user, struct nc_session *s, const uint8_t key[static NC_KEY_LEN], uint64_t when,
	                 uint8_t psk[static NC_NOISE_PSK_LEN]);
	/* The peer is who it should be: frames can be sent. */
	void (*open)(void *user, struct nc_session *s);
	/* A frame of a known type (PING is answered here and not shown). Anything but 0 closes the session. */
	int (*frame)(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n);
	/* What waited has gone out: nc_session_send works again. */
	void (*writable)(void *user, struct nc_session *s);
	/* It is over: negative errno and a line for people. Called once, last, and not for nc_session_free. The callee frees it.
	 */
	void (*closed)(void *user, struct nc_session *s, int error, const char *why);
};

/* Connects. `peer` is the other side's public key, psk may be NULL, when goes into the hello. 0 or negative errno; later failures
 * come as the closed event. */
int nc_session_connect(struct nc_sessions *c, const struct sockaddr *to, socklen_t len, const uint8_t peer[static NC_KEY_LEN],
                       const uint8_t *psk, uint64_t when, const struct nc_session_events *ev, void *user,
                       struct nc_session **ret);
/* Takes over an accepted, connected socket (closed on failure, too). */
int nc_session_accept(struct nc_sessions *c, int fd, const struct nc_session_events *ev, void *user, struct nc_session **ret);
/* Closes at once and frees, from inside a callback as well; nc_session_free(NULL) does nothing. */
void nc_session_free(struct nc_session *s);

/* Sends a frame whose payload is the n bytes at p. 0; -EAGAIN: too much waits, the writable event tells when it is worth trying
 * again; -ENOTCONN: not open (any more); -EMSGSIZE; -ENOMEM. */
int nc_session_send(struct nc_session *s, enum nc_frame_type type, const void *p, size_t n);
/* The same for a message of proto/session.proto. These are sent even when much waits, up to four times the limit. */
int nc_session_send_message(struct nc_session *s, enum nc_frame_type type, const ProtobufCMessage *m);
/* Tells the peer why (a CLOSE frame), sends what waits, then closes: the closed event follows. */
void nc_session_finish(struct nc_session *s, const char *why);
/* Reads no more, or again: what the peer sends then waits with it. */
void nc_session_pause(struct nc_session *s, bool pause);

bool nc_session_is_open(const struct nc_session *s);
/* The peer's public key; NULL before it is known. */
const uint8_t *nc_session_peer(const struct nc_session *s);
/* NC_NOISE_HASH_LEN bytes that name this session on both sides; NULL before the end of the handshake. */
const uint8_t *nc_session_hash(const struct nc_session *s);
/* Which of the own key pairs (index in the options as they were then) this session uses. */
unsigned nc_session_own(const struct nc_session *s);
/* The address of the other end; 0 or negative errno. */
int nc_session_address(const struct nc_session *s, struct sockaddr_storage *ret, socklen_t *len);
/* Bytes that went in and out, with everything around them. */
uint64_t nc_session_bytes_in(const struct nc_session *s);
uint64_t nc_session_bytes_out(const struct nc_session *s);
/* Bytes that wait to be sent. */
size_t nc_session_waiting(const struct nc_session *s);

#endif
