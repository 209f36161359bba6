/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool: blocks on the sensor's disk, sealed so that only the collector can open them. Layout in docs/files.md. */
#ifndef NC_SENSORD_SPOOL_H
#define NC_SENSORD_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "block/block.h"
#include "record/type.h"
#include "wire/keys.h"

#define NC_SPOOL_FILE_HEADER   8u
#define NC_SPOOL_RECORD_HEADER 48u
#define NC_SPOOL_SEALED_MAX    (NC_BLOCK_SIZE_MAX + 48u) /* crypto_box_SEALBYTES more than a block */
#define NC_SPOOL_LIMIT_MIN     (16u << 20)
#define NC_SPOOL_FILES         32u /* the limit is shared by about so many files; the oldest one goes as a whole */

/* Where a block stands. file 0: nowhere. */
struct nc_spool_ref {
	uint64_t file, offset;
};

struct nc_spool_tally {
	uint64_t blocks, records;
};

/* Why blocks are gone that had been put in or found. */
enum nc_spool_loss { NC_SPOOL_FULL, NC_SPOOL_DAMAGED, NC_SPOOL_LOSSES };

struct nc_spool_state {
	uint64_t files, bytes;            /* on disk */
	struct nc_spool_tally found;      /* when it was opened */
	struct nc_spool_tally waiting;    /* not handed out by nc_spool_next yet */
	struct nc_spool_tally lost[NC_SPOOL_LOSSES];             /* of those that had not been handed out */
	uint64_t lost_types[NC_SPOOL_LOSSES][NC_TYPES_MAX + 1];  /* their records by slot; the last: of unknown types */
	uint64_t damages, damaged_bytes;  /* places where bytes could not be read as blocks, and how many; never counted above */
	uint64_t failures;                /* of the disk */
	char last_error[512];             /* "": none since the last success */
};

/* The slot of a record type in arrays of NC_TYPES_MAX + 1. */
size_t nc_spool_slot(uint16_t type);

struct nc_spool;

/* Opens the folder (made with mode 0700 when it is missing) and looks through what is there: a torn tail is cut off, damage
 * in between is passed over, both are counted. One process per folder. key: the collector's public key. 0; -EBUSY: another
 * process has it; else negative errno. err gets a line. */
int nc_spool_open(const char *path, uint64_t limit, const uint8_t key[static NC_KEY_LEN], struct nc_spool **ret,
                  struct nc_buf *err);
/* fdatasync of what is there, and frees; nc_spool_close(NULL) does nothing. */
void nc_spool_close(struct nc_spool *s);
/* What comes from here on is sealed to this key. */
void nc_spool_seal_to(struct nc_spool *s, const uint8_t key[static NC_KEY_LEN]);
/* Whether blocks are there that may be sealed to an earlier key: put in before the last nc_spool_seal_to, or found at the
 * opening. */
bool nc_spool_behind(const struct nc_spool *s);
/* A smaller limit holds at the next nc_spool_put. */
void nc_spool_limit(struct nc_spool *s, uint64_t limit);

/* Seals the block and appends it; the oldest file goes when the limit asks for it. With `before` it comes back ahead of all
 * that was there when the first such call in a row was made. 0 or negative errno, and then nothing of it is there. */
int nc_spool_put(struct nc_spool *s, const struct nc_block_info *info, const uint8_t *block, bool before);
/* The name of the next block (kind, type, size, count, epoch, seq; no times): 1, 0 when there is none. */
int nc_spool_peek(struct nc_spool *s, struct nc_block_info *ret);
/* Hands it out: it is the caller's to read, and to call done. 1 or 0. */
int nc_spool_next(struct nc_spool *s, struct nc_block_info *ret, struct nc_spool_ref *ref);
/* The sealed bytes of a block that was handed out, into out (replaced). 0; -ESTALE: its file had to go; -EBADMSG: damaged;
 * -EAGAIN: no memory or descriptor for it now; else what the disk says. */
int nc_spool_read(struct nc_spool *s, const struct nc_spool_ref *ref, struct nc_buf *out);
/* This block is not needed any more. A file goes when that is true of all that it holds. */
void nc_spool_done(struct nc_spool *s, const struct nc_spool_ref *ref);
/* fdatasync of what was written since the last time. 0 or negative errno. */
int nc_spool_sync(struct nc_spool *s);
bool nc_spool_dirty(const struct nc_spool *s);
void nc_spool_state(const struct nc_spool *s, struct nc_spool_state *ret);

#endif
