/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzes record files: probing, reading with resynchronisation, the summary, and opening them to append. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/file.h"

enum { RESYNC_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int memory_file(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static void check(bool right)
{
	if (!right)
		abort();
}

/* Reads all there is; every byte of a record is looked at, the damage lies inside of the file. */
static void read_all(const uint8_t *data, size_t n)
{
	struct nc_file_reader *r;
	const uint8_t *p;
	size_t len;
	unsigned sum = 0;
	uint64_t last = 0;
	int rc = nc_file_reader_open(memory_file(data, n), &r);

	check(rc == 0 || rc == -EBADMSG);
	if (rc)
		return;
	for (unsigned i = 0; i < RESYNC_MAX; i++) {
		while ((rc = nc_file_reader_next(r, &p, &len)) == 1) {
			check(len <= NC_RECORD_MAX);
			for (size_t k = 0; k < len; k++)
				sum += p[k];
		}
		check(rc == 0 || rc == -EBADMSG);
		uint64_t at = nc_file_reader_damage(r, NULL);
		check(rc == 0 || (at <= n && at >= last));
		last = at;
		if (rc == 0 || nc_file_reader_resync(r) <= 0)
			break;
	}
	(void)(volatile unsigned){ sum };
	nc_file_reader_close(r);
}

static void summarise(const uint8_t *data, size_t n)
{
	struct nc_file_reader *r;
	struct nc_file_summary s;

	if (nc_file_reader_open(memory_file(data, n), &r))
		return;
	check(nc_file_summarise(r, &s) == 0);
	check(s.bytes == n);
	nc_file_reader_close(r);
}

/* Removes all files; how many bytes those moved aside had. */
static uint64_t clean(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;
	struct stat st;
	uint64_t aside = 0;

	check(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		check(fstatat(dir, e->d_name, &st, 0) == 0 && unlinkat(dir, e->d_name, 0) == 0);
		aside += e->d_name[1] ? (uint64_t)st.st_size : 0;
	}
	closedir(d);
	return aside;
}

/* Opens a copy to append: what is kept and what is moved aside make up the whole, and a second time nothing is torn. */
static void append(int dir, const uint8_t *data, size_t n, bool plain)
{
	const struct nc_file_header h = { .created = "1.000001", .source = "x", .version = "0.1.0", .type = 44 };
	struct nc_deflater *d = nc_deflater_new(1);
	struct nc_file_writer *w;
	uint64_t torn = 0, again = 0;
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(d && fd >= 0 && write(fd, data, n) == (ssize_t)n);
	close(fd);
	int rc = nc_file_writer_open(dir, "f", NC_FILE_APPEND, plain, &h, d, &torn, &w);
	check(rc == 0 || rc == -EEXIST);
	if (rc == 0) {
		check(torn == n || nc_file_writer_size(w) + torn == n);
		check(nc_file_writer_close(w) == 0);
		check(nc_file_writer_open(dir, "f", NC_FILE_APPEND, plain, &h, d, &again, &w) == 0);
		check(again == 0);
		check(nc_file_writer_close(w) == 0);
	}
	check(clean(dir) == torn);
	nc_deflater_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	(void)nc_file_probe(-1, data, n);
	read_all(data, n);
	summarise(data, n);
	snprintf(path, sizeof(path), "%s/nc-fuzz.XXXXXX", tmp ? tmp : P_tmpdir);
	check(mkdtemp(path));
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	append(dir, data, n, n > 0 && data[0] != 0x1f);
	close(dir);
	rmdir(path);
	return 0;
}
