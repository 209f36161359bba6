/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcap on a capture file or an interface: runs the workers, shows progress, writes the files, sums up. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/dlt.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "base/time.h"
#include "netcap/output.h"
#include "netcap/tool.h"
#include "pipeline/pipeline.h"

#define PROGRESS_EVERY  (NC_NS_PER_S / 4)
#define LIVE_FLUSH      NC_NS_PER_S
#define LIVE_BUFFER     (16u << 20)
#define LEVEL           1
#define CRASHES_SHOWN   5u
#define REASONS_SHOWN   256u
#define LINKTYPE_RAW    101

struct run {
	const struct nc_tool_options *o;
	struct nc_loop *loop;
	struct nc_pipeline *pipeline;
	struct nc_output_files *files;
	struct nc_filter *filter;
	struct nc_live_options live;
	const char *source;
	char shown[512]; /* the source's name, printable */
	bool tty, progressed;
	int64_t started;
	unsigned crashes;
	int status;
};

static void on_chunk(void *user, const struct nc_chunk *c)
{
	nc_output_chunk(((struct run *)user)->files, c);
}

static void clear_progress(struct run *r)
{
	if (r->progressed)
		fputs("\r\033[K", stderr);
	r->progressed = false;
}

static void on_crash(void *user, const struct nc_crash *c)
{
	struct run *r = user;

	if (++r->crashes > CRASHES_SHOWN)
		return;
	clear_progress(r);
	if (c->has_packet)
		nc_tool_say("a packet of %" PRIu32 " bytes killed worker %u: %s; %sthe run goes on", c->packet.caplen, c->worker,
		            c->cause, r->o->ignore_errors ? "" : "the packet is in errors.pcap, ");
	else
		nc_tool_say("worker %u died: %s; a new one goes on", c->worker, c->cause);
}

static void on_done(void *user, int status, const char *problem)
{
	struct run *r = user;

	clear_progress(r);
	if (status == -ENOMSG) {
		nc_tool_say("%s: not a capture file", r->shown);
		r->status = NC_TOOL_USAGE;
	} else if (problem) {
		nc_tool_say("%s: %s", r->shown, problem);
		r->status = status < 0 ? NC_TOOL_DAMAGED : NC_TOOL_OK;
	}
	nc_loop_stop(r->loop, 0);
}

static void on_signal(void *user, int signo)
{
	struct run *r = user;

	if (signo == SIGUSR1)
		nc_pipeline_flush_flows(r->pipeline);
	else
		nc_pipeline_stop(r->pipeline);
}

static void on_progress(void *user)
{
	struct run *r = user;
	struct nc_pipeline_stats st;
	double seconds = (double)(nc_time_mono() - r->started) / 1e9;
	char left[48] = "";

	nc_pipeline_stats(r->pipeline, &st);
	double rate = seconds > 0 ? (double)st.packets / seconds : 0;
	if (st.source_size > 0 && st.source_bytes > 0) {
		double part = (double)st.source_bytes / (double)st.source_size;
		snprintf(left, sizeof(left), "%5.1f %%, %.0f s left, ", part * 100, part > 0 ? seconds / part - seconds : 0);
	}
	fprintf(stderr, "\r%s%" PRIu64 " packets, %.0f packets/s\033[K", left, st.packets, rate);
	fflush(stderr);
	r->progressed = true;
}

static void on_live_flush(void *user)
{
	nc_pipeline_flush(((struct run *)user)->pipeline);
}

/* Types of records that were written, packets, and what went wrong. */
static void sum_up(const struct run *r, const struct nc_pipeline_stats *st)
{
	struct nc_grid *g = nc_grid_new(2, 2);
	struct nc_buf text = { 0 };
	const struct { const char *name; uint64_t value; bool always; } rows[] = {
		{ "packets", st->packets, true },
		{ "bytes", st->bytes, true },
		{ "errors", st->errors, true },
		{ "unknown", st->unknown, true },
		{ "filtered out", st->filtered, false },
		{ "link type without filter", st->cannot_filter, false },
		{ "killed a worker", st->crashes, false },
		{ "records too large", st->too_large, false },
		{ "flows evicted", st->flows.evicted, false },
		{ "not written", nc_output_lost(r->files), false },
		{ "dropped by kernel", st->kernel_drop, r->o->iface != NULL },
		{ "dropped by interface", st->if_drop, r->o->iface != NULL },
		{ "lost with a worker", st->crash_drop, false },
		{ "records lost with a worker", st->records_lost, false },
		{ "left at the end", st->stop_drop, false },
		{ "bytes written", nc_output_bytes(r->files), true },
	};

	if (!g)
		return;
	for (size_t i = 0; i < nc_types_count; i++) {
		if (st->records[i] == 0)
			continue;
		nc_grid_add(g, "%s", nc_types[i].name);
		nc_grid_add(g, "%" PRIu64, st->records[i]);
	}
	for (size_t i = 0; i < nc_tcp_counts_count; i++) {
		if (nc_tcp_counted(&st->tcp, &nc_tcp_counts[i]) == 0)
			continue;
		nc_grid_add(g, "%s", nc_tcp_counts[i].text);
		nc_grid_add(g, "%" PRIu64, nc_tcp_counted(&st->tcp, &nc_tcp_counts[i]));
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].always && rows[i].value == 0)
			continue;
		nc_grid_add(g, "%s", rows[i].name);
		nc_grid_add(g, "%" PRIu64, rows[i].value);
	}
	if (nc_grid_print(g, &text))
		(void)nc_tool_flush(&text);
	nc_buf_free(&text);
	nc_grid_free(g);
}

static void log_reasons(const struct run *r)
{
	struct nc_pipeline_reason *list = calloc(REASONS_SHOWN, sizeof(*list));
	struct nc_buf text = { 0 };
	size_t n = list ? nc_pipeline_reasons(r->pipeline, list, REASONS_SHOWN) : 0;

	for (size_t i = 0; i < n; i++)
		nc_buf_printf(&text, "%10" PRIu64 "  %s\n", list[i].count, list[i].text);
	if (n > 0)
		nc_output_log(r->files, nc_buf_cstr(&text));
	nc_buf_free(&text);
	free(list);
}

static int failed(struct nc_buf *err, int status)
{
	nc_tool_say("%s", nc_buf_cstr(err));
	nc_buf_free(err);
	return status;
}

static struct nc_output_options output_options(const struct run *r)
{
	const struct nc_tool_options *o = r->o;

	return (struct nc_output_options){
		.folder = o->out,
		.source = r->shown,
		.form = o->csv    ? NC_OUTPUT_CSV
		        : o->comp ? NC_OUTPUT_BLOCKS
		                  : NC_OUTPUT_PLAIN,
		.level = LEVEL,
		.payloads = o->payload,
		.format = o->format,
		.select = o->select,
	};
}

static struct nc_pipeline_options pipeline_options(struct run *r)
{
	const struct nc_tool_options *o = r->o;
	struct nc_pipeline_options p = {
		.file = o->iface ? NULL : o->read,
		.live = o->iface ? &r->live : NULL,
		.filter = r->filter,
		.workers = o->workers,
		.stream_memory = o->stream_memory,
		.payloads = o->payload,
		.keep_errors = !o->ignore_errors,
		.keep_unknown = !o->ignore_unknown,
		.base_datalink = o->base == DLT_RAW ? LINKTYPE_RAW : o->base,
		.format = o->format,
		.select = o->select,
		.level = LEVEL,
		.output = o->csv    ? NC_OUTPUT_CSV
		          : o->comp ? NC_OUTPUT_BLOCKS
		                    : NC_OUTPUT_PLAIN,
		.block_size = o->buf ? 0 : 1,
		.flow_timeout = o->flow_timeout,
		.conn_timeout = o->conn_timeout,
		.active_timeout = o->active_timeout,
		.max_flows = o->max_flows,
	};

	memcpy(p.wanted, o->wanted, sizeof(p.wanted));
	r->live = (struct nc_live_options){
		.interface = o->iface, .bpf = o->bpf, .snaplen = o->snaplen, .buffer = LIVE_BUFFER, .promisc = o->promisc,
	};
	return p;
}

static int set_up(struct run *r, struct nc_buf *err)
{
	struct nc_output_options oo = output_options(r);
	struct nc_pipeline_events ev = { .chunk = on_chunk, .crash = on_crash, .done = on_done, .user = r };
	sigset_t set;
	int rc = nc_loop_new(&r->loop);

	if (rc == 0 && r->o->bpf && !r->o->iface)
		rc = nc_filter_compile(r->o->bpf, &r->filter, err);
	if (rc == 0)
		rc = nc_output_open(&oo, &r->files, err);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	if (rc == 0) {
		struct nc_pipeline_options po = pipeline_options(r);
		rc = nc_pipeline_new(r->loop, &po, &ev, &r->pipeline, err);
	}
	/* not before: a FIFO keeps us waiting for its other side, and that must be possible to end */
	if (rc == 0)
		rc = nc_loop_signals(r->loop, &set, on_signal, r);
	if (rc == 0 && r->tty)
		rc = nc_loop_add_timer(r->loop, PROGRESS_EVERY, PROGRESS_EVERY, on_progress, r, NULL);
	if (rc == 0 && r->o->iface)
		rc = nc_loop_add_timer(r->loop, LIVE_FLUSH, LIVE_FLUSH, on_live_flush, r, NULL);
	return rc;
}

static void tear_down(struct run *r)
{
	nc_pipeline_free(r->pipeline);
	nc_filter_free(r->filter);
	nc_loop_free(r->loop);
}

int nc_tool_capture(const struct nc_tool_options *o)
{
	struct run r = {
		.o = o, .source = o->iface ? o->iface : o->read, .tty = isatty(STDERR_FILENO) == 1, .started = nc_time_mono()
	};
	struct nc_buf err = { 0 };
	struct nc_pipeline_stats st;

	nc_text_escape(r.shown, sizeof(r.shown), r.source, strlen(r.source));
	int rc = set_up(&r, &err);
	if (rc == 0)
		rc = nc_loop_run(r.loop);
	if (rc < 0) {
		if (err.len == 0)
			nc_buf_str(&err, strerror(-rc));
		if (r.files)
			nc_output_close(r.files);
		tear_down(&r);
		return failed(&err, NC_TOOL_USAGE);
	}
	nc_pipeline_stats(r.pipeline, &st);
	log_reasons(&r);
	if (r.status != NC_TOOL_USAGE)
		sum_up(&r, &st);
	if (!nc_output_close(r.files) && r.status == NC_TOOL_OK)
		r.status = NC_TOOL_DAMAGED;
	tear_down(&r);
	return r.status;
}
