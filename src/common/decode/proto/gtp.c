/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GPRS tunnelling of user data (3GPP TS 29.281 section 5): a way in to IP, without a record. */
#include "decode/cut.h"
#include "decode/tunnel.h"

#define PORT         2152u
#define VERSION_MASK 0xf0u
#define VERSION_1    0x30u /* version 1, protocol type 1 */
#define FLAG_NEXT    0x04u /* of these three any one makes all three fields present */
#define FLAG_ANY     0x07u
#define TYPE_DATA    255u
#define OPTIONAL_LEN 4u

/* Section 5.2.1: length in words of 4 bytes, contents, type of the next one; 0 is none. */
static enum nc_verdict extensions(struct nc_packet *p, struct nc_rd *r, uint8_t type)
{
	while (type != 0) {
		size_t n = nc_rd_u8(r) * 4u;
		if (r->failed)
			return NC_SHORT;
		if (n == 0)
			return nc_bad(p, "GTP extension header of length 0");
		nc_rd_skip(r, n - 2);
		type = nc_rd_u8(r);
	}
	return r->failed ? NC_SHORT : NC_DONE;
}

static enum nc_verdict gtp_decode(struct nc_packet *p, struct nc_rd *r)
{
	bool mine = p->next_key == PORT;
	uint8_t flags = nc_rd_u8(r), type = nc_rd_u8(r);
	uint16_t length = nc_rd_be16(r);

	nc_rd_skip(r, 4); /* tunnel */
	if (r->failed)
		return mine ? NC_SHORT : NC_SKIP;
	/* with the port as its source only it may be anything's client */
	if ((flags & VERSION_MASK) != VERSION_1 || (!mine && (length != r->left || nc_cut(p, r))))
		return NC_SKIP;
	nc_rd_trim(r, length);
	if (type != TYPE_DATA)
		return NC_DONE;
	if (flags & FLAG_ANY) {
		nc_rd_skip(r, OPTIONAL_LEN - 1);
		uint8_t next = nc_rd_u8(r);
		enum nc_verdict v = extensions(p, r, flags & FLAG_NEXT ? next : 0);
		if (v != NC_DONE)
			return v;
	}
	struct nc_rd ahead = *r;
	unsigned version = nc_rd_u8(&ahead) >> 4;
	return version == 4 || version == 6 ? nc_next_ip(p, r) : NC_DONE;
}

const struct nc_decoder nc_decoder_gtp = {
	.name = "GTP", .decode = gtp_decode,
	.keys = NC_KEYS({ NC_UDPPORT, PORT }),
};
