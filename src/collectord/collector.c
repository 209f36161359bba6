/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector without its sockets: takes datagrams, checks them, stores their records, counts everything. */
#include "config.h"

#include "collectord/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "base/text.h"
#include "base/time.h"
#include "collectord/ledger.h"
#include "collectord/records.h"
#include "collectord/tail.h"
#include "record/pack.h"

#define LOG_BURST    3u
#define LOG_INTERVAL (60 * NC_NS_PER_S)

int nc_collector_new(const struct nc_collector_options *o, const struct nc_keypair *keys, const char *root, struct nc_instant now,
                     struct nc_collector **ret, struct nc_buf *err)
{
	struct nc_collector *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (!c)
		return r;
	c->options = *o;
	c->keys = keys;
	c->started = now;
	nc_sensors_init(&c->sensors);
	c->datagram = nc_datagram_new();
	c->replay = nc_replay_new(o->replay_max);
	if (c->datagram && c->replay)
		r = nc_store_open(root, &o->store, &c->store, err);
	else
		nc_buf_str(err, "out of memory");
	if (r < 0) {
		nc_collector_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

uint64_t nc_collector_free(struct nc_collector *c)
{
	if (!c)
		return 0;
	uint64_t lost = nc_store_close(c->store);
	nc_sensors_free(&c->sensors);
	free(c->sensors_dirs[0]);
	free(c->sensors_dirs[1]);
	nc_replay_free(c->replay);
	nc_datagram_free(c->datagram);
	free(c);
	return lost;
}

int nc_collector_set(struct nc_collector *c, const struct nc_collector_options *o)
{
	int r = nc_store_set(c->store, &o->store);

	if (r == 0)
		c->options = *o;
	return r;
}

static int remember_dirs(struct nc_collector *c, const char *dir, const char *own)
{
	char *copies[] = { strdup(dir), own ? strdup(own) : NULL };

	if (!copies[0] || (own && !copies[1])) {
		free(copies[0]);
		free(copies[1]);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < 2; i++) {
		free(c->sensors_dirs[i]);
		c->sensors_dirs[i] = copies[i];
	}
	return 0;
}

int nc_collector_read_sensors(struct nc_collector *c, const char *dir, const char *own, struct nc_buf *err)
{
	const char *const dirs[] = { dir, own };
	struct nc_keylist *list;
	int r = nc_keylist_read_all(dirs, own ? 2 : 1, &list, err);

	if (r == 0)
		r = nc_sensors_list(&c->sensors, list);
	if (r == 0)
		r = remember_dirs(c, dir, own);
	if (r == 0 && c->state)
		nc_state_list(c->state, c->sensors.list);
	return r;
}

void nc_collector_flush(struct nc_collector *c, struct nc_instant now)
{
	nc_store_flush(c->store, now.mono);
	if (nc_store_failing(c->store))
		snprintf(c->last_error, sizeof(c->last_error), "%s", nc_store_last_error(c->store));
}

/* --- refusing ------------------------------------------------------------------------------------------------------ */

/* Counts a refused datagram; says so, at a bounded rate. s is NULL when nobody is authenticated. */
static enum nc_datagram_reason refuse(struct nc_collector *c, enum nc_datagram_reason why, struct nc_sensor *s,
                                      const struct nc_peer *peer, struct nc_instant now)
{
	unsigned more = 0;

	c->rejects[why]++;
	if (s)
		s->rejects[why]++;
	if (!nc_log_allow(&c->limits[why], LOG_BURST, LOG_INTERVAL, now.mono, &more))
		return why;
	snprintf(c->last_error, sizeof(c->last_error), "datagram of %s from %s refused: %s", s ? s->name : "an unknown sender",
	         peer->address, nc_datagram_reason_text(why));
	const struct nc_about about = {
		.sensor = s ? s->name : NULL, .address = peer->address, .reason = nc_datagram_reason_text(why), .hidden = more,
	};
	nc_say(NC_SAY_DATAGRAM_REFUSED, &about, "%s", c->last_error);
	return why;
}

void nc_collector_unknown(struct nc_collector *c, const uint8_t key[static NC_KEY_LEN], const struct nc_peer *peer,
                          struct nc_instant now)
{
	char fingerprint[NC_KEY_FINGERPRINT];
	unsigned more = 0;
	bool revoked = c->state && nc_state_revoked(c->state, key);
	bool fresh = !revoked && nc_sensors_pend(&c->sensors, key, peer->address, now.real);

	c->rejects[NC_DG_UNKNOWN_KEY]++;
	/* one that goes on knocking is told of once; it stays in the status */
	if ((!fresh && !revoked) || !nc_log_allow(&c->limits[NC_DG_UNKNOWN_KEY], LOG_BURST, LOG_INTERVAL, now.mono, &more))
		return;
	nc_key_fingerprint(fingerprint, key);
	const char *reason = revoked ? "revoked" : "on no list";
	const struct nc_about about = { .address = peer->address, .fingerprint = fingerprint, .reason = reason, .hidden = more };
	nc_say(NC_SAY_KEY_REFUSED, &about, "refused: key %s from %s is %s", fingerprint, peer->address, reason);
}

int nc_collector_psk(const struct nc_collector *c, const char *name, uint8_t psk[static NC_KEY_LEN], const char **why)
{
	struct nc_buf path = { .max = 4096 };
	int rc = -ENOENT;

	for (unsigned i = 0; rc == -ENOENT && i < 2 && c->sensors_dirs[i]; i++) {
		nc_buf_reset(&path);
		nc_buf_printf(&path, "%s/%s.psk", c->sensors_dirs[i], name);
		rc = path.failed ? -ENAMETOOLONG : nc_key_read_secret(AT_FDCWD, nc_buf_cstr(&path), psk, why);
	}
	nc_buf_free(&path);
	return rc == -ENOENT ? 0 : rc;
}

/* Where on the list the sensor stands that a key belongs to; -1: nowhere. What stands in a sensor's file goes before what
 * another one announced. */
static ssize_t find_key(const struct nc_collector *c, const uint8_t key[static NC_KEY_LEN])
{
	const struct nc_keylist *list = c->sensors.list;
	const struct nc_chains *chains = c->state ? nc_state_chains(c->state) : NULL;
	ssize_t i = list ? nc_keylist_index(list, key) : -1;

	if (!list || !chains)
		return i;
	const struct nc_chain *chain =
		i < 0 ? nc_chains_with(chains, key) : nc_chains_of(chains, nc_keylist_name(list, (size_t)i));
	if (i < 0)
		return chain ? nc_keylist_named(list, chain->name) : -1;
	return chain && nc_chain_place(chain, key) == NC_CHAIN_NONE ? -1 : i;
}

struct nc_sensor *nc_collector_sensor(struct nc_collector *c, const uint8_t key[static NC_KEY_LEN], bool *nomem)
{
	*nomem = false;
	if (c->state && nc_state_revoked(c->state, key))
		return NULL;
	return nc_sensors_at(&c->sensors, find_key(c, key), nomem);
}

static enum nc_datagram_reason refuse_unknown(struct nc_collector *c, const uint8_t *key, const struct nc_peer *peer,
                                              struct nc_instant now)
{
	nc_collector_unknown(c, key, peer, now);
	return NC_DG_UNKNOWN_KEY;
}

/* --- storing ------------------------------------------------------------------------------------------------------- */

/* A batch that has been checked. */
struct checked {
	const struct nc_type *type;
	struct nc_rd records; /* without the Header */
	uint64_t count;
	bool has_header;
	struct nc_file_header header;
};

static enum nc_datagram_reason check_batch(const struct nc_batch *b, struct checked *ret)
{
	struct nc_record_view v;
	struct nc_rd r = nc_rd_over(b->data, b->len);

	*ret = (struct checked){ .type = nc_type_by_number(b->type), .records = r };
	/* these two are the envelope, and no records */
	if (!ret->type || ret->type->desc == &types__header__descriptor || ret->type->desc == &types__batch__descriptor)
		return NC_DG_TYPE;
	for (bool first = true; nc_record_next(&r, &v); first = false) {
		if (first && nc_record_header(v.p, v.n, ret->type, &ret->header)) {
			ret->has_header = true;
			ret->records = r;
			continue;
		}
		if (!nc_record_valid(ret->type->desc, v.p, v.n, false))
			return NC_DG_RECORD;
		ret->count++;
	}
	return r.failed ? NC_DG_RECORD : NC_DG_OK;
}

/* The sensor's stream of that type. A new one tells its file where the records come from. */
static struct nc_stream *stream_of(struct nc_collector *c, struct nc_sensor *s, const struct nc_batch *b, const struct checked *k)
{
	struct nc_stream **at = &s->streams[nc_type_slot(k->type)];
	struct nc_file_header h = k->header;

	if (!*at)
		*at = nc_store_stream(c->store, s->name, k->type);
	if (!*at || !k->has_header)
		return *at;
	if (!h.source[0])
		nc_text_escape(h.source, sizeof(h.source), b->client_id, strlen(b->client_id));
	nc_stream_describe(*at, &h);
	return *at;
}

/* A ledger is stored with our half in it. */
static int store_ledger(struct nc_sensor *s, struct nc_stream *st, const struct nc_record_view *v, uint64_t self,
                        const int64_t *when)
{
	struct nc_buf out = { 0 };
	int r = nc_ledger_complete(s, v->p, v->n, self, &out);

	if (r == 0)
		r = nc_stream_add(st, out.data, out.len, when, false);
	nc_buf_free(&out);
	return r;
}

/* Hands every record to the store; what finds no memory is counted there as dropped. */
static int store_records(struct nc_sensor *s, struct nc_stream *st, const struct nc_batch *b, struct checked *k)
{
	bool is_ledger = k->type->number == TYPES__TYPE__NC_LossLedger;
	bool has_time = nc_record_has_time(k->type);
	struct nc_record_view v;
	int r = 0;

	while (nc_record_next(&k->records, &v)) {
		int64_t when;
		bool timed = has_time && nc_record_time(v.p, v.n, &when);
		int one = is_ledger ? store_ledger(s, st, &v, k->count, timed ? &when : NULL)
		                    : nc_stream_add(st, v.delimited, v.delimited_len, timed ? &when : NULL, b->contains_payloads);
		if (one < 0)
			r = one;
	}
	return r;
}

static void count_batch(struct nc_collector *c, struct nc_sensor *s, const struct nc_batch *b, const struct checked *k,
                        const struct nc_peer *peer, struct nc_instant now)
{
	size_t slot = nc_type_slot(k->type);

	c->records += k->count;
	c->types[slot] += k->count;
	c->headers += k->has_header;
	c->batches++;
	s->records += k->count;
	s->headers += k->has_header;
	s->batches++;
	s->bytes += b->len;
	s->last_seen = now.real;
	memcpy(s->address, peer->address, sizeof(s->address));
	nc_text_escape(s->client_id, sizeof(s->client_id), b->client_id, strlen(b->client_id));
	if (b->has_sequence)
		nc_loss_records(&s->loss, b->epoch, (unsigned)slot, b->records_before, k->count);
}

/* Checks an opened batch of a sensor, and stores it. */
static enum nc_datagram_reason take(struct nc_collector *c, struct nc_sensor *s, const struct nc_batch *b,
                                    const struct nc_peer *peer, struct nc_instant now)
{
	struct checked k;

	if (b->has_sequence && !nc_loss_batch(&s->loss, b->epoch, b->sequence))
		return NC_DG_REPEATED;
	enum nc_datagram_reason why = check_batch(b, &k);
	if (why != NC_DG_OK)
		return why;
	struct nc_stream *st = stream_of(c, s, b, &k);
	if (!st)
		return NC_DG_STORE;
	count_batch(c, s, b, &k, peer, now);
	nc_tail_records(c->tail, s->name, k.type, k.records, k.count);
	return store_records(s, st, b, &k) < 0 ? NC_DG_STORE : NC_DG_OK;
}

enum nc_datagram_reason nc_collector_datagram(struct nc_collector *c, const uint8_t *p, size_t n, const struct nc_peer *peer,
                                              struct nc_instant now)
{
	const uint8_t *key = nc_datagram_sender(p, n);
	struct nc_batch b;
	bool nomem;

	if (!key)
		return refuse(c, NC_DG_SHORT, NULL, peer, now);
	struct nc_sensor *s = nc_collector_sensor(c, key, &nomem);
	if (nomem)
		return refuse(c, NC_DG_STORE, NULL, peer, now);
	if (!s && (!c->options.allow_unknown || (c->state && nc_state_revoked(c->state, key))))
		return refuse_unknown(c, key, peer, now);
	enum nc_datagram_reason why = nc_datagram_open(c->datagram, c->keys, p, n, &b);
	/* made before it learned of the new key, or by somebody to whom nobody tells keys */
	if (why == NC_DG_BOX && c->old_keys)
		why = nc_datagram_open(c->datagram, c->old_keys, p, n, &b);
	if (why != NC_DG_OK)
		return refuse(c, why, s, peer, now);
	if (!nc_replay_check(c->replay, key, nc_datagram_nonce(p, n), now.mono))
		return refuse(c, NC_DG_REPEATED, s, peer, now);
	/* only now: a box that opens took at least our public key */
	if (!s)
		s = nc_sensors_unknown(&c->sensors, peer->host, key);
	if (!s)
		return refuse_unknown(c, key, peer, now);
	why = take(c, s, &b, peer, now);
	return why == NC_DG_OK ? why : refuse(c, why, s, peer, now);
}
