/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of conf/ share: values between their text and the settings struct, and the scan before the parser. */
#ifndef NC_CONF_PRIVATE_H
#define NC_CONF_PRIVATE_H

#include <libconfig.h>

#include "base/buf.h"
#include "conf/conf.h"

#define NC_CONF_ITEMS_MAX 1024 /* of one STRINGS option */

/* A value of one option, before it is stored. */
struct nc_conf_value {
	bool set;
	int64_t number; /* BOOL, INT, DURATION, ENUM */
	uint64_t size;
	char *string;
	struct nc_conf_list list;
};

void nc_conf_value_free(struct nc_conf_value *v);
/* From text as in a table's default. On failure (-EINVAL, -ENOMEM) `why` holds what is wrong with it. */
int nc_conf_value_text(const struct nc_conf_option *o, const char *text, struct nc_conf_value *v, struct nc_buf *why);
/* From a setting of a parsed file; the same. */
int nc_conf_value_setting(const struct nc_conf_option *o, const config_setting_t *s, struct nc_conf_value *v,
                          struct nc_buf *why);
/* Moves the value into the settings struct; what the member owned is freed. */
void nc_conf_value_store(const struct nc_conf_option *o, struct nc_conf_value *v, void *settings);

/* Forms that read back to the same value: 64M, 500ms. */
void nc_conf_text_size(struct nc_buf *out, uint64_t v);
void nc_conf_text_duration(struct nc_buf *out, int64_t ns);

/* Copies a configuration text so that libconfig reads no number wrongly (without an L it cuts numbers to 32 bits), and
 * finds what libconfig would let pass: include directives, NULs in strings, comments without an end, numbers beyond 64
 * bits. NULL when it is fine, otherwise what is wrong, and the line. */
const char *nc_conf_scan(const char *text, struct nc_buf *out, unsigned *line);

#endif
