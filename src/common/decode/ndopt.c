/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of neighbour and router discovery: type, length in units of 8 bytes (type and length included), data. */
#include "decode/cut.h"
#include "decode/ndopt.h"

#define UNIT 8u

/* Their number; how many units each takes must not be 0 (RFC 4861 section 4.6). */
static enum nc_verdict count(struct nc_packet *p, struct nc_rd r, size_t *n)
{
	for (*n = 0; r.left > 0; ++*n) {
		nc_rd_skip(&r, 1);
		size_t units = nc_rd_u8(&r);
		if (r.failed)
			return NC_SHORT;
		if (units == 0)
			return nc_bad(p, "ICMPv6 option of length 0");
		nc_rd_skip(&r, units * UNIT - 2);
		if (r.failed)
			return NC_SHORT;
	}
	return NC_DONE;
}

enum nc_verdict nc_ndopt_read(struct nc_packet *p, struct nc_rd *r, size_t *n, Types__ICMPv6Option ***list)
{
	size_t total;
	enum nc_verdict v = count(p, *r, &total);

	if (v == NC_BAD)
		return v;
	/* what a whole packet lacks was never there */
	if (nc_cut(p, r))
		return NC_SHORT;
	if (v == NC_SHORT)
		return nc_bad(p, "ICMPv6 option longer than its packet");
	if (total == 0)
		return NC_DONE;
	Types__ICMPv6Option **all = (Types__ICMPv6Option **)nc_p_array(p, total);
	Types__ICMPv6Option *o = nc_p_alloc(p, total * sizeof(*o));
	if (!all || !o)
		return NC_BAD;
	for (size_t i = 0; i < total; i++, o++) {
		types__icmpv6_option__init(o);
		o->type = nc_rd_u8(r);
		size_t len = nc_rd_u8(r) * UNIT - 2;
		o->data = nc_p_bytes(nc_rd_bytes(r, len), len);
		all[i] = o;
	}
	*n = total;
	*list = all;
	return NC_DONE;
}
