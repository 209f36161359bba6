/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of packets that failed: unknown.pcap, errors.pcap, errors.log in one folder. */
#include "config.h"

#include "pipeline/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/report.h"

#define FILES_MAX   64u /* the log, and two kinds of packets by link type */
#define PCAP_HEADER 24u

struct keep_file {
	enum nc_chunk_kind kind;
	uint32_t datalink;
	char name[48];
	int fd; /* -1: could not be opened so far */
};

struct nc_keep {
	int dir;
	uint64_t limit, bytes;
	bool append;
	unsigned count;
	struct keep_file files[FILES_MAX];
};

struct nc_keep *nc_keep_new(int dir, uint64_t limit, bool append)
{
	struct nc_keep *k = calloc(1, sizeof(*k));

	if (k) {
		k->dir = dir;
		k->limit = limit;
		k->append = append;
	}
	return k;
}

void nc_keep_limit(struct nc_keep *k, uint64_t limit)
{
	k->limit = limit;
}

int nc_keep_append(int fd, const void *data, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t w = write(fd, (const uint8_t *)data + done, n - done);
		if (w < 0 && errno != EINTR) {
			int rc = -errno;
			off_t end = done > 0 ? lseek(fd, 0, SEEK_CUR) : 0;
			return done > 0 && (end < (off_t)done || ftruncate(fd, end - (off_t)done) != 0) ? -EIO : rc;
		}
		if (w > 0)
			done += (size_t)w;
	}
	return 0;
}

static int append(struct nc_keep *k, int fd, const void *data, size_t n)
{
	int rc = nc_keep_append(fd, data, n);

	k->bytes += rc ? 0 : n;
	return rc;
}

static void name_file(struct nc_keep *k, struct keep_file *f)
{
	const char *stem = f->kind == NC_CHUNK_UNKNOWN ? "unknown" : "errors";
	bool first = true;

	for (unsigned i = 0; i < k->count; i++)
		first &= k->files[i].kind != f->kind;
	if (f->kind == NC_CHUNK_LOG)
		snprintf(f->name, sizeof(f->name), "errors.log");
	else if (first)
		snprintf(f->name, sizeof(f->name), "%s.pcap", stem);
	else
		snprintf(f->name, sizeof(f->name), "%s.linktype-%u.pcap", stem, f->datalink);
}

/* Whether the file begins with just the header that we would give it. */
static bool same_header(int fd, uint32_t datalink)
{
	uint8_t want[PCAP_HEADER], have[PCAP_HEADER];

	nc_report_pcap_header(want, datalink);
	return pread(fd, have, sizeof(have), 0) == (ssize_t)sizeof(have) && memcmp(want, have, sizeof(have)) == 0;
}

static int open_file(struct nc_keep *k, struct keep_file *f)
{
	int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (k->append ? 0 : O_TRUNC);
	uint8_t head[PCAP_HEADER];
	struct stat st;

	f->fd = openat(k->dir, f->name, flags, 0640);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return -errno;
	if (f->kind == NC_CHUNK_LOG || (st.st_size > 0 && same_header(f->fd, f->datalink))) {
		k->bytes += (uint64_t)st.st_size;
		return 0;
	}
	/* something else stands there: it is not ours to go on with */
	if (st.st_size > 0 && ftruncate(f->fd, 0) != 0)
		return -errno;
	nc_report_pcap_header(head, f->datalink);
	return append(k, f->fd, head, sizeof(head));
}

/* A file without its header is of no use: it is begun anew with the next chunk. */
static int open_or_close(struct nc_keep *k, struct keep_file *f)
{
	int rc = open_file(k, f);

	if (rc && f->fd >= 0) {
		close(f->fd);
		f->fd = -1;
	}
	return rc;
}

static int find_file(struct nc_keep *k, const struct nc_chunk *c, struct keep_file **ret)
{
	uint32_t datalink = c->kind == NC_CHUNK_LOG ? 0 : c->datalink;

	for (unsigned i = 0; i < k->count; i++) {
		*ret = &k->files[i];
		if ((*ret)->kind == c->kind && (*ret)->datalink == datalink)
			return (*ret)->fd < 0 ? open_or_close(k, *ret) : 0;
	}
	if (k->count == FILES_MAX)
		return -EMFILE;
	struct keep_file *f = &k->files[k->count];
	*f = (struct keep_file){ .kind = c->kind, .datalink = datalink, .fd = -1 };
	name_file(k, f);
	k->count++;
	*ret = f;
	return open_or_close(k, f);
}

int nc_keep_chunk(struct nc_keep *k, const struct nc_chunk *c, const char **name)
{
	struct keep_file *f = NULL;

	*name = "errors.pcap";
	int rc = find_file(k, c, &f);
	if (f)
		*name = f->name;
	/* what was there before counts, and that is known only now */
	if (rc == 0 && k->limit > 0 && (c->n > k->limit || k->bytes > k->limit - c->n))
		rc = -EFBIG;
	return rc ? rc : append(k, f->fd, c->data, c->n);
}

int nc_keep_log(struct nc_keep *k, const char *text)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->files[i].kind == NC_CHUNK_LOG && k->files[i].fd >= 0)
			return append(k, k->files[i].fd, text, strlen(text));
	return 0;
}

uint64_t nc_keep_bytes(const struct nc_keep *k)
{
	return k->bytes;
}

bool nc_keep_close(struct nc_keep *k)
{
	bool ok = true;

	for (unsigned i = 0; k && i < k->count; i++)
		ok &= k->files[i].fd < 0 || close(k->files[i].fd) == 0;
	free(k);
	return ok;
}
