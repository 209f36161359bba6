/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shannon entropy of nested byte ranges in one pass: each range extends the histogram of the one inside it. */
#ifndef NC_DECODE_ENTROPY_H
#define NC_DECODE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#define NC_ENTROPY_TABLE 4096u

struct nc_entropy {
	double term[NC_ENTROPY_TABLE]; /* c * log2(c) */
	double step[NC_ENTROPY_TABLE]; /* term[c + 1] - term[c] */
	uint32_t bins[4][256];         /* bins[0] holds the range's histogram, the others are scratch */
	const uint8_t *data;           /* the range that bins[0] describes */
	size_t n;
	double sum;                    /* of c * log2(c) over all bins */
};

/* Fills the tables, once. */
void nc_entropy_init(struct nc_entropy *e);
/* Forgets the range of an earlier packet. */
void nc_entropy_reset(struct nc_entropy *e);
/* Entropy of the n bytes at data in bits per byte, 0 when n is 0. Cheap when the range holds the previous call's range (an inner
 * layer's payload): only the bytes around that are read. */
double nc_entropy_of(struct nc_entropy *e, const uint8_t *data, size_t n);

#endif
