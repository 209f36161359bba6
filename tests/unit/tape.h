/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP reassembly for tests, with readers of the test's own, and segments made by hand. */
#ifndef NC_TESTS_TAPE_H
#define NC_TESTS_TAPE_H

#include "flow/tcp.h"

enum { TAPE_FIN = 1, TAPE_SYN = 2, TAPE_RST = 4, TAPE_ACK = 16 };

struct tape {
	struct nc_tcp *tcp;
	struct nc_tcp_counters counters;
	void *mem;
	size_t size;
	uint64_t records;
};

/* A reassembly with `size` bytes of memory. All types are wanted; records are counted only. False without memory. */
bool tape_open(struct tape *t, size_t size, int64_t timeout_ns, const struct nc_stream_reader *const *readers, size_t count);
void tape_close(struct tape *t);

/* One end of a connection of the test: address number and port. */
struct tape_end {
	uint32_t address;
	uint16_t port;
};
/* A segment from `from` to `to`; returns what nc_tcp_segment says. version: 4 or 6. */
unsigned tape_segment(struct tape *t, uint8_t version, const struct tape_end *from, const struct tape_end *to, int64_t ts_ns,
                      const struct nc_segment *s);

#endif
