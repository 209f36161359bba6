/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a decoder is and what it may call. One decoder per file in decode/proto/; see CONTRIBUTING.md. */
#ifndef NC_DECODE_DECODE_H
#define NC_DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/rd.h"
#include "netcap.pb-c.h"

/* What became of a layer. */
enum nc_verdict {
	NC_NEXT,  /* decoded; go on with what nc_next named and what the reader still holds */
	NC_DONE,  /* decoded; nothing follows */
	NC_SHORT, /* bytes are missing: the packet was cut */
	NC_BAD,   /* contradicts the protocol; nc_bad gives the reason */
	NC_SKIP,  /* valid, not ours */
	NC_VERDICTS
};

/* Selector spaces: who decodes what follows. In the first group a selector without a decoder makes the packet unknown. */
enum nc_space {
	NC_DATALINK,  /* DLT_/LINKTYPE_ number */
	NC_ETHERTYPE,
	NC_IPPROTO,   /* IPv4 protocol and IPv6 next header */
	NC_LLCSAP,    /* destination SAP */
	NC_SNAPTYPE,  /* protocol id of a SNAP header whose OUI is not zero */
	NC_PPPTYPE,   /* PPP protocol field */
	NC_UDPPORT,   /* either port; an unclaimed one is application payload */
	NC_TCPPORT,
	NC_ICMPV6TYPE, /* an unclaimed type is fine: ICMPv6 itself has been recorded */
	NC_INNER,     /* between decoders of one family: EAPOL -> EAP, USB -> setup; keys of enum nc_inner */
	NC_SPACES
};

struct nc_packet;

struct nc_key {
	uint16_t space; /* enum nc_space, or NC_SPACES at the end of the list */
	uint16_t key;
};
#define NC_KEYS(...) ((const struct nc_key[]){ __VA_ARGS__, { NC_SPACES, 0 } })

/* How a payload behind ports that nobody claims proves what it is. The mark is a first look that must throw out nearly all: with
 * the first eight bytes as a number in network order, (bytes & mask) == value. Only then `holds` is asked, which must be certain.
 * The decoder then gets the payload as by a port, with the packet's ports for a selector. */
struct nc_proof {
	uint16_t space; /* NC_UDPPORT or NC_TCPPORT, or NC_SPACES at the end of the list */
	uint64_t mask, value;
	bool (*holds)(struct nc_packet *p, struct nc_rd r);
};
#define NC_PROOFS(...) ((const struct nc_proof[]){ __VA_ARGS__, { NC_SPACES, 0, 0, NULL } })

struct nc_decoder {
	const char *name; /* of the layer, as in the schema where there is a record: "ARP" */
	enum nc_verdict (*decode)(struct nc_packet *p, struct nc_rd *r);
	const ProtobufCMessageDescriptor *descriptor; /* of its main record; NULL: it writes none */
	const struct nc_key *keys;
	const struct nc_proof *proofs; /* NULL: selected by keys only */
	uint16_t
		order; /* of two decoders on one key the lower is asked first, the next when it answers NC_SKIP; equal: refused */
};

/* The decoders, generated from the folder (decoders.c). A decoder's index here names its counters. */
extern const struct nc_decoder *const nc_decoders[];
extern const size_t nc_decoders_count;
#define NC_DECODERS_MAX 192

/* Fragment of a datagram, for the reassembly hook. */
struct nc_fragment {
	uint8_t version; /* 4 or 6 */
	const uint8_t *src, *dst; /* 4 or 16 bytes each */
	uint32_t id;
	uint8_t proto;   /* protocol (IPv4) or next header of the fragment header (IPv6) */
	uint32_t offset; /* bytes */
	bool more;
	const uint8_t *data;
	size_t len;
};

/* A TCP segment, for the reassembly of streams. */
struct nc_segment {
	uint8_t version; /* of IP: 4 or 6 */
	const uint8_t *src, *dst; /* 4 or 16 bytes each */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;  /* the low eight of the header */
	const uint8_t *data;
	size_t len;
	size_t missing; /* bytes behind data that the packet had and the capture has not */
};

/* The outermost layer of each kind, for flows. Addresses lie in the packet. A name is NULL where there was no such layer. */
struct nc_outer {
	const char *link, *network, *transport; /* names of layers: "Ethernet", "IPv4", "TCP" */
	const uint8_t *link_src, *link_dst; /* 6 bytes each; NULL: the layer has no addresses */
	const uint8_t *net_src, *net_dst;   /* 4 or 16 bytes each, as net_size says */
	uint8_t net_size;
	uint16_t sport, dport;
	size_t app_size;  /* bytes of the transport's payload */
	unsigned app;     /* what the stream was recognised as: index in nc_stream_readers plus 1; 0: not known */
};

/* The packet as a decoder sees it. Everything a record points to lies in the packet's bytes or in its arena, both of which
 * live until the packet's records have been packed. */
struct nc_packet {
	int64_t ts_ns;     /* of the capture */
	char *ts;          /* the same in record form, for the Timestamp field */
	uint32_t datalink;
	bool payloads;     /* -payload: fill Payload fields */
	struct nc_arena *arena; /* capped; a failed allocation makes the packet BAD ("arena") by itself */
	/* the network layer around the current one, for those who need it (0: none) */
	uint8_t ip_version;
	const uint8_t *ip_src, *ip_dst;
	size_t ip_missing; /* bytes of its payload that the capture has not */
	Types__IPv6 *ipv6; /* record of an IPv6 header that says hop-by-hop options follow, until they have; NULL: not wanted */
	struct nc_outer outer;
	bool frame_cut; /* the 802.3 length is more than what was captured */
	/* set through the functions below; until then they hold the selector that led to the decoder that runs */
	uint16_t next_space, next_key, next_alt;
	bool has_alt;
	const char *reason; /* static text of NC_BAD */
	struct nc_engine *engine;
};

/* Emits a record: the struct (on the caller's stack, what it points to in arena or packet) is copied. Its Timestamp (first field)
 * is set to the packet's when it is empty. Nothing happens for types that are not wanted. */
void nc_emit(struct nc_packet *p, const ProtobufCMessage *m);
/* The same for a record with PayloadEntropy: `field` is the offset of that double in the struct, (data, n) the payload, which
 * must lie in the packet. It is filled in after the inner layers are done, in one pass over the bytes. Returns the copy, which
 * may be changed until the packet is done; NULL when the type is not wanted or memory is full. */
ProtobufCMessage *nc_emit_entropy(struct nc_packet *p, const ProtobufCMessage *m, size_t field, const uint8_t *data, size_t n);
/* Whether a record of this type is wanted at all (to skip costly work). */
bool nc_wanted(const struct nc_packet *p, const ProtobufCMessageDescriptor *d);

/* Names the next selector and returns NC_NEXT: return nc_next(p, NC_ETHERTYPE, type); The next layer gets what r still holds. */
static inline enum nc_verdict nc_next(struct nc_packet *p, enum nc_space space, uint16_t key)
{
	p->next_space = (uint16_t)space;
	p->next_key = key;
	p->has_alt = false;
	return NC_NEXT;
}
/* By ports: the destination's decoder, else the source's. */
static inline enum nc_verdict nc_next_ports(struct nc_packet *p, enum nc_space space, uint16_t dst, uint16_t src)
{
	p->next_space = (uint16_t)space;
	p->next_key = dst;
	p->next_alt = src;
	p->has_alt = true;
	return NC_NEXT;
}
/* A contradiction; reason is a short static text, counted and written to errors.log. */
static inline enum nc_verdict nc_bad(struct nc_packet *p, const char *reason)
{
	p->reason = reason;
	return NC_BAD;
}
/* Hands a fragment to the reassembly. True: *whole reads the reassembled payload (valid until the packet is done). */
bool nc_reassemble(struct nc_packet *p, const struct nc_fragment *f, struct nc_rd *whole);

/* Hands a segment to the reassembly of streams. Returns what the stream is, as nc_outer.app. */
unsigned nc_segment(struct nc_packet *p, const struct nc_segment *s);

/* A link layer was found; src and dst are 6 bytes each in the packet or its arena, or NULL: no pair of addresses, so it makes no
 * LinkFlow. The outermost one is kept. Its name stands in flow/ident.c. */
static inline void nc_saw_link(struct nc_packet *p, const char *name, const uint8_t *src, const uint8_t *dst)
{
	if (p->outer.link)
		return;
	p->outer.link = name;
	p->outer.link_src = src;
	p->outer.link_dst = dst;
}
/* The same for IPv4 and IPv6; size: 4 or 16. */
static inline void nc_saw_network(struct nc_packet *p, const char *name, const uint8_t *src, const uint8_t *dst, uint8_t size)
{
	if (p->outer.network)
		return;
	p->outer.network = name;
	p->outer.net_src = src;
	p->outer.net_dst = dst;
	p->outer.net_size = size;
}
/* The same for a transport with ports. True when it is the outermost one. */
static inline bool nc_saw_transport(struct nc_packet *p, const char *name, uint16_t src, uint16_t dst, size_t payload)
{
	if (p->outer.transport)
		return false;
	p->outer.transport = name;
	p->outer.sport = src;
	p->outer.dport = dst;
	p->outer.app_size = payload;
	return true;
}

/* Text in the arena; "" when it is full (the packet is then BAD). */
char *nc_p_mac(struct nc_packet *p, const uint8_t *mac);   /* 6 bytes */
char *nc_p_ipv4(struct nc_packet *p, const uint8_t *ip);   /* 4 bytes */
char *nc_p_ipv6(struct nc_packet *p, const uint8_t *ip);   /* 16 bytes */
char *nc_p_str(struct nc_packet *p, const uint8_t *s, size_t n); /* up to the first NUL; bytes that are not UTF-8 become U+FFFD */
/* bytes field over the packet's own memory (no copy) */
static inline ProtobufCBinaryData nc_p_bytes(const uint8_t *p, size_t n)
{
	return (ProtobufCBinaryData){ .len = p ? n : 0, .data = (uint8_t *)(uintptr_t)p };
}
/* n more slots for pointers to sub-messages in the arena: an array of n pointers; NULL when full */
void **nc_p_array(struct nc_packet *p, size_t n);
/* an uninitialised sub-message in the arena, or NULL:  Types__TCPOption *o = nc_p_alloc(p, sizeof(*o));
 * types__tcpoption__init(o); */
void *nc_p_alloc(struct nc_packet *p, size_t n);

#endif
