/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EAPOL key frames: of RSN and WPA (IEEE 802.11-2020 clause 12.7.2), and with RC4 keys (IEEE 802.1X-2001 clause 7.6). */
#include "decode/decode.h"
#include "decode/tunnel.h"

#define DESCRIPTOR_RC4 1
#define NONCE_LEN      32u
#define IV_LEN         16u
#define MIC_LEN        16u

static void information(uint16_t k, Types__EAPOLKey *m)
{
	m->keydescriptorversion = k & 7;
	m->keytype = k >> 3 & 1;
	m->keyindex = k >> 4 & 3;
	m->install = (k & 0x0040) != 0;
	m->keyack = (k & 0x0080) != 0;
	m->keymic = (k & 0x0100) != 0;
	m->secure = (k & 0x0200) != 0;
	m->micerror = (k & 0x0400) != 0;
	m->request = (k & 0x0800) != 0;
	m->hasencryptedkeydata = (k & 0x1000) != 0;
	m->smkmessage = (k & 0x2000) != 0;
}

/* The MIC's length was negotiated and is not in the frame: it is the one with which the key data ends at the frame's end. */
static size_t mic_length(struct nc_rd r)
{
	static const uint8_t lengths[] = { MIC_LEN, 24, 32, 0 };

	for (size_t i = 0; i < sizeof(lengths); i++) {
		struct nc_rd ahead = r;
		nc_rd_skip(&ahead, lengths[i]);
		size_t data = nc_rd_be16(&ahead);
		if (!ahead.failed && data == ahead.left)
			return lengths[i];
	}
	return MIC_LEN;
}

static void pairwise(struct nc_rd *r, Types__EAPOLKey *m)
{
	information(nc_rd_be16(r), m);
	m->keylength = nc_rd_be16(r);
	m->replaycounter = nc_rd_be64(r);
	m->nonce = nc_p_bytes(nc_rd_bytes(r, NONCE_LEN), NONCE_LEN);
	m->iv = nc_p_bytes(nc_rd_bytes(r, IV_LEN), IV_LEN);
	m->rsc = nc_rd_be64(r);
	m->id = nc_rd_be64(r);
	size_t mic = mic_length(*r);
	m->mic = nc_p_bytes(nc_rd_bytes(r, mic), mic);
	size_t data = nc_rd_be16(r);
	m->keydatalength = (int32_t)data;
	/* in clear or not, as HasEncryptedKeyData says */
	m->encryptedkeydata = nc_p_bytes(nc_rd_bytes(r, data), data);
}

/* The flag in the index tells keys for one station from keys for all; a key that is not there is the peer's own. */
static void rc4(struct nc_rd *r, Types__EAPOLKey *m)
{
	m->keylength = nc_rd_be16(r);
	m->replaycounter = nc_rd_be64(r);
	m->iv = nc_p_bytes(nc_rd_bytes(r, IV_LEN), IV_LEN);
	uint8_t index = nc_rd_u8(r);
	m->keytype = index >> 7;
	m->keyindex = index & 0x7f;
	m->mic = nc_p_bytes(nc_rd_bytes(r, MIC_LEN), MIC_LEN);
	m->keydatalength = (int32_t)r->left;
	m->hasencryptedkeydata = r->left > 0;
	m->encryptedkeydata = nc_p_bytes(r->p, r->left);
}

/* EAPOL has seen to it that the whole frame is there. */
static enum nc_verdict eapolkey_decode(struct nc_packet *p, struct nc_rd *r)
{
	Types__EAPOLKey m = TYPES__EAPOLKEY__INIT;

	m.keydescriptortype = nc_rd_u8(r);
	if (m.keydescriptortype == DESCRIPTOR_RC4)
		rc4(r, &m);
	else
		pairwise(r, &m);
	if (r->failed)
		return nc_bad(p, "EAPOL key shorter than its contents");
	nc_emit(p, &m.base);
	return NC_DONE;
}

const struct nc_decoder nc_decoder_eapolkey = {
	.name = "EAPOLKey", .decode = eapolkey_decode, .descriptor = &types__eapolkey__descriptor,
	.keys = NC_KEYS({ NC_INNER, NC_INNER_EAPOLKEY }),
};
