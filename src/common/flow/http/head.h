/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of an HTTP/1.x message: its fields, and what they say about the body (RFC 9112 sections 5 and 6). */
#ifndef NC_FLOW_HTTP_HEAD_H
#define NC_FLOW_HTTP_HEAD_H

#include "flow/http/pair.h"

#define NC_HTTP_HEAD_MAX 65536u /* bytes of start line and fields */

/* What follows a header. */
enum nc_http_body {
	NC_HTTP_EMPTY,
	NC_HTTP_SIZED,   /* Content-Length bytes */
	NC_HTTP_CHUNKED,
	NC_HTTP_CLOSE,   /* all until the connection closes */
	NC_HTTP_INTERIM, /* nothing; the response itself comes later */
	NC_HTTP_TUNNEL,  /* no HTTP any more; behind a request only if the response says so */
	NC_HTTP_FAULT    /* the header contradicts itself: sender and receiver may differ on what follows */
};

/* The header of one direction that is being read. */
struct nc_http_head {
	struct nc_http_message *message; /* NULL: no memory */
	bool open;                       /* its start line was seen, its end was not */
	bool response;
	uint8_t minor, kind;
	uint16_t status;
	bool sized, chunked, coded; /* Content-Length; Transfer-Encoding ends with chunked; has other codings */
	uint8_t field;              /* of the last line, for folded ones */
	uint32_t size;              /* bytes so far */
	uint64_t length;
	const char *fault;          /* static text */
};

/* Begins with a start line. */
void nc_http_head_start(struct nc_stream *s, struct nc_http_head *h, unsigned dir, const struct nc_http_start *start,
                        int64_t ts_ns);
/* Takes a line that is not empty. */
void nc_http_head_line(struct nc_stream *s, struct nc_http_head *h, struct nc_http_span line);
/* The header has ended, or what was seen of it: says what follows and sets the message's length. asked: the kind of the request
 * that a response answers. */
enum nc_http_body nc_http_head_end(struct nc_http_head *h, enum nc_http_kind asked);

#endif
