/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record files of a collector: gathers records into blocks, appends them, and holds what can't be written for a while. */
#ifndef NC_COLLECTORD_STORE_H
#define NC_COLLECTORD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "block/file.h"
#include "record/type.h"

#define NC_STORE_BLOCK (256u * 1024u) /* records are gathered up to this */

struct nc_store_options {
	int level;             /* of compression */
	uint64_t pending_max;  /* bytes in memory */
	size_t open_files;     /* at a time */
	int64_t sync_interval; /* ns; 0: never */
};

struct nc_store_counters {
	uint64_t written_bytes, written_records, written_blocks;
	uint64_t pending_bytes;   /* gathered, or built and not yet written */
	uint64_t failures;        /* of opening, writing, syncing */
	uint64_t dropped_records; /* for want of memory while writing failed */
	uint64_t torn_bytes;      /* cut off files that an earlier run left torn */
};

struct nc_store;
/* The file of one sensor and type. */
struct nc_stream;

/* Opens the folder `root`, which is made when it is missing. err gets a line. 0 or negative errno. */
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

const struct nc_store_counters *nc_store_counters(const struct nc_store *s);
/* The last failure in one line, "" when there was none. */
const char *nc_store_last_error(const struct nc_store *s);
/* Whether the last attempt failed. */
bool nc_store_failing(const struct nc_store *s);

#endif
