/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the store share: the shelf of a sensor, its files, the blocks that wait for their sync. */
#ifndef NC_COLLECTORD_SHELF_H
#define NC_COLLECTORD_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/worker.h"
#include "collectord/have.h"
#include "collectord/name.h"
#include "collectord/store.h"

#define NC_SHELF_DIR 96u /* longest dir with its NUL */

/* A file that is not finished. */
struct nc_shelf_file {
	TAILQ_ENTRY(nc_shelf_file) all;
	TAILQ_ENTRY(nc_shelf_file) opened; /* while it has a writer; the one used last at the end */
	TAILQ_ENTRY(nc_shelf_file) unsynced; /* while dirty */
	struct nc_shelf *shelf;
	struct nc_name name;
	struct nc_file_writer *writer;
	uint64_t inode;
	int64_t born, begun;
	struct nc_tally now;     /* what it holds; bytes: its size */
	struct nc_tally flying;  /* what the sync under way makes durable */
	struct nc_tally durable;
	uint64_t lazy;           /* records written since the last sync for which nobody waits */
	uint64_t lazy_flying;
	bool dirty;   /* written to since the last sync began */
	bool wanted;  /* somebody waits for what was written */
	bool syncing; /* a sync is under way */
	bool on_root; /* on the same file system as the root */
	bool covered; /* closing, and the watermark that is being saved knows all of it */
};

/* A finished one. */
struct nc_shelf_finished {
	int64_t start, end; /* seconds: its name's, and that of the last change */
	uint64_t size;
	uint16_t slot, suffix;
};

TAILQ_HEAD(nc_shelf_files, nc_shelf_file);

struct nc_shelf {
	TAILQ_ENTRY(nc_shelf) all;
	struct nc_store *store;
	void *user;
	char dir[NC_SHELF_DIR];
	struct nc_file_header header; /* of new files */
	bool loaded;
	struct nc_shelf_files files;
	struct nc_shelf_file *current[NC_TYPES_MAX]; /* by slot: what is appended to */
	struct nc_have have, pending;                /* durable; written and not yet durable */
	struct nc_shelf_finished *finished;          /* ascending by start */
	size_t finished_count, finished_cap;
	uint64_t bytes; /* of all its files */
	uint64_t epoch, seq; /* of the blocks that the store itself makes */
	size_t waiting;      /* of those, not yet written */
	struct nc_shelf_counters counters;
	bool failing;
	int64_t retry; /* monotonic: not to be written to before, since it gave an I/O error */
	/* the watermark */
	bool saving, save_wanted;
	unsigned closing; /* files that it has to cover before they are finished */
	uint64_t unsaved; /* bytes that became durable since it was saved */
	int64_t saved, save_retry; /* monotonic: when it was, and not to be tried before, since it failed */
};

/* A block that waits for its sync. */
struct nc_commit_entry {
	struct nc_shelf *shelf;
	struct nc_shelf_file *file;
	uint64_t epoch, seq, ticket;
	uint32_t records, size;
};

struct nc_commit_batch {
	struct nc_commit_entry *entries;
	size_t n, cap;
	uint64_t bytes;
};

struct nc_chunk;
struct nc_sync_job;
TAILQ_HEAD(nc_stream_list, nc_stream);
TAILQ_HEAD(nc_shelf_list, nc_shelf);
TAILQ_HEAD(nc_chunk_list, nc_chunk);

struct nc_store {
	int root;
	uint32_t dev_major, dev_minor; /* of the root */
	bool settled;                  /* it is there for good, and what was in it at the start */
	bool whole_syncs;              /* its file system makes everything durable with syncfs */
	char *path;
	struct nc_store_options options;
	struct nc_deflater *deflater;
	struct nc_inflater *inflater;
	struct nc_buf inflated;
	struct nc_store_counters counters;
	struct nc_store_events events;
	struct nc_shelf_list shelves;
	uint64_t bytes; /* of all shelves */
	/* records that become blocks here */
	struct nc_stream_list streams, gathering;
	struct nc_chunk_list chunks;
	uint64_t pass;
	int64_t lazy_synced;
	/* files and their syncs */
	struct nc_shelf_files opened, unsynced;
	size_t open_count;
	struct nc_worker *syncer, *sweeper;
	struct nc_sync_job *job; /* the sync under way */
	struct nc_commit_batch filling, flying;
	bool commit_due;
	unsigned jobs; /* of any kind, under way */
	/* clocks; `real` is what nc_store_tick said last, or 0 */
	int64_t mono, real;
	/* room */
	uint64_t free_bytes; /* on the file system, as estimated; UINT64_MAX: not known */
	unsigned expiring;   /* files being removed */
	/* trouble */
	unsigned failing;
	struct nc_log_limit fail_log, expire_log;
	uint64_t dropped_while_failing;
	char last_error[256];
	/* the loop */
	struct nc_loop *loop;
	struct nc_loop_fd *sync_watch, *sweep_watch;
	struct nc_loop_timer *commit_timer, *tick_timer;
};

/* --- shelf.c: the folder and its files ---------------------------------------------------------------------------------- */
/* The shelf of a folder, made when it is new; NULL when memory is short. */
struct nc_shelf *nc_shelf_get(struct nc_store *s, const char *dir);
void nc_shelf_free(struct nc_shelf *h);
/* Opens its folder, which is made when it is missing; no link is followed. Descriptor or negative errno. */
int nc_shelf_folder(const struct nc_shelf *h);
/* Appends a block of that type to the current file, which is opened or made with that header; waited: somebody waits for its
 * sync. *file is where it is. 0 or negative errno, which has been said. */
int nc_shelf_put(struct nc_shelf *h, const struct nc_type *type, const struct nc_file_header *header, const uint8_t *p,
                 const struct nc_block_info *info, bool waited, struct nc_shelf_file **file);
/* Ends a file that has become large enough; after what was put has been added to a commit. */
void nc_shelf_rotate(struct nc_shelf_file *f);
/* Opens its file and looks up the blocks in it, from what is known of it on. 0; -EEXIST: it is foreign; negative errno. */
int nc_shelf_open_file(struct nc_shelf_file *f, const struct nc_file_header *header, int dirfd);
/* A new entry for a file that nothing is known of; NULL when memory is short. */
struct nc_shelf_file *nc_shelf_new_file(struct nc_shelf *h, const struct nc_name *name);
/* Closes and forgets a file, whatever waits for it; its bytes no longer count. */
void nc_shelf_drop_file(struct nc_shelf_file *f);
/* The writer is closed, unless something waits for its sync; true when it is. */
bool nc_shelf_shut(struct nc_shelf_file *f);
/* Changes what is counted as used by d bytes. */
void nc_shelf_account(struct nc_shelf *h, int64_t d);
/* Says that writing failed, and that it works again, at a bounded rate. */
void nc_shelf_failed(struct nc_shelf *h, const char *name, int code);
void nc_shelf_recovered(struct nc_shelf *h);
/* Syncs the root and the folder that it is in, once: a run before this one may have made folders just before it ended. 0 or
 * negative errno. */
int nc_store_settle(struct nc_store *s);
/* The clocks, as nc_store_tick told them last, or themselves. */
int64_t nc_store_real(const struct nc_store *s);
int64_t nc_store_mono(const struct nc_store *s);

/* --- rotate.c: the end of files ----------------------------------------------------------------------------------------- */
/* Ends a file: gives it its closing name, so that the next block goes to a new one. It is finished when the watermark covers it.
 * 0 or negative errno: it stays. */
int nc_rotate_close(struct nc_shelf_file *f);
/* A closing file that the watermark covers gets its last name, and is not touched again. 0 or negative errno: it stays. */
int nc_rotate_finish(struct nc_shelf_file *f);
/* After a sync failed with that code: cuts the file back to what is durable, and ends it when the disk fails. */
void nc_rotate_undo(struct nc_shelf_file *f, int code);
/* Gives a file that can't be read or cut a name that nobody reads, and forgets it. */
void nc_rotate_aside(struct nc_shelf_file *f);

/* --- load.c: what is there ---------------------------------------------------------------------------------------------- */
/* Lists the folders below the root; 0 or negative errno. */
int nc_shelf_list_all(struct nc_store *s);
/* Reads the watermark and looks up the blocks behind it; mends what is torn. 0 or negative errno. */
int nc_shelf_load(struct nc_shelf *h);
/* Puts a finished file on the list. 0 or -ENOMEM. */
int nc_shelf_add_finished(struct nc_shelf *h, const struct nc_shelf_finished *f);

/* --- commit.c: syncs, in a thread --------------------------------------------------------------------------------------- */
/* Room for one more entry; 0 or negative errno. */
int nc_commit_reserve(struct nc_store *s);
/* Takes a block that was written; a place is reserved. */
void nc_commit_add(struct nc_store *s, const struct nc_commit_entry *e);
/* Begins the sync of what somebody waits for, or of all that was written; does nothing while one is under way. */
void nc_commit_begin(struct nc_store *s, bool all);
/* Saves the watermark soon. */
void nc_commit_save(struct nc_shelf *h);
/* Deals with finished jobs. */
void nc_commit_collect(struct nc_store *s);
void nc_commit_free(struct nc_store *s);

/* --- expire.c: limits --------------------------------------------------------------------------------------------------- */
/* Whether n more bytes may be written, expiring what has to go. 0, -ENOSPC, -EDQUOT. */
int nc_expire_room(struct nc_shelf *h, uint64_t n);
/* Age, and files that are to be finished by time. */
void nc_expire_tick(struct nc_store *s);
/* A file is to be finished at that size; UINT64_MAX: never. */
uint64_t nc_expire_rotate_size(const struct nc_store *s);
/* Deals with a job of the sweeper. */
void nc_expire_done(struct nc_store *s, struct nc_job *job);

/* --- gather.c: records of datagrams -------------------------------------------------------------------------------------- */
void nc_gather_flush(struct nc_store *s);
/* Frees all streams; how many records were lost. */
uint64_t nc_gather_free(struct nc_store *s);
void nc_gather_dropped(struct nc_store *s, uint64_t records);

#endif
