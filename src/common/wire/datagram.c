/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 2019 datagram: public key, nonce, NaCl box around a gzip'd Batch. */
#include "config.h"

#include "wire/datagram.h"

#include <assert.h>
#include <errno.h>
#include <libdeflate.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/rd.h"

#define NONCE_LEN  24u
#define PREFIX_LEN (NC_KEY_LEN + NONCE_LEN)
#define TAG_LEN    16u
#define LEVEL      6 /* batches are small: the better ratio saves fragments */

static_assert(NONCE_LEN == crypto_box_NONCEBYTES && TAG_LEN == crypto_box_MACBYTES && NC_KEY_LEN == crypto_box_PUBLICKEYBYTES,
              "the layout of the datagram is NaCl's");

/* The shared key of the last pair of keys, since X25519 costs more than all the rest of a datagram. */
struct shared {
	uint8_t own[NC_KEY_LEN];
	uint8_t peer[NC_KEY_LEN];
	uint8_t key[crypto_box_BEFORENMBYTES];
	bool valid;
};

struct nc_datagram {
	struct libdeflate_compressor *deflater;
	struct libdeflate_compressor *storer; /* level 0, made when it is needed first */
	z_stream inflater;
	bool inflater_ready;
	struct shared *shared;
	struct nc_buf batch, zipped;
	uint8_t *plain;    /* NC_DATAGRAM_MAX: the opened box */
	uint8_t *inflated; /* one more than the limit, so that crossing it shows */
};

const char *nc_datagram_reason_text(enum nc_datagram_reason r)
{
	static const char *const texts[] = {
#define X(id, text) [id] = text,
		NC_DATAGRAM_REASONS(X)
#undef X
	};
	return (unsigned)r < NC_DG_REASONS_COUNT ? texts[r] : "?";
}

struct nc_datagram *nc_datagram_new(void)
{
	struct nc_datagram *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->deflater = libdeflate_alloc_compressor(LEVEL);
	d->shared = nc_keys_memory(sizeof(*d->shared));
	d->plain = malloc(NC_DATAGRAM_MAX);
	d->inflated = malloc(NC_DATAGRAM_INFLATED_MAX + 1);
	/* 15 + 16: gzip only */
	d->inflater_ready = inflateInit2(&d->inflater, 15 + 16) == Z_OK;
	if (!d->deflater || !d->shared || !d->plain || !d->inflated || !d->inflater_ready) {
		nc_datagram_free(d);
		return NULL;
	}
	d->shared->valid = false;
	return d;
}

void nc_datagram_free(struct nc_datagram *d)
{
	if (!d)
		return;
	libdeflate_free_compressor(d->deflater);
	libdeflate_free_compressor(d->storer);
	if (d->inflater_ready)
		inflateEnd(&d->inflater);
	sodium_free(d->shared);
	nc_buf_free(&d->batch);
	nc_buf_free(&d->zipped);
	free(d->plain);
	free(d->inflated);
	free(d);
}

/* The key of the box between own and peer; NULL for a public key of low order. */
static const uint8_t *shared_key(struct shared *s, const struct nc_keypair *own, const uint8_t peer[static NC_KEY_LEN])
{
	if (s->valid && memcmp(s->peer, peer, NC_KEY_LEN) == 0 && memcmp(s->own, own->pub, NC_KEY_LEN) == 0)
		return s->key;
	s->valid = crypto_box_beforenm(s->key, peer, own->priv) == 0;
	memcpy(s->peer, peer, NC_KEY_LEN);
	memcpy(s->own, own->pub, NC_KEY_LEN);
	return s->valid ? s->key : NULL;
}

/* --- Batch (protobuf, schema/datagram.md) -------------------------------------------------------------------------- */

enum {
	F_CLIENT_ID = 1,
	F_TYPE = 2,
	F_TOTAL_SIZE = 3,
	F_DATA = 4,
	F_PAYLOADS = 5,
	F_EPOCH = 1000,
	F_SEQUENCE = 1001,
	F_BEFORE = 1002,
};
enum { W_VARINT = 0, W_FIXED64 = 1, W_BYTES = 2, W_FIXED32 = 5 };

static void put_varint(struct nc_buf *b, unsigned field, uint64_t v)
{
	nc_buf_varint(b, (uint64_t)field << 3 | W_VARINT);
	nc_buf_varint(b, v);
}

static void put_bytes(struct nc_buf *b, unsigned field, const void *p, size_t n)
{
	nc_buf_varint(b, (uint64_t)field << 3 | W_BYTES);
	nc_buf_varint(b, n);
	nc_buf_add(b, p, n);
}

/* Zeros are left out, as proto3 does, but for the sequence: its presence says that it counts. */
static void batch_encode(const struct nc_batch *m, struct nc_buf *b)
{
	size_t id = strnlen(m->client_id, sizeof(m->client_id));

	if (id)
		put_bytes(b, F_CLIENT_ID, m->client_id, id);
	if (m->type)
		put_varint(b, F_TYPE, m->type);
	if (m->len) {
		put_varint(b, F_TOTAL_SIZE, m->len);
		put_bytes(b, F_DATA, m->data, m->len);
	}
	if (m->contains_payloads)
		put_varint(b, F_PAYLOADS, 1);
	if (m->has_sequence) {
		put_varint(b, F_EPOCH, m->epoch);
		put_varint(b, F_SEQUENCE, m->sequence);
		put_varint(b, F_BEFORE, m->records_before);
	}
}

/* A field of the wire: its number, and its value or bytes. */
struct field {
	uint64_t number;
	unsigned wire;
	uint64_t value;
	struct nc_rd bytes;
};

static bool next_field(struct nc_rd *r, struct field *f)
{
	uint64_t key = nc_rd_varint(r);

	*f = (struct field){ .number = key >> 3, .wire = (unsigned)(key & 7) };
	switch (f->wire) {
	case W_VARINT:
		f->value = nc_rd_varint(r);
		break;
	case W_FIXED64:
		nc_rd_skip(r, 8);
		break;
	case W_BYTES:
		f->value = nc_rd_varint(r);
		f->bytes = nc_rd_sub(r, f->value > r->left ? r->left + 1 : (size_t)f->value);
		break;
	case W_FIXED32:
		nc_rd_skip(r, 4);
		break;
	default:
		return false;
	}
	return !r->failed && f->number > 0 && f->number < (1u << 29);
}

static void set_client_id(struct nc_batch *m, const struct field *f)
{
	size_t n = f->bytes.left < sizeof(m->client_id) - 1 ? f->bytes.left : sizeof(m->client_id) - 1;

	memcpy(m->client_id, f->bytes.p, n);
	m->client_id[n] = '\0';
}

/* Puts a field into the batch; false when a known one has the wrong wire type. */
static bool set_field(struct nc_batch *m, uint64_t *total, const struct field *f)
{
	bool is_bytes = f->number == F_CLIENT_ID || f->number == F_DATA;
	bool is_known = (f->number >= F_CLIENT_ID && f->number <= F_PAYLOADS) || (f->number >= F_EPOCH && f->number <= F_BEFORE);

	if (!is_known)
		return true;
	if (f->wire != (is_bytes ? W_BYTES : W_VARINT))
		return false;
	m->has_sequence |= f->number >= F_EPOCH;
	switch (f->number) {
	case F_CLIENT_ID:
		set_client_id(m, f);
		break;
	case F_TYPE:
		m->type = f->value > UINT32_MAX ? UINT32_MAX : (uint32_t)f->value;
		break;
	case F_TOTAL_SIZE:
		*total = f->value;
		break;
	case F_DATA:
		m->data = f->bytes.p;
		m->len = f->bytes.left;
		break;
	case F_PAYLOADS:
		m->contains_payloads = f->value != 0;
		break;
	case F_EPOCH:
		m->epoch = f->value;
		break;
	case F_SEQUENCE:
		m->sequence = f->value;
		break;
	case F_BEFORE:
		m->records_before = f->value;
		break;
	}
	return true;
}

static enum nc_datagram_reason batch_decode(const uint8_t *p, size_t n, struct nc_batch *ret)
{
	struct nc_rd r = nc_rd_over(p, n);
	uint64_t total = 0;
	struct field f;

	*ret = (struct nc_batch){ .data = p };
	while (r.left > 0)
		if (!next_field(&r, &f) || !set_field(ret, &total, &f))
			return NC_DG_BATCH;
	return total == ret->len ? NC_DG_OK : NC_DG_TOTAL_SIZE;
}

/* --- sealing ------------------------------------------------------------------------------------------------------- */

static int zip_with(struct nc_datagram *d, struct libdeflate_compressor *c)
{
	size_t bound = libdeflate_gzip_compress_bound(c, d->batch.len);

	nc_buf_reset(&d->zipped);
	uint8_t *to = nc_buf_reserve(&d->zipped, bound);
	if (!to)
		return -ENOMEM;
	d->zipped.len = libdeflate_gzip_compress(c, d->batch.data, d->batch.len, to, bound);
	return d->zipped.len ? 0 : -EIO;
}

/* A batch that compresses too well is sent as it is, or the collector would take it for a bomb. */
static int zip(struct nc_datagram *d)
{
	int r = zip_with(d, d->deflater);

	if (r < 0 || d->batch.len <= d->zipped.len * NC_DATAGRAM_RATIO_MAX)
		return r;
	if (!d->storer)
		d->storer = libdeflate_alloc_compressor(0);
	return d->storer ? zip_with(d, d->storer) : -ENOMEM;
}

int nc_datagram_seal(struct nc_datagram *d, const struct nc_batch *b, const struct nc_keypair *own,
                     const uint8_t peer[static NC_KEY_LEN], struct nc_buf *out)
{
	nc_buf_reset(&d->batch);
	batch_encode(b, &d->batch);
	if (d->batch.failed)
		return -ENOMEM;
	int r = zip(d);
	if (r < 0)
		return r;
	size_t n = PREFIX_LEN + TAG_LEN + d->zipped.len;
	if (n > NC_DATAGRAM_SEND_MAX)
		return -EMSGSIZE;
	const uint8_t *key = shared_key(d->shared, own, peer);
	if (!key)
		return -EINVAL;
	nc_buf_reset(out);
	uint8_t *to = nc_buf_reserve(out, n);
	if (!to)
		return -ENOMEM;
	memcpy(to, own->pub, NC_KEY_LEN);
	randombytes_buf(to + NC_KEY_LEN, NONCE_LEN);
	if (crypto_box_easy_afternm(to + PREFIX_LEN, d->zipped.data, d->zipped.len, to + NC_KEY_LEN, key) < 0)
		return -EIO;
	out->len = n;
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

const uint8_t *nc_datagram_sender(const uint8_t *p, size_t n)
{
	return n < PREFIX_LEN + TAG_LEN ? NULL : p;
}

const uint8_t *nc_datagram_nonce(const uint8_t *p, size_t n)
{
	return n < PREFIX_LEN + TAG_LEN ? NULL : p + NC_KEY_LEN;
}

/* Inflates n bytes of gzip (one member or several, nothing behind them) to at most the limits. */
static enum nc_datagram_reason gunzip(struct nc_datagram *d, const uint8_t *p, size_t n, size_t *ret)
{
	size_t ratio = n * NC_DATAGRAM_RATIO_MAX;
	size_t limit = ratio < NC_DATAGRAM_INFLATED_MAX ? ratio : NC_DATAGRAM_INFLATED_MAX;
	z_stream *z = &d->inflater;

	z->next_in = (z_const Bytef *)(uintptr_t)p;
	z->avail_in = (uInt)n;
	z->next_out = d->inflated;
	z->avail_out = (uInt)limit + 1;
	do {
		if (inflateReset(z) != Z_OK)
			return NC_DG_GZIP;
		int r = inflate(z, Z_FINISH);
		if (z->avail_out == 0)
			return limit == ratio ? NC_DG_RATIO : NC_DG_TOO_LARGE;
		if (r != Z_STREAM_END)
			return NC_DG_GZIP;
	} while (z->avail_in > 0);
	*ret = limit + 1 - z->avail_out;
	return NC_DG_OK;
}

enum nc_datagram_reason nc_datagram_open(struct nc_datagram *d, const struct nc_keypair *own, const uint8_t *p, size_t n,
                                         struct nc_batch *ret)
{
	size_t len;

	if (n < PREFIX_LEN + TAG_LEN)
		return NC_DG_SHORT;
	if (n > NC_DATAGRAM_MAX)
		return NC_DG_TOO_LARGE;
	/* X25519 ignores the highest bit (RFC 7748 section 5); no key has it, and with it a second name for each */
	if (p[NC_KEY_LEN - 1] & 0x80)
		return NC_DG_BOX;
	const uint8_t *key = shared_key(d->shared, own, p);
	if (!key || crypto_box_open_easy_afternm(d->plain, p + PREFIX_LEN, n - PREFIX_LEN, p + NC_KEY_LEN, key) < 0)
		return NC_DG_BOX;
	enum nc_datagram_reason why = gunzip(d, d->plain, n - PREFIX_LEN - TAG_LEN, &len);
	return why == NC_DG_OK ? batch_decode(d->inflated, len, ret) : why;
}
