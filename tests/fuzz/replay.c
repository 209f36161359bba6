/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main() of the fuzz targets where libFuzzer is not there: runs the target once over each file, and each file of each folder. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int complain(const char *name, int error)
{
	fprintf(stderr, "%s: %s\n", name, strerror(error));
	return -error;
}

/* A buffer of exactly the file's size, so that ASan sees a read of the byte behind it. */
static int replay_file(int fd, size_t size, const char *name)
{
	uint8_t *data = malloc(size ? size : 1);
	size_t have = 0;
	int r = 0;

	if (!data)
		return complain(name, ENOMEM);
	while (have < size && r == 0) {
		ssize_t got = read(fd, data + have, size - have);

		if (got > 0)
			have += (size_t)got;
		else
			r = complain(name, got < 0 ? errno : EIO);
	}
	if (r == 0)
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	return r;
}

static int replay(int dirfd, const char *name, int depth, unsigned *count);

static int replay_folder(int fd, const char *name, int depth, unsigned *count)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		close(fd);
		return complain(name, errno);
	}
	while (r == 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = replay(dirfd(dir), e->d_name, depth + 1, count);
	closedir(dir);
	return r;
}

static int replay(int dirfd, const char *name, int depth, unsigned *count)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return complain(name, errno);
	if (fstat(fd, &st) < 0) {
		int error = errno;

		close(fd);
		return complain(name, error);
	}
	if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		return replay_folder(fd, name, depth, count);
	int r = S_ISREG(st.st_mode) ? replay_file(fd, (size_t)st.st_size, name) : 0;
	close(fd);
	*count += S_ISREG(st.st_mode);
	return r;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		if (replay(AT_FDCWD, argv[i], 0, &count) < 0)
			return 1;
	printf("%u inputs\n", count);
	return count == 0;
}
