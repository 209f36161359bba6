/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which part of a full table has been idle for longest, told from samples of it. */
#ifndef NC_FLOW_IDLE_H
#define NC_FLOW_IDLE_H

#include <stddef.h>
#include <stdint.h>

#define NC_IDLE_SAMPLES 1024u
#define NC_IDLE_SHARE   16u /* the sixteenth part goes at once, so that the search for it costs little per entry */

/* The time that about one in NC_IDLE_SHARE of the n times does not exceed, and at least one; INT64_MAX when there are none. Their
 * order is lost. Workers call it: qsort(3) may ask the kernel for the size of memory, which they must not. */
static inline int64_t nc_idle_since(int64_t *times, size_t n)
{
	for (size_t gap = n / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < n; i++) {
			int64_t t = times[i];
			size_t k = i;
			for (; k >= gap && times[k - gap] > t; k -= gap)
				times[k] = times[k - gap];
			times[k] = t;
		}
	return n > 0 ? times[n / NC_IDLE_SHARE] : INT64_MAX;
}

#endif
