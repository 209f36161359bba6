/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 2019 datagram: round trips, every byte flipped, bombs, contradictions, and Batch messages made by hand. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <zlib.h>

#include "base/buf.h"
#include "fixture.h"
#include "wire/datagram.h"
#include "wire/keys.h"

#define PREFIX 72u /* key, nonce, tag */

struct fixture {
	struct nc_keypair *sensor, *collector;
	struct nc_datagram *d;
	struct nc_buf out;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->sensor = nc_test_keys();
	f->collector = nc_test_keys();
	f->d = nc_datagram_new();
	assert_non_null(f->d);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	nc_keypair_free(f->sensor);
	nc_keypair_free(f->collector);
	nc_datagram_free(f->d);
	nc_buf_free(&f->out);
	free(f);
	return 0;
}

static struct nc_batch sample(void)
{
	static const uint8_t data[] = "\x05"
				      "hello"
				      "\x06"
				      "world!";

	return (struct nc_batch){
		.client_id = "sensor-1",
		.type = 38,
		.data = data,
		.len = sizeof(data) - 1,
		.contains_payloads = true,
		.has_sequence = true,
		.epoch = UINT64_C(0x8877665544332211),
		.sequence = 300,
		.records_before = UINT64_C(5000000000),
	};
}

static int seal(struct fixture *f, const struct nc_batch *b)
{
	return nc_datagram_seal(f->d, b, f->sensor, f->collector->pub, &f->out);
}

static enum nc_datagram_reason reopen(struct fixture *f, struct nc_batch *ret)
{
	return nc_datagram_open(f->d, f->collector, f->out.data, f->out.len, ret);
}

/* Seals any plaintext, as a sensor of somebody else's making might. */
static void seal_plain(struct fixture *f, const void *p, size_t n)
{
	nc_buf_reset(&f->out);
	uint8_t *to = nc_buf_reserve(&f->out, PREFIX + n);
	assert_non_null(to);
	memcpy(to, f->sensor->pub, 32);
	randombytes_buf(to + 32, 24);
	assert_int_equal(crypto_box_easy(to + 56, p, n, to + 32, f->collector->pub, f->sensor->priv), 0);
	f->out.len = PREFIX + n;
}

static size_t gzip(const void *p, size_t n, uint8_t *to, size_t room, int level)
{
	z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room };

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t size = room - z.avail_out;
	deflateEnd(&z);
	return size;
}

/* Opens a Batch of these bytes. */
static enum nc_datagram_reason open_batch(struct fixture *f, const void *p, size_t n, struct nc_batch *ret)
{
	uint8_t zipped[4096];

	seal_plain(f, zipped, gzip(p, n, zipped, sizeof(zipped), 6));
	return reopen(f, ret);
}

#define OPEN(f, s, ret) open_batch(f, s, sizeof(s) - 1, ret)

static void round_trip(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = sample(), back;

	assert_int_equal(seal(f, &b), 0);
	assert_memory_equal(nc_datagram_sender(f->out.data, f->out.len), f->sensor->pub, 32);
	assert_ptr_equal(nc_datagram_nonce(f->out.data, f->out.len), f->out.data + 32);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	assert_string_equal(back.client_id, b.client_id);
	assert_int_equal(back.type, b.type);
	assert_int_equal(back.len, b.len);
	assert_memory_equal(back.data, b.data, b.len);
	assert_true(back.contains_payloads);
	assert_true(back.has_sequence);
	assert_true(back.epoch == b.epoch && back.sequence == b.sequence && back.records_before == b.records_before);
}

static void round_trip_of_nothing(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = { .type = 0 }, back;

	assert_int_equal(seal(f, &b), 0);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	assert_string_equal(back.client_id, "");
	assert_int_equal(back.len, 0);
	assert_false(back.has_sequence);
	assert_false(back.contains_payloads);
}

/* The bytes that other programs see: decrypted and inflated with the plain libraries. */
static void the_bytes_of_a_batch(void **state)
{
	static const uint8_t expected[] = "\x0a\x08sensor-1\x10\x26\x18\x0d\x22\x0d\x05hello\x06world!\x28\x01"
					  "\xc0\x3e\x91\xc4\xcc\xa1\xd4\xca\xd9\xbb\x88\x01"
					  "\xc8\x3e\xac\x02"
					  "\xd0\x3e\x80\xe4\x97\xd0\x12";
	struct fixture *f = *state;
	struct nc_batch b = sample();
	uint8_t zipped[4096], plain[4096];
	z_stream z = { .next_in = zipped, .next_out = plain, .avail_out = sizeof(plain) };

	assert_int_equal(seal(f, &b), 0);
	assert_int_equal(crypto_box_open_easy(zipped, f->out.data + 56, f->out.len - 56, f->out.data + 32, f->sensor->pub,
	                                      f->collector->priv),
	                 0);
	z.avail_in = (uInt)(f->out.len - PREFIX);
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(sizeof(plain) - z.avail_out, sizeof(expected) - 1);
	assert_memory_equal(plain, expected, sizeof(expected) - 1);
	inflateEnd(&z);
}

static void nonces_differ(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = sample();
	uint8_t first[24];

	assert_int_equal(seal(f, &b), 0);
	memcpy(first, f->out.data + 32, 24);
	assert_int_equal(seal(f, &b), 0);
	assert_memory_not_equal(first, f->out.data + 32, 24);
}

static void too_large_to_send(void **state)
{
	struct fixture *f = *state;
	uint8_t *noise = malloc(20000);
	struct nc_batch b = { .type = 1, .data = noise, .len = NC_DATAGRAM_BATCH_DATA }, back;

	randombytes_buf(noise, 20000);
	assert_int_equal(seal(f, &b), -EMSGSIZE);
	/* what fits to the byte: 72 around gzip around 2 + 3 + 3 + n bytes */
	b.len = 10000;
	assert_int_equal(seal(f, &b), 0);
	assert_true(f->out.len <= NC_DATAGRAM_SEND_MAX);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	assert_memory_equal(back.data, noise, b.len);
	/* records compress, and then a full batch goes */
	memset(noise + 2000, 'x', 18000);
	b.len = NC_DATAGRAM_BATCH_DATA;
	assert_int_equal(seal(f, &b), 0);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	free(noise);
}

/* What compresses beyond the ratio that is accepted must not be sent so. */
static void too_good_to_send(void **state)
{
	struct fixture *f = *state;
	uint8_t *same = malloc(50000);
	struct nc_batch b = { .type = 1, .data = same }, back;

	memset(same, 'x', 50000);
	for (b.len = 0; b.len <= NC_DATAGRAM_BATCH_DATA; b.len += 64) {
		assert_int_equal(seal(f, &b), 0);
		assert_int_equal(reopen(f, &back), NC_DG_OK);
		assert_int_equal(back.len, b.len);
	}
	b.len = 50000;
	assert_int_equal(seal(f, &b), -EMSGSIZE);
	free(same);
}

static void every_byte_counts(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = sample(), back;

	assert_int_equal(seal(f, &b), 0);
	for (size_t i = 0; i < f->out.len; i++)
		for (unsigned bit = 0; bit < 8; bit += 7) {
			f->out.data[i] ^= (uint8_t)(1u << bit);
			assert_int_equal(reopen(f, &back), NC_DG_BOX);
			f->out.data[i] ^= (uint8_t)(1u << bit);
		}
	assert_int_equal(reopen(f, &back), NC_DG_OK);
}

static void every_length_counts(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = sample(), back;

	assert_int_equal(seal(f, &b), 0);
	for (size_t n = 0; n < f->out.len; n++) {
		uint8_t *cut = malloc(n ? n : 1);
		memcpy(cut, f->out.data, n);
		assert_int_equal(nc_datagram_open(f->d, f->collector, cut, n, &back), n < PREFIX ? NC_DG_SHORT : NC_DG_BOX);
		assert_int_equal(nc_datagram_sender(cut, n) != NULL, n >= PREFIX);
		assert_int_equal(nc_datagram_nonce(cut, n) != NULL, n >= PREFIX);
		free(cut);
	}
}

static void low_order_keys(void **state)
{
	struct fixture *f = *state;
	uint8_t zeros[200] = { 0 };
	struct nc_batch back;

	assert_int_equal(nc_datagram_open(f->d, f->collector, zeros, sizeof(zeros), &back), NC_DG_BOX);
	struct nc_batch b = sample();
	assert_int_equal(nc_datagram_seal(f->d, &b, f->sensor, zeros, &f->out), -EINVAL);
	/* and it does not stay behind */
	assert_int_equal(seal(f, &b), 0);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
}

static void another_collector(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = sample(), back;
	struct nc_keypair *k = nc_test_keys();

	assert_int_equal(seal(f, &b), 0);
	assert_int_equal(nc_datagram_open(f->d, k, f->out.data, f->out.len, &back), NC_DG_BOX);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	nc_keypair_free(k);
}

static void bombs(void **state)
{
	struct fixture *f = *state;
	enum { ROOM = 60000 };
	uint8_t *zipped = malloc(ROOM), *zeros = calloc(1, 40u << 20);
	struct nc_batch back;

	/* 300 KiB out of some 300 bytes */
	size_t n = gzip(zeros, 300 * 1024, zipped, ROOM, 9);
	assert_true(n < 1024);
	seal_plain(f, zipped, n);
	assert_int_equal(reopen(f, &back), NC_DG_RATIO);
	n = gzip(zeros, 40u << 20, zipped, ROOM, 9);
	assert_true(n > NC_DATAGRAM_INFLATED_MAX / NC_DATAGRAM_RATIO_MAX);
	seal_plain(f, zipped, n);
	assert_int_equal(reopen(f, &back), NC_DG_TOO_LARGE);
	free(zipped);
	free(zeros);
}

/* One byte more than the limit, and the limit itself, at a harmless ratio. */
static void the_inflated_limit(void **state)
{
	struct fixture *f = *state;
	size_t n = NC_DATAGRAM_INFLATED_MAX;
	uint8_t *plain = calloc(1, n + 1), *zipped = malloc(60000);
	struct nc_batch back;

	randombytes_buf(plain, 20000);
	/* field 15, bytes, of 0xfffea more bytes: a batch of nothing but an unknown field */
	memcpy(plain, "\x7a\xfc\xff\x3f", 4);
	seal_plain(f, zipped, gzip(plain, n, zipped, 60000, 9));
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	seal_plain(f, zipped, gzip(plain, n + 1, zipped, 60000, 9));
	assert_int_equal(reopen(f, &back), NC_DG_TOO_LARGE);
	free(plain);
	free(zipped);
}

static void several_members(void **state)
{
	static const char half1[] = "\x10\x26\x18\x02", half2[] = "\x22\x02\x01x";
	struct fixture *f = *state;
	uint8_t zipped[512];
	struct nc_batch back;

	size_t n = gzip(half1, sizeof(half1) - 1, zipped, sizeof(zipped), 6);
	n += gzip(half2, sizeof(half2) - 1, zipped + n, sizeof(zipped) - n, 6);
	seal_plain(f, zipped, n);
	assert_int_equal(reopen(f, &back), NC_DG_OK);
	assert_int_equal(back.len, 2);
	zipped[n++] = 0;
	seal_plain(f, zipped, n);
	assert_int_equal(reopen(f, &back), NC_DG_GZIP);
}

/* Members that are small each, and too much together. */
static void many_members(void **state)
{
	struct fixture *f = *state;
	uint8_t *zipped = malloc(NC_DATAGRAM_MAX), *plain = calloc(1, 30000);
	struct nc_batch back;
	size_t n = 0;

	while (n < 60000)
		n += gzip(plain, 5000, zipped + n, NC_DATAGRAM_MAX - n, 9);
	seal_plain(f, zipped, n);
	assert_int_equal(reopen(f, &back), NC_DG_TOO_LARGE);
	free(zipped);
	free(plain);
}

static void broken_gzip(void **state)
{
	static const char batch[] = "\x10\x26\x18\x02\x22\x02\x01x";
	struct fixture *f = *state;
	uint8_t zipped[512];
	struct nc_batch back;
	size_t n = gzip(batch, sizeof(batch) - 1, zipped, sizeof(zipped), 6);

	for (size_t cut = 0; cut < n; cut++) {
		seal_plain(f, zipped, cut);
		assert_int_equal(reopen(f, &back), NC_DG_GZIP);
	}
	/* the last eight bytes are CRC and length */
	for (size_t i = n - 8; i < n; i++) {
		zipped[i] ^= 1;
		seal_plain(f, zipped, n);
		assert_int_equal(reopen(f, &back), NC_DG_GZIP);
		zipped[i] ^= 1;
	}
	/* the bare batch, and zlib's own format */
	seal_plain(f, batch, sizeof(batch) - 1);
	assert_int_equal(reopen(f, &back), NC_DG_GZIP);
	uLongf room = sizeof(zipped);
	assert_int_equal(compress(zipped, &room, (const Bytef *)batch, sizeof(batch) - 1), Z_OK);
	seal_plain(f, zipped, room);
	assert_int_equal(reopen(f, &back), NC_DG_GZIP);
}

static void total_size(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b;

	assert_int_equal(OPEN(f, "\x10\x26\x18\x02\x22\x02\x01x", &b), NC_DG_OK);
	assert_int_equal(OPEN(f, "\x10\x26\x18\x01\x22\x02\x01x", &b), NC_DG_TOTAL_SIZE);
	assert_int_equal(OPEN(f, "\x10\x26\x18\x03\x22\x02\x01x", &b), NC_DG_TOTAL_SIZE);
	assert_int_equal(OPEN(f, "\x10\x26\x22\x02\x01x", &b), NC_DG_TOTAL_SIZE);
	assert_int_equal(OPEN(f, "\x10\x26\x18\x02", &b), NC_DG_TOTAL_SIZE);
	/* -1, and 2 + 2^32, which is 2 to whoever keeps 32 bits */
	assert_int_equal(OPEN(f, "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x22\x02\x01x", &b), NC_DG_TOTAL_SIZE);
	assert_int_equal(OPEN(f, "\x18\x82\x80\x80\x80\x10\x22\x02\x01x", &b), NC_DG_TOTAL_SIZE);
}

static void protobuf(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b;

	/* any order, the last of several counts, unknown fields of all kinds are passed over */
	assert_int_equal(OPEN(f, "\x22\x02\x01y\x22\x02\x01x\x10\x01\x18\x02\x10\x26", &b), NC_DG_OK);
	assert_int_equal(b.type, 38);
	assert_memory_equal(b.data, "\x01x", 2);
	assert_int_equal(OPEN(f,
	                      "\x30\x05\x39"
	                      "12345678"
	                      "\x42\x03xyz\x4d"
	                      "1234"
	                      "\x10\x26",
	                      &b),
	                 NC_DG_OK);
	/* groups are nothing that a batch has; neither are wire types 6 and 7, field 0, and fields beyond 2^29 */
	assert_int_equal(OPEN(f, "\x33\x34", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x36", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x37", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x00\x01", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x80\x80\x80\x80\x10\x01", &b), NC_DG_BATCH);
	/* known ones of the wrong wire type */
	assert_int_equal(OPEN(f, "\x08\x01", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x12\x01x", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f,
	                      "\x1d"
	                      "1234",
	                      &b),
	                 NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x20\x01", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\xc2\x3e\x01x", &b), NC_DG_BATCH);
	/* cut anywhere */
	assert_int_equal(OPEN(f, "\x10", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x22", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x22\x03\x01x", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", &b), NC_DG_BATCH);
	assert_int_equal(OPEN(f,
	                      "\x39"
	                      "1234567",
	                      &b),
	                 NC_DG_BATCH);
	assert_int_equal(OPEN(f, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &b), NC_DG_BATCH);
	/* an enum beyond any type is no other type */
	assert_int_equal(OPEN(f, "\x10\xa6\x80\x80\x80\x80\x80\x80\x80\x80\x01", &b), NC_DG_OK);
	assert_int_equal(b.type, UINT32_MAX);
}

static void sequence_fields(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b;

	assert_int_equal(OPEN(f, "\x10\x26", &b), NC_DG_OK);
	assert_false(b.has_sequence);
	assert_int_equal(OPEN(f, "\xc0\x3e\x07", &b), NC_DG_OK);
	assert_true(b.has_sequence);
	assert_int_equal(b.epoch, 7);
	assert_int_equal(b.sequence, 0);
	assert_int_equal(OPEN(f, "\xc8\x3e\x07", &b), NC_DG_OK);
	assert_true(b.has_sequence && b.sequence == 7);
	assert_int_equal(OPEN(f, "\xd0\x3e\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &b), NC_DG_OK);
	assert_true(b.has_sequence && b.records_before == UINT64_MAX);
	/* their neighbours are not ours */
	assert_int_equal(OPEN(f, "\xb8\x3e\x07\xd8\x3e\x07", &b), NC_DG_OK);
	assert_false(b.has_sequence);
}

static void client_ids(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b;
	char message[600] = "\x0a\xac\x02";

	assert_int_equal(OPEN(f, "\x0a\x0b../../x\0y\nz", &b), NC_DG_OK);
	assert_string_equal(b.client_id, "../../x");
	memset(message + 3, 'i', 300);
	assert_int_equal(open_batch(f, message, 303, &b), NC_DG_OK);
	assert_int_equal(strlen(b.client_id), sizeof(b.client_id) - 1);
}

static void reasons_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NC_DG_REASONS_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(nc_datagram_reason_text((enum nc_datagram_reason)i),
			                        nc_datagram_reason_text((enum nc_datagram_reason)k));
	assert_string_equal(nc_datagram_reason_text(NC_DG_REASONS_COUNT), "?");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* --- what a forked worker finds in its memory ------------------------------------------------------------------------ */

#define MASK   0x5au
#define REGION (16u << 20) /* larger ones are shadows of a sanitizer */

/* Whether the key, each byte of it XORed with MASK, stands somewhere in these bytes. */
static bool holds(const uint8_t *p, size_t n, const uint8_t masked[static NC_KEY_LEN])
{
	for (size_t i = 0; i + NC_KEY_LEN <= n; i++) {
		size_t k = 0;
		while (k < NC_KEY_LEN && (p[i + k] ^ MASK) == masked[k])
			k++;
		if (k == NC_KEY_LEN)
			return true;
	}
	return false;
}

static bool memory_holds(const uint8_t masked[static NC_KEY_LEN])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512];
	bool found = false;

	while (maps && mem >= 0 && fgets(line, sizeof(line), maps)) {
		char *at;
		unsigned long from = strtoul(line, &at, 16), to = strtoul(at + 1, &at, 16);
		if (at[1] != 'r' || at[2] != 'w' || to - from > REGION)
			continue;
		uint8_t *copy = malloc(to - from);
		ssize_t n = pread(mem, copy, to - from, (off_t)from);
		found |= n > 0 && holds(copy, (size_t)n, masked);
		sodium_memzero(copy, to - from);
		free(copy);
	}
	fclose(maps);
	close(mem);
	return found;
}

/* The key of the box is as good as the private one: a worker that starts after the first datagram must not have it. */
static void no_box_key_in_children(void **state)
{
	struct fixture *f = *state;
	struct nc_batch b = sample();
	uint8_t masked[NC_KEY_LEN];

	assert_int_equal(crypto_box_beforenm(masked, f->collector->pub, f->sensor->priv), 0);
	for (size_t i = 0; i < sizeof(masked); i++)
		masked[i] ^= MASK;
	assert_int_equal(nc_datagram_seal(f->d, &b, f->sensor, f->collector->pub, &f->out), 0);
	assert_true(memory_holds(masked));
	pid_t child = fork();
	if (child == 0)
		_exit(memory_holds(masked));
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_trip),
		TEST(round_trip_of_nothing),
		TEST(the_bytes_of_a_batch),
		TEST(nonces_differ),
		TEST(too_large_to_send),
		TEST(too_good_to_send),
		TEST(every_byte_counts),
		TEST(every_length_counts),
		TEST(low_order_keys),
		TEST(another_collector),
		TEST(bombs),
		TEST(the_inflated_limit),
		TEST(several_members),
		TEST(many_members),
		TEST(broken_gzip),
		TEST(total_size),
		TEST(protobuf),
		TEST(sequence_fields),
		TEST(client_ids),
		TEST(reasons_have_names),
		TEST(no_box_key_in_children),
	};

	return nc_keys_init() < 0 ? 1 : cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}
