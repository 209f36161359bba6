/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buffered input of capture files: a window on the bytes of a descriptor, inflated when they are gzip. */
#ifndef NC_CAPTURE_INPUT_H
#define NC_CAPTURE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#define NC_INPUT_PIECE  (256u * 1024u)  /* of one read(2): small enough to stay in the cache until it is parsed */
#define NC_INPUT_WINDOW (1024u * 1024u) /* the most that can be asked for at once */
#define NC_INPUT_PACKED (64u * 1024u)   /* deflated bytes read ahead */
#define NC_INPUT_ZLIB   (128u * 1024u)  /* zlib's own memory: about 40 KiB, zlib-ng's more */

/* No pointer leads out of the struct, except those to functions; so it works in every process that has it at the
 * same address. */
struct nc_input {
	int fd;
	int status;        /* once nothing more comes: 0 at the end, -EBADMSG (gzip), negative errno of read */
	bool ended;
	bool gzip;
	bool member_ended; /* between two gzip members */
	uint64_t read;     /* bytes from the descriptor */
	uint64_t base;     /* bytes before the window */
	size_t pos, end;   /* what of the window is not consumed */
	const char *problem; /* constant text: what is wrong with the gzip data */
	z_stream z;
	size_t packed_len;
	size_t zused;
	uint8_t packed[NC_INPUT_PACKED];
	_Alignas(16) uint8_t zmem[NC_INPUT_ZLIB];
	uint8_t window[NC_INPUT_WINDOW];
};

/* Begins at fd's offset; no I/O. */
void nc_input_init(struct nc_input *in, int fd);
/* Looks at the first bytes and turns inflating on when they are gzip. 0 or negative errno. */
int nc_input_detect(struct nc_input *in);
/* Makes n bytes (at most NC_INPUT_WINDOW) stand at pos; false when fewer are left, then `status` says why. Moves the window. */
bool nc_input_fill(struct nc_input *in, size_t n);
/* Consumes n bytes, however many; false when fewer are left. */
bool nc_input_skip(struct nc_input *in, uint64_t n);

/* The next n bytes, not consumed; NULL when fewer are left. Valid until the next call. */
static inline const uint8_t *nc_input_peek(struct nc_input *in, size_t n)
{
	if (__builtin_expect(in->end - in->pos < n, 0) && !nc_input_fill(in, n))
		return NULL;
	return in->window + in->pos;
}

/* Consumes n bytes that were peeked at. */
static inline void nc_input_take(struct nc_input *in, size_t n)
{
	in->pos += n;
}

/* Where in the (inflated) data the next byte stands. */
static inline uint64_t nc_input_tell(const struct nc_input *in)
{
	return in->base + in->pos;
}

#endif
