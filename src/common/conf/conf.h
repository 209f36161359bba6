/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typed option tables over libconfig: reading, checking, dumping, and sample files all come from one table. */
#ifndef NC_CONF_CONF_H
#define NC_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum nc_conf_kind {
	NC_CONF_BOOL,     /* bool */
	NC_CONF_INT,      /* int64_t, within min..max */
	NC_CONF_SIZE,     /* uint64_t bytes: 64, "64M"; within min..max */
	NC_CONF_DURATION, /* int64_t nanoseconds: 1, "500ms", "30s"; within min..max */
	NC_CONF_STRING,   /* char *, never NULL, owned by the settings struct */
	NC_CONF_ENUM,     /* int: index into the NULL-ended `words` */
	NC_CONF_STRINGS,  /* struct nc_conf_list; a libconfig list or array of strings, or one string */
};

struct nc_conf_list {
	char **items;
	size_t count;
};

/* One option. `key` may be dotted ("log.level" is option level in group log). `dflt` is the default as it stands in a
 * file ("64M", "true", "eth0", for STRINGS a comma separated list, "" for none). */
struct nc_conf_option {
	const char *key;
	enum nc_conf_kind kind;
	size_t offset; /* of the member in the settings struct */
	const char *dflt;
	int64_t min, max; /* INT, SIZE, DURATION(ns); 0,0: unchecked */
	const char *const *words;
	/* What goes beyond its kind: of a STRING the text, of STRINGS the struct nc_conf_list. 0, or negative errno with what is
	 * wrong in `why`, which is said with file and line; NULL: nothing. Defaults are not looked at. */
	int (*check)(const void *value, struct nc_buf *why);
	bool restart;     /* a change takes a restart, not a reload */
	const char *help; /* one or two sentences for the sample file and the manual */
};

/* Sets every member of `settings` to its default. Aborts when a default of the table does not parse (a bug). */
void nc_conf_defaults(const struct nc_conf_option *table, size_t n, void *settings);
/* Reads file `path` into settings, which hold the defaults. On failure settings are untouched and err holds one line
 * "file:line: text", with the nearest known name for an unknown key. 0, -ENOENT, -EINVAL, -EIO, -ENOMEM. Files above
 * 1 MiB and include directives are refused. */
int nc_conf_read(const struct nc_conf_option *table, size_t n, void *settings, const char *path, struct nc_buf *err);
/* The same from memory (fuzzing, tests); name stands for the file in messages. */
int nc_conf_parse(const struct nc_conf_option *table, size_t n, void *settings, const char *name, const char *text,
                  struct nc_buf *err);
/* Writes every option with its current value in the file's syntax, help as comment above when comments is set.
 * With defaults it is the sample file. */
void nc_conf_dump(const struct nc_conf_option *table, size_t n, const void *settings, bool comments, struct nc_buf *out);
/* What is in effect, without comments: of options that take a restart the values of `started`, of the others those of `now`. */
void nc_conf_dump_in_effect(const struct nc_conf_option *table, size_t n, const void *started, const void *now,
                            struct nc_buf *out);
/* Frees what the members own. */
void nc_conf_free(const struct nc_conf_option *table, size_t n, void *settings);
/* Appends the keys whose `restart` is set and that differ between a and b, comma separated, to out. */
void nc_conf_restart_needed(const struct nc_conf_option *table, size_t n, const void *a, const void *b, struct nc_buf *out);

#endif
