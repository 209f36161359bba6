/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live capture: opening of interfaces, reading of packets, counting of losses. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "capture/fanout.h"
#include "capture/live.h"
#include "capture/program.h"
#include "capture/reader.h"

#define WAIT_MS      100 /* the kernel gives a block of packets at the latest after this time */
#define DRAIN_ROUNDS 5   /* waits for packets that came before the capture began */
#define NAMES_MAX    256 /* interfaces that a wrong name is compared with */
#define LOOPBACK     1   /* index of lo in every network namespace (LOOPBACK_IFINDEX of the kernel) */

/* Read from the descriptors, since a worker opens no files. */
static const char *const drop_counters[] = { "rx_missed_errors", "rx_fifo_errors" };
#define DROP_COUNTERS 2

struct nc_live {
	pcap_t *pcap;
	char interface[IF_NAMESIZE];
	int fd;                   /* pcap's */
	int counter[DROP_COUNTERS];
	uint32_t datalink;
	int64_t unit;             /* nanoseconds in one of pcap's time units */
	struct nc_live_stats stats;
	unsigned workers;         /* in the fanout group */
	bool by_libpcap;          /* its filter is none that the socket could take */
	struct nc_program *program; /* that was compiled for it; NULL: its options had one, or somebody took it */
	uint64_t if_dropped_base;
	nc_live_fn fn;            /* of the current nc_live_poll */
	void *user;
};

static void say_no_permission(const char *interface, struct nc_buf *err)
{
	char path[PATH_MAX] = "PROGRAM";
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0)
		path[n] = '\0';
	nc_buf_printf(err, "%s: no permission to capture, CAP_NET_RAW is missing: run as root, or \"setcap cap_net_raw+ep %s\", "
		"or put AmbientCapabilities=CAP_NET_RAW into the unit", interface, path);
}

static void say_no_interface(const char *interface, struct nc_buf *err)
{
	const char *names[NAMES_MAX] = { "any" }, *nearest;
	struct if_nameindex *all = if_nameindex();
	size_t n = 1;

	for (struct if_nameindex *i = all; i && i->if_name && n < NAMES_MAX; i++)
		names[n++] = i->if_name;
	nearest = nc_text_nearest(interface, names, n);
	nc_buf_printf(err, "%s: no such interface", interface);
	if (nearest)
		nc_buf_printf(err, ", is it %s?", nearest);
	if_freenameindex(all);
}

/* The negative errno of pcap_activate's answer, and a line about it. */
static int activate_error(const char *interface, int r, pcap_t *p, struct nc_buf *err)
{
	switch (r) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		say_no_permission(interface, err);
		return -EPERM;
	case PCAP_ERROR_NO_SUCH_DEVICE:
		say_no_interface(interface, err);
		return -ENODEV;
	case PCAP_ERROR_IFACE_NOT_UP:
		nc_buf_printf(err, "%s: the interface is down, \"ip link set dev %s up\"", interface, interface);
		return -ENETDOWN;
	default:
		nc_buf_printf(err, "%s: %s", interface, r == PCAP_ERROR ? pcap_geterr(p) : pcap_statustostr(r));
		return -EIO;
	}
}

static int activate(const struct nc_live_options *o, pcap_t *p, struct nc_buf *err)
{
	uint32_t snaplen = o->snaplen && o->snaplen < NC_CAPTURE_SNAPLEN_MAX ? o->snaplen : NC_CAPTURE_SNAPLEN_MAX;
	char text[PCAP_ERRBUF_SIZE];

	pcap_set_snaplen(p, (int)snaplen);
	pcap_set_promisc(p, o->promisc);
	pcap_set_timeout(p, WAIT_MS);
	if (o->buffer)
		pcap_set_buffer_size(p, o->buffer > INT_MAX ? INT_MAX : (int)o->buffer);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	int r = pcap_activate(p);
	if (r < 0)
		return activate_error(o->interface, r, p, err);
	if (pcap_setnonblock(p, 1, text) < 0) {
		nc_buf_printf(err, "%s: %s", o->interface, text);
		return -EIO;
	}
	/* of `any`: with the interface's index, where libpcap knows that header */
	if (pcap_datalink(p) == DLT_LINUX_SLL)
		(void)pcap_set_datalink(p, DLT_LINUX_SLL2);
	return 0;
}

static void count_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	uint64_t *n = (void *)user;

	(void)h;
	(void)data;
	++*n;
}

static int add_counters(struct nc_live *l)
{
	uint32_t packets, drops;
	int r = nc_fanout_counters(l->fd, &packets, &drops);

	if (r < 0)
		return r;
	l->stats.received += packets;
	l->stats.dropped += drops;
	return 0;
}

static void wait_for_packets(const struct nc_live *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	(void)poll(&p, 1, WAIT_MS);
}

/* Throws away what came between activation and now, when the socket is blocked: it is neither filtered nor spread. */
static int drain(struct nc_live *l)
{
	uint64_t gone = 0;

	for (unsigned i = 0; i < DRAIN_ROUNDS; i++) {
		int r = add_counters(l);
		if (r < 0)
			return r;
		if (gone >= l->stats.received - l->stats.dropped)
			break;
		wait_for_packets(l);
		if (pcap_dispatch(l->pcap, -1, count_packet, (u_char *)&gone) < 0)
			return -EIO;
	}
	l->stats = (struct nc_live_stats){ 0 };
	return 0;
}

static bool is_loopback(const char *interface)
{
	return if_nametoindex(interface) == LOOPBACK;
}

/* Not by libpcap: it lets nothing pass and throws away what waits before it puts in another filter, and it filters what comes
 * through the ring next once more by the program that it was given last, whatever the socket has by then. What the socket can't
 * take it has to do nevertheless. */
static int set_filter(struct nc_live *l, struct nc_program *c, struct nc_buf *err)
{
	int r = c->insn ? nc_fanout_filter(l->fd, c->insn, c->n) : -ENOTSUP;

	l->by_libpcap = r < 0 && c->code.bf_len > 0;
	if (l->by_libpcap) {
		r = pcap_setfilter(l->pcap, &c->code) < 0 ? -EIO : 0;
		if (r < 0)
			nc_buf_printf(err, "%s: %s", l->interface, pcap_geterr(l->pcap));
	} else if (r < 0) {
		nc_buf_printf(err, "%s: %s", l->interface, strerror(-r));
	}
	return r;
}

/* From an activated handle to one that gives just its share of what the filter lets pass. */
static int begin(struct nc_live *l, const struct nc_live_options *o, struct nc_program *filter, struct nc_buf *err)
{
	int r = nc_fanout_block(l->fd);

	if (r == 0 && is_loopback(o->interface))
		r = nc_fanout_incoming_only(l->fd);
	if (r == 0)
		r = drain(l);
	l->workers = o->workers > 1 ? o->workers : 1;
	if (r == 0)
		r = nc_fanout_join(l->fd, o->fanout_id, l->workers, is_loopback(o->interface));
	if (r < 0) {
		nc_buf_printf(err, "%s: %s", o->interface, strerror(-r));
		return r;
	}
	return set_filter(l, filter, err);
}

static void open_counters(struct nc_live *l, const char *interface)
{
	char path[128];

	for (int i = 0; i < DROP_COUNTERS; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", interface, drop_counters[i]);
		l->counter[i] = open(path, O_RDONLY | O_CLOEXEC);
	}
}

static uint64_t read_counters(const struct nc_live *l)
{
	uint64_t sum = 0;

	for (int i = 0; i < DROP_COUNTERS; i++) {
		char text[32];
		ssize_t n = l->counter[i] < 0 ? 0 : pread(l->counter[i], text, sizeof(text) - 1, 0);
		if (n <= 0)
			continue;
		text[n] = '\0';
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

/* What was compiled for a handle before this one is good for it too, unless it has become another kind of interface. */
static int filter_of(struct nc_live *l, const struct nc_live_options *o, struct nc_program **ret, struct nc_buf *err)
{
	if (o->program && o->program->datalink == pcap_datalink(l->pcap)) {
		*ret = o->program;
		return 0;
	}
	int r = nc_program_compile(l->pcap, l->interface, o->program ? o->program->text : o->bpf, &l->program, err);
	*ret = l->program;
	return r;
}

static int open_handle(struct nc_live *l, const struct nc_live_options *o, struct nc_buf *err)
{
	struct nc_program *filter;
	int r = activate(o, l->pcap, err);

	if (r < 0)
		return r;
	l->fd = pcap_fileno(l->pcap);
	l->unit = pcap_get_tstamp_precision(l->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
	l->datalink = nc_capfile_datalink((uint32_t)pcap_datalink(l->pcap));
	r = filter_of(l, o, &filter, err);
	if (r == 0)
		r = begin(l, o, filter, err);
	if (r == 0) {
		open_counters(l, o->interface);
		l->if_dropped_base = read_counters(l);
	}
	return r;
}

int nc_live_open(const struct nc_live_options *o, struct nc_live **ret, struct nc_buf *err)
{
	struct nc_live *l = calloc(1, sizeof(*l));
	char text[PCAP_ERRBUF_SIZE];

	if (!l)
		return -ENOMEM;
	l->counter[0] = l->counter[1] = -1;
	snprintf(l->interface, sizeof(l->interface), "%s", o->interface);
	l->pcap = pcap_create(o->interface, text);
	if (!l->pcap) {
		nc_buf_printf(err, "%s: %s", o->interface, text);
		free(l);
		return -EIO;
	}
	int r = open_handle(l, o, err);
	if (r < 0) {
		nc_live_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void nc_live_close(struct nc_live *l)
{
	if (!l)
		return;
	for (int i = 0; i < DROP_COUNTERS; i++)
		if (l->counter[i] >= 0)
			close(l->counter[i]);
	pcap_close(l->pcap);
	nc_program_free(l->program);
	free(l);
}

struct nc_program *nc_live_take_program(struct nc_live *l)
{
	struct nc_program *c = l->by_libpcap ? NULL : l->program;

	if (c)
		l->program = NULL;
	return c;
}

static void give_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct nc_live *l = (void *)user;
	struct nc_capture_packet p = {
		.data = data,
		.caplen = h->caplen,
		.len = h->len < h->caplen ? h->caplen : h->len,
		.datalink = l->datalink,
		.ts_ns = h->ts.tv_sec * NC_NS_PER_S + h->ts.tv_usec * l->unit,
	};

	l->fn(l->user, &p);
}

static int dispatch(struct nc_live *l, int max)
{
	int n = pcap_dispatch(l->pcap, max, give_packet, (u_char *)l);

	if (n >= 0)
		return n;
	/* libpcap tells no other way what happened */
	return strstr(pcap_geterr(l->pcap), "disappeared") || strstr(pcap_geterr(l->pcap), "went down") ? -ENETDOWN : -EIO;
}

int nc_live_poll(struct nc_live *l, int max, nc_live_fn fn, void *user)
{
	l->fn = fn;
	l->user = user;
	int n = dispatch(l, max);
	if (n)
		return n;
	wait_for_packets(l);
	return dispatch(l, max);
}

int nc_live_stats(struct nc_live *l, struct nc_live_stats *ret)
{
	int r = add_counters(l);

	if (r < 0)
		return r;
	uint64_t if_dropped = read_counters(l);
	l->stats.if_dropped = if_dropped > l->if_dropped_base ? if_dropped - l->if_dropped_base : 0;
	*ret = l->stats;
	return 0;
}

void nc_live_replace(struct nc_live *l, struct nc_live *old, unsigned slot, struct nc_live_stats *ret)
{
	/* where the kernel refuses, packets are missed between the next two steps, and nothing worse */
	(void)nc_fanout_spread(l->fd, l->workers, slot);
	if (nc_live_stats(old, ret) < 0)
		*ret = old->stats;
	nc_live_close(old);
	(void)nc_fanout_spread(l->fd, l->workers, NC_FANOUT_NONE);
}

int nc_live_compile(struct nc_live *l, const char *bpf, struct nc_program **ret, struct nc_buf *err)
{
	struct nc_program *c;
	int r = nc_program_compile(l->pcap, l->interface, bpf, &c, err);

	if (r < 0)
		return r;
	if (!c->insn || l->by_libpcap) {
		nc_buf_printf(err, "%s: filter \"%s\": the kernel can't %s, so this takes a restart", l->interface, c->text,
		              c->insn ? "do what the one in place does" : "do it");
		nc_program_free(c);
		return -ENOTSUP;
	}
	*ret = c;
	return 0;
}

int nc_live_filter(struct nc_live *l, const struct nc_program *c)
{
	return nc_fanout_filter(l->fd, c->insn, c->n);
}

static void list_one(const pcap_if_t *d, struct nc_buf *out)
{
	static const struct {
		bpf_u_int32 flag;
		const char *name;
	} flags[] = {
		{ PCAP_IF_UP, "up" },
		{ PCAP_IF_RUNNING, "running" },
		{ PCAP_IF_LOOPBACK, "loopback" },
		{ PCAP_IF_WIRELESS, "wireless" },
	};
	const char *separator = "  [";

	nc_buf_printf(out, "%-16s  %s", d->name, d->description ? d->description : "");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (d->flags & flags[i].flag) {
			nc_buf_printf(out, "%s%s", separator, flags[i].name);
			separator = ", ";
		}
	nc_buf_str(out, separator[0] == ',' ? "]\n" : "\n");
}

int nc_live_list(struct nc_buf *out, struct nc_buf *err)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_if_t *all;

	if (pcap_findalldevs(&all, text) < 0) {
		nc_buf_str(err, text);
		return -EIO;
	}
	for (const pcap_if_t *d = all; d; d = d->next)
		list_one(d, out);
	pcap_freealldevs(all);
	return out->failed ? -ENOMEM : 0;
}
