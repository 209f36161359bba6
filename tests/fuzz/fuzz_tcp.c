/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: TCP segments to the reassembly, with all stream readers and one that does whatever it is told. Input: segments one
 * after the other, each a head of 8 bytes (see segment()) and its bytes. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "../unit/tape.h"

#define SEGMENTS_MAX 4096u
#define SECOND       INT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* --- a reader that is told by the bytes what to do ---------------------------------------------------------------------------
 */

struct chaos {
	bool ended;
	void *memory;
};

static enum nc_guess chaos_probe(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	if (p[0] != 'X')
		return NC_GUESS_NO;
	return n < 3 ? NC_GUESS_MORE : NC_GUESS_YES;
}

static size_t chaos_data(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns)
{
	struct chaos *c = s->state;
	Types__HTTP m = TYPES__HTTP__INIT;

	(void)ts_ns;
	if (n == 0 || n > (size_t)NC_STREAM_PENDING * 2 || c->ended)
		abort();
	switch (p[0]) {
	case 'w':
		nc_stream_want(s, dir, (size_t)p[n - 1] * 8);
		return 0;
	case 's':
		nc_stream_skip(s, dir, p[n - 1]);
		break;
	case 'S':
		nc_stream_skip(s, !dir, p[n - 1] == 0xff ? UINT64_MAX : (uint64_t)p[n - 1] << 24);
		break;
	case 'q':
		nc_stream_stop(s);
		break;
	case 'a':
		nc_stream_again(s);
		return 1;
	case 'm':
		nc_stream_free(s, c->memory);
		c->memory = nc_stream_alloc(s, (size_t)p[n - 1] * 4096);
		if (c->memory)
			memset(c->memory, p[0], (size_t)p[n - 1] * 4096);
		break;
	case 'r':
		m.host = nc_stream_str(s, p, n);
		m.srcip = nc_stream_ip(s, 0);
		nc_stream_record(s, &m.base, s->now_ns);
		nc_stream_bad(s, "told so");
		break;
	case 'h':
		return n / 2;
	case '0':
		return 0;
	default:
		break;
	}
	return n;
}

static void chaos_gap(struct nc_stream *s, unsigned dir, uint64_t n)
{
	if (n == 0 || ((struct chaos *)s->state)->ended)
		abort();
	if (n % 16 == 7)
		nc_stream_skip(s, dir, n);
	if (n % 16 == 8)
		nc_stream_stop(s);
	if (n % 16 == 9)
		nc_stream_again(s);
}

static void chaos_end(struct nc_stream *s)
{
	struct chaos *c = s->state;

	if (c->ended)
		abort();
	c->ended = true;
	nc_stream_free(s, c->memory);
}

static const ProtobufCMessageDescriptor *const chaos_records[] = { &types__http__descriptor, NULL };
static const struct nc_stream_reader chaos = {
	.name = "chaos", .state_size = sizeof(struct chaos), .ports = (const uint16_t[]){ 80, 0 }, .pending_max = 2048,
	.probe = chaos_probe, .data = chaos_data, .gap = chaos_gap, .end = chaos_end, .records = chaos_records,
};

/* --- segments ----------------------------------------------------------------------------------------------------------------
 */

struct target {
	struct tape tape;
	int64_t now;
};

/* What stands in the head: direction, connection and version; how time goes on; flags, of which the upper three bits say that the
 * numbers are large, that the last bytes are missing, and that idle streams are looked for; place; acknowledgement; length. */
static bool segment(struct target *t, struct nc_rd *r)
{
	static const int64_t steps[4] = { 0, SECOND, 61 * SECOND, -SECOND };
	uint8_t who = nc_rd_u8(r), flags = nc_rd_u8(r);
	uint32_t at = nc_rd_be16(r), ack = nc_rd_be16(r), len = nc_rd_be16(r);
	unsigned d = who & 1;
	const struct tape_end ends[2] = {
		{ 0x0a000001, (uint16_t)(1000 + (who >> 1 & 3)) },
		{ 0x0a000002, who & 64 ? 443 : 80 },
	};

	if (r->failed)
		return false;
	if (len > r->left)
		len = (uint32_t)r->left;
	t->now += steps[who >> 4 & 3];
	struct nc_segment s = {
		.seq = (d ? 0x7ffffff0 : 0xfffffff0) + (flags & 0x80 ? at << 16 : at),
		.ack = (d ? 0xfffffff0 : 0x7ffffff0) + (flags & 0x80 ? ack << 16 : ack), .flags = flags & 0x1f, .len = len,
	};
	s.data = nc_rd_bytes(r, len);
	if (flags & 0x40) {
		s.missing = s.len / 2;
		s.len -= s.missing;
	}
	if (tape_segment(&t->tape, who & 8 ? 6 : 4, &ends[d], &ends[!d], t->now, &s) > nc_stream_readers_count + 1)
		abort();
	if (flags & 0x20)
		nc_tcp_sweep(t->tape.tcp, t->now);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct nc_stream_reader *readers[NC_STREAM_READERS_MAX] = { &chaos };
	struct target t = { .now = 1000 * SECOND };
	struct nc_rd r = nc_rd_over(data, n);

	for (size_t i = 0; i < nc_stream_readers_count; i++)
		readers[i + 1] = nc_stream_readers[i];
	if (!tape_open(&t.tape, nc_tcp_min(), 60 * SECOND, readers, nc_stream_readers_count + 1))
		abort();
	for (unsigned i = 0; i < SEGMENTS_MAX && r.left > 0 && segment(&t, &r); i++)
		continue;
	nc_tcp_end(t.tape.tcp);
	if (nc_tcp_used(t.tape.tcp) != 0 || t.tape.counters.live != 0)
		abort();
	tape_close(&t.tape);
	return 0;
}
