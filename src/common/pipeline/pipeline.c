/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Main's side of the workers: starts them, empties their rings, buries and replaces those that die. */
#include "config.h"

#include "pipeline/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "pipeline/flows.h"
#include "pipeline/gather.h"
#include "pipeline/report.h"
#include "pipeline/worker.h"

#define RING_SIZE        ((size_t)4 << 20)
#define BLOCK_SIZE       ((size_t)256 << 10)
#define DEFRAG_SIZE      ((size_t)8 << 20)
#define WATCHDOG_DEFAULT (5 * NC_NS_PER_S)
#define STILL_DEATHS_MAX 5u  /* deaths in a row without a packet between them */
#define LIVE_BURST       20u /* restarts at once; then one per pause */
#define LIVE_PAUSE       (NC_NS_PER_S / 5)
#define FDS_MAX          1024
#define TICK             (NC_NS_PER_S / 4)
#define START_LIMIT      1000 /* ms that a worker may take to close what is not its own */
#define STUCK_TICKS      4u   /* for which a worker that was told to stop may wait for its file */
#define FLOW_SLACK       (3 * NC_NS_PER_S) /* live: by which parts of flows may be late */
#define SWEEP_TICKS      4u
#define WINDOWS_LOST_MAX 65536u
#define ROUND_MESSAGES   64u  /* of a ring before the others have their turn */

/* Drained: it has ended, and parts of flows that must wait are still in its ring. */
enum state { WORKER_RUNNING, WORKER_PAUSED, WORKER_DRAINED, WORKER_FINISHED };

struct member {
	struct nc_pipeline *p;
	unsigned index;
	enum state state;
	struct nc_shared *shared;
	struct nc_ring_end ring;
	int file, data_ready, wake, pidfd;
	off_t file_start;              /* where the file's reader began; negative: it can't go back */
	struct nc_live *live;
	int live_fds[8];
	size_t live_fd_count;
	struct nc_live_stats closed;   /* of the handles of its predecessors */
	uint64_t given_up;             /* packets that were lost with them */
	struct nc_loop_fd *data_watch, *pid_watch;
	struct nc_loop_timer *pause;
	pid_t pid;
	uint64_t restarts;
	uint32_t delivered[NC_STAGES]; /* the generation of a stage that is expected next */
	uint64_t death_seq;            /* packet count at the last death */
	unsigned still_deaths;
	uint64_t watch_seq;            /* watchdog: the packet seen last, and for how many ticks */
	unsigned still_ticks;
	bool timed_out;
	bool cut_off;                  /* killed while it waited for its file, since we were told to stop */
	uint64_t windows;              /* of the file, that it has ended */
	int64_t low_ns;                /* low-water time of the last one; live: where its packets are */
	bool marked;                   /* low_ns is set */
	bool held;                     /* what comes next in its ring is of a window that others have not reached */
	uint32_t flow_flushed;         /* generation of the last flush of flows that it has done */
	bool broken;                   /* its ring held nonsense */
	unsigned recent;               /* restarts, forgotten by and by */
};

struct nc_pipeline {
	struct nc_loop *loop;
	struct nc_pipeline_options o;
	struct nc_live_options live_options;
	struct nc_pipeline_events ev;
	struct nc_layout layout;
	struct nc_loop_timer *tick;
	struct nc_reason reasons[NC_REASONS_MAX];
	uint64_t crashes, timeouts, crash_drop, stop_drop, records_lost;
	uint64_t source_size;
	uint8_t *crash_copy;
	uint8_t *log_text;
	struct nc_gather *gather;      /* NULL: no flows are wanted */
	uint64_t windows;              /* of the file, that all workers have ended */
	uint32_t wish;                 /* generation of what the workers are told to do, which o holds: */
	struct nc_pipeline_change change; /* the last one; none in generation 0 */
	uint32_t flow_flush;           /* generation of the last flush of flows, and of the last one that all have done */
	uint32_t flow_flushed;
	unsigned sweep_ticks;
	bool stopping, done;
	int status;
	char problem[192];
	unsigned count;
	struct member members[NC_WORKERS_MAX];
};

static int start_worker(struct member *m);
static void on_exit_event(void *user, uint32_t events);

/* By descriptor: a number may belong to somebody else by now, or be 0 or -1, which kill(2) takes for many. */
static void kill_worker(const struct member *m)
{
	if (m->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, m->pidfd, SIGKILL, NULL, 0);
}

/* --- output ------------------------------------------------------------------------------------------------------------------
 */

/* A block whose own header says something else than the ring did is nonsense. */
static bool block_is_sound(const struct nc_ring_msg *m, const uint8_t *p)
{
	struct nc_block_info info;
	uint8_t head[NC_BLOCK_HEADER_LEN];

	if (m->len < sizeof(head))
		return false;
	memcpy(head, p, sizeof(head));
	return nc_block_info(head, sizeof(head), &info) == 0 && info.size == m->len && info.kind == NC_BLOCK_RECORDS &&
	       info.type == nc_types[m->slot].number;
}

static void forward(void *user, const struct nc_chunk *c)
{
	struct nc_pipeline *p = user;

	p->ev.chunk(p->ev.user, c);
}

static void add_one(int counter);
static void advance(struct nc_pipeline *p);

/* A worker that ended a window: the next one after those it has ended, one that its predecessor had told already, or one behind
 * what was lost with nonsense in a ring. */
static bool mark(struct member *m, const struct nc_flow_part *part)
{
	if (!m->p->o.live) {
		if (part->order > m->windows && part->order - m->windows > WINDOWS_LOST_MAX)
			return false;
		m->windows = part->order > m->windows ? part->order : m->windows;
	}
	m->low_ns = part->first_ns;
	m->marked = true;
	return true;
}

static bool take_part(struct member *m, const struct nc_flow_part *part)
{
	switch (part->kind) {
	case NC_FLOW_MARK:
		return mark(m, part);
	case NC_FLOW_FLUSHED:
		m->flow_flushed = (uint32_t)part->order;
		return true;
	default:
		return nc_gather_part(m->p->gather, part);
	}
}

/* Each part is copied out before it is looked at. */
static bool take_parts(struct member *m, const struct nc_ring_msg *msg, const uint8_t *p)
{
	struct nc_flow_part part;
	size_t n = msg->len / sizeof(part);

	if (!m->p->gather || msg->len % sizeof(part) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		memcpy(&part, p + i * sizeof(part), sizeof(part));
		if (!take_part(m, &part))
			return false;
	}
	advance(m->p);
	return true;
}

/* So that the end of a window means the same in all workers; after all, theirs is one file. */
static bool must_wait(const struct member *m, const struct nc_ring_msg *msg)
{
	const struct nc_pipeline *p = m->p;

	return msg->kind == NC_CHUNK_PARTS && !p->o.live && !p->stopping && (int32_t)(msg->datalink - (uint32_t)p->windows) > 0;
}

static bool deliver(struct member *m, const struct nc_ring_msg *msg, uint8_t *p)
{
	struct nc_chunk c = {
		.kind = (enum nc_chunk_kind)msg->kind, .count = msg->count, .datalink = msg->datalink, .first_ns = msg->first_ns,
		.last_ns = msg->last_ns, .data = p, .n = msg->len,
	};

	if (msg->kind > NC_CHUNK_PARTS || msg->slot >= NC_STAGES)
		return false;
	if (msg->kind <= NC_CHUNK_CSV) {
		if (msg->slot >= nc_types_count || (msg->kind == NC_CHUNK_BLOCK && !block_is_sound(msg, p)))
			return false;
		c.type = &nc_types[msg->slot];
	}
	m->delivered[msg->slot] = msg->gen + 1;
	if (msg->kind == NC_CHUNK_PARTS)
		return take_parts(m, msg, p);
	m->p->ev.chunk(m->p->ev.user, &c);
	return true;
}

/* The worker shares the counters and may have filled them: this never sleeps. */
static void add_one(int counter)
{
	static const uint64_t one = 1;
	ssize_t n = write(counter, &one, sizeof(one));
	(void)n;
}

/* Hands on at most max messages; true when that many were there. */
static bool take_messages(struct member *m, unsigned max)
{
	struct nc_ring_msg msg;
	uint8_t *p;
	unsigned n = 0;
	int rc = 0;

	m->held = false;
	for (; n < max && !m->broken && (rc = nc_ring_next(&m->ring, &msg, &p)) > 0; n++) {
		if (must_wait(m, &msg)) {
			m->held = true;
			break;
		}
		if (!deliver(m, &msg, p)) {
			rc = -EBADMSG;
			break;
		}
		nc_ring_release(&m->ring);
		/* against the worker's order: it says that it waits, then looks for room once more */
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_exchange(&m->ring.ring->waiting, 0))
			add_one(m->wake);
	}
	if (rc < 0) {
		m->broken = true;
		kill_worker(m);
	}
	return n == max;
}

static void finish(struct member *m);

static void on_data(void *user, uint32_t events)
{
	struct member *m = user;
	uint64_t v;

	(void)events;
	ssize_t n = read(m->data_ready, &v, sizeof(v));
	(void)n;
	if (take_messages(m, ROUND_MESSAGES))
		add_one(m->data_ready);
	else if (m->state == WORKER_DRAINED && !m->held)
		finish(m);
}

/* --- flows -------------------------------------------------------------------------------------------------------------------
 */

static bool all_flushed(const struct nc_pipeline *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->members[i].state == WORKER_RUNNING && p->members[i].flow_flushed != p->flow_flush)
			return false;
	return true;
}

/* Whether all workers that go on have ended a window more; its low-water time is the same in each. */
static bool window_ended(const struct nc_pipeline *p, int64_t *low_ns)
{
	bool any = false;

	for (unsigned i = 0; i < p->count; i++) {
		const struct member *m = &p->members[i];
		if (m->state == WORKER_FINISHED)
			continue;
		if (m->windows <= p->windows)
			return false;
		*low_ns = m->low_ns;
		any = true;
	}
	return any;
}

/* Goes on to the windows that all workers have ended, and lets those go on that are ahead. */
static void advance(struct nc_pipeline *p)
{
	int64_t low_ns = 0;
	bool moved = false;

	while (!p->o.live && window_ended(p, &low_ns)) {
		nc_gather_window(p->gather, low_ns);
		p->windows++;
		moved = true;
	}
	for (unsigned i = 0; i < p->count; i++)
		if ((moved || p->stopping) && p->members[i].held)
			add_one(p->members[i].data_ready);
	if (p->flow_flushed != p->flow_flush && all_flushed(p)) {
		p->flow_flushed = p->flow_flush;
		nc_gather_all(p->gather);
		nc_gather_flush(p->gather);
	}
}

/* Live: where the newest packets are is known from all workers that live, and all but the latest parts have come. */
static void sweep(struct nc_pipeline *p)
{
	int64_t now = INT64_MIN;

	if (!p->gather || !p->o.live || ++p->sweep_ticks < SWEEP_TICKS)
		return;
	p->sweep_ticks = 0;
	for (unsigned i = 0; i < p->count; i++)
		if (p->members[i].marked && p->members[i].low_ns > now)
			now = p->members[i].low_ns;
	if (now > INT64_MIN + FLOW_SLACK)
		nc_gather_sweep(p->gather, now - FLOW_SLACK);
}

/* --- the end -----------------------------------------------------------------------------------------------------------------
 */

static void check_done(struct nc_pipeline *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->members[i].state != WORKER_FINISHED)
			return;
	if (p->done)
		return;
	p->done = true;
	if (p->gather) {
		nc_gather_all(p->gather);
		nc_gather_flush(p->gather);
	}
	nc_loop_del_timer(p->tick);
	p->tick = NULL;
	p->ev.done(p->ev.user, p->status, *p->problem ? p->problem : NULL);
}

static void set_problem(struct nc_pipeline *p, int status, const char *text)
{
	if (p->status == 0)
		p->status = status;
	if (!*p->problem)
		nc_text_escape(p->problem, sizeof(p->problem), text, strnlen(text, sizeof(p->problem) - 1));
}

static void add_stats(struct nc_live_stats *to, const struct nc_live_stats *st)
{
	to->received += st->received;
	to->dropped += st->dropped;
	to->if_dropped += st->if_dropped;
}

/* Of all handles of a worker and its predecessors, up to its end. The kernel forgets what it has told: only main asks, since a
 * worker may die with the answer. */
static struct nc_live_stats kernel_stats(const struct member *m)
{
	struct nc_live_stats sum = m->closed, st;

	if (m->live && m->state != WORKER_FINISHED && nc_live_stats(m->live, &st) == 0)
		add_stats(&sum, &st);
	return sum;
}

/* What the kernel took for this worker and libpcap never handed over. */
static uint64_t undelivered(const struct member *m, const struct nc_live_stats *st)
{
	uint64_t gone = st->dropped + nc_shared_taken(m->shared) + m->given_up;

	return st->received > gone ? st->received - gone : 0;
}

static void finish(struct member *m)
{
	m->closed = kernel_stats(m);
	m->state = WORKER_FINISHED;
	if (m->live)
		m->p->stop_drop += undelivered(m, &m->closed);
	int status = m->shared->status;
	if (*m->shared->problem)
		set_problem(m->p, status, m->shared->problem);
	else if (status)
		set_problem(m->p, status, strerror(status < 0 ? -status : status));
	/* its share of the packets would go nowhere from now on */
	if (m->live && !m->p->stopping)
		nc_pipeline_stop(m->p);
	if (m->p->gather)
		advance(m->p);
	check_done(m->p);
}

/* --- death of a worker -------------------------------------------------------------------------------------------------------
 */

static const char *cause_of(const struct member *m, const siginfo_t *si, char *text, size_t size)
{
	if (m->timed_out)
		return "no answer in time";
	if (m->broken)
		return "nonsense in its ring";
	if (si->si_code == CLD_EXITED)
		snprintf(text, size, "exit status %d", si->si_status);
	else
		snprintf(text, size, "signal %d (%s)", si->si_status, strsignal(si->si_status));
	return text;
}

static bool in_hand(const struct member *m)
{
	return atomic_load(&m->shared->current.seq) != atomic_load(&m->shared->current.done);
}

/* The packet in hand, copied out of the shared piece with every number checked first. */
static bool copy_packet(struct member *m, struct nc_capture_packet *ret)
{
	const struct nc_current *cur = &m->shared->current;
	struct nc_capture_packet pkt = {
		.caplen = cur->caplen, .len = cur->len, .datalink = cur->datalink, .ts_ns = cur->ts_ns,
	};
	uintptr_t at = (uintptr_t)cur->data, base = (uintptr_t)m->shared;

	if (!in_hand(m) || at < base || at - base > m->p->layout.total || pkt.caplen > NC_CAPTURE_SNAPLEN_MAX ||
	    pkt.caplen > m->p->layout.total - (at - base))
		return false;
	memcpy(m->p->crash_copy, cur->data, pkt.caplen);
	pkt.data = m->p->crash_copy;
	if (pkt.len < pkt.caplen)
		pkt.len = pkt.caplen;
	*ret = pkt;
	return true;
}

static void keep_killer(struct nc_pipeline *p, const struct nc_capture_packet *pkt, const char *error)
{
	size_t room = NC_CAPTURE_SNAPLEN_MAX + 64, log_room = (size_t)NC_REPORT_DUMP_MAX * 6;
	struct nc_chunk c = {
		.kind = NC_CHUNK_LOG, .count = 1, .datalink = pkt->datalink, .first_ns = pkt->ts_ns, .last_ns = pkt->ts_ns
	};

	if (!p->o.keep_errors)
		return;
	c.data = p->log_text;
	c.n = nc_report_log(p->log_text, log_room, error, pkt, NULL, NULL);
	p->ev.chunk(p->ev.user, &c);
	c.kind = NC_CHUNK_ERRORS;
	uint8_t *record = malloc(room);
	if (!record)
		return;
	c.data = record;
	c.n = nc_report_pcap(record, room, pkt);
	p->ev.chunk(p->ev.user, &c);
	free(record);
}

static void bury(struct member *m, const siginfo_t *si)
{
	struct nc_pipeline *p = m->p;
	char text[64], error[NC_REASON_TEXT];
	struct nc_crash crash = { .worker = m->index, .cause = cause_of(m, si, text, sizeof(text)) };

	crash.has_packet = copy_packet(m, &crash.packet);
	if (crash.has_packet) {
		p->crashes++;
		p->timeouts += m->timed_out;
		snprintf(error, sizeof(error), "decoder died: %s", crash.cause);
		nc_report_count(p->reasons, error);
		keep_killer(p, &crash.packet, error);
	}
	if (p->ev.crash)
		p->ev.crash(p->ev.user, &crash);
	uint64_t seq = atomic_load(&m->shared->current.seq);
	m->still_deaths = seq == m->death_seq ? m->still_deaths + 1 : 0;
	m->death_seq = seq;
}

/* What the successor finds: the packet in hand is done without its records, and a stage that went out just before the death does
 * not go out again. */
static void settle_stages(struct member *m)
{
	struct nc_current *cur = &m->shared->current;
	uint64_t done = atomic_load(&cur->done), seq = atomic_load(&cur->seq);

	for (unsigned i = 0; i < NC_STAGES; i++) {
		struct nc_stage *st = &m->shared->stages[i];
		struct nc_stage_state s = st->state[nc_stage_valid(st, done)];
		if (s.len > m->p->layout.stage_size || s.gen < m->delivered[i])
			s = (struct nc_stage_state){ .gen = m->delivered[i], .datalink = s.datalink, .total = s.total };
		s.age = seq << 1;
		st->state[0] = st->state[1] = s;
	}
	if (seq != done)
		cur->lost = seq;
	atomic_store(&cur->done, seq);
}

/* No successor comes: what its stages still hold is lost. */
static void write_off(struct member *m)
{
	settle_stages(m);
	for (size_t i = 0; i < nc_types_count; i++) {
		struct nc_stage *st = &m->shared->stages[i];
		struct nc_stage_state s = st->state[0];
		uint64_t lost = s.count < s.total ? s.count : s.total;
		m->p->records_lost += lost;
		s.total -= lost;
		s.len = s.count = 0;
		st->state[0] = st->state[1] = s;
	}
	finish(m);
}

/* --- live handles ------------------------------------------------------------------------------------------------------------
 */

static int open_live(struct member *m, struct nc_buf *err)
{
	bool before[FDS_MAX];
	struct nc_live *l = NULL;

	for (int fd = 0; fd < FDS_MAX; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	int rc = nc_live_open(&m->p->live_options, &l, err);
	if (rc)
		return rc;
	m->live = l;
	m->live_fd_count = 0;
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (!before[fd] && fcntl(fd, F_GETFD) >= 0 && m->live_fd_count < sizeof(m->live_fds) / sizeof(m->live_fds[0]))
			m->live_fds[m->live_fd_count++] = fd;
	/* for the handles to come, and so that what is put in its place can be taken back */
	if (!m->p->live_options.program)
		m->p->live_options.program = nc_live_take_program(l);
	return 0;
}

/* A worker that was just forked holds the handles of all others until it has closed what is not its own. If main closed one of
 * them in that time it would stay in the fanout group, and packets would go there, seen by nobody. */
static void await_start(const struct member *m)
{
	struct pollfd ended = { .fd = m->pidfd, .events = POLLIN };

	for (int i = 0; i < START_LIMIT && m->pidfd >= 0 && atomic_load(&m->shared->phase) == NC_PHASE_STARTING; i++)
		if (poll(&ended, 1, 1) > 0)
			return;
}

/* A new handle first, which takes over at once, so that no packet passes unseen or twice; then what was left in the old one is
 * counted. */
static int reopen_live(struct member *m)
{
	struct nc_live *old = m->live;
	struct nc_live_stats st;
	struct nc_buf err = { 0 };
	int rc = open_live(m, &err);

	if (rc) {
		set_problem(m->p, rc, nc_buf_cstr(&err));
		nc_buf_free(&err);
		return rc;
	}
	nc_buf_free(&err);
	for (unsigned i = 0; i < m->p->count; i++)
		await_start(&m->p->members[i]);
	nc_live_replace(m->live, old, m->index, &st);
	m->shared->live_begun = false;
	add_stats(&m->closed, &st);
	uint64_t lost = undelivered(m, &m->closed);
	m->p->crash_drop += lost;
	m->given_up += lost;
	return 0;
}

/* --- start -------------------------------------------------------------------------------------------------------------------
 */

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return x < y ? -1 : x > y;
}

/* Descriptors that the worker keeps, ascending and without repetition. */
static size_t kept(const struct member *m, int out[16])
{
	size_t n = 0, k = 0;

	for (int fd = 0; fd <= 2; fd++)
		out[n++] = fd;
	out[n++] = m->data_ready;
	out[n++] = m->wake;
	if (m->file >= 0)
		out[n++] = m->file;
	for (size_t i = 0; i < m->live_fd_count; i++)
		out[n++] = m->live_fds[i];
	qsort(out, n, sizeof(*out), compare_ints);
	for (size_t i = 0; i < n; i++)
		if (k == 0 || out[k - 1] != out[i])
			out[k++] = out[i];
	return k;
}

static void forget_worker(struct member *m)
{
	nc_loop_del_fd(m->pid_watch);
	m->pid_watch = NULL;
	if (m->pidfd >= 0)
		close(m->pidfd);
	m->pidfd = -1;
	m->pid = 0;
}

/* Kills it, if there is one, and waits for its end. */
static void end_worker(struct member *m)
{
	if (m->pid > 0) {
		kill(m->pid, SIGKILL);
		waitpid(m->pid, NULL, 0);
	}
	forget_worker(m);
}

static int start_worker(struct member *m)
{
	int keep[16];
	struct nc_worker_start s = {
		.o = &m->p->o,
		.layout = &m->p->layout,
		.shared = m->shared,
		.wish = m->p->wish,
		.index = m->index,
		.count = m->p->o.live ? 1 : m->p->count,
		.count_all = m->p->count,
		.parent = getpid(),
		.file = m->file,
		.live = m->live,
		.data_ready = m->data_ready,
		.wake = m->wake,
		.keep = keep,
		.keep_count = kept(m, keep),
	};

	atomic_store(&m->shared->phase, NC_PHASE_STARTING);
	m->timed_out = m->cut_off = false;
	m->still_ticks = 0;
	m->state = WORKER_RUNNING;
	pid_t pid = fork();
	if (pid == 0)
		nc_worker_run(&s);
	if (pid < 0)
		return -errno;
	m->pid = pid;
	m->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int rc = m->pidfd < 0 ? -errno : nc_loop_add_fd(m->p->loop, m->pidfd, EPOLLIN, on_exit_event, m, &m->pid_watch);
	if (rc)
		end_worker(m);
	return rc;
}

static void start_or_fail(struct member *m)
{
	int rc = start_worker(m);

	if (rc) {
		set_problem(m->p, rc, "cannot start a worker");
		write_off(m);
	}
}

static void on_pause_over(void *user)
{
	struct member *m = user;

	m->pause = NULL;
	start_or_fail(m);
}

/* Of a reader that was left in the middle of something nothing can be used. The successor begins the file anew, and passes over
 * what has been dealt with; of what can't be read twice it hands out what came before. */
static void reopen_file(struct member *m)
{
	const struct nc_capfile *c = (const struct nc_capfile *)(const void *)nc_shared_at(m->shared, m->p->layout.capfile);

	if (m->p->stopping || !m->shared->file_open || !nc_capfile_torn(c))
		return;
	if (m->file_start >= 0 && lseek(m->file, m->file_start, SEEK_SET) >= 0) {
		m->shared->file_open = false;
		return;
	}
	set_problem(m->p, -EIO, "a worker died while it read what can't be read twice");
	atomic_store(&m->shared->stop, 1);
}

/* The slot that no worker reads, unless it is two changes late, and then it looks again. */
static void tell_wishes(const struct member *m)
{
	m->shared->wishes[m->p->wish & 1] = m->p->change;
	atomic_store(&m->shared->wish, m->p->wish);
}

static void restart(struct member *m)
{
	m->restarts++;
	if (m->file >= 0)
		reopen_file(m);
	if (m->live && !m->p->stopping && reopen_live(m) != 0) {
		write_off(m);
		return;
	}
	settle_stages(m);
	m->flow_flushed = m->p->flow_flush;
	atomic_store(&m->shared->flow_flush, m->p->flow_flush);
	/* it may have been written over */
	tell_wishes(m);
	/* empty by now, or nonsense that the next worker must not stumble over */
	m->broken = false;
	m->ring = nc_ring_clear(m->ring.ring, m->p->layout.ring_size);
	/* killers in a row must not make us fork without end */
	if (m->live && ++m->recent > LIVE_BURST) {
		m->state = WORKER_PAUSED;
		if (nc_loop_add_timer(m->p->loop, LIVE_PAUSE, 0, on_pause_over, m, &m->pause) == 0)
			return;
	}
	start_or_fail(m);
}

static void take_all(struct member *m)
{
	while (take_messages(m, UINT_MAX))
		;
}

/* What waits in the ring of a worker that died is taken before its time, since its successor needs the ring. */
static void take_early(struct member *m)
{
	bool stopping = m->p->stopping;

	m->p->stopping = true;
	take_all(m);
	m->p->stopping = stopping;
}

static void on_exit_event(void *user, uint32_t events)
{
	struct member *m = user;
	siginfo_t si = { 0 };

	(void)events;
	if (waitid(P_PID, (id_t)m->pid, &si, WEXITED | WNOHANG) != 0 || si.si_pid == 0)
		return;
	forget_worker(m);
	take_all(m);
	uint32_t phase = atomic_load(&m->shared->phase);
	bool orderly = si.si_code == CLD_EXITED && si.si_status == 0 && (phase == NC_PHASE_DONE || phase == NC_PHASE_FAILED);
	if (orderly && !m->broken && m->held) {
		m->state = WORKER_DRAINED;
		return;
	}
	if (orderly && !m->broken) {
		finish(m);
		return;
	}
	if (m->held)
		take_early(m);
	if (!m->cut_off || in_hand(m))
		bury(m, &si);
	if (m->still_deaths >= STILL_DEATHS_MAX) {
		set_problem(m->p, -EIO, "workers die before their first packet");
		write_off(m);
		return;
	}
	restart(m);
}

/* Counts ticks, not time: when main itself was held up, nobody had the time. */
static void watch(struct member *m)
{
	struct nc_pipeline *p = m->p;
	int64_t limit = p->o.watchdog ? p->o.watchdog : WATCHDOG_DEFAULT;
	uint64_t seq = atomic_load(&m->shared->current.seq);

	m->still_ticks = seq == m->watch_seq ? m->still_ticks + 1 : 0;
	m->watch_seq = seq;
	if (in_hand(m))
		m->timed_out = m->still_ticks > limit / TICK;
	else
		m->cut_off = p->stopping && !m->live && m->still_ticks > STUCK_TICKS &&
		             atomic_load(&m->shared->phase) == NC_PHASE_RUNNING;
	if (m->timed_out || m->cut_off)
		kill_worker(m);
}

static void on_tick(void *user)
{
	struct nc_pipeline *p = user;

	for (unsigned i = 0; i < p->count; i++) {
		struct member *m = &p->members[i];
		if (m->state != WORKER_RUNNING)
			continue;
		m->recent -= m->recent > 0;
		(void)kernel_stats(m); /* its counters are small */
		if (!m->timed_out && !m->cut_off)
			watch(m);
	}
	sweep(p);
}

/* --- set-up ------------------------------------------------------------------------------------------------------------------
 */

static size_t page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

static void lay_out(struct nc_pipeline *p)
{
	struct nc_layout *l = &p->layout;
	size_t at = page_up(sizeof(struct nc_shared));

	l->ring = at;
	l->ring_size = RING_SIZE;
	at += page_up(nc_ring_bytes(RING_SIZE));
	l->stages = at;
	l->stage_size = page_up((p->o.block_size ? p->o.block_size : BLOCK_SIZE) + NC_STAGE_SLACK);
	at += l->stage_size * NC_STAGES;
	l->packet = at;
	at += page_up(NC_CAPTURE_SNAPLEN_MAX);
	l->capfile = at;
	at += page_up(nc_capfile_size());
	l->defrag = at;
	l->defrag_size = DEFRAG_SIZE > nc_defrag_min() ? DEFRAG_SIZE : nc_defrag_min();
	at += page_up(l->defrag_size);
	l->flows = at;
	l->flows_size = p->gather ? nc_flows_size(p->o.max_flows) : 0;
	at += page_up(l->flows_size);
	l->total = at;
}

static int map_flows(struct member *m, const uint8_t seed[static 16])
{
	const struct nc_layout *l = &m->p->layout;
	struct nc_flow_options o;

	nc_flow_options_of(&m->p->o, &o);
	if (!nc_flows_init(nc_shared_at(m->shared, l->flows), l->flows_size, seed, &o, &m->shared->counters.flows))
		return -EINVAL;
	return 0;
}

/* Main gets a table of its own. In a live capture flows may come to be wanted: tables take no memory until they are used. */
static int prepare_flows(struct nc_pipeline *p)
{
	struct nc_flow_options o;

	nc_flow_options_of(&p->o, &o);
	p->o.max_flows = o.max;
	if (!p->o.live && !nc_flow_options_any(&o))
		return 0;
	p->gather = nc_gather_new(&p->o, forward, p);
	return p->gather ? 0 : -ENOMEM;
}

static int map_shared(struct member *m)
{
	const struct nc_layout *l = &m->p->layout;
	uint8_t seed[16];
	int fd = memfd_create("netcap-worker", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	void *at = ftruncate(fd, (off_t)l->total) == 0
	                   ? mmap(NULL, l->total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0)
	                   : MAP_FAILED;
	int rc = at == MAP_FAILED ? -errno : 0;
	close(fd);
	if (rc)
		return rc;
	m->shared = at;
	m->ring = nc_ring_consumer((struct nc_ring *)(void *)nc_shared_at(m->shared, l->ring), l->ring_size);
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return -EIO;
	if (!nc_defrag_init(nc_shared_at(m->shared, l->defrag), l->defrag_size, seed, &m->shared->counters.defrag))
		return -ENOMEM;
	return l->flows_size ? map_flows(m, seed) : 0;
}

static int open_source(struct member *m, struct nc_buf *err)
{
	const struct nc_pipeline_options *o = &m->p->o;

	if (o->live)
		return open_live(m, err);
	m->file = strcmp(o->file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                                    : open(o->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (m->file >= 0) {
		m->file_start = lseek(m->file, 0, SEEK_CUR);
		return 0;
	}
	int rc = -errno;
	nc_buf_printf(err, "%s: %s", o->file, strerror(-rc));
	return rc;
}

static int set_up(struct nc_pipeline *p, struct member *m, struct nc_buf *err)
{
	int rc = open_source(m, err);

	if (rc)
		return rc;
	m->data_ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = m->data_ready < 0 || m->wake < 0 ? -errno : map_shared(m);
	if (rc == 0)
		rc = nc_loop_add_fd(p->loop, m->data_ready, EPOLLIN, on_data, m, &m->data_watch);
	if (rc)
		nc_buf_printf(err, "cannot set up a worker: %s", strerror(-rc));
	return rc;
}

/* Several workers need to read one file side by side, each from its own offset. */
static bool can_share(const char *file, uint64_t *size)
{
	struct stat st;
	int rc = strcmp(file, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(file, &st);

	if (rc != 0 || !S_ISREG(st.st_mode))
		return false;
	*size = (uint64_t)st.st_size;
	return strcmp(file, "-") != 0;
}

static void choose_count(struct nc_pipeline *p)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	p->count = p->o.workers ? p->o.workers : online > 0 ? (unsigned)online : 1;
	if (p->count > NC_WORKERS_MAX)
		p->count = NC_WORKERS_MAX;
	if (!p->o.live && !can_share(p->o.file, &p->source_size))
		p->count = 1;
}

static void choose_live(struct nc_pipeline *p)
{
	uint16_t id;

	if (!p->o.live)
		return;
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		id = (uint16_t)getpid();
	p->live_options = *p->o.live;
	p->live_options.workers = p->count;
	p->live_options.fanout_id = id;
	p->o.live = &p->live_options;
}

int nc_pipeline_new(struct nc_loop *loop, const struct nc_pipeline_options *o, const struct nc_pipeline_events *ev,
                    struct nc_pipeline **ret, struct nc_buf *err)
{
	struct nc_pipeline *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	if (!p)
		goto out;
	p->loop = loop;
	p->o = *o;
	p->ev = *ev;
	choose_count(p);
	choose_live(p);
	for (unsigned i = 0; i < NC_WORKERS_MAX; i++)
		p->members[i] = (struct member){ .p = p, .index = i, .file = -1, .data_ready = -1, .wake = -1, .pidfd = -1 };
	p->crash_copy = malloc(NC_CAPTURE_SNAPLEN_MAX);
	p->log_text = malloc((size_t)NC_REPORT_DUMP_MAX * 6);
	if (!p->crash_copy || !p->log_text)
		goto out;
	rc = prepare_flows(p);
	lay_out(p);
	for (unsigned i = 0; rc == 0 && i < p->count; i++)
		rc = set_up(p, &p->members[i], err);
	if (rc == 0)
		rc = nc_loop_add_timer(loop, TICK, TICK, on_tick, p, &p->tick);
	/* whoever started us may have left it ignored; then nobody tells how a worker ended */
	signal(SIGCHLD, SIG_DFL);
	for (unsigned i = 0; rc == 0 && i < p->count; i++)
		rc = start_worker(&p->members[i]);
out:
	if (rc) {
		if (err->len == 0)
			nc_buf_printf(err, "cannot start the workers: %s", strerror(-rc));
		nc_pipeline_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void nc_pipeline_stop(struct nc_pipeline *p)
{
	p->stopping = true;
	for (unsigned i = 0; i < p->count; i++) {
		atomic_store(&p->members[i].shared->stop, 1);
		add_one(p->members[i].wake);
		p->members[i].still_ticks = 0;
	}
	if (p->gather)
		advance(p);
}

void nc_pipeline_flush(struct nc_pipeline *p)
{
	for (unsigned i = 0; i < p->count; i++)
		atomic_fetch_add(&p->members[i].shared->flush, 1);
	if (p->gather)
		nc_gather_flush(p->gather);
}

void nc_pipeline_flush_flows(struct nc_pipeline *p)
{
	if (!p->gather)
		return;
	p->flow_flush++;
	for (unsigned i = 0; i < p->count; i++)
		atomic_store(&p->members[i].shared->flow_flush, p->flow_flush);
}

static bool same_kinds(const struct nc_pipeline_options *o, const bool wanted[static NC_TYPES_MAX])
{
	struct nc_pipeline_options other = *o;
	struct nc_flow_options a, b;

	memcpy(other.wanted, wanted, sizeof(other.wanted));
	nc_flow_options_of(o, &a);
	nc_flow_options_of(&other, &b);
	return memcmp(a.wanted, b.wanted, sizeof(a.wanted)) == 0;
}

void nc_pipeline_apply(struct nc_pipeline_options *o, const struct nc_pipeline_change *c)
{
	memcpy(o->wanted, c->wanted, sizeof(o->wanted));
	o->payloads = c->payloads;
	o->keep_errors = c->keep_errors;
	o->keep_unknown = c->keep_unknown;
	o->flow_timeout = c->flow_timeout;
	o->conn_timeout = c->conn_timeout;
	o->active_timeout = c->active_timeout;
}

void nc_pipeline_change(struct nc_pipeline *p, const struct nc_pipeline_change *c)
{
	if (!same_kinds(&p->o, c->wanted))
		nc_pipeline_flush_flows(p);
	nc_pipeline_apply(&p->o, c);
	p->change = *c;
	if (p->gather)
		nc_gather_change(p->gather, &p->o);
	p->wish++;
	for (unsigned i = 0; i < p->count; i++)
		tell_wishes(&p->members[i]);
}

int nc_pipeline_compile(struct nc_pipeline *p, const char *bpf, struct nc_program **ret, struct nc_buf *err)
{
	return p->members[0].live ? nc_live_compile(p->members[0].live, bpf, ret, err) : -ENOTSUP;
}

/* Returns how many of the first n handles have the filter then; fewer than n when it failed, and why in *rc. */
static unsigned set_filters(struct nc_pipeline *p, unsigned n, const struct nc_program *c, int *rc)
{
	for (unsigned i = 0; i < n; i++) {
		*rc = nc_live_filter(p->members[i].live, c);
		if (*rc)
			return i;
	}
	return n;
}

int nc_pipeline_filter(struct nc_pipeline *p, struct nc_program **c, struct nc_buf *err)
{
	struct nc_program *old = p->live_options.program;
	int rc = 0, ignored;
	unsigned n = set_filters(p, p->count, *c, &rc);

	if (rc) {
		nc_buf_printf(err, "%s: the filter can't be set: %s", p->live_options.interface, strerror(-rc));
		/* there was memory for it before */
		(void)set_filters(p, n, old, &ignored);
		return rc;
	}
	p->live_options.program = *c;
	*c = old;
	return 0;
}

const char *nc_pipeline_bpf(const struct nc_pipeline *p)
{
	const struct nc_live_options *o = &p->live_options;

	return o->program ? nc_program_text(o->program) : o->bpf ? o->bpf : "";
}

static void free_member(struct member *m)
{
	end_worker(m);
	nc_loop_del_timer(m->pause);
	nc_loop_del_fd(m->data_watch);
	int fds[] = { m->file, m->data_ready, m->wake };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (m->live)
		nc_live_close(m->live);
	if (m->shared)
		munmap(m->shared, m->p->layout.total);
}

void nc_pipeline_free(struct nc_pipeline *p)
{
	if (!p)
		return;
	nc_loop_del_timer(p->tick);
	for (unsigned i = 0; i < p->count; i++)
		free_member(&p->members[i]);
	nc_gather_free(p->gather);
	nc_program_free(p->live_options.program);
	free(p->crash_copy);
	free(p->log_text);
	free(p);
}

/* --- questions ---------------------------------------------------------------------------------------------------------------
 */

static void add_defrag(struct nc_defrag_counters *to, const struct nc_defrag_counters *c)
{
	to->fragments += c->fragments;
	to->reassembled += c->reassembled;
	to->overlaps += c->overlaps;
	to->duplicates += c->duplicates;
	to->timeouts += c->timeouts;
	to->evicted += c->evicted;
	to->bad += c->bad;
}

static void add_tcp(struct nc_tcp_counters *to, const struct nc_tcp_counters *c)
{
	for (size_t i = 0; i < nc_tcp_counts_count; i++) {
		uint64_t *sum = (uint64_t *)(void *)((uint8_t *)to + nc_tcp_counts[i].at);
		*sum += nc_tcp_counted(c, &nc_tcp_counts[i]);
	}
}

static void add_worker(struct nc_pipeline_stats *to, const struct member *m)
{
	const struct nc_worker_counters *c = &m->shared->counters;
	const struct nc_live_stats live = kernel_stats(m);
	uint64_t packets = nc_shared_taken(m->shared), done = atomic_load(&m->shared->current.done);

	to->packets += packets;
	to->bytes += c->bytes;
	to->filtered += c->filtered;
	to->cannot_filter += c->cannot_filter;
	to->errors += c->errors;
	to->unknown += c->unknown;
	to->too_large += c->too_large;
	to->received += live.received;
	to->kernel_drop += live.dropped;
	to->if_drop = live.if_dropped > to->if_drop ? live.if_dropped : to->if_drop;
	to->source_bytes = c->offset > to->source_bytes ? c->offset : to->source_bytes;
	to->restarts += m->restarts;
	for (size_t i = 0; i < nc_types_count; i++) {
		const struct nc_stage *st = &m->shared->stages[i];
		to->records[i] += st->state[nc_stage_valid(st, done)].total;
	}
	add_defrag(&to->defrag, &c->defrag);
	add_tcp(&to->tcp, &c->tcp);
	to->flows.live += c->flows.live;
	to->flows.evicted += c->flows.evicted;
	to->flows.recovered += c->flows.recovered;
	to->workers[m->index] = (struct nc_pipeline_worker){ .pid = m->pid, .restarts = m->restarts, .packets = packets };
}

void nc_pipeline_stats(const struct nc_pipeline *p, struct nc_pipeline_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < p->count; i++)
		add_worker(ret, &p->members[i]);
	ret->worker_count = p->count;
	ret->errors += p->crashes;
	ret->crashes = p->crashes;
	ret->timeouts = p->timeouts;
	ret->crash_drop = p->crash_drop;
	ret->stop_drop = p->stop_drop;
	ret->records_lost = p->records_lost;
	ret->source_size = p->source_size;
	if (p->gather)
		nc_gather_count(p->gather, ret);
}

static void merge_reason(struct nc_pipeline_reason *list, size_t *n, size_t max, const struct nc_reason *r)
{
	char text[sizeof(list->text)];
	uint64_t count = r->count;

	if (count == 0)
		return;
	nc_text_escape(text, sizeof(text), r->text, strnlen(r->text, sizeof(r->text)));
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(list[i].text, text) == 0) {
			list[i].count += count;
			return;
		}
	}
	if (*n == max)
		return;
	memcpy(list[*n].text, text, sizeof(text));
	list[(*n)++].count = count;
}

static int by_count(const void *a, const void *b)
{
	const struct nc_pipeline_reason *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->text, y->text);
}

size_t nc_pipeline_reasons(const struct nc_pipeline *p, struct nc_pipeline_reason *ret, size_t max)
{
	size_t n = 0;

	for (size_t k = 0; k < NC_REASONS_MAX; k++)
		merge_reason(ret, &n, max, &p->reasons[k]);
	for (unsigned i = 0; i < p->count; i++)
		for (size_t k = 0; k < NC_REASONS_MAX; k++)
			merge_reason(ret, &n, max, &p->members[i].shared->reasons[k]);
	qsort(ret, n, sizeof(*ret), by_count);
	return n;
}
