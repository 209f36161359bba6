/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the flow table, shared by flows.c, entry.c, part.c and walk.c only. */
#ifndef NC_FLOW_FLOWTABLE_H
#define NC_FLOW_FLOWTABLE_H

#include <stdatomic.h>
#include <string.h>

#include "base/siphash.h"
#include "flow/flows.h"
#include "flow/ident.h"

#define NC_FLOW_NO        UINT32_MAX
#define NC_FLOW_PER       3u     /* entries that a packet may need, and parts */
#define NC_FLOW_PARTS     16384u /* that wait */
#define NC_FLOW_PART_MASK (2 * NC_FLOW_PARTS - 1)

/* A flow of kind _FLOW, _CONNECTION or _NETWORK; 64 bytes, one line of the cache. IPv6 addresses lie beside, at the same index.
 * The indices of others are hints: what they name is compared before it is used. */
struct nc_flow_entry {
	int64_t first_ns, last_ns;
	union {
		struct {
			uint32_t packets, bytes, app_bytes; /* the record's fields have 31 bits */
			uint32_t near;                      /* _FLOW: its connection; _CONNECTION: the part of its LinkFlow */
		};
		struct {
			uint64_t packets, bytes;
		} wide; /* _NETWORK */
	};
	uint8_t kind, link, app;
	uint8_t v6 : 1, mac : 1, transport : 4; /* enum nc_endpoint */
	uint16_t sport, dport;
	uint8_t src_mac[6], dst_mac[6];
	uint8_t ip[8];
	uint32_t next; /* _FLOW: its NetworkFlow; _CONNECTION: the part of its TransportFlow; free: the next free one */
};
_Static_assert(sizeof(struct nc_flow_entry) == 64, "an entry fills a line of the cache");

struct nc_flows_pending {
	uint64_t seq;
	uint32_t count, parts;
	uint32_t from; /* where the walk stood before */
	uint32_t index[NC_FLOW_BATCH];
};

/* What a packet cut, as it was before, in case that its worker dies with it. */
struct nc_flows_undo {
	uint64_t seq;
	uint32_t count;
	uint32_t index[NC_FLOW_PER];
	struct nc_flow_entry entries[NC_FLOW_PER];
	uint8_t addresses[NC_FLOW_PER][32];
};

/* The tables stand at offsets from this struct. */
struct nc_flows {
	uint8_t seed[NC_SIPHASH_KEY];
	struct nc_flow_options o;
	struct nc_flow_counters *counters;
	atomic_bool busy; /* still set on entry: a process died in here */
	size_t slots_at, hints_at, entries_at, addresses_at, parts_at, part_slots_at;
	uint32_t slot_mask;
	uint32_t used, free, free_count; /* entries below `used` have been in use; free ones are linked */
	bool torn;               /* slots name entries that are gone */
	uint32_t part_count, part_taken;
	struct {
		enum nc_flows_way way;
		bool on;
		uint32_t at, quota;
		int64_t now, threshold;
	} walk;
	struct nc_flows_pending pending;
	struct nc_flows_undo undo;
	struct nc_flows_place place;
};

/* A packet as the table sees it. */
struct nc_flow_seen {
	const struct nc_flow_packet *p;
	const struct nc_outer *o;
	uint8_t kind_of_link, transport; /* numbers of flow/ident.h */
	bool v6, mac;
};

static inline void *nc_flows_at(const struct nc_flows *f, size_t offset)
{
	return (uint8_t *)(uintptr_t)f + offset;
}
static inline struct nc_flow_entry *nc_flow_entry(const struct nc_flows *f, uint32_t i)
{
	return (struct nc_flow_entry *)nc_flows_at(f, f->entries_at) + i;
}
/* Source and destination of entry i, 4 or 16 bytes each. */
static inline uint8_t *nc_flow_ip(const struct nc_flows *f, uint32_t i)
{
	struct nc_flow_entry *e = nc_flow_entry(f, i);

	return e->v6 ? (uint8_t *)nc_flows_at(f, f->addresses_at) + (size_t)i * 32 : e->ip;
}
static inline size_t nc_flow_ip_size(const struct nc_flow_entry *e)
{
	return e->v6 ? 16 : 4;
}

/* entry.c: the bytes of times and numbers in an entry. */
/* Whether the packet can't belong to the entry's record any more: too far from it in time, or it has no room. */
bool nc_flow_over(const struct nc_flows *f, const struct nc_flow_entry *e, const struct nc_flow_packet *p);
/* Whether the entry is idle or active for too long at the time now. */
bool nc_flow_ended(const struct nc_flows *f, const struct nc_flow_entry *e, int64_t now);
/* A new record in entry i, of a kind, with its first packet; and one packet more. */
void nc_flow_start(struct nc_flows *f, uint32_t i, uint8_t kind, const struct nc_flow_seen *s);
void nc_flow_add(struct nc_flows *f, uint32_t i, const struct nc_flow_seen *s);
/* The hashes of a connection's endpoints, 0 for a missing one. */
void nc_flow_hashes(const struct nc_flows *f, uint32_t i, uint64_t ret[static 3]);
/* Writes entry i as a record, if its kind is wanted. */
void nc_flow_write(const struct nc_flows *f, uint32_t i, const struct nc_sink *sink);

/* flows.c */
void nc_flows_remove(struct nc_flows *f, uint32_t i);

/* window.c: parts. hint: the index of the part when the flow was seen last, or NULL. */
void nc_flow_part_add(struct nc_flows *f, const struct nc_flow_seen *s, uint8_t kind, uint32_t *hint);
void nc_flow_parts_drop(struct nc_flows *f, uint32_t taken);
void nc_flow_parts_rebuild(struct nc_flows *f);

/* Whether b is more than limit ns behind a; 0: never. */
static inline bool nc_flow_apart(int64_t a, int64_t b, int64_t limit)
{
	int64_t gap;

	if (limit == 0 || b <= a)
		return false;
	return __builtin_sub_overflow(b, a, &gap) || gap > limit;
}

#endif
