/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record files of a collector: gathers records into blocks, appends them, and holds what can't be written for a while. */
#ifndef NC_COLLECTORD_STORE_H
#define NC_COLLECTORD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "block/file.h"
#include "record/type.h"

#define NC_STORE_BLOCK (256u * 1024u) /* records are gathered up to this */

/* What is looked at before a block is stored. */
enum nc_store_verify {
	NC_STORE_VERIFY_FULL,   /* it is inflated, and the framing of each record checked */
	NC_STORE_VERIFY_HEADER, /* header and size only */
};

/* All limits: 0 is none. */
struct nc_store_options {
	int level;              /* of compression */
	uint64_t pending_max;   /* bytes in memory */
	size_t open_files;      /* at a time */
	int64_t sync_interval;  /* ns; of records from datagrams; 0: never */
	enum nc_store_verify verify;
	uint64_t rotate_size, rotate_records; /* a file is finished when it has so many bytes, or records */
	int64_t rotate_interval;              /* or is so old, ns */
	int64_t expire_age;                   /* ns since a finished file was written to */
	uint64_t quota_sensor, quota;         /* bytes of one folder, and of all */
	uint64_t min_free;                    /* bytes on the file system */
};

struct nc_store_counters {
	uint64_t written_bytes, written_records, written_blocks;
	uint64_t pending_bytes;   /* gathered, or built and not yet written */
	uint64_t failures;        /* of opening, writing, syncing */
	uint64_t dropped_records; /* for want of memory while writing failed, or since their sync failed */
	uint64_t torn_bytes;      /* cut off files that an earlier run left torn */
	uint64_t syncs;           /* group commits */
	uint64_t rotated_files, expired_files;
	uint64_t failed_files; /* ended early, or moved aside, since the disk gave errors */
	uint64_t watermarks;   /* saved */
	uint64_t lost_watermarks; /* damaged or missing, and made anew from the files */
	uint64_t forgotten;       /* ranges and epochs, for want of room (have.h) */
};

struct nc_store;
/* The file of one sensor and type. */
struct nc_stream;

/* Opens the folder `root`, which is made when it is missing; one store at a time may have it. err gets a line. 0 or negative
 * errno. */
int nc_store_open(const char *root, const struct nc_store_options *o, struct nc_store **ret, struct nc_buf *err);
/* Writes what it can and frees everything; returns how many records could not be written. nc_store_close(NULL) is 0. */
uint64_t nc_store_close(struct nc_store *s);
/* Changes the options while it runs; 0 or -ENOMEM. */
int nc_store_set(struct nc_store *s, const struct nc_store_options *o);

/* A new stream to root/dir/<type>.ncap.gz, owned by the store; NULL when memory is short. dir is checked by the caller: one
 * name, or two with a '/' between them. */
struct nc_stream *nc_store_stream(struct nc_store *s, const char *dir, const struct nc_type *type);
/* What the Header of a new file says; without it the source is the dir. */
void nc_stream_describe(struct nc_stream *st, const struct nc_file_header *h);
/* Adds a delimited record; time_ns NULL: it has none. 0 or -ENOMEM. */
int nc_stream_add(struct nc_stream *st, const uint8_t *p, size_t n, const int64_t *time_ns, bool payloads);
/* Closes every gathered block and writes; syncs when the interval (monotonic clock) has passed. */
void nc_store_flush(struct nc_store *s, int64_t now_mono);
/* Tells the clocks; looks after ages and free space. Called each second by the loop when the store is attached. */
void nc_store_tick(struct nc_store *s, int64_t now_mono, int64_t now_real);

/* --- whole blocks: what a session hands over ------------------------------------------------------------------------------ */

/* What one sensor has in the store: its folder, its files, the numbers of the blocks in them. Owned by the store. */
struct nc_shelf;

/* What becomes of blocks that were taken. Both are called by the thread that runs the loop (or nc_store_wait), never from inside
 * of nc_shelf_append. */
struct nc_store_events {
	void *user;
	/* The blocks from..to (both included) of that epoch are on the disk, and on record there: acknowledge them. */
	void (*durable)(void *user, struct nc_shelf *shelf, uint64_t epoch, uint64_t from, uint64_t to);
	/* That block is not there: its write or sync failed with `code` (negative errno). It may be handed over again. */
	void (*failed)(void *user, struct nc_shelf *shelf, uint64_t epoch, uint64_t seq, uint64_t ticket, int code);
};

/* Who hears of it; *e is copied. Without it blocks are stored all the same. */
void nc_store_listen(struct nc_store *s, const struct nc_store_events *e);
/* Lets the loop drive group commits (at most 20 ms or 4 MiB after a block was taken its sync begins) and their events; 0 or
 * negative errno. Without it, nc_store_wait is to be called. The loop must outlive the store. */
int nc_store_attach(struct nc_store *s, struct nc_loop *loop);
/* Syncs all that was taken, waits until it is done, and tells of it. */
void nc_store_wait(struct nc_store *s);

/* The shelf of the sensor of that folder (as nc_store_stream); the same one each time. At the first time the blocks in its files
 * are looked up, which may take a moment. 0 or negative errno: it may be tried again. */
int nc_store_shelf(struct nc_store *s, const char *dir, struct nc_shelf **ret);
/* What the Header of its new files says of source, version and payloads; without it the source is the dir. */
void nc_shelf_describe(struct nc_shelf *h, const struct nc_file_header *header);
/* Calls fn for each shelf there is, with its dir: also of sensors that are gone. */
void nc_store_each(struct nc_store *s, void (*fn)(void *user, const char *dir, const struct nc_shelf *h), void *user);
/* A pointer of the caller's, NULL at first. */
void nc_shelf_set_user(struct nc_shelf *h, void *user);
void *nc_shelf_user(const struct nc_shelf *h);

/* Takes a block: info is what nc_block_info reads from it, and its size is the number of bytes at p; nothing is kept of p. The
 * ticket is given back by `failed`.
 *   0           it is written; `durable` or `failed` tells the rest
 *   -EEXIST     it is durable already: acknowledge it at once
 *   -EALREADY   it was taken before and waits for its sync; `durable` or `failed` will come for it once
 *   -EBADMSG    never: its header or (verify = full) its content is wrong, or its type is not known here
 *   -ESTALE     never: so old that it cannot be told any more whether it was stored (see nc_shelf_floor)
 *   others      not now: -ENOSPC (no room on the disk), -EDQUOT (the quota, with nothing left to expire; or too much waits for
 *               its sync), -EIO, -ENOMEM …; nc_store_later says so. */
int nc_shelf_append(struct nc_shelf *h, const uint8_t *p, const struct nc_block_info *info, uint64_t ticket);
/* Whether a block that was refused with this code may be sent again later; else it never will be taken. */
bool nc_store_later(int code);
/* The sensor will never again send a block of this epoch with a number below seq: what is known of those is forgotten (they get
 * -ESTALE). Keeps what has to be remembered small; optional. */
void nc_shelf_floor(struct nc_shelf *h, uint64_t epoch, uint64_t seq);
/* Calls fn for each range of durable blocks, from..to both included. */
void nc_shelf_each(const struct nc_shelf *h, void (*fn)(void *user, uint64_t epoch, uint64_t from, uint64_t to), void *user);

/* How many blocks of that epoch are durable, or were (expired ones are in it), and the highest number of them. */
uint64_t nc_shelf_blocks(const struct nc_shelf *h, uint64_t epoch, uint64_t *highest);

struct nc_tally {
	uint64_t blocks, records, bytes;
};

/* Since the start; received = stored + duplicate + rejected + later + failed + what waits for its sync. */
struct nc_shelf_counters {
	struct nc_tally received;  /* calls of nc_shelf_append */
	struct nc_tally stored;    /* durable */
	struct nc_tally duplicate; /* -EEXIST, -EALREADY */
	struct nc_tally rejected;  /* never */
	struct nc_tally later;     /* not now */
	struct nc_tally failed;    /* taken, and then their sync failed */
	uint64_t finished_files, used_bytes; /* now */
	struct nc_tally expired;   /* removed with their files by age, quota or for free space, of all transports */
};
struct nc_shelf_counters nc_shelf_counters(const struct nc_shelf *h);

const struct nc_store_counters *nc_store_counters(const struct nc_store *s);
/* The last failure in one line, "" when there was none. */
const char *nc_store_last_error(const struct nc_store *s);
/* Whether the last attempt failed. */
bool nc_store_failing(const struct nc_store *s);

#endif
