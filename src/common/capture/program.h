/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live filter, compiled for handles of one interface and as the kernel takes it. */
#ifndef NC_CAPTURE_PROGRAM_H
#define NC_CAPTURE_PROGRAM_H

#include <linux/filter.h>
#include <stdbool.h>
#include <pcap/pcap.h>

#include "base/buf.h"
#include "capture/live.h"

struct nc_program {
	char *text;                /* as it was written, "" for none */
	int datalink;              /* libpcap's number of the handle's link type, which it was compiled for */
	struct bpf_program code;   /* as libpcap means it; empty: all packets pass */
	struct sock_filter *insn;  /* the same for the socket; NULL: the kernel can't do it */
	unsigned short n;
};

/* For the activated handle p of that interface. text NULL or "": none. 0; -EINVAL with the compiler's words in err; -ENOMEM. */
int nc_program_compile(pcap_t *p, const char *interface, const char *text, struct nc_program **ret, struct nc_buf *err);
/* Rewrites a program of a cooked link type (SLL, SLL2), where the socket's packets begin behind the header that libpcap makes up.
 * False when it looks at a field that the kernel has not. */
bool nc_program_uncook(struct sock_filter *insn, size_t n, int datalink);

#endif
