/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of options: from text, from libconfig settings, into the settings struct. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "conf/private.h"

static const char *const kind_names[] = {
	[NC_CONF_BOOL] = "true or false",
	[NC_CONF_INT] = "a whole number",
	[NC_CONF_SIZE] = "a size such as 4096, \"64K\", \"64M\" or \"1G\"",
	[NC_CONF_DURATION] = "a duration such as 1, \"500ms\", \"30s\", \"5m\", \"2h\" or \"1d\"",
	[NC_CONF_STRING] = "a string",
	[NC_CONF_ENUM] = "a word",
	[NC_CONF_STRINGS] = "a list of strings",
};

static void free_list(struct nc_conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct nc_conf_list){ 0 };
}

void nc_conf_value_free(struct nc_conf_value *v)
{
	free(v->string);
	free_list(&v->list);
	*v = (struct nc_conf_value){ 0 };
}

static int out_of_memory(struct nc_buf *why)
{
	nc_buf_str(why, "out of memory");
	return -ENOMEM;
}

void nc_conf_text_size(struct nc_buf *out, uint64_t v)
{
	static const char units[] = { 'G', 'M', 'K' };

	for (unsigned i = 0; i < sizeof(units); i++) {
		uint64_t unit = UINT64_C(1) << (10 * (3 - i));
		if (v && v % unit == 0) {
			nc_buf_printf(out, "%" PRIu64 "%c", v / unit, units[i]);
			return;
		}
	}
	nc_buf_printf(out, "%" PRIu64, v);
}

void nc_conf_text_duration(struct nc_buf *out, int64_t ns)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {
		{ 86400 * NC_NS_PER_S, "d" },
		{ 3600 * NC_NS_PER_S, "h" },
		{ 60 * NC_NS_PER_S, "m" },
		{ NC_NS_PER_S, "s" },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns && ns % units[i].ns == 0) {
			nc_buf_printf(out, "%" PRId64 "%s", ns / units[i].ns, units[i].name);
			return;
		}
	}
	nc_buf_printf(out, "%" PRId64 "ms", ns / (NC_NS_PER_S / 1000));
}

static void limit_text(const struct nc_conf_option *o, int64_t v, struct nc_buf *out)
{
	if (o->kind == NC_CONF_SIZE)
		nc_conf_text_size(out, (uint64_t)v);
	else if (o->kind == NC_CONF_DURATION)
		nc_conf_text_duration(out, v);
	else
		nc_buf_printf(out, "%" PRId64, v);
}

static int check_range(const struct nc_conf_option *o, const struct nc_conf_value *v, const char *shown, struct nc_buf *why)
{
	bool in = o->kind == NC_CONF_SIZE ? v->size >= (uint64_t)o->min && v->size <= (uint64_t)o->max
	                                  : v->number >= o->min && v->number <= o->max;

	if ((o->min == 0 && o->max == 0) || in)
		return 0;
	nc_buf_printf(why, "%s is out of range: must be from ", shown);
	limit_text(o, o->min, why);
	nc_buf_str(why, " to ");
	limit_text(o, o->max, why);
	return -EINVAL;
}

static int wrong_kind(const struct nc_conf_option *o, const char *shown, struct nc_buf *why)
{
	nc_buf_printf(why, "%s is not %s", shown, kind_names[o->kind]);
	return -EINVAL;
}

static int find_word(const struct nc_conf_option *o, const char *text, struct nc_conf_value *v, const char *shown,
                     struct nc_buf *why)
{
	size_t n = 0;

	for (; o->words[n]; n++) {
		if (strcmp(o->words[n], text) == 0) {
			v->number = (int64_t)n;
			return 0;
		}
	}
	nc_buf_printf(why, "%s is none of", shown);
	for (size_t i = 0; i < n; i++)
		nc_buf_printf(why, "%s \"%s\"", i ? "," : "", o->words[i]);
	const char *near = nc_text_nearest(text, o->words, n);
	if (near)
		nc_buf_printf(why, " (did you mean \"%s\"?)", near);
	return -EINVAL;
}

static int set_string(const char *text, struct nc_conf_value *v, struct nc_buf *why)
{
	v->string = strdup(text);
	return v->string ? 0 : out_of_memory(why);
}

static int add_item(struct nc_conf_value *v, const char *text, size_t len, struct nc_buf *why)
{
	struct nc_conf_list *list = &v->list;

	if (list->count >= NC_CONF_ITEMS_MAX) {
		nc_buf_printf(why, "more than %d strings", NC_CONF_ITEMS_MAX);
		return -EINVAL;
	}
	char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (!items)
		return out_of_memory(why);
	list->items = items;
	items[list->count] = strndup(text, len);
	if (!items[list->count])
		return out_of_memory(why);
	list->count++;
	return 0;
}

/* A number with a unit, in a string. */
static int number_text(const struct nc_conf_option *o, const char *text, struct nc_conf_value *v, const char *shown,
                       struct nc_buf *why)
{
	int rc = o->kind == NC_CONF_SIZE ? nc_text_size(text, &v->size) : nc_text_duration(text, &v->number);

	if (rc == -ERANGE) {
		nc_buf_printf(why, "%s is too large", shown);
		return -EINVAL;
	}
	return rc ? wrong_kind(o, shown, why) : check_range(o, v, shown, why);
}

/* What a quoted string in a file can mean for this kind. */
static int from_string(const struct nc_conf_option *o, const char *text, struct nc_conf_value *v, struct nc_buf *why)
{
	char escaped[126], shown[128];

	snprintf(shown, sizeof(shown), "\"%s\"", nc_text_escape(escaped, sizeof(escaped), text, strlen(text)));
	switch (o->kind) {
	case NC_CONF_SIZE:
	case NC_CONF_DURATION:
		return number_text(o, text, v, shown, why);
	case NC_CONF_ENUM:
		return find_word(o, text, v, shown, why);
	case NC_CONF_STRING:
		return set_string(text, v, why);
	case NC_CONF_STRINGS:
		return add_item(v, text, strlen(text), why);
	case NC_CONF_BOOL:
	case NC_CONF_INT:
		break;
	}
	return wrong_kind(o, shown, why);
}

static int from_number(const struct nc_conf_option *o, int64_t number, struct nc_conf_value *v, struct nc_buf *why)
{
	char shown[24];

	snprintf(shown, sizeof(shown), "%" PRId64, number);
	v->number = number;
	if (o->kind == NC_CONF_INT)
		return check_range(o, v, shown, why);
	if ((o->kind != NC_CONF_SIZE && o->kind != NC_CONF_DURATION) || number < 0)
		return wrong_kind(o, shown, why);
	v->size = (uint64_t)number;
	if (o->kind == NC_CONF_DURATION && __builtin_mul_overflow(number, NC_NS_PER_S, &v->number)) {
		nc_buf_printf(why, "%s is too large", shown);
		return -EINVAL;
	}
	return check_range(o, v, shown, why);
}

static int from_list(const struct nc_conf_option *o, const config_setting_t *s, struct nc_conf_value *v, struct nc_buf *why)
{
	if (o->kind != NC_CONF_STRINGS)
		return wrong_kind(o, "a list", why);
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		const char *text = config_setting_get_string_elem(s, (int)i);
		if (!text) {
			nc_buf_printf(why, "element %u is not a string", i + 1);
			return -EINVAL;
		}
		int rc = add_item(v, text, strlen(text), why);
		if (rc)
			return rc;
	}
	return 0;
}

static int from_bool(const struct nc_conf_option *o, bool on, struct nc_conf_value *v, struct nc_buf *why)
{
	v->number = on;
	return o->kind == NC_CONF_BOOL ? 0 : wrong_kind(o, on ? "true" : "false", why);
}

static int convert(const struct nc_conf_option *o, const config_setting_t *s, struct nc_conf_value *v, struct nc_buf *why)
{
	char shown[32];

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return from_string(o, config_setting_get_string(s), v, why);
	case CONFIG_TYPE_INT64:
		return from_number(o, config_setting_get_int64(s), v, why);
	case CONFIG_TYPE_BOOL:
		return from_bool(o, config_setting_get_bool(s), v, why);
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return from_list(o, s, v, why);
	case CONFIG_TYPE_GROUP:
		return wrong_kind(o, "a group", why);
	case CONFIG_TYPE_FLOAT:
		snprintf(shown, sizeof(shown), "%g", config_setting_get_float(s));
		return wrong_kind(o, shown, why);
	default: /* a number that the scan did not understand, such as 1e5 */
		return wrong_kind(o, "this number", why);
	}
}

int nc_conf_value_setting(const struct nc_conf_option *o, const config_setting_t *s, struct nc_conf_value *v,
                          struct nc_buf *why)
{
	*v = (struct nc_conf_value){ 0 };
	int rc = convert(o, s, v, why);
	if (rc)
		nc_conf_value_free(v);
	v->set = rc == 0;
	return rc;
}

static int split_list(const char *text, struct nc_conf_value *v, struct nc_buf *why)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		int rc = add_item(v, text, len, why);
		if (rc)
			return rc;
		text += len;
		text += *text == ',';
		text += strspn(text, " ");
	}
	return 0;
}

static int parse_text(const struct nc_conf_option *o, const char *text, struct nc_conf_value *v, struct nc_buf *why)
{
	char *end;

	if (o->kind == NC_CONF_BOOL) {
		bool on = strcmp(text, "true") == 0;
		return on || strcmp(text, "false") == 0 ? from_bool(o, on, v, why) : wrong_kind(o, text, why);
	}
	if (o->kind == NC_CONF_INT) {
		errno = 0;
		long long number = strtoll(text, &end, 10);
		return errno || end == text || *end ? wrong_kind(o, text, why) : from_number(o, number, v, why);
	}
	if (o->kind == NC_CONF_STRINGS)
		return split_list(text, v, why);
	return from_string(o, text, v, why);
}

int nc_conf_value_text(const struct nc_conf_option *o, const char *text, struct nc_conf_value *v, struct nc_buf *why)
{
	*v = (struct nc_conf_value){ 0 };
	int rc = parse_text(o, text, v, why);
	if (rc)
		nc_conf_value_free(v);
	v->set = rc == 0;
	return rc;
}

void nc_conf_value_store(const struct nc_conf_option *o, struct nc_conf_value *v, void *settings)
{
	void *member = (char *)settings + o->offset;

	switch (o->kind) {
	case NC_CONF_BOOL:
		*(bool *)member = v->number != 0;
		break;
	case NC_CONF_INT:
	case NC_CONF_DURATION:
		*(int64_t *)member = v->number;
		break;
	case NC_CONF_SIZE:
		*(uint64_t *)member = v->size;
		break;
	case NC_CONF_ENUM:
		*(int *)member = (int)v->number;
		break;
	case NC_CONF_STRING:
		free(*(char **)member);
		*(char **)member = v->string;
		v->string = NULL;
		break;
	case NC_CONF_STRINGS:
		free_list(member);
		*(struct nc_conf_list *)member = v->list;
		v->list = (struct nc_conf_list){ 0 };
		break;
	}
}
