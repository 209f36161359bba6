/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of GetStatus as metrics for monitoring: Prometheus' text form and OpenMetrics. */
#include "config.h"

#include "control/metrics.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LABELS_MAX 4
#define STEP_MAX   48

enum kind { COUNTER, GAUGE, FLAG, TIME, INFO, TEXT };

static const struct row {
	enum nc_control_daemon daemon;
	const char *path;
	enum kind kind;
	const char *name, *help;
} rows[] = {
#define NC_METRIC(daemon, path, kind, name, help) { NC_CONTROL_##daemon, path, kind, name, help },
#include "control/metrics.inc"
#undef NC_METRIC
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const prefixes[] = { [NC_CONTROL_SENSORD] = "netcap_sensor_", [NC_CONTROL_COLLECTORD] = "netcap_collector_" };
static const char *const suffixes[] = {
	[COUNTER] = "_total", [GAUGE] = "", [FLAG] = "", [TIME] = "_timestamp_seconds", [INFO] = "", [TEXT] = "",
};

/* One step of a path: a key, and then perhaps each object of the array there, or each member of the object there. */
struct step {
	char key[STEP_MAX], label[STEP_MAX], member[STEP_MAX];
	char each; /* '[', '{' or 0 */
};

static const char *word(char out[static STEP_MAX], const char *p, const char *ends)
{
	size_t n = strcspn(p, ends);

	n = n < STEP_MAX ? n : STEP_MAX - 1;
	memcpy(out, p, n);
	out[n] = '\0';
	return p + strcspn(p, ends);
}

/* Reads one step; returns what is behind it. A step that begins with '{' has no key: it goes on where the last one was. */
static const char *next_step(const char *p, struct step *s)
{
	memset(s, 0, sizeof(*s));
	if (*p == '.')
		p++;
	p = word(s->key, p, ".[{");
	if (*p == '[') {
		s->each = *p;
		p = word(s->label, p + 1, "=");
		p = word(s->member, p + 1, "]") + 1;
	} else if (*p == '{') {
		s->each = *p;
		p = word(s->label, p + 1, "}") + 1;
	}
	return p;
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

struct sample {
	const struct row *row;
	enum nc_metrics_form form;
	struct nc_buf *out;
	bool begun; /* its HELP and TYPE are written */
	struct {
		char name[STEP_MAX];
		const char *value;
		char number[24];
	} labels[LABELS_MAX];
	size_t n;
};

/* A label's value or a help text: backslash, quote and line end are escaped. */
static void escape(struct nc_buf *out, const char *s, bool quote)
{
	for (; *s; s++) {
		if (*s == '\\' || (*s == '"' && quote))
			nc_buf_u8(out, '\\');
		if (*s == '\n')
			nc_buf_str(out, "\\n");
		else
			nc_buf_u8(out, (uint8_t)*s);
	}
}

static void head(struct sample *s)
{
	const struct row *r = s->row;
	/* an OpenMetrics family has no _total, only its samples do */
	const char *suffix = r->kind == COUNTER && s->form == NC_METRICS_OPENMETRICS ? "" : suffixes[r->kind];

	if (s->begun)
		return;
	s->begun = true;
	nc_buf_printf(s->out, "# HELP %s%s%s ", prefixes[r->daemon], r->name, suffix);
	escape(s->out, r->help, s->form == NC_METRICS_OPENMETRICS);
	nc_buf_printf(s->out, "\n# TYPE %s%s%s %s\n", prefixes[r->daemon], r->name, suffix,
	              r->kind == COUNTER ? "counter" : "gauge");
}

static void labels(const struct sample *s)
{
	for (size_t i = 0; i < s->n; i++) {
		nc_buf_printf(s->out, "%s%s=\"", i ? "," : "{", s->labels[i].name);
		escape(s->out, s->labels[i].value, true);
		nc_buf_u8(s->out, '"');
	}
	if (s->n)
		nc_buf_u8(s->out, '}');
}

/* RFC 3339 in UTC, as the daemons write it. */
static bool parse_time(json_t *v, json_int_t *ret)
{
	struct tm tm = { 0 };
	const char *text = json_string_value(v), *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	if (!end || *end)
		return false;
	*ret = (json_int_t)timegm(&tm);
	return true;
}

static bool number_of(const struct row *r, json_t *v, json_int_t *ret)
{
	if (r->kind == TIME)
		return parse_time(v, ret);
	*ret = r->kind == FLAG ? json_is_true(v) : json_integer_value(v);
	return r->kind == FLAG ? json_is_boolean(v) : json_is_integer(v);
}

static void leaf(struct sample *s, json_t *v)
{
	const struct row *r = s->row;
	json_int_t number;

	if (!number_of(r, v, &number))
		return;
	head(s);
	nc_buf_printf(s->out, "%s%s%s", prefixes[r->daemon], r->name, suffixes[r->kind]);
	labels(s);
	nc_buf_printf(s->out, " %" JSON_INTEGER_FORMAT "\n", number);
}

static void walk(struct sample *s, const char *path, json_t *v);

static void with_label(struct sample *s, const struct step *step, const char *value, json_int_t number, const char *rest,
                       json_t *v)
{
	if (s->n == LABELS_MAX)
		return;
	memcpy(s->labels[s->n].name, step->label, STEP_MAX);
	snprintf(s->labels[s->n].number, sizeof(s->labels[s->n].number), "%" JSON_INTEGER_FORMAT, number);
	s->labels[s->n].value = value ? value : s->labels[s->n].number;
	s->n++;
	walk(s, rest, v);
	s->n--;
}

static void walk(struct sample *s, const char *path, json_t *v)
{
	const char *key;
	struct step step;
	json_t *item;
	size_t i;

	if (!*path) {
		leaf(s, v);
		return;
	}
	const char *rest = next_step(path, &step);
	if (step.key[0])
		v = json_object_get(v, step.key);
	if (step.each == '[') {
		json_array_foreach(v, i, item)
		{
			json_t *name = json_object_get(item, step.member);
			with_label(s, &step, json_string_value(name), json_integer_value(name), rest, item);
		}
	} else if (step.each == '{') {
		json_object_foreach(v, key, item) with_label(s, &step, key, 0, rest, item);
	} else if (v) {
		walk(s, rest, v);
	}
}

/* The texts that say what this is, as labels of one metric that is always 1. */
static void info(enum nc_control_daemon d, json_t *status, enum nc_metrics_form form, struct nc_buf *out)
{
	const char *suffix = form == NC_METRICS_OPENMETRICS ? "" : "_info";
	bool first = true;

	nc_buf_printf(out, "# HELP %.*s%s Which one this is.\n# TYPE %.*s%s %s\n%sinfo", (int)strlen(prefixes[d]) - 1,
	              prefixes[d], suffix, (int)strlen(prefixes[d]) - 1, prefixes[d], suffix,
	              form == NC_METRICS_OPENMETRICS ? "info" : "gauge", prefixes[d]);
	for (size_t i = 0; i < ROWS; i++) {
		const char *text = rows[i].daemon == d && rows[i].kind == INFO
		                           ? json_string_value(json_object_get(status, rows[i].path))
		                           : NULL;
		if (!text)
			continue;
		nc_buf_printf(out, "%s%s=\"", first ? "{" : ",", rows[i].name);
		escape(out, text, true);
		nc_buf_u8(out, '"');
		first = false;
	}
	nc_buf_str(out, first ? " 1\n" : "} 1\n");
}

void nc_metrics_write(enum nc_control_daemon d, json_t *status, enum nc_metrics_form form, struct nc_buf *out)
{
	info(d, status, form, out);
	for (size_t i = 0; i < ROWS; i++) {
		struct sample s = { .row = &rows[i], .form = form, .out = out };
		if (rows[i].daemon == d && rows[i].kind != TEXT && rows[i].kind != INFO)
			walk(&s, rows[i].path, status);
	}
}

void nc_metrics_end(enum nc_metrics_form form, struct nc_buf *out)
{
	if (form == NC_METRICS_OPENMETRICS)
		nc_buf_str(out, "# EOF\n");
}
