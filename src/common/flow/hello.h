/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two hellos of TLS, from bytes to records (RFC 8446 section 4.1, RFC 5246 section 7.4.1 and appendix E.2). */
#ifndef NC_FLOW_HELLO_H
#define NC_FLOW_HELLO_H

#include "flow/stream.h"

#define NC_HELLO_MAX      32768u /* bytes of a hello; a larger one is not read */
#define NC_HELLO_NAMES    64u    /* ALPN names that are kept */
#define NC_HELLO_NAME_MAX 1024u  /* a server name beyond that is none (a DNS name has 253) */

/* What the reader of the stream must know about a hello beyond its record. */
struct nc_hello {
	bool early; /* client: early data follows at once (RFC 8446 section 4.2.10) */
	bool retry; /* server: HelloRetryRequest, another ClientHello follows */
};

/* Each fills m, zero but for its init, from the body of a message (what is behind type and length), which must live until m is
 * written; text and lists lie in the arena of s. Addresses, ports and what the record layer says are not touched.
 * False: the body contradicts the protocol, or the arena is full; m is then good for nothing. */
bool nc_hello_client(struct nc_stream *s, struct nc_rd body, Types__TLSClientHello *m, struct nc_hello *h);
bool nc_hello_server(struct nc_stream *s, struct nc_rd body, Types__TLSServerHello *m, struct nc_hello *h);
/* The same for a ClientHello in the form of SSL 2.0, behind the two bytes of length. Ja3 stays empty. */
bool nc_hello_v2(struct nc_stream *s, struct nc_rd body, Types__TLSClientHello *m);

#endif
