/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcap -r DIR: what is in a folder of record files. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "block/file.h"
#include "netcap/tool.h"

struct listing {
	struct nc_grid *grid;
	uint64_t files, records, damaged;
};

static const char *time_text(char out[static NC_TIME_TEXT], int64_t ns)
{
	if (ns == 0)
		return "-";
	nc_time_iso(out, ns);
	return out;
}

static void add_row(struct listing *l, const char *name, const struct nc_file_header *h, const struct nc_file_summary *s)
{
	const struct nc_type *type = nc_type_by_number(h->type);
	char first[NC_TIME_TEXT], last[NC_TIME_TEXT], shown[512];

	if (type)
		nc_grid_add(l->grid, "%s", type->name);
	else
		nc_grid_add(l->grid, "%" PRIu32, h->type);
	nc_grid_add(l->grid, "%" PRIu64, s->records);
	nc_grid_add(l->grid, "%s", time_text(first, s->first_ns));
	nc_grid_add(l->grid, "%s", time_text(last, s->last_ns));
	nc_grid_add(l->grid, "%" PRIu64, s->bytes);
	nc_grid_add(l->grid, "%s", nc_text_escape(shown, sizeof(shown), name, strlen(name)));
	nc_grid_add(l->grid, "%s", s->damaged ? "damaged" : "");
	l->files++;
	l->records += s->records;
	l->damaged += s->damaged;
}

/* Adds the file when it is a record file. */
static void add_file(struct listing *l, int dirfd, const char *name)
{
	struct nc_file_summary s = { 0 };
	struct nc_file_reader *r;
	struct stat st;
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || nc_file_probe(fd, NULL, 0) != NC_CONTENT_RECORDS) {
		close(fd);
		return;
	}
	if (nc_file_reader_open(fd, &r) < 0)
		return;
	if (nc_file_summarise(r, &s) < 0)
		s.damaged = true;
	s.bytes = (uint64_t)st.st_size;
	add_row(l, name, nc_file_reader_header(r), &s);
	nc_file_reader_close(r);
}

static void add_titles(struct nc_grid *g)
{
	static const char *const titles[] = { "Type", "Records", "First", "Last", "Bytes", "File", "" };

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		nc_grid_add(g, "%s", titles[i]);
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int print(struct listing *l, const char *dir)
{
	struct nc_buf out = { 0 };
	int rc;

	if (l->files == 0) {
		nc_tool_say("%s: no record files", dir);
		return NC_TOOL_USAGE;
	}
	rc = nc_grid_print(l->grid, &out) ? nc_tool_flush(&out) : -ENOMEM;
	nc_buf_free(&out);
	if (rc < 0)
		return nc_tool_output_failed(rc);
	fprintf(stderr, "%" PRIu64 " files, %" PRIu64 " records\n", l->files, l->records);
	return l->damaged ? NC_TOOL_DAMAGED : NC_TOOL_OK;
}

int nc_tool_list(const struct nc_tool_options *o)
{
	struct listing l = { .grid = nc_grid_new(7, 1u << 1 | 1u << 4) };
	struct dirent **entries = NULL;
	char shown[1024];
	int status = NC_TOOL_USAGE;
	const char *dir = nc_text_escape(shown, sizeof(shown), o->read, strlen(o->read));
	int dirfd = open(o->read, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = scandir(o->read, &entries, not_hidden, alphasort);

	if (dirfd < 0 || n < 0 || !l.grid) {
		nc_tool_say("%s: %s", dir, strerror(errno));
		goto out;
	}
	add_titles(l.grid);
	for (int i = 0; i < n; i++)
		add_file(&l, dirfd, entries[i]->d_name);
	status = print(&l, dir);
out:
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	if (dirfd >= 0)
		close(dirfd);
	nc_grid_free(l.grid);
	return status;
}
