/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The netcap program: finds out what is asked for and hands it on. */
#include "config.h"

#include "netcap/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "block/file.h"

#define PEEK 4096u

void nc_tool_say(const char *fmt, ...)
{
	struct nc_buf line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	nc_buf_vprintf(&line, fmt, ap);
	va_end(ap);
	fprintf(stderr, "netcap: %s\n", nc_buf_cstr(&line));
	nc_buf_free(&line);
}

int nc_tool_flush(struct nc_buf *b)
{
	size_t done = 0;

	if (b->failed)
		return -ENOMEM;
	while (done < b->len) {
		ssize_t n = write(STDOUT_FILENO, b->data + done, b->len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	nc_buf_reset(b);
	return 0;
}

int nc_tool_output_failed(int rc)
{
	if (rc == -EPIPE)
		return NC_TOOL_OK;
	nc_tool_say("standard output: %s", strerror(-rc));
	return NC_TOOL_DAMAGED;
}

/* What a pipe begins with, without taking it out: the bytes are doubled into a second pipe. */
static size_t peek_pipe(int fd, uint8_t head[static PEEK])
{
	int copy[2];
	ssize_t n;

	if (pipe2(copy, O_CLOEXEC) < 0)
		return 0;
	do {
		n = tee(fd, copy[1], PEEK, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		n = read(copy[0], head, PEEK);
	close(copy[0]);
	close(copy[1]);
	return n > 0 ? (size_t)n : 0;
}

static enum nc_file_content stdin_content(void)
{
	uint8_t head[PEEK];

	if (lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
		return nc_file_probe(STDIN_FILENO, NULL, 0);
	size_t n = peek_pipe(STDIN_FILENO, head);
	return n > 0 && nc_file_probe(-1, head, n) == NC_CONTENT_RECORDS ? NC_CONTENT_RECORDS : NC_CONTENT_CAPTURE;
}

static int by_content(const struct nc_tool_options *o, enum nc_file_content content, int fd, const char *name)
{
	if (content == NC_CONTENT_RECORDS)
		return nc_tool_read(o, fd, name);
	close(fd);
	if (content == NC_CONTENT_CAPTURE)
		return nc_tool_capture(o);
	nc_tool_say("%s: neither a capture nor a record file", name);
	return NC_TOOL_USAGE;
}

static int cannot_read(const char *name)
{
	nc_tool_say("%s: %s", name, strerror(errno));
	return NC_TOOL_USAGE;
}

static int read_stdin(const struct nc_tool_options *o)
{
	enum nc_file_content content = stdin_content();

	if (content == NC_CONTENT_CAPTURE) /* which reads the descriptor itself */
		return nc_tool_capture(o);
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return cannot_read("standard input");
	return by_content(o, content, fd, "standard input");
}

static int read_path(const struct nc_tool_options *o, const char *name)
{
	struct stat st;

	if (stat(o->read, &st) < 0)
		return cannot_read(name);
	if (S_ISDIR(st.st_mode))
		return nc_tool_list(o);
	if (!S_ISREG(st.st_mode)) /* what a FIFO or device gives can only be read once, by whoever takes packets from it */
		return nc_tool_capture(o);
	int fd = open(o->read, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cannot_read(name);
	return by_content(o, nc_file_probe(fd, NULL, 0), fd, name);
}

int nc_tool_main(int argc, char **argv)
{
	struct nc_tool_options o;
	struct nc_buf err = { 0 };
	char name[1024];

	if (nc_tool_options_parse(argc, argv, &o, &err) < 0) {
		nc_tool_say("%s", nc_buf_cstr(&err));
		nc_buf_free(&err);
		return NC_TOOL_USAGE;
	}
	nc_buf_free(&err);
	if (o.help || o.version || o.encoders || o.overview || o.ts2utc)
		return nc_tool_info(&o);
	if (o.iface)
		return nc_tool_capture(&o);
	if (strcmp(o.read, "-") == 0)
		return read_stdin(&o);
	return read_path(&o, nc_text_escape(name, sizeof(name), o.read, strlen(o.read)));
}
