/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shannon entropy of nested byte ranges in one pass. */
#include "decode/entropy.h"

#include <math.h>
#include <string.h>

/* Below this many bytes adding one by one beats a sweep over all 256 bins. */
#define SMALL 160u

void nc_entropy_init(struct nc_entropy *e)
{
	memset(e, 0, sizeof(*e));
	for (size_t c = 2; c < NC_ENTROPY_TABLE; c++)
		e->term[c] = (double)c * log2((double)c);
	for (size_t c = 0; c + 1 < NC_ENTROPY_TABLE; c++)
		e->step[c] = e->term[c + 1] - e->term[c];
	double top = (double)NC_ENTROPY_TABLE;
	e->step[NC_ENTROPY_TABLE - 1] = top * log2(top) - e->term[NC_ENTROPY_TABLE - 1];
}

void nc_entropy_reset(struct nc_entropy *e)
{
	e->data = NULL;
	e->n = 0;
}

static double term(const struct nc_entropy *e, uint32_t c)
{
	return c < NC_ENTROPY_TABLE ? e->term[c] : (double)c * log2((double)c);
}

static void add_few(struct nc_entropy *e, const uint8_t *p, size_t n)
{
	double sum = e->sum;

	for (size_t i = 0; i < n; i++) {
		uint32_t c = e->bins[0][p[i]]++;
		sum += c < NC_ENTROPY_TABLE ? e->step[c] : term(e, c + 1) - term(e, c);
	}
	e->sum = sum;
}

/* Four histograms side by side, so that equal neighbours don't wait for each other's store. */
static void count_many(struct nc_entropy *e, const uint8_t *p, size_t n)
{
	uint32_t (*b)[256] = e->bins;
	size_t i = 0;
	double sum[2] = { 0, 0 };

	memset(b[1], 0, sizeof(e->bins) - sizeof(e->bins[0]));
	for (; i + 8 <= n; i += 8) {
		uint64_t w;
		memcpy(&w, p + i, 8);
		b[0][w & 255]++;
		b[1][w >> 8 & 255]++;
		b[2][w >> 16 & 255]++;
		b[3][w >> 24 & 255]++;
		b[0][w >> 32 & 255]++;
		b[1][w >> 40 & 255]++;
		b[2][w >> 48 & 255]++;
		b[3][w >> 56]++;
	}
	for (; i < n; i++)
		b[0][p[i]]++;
	for (size_t v = 0; v < 256; v++)
		b[0][v] += b[1][v] + b[2][v] + b[3][v];
	if (n < NC_ENTROPY_TABLE) {
		for (size_t v = 0; v < 256; v += 2) {
			sum[0] += e->term[b[0][v]];
			sum[1] += e->term[b[0][v + 1]];
		}
	} else {
		for (size_t v = 0; v < 256; v++)
			sum[0] += term(e, b[0][v]);
	}
	e->sum = sum[0] + sum[1];
}

static void restart(struct nc_entropy *e, const uint8_t *data, size_t n)
{
	memset(e->bins[0], 0, sizeof(e->bins[0]));
	e->sum = 0;
	if (n < SMALL)
		add_few(e, data, n);
	else
		count_many(e, data, n);
}

double nc_entropy_of(struct nc_entropy *e, const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	uintptr_t start = (uintptr_t)data, inner = (uintptr_t)e->data;
	/* e->data NULL never qualifies: no range holds address 0 with length 0 in front of it */
	if (e->n > 0 && start <= inner && inner - start <= n && e->n <= n - (inner - start)) {
		size_t before = inner - start;
		add_few(e, data, before);
		add_few(e, data + before + e->n, n - before - e->n);
	} else {
		restart(e, data, n);
	}
	e->data = data;
	e->n = n;
	double h = log2((double)n) - e->sum / (double)n;
	return h > 0 ? h : 0;
}
