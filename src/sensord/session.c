/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session transport: blocks pipelined to a collector that says when it has them on disk. */
#include "config.h"

#include "sensord/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/message.h"
#include "base/save.h"
#include "base/text.h"
#include "base/time.h"
#include "sensord/address.h"
#include "sensord/lookup.h"

#define WAIT_MIN    (NC_NS_PER_S / 5)
#define WAIT_MAX    (30 * NC_NS_PER_S)
#define TICK_MAX    NC_NS_PER_S
#define TICK_MIN    (NC_NS_PER_S / 100)
#define RETIRE      (30 * NC_NS_PER_S) /* how long an old session may wait for its outcomes */
#define FLIGHTS_MAX 65536u
#define ROOM_LEAST  (256u * 1024u)
#define HELLO_FILE  "hello.time"

struct transport;

/* A session, from its first attempt on. */
struct link {
	struct transport *t;
	struct nc_session *s;
	uint64_t number;
	size_t endpoint;
	struct nc_sensor_choice keys;
	bool open;   /* the handshake is done, and our HELLO is on its way */
	bool ready;  /* both HELLOs are there */
	bool behind; /* the collector was told that something waits which is sealed to an earlier key */
	int64_t since, deadline;
	size_t flying;        /* blocks without an outcome */
	uint64_t window;      /* the collector's, 0: any */
	uint32_t block_max;   /* 0: any */
	char name[160];
};

/* A block without an outcome. */
struct flight {
	uint64_t epoch, seq, link;
	uint32_t size;
};

struct transport {
	struct nc_transport t; /* first */
	struct nc_session_transport_options o;
	struct nc_sessions *shared;
	struct nc_address endpoints[NC_COLLECTORS_MAX];
	size_t count, at;
	struct nc_sensor_keys keys;
	struct nc_lookup lookup;
	struct nc_loop_fd *lookup_watch;
	struct nc_lookup_answer answer;
	unsigned answer_at;
	struct nc_loop_timer *retry, *tick;
	int64_t wait;
	struct link *now, *next, *old; /* in use, being opened, waiting for its last outcomes */
	uint64_t links;
	struct flight *flights;
	size_t flight_count, flight_cap;
	uint64_t flying_bytes;
	bool blocked, want_new;
	int64_t hold, hold_until; /* the collector said: later */
	uint64_t room;            /* what may be on its way: the window, and less since it said so */
	uint64_t hello;           /* time of the last one */
	struct nc_log_limit keys_said;
	struct nc_log_limit said, connected_said;
};

static void attempt(struct transport *t);

static const char *const nobody = "nobody";

/* --- the time of the hello ------------------------------------------------------------------------------------------ */

static void read_hello(struct transport *t)
{
	/* without it the clock has to do */
	if (t->o.state_dir >= 0)
		(void)nc_save_read_number(t->o.state_dir, HELLO_FILE, &t->hello);
}

/* Synced: where the clock is wrong after a power failure, the collector refuses what is not above the last one. */
static void write_hello(const struct transport *t)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", t->hello);

	if (t->o.state_dir >= 0)
		(void)nc_save(t->o.state_dir, HELLO_FILE, text, (size_t)n, 0640, "hello");
}

/* It grows even when the clock does not, or was set back. */
static uint64_t next_hello(struct transport *t)
{
	int64_t now = nc_time_real();

	t->hello = now > 0 && (uint64_t)now > t->hello ? (uint64_t)now : t->hello + 1;
	write_hello(t);
	return t->hello;
}

/* --- blocks without an outcome -------------------------------------------------------------------------------------- */

static struct link *link_of(const struct transport *t, uint64_t number)
{
	struct link *all[] = { t->now, t->old, t->next };

	for (unsigned i = 0; i < 3; i++)
		if (all[i] && all[i]->number == number)
			return all[i];
	return NULL;
}

static void landed(struct transport *t, const struct flight *f)
{
	struct link *l = link_of(t, f->link);

	t->flying_bytes -= f->size;
	if (l && l->flying > 0)
		l->flying--;
}

static bool take_off(struct transport *t, const struct nc_transport_block *b)
{
	if (t->flight_count == t->flight_cap) {
		size_t cap = t->flight_cap ? 2 * t->flight_cap : 256;
		struct flight *more = reallocarray(t->flights, cap, sizeof(*more));
		if (!more)
			return false;
		t->flights = more;
		t->flight_cap = cap;
	}
	t->flights[t->flight_count++] =
		(struct flight){ .epoch = b->info.epoch, .seq = b->info.seq, .link = t->now->number, .size = (uint32_t)b->len };
	t->flying_bytes += b->len;
	t->now->flying++;
	return true;
}

/* Takes those of the range out; how many bytes they had. */
static uint64_t land(struct transport *t, uint64_t epoch, uint64_t from, uint64_t to)
{
	size_t kept = 0, before = t->flight_count;
	uint64_t bytes = t->flying_bytes;

	for (size_t i = 0; i < before; i++) {
		struct flight *f = &t->flights[i];
		if (f->epoch == epoch && f->seq >= from && f->seq <= to)
			landed(t, f);
		else
			t->flights[kept++] = *f;
	}
	t->flight_count = kept;
	return bytes - t->flying_bytes;
}

static void forget_flights(struct transport *t)
{
	struct link *all[] = { t->now, t->old, t->next };

	t->flight_count = 0;
	t->flying_bytes = 0;
	for (unsigned i = 0; i < 3; i++)
		if (all[i])
			all[i]->flying = 0;
}

static void tell_ready(struct transport *t)
{
	t->blocked = false;
	t->t.events->ready(t->t.user);
}

/* --- links ---------------------------------------------------------------------------------------------------------- */

static void free_link(struct link *l)
{
	if (!l)
		return;
	nc_session_free(l->s);
	free(l);
}

/* The link is gone. What was on its way with it goes again, and with it all the rest: the collector knows what it has. */
static void drop_link(struct transport *t, struct link *l)
{
	bool lost = l->flying > 0;

	if (t->now == l)
		t->now = NULL;
	if (t->next == l)
		t->next = NULL;
	if (t->old == l)
		t->old = NULL;
	free_link(l);
	if (!lost)
		return;
	forget_flights(t);
	t->t.events->lost(t->t.user);
}

static void retire(struct transport *t, struct link *l)
{
	if (t->old)
		drop_link(t, t->old);
	t->old = l;
	if (l)
		l->deadline = nc_time_mono() + RETIRE;
}

/* An old session goes when nothing is to come on it any more. */
static void check_old(struct transport *t)
{
	struct link *l = t->old;

	if (l && l->flying == 0)
		nc_session_finish(l->s, "a new session has taken over");
	else if (l && nc_time_mono() >= l->deadline)
		drop_link(t, l);
}

static void on_retry(void *user)
{
	struct transport *t = user;

	t->retry = NULL;
	if (!t->now || t->want_new)
		attempt(t);
}

static void retry_after(struct transport *t, int64_t ns)
{
	if (!t->retry)
		(void)nc_loop_add_timer(t->o.loop, ns, 0, on_retry, t, &t->retry);
}

/* Half of the time is left to chance, so that many sensors don't come back at the same moment. */
static void retry_later(struct transport *t)
{
	int64_t half = t->wait / 2;

	retry_after(t, half + (int64_t)randombytes_uniform((uint32_t)(half / 1000 + 1)) * 1000);
	t->wait = t->wait > t->o.wait_max / 2 ? t->o.wait_max : 2 * t->wait;
}

static void remember(struct transport *t, const char *name, const char *why)
{
	unsigned hidden = 0;

	snprintf(t->t.state.last_error, sizeof(t->t.state.last_error), "%s: %s", name, why);
	if (nc_log_allow(&t->said, 3, 60 * NC_NS_PER_S, nc_time_mono(), &hidden))
		nc_say(NC_SAY_COLLECTOR_UNREACHABLE, &(struct nc_about){ .address = name, .reason = why, .hidden = hidden }, "%s",
		       t->t.state.last_error);
}

/* This attempt came to nothing: the next address of the name, the next collector, or a while later the first one again. While a
 * session is open the others are not asked. */
static void next_attempt(struct transport *t)
{
	if (t->answer_at < t->answer.count) {
		retry_after(t, 0);
		return;
	}
	t->answer.count = t->answer_at = 0;
	if (!t->now)
		t->at = (t->at + 1) % t->count;
	if (t->at == 0 || t->now)
		retry_later(t);
	else
		retry_after(t, 0);
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static void renew(struct transport *t);

static int64_t seconds(void)
{
	return nc_time_real() / NC_NS_PER_S;
}

static void renew_if_stale(struct link *l)
{
	if (l == l->t->now && nc_sensor_keys_stale(&l->t->keys, l->endpoint, &l->keys, nc_time_mono()))
		renew(l->t);
}

/* What a collector can cause is said at a bounded rate. */
static bool say_key_allowed(struct transport *t)
{
	unsigned hidden;

	return nc_log_allow(&t->keys_said, 20, 60 * NC_NS_PER_S, nc_time_mono(), &hidden);
}

static int64_t grace_of(const struct transport *t, const struct nc_keypair *news)
{
	int64_t left = nc_keyring_until(t->keys.ring) - seconds();

	if (news == nc_keyring_next(t->keys.ring))
		return nc_keyring_grace(t->keys.ring);
	return left > 0 ? left : 0;
}

/* Tells the collector of a key of ours that it does not know yet. */
static void send_next_key(struct link *l)
{
	const struct nc_keypair *k = nc_sensor_keys_news(&l->t->keys, &l->keys);
	const uint8_t *session = nc_session_hash(l->s);
	Session__NextKey m = SESSION__NEXT_KEY__INIT;
	uint8_t pub[NC_KEY_LEN], proof[NC_KEY_PROOF];

	if (!k || !session || nc_key_prove(proof, k, l->keys.peer, session) != 0)
		return;
	memcpy(pub, k->pub, NC_KEY_LEN);
	m.key = (ProtobufCBinaryData){ .data = pub, .len = sizeof(pub) };
	m.proof = (ProtobufCBinaryData){ .data = proof, .len = sizeof(proof) };
	m.grace = (uint64_t)grace_of(l->t, k);
	(void)NC_FAULT("before-next-key");
	if (nc_session_send_message(l->s, NC_FRAME_NEXT_KEY, &m.base) == 0)
		nc_say(NC_SAY_KEY_ANNOUNCED, &(struct nc_about){ .address = l->name },
		       "this sensor's next key is announced to the collector at %s", l->name);
	(void)NC_FAULT("after-next-key");
}

static int on_key_kept(struct link *l, const ProtobufCMessage *m)
{
	const Session__KeyKept *k = (const Session__KeyKept *)m;
	char shown[NC_SESSION_WHY], fingerprint[NC_KEY_FINGERPRINT];
	struct nc_about about = { .address = l->name, .fingerprint = fingerprint, .reason = shown };

	nc_key_fingerprint(fingerprint, k->key.data);
	nc_text_escape(shown, sizeof(shown), k->error, strlen(k->error));
	if (*shown) {
		if (say_key_allowed(l->t))
			nc_say(NC_SAY_KEY_NOT_TAKEN, &about, "the collector at %s does not take this sensor's next key %s: %s",
			       l->name, fingerprint, shown);
		return 0;
	}
	(void)NC_FAULT("before-key-switch");
	int rc = nc_sensor_keys_kept(&l->t->keys, l->endpoint, k->key.data, seconds());
	(void)NC_FAULT("after-key-switch");
	if (rc > 0)
		nc_say(NC_SAY_KEY_SWITCHED, &about,
		       "the collector at %s has this sensor's next key, which is in use from now on: %s", l->name, fingerprint);
	else if (rc < 0 && rc != -ENOENT)
		nc_say(NC_SAY_KEY_NOT_KEPT, NULL, "this sensor's next key can't be taken into use: %s", strerrordesc_np(-rc));
	renew_if_stale(l);
	return 0;
}

/* The spool is sealed for the first collector. */
static bool seals_for(const struct link *l)
{
	const struct nc_sensor_keys *k = &l->t->keys;

	return k->peers[l->endpoint].learned == k->peers[0].learned;
}

static int send_key_kept(struct link *l, const uint8_t key[static NC_KEY_LEN], const char *error)
{
	const struct nc_session_transport_options *o = &l->t->o;
	Session__KeyKept m = SESSION__KEY_KEPT__INIT;

	l->behind = o->behind && seals_for(l) && o->behind(o->user);
	m.key = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)key, .len = NC_KEY_LEN };
	m.error = (char *)(uintptr_t)error;
	m.behind = l->behind;
	return nc_session_send_message(l->s, NC_FRAME_KEY_KEPT, &m.base);
}

/* Once nothing waits any more that is sealed to the collector's earlier key, that one may go. */
static void check_behind(struct link *l)
{
	if (l->behind && !l->t->o.behind(l->t->o.user))
		(void)send_key_kept(l, nc_sensor_keys_of(&l->t->keys, l->endpoint), "");
}

static int on_next_key(struct link *l, const ProtobufCMessage *m)
{
	const Session__NextKey *k = (const Session__NextKey *)m;
	struct transport *t = l->t;
	char fingerprint[NC_KEY_FINGERPRINT];
	struct nc_about about = { .address = l->name, .fingerprint = fingerprint };

	(void)NC_FAULT("before-learned");
	int rc = nc_sensor_keys_learn(&t->keys, l->endpoint, k->key.data);
	(void)NC_FAULT("after-learned");
	nc_key_fingerprint(fingerprint, k->key.data);
	if (rc < 0 && say_key_allowed(t))
		nc_say(NC_SAY_KEY_NOT_KEPT, &about, "the next key %s of the collector at %s can't be kept: %s", fingerprint,
		       l->name, strerrordesc_np(-rc));
	if (rc > 0 && say_key_allowed(t))
		nc_say(NC_SAY_COLLECTOR_KEY_NEW, &about, "the collector at %s has a new key, which is used from now on: %s",
		       l->name, fingerprint);
	if (rc > 0 && t->o.seal_to && seals_for(l))
		t->o.seal_to(t->o.user, k->key.data);
	rc = send_key_kept(l, k->key.data, rc < 0 ? strerrordesc_np(-rc) : "");
	(void)NC_FAULT("after-key-kept");
	renew_if_stale(l);
	return rc == -ENOMEM ? rc : 0;
}

static void check_keys(struct link *l)
{
	check_behind(l);
	renew_if_stale(l);
	if (nc_sensor_keys_expire(&l->t->keys, &l->keys, seconds()))
		nc_say(NC_SAY_OLD_KEY_GONE, NULL, "this sensor's old key is gone");
}

/* --- what the collector says ---------------------------------------------------------------------------------------- */

static int send_hello(struct link *l)
{
	const struct nc_conf_list *list = l->t->o.interfaces;
	uint32_t version = NC_SESSION_VERSION;
	Session__Hello m = SESSION__HELLO__INIT;

	m.n_versions = 1;
	m.versions = &version;
	m.software = (char *)(uintptr_t)("netcap-sensord " PACKAGE_VERSION);
	m.n_interfaces = list ? list->count : 0;
	m.interfaces = list ? list->items : NULL;
	m.epoch = l->t->o.epoch;
	m.blockmax = NC_BLOCK_SIZE_MAX;
	return nc_session_send_message(l->s, NC_FRAME_HELLO, &m.base);
}

static void on_open(void *user, struct nc_session *s)
{
	struct link *l = user;

	(void)s;
	l->open = true;
	l->deadline = nc_time_mono() + l->t->o.session.dead_after;
	(void)send_hello(l);
}

static void become_ready(struct link *l)
{
	struct transport *t = l->t;
	bool first = !t->now;
	unsigned hidden = 0;

	l->ready = true;
	l->since = nc_time_mono();
	t->next = NULL;
	t->want_new = false;
	retire(t, t->now);
	t->now = l;
	t->wait = 2 * t->o.wait_min;
	t->hold = 0;
	t->hold_until = 0;
	t->t.state.last_error[0] = '\0';
	/* a line that breaks all the time is told of at a bounded rate, too */
	if (nc_log_allow(&t->connected_said, 10, 60 * NC_NS_PER_S, l->since, &hidden)) {
		t->said = (struct nc_log_limit){ .count = 0 };
		nc_say(first ? NC_SAY_COLLECTOR_CONNECTED : NC_SAY_SESSION_RENEWED, &(struct nc_about){ .address = l->name }, "%s %s%s",
		       first ? "connected to the collector at" : "a new session with the collector at", l->name,
		       first ? "" : " has taken over");
	}
	nc_sensor_keys_worked(&t->keys, l->endpoint, &l->keys);
	send_next_key(l);
	check_old(t);
	tell_ready(t);
}

static int on_hello(struct link *l, const ProtobufCMessage *m)
{
	const Session__Hello *h = (const Session__Hello *)m;
	struct nc_buf why = { .max = 1024 };

	if (l->ready)
		return -EPROTO;
	bool agreed = nc_session_agree(h, "collector", &why) != 0;
	if (agreed) {
		l->window = h->window;
		l->block_max = h->blockmax;
		become_ready(l);
	} else {
		remember(l->t, l->name, nc_buf_cstr(&why));
		nc_session_finish(l->s, nc_buf_cstr(&why));
	}
	nc_buf_free(&why);
	return 0;
}

static int on_ack(struct link *l, const ProtobufCMessage *m)
{
	const Session__Ack *a = (const Session__Ack *)m;
	struct transport *t = l->t;

	for (size_t i = 0; i < a->n_ranges; i++) {
		const Session__Range *r = a->ranges[i];
		uint64_t bytes = land(t, r->epoch, r->from, r->to);
		t->room = t->room + bytes < t->o.window ? t->room + bytes : t->o.window;
		t->t.events->durable(t->t.user, r->epoch, r->from, r->to);
	}
	t->hold = 0;
	check_old(t);
	if (t->blocked)
		tell_ready(t);
	return 0;
}

/* Nothing goes out for a while, longer each time, and then less than before: what is sent to a full disk was sent in vain. */
static void slow_down(struct transport *t)
{
	if (nc_time_mono() < t->hold_until)
		return;
	t->hold = t->hold ? (t->hold > t->o.wait_max / 2 ? t->o.wait_max : 2 * t->hold) : NC_NS_PER_S / 2;
	t->hold_until = nc_time_mono() + t->hold;
	t->room = t->room / 4 > ROOM_LEAST ? t->room / 4 : ROOM_LEAST;
	t->blocked = true;
}

static int on_reject(struct link *l, const ProtobufCMessage *m)
{
	const Session__Reject *r = (const Session__Reject *)m;
	struct transport *t = l->t;
	char shown[NC_SESSION_WHY];

	if (land(t, r->epoch, r->seq, r->seq) == 0)
		return 0;
	nc_text_escape(shown, sizeof(shown), r->reason, strlen(r->reason));
	remember(t, l->name, shown);
	if (!r->permanent)
		slow_down(t);
	t->t.events->rejected(t->t.user, r->epoch, r->seq, r->permanent, shown);
	check_old(t);
	return 0;
}

static int on_command(struct link *l, const ProtobufCMessage *m)
{
	const Session__Command *c = (const Session__Command *)m;
	struct transport *t = l->t;
	json_t *parameters = c->parameters.len ? json_loadb((const char *)c->parameters.data, c->parameters.len, 0, NULL) : NULL;
	json_t *result = NULL;
	const char *error = t->o.command ? t->o.command(t->o.user, c->name, parameters, &result) : "unknown";
	char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
	Session__Reply r = SESSION__REPLY__INIT;

	r.id = c->id;
	r.error = (char *)(uintptr_t)(error ? error : "");
	r.result.data = (uint8_t *)text;
	r.result.len = text ? strlen(text) : 0;
	int rc = nc_session_send_message(l->s, NC_FRAME_REPLY, &r.base);
	if (rc == -EMSGSIZE) {
		r.error = (char *)(uintptr_t)"too-long";
		r.result.len = 0;
		rc = nc_session_send_message(l->s, NC_FRAME_REPLY, &r.base);
	}
	free(text);
	json_decref(result);
	json_decref(parameters);
	return rc == -ENOMEM ? rc : 0;
}

static int (*const handlers[NC_FRAME_TYPES])(struct link *l, const ProtobufCMessage *m) = {
	[NC_FRAME_HELLO] = on_hello,
	[NC_FRAME_ACK] = on_ack,
	[NC_FRAME_REJECT] = on_reject,
	[NC_FRAME_COMMAND] = on_command,
	[NC_FRAME_NEXT_KEY] = on_next_key,
	[NC_FRAME_KEY_KEPT] = on_key_kept,
};

static int on_frame(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	struct link *l = user;

	(void)s;
	if (!handlers[type] || (type != NC_FRAME_HELLO && !l->ready))
		return -EPROTO;
	ProtobufCMessage *m = nc_frame_unpack(type, p, n);
	if (!m)
		return -EBADMSG;
	int rc = handlers[type](l, m);
	protobuf_c_message_free_unpacked(m, NULL);
	return rc;
}

static void on_writable(void *user, struct nc_session *s)
{
	struct link *l = user;

	(void)s;
	if (l == l->t->now)
		tell_ready(l->t);
}

static void on_closed(void *user, struct nc_session *s, int error, const char *why)
{
	struct link *l = user;
	struct transport *t = l->t;
	bool was_now = l == t->now, was_next = l == t->next;
	bool again = was_next && error == -ECONNRESET && nc_sensor_keys_refused(&t->keys, l->endpoint, nc_time_mono());

	(void)s;
	/* a collector says nothing to those whom it does not let in */
	if (error == -ECONNRESET && was_next)
		why = "the collector ended the handshake: is this sensor's key authorised there, and is collector.key the collector's key?";
	if (error && l != t->old)
		remember(t, l->name, why);
	drop_link(t, l);
	if (was_now) {
		/* it worked until now: the same collector first */
		t->answer.count = t->answer_at = 0;
		retry_later(t);
	} else if (again && t->answer_at > 0) {
		/* the same address, with another key of ours or of the collector's */
		t->answer_at--;
		retry_after(t, 0);
	} else if (was_next) {
		next_attempt(t);
	}
}

static const struct nc_session_events link_events = {
	.open = on_open, .frame = on_frame, .writable = on_writable, .closed = on_closed,
};

/* --- connecting ----------------------------------------------------------------------------------------------------- */

static void name_link(struct link *l, const struct nc_address *e)
{
	nc_address_text(e, l->name, sizeof(l->name));
}

/* Connects to the next address of the present collector. */
static void connect_next(struct transport *t)
{
	const struct nc_address *e = &t->endpoints[t->at];
	unsigned i = t->answer_at++;
	struct link *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	if (l) {
		*l = (struct link){ .t = t, .number = ++t->links, .endpoint = t->at };
		name_link(l, e);
		t->o.session.own[0] = nc_sensor_keys_choose(&t->keys, t->at, &l->keys);
		nc_sessions_set(t->shared, &t->o.session);
		rc = nc_session_connect(t->shared, (const struct sockaddr *)&t->answer.list[i].address, t->answer.list[i].len,
		                        l->keys.peer, t->o.psk, next_hello(t), &link_events, l, &l->s);
	}
	if (rc == 0) {
		t->next = l;
		return;
	}
	remember(t, l ? l->name : nobody, strerrordesc_np(-rc));
	free(l);
	next_attempt(t);
}

static void answered(struct transport *t)
{
	const struct nc_address *e = &t->endpoints[t->at];

	t->answer_at = 0;
	if (t->answer.error == 0 && t->answer.count > 0) {
		connect_next(t);
		return;
	}
	t->answer.count = 0;
	remember(t, e->host, t->answer.error ? gai_strerror(t->answer.error) : "has no address");
	next_attempt(t);
}

static void on_lookup(void *user, uint32_t events)
{
	struct transport *t = user;

	(void)events;
	/* the poll closes the descriptor when the answer is there */
	nc_loop_del_fd(t->lookup_watch);
	t->lookup_watch = NULL;
	if (nc_lookup_poll(&t->lookup, &t->answer) != -EAGAIN)
		answered(t);
	else if (nc_loop_add_fd(t->o.loop, t->lookup.fd, EPOLLIN, on_lookup, t, &t->lookup_watch) != 0)
		nc_lookup_cancel(&t->lookup);
}

static void look_up(struct transport *t)
{
	const struct nc_address *a = &t->endpoints[t->at];

	if (nc_lookup_numeric(a->host, a->port, &t->answer)) {
		answered(t);
		return;
	}
	int rc = nc_lookup_start(&t->lookup, a->host, a->port);
	if (rc == 0)
		rc = nc_loop_add_fd(t->o.loop, t->lookup.fd, EPOLLIN, on_lookup, t, &t->lookup_watch);
	if (rc == 0)
		return;
	nc_lookup_cancel(&t->lookup);
	t->answer.count = 0;
	remember(t, a->host, strerrordesc_np(-rc));
	next_attempt(t);
}

static void attempt(struct transport *t)
{
	if (t->next || t->lookup.pid > 0)
		return;
	if (t->answer_at < t->answer.count)
		connect_next(t);
	else
		look_up(t);
}

static void renew(struct transport *t)
{
	if (t->next || t->retry || t->lookup.pid > 0)
		return;
	t->want_new = true;
	t->answer.count = t->answer_at = 0;
	attempt(t);
}

/* A collector that answers pings and never says its HELLO, since its disk hangs, is none: others may be there. */
static void check_next(struct transport *t, int64_t now)
{
	struct link *l = t->next;

	if (!l || !l->open || now < l->deadline)
		return;
	remember(t, l->name, "the collector does not answer the hello");
	drop_link(t, l);
	next_attempt(t);
}

static void on_tick(void *user)
{
	struct transport *t = user;
	int64_t now = nc_time_mono();

	check_old(t);
	check_next(t, now);
	if (t->now)
		check_keys(t->now);
	if (t->now && (now - t->now->since >= t->o.renew_interval || nc_session_bytes_out(t->now->s) >= t->o.renew_bytes))
		renew(t);
	if (t->now && t->blocked && now >= t->hold_until)
		tell_ready(t);
}

/* --- the transport -------------------------------------------------------------------------------------------------- */

static bool fits_window(const struct transport *t, size_t n)
{
	uint64_t window = t->room;

	if (t->now->window > 0 && t->now->window < window)
		window = t->now->window;
	return t->flight_count == 0 || (t->flight_count < FLIGHTS_MAX && n <= window && t->flying_bytes <= window - n);
}

static int send_sealed(struct transport *t, const struct nc_transport_block *b)
{
	struct nc_buf buf = { .max = NC_FRAME_SEALED_HEAD + b->len };

	nc_buf_le64(&buf, b->info.epoch);
	nc_buf_le64(&buf, b->info.seq);
	nc_buf_add(&buf, b->data, b->len);
	int rc = buf.failed ? -ENOMEM : nc_session_send(t->now->s, NC_FRAME_SEALED, buf.data, buf.len);
	nc_buf_free(&buf);
	return rc;
}

static int submit(struct nc_transport *x, const struct nc_transport_block *b)
{
	struct transport *t = (struct transport *)x;
	int rc = -EAGAIN;

	t->blocked = true;
	if (!t->now || nc_time_mono() < t->hold_until)
		return -EAGAIN;
	if (t->now->block_max && b->info.size > t->now->block_max) {
		x->state.records_dropped += b->info.count;
		return -EMSGSIZE;
	}
	if (!fits_window(t, b->len) || !take_off(t, b))
		return -EAGAIN;
	rc = b->sealed ? send_sealed(t, b) : nc_session_send(t->now->s, NC_FRAME_BLOCK, b->data, b->len);
	if (rc) {
		landed(t, &t->flights[--t->flight_count]);
		return -EAGAIN;
	}
	t->blocked = false;
	x->state.batches++;
	x->state.bytes += b->len;
	x->state.records += b->info.count;
	x->state.sequence = b->info.seq;
	return 0;
}

static int ledger(struct nc_transport *x, uint64_t epoch, int64_t when, const struct nc_transport_counter *list, size_t n)
{
	struct transport *t = (struct transport *)x;
	Session__Ledger m = SESSION__LEDGER__INIT;
	Session__Counter *counters = calloc(n + 1, sizeof(*counters)), **at = calloc(n + 1, sizeof(*at));
	int rc = counters && at && t->now ? 0 : -EAGAIN;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		session__counter__init(&counters[i]);
		counters[i].name = (char *)(uintptr_t)list[i].name;
		counters[i].value = list[i].value;
		at[i] = &counters[i];
	}
	m.epoch = epoch;
	m.time = (uint64_t)when;
	m.n_counters = n;
	m.counters = at;
	if (rc == 0 && nc_session_send_message(t->now->s, NC_FRAME_LEDGER, &m.base) != 0)
		rc = -EAGAIN;
	free(counters);
	free(at);
	return rc;
}

static void close_transport(struct nc_transport *x)
{
	struct transport *t = (struct transport *)x;

	nc_loop_del_timer(t->retry);
	nc_loop_del_timer(t->tick);
	nc_loop_del_fd(t->lookup_watch);
	nc_lookup_cancel(&t->lookup);
	free_link(t->now);
	free_link(t->next);
	free_link(t->old);
	nc_sessions_free(t->shared);
	free(t->flights);
	free(t);
}

static int set_endpoints(struct transport *t, struct nc_buf *err)
{
	const struct nc_conf_list *list = t->o.addresses;

	if (list->count == 0 || list->count > NC_COLLECTORS_MAX) {
		nc_buf_printf(err, "collector.address: from one to %u can be named", NC_COLLECTORS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct nc_address *e = &t->endpoints[i];
		if (!nc_address_parse(list->items[i], e)) {
			nc_buf_printf(err, "collector.address: \"%s\" is not \"host:port\" or \"[v6]:port\"", list->items[i]);
			return -EINVAL;
		}
	}
	t->count = list->count;
	return nc_sensor_keys_open(&t->keys, t->o.ring, t->o.own, t->o.state_dir, t->o.keys, t->count, err);
}

static int start(struct transport *t)
{
	int64_t tick = t->o.renew_interval / 4;

	tick = tick > TICK_MAX ? TICK_MAX : tick < TICK_MIN ? TICK_MIN : tick;
	t->o.session.own[0] = nc_sensor_keys_own(&t->keys);
	t->o.session.own[1] = NULL;
	int rc = nc_sessions_new(t->o.loop, &t->o.session, &t->shared);
	if (rc == 0)
		rc = nc_loop_add_timer(t->o.loop, tick, tick, on_tick, t, &t->tick);
	/* the first attempt comes from the loop: by then the queue has told who is to hear of it */
	return rc ? rc : nc_loop_add_timer(t->o.loop, 0, 0, on_retry, t, &t->retry);
}

int nc_session_transport(const struct nc_session_transport_options *o, struct nc_transport **ret, struct nc_buf *err)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->o = *o;
	t->o.wait_min = o->wait_min ? o->wait_min : WAIT_MIN;
	t->o.wait_max = o->wait_max ? o->wait_max : WAIT_MAX;
	t->wait = 2 * t->o.wait_min;
	t->room = o->window;
	t->t = (struct nc_transport){ .submit = submit, .ledger = ledger, .close = close_transport };
	int rc = set_endpoints(t, err);
	if (rc == 0) {
		read_hello(t);
		rc = start(t);
	}
	if (rc) {
		close_transport(&t->t);
		return rc;
	}
	*ret = &t->t;
	return 0;
}

void nc_session_transport_renew(struct nc_transport *x)
{
	renew((struct transport *)x);
}

int nc_session_transport_rotate_keys(struct nc_transport *x, int64_t grace)
{
	struct transport *t = (struct transport *)x;
	int rc = t->keys.ring ? nc_keyring_prepare(t->keys.ring, grace) : -ENOTSUP;

	if (rc == 0 && t->now)
		send_next_key(t->now);
	return rc;
}

const uint8_t *nc_session_transport_peer(const struct nc_transport *x)
{
	return nc_sensor_keys_of(&((const struct transport *)x)->keys, 0);
}

json_t *nc_session_transport_status(const struct nc_transport *x)
{
	const struct transport *t = (const struct transport *)x;
	json_t *o = json_object();
	int64_t open = t->now ? (nc_time_mono() - t->now->since) / NC_NS_PER_S : 0;

	json_object_set_new(o, "connected", json_boolean(t->now != NULL));
	json_object_set_new(o, "address", t->now ? json_string(t->now->name) : json_null());
	json_object_set_new(o, "seconds", json_integer(open));
	json_object_set_new(o, "unacknowledged_blocks", json_integer((json_int_t)t->flight_count));
	json_object_set_new(o, "unacknowledged_bytes", json_integer((json_int_t)t->flying_bytes));
	json_object_set_new(o, "sessions", json_integer((json_int_t)nc_sessions_counters(t->shared)->connected));
	return o;
}
