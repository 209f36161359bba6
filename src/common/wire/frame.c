/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: what the byte stream inside a session's Noise messages consists of. */
#include "config.h"

#include "wire/frame.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/rd.h"
#include "wire/keys.h"

#define TEXT_MAX     256u
#define COUNTERS_MAX 1024u

static bool hello_valid(const ProtobufCMessage *m);
static bool ack_valid(const ProtobufCMessage *m);
static bool reject_valid(const ProtobufCMessage *m);
static bool command_valid(const ProtobufCMessage *m);
static bool reply_valid(const ProtobufCMessage *m);
static bool ledger_valid(const ProtobufCMessage *m);
static bool close_valid(const ProtobufCMessage *m);
static bool next_key_valid(const ProtobufCMessage *m);
static bool key_kept_valid(const ProtobufCMessage *m);

static const struct row {
	const char *name;
	size_t max; /* bytes */
	const ProtobufCMessageDescriptor *desc;
	bool (*valid)(const ProtobufCMessage *m); /* NULL: anything that unpacks */
} rows[NC_FRAME_TYPES] = {
	[NC_FRAME_HELLO] = { "hello", NC_FRAME_MESSAGE_MAX, &session__hello__descriptor, hello_valid },
	[NC_FRAME_BLOCK] = { "block", NC_BLOCK_SIZE_MAX, NULL, NULL },
	[NC_FRAME_ACK] = { "ack", NC_FRAME_MESSAGE_MAX, &session__ack__descriptor, ack_valid },
	[NC_FRAME_REJECT] = { "reject", NC_FRAME_MESSAGE_MAX, &session__reject__descriptor, reject_valid },
	[NC_FRAME_COMMAND] = { "command", NC_FRAME_MESSAGE_MAX, &session__command__descriptor, command_valid },
	[NC_FRAME_REPLY] = { "reply", NC_FRAME_MESSAGE_MAX, &session__reply__descriptor, reply_valid },
	[NC_FRAME_LEDGER] = { "ledger", NC_FRAME_MESSAGE_MAX, &session__ledger__descriptor, ledger_valid },
	[NC_FRAME_PING] = { "ping", NC_FRAME_MESSAGE_MAX, &session__ping__descriptor, NULL },
	[NC_FRAME_CLOSE] = { "close", NC_FRAME_MESSAGE_MAX, &session__close__descriptor, close_valid },
	[NC_FRAME_SEALED] = { "sealed", NC_FRAME_SEALED_HEAD + NC_BLOCK_SIZE_MAX + NC_FRAME_SEAL, NULL, NULL },
	[NC_FRAME_NEXT_KEY] = { "next-key", NC_FRAME_MESSAGE_MAX, &session__next_key__descriptor, next_key_valid },
	[NC_FRAME_KEY_KEPT] = { "key-kept", NC_FRAME_MESSAGE_MAX, &session__key_kept__descriptor, key_kept_valid },
};

static const struct row *row_of(unsigned type)
{
	return type < NC_FRAME_TYPES && rows[type].name ? &rows[type] : NULL;
}

const char *nc_frame_name(uint8_t type)
{
	const struct row *row = row_of(type);

	return row ? row->name : NULL;
}

void nc_frame_header(uint8_t out[static NC_FRAME_HEADER], uint8_t type, size_t len)
{
	out[0] = type;
	out[1] = (uint8_t)len;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)(len >> 16);
}

/* --- the stream ------------------------------------------------------------------------------------------------- */

/* The header of a frame is complete: is its length all right, and will it be kept or skipped? */
static int begin(struct nc_frames *f)
{
	size_t len = (size_t)f->head[1] | (size_t)f->head[2] << 8 | (size_t)f->head[3] << 16;
	const struct row *row = row_of(f->head[0]);

	if (row && len > row->max)
		return -EMSGSIZE;
	f->head_len = 0;
	f->left = len;
	f->in_frame = true;
	f->skip = !row;
	return 0;
}

static int end(struct nc_frames *f, const uint8_t *p, size_t n, nc_frame_fn fn, void *user)
{
	f->in_frame = false;
	if (!f->skip)
		return fn(user, (enum nc_frame_type)f->head[0], p, n);
	f->skipped++;
	return 0;
}

/* Takes what there is of the frame's payload. A frame that is there as a whole is not copied. */
static int payload(struct nc_frames *f, struct nc_rd *r, nc_frame_fn fn, void *user)
{
	size_t n = r->left < f->left ? r->left : f->left;
	const uint8_t *p = nc_rd_bytes(r, n);

	f->left -= n;
	if (f->left == 0 && f->partial.len == 0)
		return end(f, p, n, fn, user);
	if (!f->skip)
		nc_buf_add(&f->partial, p, n);
	if (f->partial.failed)
		return -ENOMEM;
	if (f->left > 0)
		return 0;
	int rc = end(f, f->partial.data, f->partial.len, fn, user);
	f->partial.len = 0;
	return rc;
}

int nc_frames_feed(struct nc_frames *f, const uint8_t *p, size_t n, nc_frame_fn fn, void *user)
{
	struct nc_rd r = nc_rd_over(p, n);
	int rc = 0;

	while (rc == 0 && (r.left > 0 || (f->in_frame && f->left == 0))) {
		if (f->in_frame) {
			rc = payload(f, &r, fn, user);
			continue;
		}
		f->head[f->head_len++] = nc_rd_u8(&r);
		if (f->head_len == NC_FRAME_HEADER)
			rc = begin(f);
	}
	return rc;
}

void nc_frames_trim(struct nc_frames *f)
{
	if (f->partial.len == 0 && f->partial.cap > 0)
		nc_buf_free(&f->partial);
}

void nc_frames_free(struct nc_frames *f)
{
	nc_buf_free(&f->partial);
	*f = (struct nc_frames){ .skipped = f->skipped };
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static bool short_text(const char *s)
{
	return strlen(s) <= TEXT_MAX;
}

static bool hello_valid(const ProtobufCMessage *m)
{
	const Session__Hello *h = (const Session__Hello *)m;
	bool ok = short_text(h->software) && h->n_interfaces <= NC_FRAME_INTERFACES_MAX;

	for (size_t i = 0; ok && i < h->n_interfaces; i++)
		ok = short_text(h->interfaces[i]);
	return ok;
}

static bool ack_valid(const ProtobufCMessage *m)
{
	const Session__Ack *a = (const Session__Ack *)m;
	bool ok = a->n_ranges <= NC_FRAME_RANGES_MAX;

	for (size_t i = 0; ok && i < a->n_ranges; i++)
		ok = a->ranges[i]->from <= a->ranges[i]->to;
	return ok;
}

static bool reject_valid(const ProtobufCMessage *m)
{
	return short_text(((const Session__Reject *)m)->reason);
}

static bool command_valid(const ProtobufCMessage *m)
{
	const Session__Command *c = (const Session__Command *)m;

	return c->name[0] && short_text(c->name);
}

static bool reply_valid(const ProtobufCMessage *m)
{
	return short_text(((const Session__Reply *)m)->error);
}

static bool ledger_valid(const ProtobufCMessage *m)
{
	const Session__Ledger *l = (const Session__Ledger *)m;
	bool ok = l->n_counters <= COUNTERS_MAX;

	for (size_t i = 0; ok && i < l->n_counters; i++)
		ok = l->counters[i]->name[0] && short_text(l->counters[i]->name);
	return ok;
}

static bool close_valid(const ProtobufCMessage *m)
{
	return short_text(((const Session__Close *)m)->reason);
}

static bool next_key_valid(const ProtobufCMessage *m)
{
	const Session__NextKey *k = (const Session__NextKey *)m;

	return k->key.len == NC_KEY_LEN && (k->proof.len == 0 || k->proof.len == NC_KEY_PROOF);
}

static bool key_kept_valid(const ProtobufCMessage *m)
{
	const Session__KeyKept *k = (const Session__KeyKept *)m;

	return k->key.len == NC_KEY_LEN && short_text(k->error);
}

ProtobufCMessage *nc_frame_unpack(enum nc_frame_type type, const uint8_t *p, size_t n)
{
	const struct row *row = row_of(type);

	if (!row || !row->desc || n > row->max)
		return NULL;
	ProtobufCMessage *m = protobuf_c_message_unpack(row->desc, NULL, n, p);
	if (m && row->valid && !row->valid(m)) {
		protobuf_c_message_free_unpacked(m, NULL);
		return NULL;
	}
	return m;
}

int nc_frame_pack(const ProtobufCMessage *m, struct nc_buf *out)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *dst = n > NC_FRAME_MESSAGE_MAX ? NULL : nc_buf_reserve(out, n > 0 ? n : 1);

	if (!dst)
		return n > NC_FRAME_MESSAGE_MAX ? -EMSGSIZE : -ENOMEM;
	out->len += protobuf_c_message_pack(m, dst);
	return 0;
}

uint32_t nc_session_agree(const Session__Hello *hello, const char *peer, struct nc_buf *why)
{
	uint32_t best = 0, lowest = UINT32_MAX, highest = 0;

	for (size_t i = 0; i < hello->n_versions; i++) {
		uint32_t v = hello->versions[i];
		if (v == 0)
			continue;
		if (v > best && v <= NC_SESSION_VERSION)
			best = v;
		lowest = v < lowest ? v : lowest;
		highest = v > highest ? v : highest;
	}
	if (best > 0)
		return best;
	if (highest == 0)
		nc_buf_printf(why, "the %s names no version of the session", peer);
	else if (lowest > NC_SESSION_VERSION)
		nc_buf_printf(why, "the %s speaks session version %" PRIu32 " and later, this side %u: upgrade this side", peer,
		              lowest, NC_SESSION_VERSION);
	else
		nc_buf_printf(why, "the %s speaks session version %" PRIu32 " at most, this side %u: upgrade the %s", peer,
		              highest, NC_SESSION_VERSION, peer);
	return 0;
}
