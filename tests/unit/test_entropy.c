/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entropy of nested ranges equals the plain formula on each range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decode/entropy.h"

static double plain(const uint8_t *p, size_t n)
{
	size_t bins[256] = { 0 };
	double h = 0;

	for (size_t i = 0; i < n; i++)
		bins[p[i]]++;
	for (size_t v = 0; v < 256; v++)
		if (bins[v])
			h -= (double)bins[v] / (double)n * log2((double)bins[v] / (double)n);
	return h;
}

static void near(double a, double b)
{
	if (fabs(a - b) > 1e-9)
		fail_msg("%.12f is not %.12f", a, b);
}

static struct nc_entropy e;

static void edges(void **state)
{
	static const uint8_t zeros[70000] = { 0 };
	uint8_t all[256];

	(void)state;
	nc_entropy_reset(&e);
	near(nc_entropy_of(&e, zeros, 0), 0);
	near(nc_entropy_of(&e, zeros, 1), 0);
	nc_entropy_reset(&e);
	near(nc_entropy_of(&e, zeros, sizeof(zeros)), 0);
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	nc_entropy_reset(&e);
	near(nc_entropy_of(&e, all, sizeof(all)), 8);
	/* neither range holds the other: each stands for itself */
	near(nc_entropy_of(&e, all, 128), 7);
	near(nc_entropy_of(&e, all + 64, 128), 7);
}

static void nested_ranges(void **state)
{
	static uint8_t bytes[70000];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		size_t n = (size_t)rand() % (round % 10 ? 1600 : sizeof(bytes)) + 1;
		unsigned spread = 1u << rand() % 9;
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)((unsigned)rand() % spread);
		size_t from = (size_t)rand() % n, to = from + (size_t)rand() % (n - from + 1);
		nc_entropy_reset(&e);
		for (int layer = 0; layer < 4; layer++) {
			near(nc_entropy_of(&e, bytes + from, to - from), to > from ? plain(bytes + from, to - from) : 0);
			from -= (size_t)rand() % (from + 1) % 60;
			to += (size_t)rand() % (n - to + 1) % 20;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(edges), cmocka_unit_test(nested_ranges) };
	unsigned seed = (unsigned)time(NULL);

	printf("seed %u\n", seed);
	srand(seed);
	nc_entropy_init(&e);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
