/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the writer of record files does with a file that is there, and the system calls that it does it with. */
#ifndef NC_BLOCK_RECOVER_H
#define NC_BLOCK_RECOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/file.h"

/* Cuts off what is torn and moves it to a file of its own. *size is that of the file, before and after; *torn grows by what was
 * moved aside. v is for blocks (not plain). 0; -EEXIST: not ours; negative errno. */
int nc_file_recover(int dirfd, const char *name, int fd, bool plain, uint32_t type, const struct nc_file_visit *v, uint64_t *size,
                    uint64_t *torn);

/* Writes n bytes at offset off; 0 or negative errno. */
int nc_file_write_at(int fd, const uint8_t *p, size_t n, uint64_t off);
/* Cuts the file to that size; 0 or negative errno. */
int nc_file_cut(int fd, uint64_t size);
/* Copies the bytes [from, to) of one file to offset `at` of another (or the same); 0 or negative errno. */
int nc_file_copy(int in, uint64_t from, uint64_t to, int out, uint64_t at);
/* The folder that dirfd/name lies in, or -1 when it may not be opened (then its entry can't be synced). */
int nc_file_folder(int dirfd, const char *name);

#endif
