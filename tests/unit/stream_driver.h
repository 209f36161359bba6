/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feeds a stream reader without TCP around it, holds it to the contract of flow/stream.h, and keeps its records. It stands in for
 * the functions nc_stream_*, so a program has this or those. */
#ifndef NC_TESTS_UNIT_STREAM_DRIVER_H
#define NC_TESTS_UNIT_STREAM_DRIVER_H

#include "flow/stream.h"

/* A record that came out, packed and unpacked again. */
struct nc_driven {
	ProtobufCMessage *m;
	int64_t ts_ns;
};

struct nc_drive_side {
	uint8_t *p;  /* what waits, in a block of exactly n bytes */
	int64_t *ts; /* of each byte */
	size_t n, want;
	uint64_t skip;
};

/* Anything against the contract ends the program with a line. */
struct nc_drive {
	struct nc_stream s;
	const struct nc_stream_reader *reader;
	struct nc_arena arena;
	struct nc_drive_side side[2];
	int busy; /* the direction whose data runs, or -1 */
	bool stopped, ended, overflowed;
	bool no_memory;  /* nc_stream_alloc gives NULL */
	size_t blocks;   /* of nc_stream_alloc that live */
	size_t calls;    /* of data */
	size_t shown;    /* bytes in all of them: a reader that is shown the same over and over has many */
	bool again;      /* nc_stream_again was called */
	const char *bad; /* last reason of nc_stream_bad */
	size_t bads;
	struct nc_driven *records;
	size_t count;
};

/* A connection from 192.0.2.1:40000 to 198.51.100.2:port with MACs; opened: the SYN was seen. */
void nc_drive_open(struct nc_drive *d, const struct nc_stream_reader *r, uint16_t port, bool opened);
/* The same for IPv6, without MACs. */
void nc_drive_open6(struct nc_drive *d, const struct nc_stream_reader *r, uint16_t port, bool opened);
/* n bytes in order, in one piece; n bytes that are missing. */
void nc_drive_give(struct nc_drive *d, unsigned dir, const void *p, size_t n, int64_t ts_ns);
void nc_drive_gap(struct nc_drive *d, unsigned dir, uint64_t n);
/* n bytes in pieces of at most `most` bytes drawn from *random (most = 1: one by one), all at the time ts_ns. */
void nc_drive_cut(struct nc_drive *d, unsigned dir, const void *p, size_t n, size_t most, uint64_t *random, int64_t ts_ns);
/* Calls end once; the records stay. */
void nc_drive_end(struct nc_drive *d);
/* Ends it, checks that all memory came back, and frees the records. */
void nc_drive_close(struct nc_drive *d);
/* The probe's answer to these bytes, each in a block of its size and prefix by prefix: the first that is not MORE. */
enum nc_guess nc_drive_probe(const struct nc_stream_reader *r, unsigned dir, const void *p, size_t n);
/* A whole connection from a fuzzer's bytes: one of flags (1: the SYN was seen; 2: to port 22, else 443; 4: IPv6; 8: no memory),
 * then pieces: a byte of flags (1: direction; 2: a gap of that length; 4: byte by byte), two of length (big endian), the bytes.
 * Ends the program when the reader works out of proportion to its input. Returns the number of records. */
size_t nc_drive_fuzz(const struct nc_stream_reader *r, const uint8_t *data, size_t n);
/* xorshift: the next number below `below`. */
size_t nc_drive_draw(uint64_t *random, size_t below);

#endif
