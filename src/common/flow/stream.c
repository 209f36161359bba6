/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stream readers call. */
#include "flow/assembly.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

/* s is the first member of the feed that a reader was given. */
static struct nc_feed *feed_of(struct nc_stream *s)
{
	return (struct nc_feed *)(void *)s;
}

void nc_stream_want(struct nc_stream *s, unsigned dir, size_t n)
{
	struct nc_feed *f = feed_of(s);

	f->dir[dir & 1].want = n < f->reader->pending_max ? n : f->reader->pending_max;
}

void nc_stream_skip(struct nc_stream *s, unsigned dir, uint64_t n)
{
	feed_of(s)->dir[dir & 1].skip = n;
}

void nc_stream_stop(struct nc_stream *s)
{
	feed_of(s)->stop = true;
}

void nc_stream_again(struct nc_stream *s)
{
	feed_of(s)->again = true;
}

void nc_stream_bad(struct nc_stream *s, const char *reason)
{
	const struct nc_feed *f = feed_of(s);

	if (f->t->bad)
		f->t->bad(f->t->bad_user, f->reader->name, reason);
}

bool nc_stream_wanted(const struct nc_stream *s, const ProtobufCMessageDescriptor *d)
{
	const struct nc_feed *f = (const struct nc_feed *)(const void *)s;
	const struct nc_type *type = nc_type_by_desc(d);

	return type && f->t->wanted[nc_type_slot(type)];
}

void nc_stream_record(struct nc_stream *s, const ProtobufCMessage *m, int64_t ts_ns)
{
	struct nc_tcp *t = feed_of(s)->t;
	const struct nc_type *type = nc_type_by_desc(m->descriptor);
	char text[NC_TIME_TEXT];

	if (!type || !t->wanted[nc_type_slot(type)])
		return;
	unsigned stamp = t->stamps[nc_type_slot(type)];
	/* the caller's struct is put back as it was */
	char **field = stamp ? (char **)((uintptr_t)m + stamp) : NULL, *old = field ? *field : NULL;
	if (field && (!old || !*old)) {
		nc_time_stamp(text, ts_ns);
		*field = text;
	}
	t->sink.record(t->sink.user, m, ts_ns);
	if (field)
		*field = old;
}

void *nc_stream_alloc(struct nc_stream *s, size_t n)
{
	struct nc_tcp *t = feed_of(s)->t;
	void *p = nc_pool_alloc(&t->pool, n);

	t->counters->no_memory += !p;
	return p;
}

void nc_stream_free(struct nc_stream *s, void *p)
{
	nc_pool_free(&feed_of(s)->t->pool, p);
}

char *nc_stream_str(struct nc_stream *s, const uint8_t *p, size_t n)
{
	return nc_arena_text(s->arena, p, n);
}

char *nc_stream_ip(struct nc_stream *s, unsigned end)
{
	char text[NC_TEXT_IPV6];
	const struct nc_stream_end *e = &s->end[end & 1];
	size_t n = s->ip_version == 4 ? nc_text_ipv4(text, e->ip) : nc_text_ipv6(text, e->ip);
	char *copy = nc_arena_strndup(s->arena, text, n);

	return copy ? copy : nc_arena_nothing();
}

char *nc_stream_mac(struct nc_stream *s, unsigned end)
{
	char text[NC_TEXT_MAC];
	const struct nc_stream_end *e = &s->end[end & 1];
	char *copy = e->has_mac ? nc_arena_strndup(s->arena, text, nc_text_mac(text, e->mac)) : NULL;

	return copy ? copy : nc_arena_nothing();
}
