/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USB requests as USBPcap captures them (LINKTYPE_USBPCAP; desowin.org/usbpcap/captureformat.html), as USB records. */
#include "decode/tunnel.h"

#define HEADER_LEN      27u
#define INFO_COMPLETED  1u   /* from the device's driver up */
#define ENDPOINT_IN     0x80u
#define TRANSFER_ISO    0u
#define TRANSFER_CONTROL 2u
#define STAGE_SETUP     0u
#define DIRECTION_IN    1
#define DIRECTION_OUT   2
#define EVENT_SUBMIT    'S'
#define EVENT_COMPLETE  'C'
#define NS              1000000000

/* The rest of the header, which depends on the transfer. Returns whether a control request begins the data. */
static bool special(struct nc_rd *h, Types__USB *m)
{
	if (m->transfertype == (int32_t)TRANSFER_ISO) {
		m->urbstartframe = nc_rd_le32(h);
		m->isonumdesc = nc_rd_le32(h);
		return false;
	}
	return m->transfertype == (int32_t)TRANSFER_CONTROL && nc_rd_u8(h) == STAGE_SETUP && !h->failed &&
	       m->eventtype == EVENT_SUBMIT;
}

static enum nc_verdict usbpcap_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__USB m = TYPES__USB__INIT;
	uint16_t length = nc_rd_le16(r);

	m.id = nc_rd_le64(r);
	m.status = (int32_t)nc_rd_le32(r);
	nc_rd_skip(r, 2); /* function */
	m.eventtype = nc_rd_u8(r) & INFO_COMPLETED ? EVENT_COMPLETE : EVENT_SUBMIT;
	m.busid = nc_rd_le16(r);
	m.deviceaddress = nc_rd_le16(r);
	uint8_t endpoint = nc_rd_u8(r);
	m.direction = endpoint & ENDPOINT_IN ? DIRECTION_IN : DIRECTION_OUT;
	m.endpointnumber = endpoint & ~ENDPOINT_IN & 0xff;
	m.transfertype = nc_rd_u8(r);
	m.urblength = nc_rd_le32(r);
	if (r->failed)
		return NC_SHORT;
	if (length < HEADER_LEN)
		return nc_bad(p, "USBPcap header length below 27");
	struct nc_rd rest = nc_rd_sub(r, length - HEADER_LEN);
	if (r->failed)
		return NC_SHORT;
	m.urbdatalength = m.urblength;
	m.data = m.urblength > 0;
	m.setup = special(&rest, &m);
	/* the header has no time of its own */
	m.timestampsec = p->ts_ns / NS;
	m.timestampusec = (int32_t)(p->ts_ns % NS / 1000);
	nc_rd_trim(r, m.urblength);
	if (p->payloads)
		m.payload = nc_p_bytes(r->p, r->left);
	nc_emit(p, &m.base);
	return m.setup ? nc_next(p, NC_INNER, NC_INNER_USB_SETUP) : NC_DONE;
}

const struct nc_decoder nc_decoder_usbpcap = {
	.name = "USBPcap", .decode = usbpcap_decode, .descriptor = &types__usb__descriptor,
	.keys = NC_KEYS({ NC_DATALINK, 249 }),
};
