/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capture files: pcap (both byte orders, micro- and nanoseconds), pcapng, both also gzip'd, from any descriptor. */
#ifndef NC_CAPTURE_CAPFILE_H
#define NC_CAPTURE_CAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One captured packet. data is valid until the next call on its source. */
struct nc_capture_packet {
	const uint8_t *data;
	uint32_t caplen;   /* bytes at data */
	uint32_t len;      /* bytes on the wire, >= caplen */
	uint32_t datalink; /* DLT_ or LINKTYPE_ number */
	uint32_t interface; /* of the pcapng section; 0 for pcap */
	int64_t ts_ns;
};

#define NC_CAPTURE_SNAPLEN_MAX (256u * 1024u) /* larger packets are damage */
#define NC_CAPFILE_INTERFACES  1024u

/* The reader is a struct without pointers to the heap: all of its state, zlib's too, lies in one piece of memory of
 * nc_capfile_size() bytes that the caller gives (page aligned). In memory that is shared over fork() at the same address, another
 * process goes on where one that died stopped. */
struct nc_capfile;
size_t nc_capfile_size(void);
/* Makes a reader in mem over fd (not owned, read from its current offset on, needs no seeking). No I/O yet. */
struct nc_capfile *nc_capfile_init(void *mem, int fd);
/* The next packet: 1; 0 at the end; -EBADMSG: damaged; -ENOMSG: no capture file at all (first call only); else negative errno
 * of read. After a negative value or 0 every further call gives the same. */
int nc_capfile_next(struct nc_capfile *c, struct nc_capture_packet *ret);
/* One line on what is wrong after -EBADMSG or when the file ended inside a packet (then next gave 0); NULL when all is well. */
const char *nc_capfile_problem(const struct nc_capfile *c);
/* Packets given so far. The one given last is counted with all that belongs to it: who finds it counted may use it. */
uint64_t nc_capfile_packets(const struct nc_capfile *c);
/* Whether a process died in the middle of nc_capfile_next: nobody can go on from here, the file is to be read anew. */
bool nc_capfile_torn(const struct nc_capfile *c);
/* Bytes read from the descriptor so far, for progress. */
uint64_t nc_capfile_offset(const struct nc_capfile *c);

#endif
