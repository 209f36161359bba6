/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reassembly of IP fragments in a fixed piece of memory. */
#include "flow/defrag.h"

#include <stdatomic.h>
#include <string.h>

#include "base/siphash.h"

#define CHUNK        2048u
#define TOTAL_MAX    65535u                  /* of a datagram's payload */
#define CHUNKS       ((TOTAL_MAX + CHUNK - 1) / CHUNK)
#define PIECES_MAX   128u                    /* islands between holes; 552 byte fragments in the worst order make 60 */
#define UNITS_MIN    (2 * CHUNKS)            /* so that one datagram of any size always fits */
#define UNITS_MAX    (1u << 24)
#define RESULTS      8u                      /* reassembled datagrams that stay valid: as many as 16 layers can nest */
#define RESULT_SIZE  65536u
#define TIMEOUT_NS   (INT64_C(30) * 1000000000)
#define NONE         UINT32_MAX
#define ALIGN        16u

/* Bytes [from, to) are there. */
struct piece {
	uint16_t from, to;
};

/* What makes fragments belong together: RFC 791 section 3.2; for IPv6 the next header is compared as well, since
 * only a sender that breaks RFC 8200 lets it differ. */
struct key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint8_t version, proto, zero[2];
};

struct datagram {
	struct key key;
	int64_t first_ns;
	uint32_t bucket, chain;  /* hash table */
	uint32_t older, newer;   /* by arrival of the first fragment; newer also links free ones */
	uint32_t end;            /* of the payload; NONE until the last fragment came */
	uint32_t piece_count;
	struct piece pieces[PIECES_MAX]; /* ascending, never touching */
	uint32_t chunks[CHUNKS];
};

/* The tables stand at offsets from this struct. Indices, not pointers, link them. */
struct nc_defrag {
	uint8_t seed[NC_SIPHASH_KEY];
	struct nc_defrag_counters *counters;
	atomic_bool busy;        /* still set on entry: a process died in here */
	uint32_t units, bucket_count;
	size_t results_at, datagrams_at, buckets_at, chunks_at;
	uint32_t free_datagram, free_chunk, oldest, newest, live;
	uint32_t fresh_datagram, fresh_chunk; /* these and those behind were never used: no memory is touched before its time */
	uint32_t result;
};

static size_t align(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static size_t fixed_size(void)
{
	return align(sizeof(struct nc_defrag)) + (size_t)RESULTS * RESULT_SIZE + ALIGN;
}

/* A unit is a datagram, a chunk and a bucket. */
static size_t unit_size(void)
{
	return sizeof(struct datagram) + CHUNK + sizeof(uint32_t);
}

size_t nc_defrag_min(void)
{
	return fixed_size() + UNITS_MIN * unit_size();
}

static void *at(struct nc_defrag *d, size_t offset)
{
	return (uint8_t *)d + offset;
}

static struct datagram *datagram(struct nc_defrag *d, uint32_t i)
{
	return (struct datagram *)at(d, d->datagrams_at) + i;
}

static uint32_t *bucket(struct nc_defrag *d, uint32_t i)
{
	return (uint32_t *)at(d, d->buckets_at) + i;
}

static uint8_t *chunk(struct nc_defrag *d, uint32_t i)
{
	return (uint8_t *)at(d, d->chunks_at) + (size_t)i * CHUNK;
}

/* A free chunk holds the index of the next one. */
static void chunk_free(struct nc_defrag *d, uint32_t i)
{
	memcpy(chunk(d, i), &d->free_chunk, sizeof(d->free_chunk));
	d->free_chunk = i;
}

/* NONE: there is none. */
static uint32_t take_chunk(struct nc_defrag *d)
{
	uint32_t i = d->free_chunk;

	if (i != NONE)
		memcpy(&d->free_chunk, chunk(d, i), sizeof(d->free_chunk));
	else if (d->fresh_chunk < d->units)
		i = d->fresh_chunk++;
	return i;
}

static uint32_t take_datagram(struct nc_defrag *d)
{
	uint32_t i = d->free_datagram;

	if (i != NONE)
		d->free_datagram = datagram(d, i)->newer;
	else if (d->fresh_datagram < d->units)
		i = d->fresh_datagram++;
	return i;
}

static void reset(struct nc_defrag *d)
{
	d->free_datagram = d->free_chunk = d->oldest = d->newest = NONE;
	d->fresh_datagram = d->fresh_chunk = d->live = 0;
	for (uint32_t i = 0; i < d->bucket_count; i++)
		*bucket(d, i) = NONE;
}

struct nc_defrag *nc_defrag_init(void *mem, size_t size, const uint8_t seed[static 16], struct nc_defrag_counters *counters)
{
	struct nc_defrag *d = mem;

	if (size < nc_defrag_min() || (uintptr_t)mem % ALIGN != 0)
		return NULL;
	size_t units = (size - fixed_size()) / unit_size();
	if (units > UNITS_MAX)
		units = UNITS_MAX;
	*d = (struct nc_defrag){ .counters = counters, .units = (uint32_t)units, .bucket_count = 1 };
	memcpy(d->seed, seed, sizeof(d->seed));
	while (d->bucket_count * 2 <= d->units)
		d->bucket_count *= 2;
	d->results_at = align(sizeof(*d));
	d->datagrams_at = d->results_at + (size_t)RESULTS * RESULT_SIZE;
	d->buckets_at = d->datagrams_at + units * sizeof(struct datagram);
	d->chunks_at = d->buckets_at + units * sizeof(uint32_t);
	reset(d);
	return d;
}

static void unlink_bucket(struct nc_defrag *d, uint32_t i)
{
	uint32_t *link = bucket(d, datagram(d, i)->bucket);

	while (*link != i)
		link = &datagram(d, *link)->chain;
	*link = datagram(d, i)->chain;
}

static void unlink_age(struct nc_defrag *d, const struct datagram *g)
{
	if (g->older == NONE)
		d->oldest = g->newer;
	else
		datagram(d, g->older)->newer = g->newer;
	if (g->newer == NONE)
		d->newest = g->older;
	else
		datagram(d, g->newer)->older = g->older;
}

static void discard(struct nc_defrag *d, uint32_t i)
{
	struct datagram *g = datagram(d, i);

	unlink_bucket(d, i);
	unlink_age(d, g);
	for (unsigned k = 0; k < CHUNKS; k++)
		if (g->chunks[k] != NONE)
			chunk_free(d, g->chunks[k]);
	g->newer = d->free_datagram;
	d->free_datagram = i;
	d->live--;
}

/* Time may run backwards between interfaces; far off in either direction is too old. */
static bool expired(const struct datagram *g, int64_t now)
{
	int64_t age = 0;

	if (__builtin_sub_overflow(now, g->first_ns, &age))
		return true;
	return age > TIMEOUT_NS || age < -TIMEOUT_NS;
}

static void expire(struct nc_defrag *d, int64_t now)
{
	while (d->oldest != NONE && expired(datagram(d, d->oldest), now)) {
		discard(d, d->oldest);
		d->counters->timeouts++;
	}
}

/* Gives up the oldest datagram but `keep`, which must not be the only one. */
static void evict(struct nc_defrag *d, uint32_t keep)
{
	uint32_t i = d->oldest;

	if (i == keep)
		i = datagram(d, i)->newer;
	discard(d, i);
	d->counters->evicted++;
}

static struct key key_of(const struct nc_fragment *f)
{
	struct key k = { .id = f->id, .version = f->version, .proto = f->proto };
	size_t n = f->version == 4 ? 4 : 16;

	memcpy(k.src, f->src, n);
	memcpy(k.dst, f->dst, n);
	return k;
}

static uint32_t find(struct nc_defrag *d, const struct key *k, uint32_t in)
{
	uint32_t i = *bucket(d, in);

	while (i != NONE && memcmp(&datagram(d, i)->key, k, sizeof(*k)) != 0)
		i = datagram(d, i)->chain;
	return i;
}

static uint32_t create(struct nc_defrag *d, const struct key *k, uint32_t in, int64_t now)
{
	uint32_t i = take_datagram(d);

	if (i == NONE) {
		evict(d, NONE);
		i = take_datagram(d);
	}
	struct datagram *g = datagram(d, i);
	d->live++;
	g->key = *k;
	g->first_ns = now;
	g->end = NONE;
	g->piece_count = 0;
	memset(g->chunks, 0xff, sizeof(g->chunks));
	g->bucket = in;
	g->chain = *bucket(d, in);
	*bucket(d, in) = i;
	g->older = d->newest;
	g->newer = NONE;
	if (d->newest == NONE)
		d->oldest = i;
	else
		datagram(d, d->newest)->newer = i;
	d->newest = i;
	return i;
}

static uint32_t find_or_create(struct nc_defrag *d, const struct nc_fragment *f, int64_t now)
{
	struct key k = key_of(f);
	uint32_t in = (uint32_t)nc_siphash(d->seed, &k, sizeof(k)) & (d->bucket_count - 1);
	uint32_t i = find(d, &k, in);

	if (i != NONE && expired(datagram(d, i), now)) {
		discard(d, i);
		d->counters->timeouts++;
		i = NONE;
	}
	return i != NONE ? i : create(d, &k, in, now);
}

/* Chunks for the bytes [from, to) of datagram i. */
static void reserve(struct nc_defrag *d, uint32_t i, uint32_t from, uint32_t to)
{
	struct datagram *g = datagram(d, i);

	for (uint32_t k = from / CHUNK; k * CHUNK < to; k++) {
		if (g->chunks[k] != NONE)
			continue;
		uint32_t c = take_chunk(d);
		if (c == NONE) {
			evict(d, i);
			c = take_chunk(d);
		}
		g->chunks[k] = c;
	}
}

/* The stored bytes from position on, and how many of at most n are contiguous. */
static uint8_t *stored(struct nc_defrag *d, const struct datagram *g, uint32_t position, uint32_t *n)
{
	uint32_t in = position % CHUNK;

	if (*n > CHUNK - in)
		*n = CHUNK - in;
	return chunk(d, g->chunks[position / CHUNK]) + in;
}

static void store(struct nc_defrag *d, const struct datagram *g, uint32_t from, uint32_t to, const uint8_t *data)
{
	for (uint32_t n; from < to; from += n, data += n) {
		n = to - from;
		uint8_t *to_here = stored(d, g, from, &n);
		memcpy(to_here, data, n);
	}
}

static uint64_t differences(struct nc_defrag *d, const struct datagram *g, uint32_t from, uint32_t to, const uint8_t *data)
{
	uint64_t count = 0;

	for (uint32_t n; from < to; from += n, data += n) {
		n = to - from;
		const uint8_t *old = stored(d, g, from, &n);
		if (memcmp(old, data, n) == 0)
			continue;
		for (uint32_t k = 0; k < n; k++)
			count += old[k] != data[k];
	}
	return count;
}

/* Fills the holes in [from, to) with data; what is there already stays. Returns the number of new bytes. */
static uint32_t fill(struct nc_defrag *d, const struct datagram *g, uint32_t from, uint32_t to, const uint8_t *data)
{
	uint32_t fresh = 0, position = from;

	for (uint32_t k = 0; k < g->piece_count && position < to; k++) {
		uint32_t a = g->pieces[k].from, b = g->pieces[k].to;
		if (b <= position)
			continue;
		if (a >= to)
			break;
		if (a > position) {
			store(d, g, position, a, data + (position - from));
			fresh += a - position;
			position = a;
		}
		uint32_t stop = b < to ? b : to;
		d->counters->overlaps += differences(d, g, position, stop, data + (position - from));
		position = stop;
	}
	if (position < to) {
		store(d, g, position, to, data + (position - from));
		fresh += to - position;
	}
	return fresh;
}

/* Notes [from, to) as there, melting with all pieces that it touches. False when there are too many pieces. */
static bool note(struct datagram *g, uint32_t from, uint32_t to)
{
	uint32_t first = 0, last;

	while (first < g->piece_count && g->pieces[first].to < from)
		first++;
	for (last = first; last < g->piece_count && g->pieces[last].from <= to; last++) {
		if (g->pieces[last].from < from)
			from = g->pieces[last].from;
		if (g->pieces[last].to > to)
			to = g->pieces[last].to;
	}
	if (first == last && g->piece_count == PIECES_MAX)
		return false;
	memmove(&g->pieces[first + 1], &g->pieces[last], (g->piece_count - last) * sizeof(g->pieces[0]));
	g->piece_count = g->piece_count - (last - first) + 1;
	g->pieces[first] = (struct piece){ .from = (uint16_t)from, .to = (uint16_t)to };
	return true;
}

/* Whether a fragment can't belong to what is known of its datagram. */
static bool contradicts(const struct datagram *g, const struct nc_fragment *f)
{
	uint32_t to = f->offset + (uint32_t)f->len;
	uint32_t have = g->piece_count ? g->pieces[g->piece_count - 1].to : 0;

	if (g->end != NONE && (to > g->end || (!f->more && to != g->end)))
		return true;
	return !f->more && have > to;
}

static bool malformed(const struct nc_fragment *f)
{
	if (f->offset > TOTAL_MAX || f->len > TOTAL_MAX - f->offset)
		return true;
	return f->more && (f->len == 0 || f->len % 8 != 0);
}

static bool complete(const struct datagram *g)
{
	if (g->end == 0)
		return true;
	return g->end != NONE && g->piece_count == 1 && g->pieces[0].from == 0 && g->pieces[0].to == g->end;
}

static void deliver(struct nc_defrag *d, uint32_t i, const uint8_t **data, size_t *n)
{
	const struct datagram *g = datagram(d, i);
	uint8_t *to = (uint8_t *)at(d, d->results_at) + (size_t)d->result * RESULT_SIZE;

	d->result = (d->result + 1) % RESULTS;
	for (uint32_t position = 0, k; position < g->end; position += k) {
		k = g->end - position;
		const uint8_t *from = stored(d, g, position, &k);
		memcpy(to + position, from, k);
	}
	*data = to;
	*n = g->end;
	discard(d, i);
	d->counters->reassembled++;
}

static bool add(struct nc_defrag *d, int64_t now, const struct nc_fragment *f, const uint8_t **data, size_t *n)
{
	d->counters->fragments++;
	expire(d, now);
	if (malformed(f)) {
		d->counters->bad++;
		return false;
	}
	uint32_t i = find_or_create(d, f, now);
	struct datagram *g = datagram(d, i);
	uint32_t from = f->offset, to = from + (uint32_t)f->len;
	if (contradicts(g, f)) {
		d->counters->bad++;
		return false;
	}
	bool end_known = g->end != NONE;
	if (!f->more)
		g->end = to;
	uint32_t fresh = 0;
	if (from < to) {
		reserve(d, i, from, to);
		fresh = fill(d, g, from, to, f->data);
	}
	if (fresh == 0 && (f->more || end_known))
		d->counters->duplicates++;
	if (fresh > 0 && !note(g, from, to)) {
		discard(d, i);
		d->counters->bad++;
		return false;
	}
	if (!complete(g))
		return false;
	deliver(d, i, data, n);
	return true;
}

bool nc_defrag_fragment(void *user, int64_t ts_ns, const struct nc_fragment *f, const uint8_t **data, size_t *n)
{
	struct nc_defrag *d = user;

	if (atomic_exchange_explicit(&d->busy, true, memory_order_relaxed)) {
		d->counters->evicted += d->live;
		reset(d);
	}
	atomic_signal_fence(memory_order_seq_cst);
	bool whole = add(d, ts_ns, f, data, n);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&d->busy, false, memory_order_relaxed);
	return whole;
}
