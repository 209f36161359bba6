/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Handshakes: either side's message as it comes from the network, and what follows once a handshake was right. */
#include "config.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/rd.h"
#include "wire/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct stage {
	struct nc_loop *loop;
	struct nc_sessions *sessions;
	struct nc_keypair *keys[4]; /* static, ephemeral; of the sensor, of the collector */
	bool closed;
};

static void must(bool right)
{
	if (!right)
		abort();
}

static struct nc_keypair *keys(uint8_t seed)
{
	struct nc_keypair *k = nc_keypair_new();
	uint8_t bytes[crypto_box_SEEDBYTES];

	must(k != NULL);
	memset(bytes, seed, sizeof(bytes));
	crypto_box_seed_keypair(k->pub, k->priv, bytes);
	return k;
}

static struct stage *stage(void)
{
	static struct stage *s;
	struct nc_sessions_options o;

	if (s)
		return s;
	must(nc_keys_init() == 0);
	s = calloc(1, sizeof(*s));
	must(s != NULL);
	for (uint8_t i = 0; i < 4; i++)
		s->keys[i] = keys((uint8_t)(i + 1));
	nc_sessions_defaults(&o);
	o.own[0] = s->keys[2];
	o.own[1] = s->keys[0];
	must(nc_loop_new(&s->loop) == 0 && nc_sessions_new(s->loop, &o, &s->sessions) == 0);
	return s;
}

static int on_authorise(void *user, struct nc_session *x, const uint8_t key[static NC_KEY_LEN], uint64_t when,
                        uint8_t psk[static NC_NOISE_PSK_LEN])
{
	(void)user;
	(void)psk;
	must(nc_session_peer(x) && memcmp(nc_session_peer(x), key, NC_KEY_LEN) == 0);
	return when % 3 == 2 ? -1 : 0;
}

static void on_open(void *user, struct nc_session *x)
{
	(void)user;
	(void)x;
	must(false); /* nobody who does not have the keys gets here */
}

static int on_frame(void *user, struct nc_session *x, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	(void)user;
	(void)x;
	(void)type;
	(void)p;
	(void)n;
	must(false);
	return 0;
}

static void on_writable(void *user, struct nc_session *x)
{
	(void)user;
	(void)x;
}

static void on_closed(void *user, struct nc_session *x, int error, const char *why)
{
	struct stage *s = user;

	must(error < 0 && *why);
	s->closed = true;
	nc_session_free(x);
}

static const struct nc_session_events events = { on_authorise, on_open, on_frame, on_writable, on_closed };

/* Bytes on a connection to the side that accepts. */
static void over_socket(struct stage *s, const uint8_t *p, size_t n)
{
	struct nc_session *x = NULL;
	int fd[2];

	s->closed = false;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	must(nc_session_accept(s->sessions, fd[0], &events, s, &x) == 0);
	must(n == 0 || send(fd[1], p, n, MSG_NOSIGNAL) == (ssize_t)n);
	for (unsigned i = 0; i < 4 && !s->closed; i++)
		must(nc_loop_once(s->loop, 0) == 0);
	shutdown(fd[1], SHUT_WR);
	for (unsigned i = 0; i < 4 && !s->closed; i++)
		must(nc_loop_once(s->loop, 0) == 0);
	must(s->closed);
	close(fd[1]);
}

static struct nc_noise *noise(const struct stage *s, enum nc_noise_role role)
{
	struct nc_noise_options o = {
		.role = role,
		.own = s->keys[role == NC_NOISE_INITIATOR ? 0 : 2],
		.peer = role == NC_NOISE_INITIATOR ? s->keys[2]->pub : NULL,
		.prologue = NC_SESSION_PROLOGUE,
		.prologue_len = sizeof(NC_SESSION_PROLOGUE) - 1,
		.ephemeral = s->keys[role == NC_NOISE_INITIATOR ? 1 : 3],
	};
	struct nc_noise *n = nc_noise_new(&o);

	must(n != NULL);
	return n;
}

/* A message for the side that reads it now; `first`: the initiator's. */
static void read_message(const struct stage *s, bool first, const uint8_t *p, size_t n)
{
	struct nc_noise *x = noise(s, first ? NC_NOISE_RESPONDER : NC_NOISE_INITIATOR);
	struct nc_buf out = { .max = NC_SESSION_HANDSHAKE_MAX };

	if (!first)
		must(nc_noise_write(x, NULL, 0, &out) == 0);
	out.len = 0;
	int rc = nc_noise_read(x, p, n, &out);
	must(rc == 0 || out.len == 0);
	must(rc == 0 ? out.len + (first ? NC_NOISE_FIRST : NC_NOISE_SECOND) == n : !nc_noise_done(x));
	nc_noise_free(x);
	nc_buf_free(&out);
}

/* A right first message with any payload, which only somebody on the list could make, and what it sends behind it. */
static void right_one(struct stage *s, const uint8_t *p, size_t n)
{
	struct nc_noise *x = noise(s, NC_NOISE_INITIATOR);
	struct nc_buf out = { .max = 1u << 16 };

	nc_buf_add(&out, "NCS\1\0\0", 6);
	if (n < 900 && nc_noise_write(x, p, n / 2, &out) == 0) {
		out.data[4] = (uint8_t)((out.len - 6) >> 8);
		out.data[5] = (uint8_t)(out.len - 6);
		nc_buf_add(&out, p + n / 2, n - n / 2);
		over_socket(s, out.data, out.len);
	}
	nc_noise_free(x);
	nc_buf_free(&out);
}

/* The first byte says who gets the rest: '1' and '2' readers of the handshake messages, 'r' a side that has read a right one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stage *s = stage();

	if (n == 0 || n > 8192)
		return 0;
	if (data[0] == '1' || data[0] == '2')
		read_message(s, data[0] == '1', data + 1, n - 1);
	else if (data[0] == 'r')
		right_one(s, data + 1, n - 1);
	else
		over_socket(s, data + 1, n - 1);
	return 0;
}
