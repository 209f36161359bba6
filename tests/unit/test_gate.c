/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's transport and the collector's gate together, over loopback, with a real store behind and a made-up queue before
 * them. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sodium.h>

#include "base/time.h"
#include "collectord/gate.h"
#include "collectord/ledger.h"
#include "record/type.h"
#include "sensord/session.h"

#define PATIENCE (20 * NC_NS_PER_S)
#define EPOCH    77u
#define BLOCKS   512u
#define MS       (NC_NS_PER_S / 1000)

struct fixture {
	char dir[64], listed[96], root[96], keys[96];
	struct nc_loop *loop;
	struct nc_keypair *collector_keys, *sensor_keys;
	struct nc_collector *c;
	struct nc_state *state;
	struct nc_gate *gate;
	struct nc_transport *t;
	char address[NC_LISTEN_TEXT];
	struct nc_deflater *deflater;
	bool durable[BLOCKS];
	unsigned durable_count, rejected_later, rejected, lost, ready;
	char asked[32];
	const char *answer_error;
	size_t half_open_max;
	json_t *answer;
	bool answered;
};

/* --- the queue's side -------------------------------------------------------------------------------------------- */

static void on_durable(void *user, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct fixture *f = user;

	assert_int_equal(epoch, EPOCH);
	assert_true(from <= to && to < BLOCKS);
	for (uint64_t i = from; i <= to; i++) {
		f->durable_count += !f->durable[i];
		f->durable[i] = true;
	}
}

static void on_rejected(void *user, uint64_t epoch, uint64_t seq, bool permanent, const char *reason)
{
	struct fixture *f = user;

	assert_int_equal(epoch, EPOCH);
	assert_true(seq < BLOCKS && *reason);
	if (permanent)
		f->rejected++;
	else
		f->rejected_later++;
}

static void on_lost(void *user)
{
	((struct fixture *)user)->lost++;
}

static void on_ready(void *user)
{
	((struct fixture *)user)->ready++;
}

static const struct nc_transport_events queue = { .durable = on_durable,
	                                          .rejected = on_rejected,
	                                          .lost = on_lost,
	                                          .ready = on_ready };

static const char *on_command(void *user, const char *name, const json_t *parameters, json_t **result)
{
	struct fixture *f = user;

	assert_null(parameters);
	snprintf(f->asked, sizeof(f->asked), "%s", name);
	*result = json_pack("{s:i}", "n", 5);
	return strcmp(name, "wrong") == 0 ? "unknown" : NULL;
}

/* --- stage ------------------------------------------------------------------------------------------------------- */

#define UNTIL(f, condition) \
	do { \
		int64_t end_ = nc_time_mono() + PATIENCE; \
		while (!(condition)) { \
			assert_true(nc_time_mono() < end_); \
			assert_int_equal(nc_loop_once((f)->loop, 50), 0); \
		} \
	} while (0)

static void list_sensor(struct fixture *f, bool on)
{
	struct nc_buf err = { .max = 4096 };
	char path[160], hex[2 * NC_KEY_LEN + 1];

	snprintf(path, sizeof(path), "%s/one.pub", f->listed);
	sodium_bin2hex(hex, sizeof(hex), f->sensor_keys->pub, NC_KEY_LEN);
	unlink(path);
	if (on) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fprintf(file, "%s\n", hex);
		fclose(file);
	}
	assert_int_equal(nc_collector_read_sensors(f->c, f->listed, NULL, &err), 0);
	nc_buf_free(&err);
}

/* As systemd hands it over: it blocks. */
static int inherited(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* On an inherited socket the first time, on one of its own after that. */
static void open_gate(struct fixture *f)
{
	struct nc_collector_options o = {
		.replay_max = 1024,
		.store = { .level = 1, .pending_max = 1 << 20, .open_files = 16, .verify = NC_STORE_VERIFY_FULL },
	};
	char *item = f->address;
	struct nc_conf_list list = { .items = &item, .count = 1 };
	bool first = !*f->address;
	int fd = first ? inherited() : -1;
	struct nc_gate_options g = { .listen = &list, .fds = &fd, .nfds = first, .half_open_max = f->half_open_max };
	struct nc_instant now = { .mono = nc_time_mono(), .real = nc_time_real() };
	struct nc_buf err = { .max = 4096 };

	assert_int_equal(nc_collector_new(&o, f->collector_keys, f->root, now, &f->c, &err), 0);
	assert_int_equal(nc_store_attach(f->c->store, f->loop), 0);
	assert_int_equal(nc_state_open(f->keys, &f->state, &err), 0);
	f->c->state = f->state;
	nc_sessions_defaults(&g.session);
	g.session.own[0] = f->collector_keys;
	if (f->half_open_max) {
		g.half_open_host_max = 10 * f->half_open_max;
		g.session.handshake_limit = 10 * PATIENCE;
	}
	assert_int_equal(nc_gate_new(f->loop, f->c, f->state, &g, &f->gate, &err), 0);
	nc_gate_address(f->gate, 0, f->address);
	nc_buf_free(&err);
}

static void close_gate(struct fixture *f)
{
	nc_gate_free(f->gate);
	assert_int_equal(nc_collector_free(f->c), 0);
	nc_state_close(f->state);
	f->gate = NULL;
	f->c = NULL;
	f->state = NULL;
}

static struct nc_session_transport_options transport_options(struct fixture *f, const struct nc_conf_list *list, uint64_t window,
                                                             int64_t renew)
{
	struct nc_session_transport_options o = {
		.loop = f->loop,
		.addresses = list,
		.own = f->sensor_keys,
		.state_dir = -1,
		.epoch = EPOCH,
		.window = window,
		.renew_interval = renew,
		.renew_bytes = UINT64_MAX,
		.wait_min = 5 * MS,
		.wait_max = 50 * MS,
		.command = on_command,
		.user = f,
	};

	memcpy(o.keys[0], f->collector_keys->pub, NC_KEY_LEN);
	nc_sessions_defaults(&o.session);
	return o;
}

static void open_transport(struct fixture *f, uint64_t window, int64_t renew)
{
	char *item = f->address;
	struct nc_conf_list list = { .items = &item, .count = 1 };
	struct nc_session_transport_options o = transport_options(f, &list, window, renew);
	struct nc_buf err = { .max = 4096 };

	assert_int_equal(nc_session_transport(&o, &f->t, &err), 0);
	f->t->events = &queue;
	f->t->user = f;
	nc_buf_free(&err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char command[512];

	*state = f;
	strcpy(f->dir, "/tmp/test_gate.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->listed, sizeof(f->listed), "%s/listed", f->dir);
	snprintf(f->root, sizeof(f->root), "%s/root", f->dir);
	snprintf(f->keys, sizeof(f->keys), "%s/keys", f->dir);
	snprintf(command, sizeof(command), "mkdir %s %s", f->listed, f->keys);
	assert_int_equal(system(command), 0);
	assert_int_equal(nc_loop_new(&f->loop), 0);
	f->collector_keys = nc_keypair_new();
	f->sensor_keys = nc_keypair_new();
	nc_keypair_generate(f->collector_keys);
	nc_keypair_generate(f->sensor_keys);
	f->deflater = nc_deflater_new(1);
	open_gate(f);
	list_sensor(f, true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	if (f->t)
		f->t->close(f->t);
	if (f->gate)
		close_gate(f);
	nc_keypair_free(f->collector_keys);
	nc_keypair_free(f->sensor_keys);
	nc_deflater_free(f->deflater);
	nc_loop_free(f->loop);
	json_decref(f->answer);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* A block of three records without a field, or of bytes that are no records. */
static size_t build(struct fixture *f, uint64_t seq, bool right, uint8_t *out, size_t room)
{
	static const uint8_t records[] = { 0, 0, 0 }, junk[] = { 200, 0, 7 };
	struct nc_block_info info = {
		.kind = NC_BLOCK_RECORDS, .type = nc_type_by_name("IPv4")->number, .count = 3, .first_ns = 1, .last_ns = 2,
	};
	size_t n = nc_block_build(f->deflater, &info, right ? records : junk, sizeof(records), out, room);

	assert_true(n > 0);
	nc_block_stamp(out, EPOCH, seq);
	return n;
}

static int submit(struct fixture *f, uint64_t seq, bool right, bool sealed)
{
	uint8_t block[8192], box[8192 + crypto_box_SEALBYTES];
	struct nc_transport_block b = { .data = block, .sealed = sealed };

	b.len = build(f, seq, right, block, sizeof(block));
	assert_int_equal(nc_block_info(block, b.len, &b.info), 0);
	if (sealed) {
		assert_int_equal(crypto_box_seal(box, block, b.len, f->collector_keys->pub), 0);
		b.data = box;
		b.len += crypto_box_SEALBYTES;
	}
	return f->t->submit(f->t, &b);
}

static bool connected(const struct fixture *f)
{
	json_t *o = nc_session_transport_status(f->t);
	bool on = json_is_true(json_object_get(o, "connected"));

	json_decref(o);
	return on;
}

static void begin(struct fixture *f)
{
	open_transport(f, 1 << 20, 3600 * NC_NS_PER_S);
	UNTIL(f, connected(f));
}

/* --- tests ------------------------------------------------------------------------------------------------------- */

static void blocks_become_durable(void **state)
{
	struct fixture *f = *state;

	open_transport(f, 1 << 20, 3600 * NC_NS_PER_S);
	assert_int_equal(submit(f, 1, true, false), -EAGAIN);
	UNTIL(f, f->ready > 0);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(submit(f, i, true, false), 0);
	assert_int_equal(f->durable_count, 0);
	UNTIL(f, f->durable_count == 100);
	assert_int_equal(f->t->state.batches, 100);
	assert_int_equal(f->t->state.records, 300);
	assert_int_equal(f->c->records, 300);
	/* those that are sent again are acknowledged again, and stored once */
	for (uint64_t i = 1; i <= 100; i++)
		f->durable[i] = false;
	f->durable_count = 0;
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(submit(f, i, true, false), 0);
	UNTIL(f, f->durable_count == 100);
	assert_int_equal(f->c->records, 300);
	assert_int_equal(nc_gate_counters(f->gate)->blocks, 100);
	assert_true(nc_gate_counters(f->gate)->acks < 100);
}

static void sealed_blocks_are_opened(void **state)
{
	struct fixture *f = *state;
	uint8_t box[200] = { 1 };
	struct nc_transport_block b = {
		.info = { .epoch = EPOCH, .seq = 9, .count = 1, .size = 152 }, .data = box, .len = sizeof(box), .sealed = true
	};

	begin(f);
	assert_int_equal(submit(f, 1, true, true), 0);
	UNTIL(f, f->durable[1]);
	assert_int_equal(f->t->submit(f->t, &b), 0);
	UNTIL(f, f->rejected == 1);
	assert_int_equal(nc_gate_counters(f->gate)->sealed_failures, 1);
	assert_true(connected(f));
}

static void wrong_blocks_are_rejected(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_int_equal(submit(f, 1, false, false), 0);
	assert_int_equal(submit(f, 2, true, false), 0);
	UNTIL(f, f->durable[2] && f->rejected == 1);
	assert_false(f->durable[1]);
	assert_int_equal(f->c->records, 3);
}

static void the_window_holds(void **state)
{
	struct fixture *f = *state;
	unsigned sent = 0;

	open_transport(f, 500, 3600 * NC_NS_PER_S);
	UNTIL(f, connected(f));
	while (submit(f, sent + 1, true, false) == 0)
		assert_true(++sent < 20);
	assert_true(sent >= 2);
	unsigned ready = f->ready;
	UNTIL(f, f->durable_count == sent);
	assert_true(f->ready > ready);
	assert_int_equal(submit(f, sent + 1, true, false), 0);
}

static void what_was_lost_is_told(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(submit(f, i, true, false), 0);
	/* the gate never saw them */
	close_gate(f);
	UNTIL(f, f->lost == 1 && !connected(f));
	assert_int_equal(f->durable_count, 0);
	open_gate(f);
	list_sensor(f, true);
	UNTIL(f, connected(f));
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(submit(f, i, true, false), 0);
	UNTIL(f, f->durable_count == 20);
	/* a break without anything on its way loses nothing */
	close_gate(f);
	UNTIL(f, !connected(f));
	assert_int_equal(f->lost, 1);
}

static void sessions_take_over(void **state)
{
	struct fixture *f = *state;
	uint64_t seq = 0;

	open_transport(f, 1 << 20, 40 * MS);
	UNTIL(f, connected(f));
	while (nc_gate_session_counters(f->gate)->accepted < 5) {
		if (seq + 1 < BLOCKS)
			assert_int_equal(submit(f, ++seq, true, false), 0);
		assert_int_equal(nc_loop_once(f->loop, 5), 0);
	}
	UNTIL(f, f->durable_count == seq);
	assert_int_equal(f->lost, 0);
	assert_int_equal(f->c->records, 3 * seq);
	assert_true(nc_gate_open(f->gate) <= 3);
}

static void off_the_list_is_out(void **state)
{
	struct fixture *f = *state;

	begin(f);
	list_sensor(f, false);
	nc_gate_check(f->gate);
	UNTIL(f, !connected(f));
	UNTIL(f, nc_gate_counters(f->gate)->unknown > 0);
	assert_int_equal(f->c->sensors.pending_count, 1);
	list_sensor(f, true);
	UNTIL(f, connected(f));
	assert_int_equal(f->c->sensors.pending_count, 0);
	assert_int_equal(nc_state_revoke(f->state, f->sensor_keys->pub, "one"), 0);
	nc_gate_check(f->gate);
	UNTIL(f, !connected(f));
	UNTIL(f, nc_gate_counters(f->gate)->revoked > 0);
	assert_int_equal(f->c->sensors.pending_count, 0);
}

static void on_answer(void *user, const char *error, json_t *result)
{
	struct fixture *f = user;

	json_decref(f->answer);
	f->answer = result;
	f->answer_error = error ? (strcmp(error, "unknown") == 0 ? "unknown" : "other") : NULL;
	f->answered = true;
}

static void questions_are_answered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nc_gate_ask(f->gate, "one", "status", NULL, on_answer, f), -ENOENT);
	begin(f);
	assert_int_equal(nc_gate_ask(f->gate, "two", "status", NULL, on_answer, f), -ENOENT);
	assert_int_equal(nc_gate_ask(f->gate, "one", "status", NULL, on_answer, f), 0);
	UNTIL(f, f->answered);
	assert_string_equal(f->asked, "status");
	assert_null(f->answer_error);
	assert_int_equal(json_integer_value(json_object_get(f->answer, "n")), 5);
	f->answered = false;
	assert_int_equal(nc_gate_ask(f->gate, "one", "wrong", NULL, on_answer, f), 0);
	UNTIL(f, f->answered);
	assert_string_equal(f->answer_error, "unknown");
	/* nobody is left to answer */
	f->answered = false;
	assert_int_equal(nc_gate_ask(f->gate, "one", "status", NULL, on_answer, f), 0);
	close_gate(f);
	assert_true(f->answered);
	assert_string_equal(f->answer_error, "other");
}

static void ledgers_are_taken(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_counter list[] = { { "packets", 5 }, { "records", 7 } };

	open_transport(f, 1 << 20, 3600 * NC_NS_PER_S);
	assert_int_equal(f->t->ledger(f->t, EPOCH, 1, list, 2), -EAGAIN);
	UNTIL(f, connected(f));
	assert_int_equal(f->t->ledger(f->t, EPOCH, 1, list, 2), 0);
	assert_int_equal(submit(f, 1, true, false), 0);
	UNTIL(f, f->durable[1]);
}

static json_int_t missing_blocks(const struct fixture *f)
{
	json_t *o = nc_ledger_of(TAILQ_FIRST(&f->c->sensors.all));
	json_int_t n = json_integer_value(json_object_get(json_object_get(o, "collector"), "missing_blocks"));

	json_decref(o);
	return n;
}

static void say_ledger(struct fixture *f, uint64_t epoch, const struct nc_transport_counter *list, size_t n, uint64_t seq)
{
	assert_int_equal(f->t->ledger(f->t, epoch, 1, list, n), 0);
	/* what came behind it is there, and so is the ledger */
	assert_int_equal(submit(f, seq, true, false), 0);
	UNTIL(f, f->durable[seq]);
}

/* What was in the memory of a sensor that was killed is missed, once another start of it has told of itself. */
static void what_died_with_a_sensor_is_missed(void **state)
{
	struct fixture *f = *state;
	const struct nc_transport_counter last[] = { { "BlocksBuilt", 6 }, { "BlocksDropped", 1 }, { "BlocksAcknowledged", 1 } };
	const struct nc_transport_counter fresh[] = { { "BlocksBuilt", 1 } };

	begin(f);
	assert_int_equal(submit(f, 1, true, false), 0);
	UNTIL(f, f->durable[1]);
	say_ledger(f, EPOCH, last, 3, 2);
	assert_int_equal(missing_blocks(f), 0);
	/* 3 to 7 are not there, but for one that was dropped */
	say_ledger(f, EPOCH + 1, fresh, 1, 8);
	assert_int_equal(missing_blocks(f), 4);
	/* from its spool */
	assert_int_equal(submit(f, 4, true, true), 0);
	UNTIL(f, f->durable[4]);
	assert_int_equal(missing_blocks(f), 3);
	/* it was another one with its key, and goes on */
	say_ledger(f, EPOCH, last, 3, 9);
	assert_int_equal(missing_blocks(f), 1);
}

static int connect_to(const struct fixture *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_port = htons((uint16_t)strtoul(strrchr(f->address, ':') + 1, NULL, 10));
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Who has many addresses, and connects without a word, keeps nobody out. */
static void silent_strangers_give_way(void **state)
{
	struct fixture *f = *state;
	int fds[8];

	close_gate(f);
	f->half_open_max = 4;
	open_gate(f);
	list_sensor(f, true);
	for (unsigned i = 0; i < 8; i++)
		fds[i] = connect_to(f);
	UNTIL(f, nc_gate_counters(f->gate)->connections == 8);
	assert_int_equal(nc_gate_half_open(f->gate), 4);
	assert_int_equal(nc_gate_counters(f->gate)->crowded, 4);
	begin(f);
	for (unsigned i = 0; i < 8; i++)
		close(fds[i]);
}

/* --- a collector that says nothing --------------------------------------------------------------------------------- */

struct mute {
	struct nc_sessions *shared;
	struct nc_session *s[8];
	unsigned count, opened;
	int fd;
};

static int mute_authorise(void *user, struct nc_session *s, const uint8_t key[static NC_KEY_LEN], uint64_t when,
                          uint8_t psk[static NC_NOISE_PSK_LEN])
{
	(void)user;
	(void)s;
	(void)key;
	(void)when;
	(void)psk;
	return 0;
}

static void mute_open(void *user, struct nc_session *s)
{
	(void)s;
	((struct mute *)user)->opened++;
}

static int mute_frame(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	(void)user;
	(void)s;
	(void)type;
	(void)p;
	(void)n;
	return 0;
}

static void mute_writable(void *user, struct nc_session *s)
{
	(void)user;
	(void)s;
}

static void mute_closed(void *user, struct nc_session *s, int error, const char *why)
{
	(void)user;
	(void)s;
	(void)error;
	(void)why;
}

static const struct nc_session_events mute_events = {
	.authorise = mute_authorise, .open = mute_open, .frame = mute_frame, .writable = mute_writable, .closed = mute_closed,
};

static void mute_accept(void *user, uint32_t events)
{
	struct mute *m = user;
	int fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	assert_true(fd >= 0 && m->count < 8);
	assert_int_equal(nc_session_accept(m->shared, fd, &mute_events, m, &m->s[m->count]), 0);
	m->count++;
}

/* It takes the handshake and answers pings, and never says its hello: the next collector is asked. */
static void a_hello_without_an_answer_ends(void **state)
{
	struct fixture *f = *state;
	struct mute m = { .fd = inherited() };
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	char first[64], *items[] = { first, f->address };
	struct nc_conf_list list = { .items = items, .count = 2 };
	struct nc_session_transport_options o = transport_options(f, &list, 1 << 20, 3600 * NC_NS_PER_S);
	struct nc_sessions_options s;
	struct nc_loop_fd *watch;
	struct nc_buf err = { .max = 4096 };

	assert_int_equal(getsockname(m.fd, (struct sockaddr *)&at, &len), 0);
	snprintf(first, sizeof(first), "127.0.0.1:%u", ntohs(at.sin_port));
	nc_sessions_defaults(&s);
	s.own[0] = f->collector_keys;
	assert_int_equal(nc_sessions_new(f->loop, &s, &m.shared), 0);
	assert_int_equal(nc_loop_add_fd(f->loop, m.fd, EPOLLIN, mute_accept, &m, &watch), 0);
	memcpy(o.keys[1], o.keys[0], NC_KEY_LEN);
	o.session.ping_interval = 20 * MS;
	o.session.dead_after = 200 * MS;
	assert_int_equal(nc_session_transport(&o, &f->t, &err), 0);
	f->t->events = &queue;
	f->t->user = f;
	UNTIL(f, connected(f));
	assert_true(m.opened > 0);
	nc_loop_del_fd(watch);
	for (unsigned i = 0; i < m.count; i++)
		nc_session_free(m.s[i]);
	nc_sessions_free(m.shared);
	close(m.fd);
	nc_buf_free(&err);
}

/* --- a sensor gone bad ------------------------------------------------------------------------------------------------ */

struct bad {
	struct fixture *f;
	struct nc_session *s;
	bool greeted, closed;
};

static void bad_open(void *user, struct nc_session *s)
{
	uint32_t version = NC_SESSION_VERSION;
	Session__Hello m = SESSION__HELLO__INIT;

	(void)user;
	m.n_versions = 1;
	m.versions = &version;
	m.epoch = EPOCH;
	assert_int_equal(nc_session_send_message(s, NC_FRAME_HELLO, &m.base), 0);
}

static int bad_frame(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	(void)s;
	(void)p;
	(void)n;
	((struct bad *)user)->greeted |= type == NC_FRAME_HELLO;
	return 0;
}

static void bad_closed(void *user, struct nc_session *s, int error, const char *why)
{
	(void)s;
	(void)error;
	(void)why;
	((struct bad *)user)->closed = true;
}

static const struct nc_session_events bad_events = {
	.open = bad_open, .frame = bad_frame, .writable = mute_writable, .closed = bad_closed,
};

static int say_key_kept(const struct bad *b, bool behind)
{
	Session__KeyKept m = SESSION__KEY_KEPT__INIT;

	m.key = (ProtobufCBinaryData){ .data = b->f->collector_keys->pub, .len = NC_KEY_LEN };
	m.error = (char *)(uintptr_t)"";
	m.behind = behind;
	return nc_session_send_message(b->s, NC_FRAME_KEY_KEPT, &m.base);
}

/* Each of these is a write to the collector's disk, for which the hellos of others wait. */
static void keys_are_not_told_for_ever(void **state)
{
	struct fixture *f = *state;
	struct bad b = { .f = f };
	struct nc_sessions_options o;
	struct nc_sessions *shared;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned said = 0;

	a.sin_port = htons((uint16_t)strtoul(strrchr(f->address, ':') + 1, NULL, 10));
	nc_sessions_defaults(&o);
	o.own[0] = f->sensor_keys;
	assert_int_equal(nc_sessions_new(f->loop, &o, &shared), 0);
	assert_int_equal(nc_session_connect(shared, (const struct sockaddr *)&a, sizeof(a), f->collector_keys->pub, NULL, 1,
	                                    &bad_events, &b, &b.s),
	                 0);
	UNTIL(f, b.greeted);
	while (!b.closed && said < 2000) {
		assert_int_equal(say_key_kept(&b, said++ % 2), 0);
		assert_int_equal(nc_loop_once(f->loop, 0), 0);
	}
	UNTIL(f, b.closed);
	nc_session_free(b.s);
	nc_sessions_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blocks_become_durable, setup, teardown),
		cmocka_unit_test_setup_teardown(sealed_blocks_are_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_blocks_are_rejected, setup, teardown),
		cmocka_unit_test_setup_teardown(the_window_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_lost_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_take_over, setup, teardown),
		cmocka_unit_test_setup_teardown(off_the_list_is_out, setup, teardown),
		cmocka_unit_test_setup_teardown(questions_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(ledgers_are_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(what_died_with_a_sensor_is_missed, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_not_told_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_strangers_give_way, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hello_without_an_answer_ends, setup, teardown),
	};

	if (nc_keys_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
