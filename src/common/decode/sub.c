/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What records hold besides numbers: sub-messages, and lists of addresses and numbers read from the packet. */
#include "decode/sub.h"

#include "base/text.h"

#define OID_TAG      6u
#define OID_MAX      128u /* bytes */
#define OID_ARC_MAX  (UINT64_MAX >> 7)
#define NUMBER_MAX   21u  /* what nc_text_u64 may write */
#define OID_PER_BYTE 5u   /* characters that a byte may become, the dot included; the first byte is two arcs */

static char *nothing(void)
{
	return (char *)(uintptr_t)protobuf_c_empty_string;
}

void *nc_sub_new(struct nc_packet *p, const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *m = nc_p_alloc(p, d->sizeof_message);

	if (m)
		d->message_init(m);
	return m;
}

void **nc_sub_list(struct nc_packet *p, const ProtobufCMessageDescriptor *d, size_t n)
{
	void **list = n ? nc_p_array(p, n) : NULL;

	for (size_t i = 0; list && i < n; i++) {
		list[i] = nc_sub_new(p, d);
		if (!list[i])
			return NULL;
	}
	return list;
}

char *nc_sub_address(struct nc_packet *p, struct nc_rd *r, size_t size)
{
	const uint8_t *a = nc_rd_bytes(r, size);

	if (!a)
		return nothing();
	return size == 4 ? nc_p_ipv4(p, a) : size == 16 ? nc_p_ipv6(p, a) : nc_p_mac(p, a);
}

size_t nc_sub_addresses(struct nc_packet *p, struct nc_rd *r, size_t n, size_t size, char ***ret)
{
	struct nc_rd list = nc_rd_sub(r, n * size);
	char **all = list.failed || n == 0 ? NULL : nc_p_alloc(p, n * sizeof(*all));

	if (!all)
		return 0;
	for (size_t i = 0; i < n; i++)
		all[i] = nc_sub_address(p, &list, size);
	*ret = all;
	return n;
}

size_t nc_sub_be32(struct nc_packet *p, struct nc_rd *r, size_t n, uint32_t **ret)
{
	struct nc_rd list = nc_rd_sub(r, n * sizeof(**ret));
	uint32_t *all = list.failed || n == 0 ? NULL : nc_p_alloc(p, n * sizeof(*all));

	if (!all)
		return 0;
	for (size_t i = 0; i < n; i++)
		all[i] = nc_rd_be32(&list);
	*ret = all;
	return n;
}

char *nc_sub_hwaddr(struct nc_packet *p, const uint8_t *addr, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *s = n ? nc_p_alloc(p, 3 * n) : NULL;

	if (!s)
		return nothing();
	for (size_t i = 0; i < n; i++) {
		s[3 * i] = digits[addr[i] >> 4];
		s[3 * i + 1] = digits[addr[i] & 15];
		s[3 * i + 2] = i + 1 < n ? ':' : '\0';
	}
	return s;
}

static char *put_arc(char *to, uint64_t arc, bool dot)
{
	if (dot)
		*to++ = '.';
	return to + nc_text_u64(to, arc);
}

/* One arc: seven bits a byte, the upper bit set in all but the last. */
static uint64_t arc_of(struct nc_rd *r)
{
	uint64_t arc = 0;
	uint8_t b;

	do {
		b = nc_rd_u8(r);
		if (arc > OID_ARC_MAX)
			r->failed = true;
		arc = arc << 7 | (b & 0x7f);
	} while (b & 0x80);
	return arc;
}

char *nc_sub_oid(struct nc_packet *p, const uint8_t *oid, size_t n)
{
	struct nc_rd r = nc_rd_over(oid, n);

	if (n > 2 && oid[0] == OID_TAG && oid[1] == n - 2)
		nc_rd_skip(&r, 2);
	char *s = r.left == 0 || r.left > OID_MAX ? NULL : nc_p_alloc(p, OID_PER_BYTE * r.left + NUMBER_MAX);
	if (!s)
		return nothing();
	/* the first holds two: 40 times the first, which is 0, 1 or 2, plus the second */
	uint64_t first = arc_of(&r);
	uint64_t top = first < 40 ? 0 : first < 80 ? 1 : 2;
	char *to = put_arc(s, top, false);
	to = put_arc(to, first - 40 * top, true);
	while (r.left > 0 && !r.failed)
		to = put_arc(to, arc_of(&r), true);
	*to = '\0';
	return r.failed ? nothing() : s;
}
