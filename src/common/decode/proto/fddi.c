/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fiber distributed data interface (ANSI X3.139, ISO 9314-2): frame control and addresses, then LLC. */
#include "decode/decode.h"

#define ADDRESS_LEN    6u
#define PRIORITY_MASK  0x07u
#define KIND_MASK      0xf0u
#define KIND_LLC       0x50u /* asynchronous LLC with 48-bit addresses */
#define FIRST_SENT     0x80u /* the group bit as FDDI sends it: the highest one first */

static uint8_t reversed(uint8_t b)
{
	b = (uint8_t)(b >> 4 | b << 4);
	b = (uint8_t)((b & 0xcc) >> 2 | (b & 0x33) << 2);
	return (uint8_t)((b & 0xaa) >> 1 | (b & 0x55) << 1);
}

/* Most captures hold addresses in the order of the wire, each byte's bits reversed; some drivers have turned them round. A source
 * is no group, which tells one of the latter. */
static const uint8_t *address(struct nc_packet *p, const uint8_t *a, bool wire)
{
	uint8_t *turned = wire ? nc_p_alloc(p, ADDRESS_LEN) : NULL;

	for (size_t i = 0; turned && i < ADDRESS_LEN; i++)
		turned[i] = reversed(a[i]);
	return turned ? turned : a;
}

static enum nc_verdict fddi_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__FDDI m = TYPES__FDDI__INIT;
	uint8_t control = nc_rd_u8(r);
	const uint8_t *dst = nc_rd_bytes(r, ADDRESS_LEN), *src = nc_rd_bytes(r, ADDRESS_LEN);

	if (!dst || !src)
		return NC_SHORT;
	bool wire = !(src[0] & FIRST_SENT);
	m.framecontrol = control & ~PRIORITY_MASK & 0xff;
	m.priority = control & PRIORITY_MASK;
	src = address(p, src, wire);
	dst = address(p, dst, wire);
	nc_saw_link(p, "FDDI", src, dst);
	m.srcmac = nc_p_mac(p, src);
	m.dstmac = nc_p_mac(p, dst);
	nc_emit(p, &m.base);
	return (control & KIND_MASK) == KIND_LLC && r->left ? nc_next(p, NC_ETHERTYPE, 0) : NC_DONE;
}

const struct nc_decoder nc_decoder_fddi = {
	.name = "FDDI", .decode = fddi_decode, .descriptor = &types__fddi__descriptor,
	.keys = NC_KEYS({ NC_DATALINK, 10 }),
};
