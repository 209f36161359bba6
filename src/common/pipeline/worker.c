/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker: takes packets from its source, decodes them, gathers records, and knows nothing else. */
#include "config.h"

#include "pipeline/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/time.h"
#include "flow/tcp.h"
#include "pipeline/flows.h"
#include "pipeline/report.h"
#include "pipeline/sandbox.h"
#include "pipeline/stage.h"
#include "record/pack.h"

#define LIVE_BATCH     2048
#define WINDOW         32768u             /* packets of a file between two points at which all workers look for what has ended */
#define CHECK_EVERY    512u               /* packets of a file between two looks at main's wishes */
/* The kernel hands over a block that is not full after the time of a poll; a busy machine may be late with it. */
#define DRAIN_IDLE     3u
#define DRAIN_LIMIT    (3 * NC_NS_PER_S)  /* for the kernel's ring at the end of a live capture */
#define DEFAULT_MEMORY ((size_t)256 << 20)

struct worker {
	const struct nc_worker_start *s;
	struct nc_pipeline_options o; /* with main's wishes of generation `wish` */
	uint32_t wish;
	struct nc_shared *sh;
	struct nc_engine *engine;
	struct nc_packer *packer;
	struct nc_format *formats[NC_TYPES_MAX];
	struct nc_buf line;
	struct nc_stager stager;
	struct nc_tcp *tcp; /* NULL: streams are not looked at */
	void *tcp_memory;
	size_t tcp_size;
	uint8_t tcp_seed[16];
	int64_t low_ns;   /* the earliest time since the last window began */
	struct nc_flow_driver flows;
	uint32_t flushed; /* generation of the last flush that main asked for */
};

static _Noreturn void give_up(struct nc_shared *sh, int status, const char *what)
{
	sh->status = status;
	snprintf(sh->problem, sizeof(sh->problem), "%s: %s", what, strerror(-status));
	atomic_store(&sh->phase, NC_PHASE_FAILED);
	_exit(0);
}

static void format_record(struct worker *w, const struct nc_engine_record *r, int64_t ts_ns)
{
	size_t room;
	uint8_t *to = nc_stager_room(&w->stager, r->slot, &room);

	nc_buf_reset(&w->line);
	nc_format_record(w->formats[r->slot], r->m, &w->line);
	if (w->line.failed || w->line.len > room) {
		w->sh->counters.too_large++;
		return;
	}
	memcpy(to, w->line.data, w->line.len);
	nc_stager_add(&w->stager, r->slot, w->line.len, ts_ns);
}

static void pack_record(struct worker *w, const struct nc_engine_record *r, int64_t ts_ns)
{
	size_t room;
	uint8_t *to = nc_stager_room(&w->stager, r->slot, &room);
	size_t n = nc_pack_delimited(w->packer, r->slot, r->m, to, room);

	if (n == 0) {
		w->sh->counters.too_large++;
		return;
	}
	nc_stager_add(&w->stager, r->slot, n, ts_ns);
}

static void put_record(struct worker *w, const struct nc_engine_record *r, int64_t ts_ns)
{
	if (w->s->o->output == NC_OUTPUT_CSV)
		format_record(w, r, ts_ns);
	else
		pack_record(w, r, ts_ns);
}

/* Records of flows: several packets have gone into them. */
static void flow_record(void *user, const ProtobufCMessage *m, int64_t ts_ns)
{
	const struct nc_engine_record r = {
		.slot = (uint16_t)nc_type_slot(nc_type_by_desc(m->descriptor)), .m = (ProtobufCMessage *)(uintptr_t)m,
	};

	put_record(user, &r, ts_ns);
}

/* Records of streams, of which a packet may bring many. */
static void stream_record(void *user, const ProtobufCMessage *m, int64_t ts_ns)
{
	struct worker *w = user;

	flow_record(w, m, ts_ns);
	nc_stager_relieve(&w->stager, (unsigned)nc_type_slot(nc_type_by_desc(m->descriptor)));
}

static void stream_bad(void *user, const char *reader, const char *reason)
{
	const struct worker *w = user;
	char text[NC_REASON_TEXT];

	snprintf(text, sizeof(text), "%s: %s", reader, reason);
	nc_report_count(w->sh->reasons, text);
}

/* A whole packet as it stands in a pcap file, nanoseconds, host order. */
static void keep_packet(struct worker *w, unsigned stage, const struct nc_capture_packet *pkt)
{
	size_t room;
	uint8_t *to = nc_stager_room(&w->stager, stage, &room);
	size_t n = nc_report_pcap(to, room, pkt);

	if (n)
		nc_stager_add(&w->stager, stage, n, pkt->ts_ns);
}

static void keep_failed(struct worker *w, const struct nc_capture_packet *pkt, const struct nc_engine_result *res)
{
	const struct nc_decoder *d = nc_engine_decoder(w->engine, res->error_decoder);
	char text[NC_REASON_TEXT];
	size_t room;

	w->sh->counters.errors++;
	snprintf(text, sizeof(text), "%s: %s", d ? d->name : "?", res->error);
	nc_report_count(w->sh->reasons, text);
	if (!w->o.keep_errors)
		return;
	keep_packet(w, NC_STAGE_ERRORS, pkt);
	uint8_t *to = nc_stager_room(&w->stager, NC_STAGE_LOG, &room);
	size_t n = nc_report_log(to, room, text, pkt, w->engine, res);
	if (n)
		nc_stager_add(&w->stager, NC_STAGE_LOG, n, pkt->ts_ns);
}

static void take(struct worker *w, const struct nc_capture_packet *pkt)
{
	struct nc_shared *sh = w->sh;
	struct nc_current *cur = &sh->current;

	cur->datalink = pkt->datalink;
	cur->caplen = pkt->caplen;
	cur->len = pkt->len;
	cur->ts_ns = pkt->ts_ns;
	cur->data = pkt->data;
	nc_current_begin(cur, false);
	sh->counters.bytes += pkt->caplen;

	const struct nc_engine_result *res = nc_engine_packet(w->engine, pkt->datalink, pkt->ts_ns, pkt->data, pkt->caplen);
	for (unsigned i = 0; i < res->count; i++) {
		nc_flow_driver_ahead(&w->flows, res->outer, i);
		put_record(w, &res->records[i], pkt->ts_ns);
	}
	if (res->error) {
		nc_stager_datalink(&w->stager, NC_STAGE_ERRORS, pkt->datalink);
		keep_failed(w, pkt, res);
	} else if (res->unknown) {
		sh->counters.unknown++;
		nc_stager_datalink(&w->stager, NC_STAGE_UNKNOWN, pkt->datalink);
		if (w->o.keep_unknown)
			keep_packet(w, NC_STAGE_UNKNOWN, pkt);
	}
	nc_flow_driver_packet(&w->flows, res, pkt->ts_ns, pkt->caplen);
	nc_stager_commit(&w->stager);
}

/* What main wishes now. False when it has begun to write the next but one meanwhile: then that will come. */
static bool copy_wishes(struct worker *w, uint32_t gen)
{
	struct nc_pipeline_change k = w->sh->wishes[gen & 1];

	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&w->sh->wish, memory_order_relaxed) != gen)
		return false;
	nc_pipeline_apply(&w->o, &k);
	return true;
}

static int begin_streams(struct worker *w);
static void end_streams(struct worker *w);

/* Only between packets. What is under way is written as it was wanted until now. */
static void change(struct worker *w)
{
	uint32_t gen = atomic_load_explicit(&w->sh->wish, memory_order_acquire);

	if (!copy_wishes(w, gen))
		return;
	w->wish = gen;
	if (!nc_tcp_useful(w->o.wanted))
		end_streams(w);
	else if (w->tcp)
		nc_tcp_change(w->tcp, w->o.wanted, w->o.conn_timeout);
	else
		(void)begin_streams(w); /* the memory is there */
	nc_flow_driver_change(&w->flows, &w->o);
	nc_engine_change(w->engine, w->o.wanted, w->o.payloads, w->tcp ? nc_tcp_segment : NULL, w->tcp);
}

/* One load for each packet. */
static void look_for_change(struct worker *w)
{
	if (atomic_load_explicit(&w->sh->wish, memory_order_relaxed) != w->wish)
		change(w);
}

static void obey(struct worker *w)
{
	uint32_t gen = atomic_load_explicit(&w->sh->flush, memory_order_relaxed);

	look_for_change(w);
	if (gen != w->flushed) {
		w->flushed = gen;
		nc_stager_flush(&w->stager);
	}
	nc_flow_driver_obey(&w->flows);
}

static bool mine(const struct worker *w, const struct nc_capture_packet *pkt)
{
	return w->s->count <= 1 || nc_balance_hash(pkt->datalink, pkt->data, pkt->caplen) % w->s->count == w->s->index;
}

static bool passes(struct worker *w, const struct nc_capture_packet *pkt)
{
	bool cannot = false;

	if (!w->s->o->filter || nc_filter_match(w->s->o->filter, pkt, &cannot))
		return true;
	if (cannot)
		w->sh->counters.cannot_filter++;
	else
		w->sh->counters.filtered++;
	return false;
}

/* Ends what has been idle, at the same places of the file in every worker, so that their number makes no difference. */
static void window(struct worker *w, uint64_t number, int64_t ts_ns)
{
	if (number % WINDOW == 1 || ts_ns < w->low_ns)
		w->low_ns = ts_ns;
	if (w->tcp && number % WINDOW == 0)
		nc_tcp_sweep(w->tcp, w->low_ns);
}

/* The packet of that number in the file, which is in sh->next. */
static void deal_with(struct worker *w, uint64_t number)
{
	struct nc_capture_packet pkt = w->sh->next;

	(void)NC_FAULT("capture-read");
	if (w->s->o->base_datalink >= 0)
		pkt.datalink = (uint32_t)w->s->o->base_datalink;
	nc_flow_driver_read(&w->flows, number, pkt.ts_ns);
	if (!mine(w, &pkt))
		w->sh->counters.foreign++;
	else if (passes(w, &pkt))
		take(w, &pkt);
	window(w, number, pkt.ts_ns);
	nc_flow_driver_after(&w->flows);
}

/* What a worker that died before leaves: packets that it dealt with, which a reader that begins anew passes over, and perhaps one
 * that it had read only. */
static void resume(struct worker *w, struct nc_capfile *c)
{
	struct nc_shared *sh = w->sh;
	uint64_t before = nc_shared_dealt_with(sh);

	while (nc_capfile_packets(c) < before && nc_capfile_next(c, &sh->next) > 0)
		;
	if (nc_capfile_packets(c) > before)
		deal_with(w, nc_capfile_packets(c));
}

/* Reads on where the reader in the shared piece stands: a worker that died before has left it there. */
static void run_file(struct worker *w)
{
	struct nc_shared *sh = w->sh;
	struct nc_capfile *c = (struct nc_capfile *)(void *)nc_shared_at(sh, w->s->layout->capfile);
	int rc = 0;

	if (!sh->file_open) {
		nc_capfile_init(c, w->s->file);
		sh->file_open = true;
	}
	resume(w, c);
	for (unsigned n = 1; (rc = nc_capfile_next(c, &sh->next)) > 0; n++) {
		deal_with(w, nc_capfile_packets(c));
		if (n % CHECK_EVERY == 0) {
			sh->counters.offset = nc_capfile_offset(c);
			obey(w);
			if (atomic_load_explicit(&sh->stop, memory_order_relaxed))
				break;
		}
	}
	sh->counters.offset = nc_capfile_offset(c);
	sh->status = rc < 0 ? rc : 0;
	const char *problem = rc <= 0 ? nc_capfile_problem(c) : NULL;
	if (problem)
		snprintf(sh->problem, sizeof(sh->problem), "%s", problem);
}

static void on_live_packet(void *user, const struct nc_capture_packet *pkt)
{
	struct worker *w = user;
	struct nc_capture_packet mine_ = *pkt;
	uint8_t *copy = nc_shared_at(w->sh, w->s->layout->packet);

	look_for_change(w);
	if (mine_.caplen > NC_CAPTURE_SNAPLEN_MAX)
		mine_.caplen = NC_CAPTURE_SNAPLEN_MAX;
	memcpy(copy, pkt->data, mine_.caplen);
	mine_.data = copy;
	take(w, &mine_);
	nc_flow_driver_after(&w->flows);
}

static void run_live(struct worker *w)
{
	struct nc_shared *sh = w->sh;
	int64_t until = 0;
	unsigned idle = 0; /* polls in a row that gave nothing */
	int n;

	sh->live_begun = true;
	do {
		n = nc_live_poll(w->s->live, LIVE_BATCH, on_live_packet, w);
		nc_flow_driver_tick(&w->flows, nc_time_mono());
		obey(w);
		if (w->tcp)
			nc_tcp_sweep(w->tcp, nc_time_real());
		idle = n > 0 ? 0 : idle + 1;
		if (until == 0 && atomic_load(&sh->stop)) {
			until = nc_time_mono() + DRAIN_LIMIT;
			idle = 0;
		}
	} while (n >= 0 && (until == 0 || (idle < DRAIN_IDLE && nc_time_mono() < until)));
	sh->status = n < 0 ? n : 0;
	if (n < 0)
		snprintf(sh->problem, sizeof(sh->problem), "capture ended: %s", strerror(-n));
}

static int make_formats(struct worker *w)
{
	for (size_t i = 0; i < nc_types_count; i++) {
		char *bad = NULL;
		if (!w->s->o->wanted[i])
			continue;
		w->formats[i] = nc_format_new(&nc_types[i], &w->s->o->format, w->s->o->select, &bad);
		/* fields that a type has not were refused before; here they only mean that it prints nothing */
		free(bad);
		if (!w->formats[i])
			return -EINVAL;
	}
	nc_buf_init(&w->line, NC_BLOCK_INFLATED_MAX);
	return nc_buf_reserve(&w->line, NC_BLOCK_INFLATED_MAX / 2) ? 0 : -ENOMEM;
}

static int begin_streams(struct worker *w)
{
	const struct nc_sink sink = { .record = stream_record, .user = w };
	struct nc_tcp_options to = {
		.timeout_ns = w->o.conn_timeout,
		.wanted = w->o.wanted,
		.sink = &sink,
		.counters = &w->sh->counters.tcp,
		.bad = stream_bad,
		.bad_user = w,
	};

	memcpy(to.seed, w->tcp_seed, sizeof(to.seed));
	w->tcp = nc_tcp_init(w->tcp_memory, w->tcp_size, &to);
	return w->tcp ? 0 : -ENOMEM;
}

/* The memory is as it was at first then, or is not used again. */
static void end_streams(struct worker *w)
{
	if (!w->tcp)
		return;
	nc_tcp_end(w->tcp);
	w->tcp = NULL;
	if (madvise(w->tcp_memory, w->tcp_size, MADV_DONTNEED) != 0)
		memset(w->tcp_memory, 0, w->tcp_size);
}

/* The memory is the worker's own and dies with it: what readers keep there holds pointers. Where main may come to want streams it
 * is there from the beginning, since the sandbox gives none later, and costs nothing until it is used. */
static int prepare_streams(struct worker *w)
{
	size_t size = (w->o.stream_memory ? w->o.stream_memory : NC_STREAM_MEMORY) / w->s->count_all;
	bool useful = nc_tcp_useful(w->o.wanted);

	if (!useful && !w->s->live)
		return 0;
	if (size < nc_tcp_min())
		size = nc_tcp_min();
	if (getrandom(w->tcp_seed, sizeof(w->tcp_seed), 0) != (ssize_t)sizeof(w->tcp_seed))
		return -EIO;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	w->tcp_memory = mem;
	w->tcp_size = size;
	return useful ? begin_streams(w) : 0;
}

static int prepare(struct worker *w)
{
	const struct nc_worker_start *s = w->s;
	struct nc_buf err = { 0 };
	struct nc_engine_options eo = {
		.payloads = s->o->payloads,
		.counters = &w->sh->counters.decode,
		.extra = s->o->extra,
		.extra_count = s->o->extra_count,
		.fragment = nc_defrag_fragment,
		.fragment_user = nc_shared_at(w->sh, s->layout->defrag),
	};

	memcpy(eo.wanted, s->o->wanted, sizeof(eo.wanted));
	int rc = prepare_streams(w);
	if (rc)
		return rc;
	eo.segment = w->tcp ? nc_tcp_segment : NULL;
	eo.segment_user = w->tcp;
	w->engine = nc_engine_new(&eo, &err);
	nc_buf_free(&err);
	w->packer = nc_packer_new();
	if (!w->engine || !w->packer)
		return -ENOMEM;
	rc = nc_stager_init(&w->stager, s);
	if (rc == 0 && s->o->output == NC_OUTPUT_CSV)
		rc = make_formats(w);
	return rc;
}

/* Standard descriptors stay as /dev/null, so that nothing of the terminal or the journal is left. */
static int close_standard(void)
{
#if !defined(NC_SANITIZERS) && !defined(NC_GCOV)
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (null > 2)
		close(null);
#endif
	return 0;
}

static void enter_sandbox(const struct nc_worker_start *s)
{
	const char *step = NULL;
	struct nc_sandbox box = {
		.memory = s->o->worker_memory ? s->o->worker_memory : DEFAULT_MEMORY, .live = s->live != NULL, .keep = s->keep,
		.keep_count = s->keep_count, .signal = s->data_ready, .own = s->shared, .own_size = s->layout->total,
	};
	int rc = nc_sandbox_enter(&box, &step);

	if (rc) {
		char what[96];
		snprintf(what, sizeof(what), "sandbox: %s", step);
		give_up(s->shared, rc, what);
	}
}

static void quiet_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	/* whatever handlers the program has, a worker that fails must die */
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "netcap-worker");
}

_Noreturn void nc_worker_run(const struct nc_worker_start *s)
{
	struct worker *w = calloc(1, sizeof(*w));

	quiet_signals();
	if (getppid() != s->parent)
		_exit(1); /* main died before the signal for that was asked for */
	if (!w)
		give_up(s->shared, -ENOMEM, "worker");
	w->s = s;
	w->o = *s->o;
	w->wish = s->wish;
	w->sh = s->shared;
	w->flushed = atomic_load(&s->shared->flush);
	int rc = close_standard();
	if (rc)
		give_up(s->shared, rc, "/dev/null");
	rc = prepare(w);
	if (rc)
		give_up(s->shared, rc, "worker");
	enter_sandbox(s);
	atomic_store(&s->shared->phase, NC_PHASE_RUNNING);
	nc_flow_driver_init(&w->flows, s, &w->stager, &(struct nc_sink){ .record = flow_record, .user = w });
	/* who starts after main was told to stop hands out what the one before had gathered, and what waits in a handle of his */
	bool stopped = atomic_load(&s->shared->stop);
	if (s->live && (!stopped || !s->shared->live_begun))
		run_live(w);
	else if (!s->live && !stopped)
		run_file(w);
	if (w->tcp)
		nc_tcp_end(w->tcp);
	nc_flow_driver_end(&w->flows);
	nc_stager_flush(&w->stager);
	atomic_store(&s->shared->phase, NC_PHASE_DONE);
	_exit(0);
}
