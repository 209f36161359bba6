/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: conversations for the HTTP reader, in pieces and with gaps; what is whole gives the same records however it is
 * cut. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "../unit/stream_driver.h"
#include "base/rd.h"

extern const struct nc_stream_reader nc_reader_http;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte's bits: what the stream is like. Then steps: a byte of bits, two of length, and the bytes, if it is no gap. */
enum { OPENED = 1, NO_MEMORY = 2 };
enum { SERVER = 1, GAP = 2 };

static bool step(struct nc_drive *d, struct nc_rd *r, size_t most, uint64_t *random, int64_t ts_ns, bool *gaps)
{
	uint8_t bits = nc_rd_u8(r);
	size_t n = nc_rd_be16(r);

	if (r->failed)
		return false;
	if (bits & GAP) {
		nc_drive_gap(d, bits & SERVER, n + 1);
		*gaps = true;
		return true;
	}
	n = n < r->left ? n : r->left;
	if (most == 0)
		nc_drive_give(d, bits & SERVER, nc_rd_bytes(r, n), n, ts_ns);
	else
		nc_drive_cut(d, bits & SERVER, nc_rd_bytes(r, n), n, most, random, ts_ns);
	return true;
}

static bool play(struct nc_drive *d, const uint8_t *data, size_t size, size_t most)
{
	struct nc_rd r = nc_rd_over(data, size);
	uint64_t random = 88172645463325252u;
	uint8_t bits = nc_rd_u8(&r);
	bool gaps = false;

	nc_drive_open(d, &nc_reader_http, 80, bits & OPENED);
	d->no_memory = bits & NO_MEMORY;
	for (int64_t i = 0; r.left > 0 && step(d, &r, most, &random, i, &gaps); i++)
		;
	nc_drive_end(d);
	return d->s.opened && !gaps && !d->bad && !d->no_memory && !d->overflowed;
}

static bool same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t n = protobuf_c_message_get_packed_size(a), m = protobuf_c_message_get_packed_size(b);
	uint8_t *pa = malloc(n + 1), *pb = malloc(m + 1);

	if (!pa || !pb)
		abort();
	protobuf_c_message_pack(a, pa);
	protobuf_c_message_pack(b, pb);
	bool equal = n == m && memcmp(pa, pb, n) == 0;
	free(pa);
	free(pb);
	return equal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nc_drive whole, cut;
	bool certain = play(&whole, data, size, 0);

	certain = play(&cut, data, size, size > 4096 ? 64 : 7) && certain;

	if (certain && whole.count != cut.count)
		abort();
	for (size_t i = 0; certain && i < whole.count; i++)
		if (!same(whole.records[i].m, cut.records[i].m) || whole.records[i].ts_ns != cut.records[i].ts_ns)
			abort();
	for (unsigned dir = 0; dir < 2 && size > 0; dir++)
		nc_drive_probe(&nc_reader_http, dir, data + 1, size - 1);
	nc_drive_close(&whole);
	nc_drive_close(&cut);
	return 0;
}
