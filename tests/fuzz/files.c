/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fuzz targets of files in a folder share: the folder, and an input that is several files. */
#include "config.h"

#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 3u

void nc_fuzz_expect(bool right)
{
	if (!right)
		abort();
}

void nc_fuzz_open(struct nc_fuzz_folder *f)
{
	snprintf(f->path, sizeof(f->path), "%s/nc-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	nc_fuzz_expect(mkdtemp(f->path) != NULL);
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	nc_fuzz_expect(f->fd >= 0);
}

static void empty(int dirfd, unsigned depth)
{
	DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	nc_fuzz_expect(d && depth > 0);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || unlinkat(dirfd, e->d_name, 0) == 0)
			continue;
		int fd = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		nc_fuzz_expect(fd >= 0);
		empty(fd, depth - 1);
		close(fd);
		nc_fuzz_expect(unlinkat(dirfd, e->d_name, AT_REMOVEDIR) == 0);
	}
	closedir(d);
}

void nc_fuzz_close(struct nc_fuzz_folder *f)
{
	empty(f->fd, DEPTH);
	close(f->fd);
	nc_fuzz_expect(rmdir(f->path) == 0);
}

struct nc_rd nc_fuzz_part(struct nc_rd *r)
{
	const uint8_t *cut = r->left ? memchr(r->p, NC_FUZZ_CUT, r->left) : NULL;
	struct nc_rd part = nc_rd_sub(r, cut ? (size_t)(cut - r->p) : r->left);

	if (cut)
		nc_rd_skip(r, 1);
	return part;
}

char *nc_fuzz_text(struct nc_rd part)
{
	char *text = calloc(1, part.left + 1);

	nc_fuzz_expect(text != NULL);
	if (part.left)
		memcpy(text, part.p, part.left);
	return text;
}

void nc_fuzz_put(int dirfd, const char *name, struct nc_rd part, mode_t mode)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	nc_fuzz_expect(fd >= 0 && fchmod(fd, mode) == 0 && write(fd, part.p, part.left) == (ssize_t)part.left);
	close(fd);
}

bool nc_fuzz_holds(int dirfd, const char *name, struct nc_rd part)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *have = malloc(part.left + 1);

	nc_fuzz_expect(have != NULL);
	bool same = fd >= 0 && read(fd, have, part.left + 1) == (ssize_t)part.left &&
	            (part.left == 0 || memcmp(have, part.p, part.left) == 0);
	free(have);
	if (fd >= 0)
		close(fd);
	return same;
}
