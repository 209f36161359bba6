/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of the daemons, each with its id in the journal; what they mean stands in message.inc. */
#ifndef NC_BASE_MESSAGE_H
#define NC_BASE_MESSAGE_H

#include <stddef.h>

#define NC_MESSAGE_ID 32 /* hexadecimal digits */

enum nc_message {
#define NC_MESSAGE(name, id, program, level, subject, text) NC_SAY_##name,
#include "base/message.inc"
#undef NC_MESSAGE
	NC_SAY_COUNT
};

/* What a message is about: the journal's fields of the same names in capitals. NULL or "": no such field. The texts come
 * escaped (nc_text_escape) when they are from outside, and are cut to 255 bytes. */
struct nc_about {
	const char *sensor;
	const char *interface;
	const char *record_type;
	const char *reason;
	const char *address;     /* of the other side */
	const char *fingerprint; /* of a public key */
	const char *packet_sha256;
	unsigned hidden; /* how many like it were not shown since the last one (nc_log_allow); the message says so if any were */
};

/* One message, at the level that message.inc gives it; about may be NULL. In the journal it has MESSAGE_ID and the fields of
 * about, elsewhere it is a plain line. */
void nc_say(enum nc_message m, const struct nc_about *about, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* For tests: a message's name, id and syslog level. */
const char *nc_message_name(enum nc_message m);
const char *nc_message_id(enum nc_message m);
int nc_message_level(enum nc_message m);

#endif
