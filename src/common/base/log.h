/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logging of programs: journal fields when standard error is the journal, plain lines otherwise. */
#ifndef NC_BASE_LOG_H
#define NC_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* Sets the program's name for plain lines and finds out whether standard error is the journal
 * ($JOURNAL_STREAM names its device and inode, systemd.exec(5)). Called once by main(). */
void nc_log_open(const char *program);
/* What it found out. */
bool nc_log_is_journal(void);
/* Messages of a syslog level above max are dropped; default LOG_INFO. */
void nc_log_level(int max);
/* The level of "err", "warning", "notice", "info", "debug"; -EINVAL for other words. */
int nc_log_level_parse(const char *name);
/* The level that is set, as such a word. */
const char *nc_log_level_name(void);

/* One message. Text from outside must be escaped (nc_text_escape) before. */
void nc_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One message with journal fields: pairs "NAME=value", ended by NULL, shown only by the journal. */
void nc_log_fields(int level, const char *const *fields, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void nc_log_fieldsv(int level, const char *const *fields, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

#define nc_err(...)    nc_log(LOG_ERR, __VA_ARGS__)
#define nc_warn(...)   nc_log(LOG_WARNING, __VA_ARGS__)
#define nc_notice(...) nc_log(LOG_NOTICE, __VA_ARGS__)
#define nc_info(...)   nc_log(LOG_INFO, __VA_ARGS__)
#define nc_debug(...)  nc_log(LOG_DEBUG, __VA_ARGS__)

/* A rate limit for messages that a peer can cause: at most `burst` per `interval` nanoseconds. Zero-initialised
 * state; true when the message may be written, and then *suppressed is how many were not since the last one. */
struct nc_log_limit {
	int64_t since;
	unsigned count;
	unsigned suppressed;
};
bool nc_log_allow(struct nc_log_limit *l, unsigned burst, int64_t interval, int64_t now, unsigned *suppressed);

#endif
