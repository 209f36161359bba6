/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Setup data of a USB control request (USB 2.0 section 9.3). */
#include "decode/tunnel.h"

static enum nc_verdict usbsetup_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__USBRequestBlockSetup m = TYPES__USBREQUEST_BLOCK_SETUP__INIT;

	m.requesttype = nc_rd_u8(r);
	m.request = nc_rd_u8(r);
	m.value = nc_rd_le16(r);
	m.index = nc_rd_le16(r);
	m.length = nc_rd_le16(r);
	if (r->failed)
		return NC_SHORT;
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_usbsetup = {
	.name = "USBRequestBlockSetup", .decode = usbsetup_decode, .descriptor = &types__usbrequest_block_setup__descriptor,
	.keys = NC_KEYS({ NC_INNER, NC_INNER_USB_SETUP }),
};
