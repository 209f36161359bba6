/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of pcap and pcapng share; only for the files of the capture file reader. */
#ifndef NC_CAPTURE_READER_H
#define NC_CAPTURE_READER_H

#include "base/rd.h"
#include "capture/capfile.h"
#include "capture/input.h"

enum nc_capfile_kind {
	NC_CAPFILE_NEW, /* nothing read yet */
	NC_CAPFILE_PCAP,
	NC_CAPFILE_PCAPNG,
	NC_CAPFILE_DONE, /* `result` is the answer to every further call */
};

/* pcap: how the file header says that the packets are written. */
struct nc_pcap {
	uint32_t datalink;
	uint32_t frac_ns;     /* nanoseconds in a unit of the time's second part */
	uint32_t header_size; /* of a packet */
	uint8_t swap;         /* captured and original length changed places: 0 never, 1 when they look so, 2 always */
};

/* pcapng: one interface of the current section. */
struct nc_pcapng_interface {
	uint32_t datalink;
	uint32_t snaplen; /* 0: no limit */
	uint8_t resol;    /* as if_tsresol */
	uint32_t mul;     /* nanoseconds in a unit when that is a whole number, else 0 */
	int64_t offset;   /* seconds */
};

struct nc_pcapng {
	uint32_t interfaces;
	struct nc_pcapng_interface interface[NC_CAPFILE_INTERFACES];
};

struct nc_capfile {
	enum nc_capfile_kind kind;
	int result;
	bool big;  /* the file's or section's byte order */
	uint64_t packets;
	bool reading; /* inside of nc_capfile_next */
	char problem[160];
	struct nc_pcap pcap;
	struct nc_pcapng ng;
	struct nc_input in;
};

/* Readers of the headers: 1 and the kind set, or what nc_capfile_next answers. */
int nc_pcap_open(struct nc_capfile *c);
int nc_pcapng_open(struct nc_capfile *c);
/* The next packet; answers as nc_capfile_next. */
int nc_pcap_next(struct nc_capfile *c, struct nc_capture_packet *ret);
int nc_pcapng_next(struct nc_capfile *c, struct nc_capture_packet *ret);

/* The input has no more: the answer for that, and the problem when bytes are left over (of `what`). */
int nc_capfile_ended(struct nc_capfile *c, const char *what);
/* The same when what came before belongs to `what` too, though it is consumed. */
int nc_capfile_cut(struct nc_capfile *c, const char *what);
/* Notes what is wrong at the current offset and gives -EBADMSG. */
int nc_capfile_damaged(struct nc_capfile *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The LINKTYPE_ number for a number that some systems wrote in its place. */
uint32_t nc_capfile_datalink(uint32_t n);

static inline uint16_t nc_capfile_u16(const struct nc_capfile *c, struct nc_rd *r)
{
	return c->big ? nc_rd_be16(r) : nc_rd_le16(r);
}

static inline uint32_t nc_capfile_u32(const struct nc_capfile *c, struct nc_rd *r)
{
	return c->big ? nc_rd_be32(r) : nc_rd_le32(r);
}

static inline uint64_t nc_capfile_u64(const struct nc_capfile *c, struct nc_rd *r)
{
	return c->big ? nc_rd_be64(r) : nc_rd_le64(r);
}

#endif
