/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session: one TCP connection with its handshake, its frames, and the watch over both. The same on both sides. */
#include "config.h"

#include "wire/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/text.h"
#include "base/time.h"

#define SCRATCH        (256u * 1024u) /* four messages */
#define ROUNDS         4u             /* times that a session is read before others have their turn */
#define LENGTH         2u             /* before each Noise message, network order */
#define PREAMBLE       4u
#define FIRST_PAYLOAD  8u
#define MESSAGES_TIMES 4u             /* what may wait of frames that are no blocks, in limits */
#define KEEP           (32u * 1024u)  /* a buffer that an idle session may keep */
#define LINGER         (2 * NC_NS_PER_S)
#define CONSUMED       (512u * 1024u)

/* three letters and the handshake's version */
static const uint8_t preamble[PREAMBLE] = { 'N', 'C', 'S', 1 };

enum state {
	CONNECTING, /* of the side that connects */
	SHAKING,    /* waits for a handshake message */
	CONFIRMING, /* of the side that accepts: waits for the first message that opens */
	OPEN,
	CLOSING,    /* what waits goes out, what comes is thrown away */
	CLOSED,
};

struct nc_sessions {
	struct nc_loop *loop;
	struct nc_sessions_options o;
	struct nc_sessions_counters counters;
	uint8_t *scratch; /* what one read gives; no session keeps anything in it */
};

struct nc_session {
	struct nc_sessions *c;
	enum state state;
	bool initiator, paused, blocked, freed;
	unsigned busy; /* callbacks that are running: the memory stays until they are back */
	int fd;
	struct nc_loop_fd *watch;
	struct nc_loop_timer *timer;
	uint32_t watched;
	struct nc_session_events ev;
	void *user;
	struct nc_noise *noise;
	unsigned own;
	uint64_t when;
	struct nc_buf in; /* the beginning of a message */
	struct nc_buf out;
	size_t out_at;
	struct nc_frames frames;
	int64_t last_in, last_out, moved; /* moved: when the peer last took a byte, or nothing waited */
	int64_t deadline;                 /* of the handshake, of closing */
	uint64_t bytes_in, bytes_out, pings;
};

/* --- what sessions share ---------------------------------------------------------------------------------------- */

void nc_sessions_defaults(struct nc_sessions_options *o)
{
	*o = (struct nc_sessions_options){
		.handshake_limit = 5 * NC_NS_PER_S,
		.ping_interval = 15 * NC_NS_PER_S,
		.dead_after = 45 * NC_NS_PER_S,
		.out_limit = 256u * 1024u,
	};
}

int nc_sessions_new(struct nc_loop *loop, const struct nc_sessions_options *o, struct nc_sessions **ret)
{
	struct nc_sessions *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->o = *o;
	c->scratch = malloc(SCRATCH);
	if (!c->scratch) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void nc_sessions_free(struct nc_sessions *c)
{
	if (!c)
		return;
	free(c->scratch);
	free(c);
}

void nc_sessions_set(struct nc_sessions *c, const struct nc_sessions_options *o)
{
	c->o = *o;
}

const struct nc_sessions_counters *nc_sessions_counters(const struct nc_sessions *c)
{
	return &c->counters;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void stop(struct nc_session *s)
{
	s->state = CLOSED;
	nc_loop_del_fd(s->watch);
	nc_loop_del_timer(s->timer);
	s->watch = NULL;
	s->timer = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void release(struct nc_session *s)
{
	nc_noise_free(s->noise);
	nc_buf_free(&s->in);
	nc_buf_free(&s->out);
	nc_frames_free(&s->frames);
	free(s);
}

void nc_session_free(struct nc_session *s)
{
	if (!s || s->freed)
		return;
	stop(s);
	s->freed = true;
	if (s->busy == 0)
		release(s);
}

static void leave(struct nc_session *s)
{
	if (--s->busy == 0 && s->freed)
		release(s);
}

static void over(struct nc_session *s, int error, const char *why)
{
	bool asked = s->state == CLOSING;

	if (s->state == CLOSED)
		return;
	stop(s);
	s->ev.closed(s->user, s, asked ? 0 : error, asked ? "closed" : why);
}

static void over_errno(struct nc_session *s, int error)
{
	over(s, error, strerrordesc_np(-error));
}

/* Something that no peer of ours would have sent. */
static void over_broken(struct nc_session *s, int error, const char *why)
{
	s->c->counters.broken++;
	over(s, error, why);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static size_t waiting(const struct nc_session *s)
{
	return s->out.len - s->out_at;
}

static void watch(struct nc_session *s)
{
	bool out = s->state == CONNECTING || waiting(s) > 0;
	bool in = s->state != CONNECTING && !s->paused && waiting(s) <= s->c->o.out_limit * MESSAGES_TIMES;
	uint32_t want = (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0);

	if (s->watch && want != s->watched && nc_loop_mod_fd(s->watch, want) == 0)
		s->watched = want;
}

/* Sends what the network takes: 0, or why it took nothing at all. */
static int flush(struct nc_session *s, int64_t now)
{
	int rc = 0;

	while (rc == 0 && waiting(s) > 0) {
		ssize_t n = send(s->fd, s->out.data + s->out_at, waiting(s), MSG_NOSIGNAL);
		if (n > 0) {
			s->out_at += (size_t)n;
			s->bytes_out += (uint64_t)n;
			s->moved = now;
		} else if (n < 0 && errno != EINTR) {
			rc = -errno;
		}
	}
	if (waiting(s) == 0) {
		s->out.len = s->out_at = 0;
		s->moved = now;
	}
	watch(s);
	return rc == -EAGAIN ? 0 : rc;
}

/* Room for n bytes behind what waits; NULL when memory is short. */
static uint8_t *room(struct nc_session *s, size_t n)
{
	if (s->out_at > CONSUMED) {
		nc_buf_consume(&s->out, s->out_at);
		s->out_at = 0;
	}
	uint8_t *p = nc_buf_reserve(&s->out, n);
	s->out.failed = false;
	return p;
}

static uint8_t *put_length(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
	return p + LENGTH;
}

/* The part of header and payload from `at` on. */
static void copy_part(uint8_t *dst, size_t n, size_t at, const uint8_t head[static NC_FRAME_HEADER], const uint8_t *p)
{
	for (; n > 0 && at < NC_FRAME_HEADER; n--)
		*dst++ = head[at++];
	if (n > 0)
		memcpy(dst, p + (at - NC_FRAME_HEADER), n);
}

/* Seals a frame into as many messages as it takes, in place. */
static int seal_frame(struct nc_session *s, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	uint8_t head[NC_FRAME_HEADER];
	size_t total = NC_FRAME_HEADER + n, messages = (total + NC_NOISE_PLAIN_MAX - 1) / NC_NOISE_PLAIN_MAX;
	uint8_t *dst = room(s, total + messages * (LENGTH + NC_NOISE_TAG));
	int rc = dst ? 0 : -ENOMEM;

	nc_frame_header(head, (uint8_t)type, n);
	for (size_t at = 0; rc == 0 && at < total;) {
		size_t part = total - at < NC_NOISE_PLAIN_MAX ? total - at : NC_NOISE_PLAIN_MAX;
		dst = put_length(dst, part + NC_NOISE_TAG);
		copy_part(dst, part, at, head, p);
		rc = nc_noise_seal(s->noise, dst, dst, part);
		dst += part + NC_NOISE_TAG;
		at += part;
		if (rc == 0)
			s->out.len += LENGTH + part + NC_NOISE_TAG;
	}
	return rc;
}

static int send_frame(struct nc_session *s, enum nc_frame_type type, const void *p, size_t n, size_t limit)
{
	int64_t now = nc_time_mono();

	if (s->state != OPEN)
		return -ENOTCONN;
	if (n > NC_FRAME_LENGTH_MAX)
		return -EMSGSIZE;
	if (waiting(s) > limit) {
		s->blocked = true;
		return -EAGAIN;
	}
	int rc = seal_frame(s, type, p, n);
	if (rc)
		return rc;
	s->last_out = now;
	/* an error shows as an event of the socket, too, and is dealt with there */
	(void)flush(s, now);
	return 0;
}

int nc_session_send(struct nc_session *s, enum nc_frame_type type, const void *p, size_t n)
{
	return send_frame(s, type, p, n, s->c->o.out_limit);
}

int nc_session_send_message(struct nc_session *s, enum nc_frame_type type, const ProtobufCMessage *m)
{
	struct nc_buf b = { .max = NC_FRAME_MESSAGE_MAX };
	int rc = nc_frame_pack(m, &b);

	if (rc == 0)
		rc = send_frame(s, type, b.data, b.len, s->c->o.out_limit * MESSAGES_TIMES);
	nc_buf_free(&b);
	return rc;
}

static int send_ping(struct nc_session *s, uint64_t id, bool answer)
{
	Session__Ping m = SESSION__PING__INIT;

	m.id = id;
	m.answer = answer;
	return nc_session_send_message(s, NC_FRAME_PING, &m.base);
}

/* --- handshake -------------------------------------------------------------------------------------------------- */

static struct nc_noise *new_noise(const struct nc_session *s, const uint8_t *peer, const uint8_t *psk)
{
	struct nc_noise_options o = {
		.role = s->initiator ? NC_NOISE_INITIATOR : NC_NOISE_RESPONDER,
		.own = s->c->o.own[s->own],
		.peer = peer,
		.psk = psk,
		.prologue = NC_SESSION_PROLOGUE,
		.prologue_len = sizeof(NC_SESSION_PROLOGUE) - 1,
	};

	return nc_noise_new(&o);
}

/* Preamble, length and the next handshake message into the buffer. */
static int write_handshake(struct nc_session *s, const void *payload, size_t n)
{
	size_t before = s->out.len + PREAMBLE;

	nc_buf_add(&s->out, preamble, PREAMBLE);
	nc_buf_le16(&s->out, 0);
	int rc = nc_noise_write(s->noise, payload, n, &s->out);
	if (rc == 0)
		(void)put_length(s->out.data + before, s->out.len - before - LENGTH);
	return rc;
}

static void on_connected(struct nc_session *s)
{
	uint8_t payload[FIRST_PAYLOAD];
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		over_errno(s, -error);
		return;
	}
	for (unsigned i = 0; i < FIRST_PAYLOAD; i++)
		payload[i] = (uint8_t)(s->when >> 8 * i);
	s->state = SHAKING;
	int rc = write_handshake(s, payload, sizeof(payload));
	if (rc == 0)
		rc = flush(s, nc_time_mono());
	if (rc)
		over_errno(s, rc);
}

/* 0; -EAGAIN: too few bytes; -EPROTO: not of this protocol; -EPROTONOSUPPORT: of another version. */
static int check_preamble(const uint8_t *p, size_t n)
{
	size_t letters = n < PREAMBLE - 1 ? n : PREAMBLE - 1;

	if (memcmp(p, preamble, letters) != 0)
		return -EPROTO;
	if (n < PREAMBLE)
		return -EAGAIN;
	return p[PREAMBLE - 1] == preamble[PREAMBLE - 1] ? 0 : -EPROTONOSUPPORT;
}

static void other_version(struct nc_session *s, uint8_t version)
{
	char why[NC_SESSION_WHY];

	s->c->counters.handshake_versions++;
	/* tells the other side what there is here */
	if (!s->initiator)
		(void)send(s->fd, preamble, PREAMBLE, MSG_NOSIGNAL | MSG_DONTWAIT);
	snprintf(why, sizeof(why), "the other side speaks handshake version %u, this one %u: upgrade %s", version,
	         preamble[PREAMBLE - 1], version > preamble[PREAMBLE - 1] ? "this side" : "the other side");
	over(s, -EPROTONOSUPPORT, why);
}

static void bad_handshake(struct nc_session *s, int error, const char *why)
{
	s->c->counters.handshake_errors++;
	over(s, error, why);
}

/* The first message, with each key of ours until one opens it. */
static int read_first(struct nc_session *s, const uint8_t *p, size_t n, struct nc_buf *payload)
{
	int rc = -EBADMSG;

	for (unsigned i = 0; i < NC_SESSION_OWN_MAX && s->c->o.own[i]; i++) {
		s->own = i;
		nc_noise_free(s->noise);
		s->noise = new_noise(s, NULL, NULL);
		rc = s->noise ? nc_noise_read(s->noise, p, n, payload) : -ENOMEM;
		if (rc == 0 || rc == -ENOMEM)
			break;
	}
	return rc;
}

static void on_first(struct nc_session *s, const uint8_t *p, size_t n)
{
	uint8_t psk[NC_NOISE_PSK_LEN] = { 0 };
	struct nc_buf payload = { .max = NC_SESSION_HANDSHAKE_MAX };
	int rc = read_first(s, p, n, &payload);
	struct nc_rd r = nc_rd_over(payload.data, payload.len);
	uint64_t when = nc_rd_le64(&r);

	nc_buf_free(&payload);
	if (rc || r.failed) {
		bad_handshake(s, rc ? rc : -EBADMSG, "the first message was not made for this side's key");
		return;
	}
	rc = s->ev.authorise(s->user, s, nc_noise_peer(s->noise), when, psk);
	if (s->state != CLOSED && rc == 0)
		nc_noise_psk(s->noise, psk);
	sodium_memzero(psk, sizeof(psk));
	if (s->state == CLOSED)
		return;
	if (rc) {
		s->c->counters.refused++;
		over(s, rc, "not authorised");
		return;
	}
	rc = write_handshake(s, NULL, 0);
	s->state = CONFIRMING;
	if (rc == 0)
		rc = flush(s, nc_time_mono());
	if (rc)
		over_errno(s, rc);
}

static void on_tick(void *user);

static int set_tick(struct nc_session *s, int64_t limit)
{
	int64_t tick = limit / 3 > 0 ? limit / 3 : 1;

	nc_loop_del_timer(s->timer);
	s->timer = NULL;
	return nc_loop_add_timer(s->c->loop, tick, tick, on_tick, s, &s->timer);
}

static void opened(struct nc_session *s)
{
	const struct nc_sessions_options *o = &s->c->o;

	s->state = OPEN;
	if (set_tick(s, o->ping_interval < o->dead_after ? o->ping_interval : o->dead_after) != 0) {
		over_errno(s, -ENOMEM);
		return;
	}
	s->last_in = s->last_out = s->moved = nc_time_mono();
	if (s->initiator)
		s->c->counters.connected++;
	else
		s->c->counters.accepted++;
	s->ev.open(s->user, s);
}

static void on_second(struct nc_session *s, const uint8_t *p, size_t n)
{
	struct nc_buf payload = { .max = NC_SESSION_HANDSHAKE_MAX };
	int rc = nc_noise_read(s->noise, p, n, &payload);

	nc_buf_free(&payload);
	if (rc)
		bad_handshake(s, rc, "the answer was not made with the key of the other side that is known here, or with another pre-shared key");
	else
		opened(s);
}

/* Takes the handshake message of the other side; returns how many bytes that took, 0: it is not complete. */
static size_t take_handshake(struct nc_session *s, const uint8_t *p, size_t n)
{
	size_t least = s->initiator ? NC_NOISE_SECOND : NC_NOISE_FIRST;
	int rc = check_preamble(p, n);

	if (rc == -EPROTO)
		bad_handshake(s, rc, "the other side does not speak netcap's session");
	else if (rc == -EPROTONOSUPPORT)
		other_version(s, p[PREAMBLE - 1]);
	if (rc || n < PREAMBLE + LENGTH)
		return 0;
	struct nc_rd r = nc_rd_over(p + PREAMBLE, n - PREAMBLE);
	size_t len = nc_rd_be16(&r);
	if (len < least || len > NC_SESSION_HANDSHAKE_MAX) {
		bad_handshake(s, -EMSGSIZE, "the handshake message has a wrong length");
		return 0;
	}
	const uint8_t *message = nc_rd_bytes(&r, len);
	if (!message)
		return 0;
	if (s->initiator)
		on_second(s, message, len);
	else
		on_first(s, message, len);
	return PREAMBLE + LENGTH + len;
}

/* --- receiving -------------------------------------------------------------------------------------------------- */

static int on_ping(struct nc_session *s, const uint8_t *p, size_t n)
{
	Session__Ping *m = (Session__Ping *)nc_frame_unpack(NC_FRAME_PING, p, n);
	int rc = m ? 0 : -EBADMSG;

	/* one that can't be answered now will be asked again */
	if (m && !m->answer && send_ping(s, m->id, true) == -ENOMEM)
		rc = -ENOMEM;
	if (m)
		protobuf_c_message_free_unpacked(&m->base, NULL);
	return rc;
}

static int on_close(struct nc_session *s, const uint8_t *p, size_t n)
{
	Session__Close *m = (Session__Close *)nc_frame_unpack(NC_FRAME_CLOSE, p, n);
	char why[NC_SESSION_WHY], shown[NC_SESSION_WHY - 32];

	if (!m)
		return -EBADMSG;
	snprintf(why, sizeof(why), "the other side says: %s", nc_text_escape(shown, sizeof(shown), m->reason, strlen(m->reason)));
	protobuf_c_message_free_unpacked(&m->base, NULL);
	over(s, -ECONNABORTED, why);
	return -ECANCELED;
}

static int on_frame(void *user, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	struct nc_session *s = user;
	int rc;

	if (type == NC_FRAME_PING)
		rc = on_ping(s, p, n);
	else if (type == NC_FRAME_CLOSE)
		rc = on_close(s, p, n);
	else
		rc = s->ev.frame(s->user, s, type, p, n);
	return s->state == OPEN || rc ? rc : -ECANCELED;
}

/* Opens one message in place and hands on the frames that are complete with it. */
static void take_message(struct nc_session *s, uint8_t *p, size_t n)
{
	uint64_t skipped = s->frames.skipped;

	if (nc_noise_open(s->noise, p, p, n) != 0) {
		over_broken(s, -EBADMSG, "a message that was changed, repeated or not of this session");
		return;
	}
	if (s->state == CONFIRMING)
		opened(s);
	if (s->state != OPEN)
		return;
	int rc = nc_frames_feed(&s->frames, p, n - NC_NOISE_TAG, on_frame, s);
	s->c->counters.skipped_frames += s->frames.skipped - skipped;
	if (s->state != OPEN || rc == 0)
		return;
	if (rc == -EMSGSIZE)
		over_broken(s, rc, "a frame that is too long for its type");
	else if (rc == -EBADMSG)
		over_broken(s, rc, "a frame that can't be read");
	else
		over_errno(s, rc);
}

/* Takes whole messages; returns how many bytes they had. */
static size_t take(struct nc_session *s, uint8_t *p, size_t n)
{
	size_t at = 0;

	if (s->state == SHAKING)
		at = take_handshake(s, p, n);
	while ((s->state == OPEN || s->state == CONFIRMING) && n - at >= LENGTH) {
		size_t len = (size_t)p[at] << 8 | p[at + 1];
		if (len < NC_NOISE_TAG) {
			over_broken(s, -EMSGSIZE, "a message that is too short");
			break;
		}
		if (n - at - LENGTH < len)
			break;
		take_message(s, p + at + LENGTH, len);
		at += LENGTH + len;
	}
	return at;
}

/* How much may be read: of a handshake no byte more than it may have. */
static size_t read_limit(const struct nc_session *s)
{
	return s->state == SHAKING ? PREAMBLE + LENGTH + NC_SESSION_HANDSHAKE_MAX : SCRATCH;
}

/* Reads once; false when there is no more for now. */
static bool read_once(struct nc_session *s)
{
	uint8_t *scratch = s->c->scratch;
	size_t have = s->in.len, limit = read_limit(s);

	if (have > 0)
		memcpy(scratch, s->in.data, have);
	ssize_t n = recv(s->fd, scratch + have, limit - have, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		over(s, n < 0 ? -errno : -ECONNRESET, n < 0 ? strerrordesc_np(errno) : "the other side closed the connection");
		return false;
	}
	s->bytes_in += (uint64_t)n;
	s->last_in = nc_time_mono();
	if (s->state == CLOSING)
		return true;
	bool more = (size_t)n == limit - have;
	size_t all = have + (size_t)n, used = take(s, scratch, all);
	if (s->state == CLOSED)
		return false;
	s->in.len = 0;
	if (s->state != CLOSING)
		nc_buf_add(&s->in, scratch + used, all - used);
	if (s->in.failed)
		over_errno(s, -ENOMEM);
	return more && s->state != CLOSED;
}

static void on_readable(struct nc_session *s)
{
	for (unsigned i = 0; i < ROUNDS && !s->paused && read_once(s); i++)
		;
}

static void on_writable(struct nc_session *s)
{
	int rc = flush(s, nc_time_mono());

	if (rc) {
		over_errno(s, rc);
		return;
	}
	if (s->state == CLOSING && waiting(s) == 0)
		(void)shutdown(s->fd, SHUT_WR);
	if (s->state == OPEN && s->blocked && waiting(s) <= s->c->o.out_limit / 2) {
		s->blocked = false;
		s->ev.writable(s->user, s);
	}
}

static void on_socket(void *user, uint32_t events)
{
	struct nc_session *s = user;

	s->busy++;
	if (s->state == CONNECTING)
		on_connected(s);
	else if (events & EPOLLOUT)
		on_writable(s);
	if (s->state != CLOSED && s->state != CONNECTING && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		on_readable(s);
	/* nobody is there to be waited for */
	if (s->state != CLOSED && s->paused && (events & (EPOLLHUP | EPOLLERR)))
		over(s, -ECONNRESET, "the connection broke");
	leave(s);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static void trim(struct nc_buf *b)
{
	if (b->len == 0 && b->cap > KEEP)
		nc_buf_free(b);
}

static void check_open(struct nc_session *s, int64_t now)
{
	const struct nc_sessions_options *o = &s->c->o;

	if ((!s->paused && now - s->last_in >= o->dead_after) || (waiting(s) > 0 && now - s->moved >= o->dead_after)) {
		s->c->counters.dead++;
		over(s, -ETIMEDOUT, "the other side is silent");
		return;
	}
	if (now - s->last_out >= o->ping_interval && send_ping(s, ++s->pings, false) == 0)
		s->last_out = now;
	trim(&s->in);
	trim(&s->out);
	nc_frames_trim(&s->frames);
}

static void on_tick(void *user)
{
	struct nc_session *s = user;
	int64_t now = nc_time_mono();

	s->busy++;
	if (s->state == OPEN) {
		check_open(s, now);
	} else if (s->state == CLOSING && now >= s->deadline) {
		over(s, 0, "");
	} else if (s->state != CLOSING && now >= s->deadline) {
		s->c->counters.handshake_timeouts++;
		over(s, -ETIMEDOUT, "the handshake took too long");
	}
	leave(s);
}

/* --- beginning -------------------------------------------------------------------------------------------------- */

static struct nc_session *new_session(struct nc_sessions *c, int fd, const struct nc_session_events *ev, void *user)
{
	struct nc_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->c = c;
	s->fd = fd;
	s->ev = *ev;
	s->user = user;
	s->deadline = nc_time_mono() + c->o.handshake_limit;
	return s;
}

static int start(struct nc_session *s, uint32_t events)
{
	int on = 1;

	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->watched = events;
	int rc = nc_loop_add_fd(s->c->loop, s->fd, events, on_socket, s, &s->watch);
	return rc ? rc : set_tick(s, s->c->o.handshake_limit);
}

int nc_session_connect(struct nc_sessions *c, const struct sockaddr *to, socklen_t len, const uint8_t peer[static NC_KEY_LEN],
                       const uint8_t *psk, uint64_t when, const struct nc_session_events *ev, void *user, struct nc_session **ret)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct nc_session *s = fd < 0 ? NULL : new_session(c, fd, ev, user);
	int rc = fd < 0 ? -errno : -ENOMEM;

	if (!s) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	s->initiator = true;
	s->when = when;
	s->noise = new_noise(s, peer, psk);
	if (s->noise)
		rc = connect(fd, to, len) == 0 || errno == EINPROGRESS ? 0 : -errno;
	if (rc == 0)
		rc = start(s, EPOLLOUT);
	if (rc) {
		nc_session_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int nc_session_accept(struct nc_sessions *c, int fd, const struct nc_session_events *ev, void *user, struct nc_session **ret)
{
	struct nc_session *s = new_session(c, fd, ev, user);

	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->state = SHAKING;
	int rc = start(s, EPOLLIN);
	if (rc) {
		nc_session_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void nc_session_finish(struct nc_session *s, const char *why)
{
	Session__Close m = SESSION__CLOSE__INIT;

	if (s->state == CLOSED || s->state == CLOSING)
		return;
	m.reason = (char *)(uintptr_t)why;
	(void)nc_session_send_message(s, NC_FRAME_CLOSE, &m.base);
	s->state = CLOSING;
	s->paused = false;
	s->deadline = nc_time_mono() + LINGER;
	if (waiting(s) == 0)
		(void)shutdown(s->fd, SHUT_WR);
	watch(s);
}

void nc_session_pause(struct nc_session *s, bool pause)
{
	if (s->paused && !pause)
		s->last_in = nc_time_mono();
	s->paused = pause;
	watch(s);
}

/* --- questions -------------------------------------------------------------------------------------------------- */

bool nc_session_is_open(const struct nc_session *s)
{
	return s->state == OPEN;
}

const uint8_t *nc_session_peer(const struct nc_session *s)
{
	return s->noise ? nc_noise_peer(s->noise) : NULL;
}

const uint8_t *nc_session_hash(const struct nc_session *s)
{
	return s->noise ? nc_noise_hash(s->noise) : NULL;
}

unsigned nc_session_own(const struct nc_session *s)
{
	return s->own;
}

int nc_session_address(const struct nc_session *s, struct sockaddr_storage *ret, socklen_t *len)
{
	*len = sizeof(*ret);
	return getpeername(s->fd, (struct sockaddr *)ret, len) == 0 ? 0 : -errno;
}

uint64_t nc_session_bytes_in(const struct nc_session *s)
{
	return s->bytes_in;
}

uint64_t nc_session_bytes_out(const struct nc_session *s)
{
	return s->bytes_out;
}

size_t nc_session_waiting(const struct nc_session *s)
{
	return waiting(s);
}
