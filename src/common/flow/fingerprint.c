/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fingerprints: the MD5 of a text of numbers, digested as it is written. */
#include "config.h"

#include "base/text.h"
#include "flow/fingerprint.h"

void nc_fingerprint_init(struct nc_fingerprint *f)
{
	nc_md5_init(&f->md5);
	f->within = false;
}

void nc_fingerprint_number(struct nc_fingerprint *f, uint32_t v)
{
	char text[22];

	text[0] = '-';
	size_t n = nc_text_u64(text + 1, v);
	nc_md5_update(&f->md5, f->within ? text : text + 1, f->within ? n + 1 : n);
	f->within = true;
}

void nc_fingerprint_numbers(struct nc_fingerprint *f, const int32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!nc_grease((uint32_t)v[i]))
			nc_fingerprint_number(f, (uint32_t)v[i]);
}

void nc_fingerprint_text(struct nc_fingerprint *f, const uint8_t *p, size_t n)
{
	nc_md5_update(&f->md5, p, n);
}

void nc_fingerprint_part(struct nc_fingerprint *f, char separator)
{
	nc_md5_update(&f->md5, &separator, 1);
	f->within = false;
}

char *nc_fingerprint_end(struct nc_fingerprint *f, struct nc_arena *a)
{
	uint8_t digest[NC_MD5];
	char *text = nc_arena_alloc(a, NC_MD5_TEXT);

	nc_md5_final(&f->md5, digest);
	if (text)
		nc_text_hex(text, digest, sizeof(digest));
	return text;
}
