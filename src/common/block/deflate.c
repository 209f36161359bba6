/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deflate streams in one go, by libdeflate or ISA-L. */
#include "config.h"

#include "block/deflate.h"

#include <libdeflate.h>
#include <stdlib.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#define FAST_LEVEL 1
#define XFL_FAST   4u

#ifdef HAVE_ISAL
#define ISAL_LEVEL 2
struct fast {
	struct isal_zstream stream;
	uint8_t level[ISAL_DEF_LVL2_DEFAULT];
};
#else
struct fast;
#endif

struct nc_deflater {
	struct libdeflate_compressor *c;
	struct fast *fast; /* NULL: all by libdeflate */
	uint8_t xfl;
};

#ifdef HAVE_ISAL
static struct fast *fast_new(void)
{
	return malloc(sizeof(struct fast));
}

/* 0 when it does not fit, or for more than its lengths can say. */
static size_t fast_run(struct fast *f, const void *data, size_t n, uint8_t *to, size_t room)
{
	struct isal_zstream *s = &f->stream;

	if (n > UINT32_MAX || room > UINT32_MAX)
		return 0;
	isal_deflate_stateless_init(s);
	s->level = ISAL_LEVEL;
	s->level_buf = f->level;
	s->level_buf_size = sizeof(f->level);
	s->end_of_stream = 1;
	s->flush = NO_FLUSH;
	s->gzip_flag = IGZIP_DEFLATE;
	s->next_in = (uint8_t *)(uintptr_t)data;
	s->avail_in = (uint32_t)n;
	s->next_out = to;
	s->avail_out = (uint32_t)room;
	return isal_deflate_stateless(s) == COMP_OK && s->avail_in == 0 ? s->total_out : 0;
}
#else
static struct fast *fast_new(void)
{
	return NULL;
}

static size_t fast_run(struct fast *f, const void *data, size_t n, uint8_t *to, size_t room)
{
	(void)f, (void)data, (void)n, (void)to, (void)room;
	return 0;
}
#endif

struct nc_deflater *nc_deflater_new(int level)
{
	struct nc_deflater *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->c = libdeflate_alloc_compressor(level);
	if (!d->c) {
		free(d);
		return NULL;
	}
	if (level == FAST_LEVEL)
		d->fast = fast_new();
	d->xfl = level <= FAST_LEVEL ? XFL_FAST : 0;
	return d;
}

void nc_deflater_free(struct nc_deflater *d)
{
	if (!d)
		return;
	libdeflate_free_compressor(d->c);
	free(d->fast);
	free(d);
}

size_t nc_deflate(struct nc_deflater *d, const void *data, size_t n, uint8_t *to, size_t room)
{
	size_t out = d->fast ? fast_run(d->fast, data, n, to, room) : 0;

	return out ? out : libdeflate_deflate_compress(d->c, data, n, to, room);
}

uint8_t nc_deflate_xfl(const struct nc_deflater *d)
{
	return d->xfl;
}
