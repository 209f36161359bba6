/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise: the published vectors, both roles, and that nothing that was changed, repeated or cut is taken. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include "base/text.h"
#include "wire/noise.h"

static const char wanted[] = "Noise_IKpsk2_25519_ChaChaPoly_SHA256";

struct pair {
	struct nc_keypair keys[4]; /* static and ephemeral, initiator's and responder's */
	struct nc_noise *noise[2];
};

/* --- helpers ---------------------------------------------------------------------------------------------------- */

static size_t unhex(uint8_t *out, size_t room, const char *hex)
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= room);
	assert_true(nc_text_unhex(out, n, hex));
	return n;
}

static size_t field(const json_t *o, const char *name, uint8_t *out, size_t room)
{
	return unhex(out, room, json_string_value(json_object_get(o, name)));
}

static void private_key(struct nc_keypair *k, const uint8_t priv[static NC_KEY_LEN])
{
	memcpy(k->priv, priv, NC_KEY_LEN);
	assert_int_equal(crypto_scalarmult_curve25519_base(k->pub, k->priv), 0);
}

static void pair_of(struct pair *p, const uint8_t *psk, const void *prologue, size_t n)
{
	for (unsigned i = 0; i < 2; i++) {
		struct nc_noise_options o = {
			.role = i ? NC_NOISE_RESPONDER : NC_NOISE_INITIATOR,
			.own = &p->keys[2 * i],
			.peer = i ? NULL : p->keys[2].pub,
			.psk = psk,
			.prologue = prologue,
			.prologue_len = n,
			.ephemeral = &p->keys[2 * i + 1],
		};
		p->noise[i] = nc_noise_new(&o);
		assert_non_null(p->noise[i]);
	}
}

static void free_pair(struct pair *p)
{
	nc_noise_free(p->noise[0]);
	nc_noise_free(p->noise[1]);
}

/* Two sides with keys that are always the same. */
static void fresh(struct pair *p)
{
	uint8_t seed[NC_KEY_LEN];

	for (unsigned i = 0; i < 4; i++) {
		memset(seed, (int)i + 1, sizeof(seed));
		private_key(&p->keys[i], seed);
	}
	pair_of(p, NULL, "prologue", 8);
}

/* The two messages of a handshake with the payloads "one" and "two". */
static void record(struct nc_buf message[static 2])
{
	struct pair p;
	struct nc_buf got = { .max = 1024 };

	fresh(&p);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(nc_noise_write(p.noise[i], i ? "two" : "one", 3, &message[i]), 0);
		assert_int_equal(nc_noise_read(p.noise[1 - i], message[i].data, message[i].len, &got), 0);
	}
	assert_int_equal(got.len, 6);
	assert_memory_equal(got.data, "onetwo", 6);
	nc_buf_free(&got);
	free_pair(&p);
}

static void shake(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		struct nc_buf b = { .max = 1024 }, got = { .max = 1024 };
		assert_int_equal(nc_noise_write(p->noise[i], NULL, 0, &b), 0);
		assert_int_equal(nc_noise_read(p->noise[1 - i], b.data, b.len, &got), 0);
		nc_buf_free(&b);
		nc_buf_free(&got);
	}
	assert_true(nc_noise_done(p->noise[0]) && nc_noise_done(p->noise[1]));
}

/* --- published vectors ------------------------------------------------------------------------------------------ */

static void vector_message(struct pair *p, size_t i, const json_t *m)
{
	uint8_t payload[512], cipher[512];
	size_t n = field(m, "payload", payload, sizeof(payload)), c = field(m, "ciphertext", cipher, sizeof(cipher));
	struct nc_noise *from = p->noise[i % 2], *to = p->noise[1 - i % 2];
	struct nc_buf b = { .max = 1024 }, got = { .max = 1024 };

	if (i < 2) {
		assert_int_equal(nc_noise_write(from, payload, n, &b), 0);
		assert_int_equal(nc_noise_read(to, b.data, b.len, &got), 0);
	} else {
		b.len = n + NC_NOISE_TAG;
		assert_non_null(nc_buf_reserve(&b, b.len) ? b.data : NULL);
		assert_int_equal(nc_noise_seal(from, b.data, payload, n), 0);
		assert_non_null(nc_buf_reserve(&got, n));
		assert_int_equal(nc_noise_open(to, got.data, b.data, b.len), 0);
		got.len = n;
	}
	assert_int_equal(b.len, c);
	assert_memory_equal(b.data, cipher, c);
	assert_int_equal(got.len, n);
	assert_memory_equal(got.data, payload, n);
	nc_buf_free(&b);
	nc_buf_free(&got);
}

static void run_vector(const json_t *v)
{
	static const char *const keys[] = { "init_static", "init_ephemeral", "resp_static", "resp_ephemeral" };
	uint8_t psk[NC_NOISE_PSK_LEN], prologue[256], bytes[NC_KEY_LEN];
	const json_t *messages = json_object_get(v, "messages"), *m;
	struct pair p;
	size_t i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(field(v, keys[i], bytes, sizeof(bytes)), NC_KEY_LEN);
		private_key(&p.keys[i], bytes);
	}
	assert_int_equal(field(v, "init_remote_static", bytes, sizeof(bytes)), NC_KEY_LEN);
	assert_memory_equal(bytes, p.keys[2].pub, NC_KEY_LEN);
	size_t n = field(v, "init_prologue", prologue, sizeof(prologue));
	unhex(psk, sizeof(psk), json_string_value(json_array_get(json_object_get(v, "init_psks"), 0)));
	pair_of(&p, psk, prologue, n);
	json_array_foreach(messages, i, m)
		vector_message(&p, i, m);
	assert_true(i >= 4);
	field(v, "handshake_hash", bytes, sizeof(bytes));
	for (i = 0; i < 2; i++)
		assert_memory_equal(nc_noise_hash(p.noise[i]), bytes, NC_NOISE_HASH_LEN);
	assert_memory_equal(nc_noise_peer(p.noise[1]), p.keys[0].pub, NC_KEY_LEN);
	free_pair(&p);
}

static void published_vectors(void **state)
{
	const char *shared = getenv("NC_SHARED");
	char path[512];
	unsigned seen = 0;
	size_t i;
	json_t *v;

	(void)state;
	snprintf(path, sizeof(path), "%s/vectors/noise-ik.json", shared ? shared : "../shared");
	json_t *all = json_load_file(path, 0, NULL);
	if (!all) {
		print_message("%s is not there\n", path);
		skip();
	}
	json_array_foreach(json_object_get(all, "vectors"), i, v) {
		if (strcmp(json_string_value(json_object_get(v, "protocol_name")), wanted) != 0)
			continue;
		run_vector(v);
		seen++;
	}
	assert_true(seen > 0);
	json_decref(all);
}

/* --- what must be refused --------------------------------------------------------------------------------------- */

/* Reads a handshake message on a side that expects it; the message of the responder needs the initiator that asked. */
static int read_recorded(unsigned which, const uint8_t *p, size_t n)
{
	struct pair two;
	struct nc_buf sent = { .max = 1024 }, got = { .max = 1024 };

	fresh(&two);
	if (which)
		assert_int_equal(nc_noise_write(two.noise[0], "one", 3, &sent), 0);
	int rc = nc_noise_read(two.noise[1 - which], p, n, &got);
	if (rc) {
		assert_int_equal(got.len, 0);
		assert_int_equal(nc_noise_read(two.noise[1 - which], p, n, &got), -EPROTO);
		assert_int_equal(nc_noise_write(two.noise[1 - which], NULL, 0, &sent), -EPROTO);
		assert_false(nc_noise_done(two.noise[1 - which]));
	}
	nc_buf_free(&sent);
	nc_buf_free(&got);
	free_pair(&two);
	return rc;
}

static void refuses_changed_handshakes(void **state)
{
	struct nc_buf m[2] = { { .max = 1024 }, { .max = 1024 } };

	(void)state;
	record(m);
	assert_int_equal(m[0].len, NC_NOISE_FIRST + 3);
	assert_int_equal(m[1].len, NC_NOISE_SECOND + 3);
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(read_recorded(k, m[k].data, m[k].len), 0);
		for (size_t i = 0; i < m[k].len; i++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				/* X25519 takes no notice of the highest bit (RFC 7748 section 5), but the hash does */
				m[k].data[i] ^= (uint8_t)(1u << bit);
				assert_true(read_recorded(k, m[k].data, m[k].len) < 0);
				m[k].data[i] ^= (uint8_t)(1u << bit);
			}
			assert_true(read_recorded(k, m[k].data, i) < 0);
		}
		nc_buf_u8(&m[k], 0);
		assert_int_equal(read_recorded(k, m[k].data, m[k].len), -EBADMSG);
		nc_buf_free(&m[k]);
	}
}

static void refuses_changed_data(void **state)
{
	static const char text[] = "a block";
	uint8_t sealed[sizeof(text) + NC_NOISE_TAG], changed[sizeof(sealed)], plain[sizeof(text)];
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(sealed) * 8; i++) {
		fresh(&p);
		shake(&p);
		assert_int_equal(nc_noise_seal(p.noise[0], sealed, (const uint8_t *)text, sizeof(text)), 0);
		memcpy(changed, sealed, sizeof(sealed));
		changed[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(nc_noise_open(p.noise[1], plain, changed, sizeof(changed)), -EBADMSG);
		/* and nothing after it */
		assert_int_equal(nc_noise_open(p.noise[1], plain, sealed, sizeof(sealed)), -EPROTO);
		free_pair(&p);
	}
}

static int open_after(unsigned first, unsigned second)
{
	uint8_t sealed[3][8 + NC_NOISE_TAG], plain[8];
	struct pair p;

	fresh(&p);
	shake(&p);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(nc_noise_seal(p.noise[0], sealed[i], (const uint8_t *)"12345678", 8), 0);
	int rc = nc_noise_open(p.noise[1], plain, sealed[first], sizeof(sealed[0]));
	if (rc == 0)
		rc = nc_noise_open(p.noise[1], plain, sealed[second], sizeof(sealed[0]));
	free_pair(&p);
	return rc;
}

static void refuses_repeated_and_swapped_data(void **state)
{
	(void)state;
	assert_int_equal(open_after(0, 1), 0);
	assert_int_equal(open_after(0, 0), -EBADMSG);
	assert_int_equal(open_after(0, 2), -EBADMSG);
	assert_int_equal(open_after(1, 0), -EBADMSG);
}

static void refuses_own_data(void **state)
{
	uint8_t sealed[8 + NC_NOISE_TAG], plain[8];
	struct pair p;

	(void)state;
	fresh(&p);
	shake(&p);
	assert_int_equal(nc_noise_seal(p.noise[0], sealed, (const uint8_t *)"12345678", 8), 0);
	assert_int_equal(nc_noise_open(p.noise[0], plain, sealed, sizeof(sealed)), -EBADMSG);
	free_pair(&p);
}

static void needs_the_same_psk_and_prologue(void **state)
{
	uint8_t psk[NC_NOISE_PSK_LEN] = { 1 };
	struct nc_buf m[2] = { { .max = 1024 }, { .max = 1024 } }, got = { .max = 1024 };
	struct pair p;

	(void)state;
	fresh(&p);
	assert_int_equal(nc_noise_write(p.noise[0], NULL, 0, &m[0]), 0);
	/* the responder knows by now who it is, and that there is a key for it */
	assert_int_equal(nc_noise_read(p.noise[1], m[0].data, m[0].len, &got), 0);
	nc_noise_psk(p.noise[1], psk);
	assert_int_equal(nc_noise_write(p.noise[1], NULL, 0, &m[1]), 0);
	assert_int_equal(nc_noise_read(p.noise[0], m[1].data, m[1].len, &got), -EBADMSG);
	free_pair(&p);
	pair_of(&p, NULL, "prologuf", 8);
	assert_int_equal(nc_noise_read(p.noise[1], m[0].data, m[0].len, &got), -EBADMSG);
	free_pair(&p);
	nc_buf_free(&m[0]);
	nc_buf_free(&m[1]);
	nc_buf_free(&got);
}

static void refuses_low_order_points(void **state)
{
	static const uint8_t one[NC_KEY_LEN] = { 1 };
	struct nc_buf out = { .max = 1024 };
	uint8_t message[NC_NOISE_FIRST] = { 0 };
	struct pair p;

	(void)state;
	fresh(&p);
	free_pair(&p);
	memcpy(p.keys[2].pub, one, NC_KEY_LEN);
	pair_of(&p, NULL, "prologue", 8);
	assert_int_equal(nc_noise_write(p.noise[0], NULL, 0, &out), -EPROTO);
	assert_int_equal(out.len, 0);
	assert_int_equal(nc_noise_read(p.noise[1], message, sizeof(message), &out), -EPROTO);
	nc_buf_free(&out);
	free_pair(&p);
}

static void keeps_turns_and_limits(void **state)
{
	static uint8_t large[NC_NOISE_MAX + 1];
	struct nc_buf out = { .max = 70000 };
	struct pair p;

	(void)state;
	fresh(&p);
	assert_int_equal(nc_noise_write(p.noise[1], NULL, 0, &out), -EPROTO);
	assert_int_equal(nc_noise_read(p.noise[0], large, 96, &out), -EPROTO);
	assert_int_equal(nc_noise_seal(p.noise[0], large, large, 1), -EPROTO);
	assert_int_equal(nc_noise_open(p.noise[0], large, large, 17), -EPROTO);
	assert_null(nc_noise_peer(p.noise[1]));
	assert_null(nc_noise_hash(p.noise[0]));
	assert_int_equal(nc_noise_write(p.noise[0], large, NC_NOISE_MAX - NC_NOISE_FIRST + 1, &out), -EMSGSIZE);
	shake(&p);
	assert_int_equal(nc_noise_write(p.noise[0], NULL, 0, &out), -EPROTO);
	assert_int_equal(nc_noise_seal(p.noise[0], large, large, NC_NOISE_PLAIN_MAX + 1), -EMSGSIZE);
	assert_int_equal(nc_noise_seal(p.noise[0], large, large, NC_NOISE_PLAIN_MAX), 0);
	assert_int_equal(nc_noise_open(p.noise[1], large, large, NC_NOISE_MAX), 0);
	for (size_t i = 0; i < NC_NOISE_PLAIN_MAX; i++)
		assert_int_equal(large[i], 0);
	assert_int_equal(nc_noise_open(p.noise[1], large, large, NC_NOISE_TAG - 1), -EBADMSG);
	free_pair(&p);
	nc_buf_free(&out);
}

static void draws_ephemeral_keys(void **state)
{
	struct pair p;
	struct nc_buf out = { .max = 1024 };

	(void)state;
	fresh(&p);
	struct nc_noise_options o = { .role = NC_NOISE_INITIATOR, .own = &p.keys[0], .peer = p.keys[2].pub };
	for (unsigned i = 0; i < 2; i++) {
		struct nc_noise *n = nc_noise_new(&o);
		assert_int_equal(nc_noise_write(n, NULL, 0, &out), 0);
		nc_noise_free(n);
	}
	assert_memory_not_equal(out.data, out.data + NC_NOISE_FIRST, NC_KEY_LEN);
	o.peer = NULL;
	assert_null(nc_noise_new(&o));
	nc_buf_free(&out);
	free_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(refuses_changed_handshakes),
		cmocka_unit_test(refuses_changed_data),
		cmocka_unit_test(refuses_repeated_and_swapped_data),
		cmocka_unit_test(refuses_own_data),
		cmocka_unit_test(needs_the_same_psk_and_prologue),
		cmocka_unit_test(refuses_low_order_points),
		cmocka_unit_test(keeps_turns_and_limits),
		cmocka_unit_test(draws_ephemeral_keys),
	};

	if (nc_keys_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
