/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the TCP reassembly share: the table of connections, what waits for its turn, and the feeding of readers. */
#ifndef NC_FLOW_ASSEMBLY_H
#define NC_FLOW_ASSEMBLY_H

#include "base/siphash.h"
#include "flow/pool.h"
#include "flow/tcp.h"

#define NC_CONN_SLOTS 1024u    /* of the wheel of times: 4.3 s each */
#define NC_TCP_FAR    (1 << 30) /* the largest window (RFC 7323 section 2.2) */

/* Of a direction. */
enum {
	NC_DIR_SYN = 1,    /* its SYN was seen */
	NC_DIR_SYNCED = 2, /* next is known */
	NC_DIR_ACKED = 4,  /* acked is known */
	NC_DIR_FIN = 8,    /* fin is known */
	NC_DIR_DONE = 16,  /* nobody wants its bytes */
};

struct nc_conn_dir {
	uint32_t next;   /* sequence number that is expected next */
	uint32_t begin;  /* that of the first byte, behind the SYN; later: of the first one that may be another reader's */
	uint32_t acked;  /* the other side has all before this */
	uint32_t fin;    /* where the FIN stands */
	uint8_t flags, tries;
};

/* Of a connection. */
enum {
	NC_CONN_OPENED = 1, /* a SYN was seen */
	NC_CONN_DATA = 2,   /* it carried data */
	NC_CONN_LIVE = 4,   /* counted as live */
	NC_CONN_CLOSED = 8, /* over; it is kept for what comes late */
};

/* Which of the two lists a connection is in: quiet ones have carried no data, holders have a feed. */
enum nc_conn_list { NC_LIST_NONE, NC_LIST_QUIET, NC_LIST_HOLDERS, NC_LISTS };

/* One connection in 128 bytes. Indices count from 1; 0 is none. Sides are those of the key: the lower address and port first;
 * direction d starts at side first ^ d. */
struct nc_conn {
	uint32_t chain;        /* hash table */
	uint32_t older, newer; /* slot of the wheel */
	uint32_t prev, next;   /* list */
	uint32_t tunnel;       /* 0: not inside of one; else a hash of the outer address pair */
	uint8_t ip[2][16];
	uint16_t port[2];
	uint8_t version, first, app, flags;
	int64_t last_ns;
	int32_t tick;          /* of the slot it stands in; not later than last_ns */
	uint8_t list, hands;   /* hands: how often readers changed */
	struct nc_conn_dir dir[2];
	struct nc_feed *feed;
};

struct nc_conn_key {
	uint8_t ip[2][16];
	uint16_t port[2];
	uint32_t tunnel;
	uint8_t version;
};

/* Bytes behind a hole, or (p == NULL) bytes that are known to be missing there. */
struct nc_island {
	uint32_t seq, len;
	uint8_t *p; /* block of the pool */
	int64_t ts_ns;
};

/* The byte at this count of a direction came at that time. */
struct nc_mark {
	uint32_t at;
	int64_t ts_ns;
};

/* In order, not consumed yet. */
struct nc_pend {
	uint8_t *p;            /* block of the pool */
	uint32_t start, len;   /* what of it waits */
	uint32_t origin;       /* counts the bytes that were consumed */
	struct nc_mark *marks; /* block of the pool; ascending, the first one is of the first byte */
	uint32_t mark_first, mark_count;
};

struct nc_feed_dir {
	struct nc_pend pend;
	size_t want;
	uint64_t skip;
	uint32_t candidates; /* readers that asked for more bytes */
	uint32_t waiting;    /* bytes in islands */
	struct nc_island *islands; /* block of the pool; ascending, never overlapping, all behind next */
	uint32_t island_count;
};

/* What a connection has when bytes of it wait or a reader is at work. */
struct nc_feed {
	struct nc_stream s; /* first: readers hand it back */
	struct nc_tcp *t;
	struct nc_conn *c;
	const struct nc_stream_reader *reader;
	bool stop, again; /* asked for by the reader during a call */
	struct nc_feed_dir dir[2];
};

struct nc_conn_ends {
	uint32_t head, tail, count;
};

struct nc_tcp {
	struct nc_tcp_counters *counters;
	int64_t timeout_ns;
	struct nc_sink sink;
	void (*bad)(void *user, const char *reader, const char *reason);
	void *bad_user;
	uint8_t seed[NC_SIPHASH_KEY];
	const struct nc_stream_reader *const *readers;
	unsigned reader_count;
	uint32_t readers_wanted; /* those that write, or lead to, something that is wanted */
	bool wanted[NC_TYPES_MAX];
	unsigned stamps[NC_TYPES_MAX]; /* offset of the Timestamp; 0: none */
	/* table */
	struct nc_conn *conns; /* [0] is not used */
	uint32_t conn_max, conn_fresh, conn_free;
	uint32_t quiet_max;
	uint32_t *buckets, bucket_mask;
	uint32_t slots[NC_CONN_SLOTS];
	int64_t swept; /* no connection has a lower tick */
	int64_t swept_ns;
	struct nc_conn_ends lists[NC_LISTS];
	/* memory */
	struct nc_pool pool;
	size_t reserve;
	struct nc_arena arena;
	/* of the call in progress */
	const struct nc_packet *packet; /* NULL outside of one */
	unsigned dir;
	int64_t now_ns;
	bool evicting; /* a stream goes for want of memory: no other may, meanwhile */
};

/* tcp.c: what waits is handed out, with gaps, and the reader ends. The connection stays in the table. */
void nc_tcp_finish(struct nc_tcp *t, struct nc_conn *c);

/* conn.c */
struct nc_conn *nc_conn_find(struct nc_tcp *t, const struct nc_conn_key *k, uint32_t *bucket);
/* A new one in that bucket; makes room where there is none. */
struct nc_conn *nc_conn_new(struct nc_tcp *t, const struct nc_conn_key *k, uint32_t bucket);
/* Ends it and takes it out of the table. */
void nc_conn_drop(struct nc_tcp *t, struct nc_conn *c);
/* Puts it at the young end of a list. */
void nc_conn_enlist(struct nc_tcp *t, struct nc_conn *c, enum nc_conn_list list);
bool nc_conn_expired(const struct nc_tcp *t, const struct nc_conn *c, int64_t now_ns);

/* memory.c: blocks of the pool; when it is used up the streams that have held some for longest go, but not `keep`. */
void *nc_tcp_alloc(struct nc_tcp *t, const struct nc_conn *keep, size_t n);
/* Lets holders go until there is some reserve for what readers allocate by themselves. */
void nc_tcp_reserve(struct nc_tcp *t, const struct nc_conn *keep);

/* order.c */
/* n bytes (p == NULL: missing ones) at sequence number seq. */
void nc_order_take(struct nc_tcp *t, struct nc_conn *c, unsigned d, uint32_t seq, const uint8_t *p, size_t n);
/* The other side has acknowledged all before c->dir[d].acked: holes before it are given up when something came behind them. */
void nc_order_settle(struct nc_tcp *t, struct nc_conn *c, unsigned d);
/* Hands out all that waits, with gaps. */
void nc_order_flush(struct nc_tcp *t, struct nc_conn *c, unsigned d);
void nc_order_free(struct nc_tcp *t, struct nc_feed_dir *x);

/* feed.c */
/* The feed of a connection, made when there is none; NULL without memory. */
struct nc_feed *nc_feed_of(struct nc_tcp *t, struct nc_conn *c);
/* The next n bytes in order; they count as passed before the call. */
void nc_feed_bytes(struct nc_tcp *t, struct nc_conn *c, unsigned d, const uint8_t *p, size_t n, int64_t ts_ns);
/* n bytes are missing. */
void nc_feed_gap(struct nc_tcp *t, struct nc_conn *c, unsigned d, uint32_t n);
/* Ends the reader and frees all; nobody wants any more bytes. */
void nc_feed_end(struct nc_tcp *t, struct nc_conn *c);

/* pend.c */
bool nc_pend_add(struct nc_tcp *t, const struct nc_conn *keep, struct nc_pend *q, const uint8_t *p, size_t n, int64_t ts_ns);
void nc_pend_consume(struct nc_tcp *t, struct nc_pend *q, size_t n);
void nc_pend_free(struct nc_tcp *t, struct nc_pend *q);
static inline int64_t nc_pend_time(const struct nc_pend *q)
{
	return q->marks[q->mark_first].ts_ns;
}

/* Signed distance between two sequence numbers (RFC 9293 section 3.4). */
static inline int32_t nc_seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

#endif
