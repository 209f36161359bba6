/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Record files: blocks laid end to end (.ncap.gz), foreign gzip, or plain delimited records (.ncap). */
#ifndef NC_BLOCK_FILE_H
#define NC_BLOCK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/block.h"
#include "record/type.h"

/* The Header message of a file, copied out. */
struct nc_file_header {
	char created[48];
	char source[256];
	char version[64];
	uint32_t type;
	bool contains_payloads;
};

/* Longest record that a record file may hold; a longer one is damage. */
#define NC_RECORD_MAX (1024u * 1024u)

/* Packs a Header as one delimited record into out (appended). source is escaped and cut to fit. */
void nc_file_header_pack(const struct nc_file_header *h, struct nc_buf *out);
/* Reads a Header message of n bytes (without its length), strictly: fields 1 to 5 in order, each at most once, Created a time
 * stamp, Type below 65536. Long texts are cut. 0 or -EBADMSG. */
int nc_file_header_parse(const uint8_t *p, size_t n, struct nc_file_header *ret);

/* --- writing: append whole blocks, never half a one ------------------------------------------------------------- */
struct nc_file_writer;

/* How the existing content is treated. */
enum nc_file_mode { NC_FILE_TRUNCATE, NC_FILE_APPEND };

/* Opens dirfd/name for writing, plain (delimited records) or as blocks. A new or empty file gets the header first
 * (NC_BLOCK_HEADER, epoch/seq 0). Append: the tail is verified by hopping over the blocks (the last ones by CRC too); a torn tail
 * is cut off and moved to "<name>.torn-<offset>", and *torn (NULL: not wanted) tells its length. Damage with whole blocks
 * behind it stays where it is. A file that is foreign, of another type or of a newer version is not appended to: -EEXIST; one
 * that another writer holds open: -EBUSY; a symbolic link: -ELOOP; something else that is no regular file, or h->created no
 * time stamp: -EINVAL. d is needed for blocks only, and during the call only. 0 or negative errno. */
int nc_file_writer_open(int dirfd, const char *name, enum nc_file_mode mode, bool plain, const struct nc_file_header *h,
                        struct nc_deflater *d, uint64_t *torn, struct nc_file_writer **ret);
/* What the one who appends blocks knows of the file, and wants to know. Zero: nothing. */
struct nc_file_visit {
	uint64_t whole; /* up to here all blocks are whole, and they are not looked at; ignored when no block begins there */
	bool check_all; /* inflate each block that is looked at, not those of the last 4 MiB only */
	void (*restart)(void *user, uint64_t from); /* looking begins at that offset; forget what `block` told. May come again */
	void (*block)(void *user, const struct nc_block_info *info); /* a good block, in their order; the header block too */
	void *user;
};
/* As nc_file_writer_open with NC_FILE_APPEND, for blocks. */
int nc_file_writer_open_visit(int dirfd, const char *name, const struct nc_file_header *h, struct nc_deflater *d,
                              const struct nc_file_visit *v, uint64_t *torn, struct nc_file_writer **ret);
/* Appends the n bytes of whole blocks of the file's type (or, plain, of whole delimited records); -EINVAL when they are not
 * that. On failure (ENOSPC, EIO) the file is cut back to what it was before, and the same call may be tried again. A program
 * that sets RLIMIT_FSIZE must ignore SIGXFSZ. 0 or negative errno. */
int nc_file_writer_append(struct nc_file_writer *w, const uint8_t *p, size_t n);
/* fdatasync, and at the first time the folder too; 0 or negative errno. After a failure all that is not yet durable is written
 * again by the next call, since the kernel reports such an error only once. */
int nc_file_writer_sync(struct nc_file_writer *w);

/* The same in three steps, so that the middle one can run in another thread while blocks are appended: begin and end are
 * called by the one who appends, end with what run gave, and once for each begin that gave 0; the writer must not be closed
 * meanwhile. What was appended before begin is then durable. */
struct nc_file_sync {
	int fd, dir;
	uint64_t size;
};
int nc_file_writer_sync_begin(struct nc_file_writer *w, struct nc_file_sync *ret);
int nc_file_sync_run(const struct nc_file_sync *sync);
void nc_file_writer_sync_end(struct nc_file_writer *w, const struct nc_file_sync *sync, int rc);
/* Cuts off all that is not durable (the file as it was when it was opened is taken to be). 0 or negative errno: then the file
 * holds more than its size says, and the writer should be closed. */
int nc_file_writer_rollback(struct nc_file_writer *w);
uint64_t nc_file_writer_synced(const struct nc_file_writer *w);
/* The descriptor, the writer's own. */
int nc_file_writer_fd(const struct nc_file_writer *w);
uint64_t nc_file_writer_size(const struct nc_file_writer *w);
/* Closes and frees; 0 or negative errno of close. nc_file_writer_close(NULL) is 0. */
int nc_file_writer_close(struct nc_file_writer *w);

/* --- reading ---------------------------------------------------------------------------------------------------- */
struct nc_file_reader;

enum nc_file_content { NC_CONTENT_OTHER, NC_CONTENT_RECORDS, NC_CONTENT_CAPTURE };
/* What the file at fd (seekable, left at offset 0; or its first n bytes `head` when fd is -1) is by its content: a record file
 * (blocks, foreign gzip or plain, told by its Header message) or a capture (pcap, pcapng, either gzip'd). */
enum nc_file_content nc_file_probe(int fd, const uint8_t *head, size_t n);

/* Opens a record file at fd (owned by the reader from here on, also on failure) and reads its Header. 0; -EBADMSG: not a record
 * file; else negative errno. */
int nc_file_reader_open(int fd, struct nc_file_reader **ret);
/* The same where the first n bytes were read already (a pipe that was probed): head is copied. */
int nc_file_reader_open_head(int fd, const void *head, size_t n, struct nc_file_reader **ret);
void nc_file_reader_close(struct nc_file_reader *r);
const struct nc_file_header *nc_file_reader_header(const struct nc_file_reader *r);
/* The next record: *p points to its n bytes until the next call. 1; 0 at the end; -EBADMSG damaged (see below); else negative
 * errno. A Header message that comes again at the start of a later member (concatenated files) is skipped when it names the same
 * type. */
int nc_file_reader_next(struct nc_file_reader *r, const uint8_t **p, size_t *n);
/* After -EBADMSG: byte offset in the file where the damage lies, and one word on the reason. With blocks, reading can go on
 * behind the damage: nc_file_reader_resync looks for the next block (files that can be sought only); 1 found, 0 none, or
 * negative errno. Until then every call gives -EBADMSG again. */
uint64_t nc_file_reader_damage(const struct nc_file_reader *r, const char **reason);
int nc_file_reader_resync(struct nc_file_reader *r);

/* What a folder listing shows of a file, with hops from block to block when it has them (else all is read). Called
 * right after opening; the reader can only be closed afterwards. */
struct nc_file_summary {
	uint64_t records, blocks, bytes; /* blocks: without headers */
	int64_t first_ns, last_ns; /* 0, 0 when not known */
	bool damaged;
};
int nc_file_summarise(struct nc_file_reader *r, struct nc_file_summary *ret);

#endif
