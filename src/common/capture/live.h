/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live capture through libpcap: one handle per worker, spread by PACKET_FANOUT_CBPF. */
#ifndef NC_CAPTURE_LIVE_H
#define NC_CAPTURE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "capture/capfile.h"

struct nc_program;
struct nc_live_options {
	const char *interface;
	const char *bpf;        /* NULL or "": none */
	struct nc_program *program; /* instead of bpf: compiled for a handle of this interface before; NULL: bpf counts */
	uint32_t snaplen;       /* bytes */
	uint32_t buffer;        /* kernel ring of each handle in bytes */
	bool promisc;
	unsigned workers;       /* handles in the fanout group; one beyond them gets nothing before nc_live_replace */
	uint16_t fanout_id;     /* the same for all handles of one capture */
};

struct nc_live_stats {
	uint64_t received;      /* by the kernel for this handle, dropped ones included */
	uint64_t dropped;       /* by the kernel: ring full */
	uint64_t if_dropped;    /* by the interface, as libpcap says */
};

/* Opens one handle; err (appended, one line) says what is missing: for EPERM which capability and how to give it, for ENODEV
 * the nearest interface. 0 or negative errno. */
struct nc_live;
int nc_live_open(const struct nc_live_options *o, struct nc_live **ret, struct nc_buf *err);
void nc_live_close(struct nc_live *l);
/* l was opened beyond the `workers` of its group: from now on it gets the packets of `old`, which was opened as number `slot`.
 * No packet is missed or comes to both. Closes old; its last numbers, as of nc_live_stats, go to ret. */
void nc_live_replace(struct nc_live *l, struct nc_live *old, unsigned slot, struct nc_live_stats *ret);
/* The filter that it was opened with, now the caller's, for handles to come; NULL: its options had it, or the socket can't take
 * it, and then no other filter can be put in its place. */
struct nc_program *nc_live_take_program(struct nc_live *l);
/* Another filter while it runs, by whoever has opened it: compiled for handles like l (0, or negative errno with a line in err),
 * then put in place of the one that is there, so that each packet is judged by one of the two; what has passed the old one and
 * waits is not touched. Without memory for it the old one stays. Names of hosts in it are looked up, which may take its time. */
int nc_live_compile(struct nc_live *l, const char *bpf, struct nc_program **ret, struct nc_buf *err);
int nc_live_filter(struct nc_live *l, const struct nc_program *c);
void nc_program_free(struct nc_program *c);
const char *nc_program_text(const struct nc_program *c);
/* Calls fn for each packet that is there, at most max; waits up to about 100 ms for the first. Returns the number, 0 for none in
 * time, or negative errno (-ENETDOWN: the interface went away). */
typedef void (*nc_live_fn)(void *user, const struct nc_capture_packet *pkt);
int nc_live_poll(struct nc_live *l, int max, nc_live_fn fn, void *user);
int nc_live_stats(struct nc_live *l, struct nc_live_stats *ret);
/* Names of the interfaces that can be captured on, one line each with description and flags, into out. */
int nc_live_list(struct nc_buf *out, struct nc_buf *err);

/* BPF for files: one program per link type that we read, compiled before the sandbox is entered (names in a filter need files
 * and resolvers that a worker has not). 0; -EINVAL with the compiler's words in err when it compiles for none of them. */
struct nc_filter;
int nc_filter_compile(const char *expression, struct nc_filter **ret, struct nc_buf *err);
void nc_filter_free(struct nc_filter *f);
/* Whether it compiles for any link type; -EINVAL with the compiler's words in err, or -ENOMEM. */
int nc_filter_check(const char *expression, struct nc_buf *err);
/* Whether the packet passes; false too for a link type that the expression can't be compiled for (*cannot is set). */
bool nc_filter_match(const struct nc_filter *f, const struct nc_capture_packet *pkt, bool *cannot);

/* Symmetric hash of the outermost IP address pair, behind VLAN tags, cooked and PPP headers: both directions and all fragments
 * of a flow get the same, on any link type. 0 for everything else, which so stays together (a MAC pair would part the two
 * directions where routers share an address). The cBPF program of the live fanout computes the same kind of spread. */
uint32_t nc_balance_hash(uint32_t datalink, const uint8_t *p, size_t n);

#endif
