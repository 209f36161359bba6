/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that are replaced as a whole: after a crash there is the old one or the new one. */
#include "config.h"

#include "base/save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"

#define NUMBER_MAX 32u

static int fault(const char *stage, const char *step)
{
#ifdef NC_FAULT_INJECTION
	char point[64];

	snprintf(point, sizeof(point), "%s-%s", stage, step);
	return NC_FAULT(point);
#else
	(void)stage;
	(void)step;
	return 0;
#endif
}

static int next_name(char out[static NAME_MAX + 1], const char *name)
{
	int n = snprintf(out, NAME_MAX + 1, "%s.next", name);

	return n < 0 || n > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int nc_save_write(int dirfd, const char *name, const void *p, size_t n, mode_t mode, const char *step)
{
	char next[NAME_MAX + 1];
	int rc = next_name(next, name);

	if (rc == 0)
		rc = fault("before-write", step);
	if (rc)
		return rc;
	int fd = openat(dirfd, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
	if (fd < 0)
		return -errno;
	/* before there is anything in it */
	rc = fchmod(fd, mode) < 0 ? -errno : write_all(fd, p, n);
	if (rc == 0)
		rc = fault("after-write", step);
	if (rc == 0 && fdatasync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc ? rc : fault("after-sync", step);
}

int nc_save_rename(int dirfd, const char *name, const char *step)
{
	char next[NAME_MAX + 1];
	int rc = next_name(next, name);

	if (rc == 0 && renameat(dirfd, next, dirfd, name) != 0)
		rc = -errno;
	return rc ? rc : fault("after-rename", step);
}

int nc_save_folder(int dirfd, const char *step)
{
	return fsync(dirfd) != 0 ? -errno : fault("after-folder", step);
}

int nc_save(int dirfd, const char *name, const void *p, size_t n, mode_t mode, const char *step)
{
	int rc = nc_save_write(dirfd, name, p, n, mode, step);

	if (rc == 0)
		rc = nc_save_rename(dirfd, name, step);
	return rc ? rc : nc_save_folder(dirfd, step);
}

int nc_save_parent(int dirfd)
{
	int fd = openat(dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	/* EINVAL: a file system that knows no syncs of folders; EROFS: nothing was made there */
	if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		rc = -errno;
	close(fd);
	return rc;
}

static ssize_t read_all(int fd, uint8_t *to, size_t room)
{
	size_t have = 0;
	ssize_t n = 1;
	uint8_t more;

	while (n > 0 && have < room) {
		n = read(fd, to + have, room - have);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			have += (size_t)n;
	}
	if (n > 0)
		n = read(fd, &more, 1) == 0 ? 0 : 1;
	return n < 0 ? -errno : n > 0 ? -EFBIG : (ssize_t)have;
}

ssize_t nc_save_read(int dirfd, const char *name, void *to, size_t room, mode_t *mode)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO in the folder must not hold us up */
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	ssize_t n = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (n == 0)
		n = read_all(fd, to, room);
	close(fd);
	if (n >= 0 && mode)
		*mode = st.st_mode & 07777;
	return n;
}

/* Digits up to the end; what does not fit is no number. */
static int parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || (*end && strcmp(end, "\n") != 0))
		return -EINVAL;
	*ret = v;
	return 0;
}

int nc_save_read_number(int dirfd, const char *name, uint64_t *ret)
{
	char text[NUMBER_MAX + 1];
	ssize_t n = nc_save_read(dirfd, name, text, NUMBER_MAX, NULL);

	*ret = 0;
	if (n < 0)
		return n == -EFBIG ? -EINVAL : (int)n;
	text[n] = '\0';
	return strlen(text) == (size_t)n ? parse_number(text, ret) : -EINVAL;
}

int nc_save_remove(int dirfd, const char *name, const char *step)
{
	int rc = fault("before-remove", step);

	if (rc)
		return rc;
	if (unlinkat(dirfd, name, 0) != 0)
		return errno == ENOENT ? 0 : -errno;
	rc = fault("after-remove", step);
	return rc ? rc : nc_save_folder(dirfd, step);
}
