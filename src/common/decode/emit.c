/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decoders call: emitting records, text in the arena, reassembly. */
#include "config.h"

#include <string.h>

#include "base/text.h"
#include "decode/private.h"

static size_t hash_of(const ProtobufCMessageDescriptor *d)
{
	uint64_t h = (uint64_t)(uintptr_t)d * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 40) & (NC_TYPE_HASH - 1);
}

static struct nc_emit_type *find(struct nc_engine *e, const ProtobufCMessageDescriptor *d)
{
	size_t i = hash_of(d);

	while (e->types[i].desc && e->types[i].desc != d)
		i = (i + 1) & (NC_TYPE_HASH - 1);
	return &e->types[i];
}

void nc_emit_setup(struct nc_engine *e)
{
	for (size_t i = 0; i < nc_types_count; i++) {
		const ProtobufCMessageDescriptor *d = nc_types[i].desc;
		struct nc_emit_type *t = find(e, d);
		*t = (struct nc_emit_type){ .desc = d, .slot = (uint16_t)i, .wanted = e->o.wanted[i] };
		const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, "Timestamp");
		if (f && f->type == PROTOBUF_C_TYPE_STRING)
			t->stamp = f->offset;
	}
}

bool nc_wanted(const struct nc_packet *p, const ProtobufCMessageDescriptor *d)
{
	const struct nc_emit_type *t = find(p->engine, d);
	return t->desc && t->wanted;
}

static ProtobufCMessage *queue(struct nc_packet *p, const ProtobufCMessage *m)
{
	struct nc_engine *e = p->engine;
	const struct nc_emit_type *t = find(e, m->descriptor);

	if (!t->desc || !t->wanted)
		return NULL;
	if (e->result.count == NC_RECORDS_MAX) {
		e->arena.failed = true;
		return NULL;
	}
	size_t size = m->descriptor->sizeof_message;
	ProtobufCMessage *copy = nc_arena_alloc(&e->arena, size);
	if (!copy)
		return NULL;
	memcpy(copy, m, size);
	if (t->stamp) {
		char **stamp = (char **)(void *)((uint8_t *)copy + t->stamp);
		if (!*stamp || !**stamp)
			*stamp = p->ts;
	}
	e->result.records[e->result.count++] = (struct nc_engine_record){ .slot = t->slot, .m = copy };
	return copy;
}

void nc_emit(struct nc_packet *p, const ProtobufCMessage *m)
{
	(void)queue(p, m);
}

ProtobufCMessage *nc_emit_entropy(struct nc_packet *p, const ProtobufCMessage *m, size_t field, const uint8_t *data, size_t n)
{
	struct nc_engine *e = p->engine;
	ProtobufCMessage *copy = queue(p, m);

	if (copy && n > 0 && e->entropy_count < NC_RECORDS_MAX)
		e->jobs[e->entropy_count++] = (struct nc_entropy_job){ (double *)(void *)((uint8_t *)copy + field), data, n };
	return copy;
}

void nc_emit_entropies(struct nc_engine *e)
{
	nc_entropy_reset(&e->entropy);
	for (unsigned i = e->entropy_count; i-- > 0;)
		*e->jobs[i].to = nc_entropy_of(&e->entropy, e->jobs[i].data, e->jobs[i].n);
}

bool nc_reassemble(struct nc_packet *p, const struct nc_fragment *f, struct nc_rd *whole)
{
	struct nc_engine *e = p->engine;
	const uint8_t *data;
	size_t n;

	if (!e->o.fragment || !e->o.fragment(e->o.fragment_user, p->ts_ns, f, &data, &n))
		return false;
	*whole = nc_rd_over(data, n);
	return true;
}

unsigned nc_segment(struct nc_packet *p, const struct nc_segment *s)
{
	struct nc_engine *e = p->engine;

	return e->o.segment ? e->o.segment(e->o.segment_user, p, s) : 0;
}

void *nc_p_alloc(struct nc_packet *p, size_t n)
{
	return nc_arena_alloc(p->arena, n);
}

void **nc_p_array(struct nc_packet *p, size_t n)
{
	return nc_arena_calloc(p->arena, n, sizeof(void *));
}

char *nc_p_mac(struct nc_packet *p, const uint8_t *mac)
{
	char *s = nc_arena_alloc(p->arena, NC_TEXT_MAC);
	if (!s)
		return nc_arena_nothing();
	nc_text_mac(s, mac);
	return s;
}

char *nc_p_ipv4(struct nc_packet *p, const uint8_t *ip)
{
	char *s = nc_arena_alloc(p->arena, NC_TEXT_IPV4);
	if (!s)
		return nc_arena_nothing();
	nc_text_ipv4(s, ip);
	return s;
}

char *nc_p_ipv6(struct nc_packet *p, const uint8_t *ip)
{
	char *s = nc_arena_alloc(p->arena, NC_TEXT_IPV6);
	if (!s)
		return nc_arena_nothing();
	nc_text_ipv6(s, ip);
	return s;
}

char *nc_p_str(struct nc_packet *p, const uint8_t *s, size_t n)
{
	return nc_arena_text(p->arena, s, n);
}
