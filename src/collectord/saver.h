/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that are replaced durably without holding up the loop. */
#ifndef NC_COLLECTORD_SAVER_H
#define NC_COLLECTORD_SAVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

#define NC_SAVER_MAX 4096u /* files that wait */

struct nc_saver;

/* What became of a file: 0 when it is on the disk (and its folder, too), or negative errno. */
typedef void (*nc_saved_fn)(void *user, uint64_t ticket, int rc);

/* As long as no loop is attached, files are written at once. */
int nc_saver_new(struct nc_saver **ret);
/* From here on a thread writes them, and fn tells of each from the loop; as many as wait go together. 0 or negative errno. */
int nc_saver_attach(struct nc_saver *s, struct nc_loop *loop, nc_saved_fn fn, void *user);
/* Writes what waits; fn is not called any more. nc_saver_free(NULL) does nothing. */
void nc_saver_free(struct nc_saver *s);
/* nc_save of a copy of the n bytes at p (mode 0640) into a file of the folder, which must stay open. Of several that wait for
 * one name only the last is written, and counts for all. 0, and *ticket is what fn will name, or 0 when it is on the disk
 * already; -EAGAIN: too many wait; -ENOMEM; without a loop: what nc_save says. */
int nc_saver_put(struct nc_saver *s, int dirfd, const char *name, const void *p, size_t n, const char *step, uint64_t *ticket);

#endif
