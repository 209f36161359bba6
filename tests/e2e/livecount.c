/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Captures with several handles in one process until told to stop and all is read; prints what each got. */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/live.h"

#define HANDLES_MAX 16

struct handle {
	struct nc_live *live;
	uint64_t packets;
	bool verbose;
	unsigned index;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void take(void *user, const struct nc_capture_packet *p)
{
	struct handle *h = user;

	h->packets++;
	if (!h->verbose)
		return;
	printf("packet\t%u\t%u\t%u\t%u\t", h->index, p->datalink, p->caplen, p->len);
	for (uint32_t i = 0; i < p->caplen && i < 96; i++)
		printf("%02x", p->data[i]);
	putchar('\n');
}

static int poll_all(struct handle *h, unsigned n)
{
	int sum = 0;

	for (unsigned i = 0; i < n; i++) {
		int r = nc_live_poll(h[i].live, 4096, take, &h[i]);
		if (r < 0) {
			printf("poll\t%u\t%s\n", i, strerror(-r));
			return -1;
		}
		sum += r;
	}
	return sum;
}

static int report(struct handle *h, unsigned n)
{
	int bad = 0;

	for (unsigned i = 0; i < n; i++) {
		struct nc_live_stats s;
		if (nc_live_stats(h[i].live, &s) < 0)
			return 1;
		printf("handle\t%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", i, h[i].packets, s.received, s.dropped,
			s.if_dropped);
		bad |= s.received != h[i].packets + s.dropped;
	}
	return bad;
}

static int parse(int argc, char **argv, struct nc_live_options *o, bool *verbose)
{
	int c;

	while ((c = getopt(argc, argv, "i:f:s:b:w:pv")) != -1)
		switch (c) {
		case 'i': o->interface = optarg; break;
		case 'f': o->bpf = optarg; break;
		case 's': o->snaplen = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'b': o->buffer = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'w': o->workers = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'p': o->promisc = true; break;
		case 'v': *verbose = true; break;
		default: return -1;
		}
	return o->interface && o->workers > 0 && o->workers <= HANDLES_MAX ? 0 : -1;
}

/* Exit status: 0 when for each handle received = delivered + dropped, 1 when not, 2 when it can't capture. */
int main(int argc, char **argv)
{
	struct nc_live_options o = { .workers = 1, .buffer = 2u << 20, .fanout_id = (uint16_t)getpid() };
	struct handle h[HANDLES_MAX] = { 0 };
	struct nc_buf err = { 0 };
	bool verbose = false;

	if (parse(argc, argv, &o, &verbose) < 0)
		return 2;
	for (unsigned i = 0; i < o.workers; i++) {
		h[i].verbose = verbose;
		h[i].index = i;
		if (nc_live_open(&o, &h[i].live, &err) < 0) {
			fprintf(stderr, "%s\n", nc_buf_cstr(&err));
			nc_buf_free(&err);
			return 2;
		}
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	printf("ready\n");
	fflush(stdout);
	int n = 0, empty = 0;
	/* after the signal: until nothing came for longer than the kernel keeps a block */
	while (n >= 0 && empty < 3) {
		n = poll_all(h, o.workers);
		empty = stop && n == 0 ? empty + 1 : 0;
	}
	int bad = report(h, o.workers);
	for (unsigned i = 0; i < o.workers; i++)
		nc_live_close(h[i].live);
	return n < 0 ? 2 : bad;
}
