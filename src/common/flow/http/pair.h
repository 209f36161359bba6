/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and responses of one connection: what is kept of each, which belong together, and the records of them. */
#ifndef NC_FLOW_HTTP_PAIR_H
#define NC_FLOW_HTTP_PAIR_H

#include "flow/http/line.h"

#define NC_HTTP_PENDING_MAX  64u            /* messages that wait for their other half */
#define NC_HTTP_WAITING_MAX  (256u * 1024u) /* bytes of text in them */
#define NC_HTTP_COOKIES_MAX  512u           /* of one record */
#define NC_HTTP_LENGTH_UNSAID (-1)          /* chunked, or until the connection closes; what 2019 writes */

/* What a message's text is made of. */
enum nc_http_part {
	NC_HTTP_NONE,
	NC_HTTP_METHOD,
	NC_HTTP_URL,
	NC_HTTP_VERSION,
	NC_HTTP_HOST,
	NC_HTTP_AGENT,
	NC_HTTP_REFERER,
	NC_HTTP_COOKIE,
	NC_HTTP_TYPE,
	NC_HTTP_PARTS
};

/* What is kept of a message. Its text is a row of parts: kind (1 byte), length (4, little endian), bytes. */
struct nc_http_message {
	struct nc_http_message *next;
	int64_t ts_ns;   /* of its first byte */
	int32_t length;  /* of the body, or NC_HTTP_LENGTH_UNSAID */
	uint16_t status; /* of a response */
	uint8_t dir;     /* the direction it went */
	bool response;
	uint8_t kind;    /* enum nc_http_kind */
	uint32_t used, size, last; /* bytes of text, room for it, where the last part begins */
	uint8_t text[];
};

/* The pairing of a stream; zero at first. */
struct nc_http_pairs {
	struct nc_http_message *first; /* in the order they came */
	unsigned count;
	size_t bytes;
	unsigned owed[2]; /* responses in this direction whose requests went out without them */
	bool missed[2];   /* messages of this direction may never have been seen */
	bool jumped[2];   /* so it was right before the next message of this direction */
	bool pipelined;   /* a request was sent while another waited */
};

/* A message that begins with this start line, its parts kept; NULL when memory is used up. */
struct nc_http_message *nc_http_message_new(struct nc_stream *s, unsigned dir, const struct nc_http_start *start, int64_t ts_ns);
/* Appends a part, or with more set bytes to the last part behind a space; without memory nothing. */
void nc_http_message_add(struct nc_stream *s, struct nc_http_message **m, enum nc_http_part part, struct nc_http_span text,
                         bool more);
/* What the response that comes next in direction dir, first seen at ts_ns, answers; NULL when nobody knows. Requests that can
 * have no answer any more are written out. */
const struct nc_http_message *nc_http_pairs_asked(struct nc_stream *s, struct nc_http_pairs *q, unsigned dir, int64_t ts_ns);
/* Takes over a message. A pair becomes a record; what has to wait is kept. Returns false for a
 * response that answers nothing, which is dropped. */
bool nc_http_pairs_add(struct nc_stream *s, struct nc_http_pairs *q, struct nc_http_message *m);
/* Messages of direction dir were lost here. */
void nc_http_pairs_jump(struct nc_http_pairs *q, unsigned dir);
/* Writes the requests that are left, with StatusCode 0, and frees all. */
void nc_http_pairs_end(struct nc_stream *s, struct nc_http_pairs *q);

#endif
