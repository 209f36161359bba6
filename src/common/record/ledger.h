/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger: where a sensor's packets and records went by cause, and whether the sums close. */
#ifndef NC_RECORD_LEDGER_H
#define NC_RECORD_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/time.h"
#include "netcap.pb-c.h"

#define NC_LEDGER_DROPS_MAX    256u /* pairs of type and reason that are listed; the sums hold all */
#define NC_LEDGER_COUNTERS_MAX (48u + NC_LEDGER_DROPS_MAX)
#define NC_LEDGER_NAME         64u

/* A LossLedger with room for what it points to; must not be copied. */
struct nc_ledger {
	Types__LossLedger m;
	char stamp[NC_TIME_TEXT], sensor[80];
	Types__LossLedgerDrop drops[NC_LEDGER_DROPS_MAX], *list[NC_LEDGER_DROPS_MAX];
	char names[NC_LEDGER_DROPS_MAX][NC_LEDGER_NAME];   /* "Drop/HTTP/memory" */
	char reasons[NC_LEDGER_DROPS_MAX][NC_LEDGER_NAME];
};

/* One number of it: the name is that of a field, or "Drop/<type>/<reason>". */
struct nc_ledger_counter {
	const char *name;
	uint64_t value;
};

/* Empty, with time (ns since the epoch), name of the sensor (may be NULL) and epoch. */
void nc_ledger_init(struct nc_ledger *l, int64_t when, const char *sensor, uint64_t epoch);
/* Sets a number; false when there is none of that name, or the list of drops is full. */
bool nc_ledger_set(struct nc_ledger *l, const char *name, uint64_t value);
/* Lists records of a type (its name) as dropped for a reason (a short word); 0 records are not listed. */
void nc_ledger_drop(struct nc_ledger *l, const char *type, const char *reason, uint64_t records);
/* All numbers that are not 0; the names live as long as the ledger. Returns how many. */
size_t nc_ledger_counters(const struct nc_ledger *l, struct nc_ledger_counter out[static NC_LEDGER_COUNTERS_MAX]);
/* Appends it as a delimited record. */
void nc_ledger_pack(const struct nc_ledger *l, struct nc_buf *out);
/* Reads a message of n bytes (untrusted, without its length); 0, -EBADMSG, -ENOMEM. */
int nc_ledger_parse(struct nc_ledger *l, const uint8_t *p, size_t n);
/* The sums, each with its terms and its remainder, and the drops; with those of the collector or without. A new reference. */
json_t *nc_ledger_json(const struct nc_ledger *l, bool collector);
/* The sum of that name ("packets", "records", "collector", "delivery"): what is left over; 0 for one that there is not. */
int64_t nc_ledger_remainder(const struct nc_ledger *l, const char *sum);

#endif
