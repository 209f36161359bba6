/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preloaded into a program, fails some of its system calls as a bad or full disk would.
 *
 * NC_FAIL is CALL:FROM:TO:WHAT: the passes FROM to TO of the call, counted over the files whose path has NC_FAIL_MATCH in it,
 * give the errno WHAT (a number), or with "short" write half of what they should. NC_FAIL_COUNT names a file that is made at the
 * first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASS = 0, SHORT = -1 };

/* The path of a descriptor, or of a name in its folder, has the text of NC_FAIL_MATCH in it. */
static bool matches(int fd, const char *name)
{
	const char *match = getenv("NC_FAIL_MATCH");
	char link[64], path[4096];

	if (!match)
		return true;
	if (name && strstr(name, match))
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return strstr(path, match) != NULL;
}

static void mark(void)
{
	const char *path = getenv("NC_FAIL_COUNT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		close(fd);
}

/* What this pass is to give: PASS, SHORT or an errno. */
static int verdict(const char *call, int fd, const char *name)
{
	static atomic_ulong passes;
	const char *spec = getenv("NC_FAIL");
	size_t n = strlen(call);
	char *rest;

	if (!spec || strncmp(spec, call, n) != 0 || spec[n] != ':' || !matches(fd, name))
		return PASS;
	unsigned long pass = atomic_fetch_add(&passes, 1) + 1, from = strtoul(spec + n + 1, &rest, 10);
	unsigned long to = strtoul(rest + 1, &rest, 10);
	if (pass < from || pass > to)
		return PASS;
	mark();
	return strcmp(rest + 1, "short") == 0 ? SHORT : atoi(rest + 1);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	int v = verdict("pwrite", fd, NULL);

	if (v > 0) {
		errno = v;
		return -1;
	}
	return REAL(pwrite64)(fd, p, v == SHORT && n > 1 ? n / 2 : n, off);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	return pwrite64(fd, p, n, off);
}

#define FAIL(call, fd, name) \
	int v = verdict(call, fd, name); \
	if (v > 0) { \
		errno = v; \
		return -1; \
	}

int fdatasync(int fd)
{
	FAIL("fdatasync", fd, NULL)
	return REAL(fdatasync)(fd);
}

int syncfs(int fd)
{
	FAIL("syncfs", fd, NULL)
	return REAL(syncfs)(fd);
}

int sync_file_range(int fd, off64_t off, off64_t n, unsigned flags)
{
	FAIL("sync_file_range", fd, NULL)
	return REAL(sync_file_range)(fd, off, n, flags);
}

int fsync(int fd)
{
	FAIL("fsync", fd, NULL)
	return REAL(fsync)(fd);
}

int ftruncate64(int fd, off64_t size)
{
	FAIL("ftruncate", fd, NULL)
	return REAL(ftruncate64)(fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int renameat(int from, const char *a, int to, const char *b)
{
	FAIL("renameat", from, a)
	return REAL(renameat)(from, a, to, b);
}

int renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
	FAIL("renameat2", from, a)
	return REAL(renameat2)(from, a, to, b, flags);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t off)
{
	int v = verdict("pread", fd, NULL);

	if (v > 0) {
		errno = v;
		return -1;
	}
	return REAL(pread64)(fd, p, v == SHORT && n > 1 ? n / 2 : n, off);
}

ssize_t pread(int fd, void *p, size_t n, off_t off)
{
	return pread64(fd, p, n, off);
}
