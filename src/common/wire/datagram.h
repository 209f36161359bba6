/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 2019 datagram: public key, nonce, NaCl box around a gzip'd Batch. Moves bytes, knows no record type. */
#ifndef NC_WIRE_DATAGRAM_H
#define NC_WIRE_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/keys.h"

#define NC_DATAGRAM_MAX        65535u /* accepted */
#define NC_DATAGRAM_SEND_MAX   10240u /* sent */
#define NC_DATAGRAM_BATCH_DATA 10240u /* bytes of records in a batch, before compression */
#define NC_DATAGRAM_INFLATED_MAX (1024u * 1024u)
#define NC_DATAGRAM_RATIO_MAX  200u

/* A batch; fields 1000 to 1002 are ours and 0 from others. */
struct nc_batch {
	char client_id[256]; /* as received, cut; never a path, escape before printing */
	uint32_t type;
	const uint8_t *data; /* delimited records */
	size_t len;
	bool contains_payloads;
	bool has_sequence;   /* fields 1000.. were there */
	uint64_t epoch;          /* random at each start of the sensor */
	uint64_t sequence;       /* of the sensor's batches of all types, from 1 within the epoch */
	uint64_t records_before; /* records of this type in the epoch's earlier batches; Header messages are not counted */
};

/* Why a datagram is refused; X-macro so that counters, names and tests come from one list. */
#define NC_DATAGRAM_REASONS(X) \
	X(NC_DG_OK, "ok") X(NC_DG_SHORT, "short") X(NC_DG_UNKNOWN_KEY, "unknown-key") X(NC_DG_BOX, "box") \
	X(NC_DG_GZIP, "gzip") X(NC_DG_TOO_LARGE, "too-large") X(NC_DG_RATIO, "ratio") X(NC_DG_BATCH, "batch") \
	X(NC_DG_TOTAL_SIZE, "total-size") X(NC_DG_TYPE, "type") X(NC_DG_RECORD, "record") X(NC_DG_REPEATED, "repeated") \
	X(NC_DG_STORE, "store")
enum nc_datagram_reason {
#define X(id, text) id,
	NC_DATAGRAM_REASONS(X)
#undef X
	NC_DG_REASONS_COUNT
};
const char *nc_datagram_reason_text(enum nc_datagram_reason r);

struct nc_datagram; /* working memory of one sender or receiver: compressor, inflater, buffers */
struct nc_datagram *nc_datagram_new(void);
void nc_datagram_free(struct nc_datagram *d);

/* Seals a batch: out is replaced by the datagram. 0; -EMSGSIZE when it would exceed NC_DATAGRAM_SEND_MAX (send it in halves: a
 * batch that doesn't compress, or so well that it can't be sent compressed); -EINVAL when peer is no key; -ENOMEM. */
int nc_datagram_seal(struct nc_datagram *d, const struct nc_batch *b, const struct nc_keypair *own,
                     const uint8_t peer[static NC_KEY_LEN], struct nc_buf *out);
/* The sender's public key (first 32 bytes) and nonce (next 24) of a datagram, NULL when it is too short. */
const uint8_t *nc_datagram_sender(const uint8_t *p, size_t n);
const uint8_t *nc_datagram_nonce(const uint8_t *p, size_t n);
/* Opens a datagram; ret->data points into d until the next call. NC_DG_OK, SHORT, BOX, GZIP, TOO_LARGE, RATIO, BATCH or
 * TOTAL_SIZE. */
enum nc_datagram_reason nc_datagram_open(struct nc_datagram *d, const struct nc_keypair *own, const uint8_t *p, size_t n,
                                         struct nc_batch *ret);

/* Nonces of the last hour, bounded (the oldest go first): true when (key, nonce) was not there yet and is now. */
struct nc_replay;
struct nc_replay *nc_replay_new(size_t max);
void nc_replay_free(struct nc_replay *r);
/* now_ns is monotonic. Only for datagrams whose box opened: anybody can invent nonces. */
bool nc_replay_check(struct nc_replay *r, const uint8_t key[static NC_KEY_LEN], const uint8_t nonce[static 24], int64_t now_ns);

#endif
