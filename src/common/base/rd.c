/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the bounded reader that are too long to be inline. */
#include "base/rd.h"

uint64_t nc_rd_varint(struct nc_rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t c = nc_rd_u8(r);
		if (r->failed)
			return 0;
		/* the tenth byte holds only the 64th bit */
		if (shift == 63 && c > 1)
			break;
		v |= (uint64_t)(c & 127) << shift;
		if (c < 128)
			return v;
	}
	r->failed = true;
	return 0;
}
