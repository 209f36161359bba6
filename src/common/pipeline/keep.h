/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of packets that failed: unknown.pcap, errors.pcap, errors.log in one folder. */
#ifndef NC_PIPELINE_KEEP_H
#define NC_PIPELINE_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pipeline.h"

struct nc_keep;

/* Files in the folder `dir` (a descriptor, not owned). limit: bytes that all of them may take together, 0: any; what is beyond is
 * counted and not written. append: go on with files that are there instead of making them anew. NULL when memory is short. */
struct nc_keep *nc_keep_new(int dir, uint64_t limit, bool append);
/* Another limit from now on; what is there already stays. */
void nc_keep_limit(struct nc_keep *k, uint64_t limit);
/* Writes a chunk of NC_CHUNK_ERRORS, _UNKNOWN or _LOG; a file is made with its first one. A pcap file has one link type: those of
 * a second one go to errors.linktype-N.pcap. 0, -EFBIG beyond the limit, or negative errno; *name is the file's. */
int nc_keep_chunk(struct nc_keep *k, const struct nc_chunk *c, const char **name);
/* Appends text to errors.log when there is one. 0 or negative errno. */
int nc_keep_log(struct nc_keep *k, const char *text);
/* Appends to a file opened with O_APPEND: all of it or nothing, since half a record would spoil those that come when there is
 * room again. 0 or negative errno. */
int nc_keep_append(int fd, const void *data, size_t n);
uint64_t nc_keep_bytes(const struct nc_keep *k);
/* Closes and frees; false when a file could not be closed without loss. */
bool nc_keep_close(struct nc_keep *k);

#endif
