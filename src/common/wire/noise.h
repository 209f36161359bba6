/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise_IKpsk2_25519_ChaChaPoly_SHA256 (The Noise Protocol Framework, revision 34), both roles, over buffers only. */
#ifndef NC_WIRE_NOISE_H
#define NC_WIRE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/keys.h"

#define NC_NOISE_MAX       65535u /* of any message (section 3) */
#define NC_NOISE_TAG       16u
#define NC_NOISE_PLAIN_MAX (NC_NOISE_MAX - NC_NOISE_TAG)
#define NC_NOISE_PSK_LEN   32u
#define NC_NOISE_HASH_LEN  32u
#define NC_NOISE_FIRST     96u /* bytes of the first handshake message beside its payload: e, s and its tag, a tag */
#define NC_NOISE_SECOND    48u /* of the second: e, a tag */

enum nc_noise_role { NC_NOISE_INITIATOR, NC_NOISE_RESPONDER };

struct nc_noise_options {
	enum nc_noise_role role;
	const struct nc_keypair *own;       /* copied */
	const uint8_t *peer;                /* NC_KEY_LEN; of the initiator only: the responder's public key */
	const uint8_t *psk;                 /* NC_NOISE_PSK_LEN, or NULL: zeros */
	const void *prologue;
	size_t prologue_len;
	const struct nc_keypair *ephemeral; /* for tests with known keys; NULL: drawn when it is needed */
};

/* One handshake and the two cipher states that come out of it. Any failure ends it: from then on everything is -EPROTO. */
struct nc_noise;

/* Memory for secrets (nc_keys_memory); NULL when it is short, or when the initiator was given no peer. */
struct nc_noise *nc_noise_new(const struct nc_noise_options *o);
/* Wipes and frees; nc_noise_free(NULL) does nothing. */
void nc_noise_free(struct nc_noise *n);
/* The pre-shared key can be set until the second message is written or read: the responder knows who it is only after the first.
 */
void nc_noise_psk(struct nc_noise *n, const uint8_t psk[static NC_NOISE_PSK_LEN]);

/* The next handshake message of this side with this payload, appended to out. The initiator writes the first and reads the
 * second, the responder the other way round. 0; -EMSGSIZE: it would be longer than NC_NOISE_MAX; -ENOMEM; -EPROTO: not its turn,
 * or the peer's key is of low order. */
int nc_noise_write(struct nc_noise *n, const void *payload, size_t len, struct nc_buf *out);
/* Reads the other side's; its payload is appended to out, which must have a limit. 0; -EBADMSG: it is not what the peer wrote, or
 * not for us; -ENOMEM; -EPROTO. */
int nc_noise_read(struct nc_noise *n, const uint8_t *p, size_t len, struct nc_buf *out);
/* Both messages have passed: sealing and opening is possible. */
bool nc_noise_done(const struct nc_noise *n);
/* The other side's static public key; the responder's answer is NULL before the first message. */
const uint8_t *nc_noise_peer(const struct nc_noise *n);
/* The handshake hash h (section 11.2), which names this session; NULL before the end of the handshake. */
const uint8_t *nc_noise_hash(const struct nc_noise *n);

/* A transport message of len + NC_NOISE_TAG bytes at dst; p may be dst. 0; -EMSGSIZE: len is beyond NC_NOISE_PLAIN_MAX; -EPROTO:
 * before the handshake's end, or after 2^64 - 1 messages. */
int nc_noise_seal(struct nc_noise *n, uint8_t *dst, const uint8_t *p, size_t len);
/* Opens one of len bytes into len - NC_NOISE_TAG bytes at dst; p may be dst. Messages open only once and in their order. 0,
 * -EBADMSG, -EPROTO. */
int nc_noise_open(struct nc_noise *n, uint8_t *dst, const uint8_t *p, size_t len);

#endif
