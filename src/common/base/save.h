/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that are replaced as a whole: after a crash there is the old one or the new one. */
#ifndef NC_BASE_SAVE_H
#define NC_BASE_SAVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Puts the n bytes at p into the file `name` of the folder, with that mode whatever the umask: NAME.next is written and
 * synced, takes the name, and the folder is synced. 0 or negative errno; after a failure the old file is there, unless it was
 * the folder's sync that failed, and NAME.next may be. `step` is the last part of the names of the fault points on the way:
 * before-write-STEP, after-write-STEP, after-sync-STEP, after-rename-STEP, after-folder-STEP. */
int nc_save(int dirfd, const char *name, const void *p, size_t n, mode_t mode, const char *step);

/* The same in three parts, so that many files can share the last one, which is fsync of the folder: nc_save is all of them. */
int nc_save_write(int dirfd, const char *name, const void *p, size_t n, mode_t mode, const char *step);
int nc_save_rename(int dirfd, const char *name, const char *step);
int nc_save_folder(int dirfd, const char *step);

/* Makes the name of a folder last that was made: syncs the one that it is in, where that may be opened. 0 or negative errno. */
int nc_save_parent(int dirfd);

/* Reads a regular file of at most room bytes, not through a link: how many, -EFBIG when there are more, -EINVAL when it is no
 * file, or another negative errno. mode may be NULL. */
ssize_t nc_save_read(int dirfd, const char *name, void *to, size_t room, mode_t *mode);
/* Reads a file that holds one decimal number, perhaps with a line end. 0; -EINVAL: it holds anything else; another negative
 * errno. *ret is 0 on failure. */
int nc_save_read_number(int dirfd, const char *name, uint64_t *ret);
/* Removes the file and syncs the folder; one that is not there is fine. 0 or negative errno. Fault points: before-remove-STEP,
 * after-remove-STEP. */
int nc_save_remove(int dirfd, const char *name, const char *step);

#endif
