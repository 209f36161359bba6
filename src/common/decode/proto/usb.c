/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USB requests as Linux captures them (LINKTYPE_USB_LINUX and _MMAPPED: the kernel's Documentation/usb/usbmon.rst). */
#include "decode/tunnel.h"

#define LINKTYPE_MMAPPED   220u
#define SETUP_LEN          8u
#define TRANSFER_ISO       0u
#define ENDPOINT_IN        0x80u
#define DIRECTION_IN       1
#define DIRECTION_OUT      2

/* What only the longer of the two headers has; the descriptors of isochronous transfers stand behind it. */
static void mmapped(struct nc_rd *r, Types__USB *m)
{
	m->urbinterval = nc_rd_le32(r);
	m->urbstartframe = nc_rd_le32(r);
	m->urbcopyoftransferflags = nc_rd_le32(r);
	m->isonumdesc = nc_rd_le32(r);
}

static enum nc_verdict usb_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__USB m = TYPES__USB__INIT;

	m.id = nc_rd_le64(r);
	m.eventtype = nc_rd_u8(r);
	m.transfertype = nc_rd_u8(r);
	uint8_t endpoint = nc_rd_u8(r);
	m.direction = endpoint & ENDPOINT_IN ? DIRECTION_IN : DIRECTION_OUT;
	m.endpointnumber = endpoint & ~ENDPOINT_IN & 0xff;
	m.deviceaddress = nc_rd_u8(r);
	m.busid = nc_rd_le16(r);
	m.setup = nc_rd_u8(r) == 0; /* both flags: 0 is yes */
	m.data = nc_rd_u8(r) == 0;
	m.timestampsec = (int64_t)nc_rd_le64(r);
	m.timestampusec = (int32_t)nc_rd_le32(r);
	m.status = (int32_t)nc_rd_le32(r);
	m.urblength = nc_rd_le32(r);
	m.urbdatalength = nc_rd_le32(r);
	struct nc_rd setup = nc_rd_sub(r, SETUP_LEN);
	if (nc_linktype(p) == LINKTYPE_MMAPPED)
		mmapped(r, &m);
	if (r->failed)
		return NC_SHORT;
	nc_rd_trim(r, m.urbdatalength);
	if (p->payloads)
		m.payload = nc_p_bytes(r->p, r->left);
	nc_emit(p, &m.base);
	if (!m.setup || m.transfertype == (int32_t)TRANSFER_ISO)
		return NC_DONE;
	*r = setup;
	return nc_next(p, NC_INNER, NC_INNER_USB_SETUP);
}

const struct nc_decoder nc_decoder_usb = {
	.name = "USB", .decode = usb_decode, .descriptor = &types__usb__descriptor,
	.keys = NC_KEYS({ NC_DATALINK, 189 }, { NC_DATALINK, LINKTYPE_MMAPPED }),
};
