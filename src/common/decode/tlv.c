/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking lists of type, length and value, which differ between protocols in little but the widths. */
#include "decode/tlv.h"

#include "decode/sub.h"

enum { FIELD_TYPE, FIELD_LENGTH, FIELD_VALUE };

static uint64_t head(struct nc_rd *r, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | nc_rd_u8(r);
	return v;
}

/* Skips padding; true at the end of the list. */
static bool at_end(struct nc_rd *r, const struct nc_tlv_form *f, struct nc_tlv *t)
{
	while (f->bare && r->left > 0 && *r->p == f->pad)
		nc_rd_skip(r, 1);
	t->ended = f->bare && r->left > 0 && *r->p == f->end;
	if (t->ended)
		nc_rd_skip(r, 1);
	return t->ended || r->left == 0;
}

enum nc_verdict nc_tlv_next(struct nc_packet *p, struct nc_rd *r, const struct nc_tlv_form *f, struct nc_tlv *t)
{
	size_t bytes = (f->type_bits + f->length_bits) / 8u;

	if (at_end(r, f, t))
		return NC_DONE;
	uint64_t h = head(r, bytes);
	if (r->failed)
		return NC_SHORT;
	t->type = (uint32_t)(h >> f->length_bits);
	t->length = (uint32_t)(h & ((UINT64_C(1) << f->length_bits) - 1));
	size_t less = f->whole ? bytes : 0;
	if (t->length < less)
		return nc_bad(p, "length below that of type and length");
	t->value = nc_rd_sub(r, t->length - less);
	if (t->value.failed)
		return NC_SHORT;
	t->ended = f->ends && t->type == f->end;
	return t->ended ? NC_DONE : NC_NEXT;
}

static void *field(void *m, const ProtobufCMessageDescriptor *d, unsigned i)
{
	return (uint8_t *)m + d->fields[i].offset;
}

static void fill(void *m, const ProtobufCMessageDescriptor *d, const struct nc_tlv *t)
{
	*(int32_t *)field(m, d, FIELD_TYPE) = (int32_t)t->type;
	*(int32_t *)field(m, d, FIELD_LENGTH) = (int32_t)t->length;
	*(ProtobufCBinaryData *)field(m, d, FIELD_VALUE) = nc_p_bytes(t->value.p, t->value.left);
}

enum nc_verdict nc_tlv_list(struct nc_packet *p, struct nc_rd *r, const struct nc_tlv_form *f,
                            const ProtobufCMessageDescriptor *d, struct nc_tlv_list *ret)
{
	struct nc_rd ahead = *r;
	struct nc_tlv t;
	enum nc_verdict v;
	size_t n = 0;

	while ((v = nc_tlv_next(p, &ahead, f, &t)) == NC_NEXT)
		n++;
	if (v != NC_DONE)
		return v;
	*ret = (struct nc_tlv_list){ .items = nc_sub_list(p, d, n), .ended = t.ended };
	if (n > 0 && !ret->items)
		return NC_BAD;
	for (; ret->n < n && nc_tlv_next(p, r, f, &t) == NC_NEXT; ret->n++)
		fill(ret->items[ret->n], d, &t);
	*r = ahead;
	return NC_DONE;
}
