/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IEEE 802.11-2020 section 9.2: the header of management, control and data frames; of the latter the payload too. */
#include "decode/tunnel.h"

#define ADDRESS_LEN     6u
#define FCS_LEN         4u
#define TYPE_MANAGEMENT 0u
#define TYPE_CONTROL    1u
#define TYPE_DATA       2u
#define FLAG_TO_DS      0x01u
#define FLAG_FROM_DS    0x02u
#define FLAG_MORE       0x04u
#define FLAG_PROTECTED  0x40u
#define FLAG_ORDER      0x80u /* +HTC in management and QoS data frames */
#define SUBTYPE_NULL    0x4u  /* of data frames: no body */
#define SUBTYPE_QOS     0x8u
#define QOS_AMSDU       0x80u
#define ASELI           14u   /* in place of MRQ and MSI */
#define NO_FEEDBACK     0x7fu /* all ones in streams and MCS */
#define SUBTYPE_WRAPPER 7u    /* of control frames: another one with an HT control field */

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Takes the frame check sequence from the end of r: when the capture header says that it is there, and without a word of it when
 * it is right. */
static uint32_t take_fcs(struct nc_rd *r, bool said)
{
	struct nc_rd end = *r;

	if (r->left < FCS_LEN) {
		r->failed |= said;
		return 0;
	}
	nc_rd_skip(&end, r->left - FCS_LEN);
	uint32_t fcs = nc_rd_le32(&end);
	if (!said && crc32(r->p, r->left - FCS_LEN) != fcs)
		return 0;
	r->left -= FCS_LEN;
	return fcs;
}

static Types__Dot11QOS *qos(struct nc_packet *p, struct nc_rd *r, uint8_t *ret_first)
{
	Types__Dot11QOS *q = nc_p_alloc(p, sizeof(*q));
	uint8_t first = nc_rd_u8(r), second = nc_rd_u8(r);

	*ret_first = first;
	if (!q)
		return NULL;
	types__dot11_qos__init(q);
	q->tid = first & 15;
	q->eosp = (first & 0x10) != 0;
	q->ackpolicy = first >> 5 & 3;
	q->txop = second;
	return q;
}

/* Section 9.2.4.6.2, figure 9-14. */
static Types__Dot11LinkAdapationControl *link_adaptation(struct nc_packet *p, uint32_t w)
{
	Types__Dot11LinkAdapationControl *l = nc_p_alloc(p, sizeof(*l));
	Types__Dot11ASEL *a = nc_p_alloc(p, sizeof(*a));

	if (!l || !a)
		return NULL;
	types__dot11_link_adapation_control__init(l);
	l->trq = (w >> 1 & 1) != 0;
	l->mfsi = w >> 6 & 7;
	if ((w >> 2 & 15) == ASELI) {
		types__dot11_asel__init(a);
		a->command = w >> 9 & 7;
		a->data = w >> 12 & 15;
		l->asel = a;
		return l;
	}
	l->mrq = (w >> 2 & 1) != 0;
	l->msi = l->mrq ? w >> 3 & 7 : 0; /* else reserved */
	l->mfb = w >> 9 & 127;
	return l;
}

static Types__Dot11HTControlHT *ht(struct nc_packet *p, uint32_t w)
{
	Types__Dot11HTControlHT *h = nc_p_alloc(p, sizeof(*h));

	if (!h)
		return NULL;
	types__dot11_htcontrol_ht__init(h);
	h->linkadapationcontrol = link_adaptation(p, w);
	h->calibrationposition = w >> 16 & 3;
	h->calibrationsequence = w >> 18 & 3;
	h->csisteering = w >> 22 & 3;
	h->ndpannouncement = (w >> 24 & 1) != 0;
	h->dei = (w >> 29 & 1) != 0;
	return h;
}

/* The MFB subfield, section 9.2.4.6.3; its SNR is a number in two's complement. */
static Types__Dot11HTControlMFB *feedback(struct nc_packet *p, uint32_t w)
{
	Types__Dot11HTControlMFB *b = nc_p_alloc(p, sizeof(*b));

	if (!b)
		return NULL;
	types__dot11_htcontrol_mfb__init(b);
	b->numsts = w >> 9 & 7;
	b->vhtmcs = w >> 12 & 15;
	b->bw = w >> 16 & 3;
	b->snr = (int32_t)(w >> 18 & 63) - (w >> 23 & 1 ? 64 : 0);
	return b;
}

/* Section 9.2.4.6.3, table 9-16: what bits 3 to 8 and 24 to 28 mean depends on whether the feedback was asked for, and on whether
 * there is any. */
static Types__Dot11HTControlVHT *vht(struct nc_packet *p, uint32_t w)
{
	Types__Dot11HTControlVHT *v = nc_p_alloc(p, sizeof(*v));

	if (!v)
		return NULL;
	types__dot11_htcontrol_vht__init(v);
	v->mfb = feedback(p, w);
	v->mrq = (w >> 2 & 1) != 0;
	v->unsolicitedmfb = (w >> 29 & 1) != 0;
	if (!v->unsolicitedmfb) {
		v->msi = v->mrq ? w >> 3 & 7 : 0;
		v->mfsi = w >> 6 & 7;
	} else if ((w >> 9 & NO_FEEDBACK) != NO_FEEDBACK) {
		v->compressedmsi = w >> 3 & 3;
		v->stbcindication = (w >> 5 & 1) != 0;
		v->gid = (int32_t)((w >> 24 & 7) << 3 | (w >> 6 & 7));
		v->codingtype = w >> 27 & 1;
		v->fbtxbeamformed = (w >> 28 & 1) != 0;
	}
	return v;
}

/* Section 9.2.4.6: the low bits tell the variant; that of HE (3) has no place in the record. */
static Types__Dot11HTControl *ht_control(struct nc_packet *p, struct nc_rd *r)
{
	Types__Dot11HTControl *c = nc_p_alloc(p, sizeof(*c));
	uint32_t w = nc_rd_le32(r);

	if (!c)
		return NULL;
	types__dot11_htcontrol__init(c);
	if ((w & 3) == 3)
		return c;
	c->acconstraint = (w >> 30 & 1) != 0;
	c->rdgmoreppdu = (w >> 31 & 1) != 0;
	if (w & 1)
		c->vht = vht(p, w);
	else
		c->ht = ht(p, w);
	return c;
}

static char *address(struct nc_packet *p, struct nc_rd *r)
{
	const uint8_t *a = nc_rd_bytes(r, ADDRESS_LEN);
	return a ? nc_p_mac(p, a) : NULL;
}

/* Section 9.3.1: which control frames name a transmitter, a bit for each subtype: all in use but CTS, Ack and the wrapper. */
static bool has_transmitter(unsigned subtype)
{
	return (0xcf3cu >> subtype & 1) != 0;
}

/* Addresses and sequence control of management and data frames, sections 9.3.2.1 and 9.3.3.1. */
static void addresses(struct nc_packet *p, struct nc_rd *r, Types__Dot11 *m)
{
	m->address2 = address(p, r);
	m->address3 = address(p, r);
	uint16_t sequence = nc_rd_le16(r);
	m->sequencenumber = sequence >> 4;
	m->fragmentnumber = sequence & 15;
}

static enum nc_verdict body(struct nc_packet *p, struct nc_rd *r, bool amsdu)
{
	if (!amsdu)
		return nc_next(p, NC_ETHERTYPE, 0);
	/* section 9.3.2.2.2: subframes with addresses and length; the first one stands for all */
	nc_rd_skip(r, 2u * ADDRESS_LEN);
	uint16_t length = nc_rd_be16(r);
	nc_rd_trim(r, length);
	return !r->failed && r->left ? nc_next(p, NC_ETHERTYPE, 0) : NC_DONE;
}

static enum nc_verdict data(struct nc_packet *p, struct nc_rd *r, Types__Dot11 *m, size_t before, bool padded)
{
	unsigned subtype = (unsigned)m->type >> 2, flags = (unsigned)m->flags;
	uint8_t first = 0;

	addresses(p, r, m);
	if ((flags & (FLAG_TO_DS | FLAG_FROM_DS)) == (FLAG_TO_DS | FLAG_FROM_DS))
		m->address4 = address(p, r);
	if (subtype & SUBTYPE_QOS) {
		m->qos = qos(p, r, &first);
		if (flags & FLAG_ORDER)
			m->htcontrol = ht_control(p, r);
	}
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m->base);
	size_t pad = padded ? (4 - (before - r->left) % 4) % 4 : 0;
	nc_rd_skip(r, pad < r->left ? pad : r->left);
	bool part = (flags & FLAG_MORE) || m->fragmentnumber > 0;
	if (subtype & SUBTYPE_NULL || flags & FLAG_PROTECTED || part || r->left == 0)
		return NC_DONE;
	struct nc_rd rest = *r;
	enum nc_verdict v = body(p, &rest, (first & QOS_AMSDU) != 0);
	if (v == NC_NEXT)
		*r = rest;
	return v;
}

static enum nc_verdict others(struct nc_packet *p, struct nc_rd *r, Types__Dot11 *m)
{
	unsigned type = (unsigned)m->type & 3, subtype = (unsigned)m->type >> 2;

	if (type == TYPE_MANAGEMENT) {
		addresses(p, r, m);
		if ((unsigned)m->flags & FLAG_ORDER)
			m->htcontrol = ht_control(p, r);
	} else if (type == TYPE_CONTROL && has_transmitter(subtype)) {
		m->address2 = address(p, r);
	} else if (type == TYPE_CONTROL && subtype == SUBTYPE_WRAPPER) {
		nc_rd_skip(r, 2); /* frame control of the frame inside */
		m->htcontrol = ht_control(p, r);
	}
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m->base);
	return NC_DONE;
}

/* Who sent the frame and whom it is for, table 9-30 for data frames; others go from the transmitter to the receiver. */
static void saw(struct nc_packet *p, struct nc_rd head, const Types__Dot11 *m)
{
	unsigned ds = (unsigned)m->flags & (FLAG_TO_DS | FLAG_FROM_DS);

	nc_rd_skip(&head, 4);
	const uint8_t *a1 = nc_rd_bytes(&head, ADDRESS_LEN), *a2 = nc_rd_bytes(&head, ADDRESS_LEN);
	const uint8_t *a3 = nc_rd_bytes(&head, ADDRESS_LEN);
	nc_rd_skip(&head, 2);
	const uint8_t *a4 = nc_rd_bytes(&head, ADDRESS_LEN);
	if (!*m->address2)
		nc_saw_link(p, "Dot11", NULL, NULL);
	else if ((m->type & 3) != (int32_t)TYPE_DATA)
		nc_saw_link(p, "Dot11", a2, a1);
	else
		nc_saw_link(p, "Dot11", ds == FLAG_FROM_DS ? a3 : ds & FLAG_FROM_DS ? a4 : a2, ds & FLAG_TO_DS ? a3 : a1);
}

static enum nc_verdict dot11_decode(struct nc_packet *p, struct nc_rd *r)
{
	/* a selector of a link type says nothing of the frame check sequence */
	unsigned key = p->next_space == NC_INNER ? p->next_key : NC_INNER_DOT11;
	bool padded = key & NC_INNER_DOT11_PAD;
	Types__Dot11 m = TYPES__DOT11__INIT;

	key &= ~(unsigned)NC_INNER_DOT11_PAD;
	if (key != NC_INNER_DOT11_NOFCS)
		m.checksum = take_fcs(r, key == NC_INNER_DOT11_FCS);
	struct nc_rd head = *r;
	size_t before = r->left;
	uint8_t control = nc_rd_u8(r);
	m.proto = control & 3;
	m.type = control >> 2;
	m.flags = nc_rd_u8(r);
	m.durationid = nc_rd_le16(r);
	m.address1 = address(p, r);
	if (r->failed)
		return NC_SHORT;
	if (m.proto != 0)
		return nc_bad(p, "802.11 version is not 0");
	enum nc_verdict v = (m.type & 3) == (int32_t)TYPE_DATA ? data(p, r, &m, before, padded) : others(p, r, &m);
	if (v != NC_SHORT)
		saw(p, head, &m);
	return v;
}

const struct nc_decoder nc_decoder_dot11 = {
	.name = "Dot11", .decode = dot11_decode, .descriptor = &types__dot11__descriptor,
	.keys = NC_KEYS({ NC_DATALINK, 105 }, { NC_INNER, NC_INNER_DOT11 }, { NC_INNER, NC_INNER_DOT11_NOFCS },
	                { NC_INNER, NC_INNER_DOT11_FCS }, { NC_INNER, NC_INNER_DOT11 | NC_INNER_DOT11_PAD },
	                { NC_INNER, NC_INNER_DOT11_NOFCS | NC_INNER_DOT11_PAD },
	                { NC_INNER, NC_INNER_DOT11_FCS | NC_INNER_DOT11_PAD }),
};
