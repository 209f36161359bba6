/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a sensor's batches say about those that did not come: lost batches, lost records, repetitions. */
#ifndef NC_COLLECTORD_LOSS_H
#define NC_COLLECTORD_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define NC_LOSS_EPOCHS 4u    /* starts of a sensor that are followed at a time */
#define NC_LOSS_WINDOW 1024u /* batches behind the newest in which a late one is told from a repeated one */

struct nc_loss_epoch;

/* Zero-initialise. */
struct nc_loss {
	struct nc_loss_epoch *epochs[NC_LOSS_EPOCHS]; /* the one used last first */
	uint64_t past_batches, past_records;          /* lost in epochs that are no longer followed */
};

/* Takes a batch's number. False when it was there before, or lies so far back that nobody knows (then it stays counted as lost,
 * if it was). In the first epoch ever seen, counting starts at the first batch seen, since the collector may be the younger
 * one; in later ones at 1. */
bool nc_loss_batch(struct nc_loss *l, uint64_t epoch, uint64_t sequence);
/* Takes what a batch of record type `slot` (index into nc_types) said to have come before it, and how many records it held. */
void nc_loss_records(struct nc_loss *l, uint64_t epoch, unsigned slot, uint64_t before, uint64_t count);
uint64_t nc_loss_batches(const struct nc_loss *l);
uint64_t nc_loss_records_lost(const struct nc_loss *l);
void nc_loss_free(struct nc_loss *l);

#endif
