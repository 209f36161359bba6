/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and inflating into the window of a capture file's input. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "capture/input.h"

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
	struct nc_input *in = opaque;
	size_t n;

	if (__builtin_mul_overflow((size_t)items, (size_t)size, &n) || n > NC_INPUT_ZLIB - 15)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	if (n > sizeof(in->zmem) - in->zused)
		return NULL;
	void *p = in->zmem + in->zused;
	in->zused += n;
	return p;
}

static void zlib_free(voidpf opaque, voidpf p)
{
	(void)opaque;
	(void)p;
}

/* Up to max bytes from the descriptor; 0 and `ended` when there are no more. */
static size_t read_some(struct nc_input *in, uint8_t *dst, size_t max)
{
	ssize_t n;

	do
		n = read(in->fd, dst, max);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		in->status = n ? -errno : 0;
		in->ended = true;
		return 0;
	}
	in->read += (size_t)n;
	return (size_t)n;
}

static void end_gzip(struct nc_input *in, int status, const char *problem)
{
	in->status = status;
	in->problem = problem;
	in->ended = true;
}

/* More deflated bytes behind those that are there. */
static bool read_packed(struct nc_input *in)
{
	memmove(in->packed, in->z.next_in, in->z.avail_in);
	in->z.next_in = in->packed;
	size_t n = read_some(in, in->packed + in->z.avail_in, sizeof(in->packed) - in->z.avail_in);
	in->z.avail_in += (uInt)n;
	return n > 0;
}

/* At the end of a member: begins the next one. Anything else that follows is no gzip data (zeros fill a tape's last block). */
static void next_member(struct nc_input *in)
{
	while (in->z.avail_in < 2)
		if (!read_packed(in)) {
			if (in->z.avail_in && in->z.next_in[0])
				in->problem = "bytes behind the gzip data";
			return;
		}
	if (in->z.next_in[0] == 0x1f && in->z.next_in[1] == 0x8b) {
		inflateReset(&in->z);
		in->member_ended = false;
		return;
	}
	end_gzip(in, 0, in->z.next_in[0] ? "bytes behind the gzip data" : NULL);
}

/* Inflates up to max bytes to dst; 0 when there is no progress: look at `ended`. */
static size_t inflate_some(struct nc_input *in, uint8_t *dst, size_t max)
{
	if (in->member_ended)
		next_member(in);
	if (in->ended)
		return 0;
	if (in->z.avail_in == 0 && !read_packed(in)) {
		in->problem = in->status ? NULL : "the gzip data end early";
		return 0;
	}
	in->z.next_out = dst;
	in->z.avail_out = (uInt)max;
	int r = inflate(&in->z, Z_NO_FLUSH);
	if (r == Z_STREAM_END)
		in->member_ended = true;
	else if (r == Z_MEM_ERROR)
		end_gzip(in, -ENOMEM, NULL);
	else if (r != Z_OK && r != Z_BUF_ERROR)
		end_gzip(in, -EBADMSG, "the gzip data are damaged");
	return max - in->z.avail_out;
}

void nc_input_init(struct nc_input *in, int fd)
{
	memset(in, 0, offsetof(struct nc_input, packed));
	in->fd = fd;
}

int nc_input_detect(struct nc_input *in)
{
	while (in->end < 2) {
		in->end += read_some(in, in->window + in->end, sizeof(in->packed) - in->end);
		if (in->ended)
			return in->status;
	}
	if (in->window[0] != 0x1f || in->window[1] != 0x8b)
		return 0;
	memcpy(in->packed, in->window, in->end);
	in->z = (z_stream){
		.next_in = in->packed, .avail_in = (uInt)in->end, .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = in
	};
	in->end = 0;
	in->gzip = true;
	return inflateInit2(&in->z, 15 + 16) == Z_OK ? 0 : -ENOMEM;
}

bool nc_input_fill(struct nc_input *in, size_t n)
{
	if (n > sizeof(in->window))
		return false;
	memmove(in->window, in->window + in->pos, in->end - in->pos);
	in->base += in->pos;
	in->end -= in->pos;
	in->pos = 0;
	while (in->end < n && !in->ended) {
		size_t room = sizeof(in->window) - in->end;
		if (room > NC_INPUT_PIECE)
			room = NC_INPUT_PIECE;
		in->end += in->gzip ? inflate_some(in, in->window + in->end, room) : read_some(in, in->window + in->end, room);
	}
	return in->end >= n;
}

bool nc_input_skip(struct nc_input *in, uint64_t n)
{
	while (n > in->end - in->pos) {
		n -= in->end - in->pos;
		in->pos = in->end;
		if (!nc_input_fill(in, 1))
			return false;
	}
	in->pos += (size_t)n;
	return true;
}
