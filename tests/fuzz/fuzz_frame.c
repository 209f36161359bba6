/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: what an authenticated peer may send, cut in two ways, and each message read. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	uint64_t hash;
	size_t longest;
};

static void must(bool right)
{
	if (!right)
		abort();
}

static void mix(struct seen *s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->hash = (s->hash ^ p[i]) * 0x100000001b3;
}

/* Packed and taken again. The library may write unknown fields so that it does not read them any more: nothing of ours sends on
 * what it got. */
static void again(enum nc_frame_type type, const ProtobufCMessage *m)
{
	struct nc_buf b = { .max = 4 * NC_FRAME_MESSAGE_MAX };

	if (nc_frame_pack(m, &b) == 0) {
		ProtobufCMessage *back = nc_frame_unpack(type, b.data, b.len);
		if (back)
			protobuf_c_message_free_unpacked(back, NULL);
	}
	nc_buf_free(&b);
}

static void agree(const Session__Hello *h)
{
	struct nc_buf why = { .max = 1024 };
	uint32_t version = nc_session_agree(h, "sensor", &why);

	must((version == 0) == (why.len > 0));
	nc_buf_free(&why);
}

static int on_frame(void *user, enum nc_frame_type type, const uint8_t *p, size_t n)
{
	struct seen *s = user;
	struct nc_block_info info;
	uint8_t t = (uint8_t)type;

	must(nc_frame_name(t) != NULL);
	mix(s, &t, 1);
	mix(s, p, n);
	s->longest = n > s->longest ? n : s->longest;
	if (type == NC_FRAME_BLOCK)
		(void)nc_block_info(p, n, &info);
	ProtobufCMessage *m = nc_frame_unpack(type, p, n);
	if (!m)
		return 0;
	if (type == NC_FRAME_HELLO)
		agree((const Session__Hello *)m);
	again(type, m);
	protobuf_c_message_free_unpacked(m, NULL);
	return 0;
}

/* In steps of `step` bytes; returns what came of it. */
static int feed(const uint8_t *p, size_t n, size_t step, struct seen *s, uint64_t *skipped)
{
	struct nc_frames f = { .left = 0 };
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < n; at += step) {
		rc = nc_frames_feed(&f, p + at, n - at < step ? n - at : step, on_frame, s);
		must(f.partial.len <= at + step);
		nc_frames_trim(&f);
	}
	*skipped = f.skipped;
	nc_frames_free(&f);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct seen whole = { .hash = 1 }, parts = { .hash = 1 };
	uint64_t skipped[2];

	if (n == 0)
		return 0;
	size_t step = data[0] % 61u + 1;
	int rc = feed(data + 1, n - 1, n, &whole, &skipped[0]);
	must(feed(data + 1, n - 1, step, &parts, &skipped[1]) == rc);
	must(whole.hash == parts.hash && whole.longest == parts.longest && skipped[0] == skipped[1]);
	return 0;
}
