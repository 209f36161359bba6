/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's sessions: who may come in, what they bring, and what they are told. */
#include "config.h"

#include "collectord/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/message.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/time.h"
#include "collectord/ledger.h"
#include "collectord/tail.h"

#define HALF_OPEN      256u
#define HALF_OPEN_HOST 16u
#define SESSIONS       8192u
#define BACKLOG        512
#define ACCEPTS        64u /* per event */
#define PAUSE          NC_NS_PER_S
#define ACKS           64u /* ranges that are gathered for one frame */
#define QUESTIONS      64u
#define KEY_FRAMES     64u /* of a session */
#define ANSWER_TIME    (3 * NC_NS_PER_S)
#define LOG_BURST      6u
#define KEY_BURST      20u
#define LOG_INTERVAL   (60 * NC_NS_PER_S)

struct range {
	uint64_t epoch, from, to;
};

/* A connection, and the session on it. */
struct nc_visit {
	TAILQ_ENTRY(nc_visit) all;
	struct nc_gate *gate;
	struct nc_session *s;
	struct nc_peer peer;
	struct nc_sensor *sensor; /* NULL before it is authorised, and when it was sent away */
	struct nc_visit *older;   /* of the same sensor */
	bool half_open, greeted, ready; /* greeted: its HELLO is there; ready: ours, too */
	uint64_t hello_ticket;    /* the time of its hello is on its way to the disk */
	uint64_t key_ticket;      /* so is this next key of it */
	uint8_t next_key[NC_KEY_LEN];
	unsigned key_frames; /* NEXT_KEY, KEY_KEPT: what came */
	unsigned acks;
	struct range ack[ACKS];
};

struct question {
	TAILQ_ENTRY(question) all;
	struct nc_gate *gate;
	struct nc_visit *visit;
	uint64_t id;
	struct nc_loop_timer *timer;
	nc_gate_answer_fn fn;
	void *user;
};

struct listener {
	struct nc_gate *gate;
	int fd;
	struct nc_loop_fd *watch;
	struct nc_loop_timer *pause;
};

struct nc_gate {
	struct nc_loop *loop;
	struct nc_collector *c;
	struct nc_state *state;
	struct nc_gate_options o;
	struct nc_sessions *shared;
	struct listener listeners[NC_LISTEN_MAX];
	size_t count;
	TAILQ_HEAD(visits, nc_visit) visits;
	size_t visit_count, half_open;
	TAILQ_HEAD(questions, question) questions;
	size_t question_count;
	uint64_t question_id;
	struct nc_loop_timer *ack_timer;
	struct nc_buf plain; /* a sealed block, opened */
	struct nc_gate_counters counters;
	struct nc_log_limit said;
};

static struct nc_instant instant(void)
{
	return (struct nc_instant){ .mono = nc_time_mono(), .real = nc_time_real() };
}

/* --- questions ------------------------------------------------------------------------------------------------------ */

static void answer(struct question *q, const char *error, json_t *result)
{
	struct nc_gate *g = q->gate;
	nc_gate_answer_fn fn = q->fn;
	void *user = q->user;

	TAILQ_REMOVE(&g->questions, q, all);
	g->question_count--;
	nc_loop_del_timer(q->timer);
	free(q);
	fn(user, error, result);
}

static void on_question_late(void *user)
{
	struct question *q = user;

	q->timer = NULL;
	answer(q, "TimedOut", NULL);
}

static void drop_questions(struct nc_gate *g, const struct nc_visit *v)
{
	struct question *q = TAILQ_FIRST(&g->questions);

	while (q) {
		struct question *next = TAILQ_NEXT(q, all);
		if (!v || q->visit == v)
			answer(q, "NotConnected", NULL);
		q = next;
	}
}

static int on_reply(struct nc_visit *v, const uint8_t *p, size_t n)
{
	Session__Reply *m = (Session__Reply *)nc_frame_unpack(NC_FRAME_REPLY, p, n);
	struct question *q;
	char shown[NC_SESSION_WHY];

	if (!m)
		return -EBADMSG;
	TAILQ_FOREACH(q, &v->gate->questions, all)
		if (q->id == m->id && q->visit == v)
			break;
	/* one that came too late has no question any more */
	if (q) {
		json_t *result = m->result.len ? json_loadb((const char *)m->result.data, m->result.len, 0, NULL) : NULL;
		nc_text_escape(shown, sizeof(shown), m->error, strlen(m->error));
		answer(q, *shown ? shown : NULL, result);
	}
	protobuf_c_message_free_unpacked(&m->base, NULL);
	return 0;
}

/* --- visits --------------------------------------------------------------------------------------------------------- */

/* The newest session of a sensor that can be written to. */
static struct nc_visit *newest(const struct nc_sensor *s)
{
	struct nc_visit *v = s->visits;

	while (v && (!v->ready || !nc_session_is_open(v->s)))
		v = v->older;
	return v;
}

/* What becomes of a sensor's sessions, at a bounded rate. */
static void say(struct nc_sensor *s, const struct nc_visit *v, enum nc_message m, const char *what, const char *why)
{
	unsigned hidden = 0;

	if (nc_log_allow(&s->said, LOG_BURST, LOG_INTERVAL, nc_time_mono(), &hidden))
		nc_say(m, &(struct nc_about){ .sensor = s->name, .address = v->peer.address, .reason = why, .hidden = hidden },
		       "sensor %s %s %s%s%s", s->name, what, v->peer.address, *why ? ": " : "", why);
}

/* Takes it from its sensor's list: it counts no more. */
static void detach(struct nc_visit *v, const char *why)
{
	struct nc_sensor *s = v->sensor;

	if (!s)
		return;
	for (struct nc_visit **at = &s->visits; *at; at = &(*at)->older) {
		if (*at == v) {
			*at = v->older;
			break;
		}
	}
	v->sensor = NULL;
	v->acks = 0;
	drop_questions(v->gate, v);
	if (!s->visits && v->ready)
		say(s, v, NC_SAY_SENSOR_GONE, "is gone from", why);
}

static void no_longer_half_open(struct nc_visit *v)
{
	if (v->half_open)
		v->gate->half_open--;
	v->half_open = false;
}

static void drop(struct nc_visit *v, const char *why)
{
	struct nc_gate *g = v->gate;

	no_longer_half_open(v);
	detach(v, why);
	TAILQ_REMOVE(&g->visits, v, all);
	g->visit_count--;
	nc_session_free(v->s);
	free(v);
}

/* From now on nothing that it sends is taken; it is told why, and goes. */
static void send_away(struct nc_visit *v, const char *why)
{
	detach(v, why);
	nc_session_finish(v->s, why);
}

/* --- acknowledging -------------------------------------------------------------------------------------------------- */

/* One frame with what was gathered. A sensor that does not take it will come again and be told then. */
static int send_acks(struct nc_visit *v)
{
	Session__Range ranges[ACKS], *list[ACKS];
	Session__Ack m = SESSION__ACK__INIT;

	if (v->acks == 0)
		return 0;
	for (unsigned i = 0; i < v->acks; i++) {
		session__range__init(&ranges[i]);
		ranges[i].epoch = v->ack[i].epoch;
		ranges[i].from = v->ack[i].from;
		ranges[i].to = v->ack[i].to;
		list[i] = &ranges[i];
	}
	m.n_ranges = v->acks;
	m.ranges = list;
	v->acks = 0;
	v->gate->counters.acks++;
	return nc_session_send_message(v->s, NC_FRAME_ACK, &m.base);
}

static void send_all_acks(struct nc_gate *g)
{
	struct nc_visit *next;

	for (struct nc_visit *v = TAILQ_FIRST(&g->visits); v; v = next) {
		next = TAILQ_NEXT(v, all);
		if (v->sensor && send_acks(v) != 0)
			drop(v, "it takes no acknowledgements");
	}
}

static void on_acks(void *user)
{
	struct nc_gate *g = user;

	g->ack_timer = NULL;
	send_all_acks(g);
}

/* Gathers what is durable until the loop's next round. */
static int acknowledge(struct nc_visit *v, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct nc_gate *g = v->gate;
	struct range *last = v->acks ? &v->ack[v->acks - 1] : NULL;
	int rc = 0;

	if (last && last->epoch == epoch && last->to + 1 == from) {
		last->to = to;
		return 0;
	}
	if (v->acks == ACKS)
		rc = send_acks(v);
	v->ack[v->acks++] = (struct range){ .epoch = epoch, .from = from, .to = to };
	if (rc == 0 && !g->ack_timer)
		rc = nc_loop_add_timer(g->loop, 0, 0, on_acks, g, &g->ack_timer);
	return rc;
}

static int reject(struct nc_visit *v, uint64_t epoch, uint64_t seq, bool permanent, const char *reason)
{
	Session__Reject m = SESSION__REJECT__INIT;

	m.epoch = epoch;
	m.seq = seq;
	m.permanent = permanent;
	m.reason = (char *)(uintptr_t)reason;
	v->sensor->blocks_refused++;
	return nc_session_send_message(v->s, NC_FRAME_REJECT, &m.base);
}

static void on_durable(void *user, struct nc_shelf *shelf, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct nc_sensor *s = nc_shelf_user(shelf);
	struct nc_visit *v = s ? newest(s) : NULL;

	(void)user;
	if (v && acknowledge(v, epoch, from, to) != 0)
		drop(v, "it takes no acknowledgements");
}

static void on_failed(void *user, struct nc_shelf *shelf, uint64_t epoch, uint64_t seq, uint64_t ticket, int code)
{
	struct nc_sensor *s = nc_shelf_user(shelf);
	struct nc_visit *v = s ? newest(s) : NULL;

	(void)user;
	(void)ticket;
	if (v && reject(v, epoch, seq, false, strerrordesc_np(-code)) != 0)
		drop(v, "it takes no answers");
}

/* --- what a sensor brings ------------------------------------------------------------------------------------------- */

static int send_hello(struct nc_visit *v)
{
	uint32_t version = NC_SESSION_VERSION;
	Session__Hello m = SESSION__HELLO__INIT;

	m.n_versions = 1;
	m.versions = &version;
	m.software = (char *)(uintptr_t)("netcap-collectord " PACKAGE_VERSION);
	m.blockmax = NC_BLOCK_SIZE_MAX;
	return nc_session_send_message(v->s, NC_FRAME_HELLO, &m.base);
}

/* Tells a sensor which key of the collector it is to use. */
static int send_next_key(struct nc_visit *v)
{
	const struct nc_keypair *const *own = v->gate->o.session.own;
	Session__NextKey m = SESSION__NEXT_KEY__INIT;
	uint8_t pub[NC_KEY_LEN];

	if (!own[1])
		return 0;
	memcpy(pub, own[0]->pub, NC_KEY_LEN);
	m.key = (ProtobufCBinaryData){ .data = pub, .len = sizeof(pub) };
	(void)NC_FAULT("before-next-key");
	int rc = nc_session_send_message(v->s, NC_FRAME_NEXT_KEY, &m.base);
	(void)NC_FAULT("after-next-key");
	return rc;
}

/* Its hello is taken for good: a power failure can't make it new again. Until now nothing was done for it. */
static int welcome(struct nc_visit *v)
{
	v->ready = true;
	int rc = send_hello(v);
	return rc ? rc : send_next_key(v);
}

static int on_hello(struct nc_visit *v, const uint8_t *p, size_t n)
{
	Session__Hello *m = v->greeted ? NULL : (Session__Hello *)nc_frame_unpack(NC_FRAME_HELLO, p, n);
	struct nc_buf why = { .max = 1024 };
	int rc = m ? 0 : -EBADMSG;

	if (m && nc_session_agree(m, "sensor", &why) == 0) {
		say(v->sensor, v, NC_SAY_SENSOR_VERSION, "at", nc_buf_cstr(&why));
		/* ours lets it find out by itself, too */
		(void)send_hello(v);
		send_away(v, nc_buf_cstr(&why));
	} else if (m) {
		nc_text_escape(v->sensor->software, sizeof(v->sensor->software), m->software, strlen(m->software));
		v->greeted = true;
		rc = v->hello_ticket ? 0 : welcome(v);
	}
	nc_buf_free(&why);
	if (m)
		protobuf_c_message_free_unpacked(&m->base, NULL);
	return rc;
}

static void count_block(struct nc_visit *v, const struct nc_block_info *info)
{
	struct nc_collector *c = v->gate->c;
	struct nc_sensor *s = v->sensor;
	const struct nc_type *type = nc_type_by_number(info->type);

	v->gate->counters.blocks++;
	v->gate->counters.bytes += info->size;
	s->blocks++;
	s->block_bytes += info->size;
	s->records += info->count;
	s->block_records += info->count;
	s->bytes += info->size;
	s->last_seen = nc_time_real();
	c->records += info->count;
	if (type)
		c->types[nc_type_slot(type)] += info->count;
}

static int store_block(struct nc_visit *v, const uint8_t *p, const struct nc_block_info *info)
{
	int code = nc_shelf_append(v->sensor->shelf, p, info, 0);

	switch (code) {
	case 0:
		count_block(v, info);
		nc_tail_block(v->gate->c->tail, v->sensor->name, p, info);
		return 0;
	case -EALREADY:
		return 0;
	case -EEXIST:
		return acknowledge(v, info->epoch, info->seq, info->seq);
	default:
		return reject(v, info->epoch, info->seq, !nc_store_later(code), strerrordesc_np(-code));
	}
}

/* The header of a block that is none has no name that could be rejected. */
static int on_block(struct nc_visit *v, const uint8_t *p, size_t n)
{
	struct nc_block_info info;

	if (nc_block_info(p, n, &info) != 0 || info.size != n)
		return -EBADMSG;
	return store_block(v, p, &info);
}

static bool unseal(struct nc_gate *g, const uint8_t *p, size_t n)
{
	g->plain.len = 0;
	if (n < crypto_box_SEALBYTES || !nc_buf_reserve(&g->plain, n))
		return false;
	for (unsigned i = 0; i < NC_SESSION_OWN_MAX && g->o.session.own[i]; i++) {
		const struct nc_keypair *k = g->o.session.own[i];
		if (crypto_box_seal_open(g->plain.data, p, n, k->pub, k->priv) != 0)
			continue;
		g->plain.len = n - crypto_box_SEALBYTES;
		return true;
	}
	return false;
}

static int on_sealed(struct nc_visit *v, const uint8_t *p, size_t n)
{
	struct nc_gate *g = v->gate;
	struct nc_rd r = nc_rd_over(p, n);
	uint64_t epoch = nc_rd_le64(&r), seq = nc_rd_le64(&r);
	struct nc_block_info info;

	if (r.failed)
		return -EBADMSG;
	bool ours = unseal(g, r.p, r.left) && nc_block_info(g->plain.data, g->plain.len, &info) == 0 &&
	            info.size == g->plain.len && info.epoch == epoch && info.seq == seq;
	g->counters.sealed_failures += !ours;
	return ours ? store_block(v, g->plain.data, &info) : reject(v, epoch, seq, true, "the sealed block is not for this collector");
}

static int on_ledger(struct nc_visit *v, const uint8_t *p, size_t n)
{
	const struct nc_instant now = { .mono = nc_time_mono(), .real = nc_time_real() };
	Session__Ledger *m = (Session__Ledger *)nc_frame_unpack(NC_FRAME_LEDGER, p, n);
	struct nc_ledger_counter *list = m ? calloc(m->n_counters + 1, sizeof(*list)) : NULL;
	int rc = m ? 0 : -EBADMSG;

	for (size_t i = 0; list && i < m->n_counters; i++)
		list[i] = (struct nc_ledger_counter){ .name = m->counters[i]->name, .value = m->counters[i]->value };
	/* one that finds no room is made up for by the next */
	if (list)
		(void)nc_ledger_take(v->gate->c, v->sensor, m->epoch, list, m->n_counters, now);
	free(list);
	if (m)
		protobuf_c_message_free_unpacked(&m->base, NULL);
	return rc;
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static int64_t seconds(void)
{
	return nc_time_real() / NC_NS_PER_S;
}

static int send_key_kept(struct nc_visit *v, const uint8_t key[static NC_KEY_LEN], const char *error)
{
	Session__KeyKept m = SESSION__KEY_KEPT__INIT;

	m.key = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)key, .len = NC_KEY_LEN };
	m.error = (char *)(uintptr_t)error;
	(void)NC_FAULT("before-key-kept");
	int rc = nc_session_send_message(v->s, NC_FRAME_KEY_KEPT, &m.base);
	(void)NC_FAULT("after-key-kept");
	return rc;
}

/* Each step of a change of keys, as long as nobody makes more of them than anybody needs. */
static void say_key(struct nc_visit *v, enum nc_message m, const char *what, const uint8_t key[static NC_KEY_LEN],
                    const char *more)
{
	char fingerprint[NC_KEY_FINGERPRINT];
	unsigned hidden = 0;

	if (!nc_log_allow(&v->sensor->said_keys, KEY_BURST, LOG_INTERVAL, nc_time_mono(), &hidden))
		return;
	nc_key_fingerprint(fingerprint, key);
	const struct nc_about about = {
		.sensor = v->sensor->name, .address = v->peer.address, .fingerprint = fingerprint, .hidden = hidden,
	};
	nc_say(m, &about, "sensor %s %s %s%s%s", v->sensor->name, what, fingerprint, *more ? ": " : "", more);
}

/* The sensor must have the key that it announces, or it could have what others send filed under its own name. */
static bool proved(const struct nc_visit *v, const Session__NextKey *m)
{
	const struct nc_keypair *const *own = v->gate->o.session.own;
	const uint8_t *session = nc_session_hash(v->s);
	bool ok = false;

	for (unsigned i = 0; m->proof.len == NC_KEY_PROOF && i < NC_SESSION_OWN_MAX && own[i]; i++)
		ok = ok || nc_key_proved(m->proof.data, m->key.data, own[i], session);
	return ok;
}

/* NULL, or why the key is not taken. *changed: what is to be saved. */
static const char *take_next_key(struct nc_visit *v, const Session__NextKey *m, const struct nc_chain **changed)
{
	struct nc_gate *g = v->gate;
	const struct nc_sensor *s = v->sensor;
	const struct nc_keylist *list = g->c->sensors.list;
	const char *listed = nc_keylist_find(list, m->key.data);
	int64_t grace = m->grace < (uint64_t)g->o.key_grace ? (int64_t)m->grace : g->o.key_grace;

	if (!proved(v, m))
		return "nothing proves that the sensor has this key";
	if (nc_state_revoked(g->state, m->key.data) || (listed && strcmp(listed, s->name) != 0))
		return "this key is revoked, or of another sensor";
	switch (nc_chains_announce(nc_state_chains(g->state), s->name, s->key, nc_session_peer(v->s), m->key.data, grace,
	                           changed)) {
	case 0:
		return NULL;
	case -EACCES:
		return "this session's key is not the one in use";
	case -EEXIST:
		return "this key was used before, or is of another sensor";
	default:
		return "out of memory";
	}
}

static int on_next_key(struct nc_visit *v, const uint8_t *p, size_t n)
{
	Session__NextKey *m = (Session__NextKey *)nc_frame_unpack(NC_FRAME_NEXT_KEY, p, n);
	const struct nc_chain *changed = NULL;

	if (!m)
		return -EBADMSG;
	memcpy(v->next_key, m->key.data, NC_KEY_LEN);
	const char *error = take_next_key(v, m, &changed);
	protobuf_c_message_free_unpacked(&m->base, NULL);
	int rc = error ? 0 : nc_state_save(v->gate->state, changed, &v->key_ticket);
	if (rc)
		error = strerrordesc_np(-rc);
	if (error)
		v->key_ticket = 0;
	if (error)
		say_key(v, NC_SAY_SENSOR_KEY_NOT_TAKEN, "announced a key that is not taken,", v->next_key, error);
	else
		say_key(v, NC_SAY_SENSOR_KEY_NEXT, "announced its next key", v->next_key, "");
	return error || !v->key_ticket ? send_key_kept(v, v->next_key, error ? error : "") : 0;
}

/* The sensor has the collector's key on disk. */
static int on_key_kept(struct nc_visit *v, const uint8_t *p, size_t n)
{
	struct nc_gate *g = v->gate;
	Session__KeyKept *m = (Session__KeyKept *)nc_frame_unpack(NC_FRAME_KEY_KEPT, p, n);
	const struct nc_keypair *own = g->o.session.own[0];
	const struct nc_chain *changed = NULL;
	uint64_t ticket;

	if (!m)
		return -EBADMSG;
	bool kept = !m->error[0] && memcmp(m->key.data, own->pub, NC_KEY_LEN) == 0, behind = m->behind;
	if (m->error[0])
		say_key(v, NC_SAY_SENSOR_KEY_NOT_TAKEN, "could not keep the collector's key", m->key.data, "");
	protobuf_c_message_free_unpacked(&m->base, NULL);
	int rc = kept ? nc_chains_knows(nc_state_chains(g->state), v->sensor->name, v->sensor->key, own->pub, behind, &changed)
	              : 0;
	if (changed) {
		/* what gets lost of it is asked again */
		(void)nc_state_save(g->state, changed, &ticket);
		say_key(v, NC_SAY_SENSOR_KNOWS_KEY, "has the collector's key", own->pub,
		        behind ? "blocks that are sealed for an earlier one wait with it" : "");
	}
	if (kept && g->o.confirmed)
		g->o.confirmed(g->o.user);
	return rc;
}

/* Somebody who has the sensor's key is there; an announced one is the one in use from here on. */
static void note_use(struct nc_visit *v)
{
	struct nc_gate *g = v->gate;
	const struct nc_chain *changed = NULL;
	uint64_t ticket;
	char until[NC_TIME_TEXT], more[NC_TIME_TEXT + 32];

	nc_chains_used(nc_state_chains(g->state), nc_session_peer(v->s), seconds(), g->o.key_grace, &changed);
	if (!changed)
		return;
	/* until it is saved the key is an announced one, which is let in as well */
	(void)nc_state_save(g->state, changed, &ticket);
	nc_time_iso(until, changed->until * NC_NS_PER_S);
	snprintf(more, sizeof(more), "the old one is good until %s", until);
	say_key(v, NC_SAY_SENSOR_KEY_USED, "uses its new key", changed->now, more);
}

/* Each of them may be a write to the disk, in a queue that the hellos of all sensors go through. A session has need of a few. */
static bool too_much_of_keys(struct nc_visit *v, enum nc_frame_type type)
{
	return (type == NC_FRAME_NEXT_KEY || type == NC_FRAME_KEY_KEPT) && ++v->key_frames > KEY_FRAMES;
}

static int (*const handlers[NC_FRAME_TYPES])(struct nc_visit *v, const uint8_t *p, size_t n) = {
	[NC_FRAME_HELLO] = on_hello, [NC_FRAME_BLOCK] = on_block,   [NC_FRAME_SEALED] = on_sealed,
	[NC_FRAME_REPLY] = on_reply, [NC_FRAME_LEDGER] = on_ledger, [NC_FRAME_NEXT_KEY] = on_next_key,
	[NC_FRAME_KEY_KEPT] = on_key_kept,
};

static int on_frame(void *user, struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	struct nc_visit *v = user;

	(void)s;
	if (!v->sensor || !handlers[type] || (type != NC_FRAME_HELLO && !v->ready) || too_much_of_keys(v, type))
		return -EPROTO;
	return handlers[type](v, p, n);
}

/* --- coming and going ----------------------------------------------------------------------------------------------- */

/* What keeps a key out: 0 or negative errno. */
static int check_key(struct nc_visit *v, const uint8_t key[static NC_KEY_LEN], uint64_t when)
{
	struct nc_gate *g = v->gate;
	bool nomem, revoked = nc_state_revoked(g->state, key);
	struct nc_sensor *s = nc_collector_sensor(g->c, key, &nomem);

	if (nomem)
		return -ENOMEM;
	if (!s) {
		g->counters.revoked += revoked;
		g->counters.unknown += !revoked;
		nc_collector_unknown(g->c, key, &v->peer, instant());
		return -EACCES;
	}
	int code = nc_state_hello(g->state, key, when, &v->hello_ticket);
	if (code == -ESTALE)
		g->counters.replayed++;
	else if (code)
		g->counters.state_failures++;
	v->sensor = code ? NULL : s;
	return code;
}

static int on_authorise(void *user, struct nc_session *x, const uint8_t key[static NC_KEY_LEN], uint64_t when,
                        uint8_t psk[static NC_NOISE_PSK_LEN])
{
	struct nc_visit *v = user;
	struct nc_gate *g = v->gate;
	unsigned hidden = 0;
	int code = check_key(v, key, when);

	(void)x;
	const char *why = code == -ESTALE ? "its hello is no newer than one before" : strerrordesc_np(-code);
	if (code == 0 && nc_collector_psk(g->c, v->sensor->name, psk, &why) != 0) {
		g->counters.psk_failures++;
		v->sensor = NULL;
		code = -ENOKEY;
	}
	if (code && code != -EACCES && nc_log_allow(&g->said, LOG_BURST, LOG_INTERVAL, nc_time_mono(), &hidden))
		nc_say(NC_SAY_SESSION_REFUSED, &(struct nc_about){ .address = v->peer.address, .reason = why, .hidden = hidden },
		       "session from %s refused: %s%s", v->peer.address, code == -ENOKEY ? "its pre-shared key: " : "", why);
	return code;
}

static void limit_visits(struct nc_sensor *s)
{
	unsigned n = 0;

	for (struct nc_visit *v = s->visits; v; v = v->older)
		if (++n > NC_GATE_SESSIONS) {
			send_away(v, "too many sessions of one sensor");
			return;
		}
}

/* Only now is it certain that somebody with the key is there, and not what somebody recorded. */
static void on_open(void *user, struct nc_session *x)
{
	struct nc_visit *v = user;
	struct nc_sensor *s = v->sensor;
	int code = s->shelf ? 0 : nc_store_shelf(v->gate->c->store, s->name, &s->shelf);

	(void)x;
	no_longer_half_open(v);
	if (code) {
		v->sensor = NULL;
		say(s, v, NC_SAY_SENSOR_FOLDER, "can't be stored; at", strerrordesc_np(-code));
		nc_session_finish(v->s, "the collector can't store anything now");
		return;
	}
	nc_shelf_set_user(s->shelf, s);
	note_use(v);
	if (!s->visits) {
		s->connected_since = nc_time_real();
		say(s, v, NC_SAY_SENSOR_CONNECTED, "is connected from", "");
	}
	v->older = s->visits;
	s->visits = v;
	s->sessions++;
	s->last_seen = nc_time_real();
	memcpy(s->address, v->peer.address, sizeof(s->address));
	limit_visits(s);
}

static void on_writable(void *user, struct nc_session *s)
{
	(void)user;
	(void)s;
}

static void on_closed(void *user, struct nc_session *s, int error, const char *why)
{
	(void)s;
	(void)error;
	drop(user, why);
}

static const struct nc_session_events visit_events = {
	.authorise = on_authorise, .open = on_open, .frame = on_frame, .writable = on_writable, .closed = on_closed,
};

static size_t half_open_of(const struct nc_gate *g, const char *host)
{
	const struct nc_visit *v;
	size_t n = 0;

	TAILQ_FOREACH(v, &g->visits, all)
		n += v->half_open && strcmp(v->peer.host, host) == 0;
	return n;
}

/* The oldest half-open connection goes: a sensor needs its place for a round trip, who has many addresses and says nothing would
 * have all of them for as long as a handshake may take. */
static void make_room(struct nc_gate *g)
{
	struct nc_visit *v;

	if (g->half_open < g->o.half_open_max)
		return;
	TAILQ_FOREACH(v, &g->visits, all)
		if (v->half_open)
			break;
	if (!v)
		return;
	g->counters.crowded++;
	drop(v, "too many connections whose handshake is not done");
}

static void admit(struct nc_gate *g, int fd, const struct nc_peer *peer)
{
	struct nc_visit *v = NULL;

	g->counters.connections++;
	if (g->visit_count >= g->o.sessions_max || half_open_of(g, peer->host) >= g->o.half_open_host_max)
		g->counters.crowded++;
	else
		v = calloc(1, sizeof(*v));
	if (!v) {
		close(fd);
		return;
	}
	make_room(g);
	v->gate = g;
	v->peer = *peer;
	if (nc_session_accept(g->shared, fd, &visit_events, v, &v->s) != 0) {
		free(v);
		return;
	}
	v->half_open = true;
	g->half_open++;
	g->visit_count++;
	TAILQ_INSERT_TAIL(&g->visits, v, all);
}

/* --- what was saved ------------------------------------------------------------------------------------------------- */

static void on_hello_saved(struct nc_visit *v, int rc)
{
	unsigned hidden = 0;

	v->hello_ticket = 0;
	if (rc) {
		v->gate->counters.state_failures++;
		const char *why = strerrordesc_np(-rc);
		if (nc_log_allow(&v->gate->said, LOG_BURST, LOG_INTERVAL, nc_time_mono(), &hidden))
			nc_say(NC_SAY_SESSION_REFUSED,
			       &(struct nc_about){ .address = v->peer.address, .reason = why, .hidden = hidden },
			       "session from %s refused: the time of its hello can't be recorded: %s", v->peer.address, why);
		drop(v, "its hello could not be recorded");
	} else if (v->greeted && v->sensor && welcome(v) != 0) {
		drop(v, "it takes no answers");
	}
}

static void on_key_saved(struct nc_visit *v, int rc)
{
	v->key_ticket = 0;
	if (rc)
		say_key(v, NC_SAY_SENSOR_KEY_NOT_TAKEN, "announced a key that is not taken,", v->next_key, strerrordesc_np(-rc));
	if (send_key_kept(v, v->next_key, rc ? strerrordesc_np(-rc) : "") != 0)
		drop(v, "it takes no answers");
}

static void on_saved(void *user, uint64_t ticket, int rc)
{
	struct nc_gate *g = user;
	struct nc_visit *v;

	TAILQ_FOREACH(v, &g->visits, all)
		if (v->hello_ticket == ticket || v->key_ticket == ticket)
			break;
	if (!v)
		return;
	if (v->hello_ticket == ticket)
		on_hello_saved(v, rc);
	else if (v->sensor)
		on_key_saved(v, rc);
}

/* --- listening ------------------------------------------------------------------------------------------------------ */

static void on_pause_over(void *user)
{
	struct listener *l = user;

	l->pause = NULL;
	(void)nc_loop_mod_fd(l->watch, EPOLLIN);
}

/* False when nobody waits (any more). */
static bool accept_one(struct listener *l)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	struct nc_peer peer;
	int fd = accept4(l->fd, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		nc_peer_of(&addr, &peer);
		admit(l->gate, fd, &peer);
		return true;
	}
	/* without descriptors the connection stays in the kernel's queue: wait instead of spinning */
	bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
	if (full && !l->pause && nc_loop_add_timer(l->gate->loop, PAUSE, 0, on_pause_over, l, &l->pause) == 0)
		(void)nc_loop_mod_fd(l->watch, 0);
	return !full && errno != EAGAIN;
}

static void on_connection(void *user, uint32_t events)
{
	(void)events;
	for (unsigned i = 0; i < ACCEPTS && accept_one(user); i++)
		;
}

static int open_socket(const char *text)
{
	struct nc_listen_address a;
	int on = 1;
	int rc = nc_listen_parse(text, &a);

	if (rc < 0)
		return rc;
	int fd = socket(a.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "[::]" leaves IPv4 to "0.0.0.0", so that both may stand in the list */
	if (a.addr.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a.addr, a.len) < 0 || listen(fd, BACKLOG) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int adopt(struct nc_gate *g, int fd)
{
	struct listener *l = &g->listeners[g->count];
	int flags = fcntl(fd, F_GETFL); /* an inherited one may block */

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	*l = (struct listener){ .gate = g, .fd = fd };
	g->count++;
	return nc_loop_add_fd(g->loop, fd, EPOLLIN, on_connection, l, &l->watch);
}

static int listen_all(struct nc_gate *g, struct nc_buf *err)
{
	size_t n = g->o.nfds ? g->o.nfds : g->o.listen->count;

	for (size_t i = 0; i < n; i++) {
		const char *name = g->o.nfds ? "an inherited socket" : g->o.listen->items[i];
		int fd = g->o.nfds ? g->o.fds[i] : i < NC_LISTEN_MAX ? open_socket(name) : -E2BIG;
		int rc = fd < 0 ? fd : adopt(g, fd);
		if (rc < 0) {
			nc_buf_printf(err, "cannot listen on %s: %s", name, strerrordesc_np(-rc));
			return rc;
		}
	}
	return 0;
}

/* --- the gate ------------------------------------------------------------------------------------------------------- */

int nc_gate_new(struct nc_loop *loop, struct nc_collector *c, struct nc_state *state, const struct nc_gate_options *o,
                struct nc_gate **ret, struct nc_buf *err)
{
	struct nc_gate *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->loop = loop;
	g->c = c;
	g->state = state;
	g->o = *o;
	g->o.half_open_max = o->half_open_max ? o->half_open_max : HALF_OPEN;
	g->o.half_open_host_max = o->half_open_host_max ? o->half_open_host_max : HALF_OPEN_HOST;
	g->o.sessions_max = o->sessions_max ? o->sessions_max : SESSIONS;
	nc_buf_init(&g->plain, NC_BLOCK_SIZE_MAX + crypto_box_SEALBYTES);
	TAILQ_INIT(&g->visits);
	TAILQ_INIT(&g->questions);
	int rc = nc_sessions_new(loop, &o->session, &g->shared);
	if (rc == 0)
		rc = listen_all(g, err);
	if (rc < 0) {
		nc_gate_free(g);
		return rc;
	}
	rc = nc_state_attach(state, loop, on_saved, g);
	if (rc < 0) {
		nc_gate_free(g);
		return rc;
	}
	nc_store_listen(c->store, &(struct nc_store_events){ .user = g, .durable = on_durable, .failed = on_failed });
	*ret = g;
	return 0;
}

void nc_gate_free(struct nc_gate *g)
{
	struct nc_visit *v;

	if (!g)
		return;
	for (size_t i = 0; i < g->count; i++) {
		nc_loop_del_fd(g->listeners[i].watch);
		nc_loop_del_timer(g->listeners[i].pause);
		close(g->listeners[i].fd);
	}
	nc_store_wait(g->c->store);
	send_all_acks(g);
	nc_store_listen(g->c->store, &(struct nc_store_events){ .user = NULL });
	while ((v = TAILQ_FIRST(&g->visits)))
		drop(v, "the collector stops");
	drop_questions(g, NULL);
	nc_loop_del_timer(g->ack_timer);
	nc_sessions_free(g->shared);
	nc_buf_free(&g->plain);
	free(g);
}

void nc_gate_check(struct nc_gate *g)
{
	struct nc_visit *v;
	bool nomem;

	TAILQ_FOREACH(v, &g->visits, all) {
		const uint8_t *key = v->sensor ? nc_session_peer(v->s) : NULL;
		if (key && nc_collector_sensor(g->c, key, &nomem) != v->sensor)
			send_away(v, "this key is not authorised any more");
	}
}

void nc_gate_expire(struct nc_gate *g, int64_t now)
{
	bool some = false;

	for (;;) {
		const struct nc_chain *ended = NULL;
		uint64_t ticket;
		nc_chains_expire(nc_state_chains(g->state), now, &ended);
		if (!ended)
			break;
		(void)nc_state_save(g->state, ended, &ticket);
		nc_say(NC_SAY_SENSOR_OLD_KEY_ENDED, &(struct nc_about){ .sensor = ended->name },
		       "sensor %s: its old key is refused from now on", ended->name);
		some = true;
	}
	if (some)
		nc_gate_check(g);
}

void nc_gate_set_keys(struct nc_gate *g, const struct nc_keypair *own, const struct nc_keypair *old)
{
	struct nc_visit *v, *next;

	g->o.session.own[0] = own;
	g->o.session.own[1] = old;
	nc_sessions_set(g->shared, &g->o.session);
	for (v = TAILQ_FIRST(&g->visits); v; v = next) {
		next = TAILQ_NEXT(v, all);
		if (v->ready && v->sensor && send_next_key(v) == -ENOMEM)
			drop(v, "out of memory");
	}
}

void nc_gate_set_grace(struct nc_gate *g, int64_t key_grace)
{
	g->o.key_grace = key_grace;
}

int nc_gate_ask(struct nc_gate *g, const char *sensor, const char *command, const json_t *parameters, nc_gate_answer_fn fn,
                void *user)
{
	struct nc_sensor *s;
	struct nc_visit *v = NULL;
	Session__Command m = SESSION__COMMAND__INIT;

	TAILQ_FOREACH(s, &g->c->sensors.all, all)
		if (s->visits && strcmp(s->name, sensor) == 0)
			v = newest(s);
	if (!v || g->question_count >= QUESTIONS)
		return v ? -EAGAIN : -ENOENT;
	struct question *q = calloc(1, sizeof(*q));
	char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	int rc = q ? nc_loop_add_timer(g->loop, ANSWER_TIME, 0, on_question_late, q, &q->timer) : -ENOMEM;
	if (rc == 0) {
		*q = (struct question){
			.gate = g, .visit = v, .id = ++g->question_id, .timer = q->timer, .fn = fn, .user = user
		};
		m.id = q->id;
		m.name = (char *)(uintptr_t)command;
		m.parameters.data = (uint8_t *)text;
		m.parameters.len = text ? strlen(text) : 0;
		rc = nc_session_send_message(v->s, NC_FRAME_COMMAND, &m.base);
	}
	free(text);
	if (rc) {
		if (q)
			nc_loop_del_timer(q->timer);
		free(q);
		return rc == -ENOMEM ? rc : -EAGAIN;
	}
	TAILQ_INSERT_TAIL(&g->questions, q, all);
	g->question_count++;
	return 0;
}

size_t nc_gate_count(const struct nc_gate *g)
{
	return g->count;
}

void nc_gate_address(const struct nc_gate *g, size_t i, char out[static NC_LISTEN_TEXT])
{
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(addr);
	struct nc_peer p;

	(void)getsockname(g->listeners[i].fd, (struct sockaddr *)&addr, &len);
	nc_peer_of(&addr, &p);
	snprintf(out, NC_LISTEN_TEXT, "%s", p.address);
}

const struct nc_gate_counters *nc_gate_counters(const struct nc_gate *g)
{
	return &g->counters;
}

const struct nc_sessions_counters *nc_gate_session_counters(const struct nc_gate *g)
{
	return nc_sessions_counters(g->shared);
}

size_t nc_gate_open(const struct nc_gate *g)
{
	return g->visit_count - g->half_open;
}

size_t nc_gate_half_open(const struct nc_gate *g)
{
	return g->half_open;
}
