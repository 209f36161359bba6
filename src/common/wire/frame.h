/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: what the byte stream inside a session's Noise messages consists of. Layout in docs/session.md. */
#ifndef NC_WIRE_FRAME_H
#define NC_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "block/block.h"
#include "session.pb-c.h"

#define NC_SESSION_VERSION     1u /* of the frames; what both sides speak is agreed by HELLO */
#define NC_FRAME_HEADER        4u /* type u8, length u24 little endian */
#define NC_FRAME_LENGTH_MAX    0xffffffu
#define NC_FRAME_MESSAGE_MAX   (64u * 1024u) /* of a frame that is no block */
#define NC_FRAME_SEALED_HEAD   16u           /* epoch u64, seq u64, little endian, before a sealed block */
#define NC_FRAME_SEAL          48u           /* what crypto_box_seal adds to a block */
#define NC_FRAME_RANGES_MAX    1024u         /* in one ACK */
#define NC_FRAME_INTERFACES_MAX 64u          /* in one HELLO */

enum nc_frame_type {
	NC_FRAME_HELLO = 1,
	NC_FRAME_BLOCK = 2,
	NC_FRAME_ACK = 3,
	NC_FRAME_REJECT = 4,
	NC_FRAME_COMMAND = 5,
	NC_FRAME_REPLY = 6,
	NC_FRAME_LEDGER = 7,
	NC_FRAME_PING = 8,
	NC_FRAME_CLOSE = 9,
	NC_FRAME_SEALED = 10,
	NC_FRAME_NEXT_KEY = 11,
	NC_FRAME_KEY_KEPT = 12,
	NC_FRAME_TYPES
};

/* "hello"; NULL for a type that is not known. */
const char *nc_frame_name(uint8_t type);
/* Writes the header of a frame (len <= NC_FRAME_LENGTH_MAX). */
void nc_frame_header(uint8_t out[static NC_FRAME_HEADER], uint8_t type, size_t len);

/* Cuts a byte stream into frames. Zero-initialise. */
struct nc_frames {
	uint8_t head[NC_FRAME_HEADER];
	size_t head_len;
	size_t left;           /* bytes of the frame that are still to come */
	bool in_frame, skip;
	struct nc_buf partial; /* what is there of a frame that came in parts */
	uint64_t skipped;      /* frames of unknown types */
};
/* One whole frame of a known type; its bytes live until the function returns. 0, or a negative errno that ends nc_frames_feed. */
typedef int (*nc_frame_fn)(void *user, enum nc_frame_type type, const uint8_t *p, size_t n);
/* Takes the next n bytes and calls fn for each frame that is complete. No memory is taken beyond what came, and none for a frame
 * that is too long for its type. 0; -EMSGSIZE: such a frame; -ENOMEM; or what fn returned. */
int nc_frames_feed(struct nc_frames *f, const uint8_t *p, size_t n, nc_frame_fn fn, void *user);
/* Gives back memory that no frame is in. */
void nc_frames_trim(struct nc_frames *f);
void nc_frames_free(struct nc_frames *f);

/* The messages of proto/session.proto, checked: counts are within the limits above, ranges have from <= to, names and reasons
 * are at most 256 bytes, keys and proofs as long as they must be. NULL when they are not, or memory is short. Freed with
 * protobuf_c_message_free_unpacked. */
ProtobufCMessage *nc_frame_unpack(enum nc_frame_type type, const uint8_t *p, size_t n);
/* Appends the packed message to out; 0, -EMSGSIZE beyond NC_FRAME_MESSAGE_MAX, -ENOMEM. */
int nc_frame_pack(const ProtobufCMessage *m, struct nc_buf *out);

/* The highest version that both lists (ours: 1 to NC_SESSION_VERSION) hold; 0 when there is none, and then why holds a line that
 * says which side must be upgraded ("peer": the other one's word for itself, "sensor" or "collector"). */
uint32_t nc_session_agree(const Session__Hello *hello, const char *peer, struct nc_buf *why);

#endif
