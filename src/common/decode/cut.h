/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the capture kept only the beginning of a packet: what ends early then is not contradictory, just cut. */
#ifndef NC_DECODE_CUT_H
#define NC_DECODE_CUT_H

#include "decode/decode.h"

/* Whether r, which reaches to the end of what is there, ends before the IP packet around it (without one: the 802.3 frame)
 * does by its own length. False for payloads that were reassembled (they lie elsewhere, and cut fragments are not reassembled)
 * and for an unknown length. */
static inline bool nc_cut(const struct nc_packet *p, const struct nc_rd *r)
{
	if (p->ip_version == 0)
		return p->frame_cut;
	/* RFC 791: length at 2, source at 12. RFC 8200: payload length at 4, source at 8. */
	bool v4 = p->ip_version == 4;
	const uint8_t *header = p->ip_src - (v4 ? 12 : 8);
	struct nc_rd field = nc_rd_over(header + (v4 ? 2 : 4), 2);
	size_t length = nc_rd_be16(&field);
	return length > 0 && (uintptr_t)r->p + r->left - (uintptr_t)header < length + (v4 ? 0 : 40);
}

/* What r lacks was either cut off or never there. */
static inline enum nc_verdict nc_lacks(struct nc_packet *p, const struct nc_rd *r, const char *reason)
{
	return nc_cut(p, r) ? NC_SHORT : nc_bad(p, reason);
}

#endif
