/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TCP reassembly: beginnings and ends of streams, probing, what readers ask for, and input that means ill. */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tape.h"

#define SECOND INT64_C(1000000000)

/* What a reader heard, as text: "0:bytes", "0-5" for a gap of 5, "." for the end. */
struct notes {
	char text[4096];
	size_t len;
	uint64_t bytes, gaps, ends;
	bool quiet;         /* only counted */
	unsigned want, hold; /* asked for once; consume nothing before so many wait */
	uint64_t skip;      /* asked for once, by direction 0 */
	const char *stop_at, *again_at; /* bytes that make the reader stop, or hand over */
	size_t alloc;
	bool bad;
};

/* Readers have no context of their own. */
static struct notes *notes;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(notes->text + notes->len, sizeof(notes->text) - notes->len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(notes->text) - notes->len);
	notes->len += (size_t)n;
}

static size_t on_data(struct nc_stream *s, unsigned dir, const uint8_t *p, size_t n, int64_t ts_ns)
{
	(void)ts_ns;
	notes->bytes += n;
	if (notes->quiet)
		return n;
	if (n < notes->hold)
		return 0;
	note("%u:%.*s ", dir, (int)n, (const char *)p);
	if (notes->want && n < notes->want) {
		nc_stream_want(s, dir, notes->want);
		return 0;
	}
	if (notes->skip && dir == 0) {
		nc_stream_skip(s, 0, notes->skip);
		notes->skip = 0;
	}
	if (notes->alloc) {
		void *m = nc_stream_alloc(s, notes->alloc);
		note(m ? "memory " : "none ");
		nc_stream_free(s, m);
	}
	if (notes->bad)
		nc_stream_bad(s, "odd");
	if (notes->stop_at && n >= strlen(notes->stop_at) && memcmp(p, notes->stop_at, strlen(notes->stop_at)) == 0)
		nc_stream_stop(s);
	if (notes->again_at && n >= strlen(notes->again_at) && memcmp(p, notes->again_at, strlen(notes->again_at)) == 0) {
		nc_stream_again(s);
		return strlen(notes->again_at);
	}
	return n;
}

static void on_gap(struct nc_stream *s, unsigned dir, uint64_t n)
{
	(void)s;
	notes->gaps++;
	if (!notes->quiet)
		note("%u-%" PRIu64 " ", dir, n);
}

static void on_end(struct nc_stream *s)
{
	Types__HTTP m = TYPES__HTTP__INIT;

	notes->ends++;
	if (!notes->quiet)
		note(". ");
	nc_stream_record(s, &m.base, s->now_ns);
}

/* "A" begins what the first reader knows, "AB" or "B" what the second does; it needs two bytes to tell. */
static enum nc_guess probe_a(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	if (n >= 2 && p[1] == 'B')
		return NC_GUESS_NO;
	return p[0] != 'A' ? NC_GUESS_NO : n < 2 ? NC_GUESS_MORE : NC_GUESS_YES;
}

static enum nc_guess probe_b(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	if (p[0] == 'B')
		return NC_GUESS_YES;
	return p[0] != 'A' ? NC_GUESS_NO : n < 2 ? NC_GUESS_MORE : p[1] == 'B' ? NC_GUESS_YES : NC_GUESS_NO;
}

static enum nc_guess probe_all(unsigned dir, const uint8_t *p, size_t n)
{
	(void)dir;
	(void)p;
	(void)n;
	return NC_GUESS_YES;
}

#define READER(NAME, PROBE, ...)                                                                                               \
	{ .name = NAME, .state_size = 64, .pending_max = 4096, .probe = PROBE, .data = on_data, .gap = on_gap, .end = on_end,   \
	  .records = records, __VA_ARGS__ }

static const ProtobufCMessageDescriptor *const records[] = { &types__http__descriptor, NULL };
static const struct nc_stream_reader reader_a = READER("A", probe_a);
static const struct nc_stream_reader reader_b = READER("B", probe_b);
static const struct nc_stream_reader first = READER("first", probe_all, .ports = (const uint16_t[]){ 1, 0 });
static const struct nc_stream_reader by_port = READER("port", probe_all, .ports = (const uint16_t[]){ 7, 80, 0 });
static const struct nc_stream_reader *const two[] = { &reader_a, &reader_b };
static const struct nc_stream_reader *const ports[] = { &first, &by_port };

struct line {
	struct tape t;
	struct notes notes;
	struct tape_end end[2];
	uint32_t isn[2];
	int64_t now;
};

static void open_line(struct line *l, size_t size, int64_t timeout_ns, const struct nc_stream_reader *const *readers)
{
	memset(l, 0, sizeof(*l));
	assert_true(tape_open(&l->t, size, timeout_ns, readers, 2));
	l->end[0] = (struct tape_end){ 0x0a000001, 40000 };
	l->end[1] = (struct tape_end){ 0x0a000002, 80 };
	l->isn[0] = 0xfffffff0;
	l->isn[1] = 5000;
	l->now = 1000 * SECOND;
	notes = &l->notes;
}

static void close_line(struct line *l)
{
	nc_tcp_end(l->t.tcp);
	assert_int_equal(nc_tcp_used(l->t.tcp), 0);
	assert_int_equal(l->t.counters.live, 0);
	tape_close(&l->t);
}

/* A segment of direction d with what text says at position `at` of its bytes. */
static unsigned put(struct line *l, unsigned d, uint8_t flags, uint32_t at, const char *text, uint32_t ack)
{
	const struct nc_segment s = {
		.seq = l->isn[d] + (flags & TAPE_SYN ? 0 : 1) + at, .flags = flags, .ack = l->isn[!d] + 1 + ack,
		.data = (const uint8_t *)text, .len = strlen(text),
	};
	return tape_segment(&l->t, 4, &l->end[d], &l->end[!d], l->now, &s);
}

static unsigned say(struct line *l, unsigned d, uint32_t at, const char *text)
{
	return put(l, d, 0, at, text, 0);
}

static void greet(struct line *l)
{
	assert_int_equal(put(l, 0, TAPE_SYN, 0, "", 0), 0);
	assert_int_equal(put(l, 1, TAPE_SYN | TAPE_ACK, 0, "", 0), 0);
	assert_int_equal(put(l, 0, TAPE_ACK, 0, "", 0), 0);
}

#define HEARD(L, TEXT) assert_string_equal((L)->notes.text, TEXT)

/* --- beginnings and ends -----------------------------------------------------------------------------------------------------
 */

static void in_order(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	assert_int_equal(say(&l, 0, 0, "Aone"), 1);
	assert_int_equal(say(&l, 1, 0, "two"), 1);
	assert_int_equal(put(&l, 0, TAPE_FIN, 4, "three", 0), 1);
	HEARD(&l, "0:Aone 1:two 0:three ");
	assert_int_equal(put(&l, 1, TAPE_FIN, 3, "", 0), 1);
	HEARD(&l, "0:Aone 1:two 0:three . ");
	/* what comes late is nobody's, but still of that application */
	assert_int_equal(say(&l, 1, 0, "two"), 1);
	HEARD(&l, "0:Aone 1:two 0:three . ");
	assert_int_equal(l.t.counters.streams, 1);
	assert_int_equal(l.t.counters.recognised, 1);
	assert_int_equal(l.t.records, 1);
	close_line(&l);
	assert_int_equal(l.notes.ends, 1);
}

static void out_of_order(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 0, 6, "world");
	say(&l, 0, 0, "Ahe");
	say(&l, 0, 0, "Ahell");
	say(&l, 0, 4, "xo woXld");
	HEARD(&l, "0:Ahe 0:ll 0:o 0:world 0:d ");
	assert_int_equal(l.t.counters.out_of_order, 1);
	assert_int_equal(l.t.counters.retransmitted, 3 + 1 + 5);
	close_line(&l);
}

static void content_of_overlaps(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 0, 4, "efgh");
	say(&l, 0, 2, "cdEFg");
	say(&l, 0, 0, "Ab");
	HEARD(&l, "0:Ab 0:cd 0:efgh ");
	assert_int_equal(l.t.counters.overlaps, 2);
	close_line(&l);
}

static void gap_by_acknowledgement(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 0, 0, "Ab");
	say(&l, 0, 5, "fg");
	put(&l, 1, TAPE_ACK, 0, "", 2);
	HEARD(&l, "0:Ab ");
	put(&l, 1, TAPE_ACK, 0, "", 7);
	HEARD(&l, "0:Ab 0-3 0:fg ");
	/* acknowledged before it is seen to be missing */
	put(&l, 1, TAPE_ACK, 0, "", 20);
	say(&l, 0, 12, "mn");
	HEARD(&l, "0:Ab 0-3 0:fg 0-5 0:mn ");
	assert_int_equal(l.t.counters.gaps, 2);
	assert_int_equal(l.t.counters.lost, 8);
	close_line(&l);
}

static void gap_at_the_end(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 0, 0, "Ab");
	say(&l, 0, 5, "fg");
	put(&l, 0, TAPE_FIN, 9, "j", 0);
	nc_tcp_end(l.t.tcp);
	HEARD(&l, "0:Ab 0-3 0:fg 0-2 0:j . ");
	close_line(&l);
}

static void cut_by_the_capture(void **state)
{
	struct line l;
	struct nc_segment s = { .data = (const uint8_t *)"Abcd", .len = 4, .missing = 6 };

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	s.seq = l.isn[0] + 1;
	tape_segment(&l.t, 4, &l.end[0], &l.end[1], l.now, &s);
	HEARD(&l, "0:Abcd 0-6 ");
	/* out of order as well */
	s.seq += 20;
	tape_segment(&l.t, 4, &l.end[0], &l.end[1], l.now, &s);
	say(&l, 0, 10, "0123456789");
	HEARD(&l, "0:Abcd 0-6 0:0123456789 0:Abcd 0-6 ");
	close_line(&l);
}

static void picked_up(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	put(&l, 1, TAPE_ACK, 400, "", 0);
	say(&l, 1, 400, "Bsrv");
	say(&l, 0, 70, "Acli");
	say(&l, 0, 60, "old");
	HEARD(&l, "0:Bsrv 1:Acli ");
	assert_int_equal(l.t.counters.streams, 1);
	close_line(&l);
}

static void reset(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 0, 0, "Ab");
	put(&l, 0, TAPE_RST, 70000, "", 0);
	put(&l, 1, TAPE_RST, 0x80000000, "", 0);
	assert_int_equal(l.t.counters.outside, 2);
	say(&l, 0, 2, "cd");
	put(&l, 1, TAPE_RST, 3, "", 0);
	HEARD(&l, "0:Ab 0:cd . ");
	/* the answer to a SYN has no number of its own */
	l.end[0].port++;
	put(&l, 0, TAPE_SYN, 0, "", 0);
	put(&l, 1, TAPE_RST | TAPE_ACK, 77, "", 5);
	assert_int_equal(l.t.counters.outside, 3);
	put(&l, 1, TAPE_RST | TAPE_ACK, 77, "", 0);
	say(&l, 0, 0, "Ab");
	HEARD(&l, "0:Ab 0:cd . ");
	close_line(&l);
}

static void ports_used_again(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	put(&l, 0, TAPE_FIN, 0, "Ab", 0);
	put(&l, 1, TAPE_FIN, 0, "", 0);
	HEARD(&l, "0:Ab . ");
	put(&l, 0, TAPE_SYN, 0, "", 0);
	say(&l, 0, 0, "Ab");
	HEARD(&l, "0:Ab . ");
	l.isn[0] += 100000;
	l.isn[1] += 300000;
	greet(&l);
	say(&l, 0, 0, "Aagain");
	HEARD(&l, "0:Ab . 0:Aagain ");
	/* a SYN that comes twice is none; another one ends what there is */
	put(&l, 0, TAPE_SYN, 0, "", 0);
	say(&l, 0, 6, "!");
	l.isn[0] += 100000;
	put(&l, 0, TAPE_SYN, 0, "", 0);
	HEARD(&l, "0:Ab . 0:Aagain 0:! . ");
	say(&l, 0, 0, "Bx");
	HEARD(&l, "0:Ab . 0:Aagain 0:! . 0:Bx ");
	close_line(&l);
}

static void late_syn(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	say(&l, 0, 0, "Ab");
	put(&l, 0, TAPE_SYN, 0, "", 0);
	put(&l, 1, TAPE_SYN | TAPE_ACK, 0, "", 0);
	say(&l, 0, 2, "cd");
	HEARD(&l, "0:Ab 0:cd ");
	close_line(&l);
}

static void timeouts(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 60 * SECOND, two);
	greet(&l);
	say(&l, 0, 0, "Ab");
	l.now += 60 * SECOND;
	say(&l, 0, 2, "cd");
	nc_tcp_sweep(l.t.tcp, l.now + 60 * SECOND);
	HEARD(&l, "0:Ab 0:cd ");
	/* by itself */
	l.now += 60 * SECOND + 1;
	say(&l, 0, 4, "Bf");
	HEARD(&l, "0:Ab 0:cd . 0:Bf ");
	/* by sweeping, which goes over all that time may do */
	nc_tcp_sweep(l.t.tcp, l.now + 60 * SECOND + 1);
	HEARD(&l, "0:Ab 0:cd . 0:Bf . ");
	assert_int_equal(l.t.counters.timeouts, 2);
	for (int64_t jump = -1; jump < 2; jump++) {
		l.now += jump * 10000 * SECOND;
		say(&l, 0, 0, "Bz");
		nc_tcp_sweep(l.t.tcp, INT64_MIN);
		nc_tcp_sweep(l.t.tcp, l.now + 59 * SECOND);
		assert_int_equal(l.t.counters.live, 1);
		nc_tcp_sweep(l.t.tcp, l.now + 61 * SECOND);
		assert_int_equal(l.t.counters.live, 0);
	}
	l.now = INT64_MAX;
	say(&l, 0, 0, "Bz");
	nc_tcp_sweep(l.t.tcp, INT64_MAX);
	assert_int_equal(l.t.counters.live, 1);
	close_line(&l);
}

/* --- probing and readers -----------------------------------------------------------------------------------------------------
 */

static void content_then_port(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, ports);
	assert_int_equal(say(&l, 0, 0, "x"), 2);
	l.end[1].port = 81;
	assert_int_equal(say(&l, 0, 0, "x"), 1);
	close_line(&l);
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	assert_int_equal(say(&l, 0, 0, "A"), 0);
	HEARD(&l, "");
	assert_int_equal(say(&l, 0, 1, "B"), 2);
	HEARD(&l, "0:AB ");
	close_line(&l);
}

static void asked_again(void **state)
{
	struct line l;
	uint32_t at = 0;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 0, 0, "ehlo ");
	say(&l, 1, 0, "220 go");
	assert_int_equal(say(&l, 0, 5, "Ahello"), 1);
	say(&l, 1, 6, "fine");
	HEARD(&l, "1-6 0:Ahello 1:fine ");
	/* not without end */
	l.end[0].port++;
	for (unsigned i = 0; i < NC_STREAM_TRIES; i++, at += 3) {
		assert_int_equal(say(&l, 0, at, "xyz"), 0);
		assert_int_equal(say(&l, 1, at, "xyz"), 0);
	}
	assert_int_equal(say(&l, 0, at, "Ab"), 0);
	assert_int_equal(l.t.counters.live, 1); /* of the other connection */
	close_line(&l);
}

static void bytes_before_an_answer(void **state)
{
	char many[300];
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	say(&l, 1, 0, "A");
	say(&l, 0, 0, "B1");
	say(&l, 1, 1, "z");
	HEARD(&l, "0:B1 1:Az ");
	close_line(&l);
	/* who never decides says no */
	memset(many, 'A', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	open_line(&l, nc_tcp_min(), 0, two);
	l.notes.quiet = true;
	say(&l, 0, 0, many);
	assert_int_equal(l.notes.bytes, sizeof(many) - 1);
	close_line(&l);
}

static void wants_and_skips(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	l.notes.want = 6;
	say(&l, 0, 0, "Abc");
	say(&l, 0, 3, "de");
	HEARD(&l, "0:Abc ");
	say(&l, 0, 5, "fg");
	HEARD(&l, "0:Abc 0:Abcdefg ");
	l.notes.want = 0;
	l.notes.skip = 10;
	say(&l, 0, 7, "h");
	say(&l, 0, 8, "01234");
	say(&l, 0, 15, "789x");
	HEARD(&l, "0:Abc 0:Abcdefg 0:h 0:x ");
	assert_int_equal(l.t.counters.gaps, 0);
	/* all the rest */
	l.notes.skip = UINT64_MAX;
	say(&l, 0, 19, "!");
	say(&l, 0, 20, "unheard");
	say(&l, 1, 0, "heard");
	HEARD(&l, "0:Abc 0:Abcdefg 0:h 0:x 0:! 1:heard ");
	close_line(&l);
}

static void stops(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	l.notes.stop_at = "Abye";
	say(&l, 1, 9, "late");
	assert_int_equal(say(&l, 0, 0, "Abye"), 1);
	assert_int_equal(say(&l, 0, 4, "more"), 1);
	assert_int_equal(say(&l, 1, 0, "more"), 1);
	HEARD(&l, "0:Abye . ");
	assert_int_equal(nc_tcp_used(l.t.tcp), 0);
	close_line(&l);
}

static void hands_over(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	greet(&l);
	l.notes.again_at = "Ago";
	assert_int_equal(say(&l, 0, 0, "AgoBnext"), 1);
	HEARD(&l, "0:AgoBnext . 0:Bnext ");
	/* over and over: not for ever */
	l.end[0].port++;
	l.notes.len = 0;
	l.notes.text[0] = '\0';
	assert_int_equal(say(&l, 0, 0, "AgoAgoAgoAgoAgoAgo"), 1);
	assert_int_equal(l.notes.ends, 1 + 4);
	close_line(&l);
}

static void too_much_pending(void **state)
{
	char many[1000];
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	l.notes.hold = 1000000;
	memset(many, 'A', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	greet(&l);
	for (uint32_t i = 0; i < 4; i++)
		say(&l, 0, 999 * i, many);
	assert_int_equal(l.t.counters.overflows, 0);
	say(&l, 0, 999 * 4, many);
	assert_int_equal(l.t.counters.overflows, 1);
	HEARD(&l, ". ");
	close_line(&l);
}

static void memory_of_readers(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	l.notes.alloc = 100000;
	say(&l, 0, 0, "Ab");
	l.notes.alloc = (size_t)1 << 30;
	say(&l, 0, 2, "cd");
	HEARD(&l, "0:Ab memory 0:cd none ");
	assert_int_equal(l.t.counters.no_memory, 1);
	close_line(&l);
}

static void abandoned(void **state)
{
	const struct nc_sink sink = { 0 };
	bool wanted[NC_TYPES_MAX] = { false };
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	say(&l, 0, 0, "Ab");
	assert_int_equal(l.t.counters.live, 1);
	struct tape next;
	struct nc_tcp_options o = {
		.wanted = wanted, .sink = &sink, .counters = &l.t.counters, .readers = two, .reader_count = 2,
	};
	assert_true(tape_open(&next, nc_tcp_min(), 0, two, 2));
	memset(next.mem, 0, next.size);
	assert_non_null(nc_tcp_init(next.mem, next.size, &o));
	assert_int_equal(l.t.counters.abandoned, 1);
	assert_int_equal(l.t.counters.live, 0);
	tape_close(&next);
	tape_close(&l.t);
}

/* --- ill will ----------------------------------------------------------------------------------------------------------------
 */

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* A megabyte in one-byte segments, the last one first. */
static void reverse(void **state)
{
	struct line l;
	double begin = seconds();

	(void)state;
	open_line(&l, (size_t)16 << 20, 0, two);
	l.notes.quiet = true;
	greet(&l);
	for (uint32_t i = 1000000; i-- > 0;) {
		say(&l, 0, i, i == 0 ? "A" : "B");
		assert_true(nc_tcp_used(l.t.tcp) <= (size_t)200 << 10);
	}
	nc_tcp_end(l.t.tcp);
	assert_true(l.notes.bytes > 0 && l.notes.bytes <= NC_TCP_WAITING + 1);
	assert_int_equal(l.t.counters.lost + l.notes.bytes, 1000000);
	assert_true(seconds() - begin < 20);
	close_line(&l);
}

/* All odd bytes, then all even ones, over and over: islands of one byte. */
static void islands(void **state)
{
	struct line l;
	double begin = seconds();

	(void)state;
	open_line(&l, (size_t)16 << 20, 0, two);
	l.notes.quiet = true;
	greet(&l);
	for (uint32_t round = 0; round < 20; round++)
		for (uint32_t i = 0; i < 20000; i++) {
			say(&l, 0, (i * 7919 % 20000) * 2 + (round + 1) % 2, round % 3 ? "A" : "B");
			assert_true(nc_tcp_used(l.t.tcp) <= (size_t)200 << 10);
		}
	assert_true(seconds() - begin < 20);
	close_line(&l);
}

/* Many streams that each hold all they may: the longest idle go, what they held is handed out. */
static void hoarders(void **state)
{
	static char big[60001];
	struct line l;

	(void)state;
	open_line(&l, (size_t)16 << 20, 0, two);
	l.notes.quiet = true;
	memset(big, 'A', sizeof(big) - 1);
	for (uint32_t i = 0; i < 1000; i++) {
		l.end[0].address++;
		l.now++;
		greet(&l);
		say(&l, 0, 0, "Ab");
		say(&l, 0, 100, big);
		assert_true(nc_tcp_used(l.t.tcp) <= (size_t)16 << 20);
	}
	assert_true(l.t.counters.evicted > 500 && l.t.counters.evicted < 1000);
	assert_int_equal(l.notes.ends, l.t.counters.evicted);
	assert_int_equal(l.notes.bytes, 2000 + l.t.counters.evicted * 60000);
	close_line(&l);
	assert_int_equal(l.notes.bytes, 1000 * 60002);
}

/* Ten million SYNs from as many addresses; and a stream that was there before stays. */
static void flood(void **state)
{
	struct line l;
	double begin = seconds();

	(void)state;
	open_line(&l, (size_t)64 << 20, 60 * SECOND, two);
	greet(&l);
	say(&l, 0, 0, "Ab");
	struct tape_end other = { 0x0b000000, 5 };
	for (uint32_t i = 0; i < 10000000; i++, other.address++) {
		const struct nc_segment s = { .seq = i, .flags = TAPE_SYN };
		tape_segment(&l.t, 4, &other, &l.end[1], l.now + i, &s);
	}
	say(&l, 0, 2, "cd");
	HEARD(&l, "0:Ab 0:cd ");
	assert_true(l.t.counters.quiet_evicted > 9900000);
	assert_int_equal(l.t.counters.evicted, 0);
	assert_true(seconds() - begin < 60);
	close_line(&l);
}

/* More streams with data than the table has room for. */
static void crowd(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, nc_tcp_min(), 0, two);
	l.notes.quiet = true;
	for (uint32_t i = 0; i < 300000; i++) {
		l.end[0].address++;
		l.now += SECOND / 10;
		say(&l, 0, 0, "xyz");
		say(&l, 1, 0, i % 5 ? "xyz" : "B12");
	}
	assert_true(l.t.counters.evicted > 290000);
	assert_int_equal(l.notes.ends + l.t.counters.live / 5, 60000);
	close_line(&l);
	assert_int_equal(l.notes.ends, 60000);
	assert_int_equal(l.t.records, 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order), cmocka_unit_test(out_of_order), cmocka_unit_test(content_of_overlaps),
		cmocka_unit_test(gap_by_acknowledgement), cmocka_unit_test(gap_at_the_end),
		cmocka_unit_test(cut_by_the_capture), cmocka_unit_test(picked_up), cmocka_unit_test(reset),
		cmocka_unit_test(ports_used_again), cmocka_unit_test(late_syn), cmocka_unit_test(timeouts),
		cmocka_unit_test(content_then_port), cmocka_unit_test(asked_again),
		cmocka_unit_test(bytes_before_an_answer), cmocka_unit_test(wants_and_skips), cmocka_unit_test(stops),
		cmocka_unit_test(hands_over), cmocka_unit_test(too_much_pending),
		cmocka_unit_test(memory_of_readers), cmocka_unit_test(abandoned), cmocka_unit_test(reverse),
		cmocka_unit_test(islands), cmocka_unit_test(hoarders), cmocka_unit_test(flood),
		cmocka_unit_test(crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
