/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of HTTP/1.x: where they end, and what a start line says (RFC 9112 sections 2 to 4). */
#ifndef NC_FLOW_HTTP_LINE_H
#define NC_FLOW_HTTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "flow/stream.h"

#define NC_HTTP_METHOD_MAX 32u /* bytes; the longest registered one has 17 */

/* Bytes that somebody else owns. */
struct nc_http_span {
	const uint8_t *p;
	size_t n;
};

enum nc_http_kind { NC_HTTP_OTHER, NC_HTTP_HEAD, NC_HTTP_CONNECT };

/* A start line; the spans lie in it. */
struct nc_http_start {
	bool response;
	uint8_t minor;          /* of the version: HTTP/1.minor */
	uint16_t status;        /* of a response */
	enum nc_http_kind kind; /* of a request */
	struct nc_http_span method, target, version;
};

/* Whether n bytes can begin a message, by the first of them: NO, or MORE when only the whole line can tell. Looks at no more than
 * NC_HTTP_METHOD_MAX + 2 bytes. */
enum nc_guess nc_http_begins(const uint8_t *p, size_t n);
/* Reads a start line without its end into *ret; false when it is none of HTTP/1.x. A target may hold spaces, which RFC 9112
 * section 3.2 forbids and attackers send. */
bool nc_http_start_line(struct nc_http_span line, struct nc_http_start *ret);
/* The next line of r without CR and LF (or a bare LF, section 2.2), consumed; false, and nothing consumed, when none ends. The
 * first *scanned bytes are known to hold no LF; it is kept up to date. */
bool nc_http_line(struct nc_rd *r, size_t *scanned, struct nc_http_span *ret);
/* Without spaces and tabs at both ends. */
struct nc_http_span nc_http_trim(struct nc_http_span s);
/* What stands before the first c, and what behind it in *rest (nothing when there is no c). */
struct nc_http_span nc_http_cut(struct nc_http_span s, char c, struct nc_http_span *rest);
/* Equal but for the case of ASCII letters; lower is in lower case. */
bool nc_http_same(struct nc_http_span s, const char *lower);
/* At least one byte, and all of them of a token (RFC 9110 section 5.6.2). */
bool nc_http_token(struct nc_http_span s);
/* The host and port of a target in absolute form or, for CONNECT, in authority form (RFC 9112 section 3.2), without user; empty
 * when there is none. */
struct nc_http_span nc_http_authority(const struct nc_http_start *start);

#endif
