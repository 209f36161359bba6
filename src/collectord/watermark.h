/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The watermark file of a sensor's folder: the blocks that are there or were, and how far its files are known. docs/files.md. */
#ifndef NC_COLLECTORD_WATERMARK_H
#define NC_COLLECTORD_WATERMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "collectord/have.h"

#define NC_WATERMARK_NAME  ".watermark"
#define NC_WATERMARK_FILES 4096u           /* entries of files at most */
#define NC_WATERMARK_MAX   (512u * 1024u) /* bytes */

/* A file that was not finished: all blocks below `size` are in the ranges. inode and born tell whether it is still that file. */
struct nc_watermark_file {
	uint64_t inode;
	int64_t born;  /* of the inode, ns; 0 where the file system does not know */
	int64_t begun; /* ns */
	uint64_t size, blocks, records;
};

struct nc_watermark {
	struct nc_have have;
	struct nc_watermark_file *files;
	size_t n;
};

void nc_watermark_free(struct nc_watermark *w);
/* Appends the bytes of the file to out. */
void nc_watermark_pack(const struct nc_have *have, const struct nc_watermark_file *files, size_t n, struct nc_buf *out);
/* The reverse; *ret is to be freed. 0; -EBADMSG: damaged; -EPROTONOSUPPORT: of a later version; -ENOMEM. */
int nc_watermark_parse(const uint8_t *p, size_t n, struct nc_watermark *ret);

/* Reads the file in the folder. As nc_watermark_parse; -ENOENT, or another negative errno. */
int nc_watermark_load(int dirfd, struct nc_watermark *ret);
/* Puts a file with these bytes in the place of the old one, durably: afterwards there is the new one or the old one, whole. May
 * be called by any thread. 0 or negative errno. */
int nc_watermark_save(int dirfd, const uint8_t *p, size_t n);
/* The entry of a file; NULL when there is none. */
const struct nc_watermark_file *nc_watermark_find(const struct nc_watermark *w, uint64_t inode, int64_t born);

#endif
