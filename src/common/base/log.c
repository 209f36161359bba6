/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logging of programs: journal fields when standard error is the journal, plain lines otherwise. */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define MESSAGE_MAX 4096
#define FIELDS_MAX  32

/* The exception to "no state in files": messages come from everywhere, and a process has one standard error. */
static struct {
	const char *program;
	int max;
	bool journal;
} log_state = { .program = "netcap", .max = LOG_INFO };

/* systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream, in decimal, with a colon between. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[48];

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

void nc_log_open(const char *program)
{
	log_state.program = program;
	log_state.journal = stderr_is_journal();
}

bool nc_log_is_journal(void)
{
	return log_state.journal;
}

void nc_log_level(int max)
{
	log_state.max = max;
}

static const struct {
	const char *name;
	int level;
} level_words[] = {
	{ "err", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE }, { "info", LOG_INFO }, { "debug", LOG_DEBUG },
};

#define LEVELS (sizeof(level_words) / sizeof(level_words[0]))

int nc_log_level_parse(const char *name)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (strcmp(name, level_words[i].name) == 0)
			return level_words[i].level;
	return -EINVAL;
}

const char *nc_log_level_name(void)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (level_words[i].level == log_state.max)
			return level_words[i].name;
	return "info";
}

static struct iovec piece(const char *s)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)s, .iov_len = strlen(s) };
}

static bool to_journal(int level, const char *const *fields, const char *message)
{
	char priority[32], text[MESSAGE_MAX + 16], ident[256];
	struct iovec v[FIELDS_MAX + 3];
	int n = 0;

	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	snprintf(text, sizeof(text), "MESSAGE=%s", message);
	snprintf(ident, sizeof(ident), "SYSLOG_IDENTIFIER=%s", log_state.program);
	v[n++] = piece(text);
	v[n++] = piece(priority);
	v[n++] = piece(ident);
	for (size_t i = 0; fields && fields[i] && i < FIELDS_MAX; i++)
		v[n++] = piece(fields[i]);
	return sd_journal_sendv(v, n) >= 0;
}

/* One writev, so that lines of several processes do not mix. */
static void to_stderr(int level, const char *message)
{
	const char *prefix = level <= LOG_ERR ? "error: " : level == LOG_WARNING ? "warning: " : "";
	struct iovec v[] = { piece(log_state.program), piece(": "), piece(prefix), piece(message), piece("\n") };

	while (writev(STDERR_FILENO, v, sizeof(v) / sizeof(v[0])) < 0 && errno == EINTR)
		;
}

void nc_log_fieldsv(int level, const char *const *fields, const char *fmt, va_list ap)
{
	char message[MESSAGE_MAX];
	int saved = errno;

	if (level > log_state.max)
		return;
	int n = vsnprintf(message, sizeof(message), fmt, ap);
	if (n >= (int)sizeof(message))
		memcpy(message + sizeof(message) - 4, "...", 4);
	if (n >= 0 && (!log_state.journal || !to_journal(level, fields, message)))
		to_stderr(level, message);
	errno = saved;
}

void nc_log(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	nc_log_fieldsv(level, NULL, fmt, ap);
	va_end(ap);
}

void nc_log_fields(int level, const char *const *fields, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	nc_log_fieldsv(level, fields, fmt, ap);
	va_end(ap);
}

bool nc_log_allow(struct nc_log_limit *l, unsigned burst, int64_t interval, int64_t now, unsigned *suppressed)
{
	*suppressed = 0;
	if (l->since == 0 || now < l->since || now - l->since >= interval) {
		l->since = now ? now : 1;
		l->count = 0;
	}
	if (l->count >= burst) {
		l->suppressed++;
		return false;
	}
	l->count++;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}
