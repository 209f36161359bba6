/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking lists of type, length and value, which differ between protocols in little but the widths. */
#ifndef NC_DECODE_TLV_H
#define NC_DECODE_TLV_H

#include "decode/decode.h"

/* How a protocol writes them. */
struct nc_tlv_form {
	uint8_t type_bits, length_bits; /* together a multiple of 8, at most 64 */
	bool whole; /* the length counts type and length too */
	bool ends;  /* the list ends at one of type `end` */
	bool bare;  /* end and `pad`, which is skipped, are types without length and value */
	uint8_t end, pad;
};

struct nc_tlv {
	uint32_t type, length; /* as written */
	struct nc_rd value;
	bool ended; /* with NC_DONE: the end was seen */
};

/* NC_NEXT: *t is the next one. NC_DONE: there is none. NC_SHORT: it goes beyond r. NC_BAD: its length is impossible. */
enum nc_verdict nc_tlv_next(struct nc_packet *p, struct nc_rd *r, const struct nc_tlv_form *f, struct nc_tlv *t);

struct nc_tlv_list {
	size_t n;
	void **items;
	bool ended;
};

/* All of r as messages of type d, whose first three fields are type, length (both int32) and value (bytes).
 * NC_DONE, NC_SHORT or NC_BAD. */
enum nc_verdict nc_tlv_list(struct nc_packet *p, struct nc_rd *r, const struct nc_tlv_form *f,
                            const ProtobufCMessageDescriptor *d, struct nc_tlv_list *ret);

#endif
