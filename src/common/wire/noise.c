/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise_IKpsk2_25519_ChaChaPoly_SHA256 (The Noise Protocol Framework, revision 34), both roles, over buffers only. */
#include "config.h"

#include "wire/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/rd.h"

_Static_assert(NC_NOISE_HASH_LEN == crypto_auth_hmacsha256_BYTES, "HMAC-SHA256");
_Static_assert(NC_NOISE_HASH_LEN == crypto_auth_hmacsha256_KEYBYTES, "HMAC-SHA256");
_Static_assert(NC_NOISE_HASH_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "ChaCha20-Poly1305");
_Static_assert(NC_NOISE_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES, "ChaCha20-Poly1305");
_Static_assert(NC_KEY_LEN == crypto_scalarmult_curve25519_BYTES, "X25519");

/* longer than a hash, so that h begins as its hash (section 5.2) */
static const char protocol[] = "Noise_IKpsk2_25519_ChaChaPoly_SHA256";

/* Sections 7.5 and 9.4: IK with the pre-shared key behind the second message. */
enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS, TOKEN_PSK };
static const enum token pattern[2][5] = {
	{ TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS },
	{ TOKEN_E, TOKEN_EE, TOKEN_SE, TOKEN_PSK },
};

/* A CipherState (section 5.1). */
struct cipher {
	uint8_t key[NC_NOISE_HASH_LEN];
	uint64_t nonce;
};

struct nc_noise {
	enum nc_noise_role role;
	unsigned step; /* messages that have passed */
	bool failed, has_peer, has_ephemeral;
	uint8_t hash[NC_NOISE_HASH_LEN];
	uint8_t peer[NC_KEY_LEN];
	/* of the handshake; wiped at its end */
	struct {
		struct nc_keypair s, e;
		uint8_t re[NC_KEY_LEN];
		uint8_t psk[NC_NOISE_PSK_LEN];
		uint8_t ck[NC_NOISE_HASH_LEN];
		struct cipher cipher;
	} hs;
	struct cipher send, receive;
};

/* --- symmetric state (section 5.2) ------------------------------------------------------------------------------ */

static void mix_hash(struct nc_noise *n, const void *p, size_t len)
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, n->hash, sizeof(n->hash));
	crypto_hash_sha256_update(&st, p, len);
	crypto_hash_sha256_final(&st, n->hash);
}

/* HKDF of section 4.3 with HMAC-SHA256: the outputs stand one behind the other. */
static void hkdf(uint8_t *out, unsigned count, const uint8_t ck[static NC_NOISE_HASH_LEN], const uint8_t *ikm, size_t len)
{
	uint8_t temp[NC_NOISE_HASH_LEN], block[NC_NOISE_HASH_LEN + 1];
	size_t before = 0;

	crypto_auth_hmacsha256(temp, ikm, len, ck);
	for (unsigned i = 0; i < count; i++) {
		block[before] = (uint8_t)(i + 1);
		crypto_auth_hmacsha256(out + i * NC_NOISE_HASH_LEN, block, before + 1, temp);
		memcpy(block, out + i * NC_NOISE_HASH_LEN, NC_NOISE_HASH_LEN);
		before = NC_NOISE_HASH_LEN;
	}
	sodium_memzero(temp, sizeof(temp));
	sodium_memzero(block, sizeof(block));
}

static void set_key(struct cipher *c, const uint8_t key[static NC_NOISE_HASH_LEN])
{
	memcpy(c->key, key, sizeof(c->key));
	c->nonce = 0;
}

static void mix_key(struct nc_noise *n, const uint8_t ikm[static NC_KEY_LEN])
{
	uint8_t out[2][NC_NOISE_HASH_LEN];

	hkdf(out[0], 2, n->hs.ck, ikm, NC_KEY_LEN);
	memcpy(n->hs.ck, out[0], sizeof(n->hs.ck));
	set_key(&n->hs.cipher, out[1]);
	sodium_memzero(out, sizeof(out));
}

static void mix_key_and_hash(struct nc_noise *n, const uint8_t psk[static NC_NOISE_PSK_LEN])
{
	uint8_t out[3][NC_NOISE_HASH_LEN];

	hkdf(out[0], 3, n->hs.ck, psk, NC_NOISE_PSK_LEN);
	memcpy(n->hs.ck, out[0], sizeof(n->hs.ck));
	mix_hash(n, out[1], sizeof(out[1]));
	set_key(&n->hs.cipher, out[2]);
	sodium_memzero(out, sizeof(out));
}

/* 32 bits of zeros and the counter, little endian (section 12.3). The last value is kept for rekeying and never used. */
static bool take_nonce(struct cipher *c, uint8_t out[static crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
	if (c->nonce == UINT64_MAX)
		return false;
	memset(out, 0, 4);
	for (unsigned i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(c->nonce >> 8 * i);
	c->nonce++;
	return true;
}

static int seal(struct cipher *c, const uint8_t *ad, size_t ad_len, uint8_t *dst, const uint8_t *p, size_t len)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	if (!take_nonce(c, nonce))
		return -EPROTO;
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(dst, NULL, p, len, ad, ad_len, NULL, nonce, c->key);
	return 0;
}

static int open_sealed(struct cipher *c, const uint8_t *ad, size_t ad_len, uint8_t *dst, const uint8_t *p, size_t len)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	if (len < NC_NOISE_TAG)
		return -EBADMSG;
	if (!take_nonce(c, nonce))
		return -EPROTO;
	return crypto_aead_chacha20poly1305_ietf_decrypt(dst, NULL, NULL, p, len, ad, ad_len, nonce, c->key) == 0 ? 0 : -EBADMSG;
}

/* EncryptAndHash: appends len + NC_NOISE_TAG bytes. */
static int seal_and_hash(struct nc_noise *n, const void *p, size_t len, struct nc_buf *out)
{
	uint8_t *dst = nc_buf_reserve(out, len + NC_NOISE_TAG);

	if (!dst)
		return -ENOMEM;
	int rc = seal(&n->hs.cipher, n->hash, sizeof(n->hash), dst, p, len);
	if (rc)
		return rc;
	mix_hash(n, dst, len + NC_NOISE_TAG);
	out->len += len + NC_NOISE_TAG;
	return 0;
}

/* DecryptAndHash of len bytes into len - NC_NOISE_TAG bytes at dst. */
static int open_and_hash(struct nc_noise *n, uint8_t *dst, const uint8_t *p, size_t len)
{
	int rc = open_sealed(&n->hs.cipher, n->hash, sizeof(n->hash), dst, p, len);

	if (rc == 0)
		mix_hash(n, p, len);
	return rc;
}

/* --- tokens (section 5.3) --------------------------------------------------------------------------------------- */

/* A point of low order would make the secret known to everybody: refused. */
static int mix_dh(struct nc_noise *n, const uint8_t priv[static NC_KEY_LEN], const uint8_t pub[static NC_KEY_LEN])
{
	uint8_t secret[NC_KEY_LEN];
	int rc = crypto_scalarmult_curve25519(secret, priv, pub) == 0 ? 0 : -EPROTO;

	if (rc == 0)
		mix_key(n, secret);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

/* The tokens that move no bytes. ES and SE name the initiator's key first. */
static int mix_token(struct nc_noise *n, enum token t)
{
	bool initiator = n->role == NC_NOISE_INITIATOR;

	switch (t) {
	case TOKEN_EE:
		return mix_dh(n, n->hs.e.priv, n->hs.re);
	case TOKEN_SS:
		return mix_dh(n, n->hs.s.priv, n->peer);
	case TOKEN_ES:
		return initiator ? mix_dh(n, n->hs.e.priv, n->peer) : mix_dh(n, n->hs.s.priv, n->hs.re);
	case TOKEN_SE:
		return initiator ? mix_dh(n, n->hs.s.priv, n->hs.re) : mix_dh(n, n->hs.e.priv, n->peer);
	case TOKEN_PSK:
		mix_key_and_hash(n, n->hs.psk);
		return 0;
	default:
		return -EPROTO;
	}
}

/* With pre-shared keys an ephemeral key is mixed into the chaining key, too (section 9.2). */
static void mix_ephemeral(struct nc_noise *n, const uint8_t pub[static NC_KEY_LEN])
{
	mix_hash(n, pub, NC_KEY_LEN);
	mix_key(n, pub);
}

static int write_token(struct nc_noise *n, enum token t, struct nc_buf *out)
{
	switch (t) {
	case TOKEN_E:
		if (!n->has_ephemeral)
			nc_keypair_generate(&n->hs.e);
		nc_buf_add(out, n->hs.e.pub, NC_KEY_LEN);
		mix_ephemeral(n, n->hs.e.pub);
		return out->failed ? -ENOMEM : 0;
	case TOKEN_S:
		return seal_and_hash(n, n->hs.s.pub, NC_KEY_LEN, out);
	default:
		return mix_token(n, t);
	}
}

static int read_token(struct nc_noise *n, enum token t, struct nc_rd *r)
{
	const uint8_t *p;

	switch (t) {
	case TOKEN_E:
		nc_rd_copy(r, n->hs.re, NC_KEY_LEN);
		mix_ephemeral(n, n->hs.re);
		return r->failed ? -EBADMSG : 0;
	case TOKEN_S:
		p = nc_rd_bytes(r, NC_KEY_LEN + NC_NOISE_TAG);
		if (!p)
			return -EBADMSG;
		n->has_peer = true;
		return open_and_hash(n, n->peer, p, NC_KEY_LEN + NC_NOISE_TAG);
	default:
		return mix_token(n, t);
	}
}

/* --- handshake -------------------------------------------------------------------------------------------------- */

struct nc_noise *nc_noise_new(const struct nc_noise_options *o)
{
	struct nc_noise *n = o->role == NC_NOISE_INITIATOR && !o->peer ? NULL : nc_keys_memory(sizeof(*n));

	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->role = o->role;
	n->hs.s = *o->own;
	if (o->role == NC_NOISE_INITIATOR) {
		memcpy(n->peer, o->peer, sizeof(n->peer));
		n->has_peer = true;
	}
	if (o->psk)
		nc_noise_psk(n, o->psk);
	if (o->ephemeral) {
		n->hs.e = *o->ephemeral;
		n->has_ephemeral = true;
	}
	crypto_hash_sha256(n->hash, (const uint8_t *)protocol, sizeof(protocol) - 1);
	memcpy(n->hs.ck, n->hash, sizeof(n->hs.ck));
	mix_hash(n, o->prologue, o->prologue_len);
	/* the responder's static key, known before (pre-message) */
	mix_hash(n, o->role == NC_NOISE_INITIATOR ? n->peer : n->hs.s.pub, NC_KEY_LEN);
	return n;
}

void nc_noise_free(struct nc_noise *n)
{
	sodium_free(n);
}

void nc_noise_psk(struct nc_noise *n, const uint8_t psk[static NC_NOISE_PSK_LEN])
{
	memcpy(n->hs.psk, psk, sizeof(n->hs.psk));
}

static int fail(struct nc_noise *n, int code)
{
	sodium_memzero(&n->hs, sizeof(n->hs));
	sodium_memzero(&n->send, sizeof(n->send));
	sodium_memzero(&n->receive, sizeof(n->receive));
	n->failed = true;
	return code;
}

/* Split (section 5.2), after the second message. */
static void step(struct nc_noise *n)
{
	uint8_t out[2][NC_NOISE_HASH_LEN];

	if (++n->step < 2)
		return;
	hkdf(out[0], 2, n->hs.ck, NULL, 0);
	set_key(&n->send, out[n->role == NC_NOISE_INITIATOR ? 0 : 1]);
	set_key(&n->receive, out[n->role == NC_NOISE_INITIATOR ? 1 : 0]);
	sodium_memzero(out, sizeof(out));
	sodium_memzero(&n->hs, sizeof(n->hs));
}

/* Whether the next handshake message is the initiator's (or the responder's). */
static bool turn_of(const struct nc_noise *n, enum nc_noise_role role)
{
	return !n->failed && n->step < 2 && (n->step == 0) == (role == NC_NOISE_INITIATOR);
}

int nc_noise_write(struct nc_noise *n, const void *payload, size_t len, struct nc_buf *out)
{
	size_t before = out->len;
	int rc = 0;

	if (!turn_of(n, n->role))
		return -EPROTO;
	if (len > NC_NOISE_MAX - (n->step == 0 ? NC_NOISE_FIRST : NC_NOISE_SECOND))
		return -EMSGSIZE;
	for (const enum token *t = pattern[n->step]; rc == 0 && *t != TOKEN_END; t++)
		rc = write_token(n, *t, out);
	if (rc == 0)
		rc = seal_and_hash(n, payload, len, out);
	if (rc) {
		out->len = before;
		return fail(n, rc);
	}
	step(n);
	return 0;
}

static int read_payload(struct nc_noise *n, struct nc_rd *r, struct nc_buf *out)
{
	size_t len = r->left;
	uint8_t *dst = len < NC_NOISE_TAG ? NULL : nc_buf_reserve(out, len - NC_NOISE_TAG + 1);

	if (!dst)
		return len < NC_NOISE_TAG ? -EBADMSG : -ENOMEM;
	int rc = open_and_hash(n, dst, nc_rd_bytes(r, len), len);
	if (rc == 0)
		out->len += len - NC_NOISE_TAG;
	return rc;
}

int nc_noise_read(struct nc_noise *n, const uint8_t *p, size_t len, struct nc_buf *out)
{
	struct nc_rd r = nc_rd_over(p, len);
	int rc = len > NC_NOISE_MAX ? -EBADMSG : 0;

	if (!turn_of(n, n->role == NC_NOISE_INITIATOR ? NC_NOISE_RESPONDER : NC_NOISE_INITIATOR))
		return -EPROTO;
	for (const enum token *t = pattern[n->step]; rc == 0 && *t != TOKEN_END; t++)
		rc = read_token(n, *t, &r);
	if (rc == 0)
		rc = read_payload(n, &r, out);
	if (rc)
		return fail(n, rc);
	step(n);
	return 0;
}

bool nc_noise_done(const struct nc_noise *n)
{
	return !n->failed && n->step == 2;
}

const uint8_t *nc_noise_peer(const struct nc_noise *n)
{
	return n->has_peer && !n->failed ? n->peer : NULL;
}

const uint8_t *nc_noise_hash(const struct nc_noise *n)
{
	return nc_noise_done(n) ? n->hash : NULL;
}

/* --- transport -------------------------------------------------------------------------------------------------- */

int nc_noise_seal(struct nc_noise *n, uint8_t *dst, const uint8_t *p, size_t len)
{
	if (!nc_noise_done(n))
		return -EPROTO;
	return len > NC_NOISE_PLAIN_MAX ? -EMSGSIZE : seal(&n->send, NULL, 0, dst, p, len);
}

int nc_noise_open(struct nc_noise *n, uint8_t *dst, const uint8_t *p, size_t len)
{
	if (!nc_noise_done(n))
		return -EPROTO;
	int rc = len > NC_NOISE_MAX ? -EBADMSG : open_sealed(&n->receive, NULL, 0, dst, p, len);
	return rc ? fail(n, rc) : 0;
}
