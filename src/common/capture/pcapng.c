/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reader of pcapng files (draft-ietf-opsawg-pcapng): sections, interfaces and packets; other blocks are passed over. */
#include "config.h"

#include <errno.h>

#include "base/time.h"
#include "capture/reader.h"

#define BLOCK_SHB 0x0a0d0d0au
#define BLOCK_IDB 1u
#define BLOCK_PB  2u /* obsolete */
#define BLOCK_SPB 3u
#define BLOCK_EPB 6u

#define FRAME       12u               /* type, length, and the length once more at the end */
#define BLOCK_MAX   (16u * 1024u * 1024u)
#define PARSED_MAX  (512u * 1024u)    /* of a block that must be in memory as a whole: packets and interfaces */
#define OPTIONS_MAX 256u              /* of an interface */
#define SHB_MIN     28u
#define BOM         0x1a2b3c4du

#define OPT_END      0u
#define OPT_TSRESOL  9u
#define OPT_TSOFFSET 14u

struct block {
	uint32_t type;
	uint32_t len;      /* of the whole block */
	struct nc_rd body; /* when it was read */
};

static int64_t saturated(__int128 ns)
{
	if (ns > INT64_MAX)
		return INT64_MAX;
	return ns < INT64_MIN ? INT64_MIN : (int64_t)ns;
}

/* if_tsresol: the upper bit chooses negative powers of two, else of ten. */
static __int128 to_ns(uint64_t units, uint8_t resol)
{
	unsigned n = resol & 127;

	if (resol & 128)
		return (__int128)((unsigned __int128)units * (uint64_t)NC_NS_PER_S >> n);
	__int128 ns = units;
	for (; n < 9; n++)
		ns *= 10;
	for (; n > 9 && ns; n--)
		ns /= 10;
	return ns;
}

static int64_t timestamp(const struct nc_pcapng_interface *f, uint32_t hi, uint32_t lo)
{
	uint64_t units = (uint64_t)hi << 32 | lo;
	int64_t ns;

	if (f->mul && f->offset == 0 && units <= INT64_MAX && !__builtin_mul_overflow((int64_t)units, (int64_t)f->mul, &ns))
		return ns;
	return saturated(to_ns(units, f->resol) + (__int128)f->offset * NC_NS_PER_S);
}

static void set_resolution(struct nc_pcapng_interface *f, uint8_t resol)
{
	f->resol = resol;
	f->mul = 0;
	if (resol > 9)
		return;
	f->mul = 1;
	for (unsigned n = resol; n < 9; n++)
		f->mul *= 10;
}

/* The length at the block's end must be the same; at: where the block begins, whole. */
static int check_trailer(struct nc_capfile *c, const uint8_t *at, uint32_t len)
{
	struct nc_rd r = nc_rd_over(at + len - 4, 4);
	uint32_t again = nc_capfile_u32(c, &r);

	return again == len ? 1 : nc_capfile_damaged(c, "a block's lengths differ: %u and %u", len, again);
}

static int check_length(struct nc_capfile *c, uint32_t len, uint32_t min, uint32_t max)
{
	if (len < min || len > max || len % 4)
		return nc_capfile_damaged(c, "a block of %u bytes", len);
	return 1;
}

/* Passes over a block, however long, and checks its end. */
static int skip_block(struct nc_capfile *c, uint32_t len)
{
	if (!nc_input_skip(&c->in, len - 4))
		return nc_capfile_cut(c, "a block");
	const uint8_t *p = nc_input_peek(&c->in, 4);
	if (!p)
		return nc_capfile_cut(c, "a block");
	struct nc_rd r = nc_rd_over(p, 4);
	uint32_t again = nc_capfile_u32(c, &r);
	if (again != len)
		return nc_capfile_damaged(c, "a block's lengths differ: %u and %u", len, again);
	nc_input_take(&c->in, 4);
	return 1;
}

/* A section header: byte order, and a new list of interfaces. Its options say nothing about packets. */
static int read_section(struct nc_capfile *c)
{
	const uint8_t *p = nc_input_peek(&c->in, 16);

	if (!p)
		return nc_capfile_ended(c, "a section header");
	struct nc_rd r = nc_rd_over(p + 8, 8);
	c->big = nc_rd_be32(&r) == BOM;
	r = nc_rd_over(p + 4, 12);
	uint32_t len = nc_capfile_u32(c, &r);
	if (nc_capfile_u32(c, &r) != BOM)
		return nc_capfile_damaged(c, "a section header without byte order");
	uint16_t major = nc_capfile_u16(c, &r);
	if (major != 1)
		return nc_capfile_damaged(c, "pcapng version %u is not known", major);
	int ok = check_length(c, len, SHB_MIN, BLOCK_MAX);
	if (ok != 1)
		return ok;
	c->ng.interfaces = 0;
	return skip_block(c, len);
}

static int read_options(struct nc_capfile *c, struct nc_rd *r, struct nc_pcapng_interface *f)
{
	for (unsigned i = 0; r->left >= 4 && i < OPTIONS_MAX; i++) {
		uint16_t code = nc_capfile_u16(c, r);
		uint16_t len = nc_capfile_u16(c, r);
		struct nc_rd v = nc_rd_sub(r, len);

		if (code == OPT_END)
			return 1;
		/* the padding of the last option may be missing */
		size_t pad = -(size_t)len & 3;
		nc_rd_skip(r, pad < r->left ? pad : r->left);
		if (v.failed)
			return nc_capfile_damaged(c, "an option of %u bytes goes beyond its block", len);
		if (code == OPT_TSRESOL && len == 1)
			set_resolution(f, nc_rd_u8(&v));
		else if (code == OPT_TSOFFSET && len == 8)
			f->offset = (int64_t)nc_capfile_u64(c, &v);
	}
	return 1;
}

static int read_interface(struct nc_capfile *c, struct block *b)
{
	struct nc_pcapng_interface f = { 0 };

	if (c->ng.interfaces == NC_CAPFILE_INTERFACES)
		return nc_capfile_damaged(c, "more than %u interfaces in a section", NC_CAPFILE_INTERFACES);
	f.datalink = nc_capfile_datalink(nc_capfile_u16(c, &b->body));
	nc_rd_skip(&b->body, 2);
	f.snaplen = nc_capfile_u32(c, &b->body);
	if (b->body.failed)
		return nc_capfile_damaged(c, "an interface description of %u bytes", b->len);
	set_resolution(&f, 6);
	int ok = read_options(c, &b->body, &f);
	if (ok == 1)
		c->ng.interface[c->ng.interfaces++] = f;
	return ok;
}

/* The packet's bytes, which come next in the block. */
static int give_packet(struct nc_capfile *c, struct block *b, struct nc_capture_packet *ret)
{
	if (ret->caplen > NC_CAPTURE_SNAPLEN_MAX)
		return nc_capfile_damaged(c, "a packet of %u bytes", ret->caplen);
	ret->data = nc_rd_bytes(&b->body, ret->caplen);
	if (!ret->data)
		return nc_capfile_damaged(c, "a packet of %u bytes in a block of %u", ret->caplen, b->len);
	if (ret->len < ret->caplen)
		ret->len = ret->caplen;
	return 1;
}

/* Enhanced packet blocks and the obsolete packet blocks, which differ in the width of the first field. */
static int read_packet(struct nc_capfile *c, struct block *b, struct nc_capture_packet *ret)
{
	struct nc_rd *r = &b->body;
	uint32_t i;

	if (b->type == BLOCK_EPB) {
		i = nc_capfile_u32(c, r);
	} else {
		i = nc_capfile_u16(c, r);
		nc_rd_skip(r, 2); /* drops */
	}
	uint32_t hi = nc_capfile_u32(c, r), lo = nc_capfile_u32(c, r);
	uint32_t caplen = nc_capfile_u32(c, r), len = nc_capfile_u32(c, r);
	if (r->failed)
		return nc_capfile_damaged(c, "a packet block of %u bytes", b->len);
	if (i >= c->ng.interfaces)
		return nc_capfile_damaged(c, "a packet of interface %u, which is not described", i);
	const struct nc_pcapng_interface *f = &c->ng.interface[i];
	*ret = (struct nc_capture_packet){
		.caplen = caplen, .len = len, .datalink = f->datalink, .interface = i, .ts_ns = timestamp(f, hi, lo),
	};
	return give_packet(c, b, ret);
}

/* A simple packet block: of the first interface, without time and captured length. */
static int read_simple(struct nc_capfile *c, struct block *b, struct nc_capture_packet *ret)
{
	const struct nc_pcapng_interface *f = &c->ng.interface[0];
	uint32_t len = nc_capfile_u32(c, &b->body), caplen = len;

	if (b->body.failed)
		return nc_capfile_damaged(c, "a packet block of %u bytes", b->len);
	if (c->ng.interfaces == 0)
		return nc_capfile_damaged(c, "a packet of interface 0, which is not described");
	if (f->snaplen && caplen > f->snaplen)
		caplen = f->snaplen;
	if (caplen > b->body.left)
		caplen = (uint32_t)b->body.left;
	*ret = (struct nc_capture_packet){ .caplen = caplen, .len = len, .datalink = f->datalink };
	return give_packet(c, b, ret);
}

/* The head of the next block; of section headers only the type, since their byte order is not known yet. */
static int read_head(struct nc_capfile *c, struct block *b)
{
	const uint8_t *p = nc_input_peek(&c->in, 8);

	if (!p)
		return nc_capfile_ended(c, "a block");
	struct nc_rd r = nc_rd_over(p, 8);
	b->type = nc_capfile_u32(c, &r);
	b->len = nc_capfile_u32(c, &r);
	return b->type == BLOCK_SHB ? 1 : check_length(c, b->len, FRAME, BLOCK_MAX);
}

/* The whole block into memory; it is consumed only by its handler's success. */
static int read_body(struct nc_capfile *c, struct block *b)
{
	int ok = check_length(c, b->len, FRAME, PARSED_MAX);

	if (ok != 1)
		return ok;
	const uint8_t *p = nc_input_peek(&c->in, b->len);
	if (!p)
		return nc_capfile_ended(c, "a block");
	b->body = nc_rd_over(p + 8, b->len - FRAME);
	return check_trailer(c, p, b->len);
}

/* One block: 1 when it gave a packet, 2 when not, else what ends the file. */
static int read_block(struct nc_capfile *c, struct nc_capture_packet *ret)
{
	struct block b = { 0 };
	int ok = read_head(c, &b);

	if (ok != 1)
		return ok;
	bool packet = b.type == BLOCK_EPB || b.type == BLOCK_PB || b.type == BLOCK_SPB;
	if (!packet && b.type != BLOCK_IDB) {
		ok = b.type == BLOCK_SHB ? read_section(c) : skip_block(c, b.len);
		return ok == 1 ? 2 : ok;
	}
	ok = read_body(c, &b);
	if (ok != 1)
		return ok;
	if (b.type == BLOCK_IDB)
		ok = read_interface(c, &b);
	else if (b.type == BLOCK_SPB)
		ok = read_simple(c, &b, ret);
	else
		ok = read_packet(c, &b, ret);
	if (ok != 1)
		return ok;
	nc_input_take(&c->in, b.len);
	return packet ? 1 : 2;
}

int nc_pcapng_open(struct nc_capfile *c)
{
	const uint8_t *p = nc_input_peek(&c->in, 12);

	if (!p)
		return nc_capfile_ended(c, "the section header");
	struct nc_rd be = nc_rd_over(p + 8, 4), le = be;
	if (nc_rd_be32(&be) != BOM && nc_rd_le32(&le) != BOM)
		return -ENOMSG;
	c->kind = NC_CAPFILE_PCAPNG;
	return 1;
}

int nc_pcapng_next(struct nc_capfile *c, struct nc_capture_packet *ret)
{
	int r;

	do
		r = read_block(c, ret);
	while (r == 2);
	return r;
}
