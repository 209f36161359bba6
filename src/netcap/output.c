/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of one run: record or CSV files per type, unknown.pcap, errors.pcap, errors.log. */
#include "config.h"

#include "netcap/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "block/file.h"
#include "netcap/tool.h"
#include "pipeline/keep.h"

/* A file that is only appended to. */
struct plain {
	char name[64];
	int fd; /* -1: not open */
	bool failed;
	uint64_t bytes;
};

struct nc_output_files {
	struct nc_output_options o;
	int dir;
	uint64_t epoch, seq, lost, record_bytes;
	struct nc_deflater *deflater;
	struct nc_file_writer *records[NC_TYPES_MAX];
	bool failed[NC_TYPES_MAX];
	struct plain csv[NC_TYPES_MAX];
	struct nc_keep *keep;
	bool keep_failed;
};

static int open_folder(const char *path, struct nc_buf *err)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST) {
		int rc = -errno;
		nc_buf_printf(err, "cannot make %s: %s", path, strerror(-rc));
		return rc;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int rc = -errno;
	nc_buf_printf(err, "%s: %s", path, strerror(-rc));
	return rc;
}

int nc_output_open(const struct nc_output_options *o, struct nc_output_files **ret, struct nc_buf *err)
{
	struct nc_output_files *f = calloc(1, sizeof(*f));
	int dir = f ? open_folder(o->folder ? o->folder : ".", err) : -ENOMEM;

	if (dir < 0) {
		free(f);
		return dir;
	}
	f->o = *o;
	f->dir = dir;
	for (size_t i = 0; i < NC_TYPES_MAX; i++)
		f->csv[i].fd = -1;
	f->deflater = nc_deflater_new(o->level);
	f->keep = nc_keep_new(dir, 0, false);
	if (!f->deflater || !f->keep || getrandom(&f->epoch, sizeof(f->epoch), 0) != (ssize_t)sizeof(f->epoch)) {
		nc_buf_str(err, "out of memory");
		nc_output_close(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

/* Says once per file why it cannot be written. */
static void complain(bool *failed, const char *name, int rc)
{
	if (!*failed)
		nc_tool_say("%s: %s", name, strerror(-rc));
	*failed = true;
}

static int plain_open(struct nc_output_files *f, struct plain *p)
{
	if (p->fd >= 0)
		return 0;
	p->fd = openat(f->dir, p->name, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	return p->fd >= 0 ? 0 : -errno;
}

static int plain_write(struct plain *p, const void *data, size_t n)
{
	int rc = nc_keep_append(p->fd, data, n);

	p->bytes += rc ? 0 : n;
	return rc;
}

static bool plain_close(struct plain *p)
{
	bool ok = p->fd < 0 || close(p->fd) == 0;
	p->fd = -1;
	return ok;
}

static void plain_add(struct nc_output_files *f, struct plain *p, const void *head, size_t head_n, const struct nc_chunk *c)
{
	bool fresh = p->fd < 0;
	int rc = plain_open(f, p);

	if (rc == 0 && fresh && head_n)
		rc = plain_write(p, head, head_n);
	if (rc && fresh)
		plain_close(p); /* no lines without a header: begun anew with the next chunk */
	if (rc == 0)
		rc = plain_write(p, c->data, c->n);
	if (rc) {
		complain(&p->failed, p->name, rc);
		f->lost += c->count;
	}
}

static void add_kept(struct nc_output_files *f, const struct nc_chunk *c)
{
	const char *name;
	int rc = nc_keep_chunk(f->keep, c, &name);

	if (rc) {
		complain(&f->keep_failed, name, rc);
		f->lost += c->count;
	}
}

static void add_csv(struct nc_output_files *f, const struct nc_chunk *c)
{
	struct plain *p = &f->csv[nc_type_slot(c->type)];
	struct nc_buf head = { 0 };
	char *bad = NULL;

	if (p->fd < 0) {
		struct nc_format *fmt = nc_format_new(c->type, &f->o.format, f->o.select, &bad);
		free(bad);
		if (fmt)
			nc_format_header(fmt, &head);
		nc_format_free(fmt);
		snprintf(p->name, sizeof(p->name), "%s.csv", c->type->name);
	}
	plain_add(f, p, head.data, head.len, c);
	nc_buf_free(&head);
}

static int record_file(struct nc_output_files *f, const struct nc_type *t, struct nc_file_writer **ret, char name[static 64])
{
	bool plain = f->o.form == NC_OUTPUT_PLAIN;
	struct nc_file_header h = { .type = t->number, .contains_payloads = f->o.payloads };
	struct nc_file_writer **w = &f->records[nc_type_slot(t)];
	int rc = 0;

	snprintf(name, 64, "%s.ncap%s", t->name, plain ? "" : ".gz");
	if (!*w) {
		char now[NC_TIME_TEXT];
		nc_time_stamp(now, nc_time_real());
		snprintf(h.created, sizeof(h.created), "%s", now);
		snprintf(h.source, sizeof(h.source), "%s", f->o.source);
		snprintf(h.version, sizeof(h.version), "v%s", PACKAGE_VERSION);
		rc = nc_file_writer_open(f->dir, name, NC_FILE_TRUNCATE, plain, &h, f->deflater, NULL, w);
	}
	*ret = *w;
	return rc;
}

static void add_records(struct nc_output_files *f, const struct nc_chunk *c)
{
	struct nc_file_writer *w;
	char name[64];
	int rc = record_file(f, c->type, &w, name);

	if (rc == 0 && c->kind == NC_CHUNK_BLOCK)
		nc_block_stamp(c->data, f->epoch, ++f->seq);
	if (rc == 0)
		rc = nc_file_writer_append(w, c->data, c->n);
	if (rc == 0) {
		f->record_bytes += c->n;
		return;
	}
	complain(&f->failed[nc_type_slot(c->type)], name, rc);
	f->lost += c->count;
}

void nc_output_chunk(struct nc_output_files *f, const struct nc_chunk *c)
{
	switch (c->kind) {
	case NC_CHUNK_BLOCK:
	case NC_CHUNK_PLAIN:
		add_records(f, c);
		break;
	case NC_CHUNK_CSV:
		add_csv(f, c);
		break;
	case NC_CHUNK_ERRORS:
	case NC_CHUNK_UNKNOWN:
	case NC_CHUNK_LOG:
		add_kept(f, c);
		break;
	case NC_CHUNK_PARTS:
		break; /* never gets out of the pipeline */
	}
}

void nc_output_log(struct nc_output_files *f, const char *text)
{
	int rc = nc_keep_log(f->keep, text);

	if (rc)
		complain(&f->keep_failed, "errors.log", rc);
}

uint64_t nc_output_bytes(const struct nc_output_files *f)
{
	uint64_t n = f->record_bytes + nc_keep_bytes(f->keep);

	for (size_t i = 0; i < NC_TYPES_MAX; i++)
		n += f->csv[i].bytes;
	return n;
}

uint64_t nc_output_lost(const struct nc_output_files *f)
{
	return f->lost;
}

bool nc_output_close(struct nc_output_files *f)
{
	bool ok = true;

	for (size_t i = 0; i < NC_TYPES_MAX; i++) {
		ok &= nc_file_writer_close(f->records[i]) == 0;
		ok &= plain_close(&f->csv[i]);
	}
	ok &= nc_keep_close(f->keep);
	ok &= f->lost == 0;
	nc_deflater_free(f->deflater);
	close(f->dir);
	free(f);
	return ok;
}
