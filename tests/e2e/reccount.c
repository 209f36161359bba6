/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Test tool: counts the records of the files named on standard input, one per line, by reading them and by their summary. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "block/file.h"

/* Prints "<probe> <records read> <records of the summary> <type> <source>" and the path. */
static int count(const char *path)
{
	struct nc_file_reader *r;
	struct nc_file_summary sum = { 0 };
	const uint8_t *p;
	size_t n;
	uint64_t records = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	unsigned probe = nc_file_probe(fd, NULL, 0);
	int rc = nc_file_reader_open(fd, &r);
	if (rc)
		return rc;
	while ((rc = nc_file_reader_next(r, &p, &n)) == 1)
		records++;
	uint32_t type = nc_file_reader_header(r)->type;
	nc_file_reader_close(r);
	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = nc_file_reader_open(fd, &r);
	if (rc)
		return rc;
	rc = nc_file_summarise(r, &sum);
	nc_file_reader_close(r);
	printf("%u %" PRIu64 " %" PRIu64 " %" PRIu32 " %s\n", probe, records, sum.records, type, path);
	return rc;
}

int main(void)
{
	char line[8192];
	int bad = 0;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		int rc = count(line);
		if (rc) {
			fprintf(stderr, "%s: %s\n", line, strerror(-rc));
			bad = 1;
		}
	}
	return bad;
}
