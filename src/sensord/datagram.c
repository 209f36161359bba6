/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The datagram transport: blocks cut into batches of the 2019 format. */
#include "config.h"

#include "sensord/datagram.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/time.h"
#include "block/file.h"
#include "sensord/address.h"
#include "sensord/lookup.h"
#include "wire/datagram.h"

#define SEND_BUFFER  (4 << 20)
#define LOOKUP_AGAIN (10 * NC_NS_PER_S)
#define PROBE_WAIT   (3 * NC_NS_PER_S / 2) /* hosts answer with at most one refusal a second: silence means nothing before that */

/* After a refusal the last datagram is sent alone, until one is not refused. */
enum probe { PROBE_NONE, PROBE_DUE, PROBE_SENT };

struct sender {
	struct nc_transport t; /* first */
	struct nc_datagram_options o;
	struct nc_address address;
	int fd;
	struct nc_lookup lookup;
	int64_t lookup_at;
	struct nc_datagram *work;
	struct nc_inflater *inflater;
	uint64_t epoch;
	uint64_t records_before[NC_TYPES_MAX];
	bool introduced[NC_TYPES_MAX]; /* the Header of the type has been sent */
	/* the block in hand */
	struct nc_buf data;
	size_t at;
	uint32_t count, left, left_out; /* its records: all, still to be sent, too large */
	bool open;
	/* the datagram in hand, and the last one that went out, which is repeated when the network says that nobody was there */
	struct nc_buf sealed, last;
	bool pending;
	enum probe probe;
	int64_t probe_at; /* when the next one goes out, or the one that did is taken for delivered */
	uint32_t pending_records;
	size_t pending_slot, pending_bytes;
};

static void fail(struct sender *s, const char *what, int rc)
{
	snprintf(s->t.state.last_error, sizeof(s->t.state.last_error), "%s %s:%s: %s", what, s->address.host, s->address.port,
	         strerror(-rc));
}

static int connect_one(struct sender *s, const struct sockaddr_storage *a, socklen_t len)
{
	int buffer = SEND_BUFFER;
	int fd = socket(a->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (connect(fd, (const struct sockaddr *)a, len) != 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	return 0;
}

static void connect_any(struct sender *s, const struct nc_lookup_answer *answer)
{
	int err = -EHOSTUNREACH;

	if (answer->error) {
		snprintf(s->t.state.last_error, sizeof(s->t.state.last_error), "%s:%s: %s", s->address.host, s->address.port,
		         gai_strerror(answer->error));
		return;
	}
	for (unsigned i = 0; i < answer->count && err; i++)
		err = connect_one(s, &answer->list[i].address, answer->list[i].len);
	if (err)
		fail(s, "cannot reach", err);
}

/* Begins to look for the collector, or goes on. A child asks for names: that may take longer than the workers' rings last. */
static void look_up(struct sender *s)
{
	struct nc_lookup_answer answer;
	int64_t now = nc_time_mono();

	if (s->lookup.pid > 0) {
		if (nc_lookup_poll(&s->lookup, &answer) == 0)
			connect_any(s, &answer);
	} else if (now >= s->lookup_at) {
		s->lookup_at = now + LOOKUP_AGAIN;
		if (nc_lookup_numeric(s->address.host, s->address.port, &answer)) {
			connect_any(s, &answer);
		} else {
			int rc = nc_lookup_start(&s->lookup, s->address.host, s->address.port);
			if (rc)
				fail(s, "cannot look up", rc);
		}
	}
}

/* Sends bytes: 0, -EAGAIN (not now), or -EMSGSIZE: they are too many for this network. Whatever else is wrong with the way to the
 * collector may pass; the queue has its own limit. */
static int send_bytes(struct sender *s, const struct nc_buf *b)
{
	if (s->fd < 0 || s->lookup.pid > 0)
		look_up(s);
	if (s->fd < 0)
		return -EAGAIN;
	if (send(s->fd, b->data, b->len, 0) == (ssize_t)b->len)
		return 0;
	int err = errno;
	if (err != EAGAIN && err != EINTR)
		fail(s, "sending to", -err);
	/* the refusal answers the datagram before this one (ICMP port unreachable) */
	if (err == ECONNREFUSED && s->last.len > 0) {
		s->probe = PROBE_DUE;
		s->probe_at = nc_time_mono() + PROBE_WAIT;
	}
	/* the name may mean another address by now */
	if (err == EHOSTUNREACH || err == ENETUNREACH)
		look_up(s);
	return err == EMSGSIZE ? -EMSGSIZE : -EAGAIN;
}

/* Whether the socket was told since that nobody takes what was sent. */
static bool refused(const struct sender *s)
{
	int err = 0;
	socklen_t n = sizeof(err);

	return s->fd >= 0 && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 && err == ECONNREFUSED;
}

/* 0 when somebody is there again, -EAGAIN while that is not known. */
static int probe(struct sender *s)
{
	int64_t now = nc_time_mono();

	if (s->probe == PROBE_SENT && refused(s)) {
		s->probe = PROBE_DUE;
		s->probe_at = now + PROBE_WAIT;
	}
	if (now < s->probe_at)
		return -EAGAIN;
	if (s->probe == PROBE_SENT) {
		s->probe = PROBE_NONE;
		return 0;
	}
	int rc = send_bytes(s, &s->last);
	if (rc == 0) {
		s->probe = PROBE_SENT;
		s->probe_at = now + PROBE_WAIT;
	} else if (rc != -EAGAIN) {
		s->probe = PROBE_NONE; /* it can't be repeated */
		return 0;
	}
	return -EAGAIN;
}

/* The datagram in hand, and before it the last one when that is known to have found nobody. */
static int send_pending(struct sender *s)
{
	int rc = s->probe == PROBE_NONE ? 0 : probe(s);

	return rc ? rc : send_bytes(s, &s->sealed);
}

/* Takes whole records from the block in hand while they fit a batch; returns their bytes. */
static size_t gather(const struct sender *s, size_t room, uint32_t *count)
{
	struct nc_rd r = nc_rd_over(s->data.data + s->at, s->data.len - s->at);
	size_t taken = 0;

	*count = 0;
	while (r.left > 0) {
		nc_rd_skip(&r, (size_t)nc_rd_varint(&r));
		size_t upto = s->data.len - s->at - r.left;
		if (r.failed || (upto > room && *count > 0))
			break;
		taken = upto;
		(*count)++;
	}
	return taken;
}

static void pack_header(const struct sender *s, uint16_t type, struct nc_buf *out)
{
	struct nc_file_header h = { .type = type, .contains_payloads = s->o.payloads };
	char now[NC_TIME_TEXT];

	nc_time_stamp(now, nc_time_real());
	snprintf(h.created, sizeof(h.created), "%s", now);
	snprintf(h.source, sizeof(h.source), "%s", s->o.source);
	snprintf(h.version, sizeof(h.version), "v%s", PACKAGE_VERSION);
	nc_file_header_pack(&h, out);
}

static int seal(struct sender *s, const struct nc_block_info *info, size_t slot, const struct nc_buf *records)
{
	struct nc_batch b = {
		.type = info->type,
		.data = records->data,
		.len = records->len,
		.contains_payloads = s->o.payloads,
		.has_sequence = true,
		.epoch = s->epoch,
		.sequence = s->t.state.sequence + 1,
		.records_before = s->records_before[slot],
	};

	snprintf(b.client_id, sizeof(b.client_id), "%s", s->o.client_id);
	return nc_datagram_seal(s->work, &b, s->o.own, s->o.peer_key, &s->sealed);
}

/* Seals the next batch of the block in hand: as many records as make a datagram that may be sent; the Header of the type goes
 * before the first, alone when the peer needs that or when it would not fit beside a record. */
static int next_batch(struct sender *s, const struct nc_block_info *info, size_t slot)
{
	struct nc_buf records = { 0 };
	bool header = !s->introduced[slot], alone = header && s->o.peer_2019;
	size_t room = NC_DATAGRAM_BATCH_DATA;
	int rc;

	do {
		nc_buf_reset(&records);
		if (header)
			pack_header(s, info->type, &records);
		s->pending_records = 0;
		s->pending_bytes = alone ? 0 : gather(s, room > records.len ? room - records.len : 0, &s->pending_records);
		nc_buf_add(&records, s->data.data + s->at, s->pending_bytes);
		if (!alone && s->pending_records == 0)
			rc = -EBADMSG;
		else
			rc = records.failed ? -ENOMEM : seal(s, info, slot, &records);
		if (rc != -EMSGSIZE || alone || (s->pending_records == 1 && !header))
			break;
		alone = s->pending_records == 1;
		room /= 2;
	} while (true);
	nc_buf_free(&records);
	s->pending = rc == 0;
	s->pending_slot = slot;
	return rc;
}

static void sent(struct sender *s)
{
	struct nc_buf swap = s->last;

	s->pending = false;
	s->introduced[s->pending_slot] = true;
	s->records_before[s->pending_slot] += s->pending_records;
	s->at += s->pending_bytes;
	s->left -= s->pending_records < s->left ? s->pending_records : s->left;
	s->t.state.sequence++;
	s->t.state.batches++;
	s->t.state.bytes += s->sealed.len;
	s->t.state.records += s->pending_records;
	s->t.state.last_error[0] = '\0';
	s->last = s->sealed;
	s->sealed = swap;
}

/* Gives up what was about to be sent: it is more than any datagram or this network can hold. */
static int skip_pending(struct sender *s)
{
	if (s->pending_bytes == 0)
		return -EMSGSIZE;
	s->pending = false;
	s->at += s->pending_bytes;
	s->left -= s->pending_records < s->left ? s->pending_records : s->left;
	s->t.state.records_dropped += s->pending_records;
	s->left_out = s->pending_records < s->count - s->left_out ? s->left_out + s->pending_records : s->count;
	snprintf(s->t.state.last_error, sizeof(s->t.state.last_error), "a record is too large for a datagram");
	return 0;
}

static int open_block(struct sender *s, const struct nc_transport_block *b)
{
	s->open = true;
	s->at = 0;
	s->left = s->count = b->info.count;
	s->left_out = 0;
	if (b->sealed) /* who can open it does not speak this protocol */
		return -ENOTSUP;
	return nc_type_by_number(b->info.type) ? nc_block_open(s->inflater, b->data, b->info.size, &s->data) : -EINVAL;
}

/* The block in hand has come to its end. Sending is all that can be known here, so what was sent counts as durable. */
static int finish(struct sender *s, const struct nc_block_info *info, int rc)
{
	const struct nc_transport_events *ev = s->t.events;

	s->open = s->pending = false;
	s->t.state.records_dropped += rc ? s->left : 0;
	if (rc)
		s->left_out = s->left < s->count - s->left_out ? s->left_out + s->left : s->count;
	if (rc && s->left_out == s->count)
		return rc;
	if (s->left_out)
		ev->left_out(s->t.user, info->epoch, info->seq, s->left_out);
	ev->durable(s->t.user, info->epoch, info->seq, info->seq);
	return 0;
}

static int submit(struct nc_transport *t, const struct nc_transport_block *b)
{
	struct sender *s = (struct sender *)t;
	const struct nc_block_info *info = &b->info;
	int rc = s->open ? 0 : open_block(s, b);

	while (rc == 0 && (s->pending || s->at < s->data.len)) {
		if (!s->pending)
			rc = next_batch(s, info, nc_type_slot(nc_type_by_number(info->type)));
		if (rc == 0)
			rc = send_pending(s);
		if (rc == 0)
			sent(s);
		else if (rc == -EMSGSIZE)
			rc = skip_pending(s);
	}
	return rc == -EAGAIN ? rc : finish(s, info, rc);
}

static uint32_t abandon(struct nc_transport *t, const struct nc_transport_block *b)
{
	struct sender *s = (struct sender *)t;
	if (!s->open)
		return b->info.count;
	s->open = s->pending = false;
	return s->left < s->count - s->left_out ? s->left + s->left_out : s->count;
}

static void close_sender(struct nc_transport *t)
{
	struct sender *s = (struct sender *)t;

	nc_lookup_cancel(&s->lookup);
	if (s->fd >= 0)
		close(s->fd);
	nc_datagram_free(s->work);
	nc_inflater_free(s->inflater);
	nc_buf_free(&s->data);
	nc_buf_free(&s->sealed);
	nc_buf_free(&s->last);
	free(s);
}

void nc_datagram_payloads(struct nc_transport *t)
{
	((struct sender *)t)->o.payloads = true;
}

int nc_datagram_transport(const struct nc_datagram_options *o, struct nc_transport **ret, struct nc_buf *err)
{
	struct sender *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->t.submit = submit;
	s->t.abandon = abandon;
	s->t.close = close_sender;
	s->o = *o;
	s->fd = -1;
	s->work = nc_datagram_new();
	s->inflater = nc_inflater_new();
	if (!s->work || !s->inflater || getrandom(&s->epoch, sizeof(s->epoch), 0) != (ssize_t)sizeof(s->epoch)) {
		close_sender(&s->t);
		return -ENOMEM;
	}
	if (!nc_address_parse(o->address, &s->address)) {
		nc_buf_printf(err, "collector.address: \"%s\" is not host:port or [address]:port", o->address);
		close_sender(&s->t);
		return -EINVAL;
	}
	look_up(s); /* a collector that can't be found yet is looked for again */
	*ret = &s->t;
	return 0;
}
