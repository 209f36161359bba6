/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reader of pcap files (draft-ietf-opsawg-pcap), with the packet header of Kuznetzov's patch too. */
#include "config.h"

#include <errno.h>

#include "base/time.h"
#include "capture/reader.h"

#define FILE_HEADER 24

static const struct {
	uint32_t magic;
	uint32_t frac_ns;
	uint32_t header_size;
} magics[] = {
	{ 0xa1b2c3d4, 1000, 16 },
	{ 0xa1b23c4d, 1, 16 },
	{ 0xa1b2cd34, 1000, 24 }, /* behind the lengths: interface index, protocol, packet type */
};

static bool find_magic(struct nc_capfile *c, const uint8_t *p)
{
	struct nc_rd be = nc_rd_over(p, 4), le = be;
	uint32_t b = nc_rd_be32(&be), l = nc_rd_le32(&le);

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (magics[i].magic != b && magics[i].magic != l)
			continue;
		c->big = magics[i].magic == b;
		c->pcap.frac_ns = magics[i].frac_ns;
		c->pcap.header_size = magics[i].header_size;
		return true;
	}
	return false;
}

int nc_pcap_open(struct nc_capfile *c)
{
	const uint8_t *p = nc_input_peek(&c->in, 4);

	if (!p || !find_magic(c, p))
		return -ENOMSG;
	p = nc_input_peek(&c->in, FILE_HEADER);
	if (!p)
		return nc_capfile_ended(c, "the file header");
	struct nc_rd r = nc_rd_over(p, FILE_HEADER);
	nc_rd_skip(&r, 4);
	uint16_t major = nc_capfile_u16(c, &r), minor = nc_capfile_u16(c, &r);
	if (major != 2)
		return nc_capfile_damaged(c, "pcap version %u.%u is not known", major, minor);
	/* before 2.3 the original length came first; some writers of 2.3 still did it */
	c->pcap.swap = minor < 3 ? 2 : minor == 3;
	nc_rd_skip(&r, 12); /* time zone, accuracy, snaplen: nobody keeps to them */
	/* the upper half tells about the frame check sequence */
	c->pcap.datalink = nc_capfile_datalink(nc_capfile_u32(c, &r) & 0xffff);
	nc_input_take(&c->in, FILE_HEADER);
	c->kind = NC_CAPFILE_PCAP;
	return 1;
}

int nc_pcap_next(struct nc_capfile *c, struct nc_capture_packet *ret)
{
	const struct nc_pcap *f = &c->pcap;
	const uint8_t *p = nc_input_peek(&c->in, f->header_size);

	if (!p)
		return nc_capfile_ended(c, "a packet header");
	struct nc_rd r = nc_rd_over(p, 16);
	uint32_t sec = nc_capfile_u32(c, &r), frac = nc_capfile_u32(c, &r);
	uint32_t caplen = nc_capfile_u32(c, &r), len = nc_capfile_u32(c, &r);
	if (__builtin_expect(f->swap, 0) && (f->swap == 2 || caplen > len)) {
		uint32_t t = caplen;
		caplen = len;
		len = t;
	}
	if (caplen > NC_CAPTURE_SNAPLEN_MAX)
		return nc_capfile_damaged(c, "a packet of %u bytes", caplen);
	p = nc_input_peek(&c->in, (size_t)f->header_size + caplen);
	if (!p)
		return nc_capfile_ended(c, "a packet");
	nc_input_take(&c->in, (size_t)f->header_size + caplen);
	*ret = (struct nc_capture_packet){
		.data = p + f->header_size,
		.caplen = caplen,
		.len = len < caplen ? caplen : len,
		.datalink = f->datalink,
		.ts_ns = (int64_t)sec * NC_NS_PER_S + (int64_t)frac * f->frac_ns,
	};
	return 1;
}
