/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams: as they come from the network, and, sealed here with known keys, what only an authorised sensor could send. */
#include "config.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "wire/datagram.h"
#include "wire/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PREFIX 72u

struct stage {
	struct nc_keypair *sensor, *collector;
	uint8_t shared[crypto_box_BEFORENMBYTES];
	struct nc_datagram *d;
	uint8_t *datagram, *zipped;
};

static void must(bool right)
{
	if (!right)
		abort();
}

static struct nc_keypair *keys(uint8_t seed)
{
	struct nc_keypair *k = nc_keypair_new();
	uint8_t bytes[crypto_box_SEEDBYTES];

	must(k != NULL);
	memset(bytes, seed, sizeof(bytes));
	crypto_box_seed_keypair(k->pub, k->priv, bytes);
	return k;
}

static struct stage *stage(void)
{
	static struct stage *s;

	if (s)
		return s;
	must(nc_keys_init() == 0);
	s = calloc(1, sizeof(*s));
	must(s != NULL);
	s->sensor = keys(1);
	s->collector = keys(2);
	s->d = nc_datagram_new();
	s->datagram = malloc(NC_DATAGRAM_MAX);
	s->zipped = malloc(NC_DATAGRAM_MAX);
	must(s->d && s->datagram && s->zipped && crypto_box_beforenm(s->shared, s->collector->pub, s->sensor->priv) == 0);
	return s;
}

static void check(const struct nc_batch *b)
{
	uint8_t sum = 0;

	must(b->len <= NC_DATAGRAM_INFLATED_MAX);
	must(memchr(b->client_id, 0, sizeof(b->client_id)) != NULL);
	for (size_t i = 0; i < b->len; i++)
		sum ^= b->data[i];
	/* keeps the reads */
	__asm__ volatile("" : : "r"(sum));
}

/* What opened is sealed and opened again: the same must come out. */
static void again(struct stage *s, const struct nc_batch *first)
{
	struct nc_batch b = *first, back;
	struct nc_buf out = { .max = 0 };
	uint8_t *copy = malloc(b.len ? b.len : 1);

	must(copy != NULL);
	memcpy(copy, b.data, b.len);
	b.data = copy;
	if (nc_datagram_seal(s->d, &b, s->sensor, s->collector->pub, &out) == 0) {
		enum nc_datagram_reason r = nc_datagram_open(s->d, s->collector, out.data, out.len, &back);
		must(r == NC_DG_OK);
		must(back.len == b.len && memcmp(back.data, copy, b.len) == 0 && back.type == b.type);
		must(back.has_sequence == b.has_sequence && back.sequence == b.sequence &&
		     strcmp(back.client_id, b.client_id) == 0);
	}
	nc_buf_free(&out);
	free(copy);
}

static void open_datagram(struct stage *s, const uint8_t *p, size_t n)
{
	struct nc_batch b;

	(void)nc_datagram_sender(p, n);
	(void)nc_datagram_nonce(p, n);
	if (nc_datagram_open(s->d, s->collector, p, n, &b) == NC_DG_OK) {
		check(&b);
		again(s, &b);
	}
}

static void open_sealed(struct stage *s, const uint8_t *plain, size_t n)
{
	if (n > NC_DATAGRAM_MAX - PREFIX)
		return;
	memcpy(s->datagram, s->sensor->pub, 32);
	memset(s->datagram + 32, 7, 24);
	must(crypto_box_easy_afternm(s->datagram + 56, plain, n, s->datagram + 32, s->shared) == 0);
	open_datagram(s, s->datagram, PREFIX + n);
}

static void open_zipped(struct stage *s, const uint8_t *batch, size_t n)
{
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)batch,
		       .avail_in = (uInt)n,
		       .next_out = s->zipped,
		       .avail_out = NC_DATAGRAM_MAX - PREFIX };

	if (n > NC_DATAGRAM_MAX / 2)
		return;
	must(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	open_sealed(s, s->zipped, z.total_out);
}

/* The first byte says how deep the rest goes in: 'd' a datagram, 'g' the gzip in the box, else the Batch in the gzip. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stage *s = stage();

	if (n == 0)
		return 0;
	if (data[0] == 'd')
		open_datagram(s, data + 1, n - 1);
	else if (data[0] == 'g')
		open_sealed(s, data + 1, n - 1);
	else
		open_zipped(s, data + 1, n - 1);
	return 0;
}
