/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions over loopback: handshake, frames of all sizes, limits, and everything that may go wrong with a connection. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "wire/session.h"

#define PATIENCE (20 * NC_NS_PER_S)
#define MS       (NC_NS_PER_S / 1000)

struct stage;

struct side {
	struct stage *stage;
	struct nc_sessions *shared;
	struct nc_session *session;
	struct nc_keypair *keys;
	bool open, closed, writable, free_in_frame, close_in_frame;
	int error;
	char why[NC_SESSION_WHY];
	unsigned frames;
	uint64_t bytes;
	struct nc_buf last;
	int answer; /* of the frame event */
};

struct stage {
	struct nc_loop *loop;
	struct side side[2]; /* connects, accepts */
	struct nc_keypair *other;
	int listener;
	struct sockaddr_storage address;
	socklen_t len;
	int refuse;
	uint64_t when;
	uint8_t psk;
};

/* --- events ----------------------------------------------------------------------------------------------------- */

static int on_authorise(void *user, struct nc_session *s, const uint8_t key[static NC_KEY_LEN], uint64_t when,
                        uint8_t psk[static NC_NOISE_PSK_LEN])
{
	struct side *d = user;

	assert_memory_equal(key, d->stage->side[0].keys->pub, NC_KEY_LEN);
	assert_memory_equal(nc_session_peer(s), key, NC_KEY_LEN);
	d->stage->when = when;
	psk[0] = d->stage->psk;
	return d->stage->refuse;
}

static void on_open(void *user, struct nc_session *s)
{
	struct side *d = user;

	assert_false(d->open);
	assert_true(nc_session_is_open(s));
	d->open = true;
}

static int on_frame(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	struct side *d = user;

	assert_true(d->open && !d->closed);
	d->frames++;
	d->bytes += n;
	d->last.len = 0;
	nc_buf_u8(&d->last, (uint8_t)type);
	nc_buf_add(&d->last, p, n);
	if (d->free_in_frame) {
		nc_session_free(s);
		d->session = NULL;
	} else if (d->close_in_frame) {
		nc_session_finish(s, "enough\n");
	}
	return d->answer;
}

static void on_writable(void *user, struct nc_session *s)
{
	struct side *d = user;

	(void)s;
	d->writable = true;
}

static void on_closed(void *user, struct nc_session *s, int error, const char *why)
{
	struct side *d = user;

	assert_false(d->closed);
	d->closed = true;
	d->error = error;
	strncpy(d->why, why, sizeof(d->why) - 1);
	nc_session_free(s);
	d->session = NULL;
}

static const struct nc_session_events events = {
	.authorise = on_authorise, .open = on_open, .frame = on_frame, .writable = on_writable, .closed = on_closed,
};

/* --- stage ------------------------------------------------------------------------------------------------------ */

static void until(struct stage *t, const bool *done)
{
	int64_t end = nc_time_mono() + PATIENCE;

	while (!*done) {
		assert_true(nc_time_mono() < end);
		assert_int_equal(nc_loop_once(t->loop, 100), 0);
	}
}

static void listen_on(struct stage *t, int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const void *a = family == AF_INET ? (const void *)&in : &in6;

	t->len = family == AF_INET ? sizeof(in) : sizeof(in6);
	t->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->listener < 0 || bind(t->listener, a, t->len) < 0) {
		assert_int_equal(family, AF_INET6);
		skip();
	}
	assert_int_equal(listen(t->listener, 5), 0);
	t->len = sizeof(t->address);
	assert_int_equal(getsockname(t->listener, (struct sockaddr *)&t->address, &t->len), 0);
}

static struct nc_keypair *new_keys(void)
{
	struct nc_keypair *k = nc_keypair_new();

	assert_non_null(k);
	nc_keypair_generate(k);
	return k;
}

static void begin_with(struct stage *t, int family, const struct nc_sessions_options *base)
{
	*t = (struct stage){ .listener = -1 };
	assert_int_equal(nc_loop_new(&t->loop), 0);
	t->other = new_keys();
	for (unsigned i = 0; i < 2; i++) {
		struct nc_sessions_options o = *base;
		t->side[i] = (struct side){ .stage = t, .keys = new_keys() };
		o.own[0] = t->side[i].keys;
		assert_int_equal(nc_sessions_new(t->loop, &o, &t->side[i].shared), 0);
	}
	listen_on(t, family);
}

static void begin(struct stage *t)
{
	struct nc_sessions_options o;

	nc_sessions_defaults(&o);
	begin_with(t, AF_INET, &o);
}

static void end(struct stage *t)
{
	for (unsigned i = 0; i < 2; i++) {
		nc_session_free(t->side[i].session);
		nc_sessions_free(t->side[i].shared);
		nc_keypair_free(t->side[i].keys);
		nc_buf_free(&t->side[i].last);
	}
	nc_keypair_free(t->other);
	close(t->listener);
	nc_loop_free(t->loop);
}

static int accept_one(struct stage *t)
{
	int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

static void join_with(struct stage *t, const uint8_t *peer, const uint8_t *psk)
{
	assert_int_equal(nc_session_connect(t->side[0].shared, (struct sockaddr *)&t->address, t->len, peer, psk, 12345, &events,
	                                    &t->side[0], &t->side[0].session),
	                 0);
	assert_int_equal(nc_session_accept(t->side[1].shared, accept_one(t), &events, &t->side[1], &t->side[1].session), 0);
}

static int say(struct side *d, const char *text)
{
	return nc_session_send(d->session, NC_FRAME_BLOCK, text, strlen(text));
}

/* Both open: the accepting side is only when the other has spoken. */
static void join(struct stage *t)
{
	join_with(t, t->side[1].keys->pub, NULL);
	until(t, &t->side[0].open);
	assert_int_equal(say(&t->side[0], "hello"), 0);
	until(t, &t->side[1].open);
	while (t->side[1].frames < 1)
		assert_int_equal(nc_loop_once(t->loop, 100), 0);
}

/* A raw connection to the accepting side. */
static int raw(struct stage *t)
{
	int fd = socket(t->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&t->address, t->len), 0);
	assert_int_equal(nc_session_accept(t->side[1].shared, accept_one(t), &events, &t->side[1], &t->side[1].session), 0);
	return fd;
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void carry(int family)
{
	struct nc_sessions_options o;
	struct stage t;
	struct sockaddr_storage a;
	socklen_t len;

	nc_sessions_defaults(&o);
	begin_with(&t, family, &o);
	join(&t);
	assert_int_equal(t.when, 12345);
	assert_memory_equal(t.side[1].last.data, "\x02hello", 6);
	assert_int_equal(say(&t.side[1], "welcome"), 0);
	while (t.side[0].frames < 1)
		assert_int_equal(nc_loop_once(t.loop, 100), 0);
	assert_memory_equal(t.side[0].last.data, "\x02welcome", 8);
	assert_int_equal(nc_session_address(t.side[0].session, &a, &len), 0);
	assert_int_equal(a.ss_family, family);
	assert_true(nc_session_bytes_out(t.side[0].session) == nc_session_bytes_in(t.side[1].session));
	assert_int_equal(nc_sessions_counters(t.side[0].shared)->connected, 1);
	assert_int_equal(nc_sessions_counters(t.side[1].shared)->accepted, 1);
	end(&t);
}

static void carries_over_ipv4(void **state)
{
	(void)state;
	carry(AF_INET);
}

static void carries_over_ipv6(void **state)
{
	(void)state;
	carry(AF_INET6);
}

static void carries_blocks_of_all_sizes(void **state)
{
	static uint8_t block[NC_BLOCK_SIZE_MAX];
	static const size_t sizes[] = { 0,
		                        1,
		                        NC_NOISE_PLAIN_MAX - 5,
		                        NC_NOISE_PLAIN_MAX - 4,
		                        NC_NOISE_PLAIN_MAX - 3,
		                        NC_NOISE_PLAIN_MAX,
		                        2 * NC_NOISE_PLAIN_MAX - 4,
		                        2 * NC_NOISE_PLAIN_MAX - 3,
		                        300000,
		                        NC_BLOCK_SIZE_MAX };
	struct stage t;

	(void)state;
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 7 + i / 251);
	begin(&t);
	join(&t);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned before = t.side[1].frames;
		assert_int_equal(nc_session_send(t.side[0].session, NC_FRAME_BLOCK, block, sizes[i]), 0);
		while (t.side[1].frames == before)
			assert_int_equal(nc_loop_once(t.loop, 100), 0);
		assert_int_equal(t.side[1].last.len, sizes[i] + 1);
		assert_memory_equal(t.side[1].last.data + 1, block, sizes[i]);
	}
	assert_int_equal(nc_session_send(t.side[0].session, NC_FRAME_BLOCK, block, NC_FRAME_LENGTH_MAX + 1), -EMSGSIZE);
	end(&t);
}

static void says_not_now_and_when(void **state)
{
	static uint8_t block[200000];
	struct stage t;
	unsigned sent = 0;

	(void)state;
	begin(&t);
	join(&t);
	nc_session_pause(t.side[1].session, true);
	while (nc_session_send(t.side[0].session, NC_FRAME_BLOCK, block, sizeof(block)) == 0) {
		sent++;
		assert_true(sent < 1000);
		(void)nc_loop_once(t.loop, 0);
	}
	/* bounded, whatever the peer does */
	assert_true(nc_session_waiting(t.side[0].session) <= 256 * 1024 + sizeof(block) + 1024);
	assert_int_equal(t.side[1].frames, 1);
	nc_session_pause(t.side[1].session, false);
	until(&t, &t.side[0].writable);
	while (t.side[1].frames < 1 + sent)
		assert_int_equal(nc_loop_once(t.loop, 100), 0);
	assert_int_equal(t.side[1].bytes, 5 + sent * sizeof(block));
	end(&t);
}

static void skips_unknown_frames(void **state)
{
	struct stage t;

	(void)state;
	begin(&t);
	join(&t);
	assert_int_equal(nc_session_send(t.side[0].session, (enum nc_frame_type)250, "what?", 5), 0);
	assert_int_equal(say(&t.side[0], "after"), 0);
	while (t.side[1].frames < 2)
		assert_int_equal(nc_loop_once(t.loop, 100), 0);
	assert_memory_equal(t.side[1].last.data, "\x02" "after", 6);
	assert_int_equal(nc_sessions_counters(t.side[1].shared)->skipped_frames, 1);
	end(&t);
}

static void refuses_long_frames(void **state)
{
	static uint8_t large[NC_FRAME_MESSAGE_MAX + 1];
	struct stage t;

	(void)state;
	begin(&t);
	join(&t);
	assert_int_equal(nc_session_send(t.side[0].session, NC_FRAME_ACK, large, sizeof(large)), 0);
	until(&t, &t.side[1].closed);
	assert_int_equal(t.side[1].error, -EMSGSIZE);
	assert_int_equal(nc_sessions_counters(t.side[1].shared)->broken, 1);
	end(&t);
}

static void tells_why_it_closes(void **state)
{
	struct stage t;

	(void)state;
	begin(&t);
	join(&t);
	t.side[1].close_in_frame = true;
	assert_int_equal(say(&t.side[0], "one"), 0);
	assert_int_equal(say(&t.side[0], "two"), 0);
	until(&t, &t.side[0].closed);
	assert_string_equal(t.side[0].why, "the other side says: enough\\x0a");
	assert_int_equal(t.side[0].error, -ECONNABORTED);
	until(&t, &t.side[1].closed);
	assert_int_equal(t.side[1].error, 0);
	assert_int_equal(t.side[1].frames, 2);
	end(&t);
}

static void can_be_freed_in_a_callback(void **state)
{
	struct stage t;

	(void)state;
	begin(&t);
	join(&t);
	t.side[1].free_in_frame = true;
	assert_int_equal(say(&t.side[0], "one"), 0);
	assert_int_equal(say(&t.side[0], "two"), 0);
	until(&t, &t.side[0].closed);
	assert_int_equal(t.side[0].error, -ECONNRESET);
	assert_null(t.side[1].session);
	assert_int_equal(t.side[1].frames, 2);
	end(&t);
}

static void closes_when_a_frame_is_refused(void **state)
{
	struct stage t;

	(void)state;
	begin(&t);
	join(&t);
	t.side[1].answer = -EBADMSG;
	assert_int_equal(say(&t.side[0], "one"), 0);
	until(&t, &t.side[1].closed);
	assert_int_equal(t.side[1].error, -EBADMSG);
	until(&t, &t.side[0].closed);
	end(&t);
}

static void refuses_whom_it_should(void **state)
{
	struct stage t;

	(void)state;
	begin(&t);
	t.refuse = -EACCES;
	join_with(&t, t.side[1].keys->pub, NULL);
	until(&t, &t.side[0].closed);
	assert_true(t.side[1].closed && !t.side[0].open && !t.side[1].open);
	assert_int_equal(t.side[1].error, -EACCES);
	assert_int_equal(nc_sessions_counters(t.side[1].shared)->refused, 1);
	end(&t);
}

static void needs_the_right_key(void **state)
{
	struct stage t;

	(void)state;
	begin(&t);
	join_with(&t, t.other->pub, NULL);
	until(&t, &t.side[0].closed);
	assert_true(t.side[1].closed && !t.side[0].open && !t.side[1].open);
	assert_int_equal(nc_sessions_counters(t.side[1].shared)->handshake_errors, 1);
	end(&t);
}

static void accepts_with_either_key(void **state)
{
	struct nc_sessions_options o;
	struct stage t;

	(void)state;
	begin(&t);
	nc_sessions_defaults(&o);
	o.own[0] = t.side[1].keys;
	o.own[1] = t.other;
	nc_sessions_set(t.side[1].shared, &o);
	join_with(&t, t.other->pub, NULL);
	until(&t, &t.side[0].open);
	assert_int_equal(nc_session_own(t.side[1].session), 1);
	end(&t);
}

static void needs_the_right_psk(void **state)
{
	uint8_t psk[NC_NOISE_PSK_LEN] = { 9 };
	struct stage t;

	(void)state;
	begin(&t);
	t.psk = 8;
	join_with(&t, t.side[1].keys->pub, psk);
	until(&t, &t.side[0].closed);
	assert_int_equal(t.side[0].error, -EBADMSG);
	assert_false(t.side[1].open);
	end(&t);
	begin(&t);
	t.psk = 9;
	join_with(&t, t.side[1].keys->pub, psk);
	until(&t, &t.side[0].open);
	end(&t);
}

static void ends_slow_handshakes(void **state)
{
	struct nc_sessions_options o;
	struct stage t;

	(void)state;
	nc_sessions_defaults(&o);
	o.handshake_limit = 100 * MS;
	begin_with(&t, AF_INET, &o);
	int fd = raw(&t);
	/* a byte now and then does not help */
	while (!t.side[1].closed) {
		(void)send(fd, "N", t.side[1].session && nc_session_bytes_in(t.side[1].session) == 0, MSG_NOSIGNAL);
		assert_int_equal(nc_loop_once(t.loop, 20), 0);
	}
	assert_int_equal(t.side[1].error, -ETIMEDOUT);
	assert_int_equal(nc_sessions_counters(t.side[1].shared)->handshake_timeouts, 1);
	close(fd);
	end(&t);
}

static void ends_a_hello_without_its_owner(void **state)
{
	struct nc_sessions_options o;
	struct stage t;

	(void)state;
	nc_sessions_defaults(&o);
	o.handshake_limit = 100 * MS;
	begin_with(&t, AF_INET, &o);
	/* a right first message and then nothing: as somebody who repeats what was recorded */
	join_with(&t, t.side[1].keys->pub, NULL);
	until(&t, &t.side[0].open);
	until(&t, &t.side[1].closed);
	assert_int_equal(t.side[1].error, -ETIMEDOUT);
	assert_false(t.side[1].open);
	end(&t);
}

static void refuse_bytes(const char *bytes, size_t n, int error)
{
	struct stage t;

	begin(&t);
	int fd = raw(&t);
	assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
	until(&t, &t.side[1].closed);
	assert_int_equal(t.side[1].error, error);
	close(fd);
	end(&t);
}

static void refuses_what_is_no_handshake(void **state)
{
	static char long_one[2000] = "NCS\1\4\1", exact[2000] = "NCS\1\4\0", small[200] = "NCS\1\0\x5f";

	(void)state;
	refuse_bytes("GET / HTTP/1.1\r\n", 16, -EPROTO);
	refuse_bytes("X", 1, -EPROTO);
	refuse_bytes(long_one, sizeof(long_one), -EMSGSIZE);
	refuse_bytes(exact, sizeof(exact), -EPROTO); /* zeros are a point of low order */
	refuse_bytes(small, sizeof(small), -EMSGSIZE);
}

static void tells_its_version(void **state)
{
	struct stage t;
	char got[8];

	(void)state;
	begin(&t);
	int fd = raw(&t);
	assert_int_equal(send(fd, "NCS\2", 4, MSG_NOSIGNAL), 4);
	until(&t, &t.side[1].closed);
	assert_int_equal(t.side[1].error, -EPROTONOSUPPORT);
	assert_string_equal(t.side[1].why, "the other side speaks handshake version 2, this one 1: upgrade this side");
	assert_int_equal(recv(fd, got, sizeof(got), 0), 4);
	assert_memory_equal(got, "NCS\1", 4);
	close(fd);
	end(&t);
}

static void notices_the_dead(void **state)
{
	struct nc_sessions_options o;
	struct stage t;

	(void)state;
	nc_sessions_defaults(&o);
	o.ping_interval = 30 * MS;
	o.dead_after = 200 * MS;
	begin_with(&t, AF_INET, &o);
	join(&t);
	/* pings keep it alive */
	int64_t end_of_it = nc_time_mono() + 500 * MS;
	while (nc_time_mono() < end_of_it)
		assert_int_equal(nc_loop_once(t.loop, 20), 0);
	assert_false(t.side[0].closed || t.side[1].closed);
	/* one side reads no more and says nothing: a frozen process */
	nc_session_pause(t.side[1].session, true);
	o.ping_interval = 3600 * NC_NS_PER_S;
	nc_sessions_set(t.side[1].shared, &o);
	until(&t, &t.side[0].closed);
	assert_int_equal(t.side[0].error, -ETIMEDOUT);
	assert_int_equal(nc_sessions_counters(t.side[0].shared)->dead, 1);
	end(&t);
}

/* --- somebody in between ---------------------------------------------------------------------------------------- */

struct relay {
	int in, out;
	size_t count, change; /* bytes that passed; the one that is changed */
};

/* Moves what there is; changes one byte on its way. */
static void pass(struct relay *r)
{
	uint8_t b[4096];
	ssize_t n = recv(r->in, b, sizeof(b), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++, r->count++)
		if (r->count == r->change)
			b[i] ^= 0x40;
	if (n > 0)
		(void)!send(r->out, b, (size_t)n, MSG_NOSIGNAL);
}

/* Whole conversation with byte `change` of the way there flipped; true when the frame got through. */
static bool arrives(size_t change, size_t *count)
{
	struct stage t;

	begin(&t);
	assert_int_equal(nc_session_connect(t.side[0].shared, (struct sockaddr *)&t.address, t.len, t.side[1].keys->pub, NULL, 1,
	                                    &events, &t.side[0], &t.side[0].session),
	                 0);
	int near = accept_one(&t), far = raw(&t);
	struct relay there = { near, far, 0, change }, back = { far, near, 0, SIZE_MAX };
	bool sent = false, broken = false;
	int64_t patience = nc_time_mono() + PATIENCE;
	while (t.side[1].frames == 0 && !t.side[0].closed && !broken) {
		assert_true(nc_time_mono() < patience);
		assert_int_equal(nc_loop_once(t.loop, 1), 0);
		pass(&there);
		pass(&back);
		if (t.side[0].open && !sent)
			sent = say(&t.side[0], "data") == 0;
		/* a length that grew waits for more: the time limit's business, tested elsewhere */
		broken = t.side[1].closed || (sent && there.count == 4 + 2 + 104 + 2 + 8 + 16 && t.side[1].session &&
		                              t.side[1].frames == 0 && nc_session_bytes_in(t.side[1].session) == there.count);
		broken = broken || (change < 6 && there.count == 110 && t.side[1].session &&
		                    nc_session_bytes_in(t.side[1].session) == 110 && t.side[1].frames == 0 && change != SIZE_MAX);
	}
	bool ok = t.side[1].frames > 0;
	*count = there.count;
	close(near);
	close(far);
	end(&t);
	return ok;
}

static void refuses_any_changed_byte(void **state)
{
	size_t all, count;

	(void)state;
	assert_true(arrives(SIZE_MAX, &all));
	assert_int_equal(all, 4 + 2 + 104 + 2 + 8 + 16);
	for (size_t i = 0; i < all; i++)
		assert_false(arrives(i, &count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_over_ipv4),
		cmocka_unit_test(carries_over_ipv6),
		cmocka_unit_test(carries_blocks_of_all_sizes),
		cmocka_unit_test(says_not_now_and_when),
		cmocka_unit_test(skips_unknown_frames),
		cmocka_unit_test(refuses_long_frames),
		cmocka_unit_test(tells_why_it_closes),
		cmocka_unit_test(can_be_freed_in_a_callback),
		cmocka_unit_test(closes_when_a_frame_is_refused),
		cmocka_unit_test(refuses_whom_it_should),
		cmocka_unit_test(needs_the_right_key),
		cmocka_unit_test(accepts_with_either_key),
		cmocka_unit_test(needs_the_right_psk),
		cmocka_unit_test(ends_slow_handshakes),
		cmocka_unit_test(ends_a_hello_without_its_owner),
		cmocka_unit_test(refuses_what_is_no_handshake),
		cmocka_unit_test(tells_its_version),
		cmocka_unit_test(notices_the_dead),
		cmocka_unit_test(refuses_any_changed_byte),
	};

	if (nc_keys_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
