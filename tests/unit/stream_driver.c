/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feeds a stream reader without TCP around it: see the header. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "record/pack.h"
#include "stream_driver.h"

#define SINGLE_MAX 2048u /* bytes of a piece that are given one by one: each is a copy of all that waits */
#define SHOWN_MAX  2048u /* bytes that a reader may look at for each that came: twice a line that waits for its end */

#define CHECK(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

static void broken(const char *what, int line)
{
	fprintf(stderr, "stream_driver.c:%d: not so: %s\n", line, what);
	abort();
}

static void *memory(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	CHECK(p != NULL);
	return p;
}

static struct nc_drive *of(struct nc_stream *s)
{
	return (struct nc_drive *)(void *)s; /* its first member */
}

static void open_with(struct nc_drive *d, const struct nc_stream_reader *r, uint16_t port, bool opened)
{
	*d = (struct nc_drive){ .reader = r, .busy = -1 };
	CHECK(r->state_size <= 4096 && r->pending_max <= NC_STREAM_PENDING && r->pending_max > 0);
	d->s.state = memory(r->state_size);
	nc_arena_init(&d->arena, memory(NC_STREAM_ARENA), NC_STREAM_ARENA);
	d->s.arena = &d->arena;
	d->s.opened = opened;
	d->s.end[0].port = 40000;
	d->s.end[1].port = port;
	for (unsigned i = 0; i < 2; i++) {
		d->side[i].p = memory(0);
		d->side[i].ts = memory(0);
	}
}

void nc_drive_open(struct nc_drive *d, const struct nc_stream_reader *r, uint16_t port, bool opened)
{
	static const struct nc_stream_end client = { .ip = { 192, 0, 2, 1 }, .mac = { 2, 0, 0, 0, 0, 1 }, .has_mac = true },
					  server = { .ip = { 198, 51, 100, 2 }, .mac = { 2, 0, 0, 0, 0, 2 }, .has_mac = true };

	open_with(d, r, port, opened);
	d->s.ip_version = 4;
	d->s.end[0] = client;
	d->s.end[1] = server;
	d->s.end[0].port = 40000;
	d->s.end[1].port = port;
}

void nc_drive_open6(struct nc_drive *d, const struct nc_stream_reader *r, uint16_t port, bool opened)
{
	open_with(d, r, port, opened);
	d->s.ip_version = 6;
	for (unsigned i = 0; i < 2; i++)
		memcpy(d->s.end[i].ip, (uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(i + 1) }, 16);
}

static void set(struct nc_drive_side *side, const uint8_t *p, const int64_t *ts, size_t n)
{
	uint8_t *bytes = memory(n);
	int64_t *times = memory(n * sizeof(*times));

	if (n) {
		memcpy(bytes, p, n);
		memcpy(times, ts, n * sizeof(*times));
	}
	free(side->p);
	free(side->ts);
	side->p = bytes;
	side->ts = times;
	side->n = n;
}

static void drop(struct nc_drive_side *side, size_t n)
{
	set(side, side->p + n, side->ts + n, side->n - n);
}

static void stop(struct nc_drive *d)
{
	d->stopped = true;
	for (unsigned i = 0; i < 2; i++)
		drop(&d->side[i], d->side[i].n);
}

/* One call of data; false when there is nothing to show. */
static bool show(struct nc_drive *d, unsigned dir)
{
	struct nc_drive_side *side = &d->side[dir];

	if (d->stopped || d->again || side->n == 0 || side->n < side->want)
		return false;
	side->want = 0;
	d->busy = (int)dir;
	nc_arena_reset(&d->arena);
	d->calls++;
	d->shown += side->n;
	size_t before = side->n, took = d->reader->data(&d->s, dir, side->p, side->n, side->ts[0]);
	d->busy = -1;
	CHECK(took <= before);
	if (d->stopped) {
		stop(d);
		return false;
	}
	CHECK(side->skip == 0 || side->want == 0);
	drop(side, took);
	if (d->again)
		return false;
	bool progress = took > 0 || side->skip > 0;
	size_t k = side->skip < side->n ? (size_t)side->skip : side->n;
	drop(side, k);
	side->skip -= side->skip == UINT64_MAX ? 0 : k;
	if (side->n >= d->reader->pending_max && side->n >= side->want && !progress) {
		d->overflowed = true;
		stop(d);
	}
	return progress;
}

void nc_drive_give(struct nc_drive *d, unsigned dir, const void *p, size_t n, int64_t ts_ns)
{
	struct nc_drive_side *side = &d->side[dir];
	size_t k = side->skip < n ? (size_t)side->skip : n;

	if (d->stopped)
		return;
	side->skip -= side->skip == UINT64_MAX ? 0 : k;
	uint8_t *all = memory(side->n + n - k);
	int64_t *ts = memory((side->n + n - k) * sizeof(*ts));
	size_t was = side->n;
	if (was) {
		memcpy(all, side->p, was);
		memcpy(ts, side->ts, was * sizeof(*ts));
	}
	if (n > k)
		memcpy(all + was, (const uint8_t *)p + k, n - k);
	for (size_t i = was; i < was + n - k; i++)
		ts[i] = ts_ns;
	set(side, all, ts, was + n - k);
	free(all);
	free(ts);
	d->s.now_ns = ts_ns;
	while (show(d, dir))
		continue;
}

void nc_drive_gap(struct nc_drive *d, unsigned dir, uint64_t n)
{
	struct nc_drive_side *side = &d->side[dir];
	uint64_t k = side->skip < n ? side->skip : n;

	if (d->stopped)
		return;
	side->skip -= side->skip == UINT64_MAX ? 0 : k;
	if (n == k)
		return;
	drop(side, side->n);
	side->want = 0;
	nc_arena_reset(&d->arena);
	d->reader->gap(&d->s, dir, n - k);
	if (d->stopped)
		stop(d);
}

void nc_drive_cut(struct nc_drive *d, unsigned dir, const void *p, size_t n, size_t most, uint64_t *random, int64_t ts_ns)
{
	for (size_t at = 0, k; at < n; at += k) {
		k = 1 + (most > 1 ? nc_drive_draw(random, most) : 0);
		if (k > n - at)
			k = n - at;
		nc_drive_give(d, dir, (const uint8_t *)p + at, k, ts_ns);
	}
}

void nc_drive_end(struct nc_drive *d)
{
	if (d->ended)
		return;
	d->ended = true;
	d->stopped = true;
	nc_arena_reset(&d->arena);
	d->reader->end(&d->s);
}

void nc_drive_close(struct nc_drive *d)
{
	nc_drive_end(d);
	CHECK(d->blocks == 0);
	for (size_t i = 0; i < d->count; i++)
		protobuf_c_message_free_unpacked(d->records[i].m, NULL);
	free(d->records);
	for (unsigned i = 0; i < 2; i++) {
		free(d->side[i].p);
		free(d->side[i].ts);
	}
	free(d->arena.mem);
	free(d->s.state);
}

enum nc_guess nc_drive_probe(const struct nc_stream_reader *r, unsigned dir, const void *p, size_t n)
{
	for (size_t i = 1; i <= n && i <= NC_STREAM_PROBE; i++) {
		uint8_t *own = memory(i);
		memcpy(own, p, i);
		enum nc_guess guess = r->probe(dir, own, i);
		free(own);
		if (guess != NC_GUESS_MORE)
			return guess;
	}
	return NC_GUESS_MORE;
}

/* A piece; false at the end. */
static bool piece(struct nc_drive *d, struct nc_rd *r, int64_t ts_ns)
{
	uint8_t flags = nc_rd_u8(r);
	size_t n = nc_rd_be16(r);

	if (r->failed)
		return false;
	if (flags & 2) {
		nc_drive_gap(d, flags & 1, n ? n : 1);
		return true;
	}
	if (n > r->left)
		n = r->left;
	const uint8_t *p = nc_rd_bytes(r, n);
	for (size_t i = 0; flags & 4 && i < n && i < SINGLE_MAX; i++, p++)
		nc_drive_give(d, flags & 1, p, 1, ts_ns);
	if (flags & 4)
		n = n > SINGLE_MAX ? n - SINGLE_MAX : 0;
	if (n > 0)
		nc_drive_give(d, flags & 1, p, n, ts_ns);
	return true;
}

size_t nc_drive_fuzz(const struct nc_stream_reader *r, const uint8_t *data, size_t n)
{
	struct nc_rd rd = nc_rd_over(data, n);
	uint8_t flags = nc_rd_u8(&rd);
	struct nc_drive d;

	(flags & 4 ? nc_drive_open6 : nc_drive_open)(&d, r, flags & 2 ? 22 : 443, flags & 1);
	d.no_memory = flags & 8;
	while (piece(&d, &rd, (int64_t)rd.left))
		continue;
	nc_drive_end(&d);
	size_t count = d.count;
	CHECK(d.shown <= SHOWN_MAX * (n + 1));
	nc_drive_close(&d);
	return count;
}

size_t nc_drive_draw(uint64_t *random, size_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (size_t)(*random % below);
}

/* What readers call. */

void nc_stream_want(struct nc_stream *s, unsigned dir, size_t n)
{
	struct nc_drive *d = of(s);

	CHECK(dir < 2 && d->busy == (int)dir && n <= d->reader->pending_max);
	d->side[dir].want = n;
}

void nc_stream_skip(struct nc_stream *s, unsigned dir, uint64_t n)
{
	struct nc_drive *d = of(s);

	CHECK(dir < 2 && d->busy == (int)dir);
	d->side[dir].skip = n;
}

void nc_stream_stop(struct nc_stream *s)
{
	of(s)->stopped = true;
}

/* What waits can be looked at in d->side; nothing is shown any more. */
void nc_stream_again(struct nc_stream *s)
{
	struct nc_drive *d = of(s);

	CHECK(d->busy >= 0);
	d->again = true;
}

void nc_stream_bad(struct nc_stream *s, const char *reason)
{
	CHECK(reason && *reason);
	of(s)->bad = reason;
	of(s)->bads++;
}

void nc_stream_record(struct nc_stream *s, const ProtobufCMessage *m, int64_t ts_ns)
{
	struct nc_drive *d = of(s);
	bool listed = false;

	for (size_t i = 0; d->reader->records[i]; i++)
		listed |= d->reader->records[i] == m->descriptor;
	CHECK(listed && !d->arena.failed && protobuf_c_message_check(m));
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *packed = memory(n);
	protobuf_c_message_pack(m, packed);
	CHECK(nc_record_valid(m->descriptor, packed, n, true));
	d->records = realloc(d->records, (d->count + 1) * sizeof(*d->records));
	CHECK(d->records != NULL);
	d->records[d->count++] = (struct nc_driven){ protobuf_c_message_unpack(m->descriptor, NULL, n, packed), ts_ns };
	free(packed);
}

bool nc_stream_wanted(const struct nc_stream *s, const ProtobufCMessageDescriptor *desc)
{
	(void)s;
	(void)desc;
	return true;
}

void *nc_stream_alloc(struct nc_stream *s, size_t n)
{
	struct nc_drive *d = of(s);

	if (d->no_memory)
		return NULL;
	d->blocks++;
	void *p = memory(n);
	memset(p, 0xa5, n);
	return p;
}

void nc_stream_free(struct nc_stream *s, void *p)
{
	struct nc_drive *d = of(s);

	if (!p)
		return;
	CHECK(d->blocks > 0);
	d->blocks--;
	free(p);
}

static char *text(struct nc_stream *s, const void *p, size_t n)
{
	static const char nothing[1];
	char *t = nc_arena_strndup(s->arena, p, n);

	return t ? t : (char *)(uintptr_t)nothing;
}

char *nc_stream_str(struct nc_stream *s, const uint8_t *p, size_t n)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const uint8_t *nul = n ? memchr(p, 0, n) : NULL;
	size_t len = nul ? (size_t)(nul - p) : n, out = 0;
	uint8_t *to = memory(3 * len);

	for (size_t i = 0; i < len;) {
		size_t k = nc_text_utf8(p + i, len - i);
		memcpy(to + out, k ? (const char *)p + i : replacement, k ? k : 3);
		out += k ? k : 3;
		i += k ? k : 1;
	}
	char *t = text(s, to, out);
	free(to);
	return t;
}

char *nc_stream_ip(struct nc_stream *s, unsigned end)
{
	char t[NC_TEXT_IPV6];
	size_t n = s->ip_version == 4 ? nc_text_ipv4(t, s->end[end].ip) : nc_text_ipv6(t, s->end[end].ip);

	return text(s, t, n);
}

char *nc_stream_mac(struct nc_stream *s, unsigned end)
{
	char t[NC_TEXT_MAC];

	return s->end[end].has_mac ? text(s, t, nc_text_mac(t, s->end[end].mac)) : text(s, "", 0);
}
