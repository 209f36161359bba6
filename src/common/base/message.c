/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of the daemons, each with its id in the journal; what they mean stands in message.inc. */
#include "config.h"

#include "base/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

#define FIELD_MAX 288
#define TEXT_MAX  2048

static const struct {
	const char *name, *id;
	int level;
} messages[] = {
#define NC_MESSAGE(name, id, program, level, subject, text) { #name, id, level },
#include "base/message.inc"
#undef NC_MESSAGE
};

static const struct {
	const char *name;
	size_t offset;
} members[] = {
	{ "SENSOR", offsetof(struct nc_about, sensor) },
	{ "INTERFACE", offsetof(struct nc_about, interface) },
	{ "RECORD_TYPE", offsetof(struct nc_about, record_type) },
	{ "REASON", offsetof(struct nc_about, reason) },
	{ "ADDRESS", offsetof(struct nc_about, address) },
	{ "FINGERPRINT", offsetof(struct nc_about, fingerprint) },
	{ "PACKET_SHA256", offsetof(struct nc_about, packet_sha256) },
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

const char *nc_message_name(enum nc_message m)
{
	return messages[m].name;
}

const char *nc_message_id(enum nc_message m)
{
	return messages[m].id;
}

int nc_message_level(enum nc_message m)
{
	return messages[m].level;
}

__attribute__((format(printf, 4, 0)))
static void write_out(int level, const char *const *fields, unsigned hidden, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	if (hidden == 0) {
		nc_log_fieldsv(level, fields, fmt, ap);
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	nc_log_fields(level, fields, "%s (%u like it not shown)", text, hidden);
}

void nc_say(enum nc_message m, const struct nc_about *about, const char *fmt, ...)
{
	char text[MEMBERS + 1][FIELD_MAX];
	const char *fields[MEMBERS + 2];
	size_t n = 0;
	va_list ap;

	snprintf(text[n], FIELD_MAX, "MESSAGE_ID=%s", messages[m].id);
	fields[n] = text[n];
	n++;
	for (size_t i = 0; about && i < MEMBERS; i++) {
		const char *value = *(const char *const *)((const char *)about + members[i].offset);
		if (!value || !*value)
			continue;
		snprintf(text[n], FIELD_MAX, "%s=%.255s", members[i].name, value);
		fields[n] = text[n];
		n++;
	}
	fields[n] = NULL;
	va_start(ap, fmt);
	write_out(messages[m].level, fields, about ? about->hidden : 0, fmt, ap);
	va_end(ap);
}
