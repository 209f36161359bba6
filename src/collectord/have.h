/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which blocks of a sensor are there: ranges of numbers by epoch, of bounded size. */
#ifndef NC_COLLECTORD_HAVE_H
#define NC_COLLECTORD_HAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NC_HAVE_EPOCHS 256u  /* starts of a sensor that are remembered */
#define NC_HAVE_RANGES 2048u /* in all epochs together */

struct nc_have_range {
	uint64_t from, to; /* both included */
};

struct nc_have_epoch {
	uint64_t id;
	uint64_t floor; /* what is known of lower numbers was forgotten; at least 1 */
	struct nc_have_range *ranges; /* ascending, with a gap of at least one number between two */
	size_t n, cap;
};

/* Zero-initialise. When a bound is reached, the epoch that was used longest ago is forgotten, or the lowest range of such an
 * epoch: then its floor rises over the gap behind it, and numbers below are neither there nor missing. */
struct nc_have {
	struct nc_have_epoch *epochs; /* the one used last is first */
	size_t n, ranges;
	uint64_t forgotten_epochs, forgotten_ranges;
};

enum nc_have_state { NC_HAVE_NOT, NC_HAVE_YES, NC_HAVE_UNKNOWN };

void nc_have_free(struct nc_have *h);
/* Whether that block is there; NC_HAVE_UNKNOWN below the floor. */
enum nc_have_state nc_have_state(const struct nc_have *h, uint64_t epoch, uint64_t seq);
/* How many blocks of an epoch are there, those below its floor with them, and the highest number of them; 0 and 0 when there are
 * none. */
uint64_t nc_have_count(const struct nc_have *h, uint64_t epoch, uint64_t *highest);
/* Memory for `extra` more ranges of that epoch, so that as many nc_have_add can't fail. 0 or -ENOMEM. */
int nc_have_reserve(struct nc_have *h, uint64_t epoch, size_t extra);
/* Adds from..to (1 <= from <= to); what is there already does not matter. 0 or -ENOMEM: nothing changed. */
int nc_have_add(struct nc_have *h, uint64_t epoch, uint64_t from, uint64_t to);
/* Takes from..to out. -ENOMEM: it would have made two ranges of one; then all of them stay. */
int nc_have_remove(struct nc_have *h, uint64_t epoch, uint64_t from, uint64_t to);
/* Raises the floor of an epoch that is known; ranges below are forgotten. */
void nc_have_floor(struct nc_have *h, uint64_t epoch, uint64_t floor);

#endif
