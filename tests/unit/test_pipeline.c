/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Workers under fire: a decoder that crashes, loops or eats memory costs its packet and nothing else. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "decode/engine.h"
#include "decode/private.h"
#include "pipeline/pipeline.h"
#include "pipeline/report.h"
#include "pipeline/shared.h"

#define PORT     4242u
#define HEADERS  42u
#define PACKETS  500u
#define STILL_AT 20u
#define LIMIT_NS (60 * NC_NS_PER_S)

/* --- the decoder that misbehaves, built in tests only
 * --------------------------------------------------------------------------- */

static volatile int *volatile null_pointer;

static void crash(void)
{
	*null_pointer = 1;
}

static void loop(void)
{
	for (volatile unsigned i = 0;; i++)
		;
}

/* Takes gigabytes and uses them, until there are none. */
static void hog(void)
{
	for (;;) {
		volatile char *p = malloc(64 << 20);
		if (!p)
			abort();
		for (size_t i = 0; i < 64 << 20; i += 4096)
			p[i] = 1;
	}
}

/* Asks the packet's arena for more than it has: no death, a bad packet. */
static void greedy(struct nc_packet *p)
{
	while (nc_p_alloc(p, 4096))
		;
}

/* What no worker may do. */
static void connect_out(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
	abort();
}

/* The piece that this worker shares with main: the engine counts in it. */
static struct nc_shared *piece(const struct nc_packet *p)
{
	return (struct nc_shared *)(void *)((uint8_t *)p->engine->o.counters - offsetof(struct nc_shared, counters.decode));
}

static struct nc_ring *ring_of(const struct nc_packet *p)
{
	return (struct nc_ring *)(void *)((uint8_t *)piece(p) + ((sizeof(struct nc_shared) + 4095) & ~(size_t)4095));
}

/* Leaves nonsense in the ring and dies. */
static void spoil_ring(const struct nc_packet *p)
{
	atomic_store(&ring_of(p)->head, UINT64_MAX / 2);
	crash();
}

/* Fills every event counter that it can reach, so that whoever adds to one next would sleep, and asks main to do it. */
static void flood_counters(const struct nc_packet *p)
{
	static const uint64_t full = UINT64_MAX - 1;

	for (int fd = 3; fd < 64; fd++) {
		ssize_t n = write(fd, &full, sizeof(full));
		(void)n;
	}
	atomic_store(&ring_of(p)->waiting, 1);
}

/* Dies so that main sees no packet taken since the last death. */
static void stand_still(const struct nc_packet *p)
{
	atomic_store(&piece(p)->current.seq, STILL_AT);
	crash();
}

static enum nc_verdict evil_decode(struct nc_packet *p, struct nc_rd *r)
{
	uint8_t word[5];

	nc_rd_copy(r, word, sizeof(word));
	if (memcmp(word, "CRASH", 5) == 0)
		crash();
	if (memcmp(word, "LOOP!", 5) == 0)
		loop();
	if (memcmp(word, "HOG!!", 5) == 0)
		hog();
	if (memcmp(word, "SOCK!", 5) == 0)
		connect_out();
	if (memcmp(word, "RING!", 5) == 0)
		spoil_ring(p);
	if (memcmp(word, "STILL", 5) == 0)
		stand_still(p);
	if (memcmp(word, "FLOOD", 5) == 0)
		flood_counters(p);
	if (memcmp(word, "GREED", 5) == 0)
		greedy(p);
	return NC_DONE;
}

static const struct nc_decoder evil = { .name = "Evil", .decode = evil_decode, .keys = NC_KEYS({ NC_UDPPORT, PORT }) };
static const struct nc_decoder twin = { .name = "Twin", .decode = evil_decode, .keys = NC_KEYS({ NC_UDPPORT, PORT }) };

/* --- captures ------------------------------------------------------------------------------------------------------------------
 */

static char path[] = "/tmp/nc-pipeline-XXXXXX";
static FILE *capture;

static void begin(void)
{
	uint8_t head[24];

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	capture = fdopen(fd, "w");
	nc_report_pcap_header(head, 1);
	fwrite(head, 1, sizeof(head), capture);
}

/* An UDP packet of flow n with these first bytes of payload. */
static void packet(unsigned n, const char *payload)
{
	static const uint8_t headers[HEADERS] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x30, 0x39, PORT >> 8, PORT & 255, 0, 13, 0, 0,
	};
	uint8_t frame[HEADERS + 5], record[16 + sizeof(frame)];

	memcpy(frame, headers, HEADERS);
	frame[27] = (uint8_t)(n >> 8);
	frame[28] = (uint8_t)n;
	memcpy(frame + HEADERS, payload, 5);
	struct nc_capture_packet p = {
		.data = frame,
		.caplen = sizeof(frame),
		.len = sizeof(frame),
		.datalink = 1,
		.ts_ns = (int64_t)n * 1000 + NC_NS_PER_S,
	};
	assert_int_equal(nc_report_pcap(record, sizeof(record), &p), sizeof(record));
	fwrite(record, 1, sizeof(record), capture);
}

/* --- a run ---------------------------------------------------------------------------------------------------------------------
 */

struct outcome {
	struct nc_loop *loop;
	struct nc_pipeline *pipeline;
	struct nc_pipeline_stats stats;
	uint64_t block_records[NC_TYPES_MAX], error_packets, log_entries;
	uint8_t killer[64];
	unsigned crashes, chunks;
	char cause[64];
	int status;
	bool done, has_problem;
};

static void on_chunk(void *user, const struct nc_chunk *c)
{
	struct outcome *o = user;

	if (c->kind == NC_CHUNK_BLOCK)
		o->block_records[nc_type_slot(c->type)] += c->count;
	else if (c->kind == NC_CHUNK_ERRORS)
		o->error_packets += c->count;
	else if (c->kind == NC_CHUNK_LOG)
		o->log_entries += c->count;
}

static void on_crash(void *user, const struct nc_crash *c)
{
	struct outcome *o = user;

	o->crashes++;
	snprintf(o->cause, sizeof(o->cause), "%s", c->cause);
	if (c->has_packet)
		memcpy(o->killer, c->packet.data, c->packet.caplen < 64 ? c->packet.caplen : 64);
	unsetenv("NC_FAULT"); /* the next worker is to live */
}

static void on_done(void *user, int status, const char *problem)
{
	struct outcome *o = user;

	o->has_problem = problem && *problem;
	o->status = status;
	o->done = true;
	nc_loop_stop(o->loop, 0);
}

static void on_limit(void *user)
{
	nc_loop_stop(((struct outcome *)user)->loop, 1);
}

static struct nc_pipeline_options options(unsigned workers, const struct nc_decoder *const *extra, size_t n)
{
	struct nc_pipeline_options o = {
		.file = path, .workers = workers, .keep_errors = true, .keep_unknown = true, .base_datalink = -1, .level = 1,
		.watchdog = NC_NS_PER_S, .worker_memory = (size_t)256 << 20, .extra = extra, .extra_count = n,
	};

	memset(o.wanted, 1, sizeof(o.wanted));
	return o;
}

static void run(struct outcome *o, unsigned workers)
{
	static const struct nc_decoder *const extra[] = { &evil };
	struct nc_pipeline_options po = options(workers, extra, 1);
	struct nc_pipeline_events ev = { .chunk = on_chunk, .crash = on_crash, .done = on_done, .user = o };
	struct nc_buf err = { 0 };

	fclose(capture);
	memset(o, 0, sizeof(*o));
	assert_int_equal(nc_loop_new(&o->loop), 0);
	int rc = nc_pipeline_new(o->loop, &po, &ev, &o->pipeline, &err);
	if (rc)
		fail_msg("%s", nc_buf_cstr(&err));
	assert_int_equal(nc_loop_add_timer(o->loop, LIMIT_NS, 0, on_limit, o, NULL), 0);
	assert_int_equal(nc_loop_run(o->loop), 0);
	assert_true(o->done);
	nc_pipeline_stats(o->pipeline, &o->stats);
	nc_pipeline_free(o->pipeline);
	nc_loop_free(o->loop);
	nc_buf_free(&err);
	unlink(path);
}

static uint64_t udp(const struct outcome *o)
{
	return o->block_records[nc_type_slot(nc_type_by_name("UDP"))];
}

/* One packet of many has the word; everything but that packet must come out. */
static void one_bad_packet(const char *word, unsigned workers, const char *cause)
{
	struct outcome o;

	begin();
	for (unsigned i = 0; i < PACKETS; i++)
		packet(i, i == PACKETS / 2 ? word : "fine!");
	run(&o, workers);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.crashes, 1);
	assert_int_equal(o.stats.packets, PACKETS);
	assert_int_equal(o.stats.crashes, 1);
	assert_int_equal(o.stats.errors, 1);
	assert_int_equal(o.error_packets, 1);
	assert_int_equal(o.log_entries, 1);
	assert_int_equal(udp(&o), PACKETS - 1);
	assert_memory_equal(o.killer + HEADERS, word, 5);
	if (cause)
		assert_non_null(strstr(o.cause, cause));
}

static void good_packets_pass(void **state)
{
	struct outcome o;

	(void)state;
	for (unsigned workers = 1; workers <= 4; workers++) {
		begin();
		for (unsigned i = 0; i < PACKETS; i++)
			packet(i, "fine!");
		run(&o, workers);
		assert_int_equal(o.status, 0);
		assert_int_equal(o.crashes, 0);
		assert_int_equal(udp(&o), PACKETS);
		assert_int_equal(o.stats.errors, 0);
	}
}

static void crash_costs_one_packet(void **state)
{
	(void)state;
	one_bad_packet("CRASH", 1, NULL);
	one_bad_packet("CRASH", 3, NULL);
}

static void loop_costs_one_packet(void **state)
{
	(void)state;
	one_bad_packet("LOOP!", 2, "no answer in time");
}

static void hog_costs_one_packet(void **state)
{
	(void)state;
	one_bad_packet("HOG!!", 2, NULL);
}

static void forbidden_call_costs_one_packet(void **state)
{
	(void)state;
	one_bad_packet("SOCK!", 2, NULL);
}

static void nonsense_in_the_ring_costs_one_packet(void **state)
{
	(void)state;
	one_bad_packet("RING!", 1, "nonsense in its ring");
	one_bad_packet("RING!", 3, NULL);
}

static void full_event_counters_stop_nobody(void **state)
{
	struct outcome o;

	(void)state;
	begin();
	packet(1, "fine!");
	packet(2, "FLOOD");
	alarm(60);
	run(&o, 1);
	alarm(0);
	assert_int_equal(o.status, 0);
	/* the sandbox of builds without instruments doesn't let it write at all */
	assert_true(udp(&o) == 2 || (o.crashes == 1 && udp(&o) == 1));
}

static void greed_is_only_a_bad_packet(void **state)
{
	struct outcome o;

	(void)state;
	begin();
	packet(1, "GREED");
	packet(2, "fine!");
	run(&o, 1);
	assert_int_equal(o.crashes, 0);
	assert_int_equal(o.stats.errors, 1);
	assert_int_equal(o.error_packets, 1);
	assert_int_equal(udp(&o), 2);
}

static void killers_in_a_row(void **state)
{
	struct outcome o;

	(void)state;
	begin();
	for (unsigned i = 0; i < 40; i++)
		packet(i, i % 2 ? "CRASH" : "fine!");
	run(&o, 2);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.stats.crashes, 20);
	assert_int_equal(o.error_packets, 20);
	assert_int_equal(udp(&o), 20);
}

/* --- workers that wait for a pipe ------------------------------------------------------------------------------------------
 */

/* A pipeline over a FIFO that nothing comes from yet; returns our end of it. */
static int start_waiting(struct outcome *o, struct nc_loop *loop)
{
	struct nc_pipeline_options po = options(1, NULL, 0);
	struct nc_pipeline_events ev = { .chunk = on_chunk, .crash = on_crash, .done = on_done, .user = o };
	struct nc_buf err = { 0 };

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	memset(o, 0, sizeof(*o));
	o->loop = loop;
	assert_int_equal(nc_pipeline_new(loop, &po, &ev, &o->pipeline, &err), 0);
	nc_buf_free(&err);
	unlink(path);
	return fd;
}

/* How many pieces of workers a process has mapped, -1 when it is not to be seen. */
static int pieces_of(pid_t pid)
{
	char name[64], line[512];
	int n = 0;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	FILE *f = fopen(name, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "netcap-worker") != NULL;
	fclose(f);
	return n;
}

/* Rounds of the loop until the worker has but its own piece. */
#ifdef NC_FAULT_INJECTION
static void kill_at(const char *point, unsigned nth, unsigned workers)
{
	struct outcome o;
	char spec[64];

	snprintf(spec, sizeof(spec), "%s:%u:kill", point, nth);
	begin();
	for (unsigned i = 0; i < PACKETS; i++)
		packet(i, "fine!");
	setenv("NC_FAULT", spec, 1);
	run(&o, workers);
	unsetenv("NC_FAULT");
	assert_int_equal(o.status, 0);
	assert_true(o.crashes > 0);
	assert_int_equal(o.stats.packets, PACKETS);
	assert_int_equal(o.stats.crashes, 0);
	assert_int_equal(o.stats.errors, 0);
	assert_int_equal(udp(&o), PACKETS);
}

/* Workers that are killed between the file and a packet's beginning: nothing is missing, nothing is twice. */
static void killed_between_packets(void **state)
{
	static const char *const points[] = { "capture-reading", "capture-read", "packet-begin" };

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		for (unsigned workers = 1; workers <= 3; workers += 2) {
			kill_at(points[i], 1, workers);
			kill_at(points[i], 97, workers);
		}
	}
	kill_at("capture-read", PACKETS, 3);
}

/* Puts a FIFO in the place of the capture, through which a child sends it. */
static pid_t through_fifo(void)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(from >= 0);
	assert_int_equal(fflush(capture), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char some[4096];
		ssize_t n;
		int to = open(path, O_WRONLY | O_CLOEXEC);

		while ((n = read(from, some, sizeof(some))) > 0)
			if (write(to, some, (size_t)n) != n)
				break; /* nobody reads any more */
		_exit(0);
	}
	close(from);
	return pid;
}

/* What can't be read twice ends there, and says so. */
static void killed_over_a_pipe(void **state)
{
	struct outcome o;

	(void)state;
	for (int whole = 0; whole <= 1; whole++) {
		begin();
		for (unsigned i = 0; i < PACKETS; i++)
			packet(i, "fine!");
		pid_t writer = through_fifo();
		setenv("NC_FAULT", whole ? "capture-read:97:kill" : "capture-reading:97:kill", 1);
		run(&o, 1);
		unsetenv("NC_FAULT");
		assert_int_equal(waitpid(writer, NULL, 0), writer);
		assert_int_equal(o.status, whole ? 0 : -EIO);
		assert_int_equal(o.stats.packets, whole ? PACKETS : 96);
		assert_int_equal(udp(&o), whole ? PACKETS : 96);
	}
}
#endif

static void expect_own_piece_only(struct outcome *o)
{
	int64_t until = nc_time_mono() + LIMIT_NS;
	int n;

	nc_pipeline_stats(o->pipeline, &o->stats);
	while ((n = pieces_of(o->stats.workers[0].pid)) > 1 && nc_time_mono() < until)
		assert_int_equal(nc_loop_once(o->loop, 10), 0);
	assert_true(n == 1 || n == -1);
}

static void what_nobody_can_hand_out_is_counted(void **state)
{
	const size_t slot = nc_type_slot(nc_type_by_name("UDP"));
	struct outcome o;

	(void)state;
	begin();
	for (unsigned i = 0; i < STILL_AT / 2; i++)
		packet(i, "fine!");
	for (unsigned i = 0; i < STILL_AT; i++)
		packet(i, "STILL");
	run(&o, 1);
	assert_int_equal(o.status, -EIO);
	assert_int_equal(udp(&o), 0);
	assert_int_equal(o.stats.records[slot], 0);
	/* Ethernet, IPv4 and UDP */
	assert_true(o.stats.records_lost >= 3 * STILL_AT / 2);
}

static void a_worker_has_no_memory_of_others(void **state)
{
	struct nc_loop *loop;
	struct outcome a, b;

	(void)state;
	assert_int_equal(nc_loop_new(&loop), 0);
	int fd_a = start_waiting(&a, loop), fd_b = start_waiting(&b, loop);
	expect_own_piece_only(&a);
	expect_own_piece_only(&b);
	nc_pipeline_free(a.pipeline);
	nc_pipeline_free(b.pipeline);
	nc_loop_free(loop);
	close(fd_a);
	close(fd_b);
}

/* netcap -r FIFO, and the other side has nothing to say: it must end when asked to, with what came before. */
static void stop_ends_a_wait_for_a_pipe(void **state)
{
	static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6 };
	struct nc_capture_packet p = { .data = frame, .caplen = sizeof(frame), .len = sizeof(frame), .datalink = 1 };
	uint8_t head[24], record[16 + sizeof(frame)];
	struct nc_loop *loop;
	struct outcome o;

	(void)state;
	assert_int_equal(nc_loop_new(&loop), 0);
	int fd = start_waiting(&o, loop);
	nc_report_pcap_header(head, 1);
	assert_int_equal(nc_report_pcap(record, sizeof(record), &p), sizeof(record));
	assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
	assert_int_equal(write(fd, record, sizeof(record)), sizeof(record));
	for (int64_t until = nc_time_mono() + LIMIT_NS; o.stats.packets == 0 && nc_time_mono() < until;) {
		assert_int_equal(nc_loop_once(loop, 10), 0);
		nc_pipeline_stats(o.pipeline, &o.stats);
	}
	assert_int_equal(o.stats.packets, 1);
	nc_pipeline_stop(o.pipeline);
	assert_int_equal(nc_loop_add_timer(loop, LIMIT_NS, 0, on_limit, &o, NULL), 0);
	assert_int_equal(nc_loop_run(loop), 0);
	assert_true(o.done);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.crashes, 0);
	assert_int_equal(o.block_records[nc_type_slot(nc_type_by_name("Ethernet"))], 1);
	nc_pipeline_free(o.pipeline);
	nc_loop_free(loop);
	close(fd);
}

/* Some who start programs leave SIGCHLD ignored: the kernel then buries children by itself. */
static void ignored_sigchld(void **state)
{
	struct outcome o;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	begin();
	packet(1, "fine!");
	run(&o, 2);
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(o.status, 0);
	assert_int_equal(udp(&o), 1);
}

/* The first bytes of our own memory, which can't be read. */
static void a_read_error_is_told(void **state)
{
	char saved[sizeof(path)];
	struct outcome o;

	(void)state;
	begin();
	unlink(path);
	memcpy(saved, path, sizeof(path));
	snprintf(path, sizeof(path), "/proc/self/mem");
	run(&o, 1);
	memcpy(path, saved, sizeof(path));
	assert_int_equal(o.status, -EIO);
	assert_true(o.has_problem);
}

static void stop_at_the_first_chunk(void *user, const struct nc_chunk *c)
{
	struct outcome *o = user;

	on_chunk(user, c);
	o->chunks++;
	nc_loop_stop(o->loop, 0);
}

/* A worker that is faster than main must not keep main from everything else. */
static void a_full_ring_lets_others_have_their_turn(void **state)
{
	enum { MANY = 20000 };
	struct nc_pipeline_options po = options(1, NULL, 0);
	struct nc_pipeline_events ev = { .chunk = stop_at_the_first_chunk, .done = on_done };
	struct nc_buf err = { 0 };
	struct outcome o = { .status = 0 };
	siginfo_t si;

	(void)state;
	begin();
	for (unsigned i = 0; i < MANY; i++)
		packet(i, "fine!");
	fclose(capture);
	ev.user = &o;
	po.block_size = 1;
	assert_int_equal(nc_loop_new(&o.loop), 0);
	assert_int_equal(nc_pipeline_new(o.loop, &po, &ev, &o.pipeline, &err), 0);
	/* it ends with everything in its ring */
	assert_int_equal(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(nc_loop_run(o.loop), 0);
	assert_in_range(o.chunks, 1, 128);
	while (!o.done)
		assert_int_equal(nc_loop_run(o.loop), 0);
	assert_int_equal(udp(&o), MANY);
	nc_pipeline_free(o.pipeline);
	nc_loop_free(o.loop);
	unlink(path);
}

/* --- live --------------------------------------------------------------------------------------------------------------------
 */

/* Datagrams to PORT on loopback; one in `every` is a killer. */
static void send_some(unsigned n, unsigned every)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (unsigned i = 1; i <= n; i++)
		(void)sendto(fd, i % every == 0 ? "CRASH" : "fine!", 5, 0, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

/* A capture of what comes to our port over loopback; skips where that is not allowed. */
static void start_live(struct outcome *o, struct nc_pipeline_options *po)
{
	struct nc_live_options live = {
		.interface = "lo", .bpf = "udp dst port 4242", .snaplen = 65536, .buffer = 1 << 20,
	};
	struct nc_pipeline_events ev = { .chunk = on_chunk, .crash = on_crash, .done = on_done, .user = o };
	struct nc_buf err = { 0 };

	po->file = NULL;
	po->live = &live;
	assert_int_equal(nc_loop_new(&o->loop), 0);
	int rc = nc_pipeline_new(o->loop, po, &ev, &o->pipeline, &err);
	nc_buf_free(&err);
	if (rc) {
		nc_loop_free(o->loop);
		skip();
	}
}

static void run_to_end(struct outcome *o)
{
	assert_int_equal(nc_loop_add_timer(o->loop, LIMIT_NS, 0, on_limit, o, NULL), 0);
	assert_int_equal(nc_loop_run(o->loop), 0);
	assert_true(o->done);
	nc_pipeline_stats(o->pipeline, &o->stats);
}

/* Whatever dies, and however it ends: each packet that the kernel took for us is accounted for. */
static void live_numbers_add_up(void **state)
{
	static const struct nc_decoder *const extra[] = { &evil };
	struct nc_pipeline_options po = options(2, extra, 1);
	struct outcome o = { .status = 0 };

	(void)state;
	start_live(&o, &po);
	int64_t until = nc_time_mono() + LIMIT_NS;
	while (o.crashes < 25 && nc_time_mono() < until) {
		send_some(40, 20);
		assert_int_equal(nc_loop_once(o.loop, 10), 0);
	}
	assert_true(o.crashes >= 25);
	/* killers that wait when the end comes */
	send_some(400, 10);
	nc_pipeline_stop(o.pipeline);
	run_to_end(&o);
	assert_int_equal(o.status, 0);
	assert_true(o.stats.received > 0);
	assert_int_equal(o.stats.received, o.stats.packets + o.stats.kernel_drop + o.stats.crash_drop + o.stats.stop_drop);
	assert_int_equal(o.stats.packets, udp(&o) + o.stats.crashes);
	assert_int_equal(o.stats.records[nc_type_slot(nc_type_by_name("UDP"))], udp(&o));
	assert_int_equal(o.stats.if_drop, 0);
	nc_pipeline_free(o.pipeline);
	nc_loop_free(o.loop);
}

/* What came between the opening of the handle and the first look of its worker is not lost when the end comes before that. */
static void stop_before_the_beginning(void **state)
{
	struct nc_pipeline_options po = options(1, NULL, 0);
	struct outcome o = { .status = 0 };

	(void)state;
	start_live(&o, &po);
	nc_pipeline_stop(o.pipeline);
	send_some(20, 21);
	run_to_end(&o);
	assert_int_equal(o.stats.stop_drop, 0);
	assert_int_equal(o.stats.packets, 20);
	assert_int_equal(udp(&o), 20);
	nc_pipeline_free(o.pipeline);
	nc_loop_free(o.loop);
}

static uint64_t counted(struct outcome *o, const char *type)
{
	nc_pipeline_stats(o->pipeline, &o->stats);
	return o->stats.records[nc_type_slot(nc_type_by_name(type))];
}

/* n datagrams to our port; all of them are decoded, `want` of them pass the filter. */
static void pass(struct outcome *o, unsigned n, unsigned want)
{
	int64_t until = nc_time_mono() + LIMIT_NS;

	nc_pipeline_stats(o->pipeline, &o->stats);
	uint64_t upto = o->stats.packets + want;
	send_some(n, n + 1);
	while (o->stats.packets < upto && nc_time_mono() < until) {
		assert_int_equal(nc_loop_once(o->loop, 10), 0);
		nc_pipeline_stats(o->pipeline, &o->stats);
	}
	assert_int_equal(o->stats.packets, upto);
}

static void kill_all(struct outcome *o)
{
	struct nc_pipeline_stats before;
	int64_t until = nc_time_mono() + LIMIT_NS;

	nc_pipeline_stats(o->pipeline, &before);
	for (unsigned i = 0; i < before.worker_count; i++)
		assert_int_equal(kill(before.workers[i].pid, SIGKILL), 0);
	do {
		assert_int_equal(nc_loop_once(o->loop, 10), 0);
		nc_pipeline_stats(o->pipeline, &o->stats);
	} while (o->stats.restarts < before.restarts + before.worker_count && nc_time_mono() < until);
}

/* Other types: those that were wanted stop and the others start with the next packet, here and in workers that come later. */
static void change_types(struct outcome *o, struct nc_pipeline_change *c, const char *on, const char *off)
{
	uint64_t ons = counted(o, on), offs = counted(o, off);

	c->wanted[nc_type_slot(nc_type_by_name(on))] = true;
	c->wanted[nc_type_slot(nc_type_by_name(off))] = false;
	c->wanted[nc_type_slot(nc_type_by_name("Flow"))] ^= true;
	nc_pipeline_change(o->pipeline, c);
	pass(o, 50, 50);
	kill_all(o);
	pass(o, 50, 50);
	assert_int_equal(counted(o, on), ons + 100);
	assert_int_equal(counted(o, off), offs);
}

static void change_filter(struct outcome *o, const char *bpf)
{
	struct nc_program *c = NULL;
	struct nc_buf err = { 0 };

	assert_int_equal(nc_pipeline_compile(o->pipeline, bpf, &c, &err), 0);
	assert_int_equal(nc_pipeline_filter(o->pipeline, &c, &err), 0);
	assert_string_equal(nc_pipeline_bpf(o->pipeline), bpf);
	assert_int_equal(err.len, 0);
	nc_program_free(c);
}

static void changes_while_it_runs(void **state)
{
	struct nc_pipeline_options po = options(2, NULL, 0);
	struct outcome o = { .status = 0 };
	struct nc_pipeline_change c = { .wanted = { false } };
	struct nc_program *none = NULL;
	struct nc_buf err = { 0 };

	(void)state;
	memset(po.wanted, 0, sizeof(po.wanted));
	start_live(&o, &po);
	pass(&o, 50, 50);
	change_types(&o, &c, "UDP", "Ethernet");
	change_types(&o, &c, "Ethernet", "UDP");
	change_filter(&o, "udp dst port 4243");
	pass(&o, 50, 0);
	assert_int_equal(nc_pipeline_compile(o.pipeline, "(udp dst port 4243", &none, &err), -EINVAL);
	assert_non_null(strstr(nc_buf_cstr(&err), "syntax error"));
	assert_null(none);
	nc_buf_reset(&err);
	kill_all(&o);
	pass(&o, 50, 0);
	change_filter(&o, "udp dst port 4242 and udp[4:2] > 8");
	change_types(&o, &c, "UDP", "Ethernet");
	nc_pipeline_stop(o.pipeline);
	run_to_end(&o);
	assert_int_equal(o.stats.packets, 350);
	assert_int_equal(o.stats.received, 350);
	nc_pipeline_free(o.pipeline);
	nc_loop_free(o.loop);
	nc_buf_free(&err);
}

static void two_claims_on_one_key_are_refused(void **state)
{
	static const struct nc_decoder *const extra[] = { &evil, &twin };
	struct nc_engine_options eo = { .extra = extra, .extra_count = 2 };
	struct nc_buf err = { 0 };

	(void)state;
	assert_null(nc_engine_new(&eo, &err));
	assert_non_null(strstr(nc_buf_cstr(&err), "Evil and Twin both claim UDP port 4242"));
	nc_buf_free(&err);
}

static void no_capture_at_all(void **state)
{
	struct outcome o;

	(void)state;
	begin();
	rewind(capture);
	fputs("this is no capture file at all, is it?", capture);
	run(&o, 2);
	assert_true(o.status < 0);
	assert_int_equal(o.stats.packets, 0);
}

/* What a unit with SystemCallFilter=~@privileged @resources and SystemCallErrorNumber=EPERM leaves of what a worker asks for. */
static int refuse_as_systemd_does(void)
{
	static const int refused[] = { SCMP_SYS(setrlimit), SCMP_SYS(prlimit64), SCMP_SYS(capset) };
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_packets_pass),
		cmocka_unit_test(crash_costs_one_packet),
		cmocka_unit_test(loop_costs_one_packet),
		cmocka_unit_test(hog_costs_one_packet),
		cmocka_unit_test(forbidden_call_costs_one_packet),
		cmocka_unit_test(nonsense_in_the_ring_costs_one_packet),
		cmocka_unit_test(full_event_counters_stop_nobody),
		cmocka_unit_test(greed_is_only_a_bad_packet),
		cmocka_unit_test(killers_in_a_row),
#ifdef NC_FAULT_INJECTION
		cmocka_unit_test(killed_between_packets),
		cmocka_unit_test(killed_over_a_pipe),
#endif
		cmocka_unit_test(what_nobody_can_hand_out_is_counted),
		cmocka_unit_test(a_worker_has_no_memory_of_others),
		cmocka_unit_test(stop_ends_a_wait_for_a_pipe),
		cmocka_unit_test(ignored_sigchld),
		cmocka_unit_test(a_read_error_is_told),
		cmocka_unit_test(a_full_ring_lets_others_have_their_turn),
		cmocka_unit_test(live_numbers_add_up),
		cmocka_unit_test(stop_before_the_beginning),
		cmocka_unit_test(changes_while_it_runs),
		cmocka_unit_test(two_claims_on_one_key_are_refused),
		cmocka_unit_test(no_capture_at_all),
	};
	const struct CMUnitTest again[] = {
		cmocka_unit_test(good_packets_pass),
		cmocka_unit_test(crash_costs_one_packet),
		cmocka_unit_test(hog_costs_one_packet),
		cmocka_unit_test(forbidden_call_costs_one_packet),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

#if !defined(NC_SANITIZERS) && !defined(NC_GCOV)
	if (refuse_as_systemd_does() != 0)
		return 1;
	failed += cmocka_run_group_tests_name("under a unit's filter", again, NULL, NULL);
#else
	(void)again;
	(void)refuse_as_systemd_does;
#endif
	return failed;
}
