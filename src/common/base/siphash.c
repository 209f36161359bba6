/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyed hash by libsodium, so that only this file needs its header. */
#include "base/siphash.h"

#include <sodium.h>
#include <string.h>

uint64_t nc_siphash(const uint8_t key[static NC_SIPHASH_KEY], const void *p, size_t n)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];
	uint64_t h;

	(void)crypto_shorthash_siphash24(out, p, n, key);
	memcpy(&h, out, sizeof(h));
	return h;
}
