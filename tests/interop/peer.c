/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One side of a session for tests with other implementations: sends a block and compares the echo, or sends back what comes.
 *
 * usage: peer connect|accept PORT PSK
 * PSK is 64 hex digits or "-". The one that accepts prints its port first (PORT is 0). The keys are fixed: see keys(). */
#include "config.h"

#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "wire/session.h"

#define BLOCK  200000u
#define LIMIT  (30 * NC_NS_PER_S)

struct peer {
	struct nc_loop *loop;
	struct nc_sessions *shared;
	struct nc_session *session;
	bool connects;
	int listener;
	uint8_t psk[NC_NOISE_PSK_LEN];
	uint8_t block[BLOCK];
};

/* The private key is 32 times the number. */
static struct nc_keypair *keys(uint8_t number)
{
	struct nc_keypair *k = nc_keypair_new();

	if (!k)
		exit(1);
	memset(k->priv, number, NC_KEY_LEN);
	crypto_scalarmult_curve25519_base(k->pub, k->priv);
	return k;
}

static int on_authorise(void *user, struct nc_session *s, const uint8_t key[static NC_KEY_LEN], uint64_t when,
                        uint8_t psk[static NC_NOISE_PSK_LEN])
{
	const struct peer *p = user;
	struct nc_keypair *expected = keys(1);
	int rc = memcmp(expected->pub, key, NC_KEY_LEN) == 0 && when == 0x0102030405060708 ? 0 : -1;

	(void)s;
	nc_keypair_free(expected);
	memcpy(psk, p->psk, NC_NOISE_PSK_LEN);
	return rc;
}

static void on_open(void *user, struct nc_session *s)
{
	struct peer *p = user;

	if (p->connects && nc_session_send(s, NC_FRAME_BLOCK, p->block, BLOCK) != 0)
		nc_loop_stop(p->loop, 1);
}

static int on_frame(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *b, size_t n)
{
	struct peer *p = user;

	if (!p->connects)
		return nc_session_send(s, type, b, n);
	bool same = type == NC_FRAME_BLOCK && n == BLOCK && memcmp(b, p->block, n) == 0;
	if (!same)
		fprintf(stderr, "the echo differs: %s of %zu bytes\n", nc_frame_name((uint8_t)type), n);
	nc_loop_stop(p->loop, same ? 0 : 1);
	return 0;
}

static void on_writable(void *user, struct nc_session *s)
{
	(void)user;
	(void)s;
}

static void on_closed(void *user, struct nc_session *s, int error, const char *why)
{
	struct peer *p = user;

	(void)error;
	/* the other side may hang up when it is content */
	if (p->connects)
		fprintf(stderr, "closed: %s\n", why);
	nc_loop_stop(p->loop, p->connects || nc_sessions_counters(p->shared)->accepted == 0);
	p->session = NULL;
	nc_session_free(s);
}

static const struct nc_session_events events = { on_authorise, on_open, on_frame, on_writable, on_closed };

static void on_limit(void *user)
{
	fprintf(stderr, "nothing happens any more\n");
	nc_loop_stop(((struct peer *)user)->loop, 1);
}

static void on_connection(void *user, uint32_t ev)
{
	struct peer *p = user;
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)ev;
	if (fd >= 0 && nc_session_accept(p->shared, fd, &events, p, &p->session) != 0)
		nc_loop_stop(p->loop, 1);
}

static int begin(struct peer *p, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct nc_keypair *peer = keys(2);
	int rc;

	if (p->connects) {
		rc = nc_session_connect(p->shared, (struct sockaddr *)&a, len, peer->pub, p->psk, 0x0102030405060708, &events, p,
		                        &p->session);
	} else {
		p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		rc = bind(p->listener, (struct sockaddr *)&a, len) || listen(p->listener, 1) ||
		     getsockname(p->listener, (struct sockaddr *)&a, &len) ||
		     nc_loop_add_fd(p->loop, p->listener, EPOLLIN, on_connection, p, NULL);
		printf("%u\n", ntohs(a.sin_port));
		fflush(stdout);
	}
	nc_keypair_free(peer);
	return rc;
}

int main(int argc, char **argv)
{
	static struct peer p;
	struct nc_sessions_options o;

	if (argc != 4 || nc_keys_init() < 0)
		return 2;
	p.connects = strcmp(argv[1], "connect") == 0;
	if (strcmp(argv[3], "-") != 0 && !nc_text_unhex(p.psk, sizeof(p.psk), argv[3]))
		return 2;
	for (size_t i = 0; i < BLOCK; i++)
		p.block[i] = (uint8_t)(i * 31 + i / 256);
	nc_sessions_defaults(&o);
	struct nc_keypair *own = keys(p.connects ? 1 : 2);
	o.own[0] = own;
	o.out_limit = BLOCK * 2;
	if (nc_loop_new(&p.loop) || nc_sessions_new(p.loop, &o, &p.shared) ||
	    nc_loop_add_timer(p.loop, LIMIT, 0, on_limit, &p, NULL))
		return 1;
	int status = begin(&p, (uint16_t)strtoul(argv[2], NULL, 10)) ? 1 : nc_loop_run(p.loop);
	nc_session_free(p.session);
	nc_sessions_free(p.shared);
	nc_loop_free(p.loop);
	nc_keypair_free(own);
	return status;
}
