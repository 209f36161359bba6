/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MD5 (RFC 1321). */
#include "base/md5.h"

#include <string.h>

#include "base/text.h"

#define BLOCK 64u

/* RFC 1321 section 3.4: the integer part of 2^32 times |sin(i + 1)|. */
static const uint32_t sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t shifts[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };

static uint32_t load(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* The function of a step's round, and which word of the block it takes. */
static uint32_t mix(unsigned i, const uint32_t s[static 4], unsigned *word)
{
	switch (i / 16) {
	case 0:
		*word = i;
		return (s[1] & s[2]) | (~s[1] & s[3]);
	case 1:
		*word = (5 * i + 1) % 16;
		return (s[3] & s[1]) | (~s[3] & s[2]);
	case 2:
		*word = (3 * i + 5) % 16;
		return s[1] ^ s[2] ^ s[3];
	default:
		*word = 7 * i % 16;
		return s[2] ^ (s[1] | ~s[3]);
	}
}

static void block(uint32_t h[static 4], const uint8_t *p)
{
	uint32_t x[16], s[4];

	memcpy(s, h, sizeof(s));
	for (unsigned i = 0; i < 16; i++)
		x[i] = load(p + 4 * (size_t)i);
#pragma GCC unroll 64
	for (unsigned i = 0; i < 64; i++) {
		unsigned word, by = shifts[i / 16][i % 4];
		uint32_t sum = mix(i, s, &word) + s[0] + sines[i];
		sum += x[word];
		s[0] = s[3];
		s[3] = s[2];
		s[2] = s[1];
		s[1] += sum << by | sum >> (32 - by);
	}
	for (unsigned i = 0; i < 4; i++)
		h[i] += s[i];
}

void nc_md5_init(struct nc_md5_state *s)
{
	s->h[0] = 0x67452301;
	s->h[1] = 0xefcdab89;
	s->h[2] = 0x98badcfe;
	s->h[3] = 0x10325476;
	s->len = 0;
}

void nc_md5_update(struct nc_md5_state *s, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t have = s->len % BLOCK;

	s->len += n;
	if (have && n >= BLOCK - have) {
		memcpy(s->block + have, p, BLOCK - have);
		block(s->h, s->block);
		p += BLOCK - have;
		n -= BLOCK - have;
		have = 0;
	}
	if (have == 0)
		for (; n >= BLOCK; p += BLOCK, n -= BLOCK)
			block(s->h, p);
	if (n)
		memcpy(s->block + have, p, n);
}

void nc_md5_final(struct nc_md5_state *s, uint8_t out[static NC_MD5])
{
	static const uint8_t padding[BLOCK] = { 0x80 };
	uint64_t bits = s->len * 8;
	uint8_t tail[8];

	store(tail, (uint32_t)bits);
	store(tail + 4, (uint32_t)(bits >> 32));
	nc_md5_update(s, padding, 1 + (2 * BLOCK - 9 - s->len % BLOCK) % BLOCK);
	nc_md5_update(s, tail, sizeof(tail));
	for (unsigned i = 0; i < 4; i++)
		store(out + 4 * (size_t)i, s->h[i]);
}

void nc_md5(const void *data, size_t n, uint8_t out[static NC_MD5])
{
	struct nc_md5_state s;

	nc_md5_init(&s);
	nc_md5_update(&s, data, n);
	nc_md5_final(&s, out);
}

void nc_md5_hex(const void *data, size_t n, char out[static NC_MD5_TEXT])
{
	uint8_t digest[NC_MD5];

	nc_md5(data, n, digest);
	nc_text_hex(out, digest, sizeof(digest));
}
