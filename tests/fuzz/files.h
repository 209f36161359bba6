/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fuzz targets of files in a folder share: the folder, and an input that is several files. */
#ifndef NC_TESTS_FUZZ_FILES_H
#define NC_TESTS_FUZZ_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/rd.h"

#define NC_FUZZ_CUT 0xff /* between two parts of an input */

/* An empty folder of its own, where a sync costs nothing. */
struct nc_fuzz_folder {
	char path[64];
	int fd;
};

void nc_fuzz_expect(bool right);
void nc_fuzz_open(struct nc_fuzz_folder *f);
/* Removes it and all that is in it. */
void nc_fuzz_close(struct nc_fuzz_folder *f);
/* The bytes up to the next NC_FUZZ_CUT, which is consumed, too; none when nothing is left. */
struct nc_rd nc_fuzz_part(struct nc_rd *r);
/* The same as text, up to a NUL in it; freed by the caller. */
char *nc_fuzz_text(struct nc_rd part);
void nc_fuzz_put(int dirfd, const char *name, struct nc_rd part, mode_t mode);
/* Whether the file holds just these bytes. */
bool nc_fuzz_holds(int dirfd, const char *name, struct nc_rd part);

#endif
