/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as they arrive, for those who look at them through the control socket: bounded, and never in the way of storing. */
#include "config.h"

#include "collectord/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "collectord/records.h"
#include "record/pack.h"

#define PIECE_TEXT (256u * 1024u) /* bytes of lines in one answer */
#define LINE_BYTES (1024u * 1024u)

struct follower {
	uint64_t token; /* 0: free */
	struct nc_tail_wish wish;
	uint64_t lost; /* since it was told last */
};

struct nc_tail {
	struct nc_control_server *server;
	struct nc_loop_timer *timer;
	struct nc_inflater *inflater;
	struct nc_buf plain, line;
	struct follower list[NC_TAIL_MAX];
	size_t count;
};

static void leave(struct nc_tail *t, struct follower *f)
{
	f->token = 0;
	t->count--;
}

/* Sends one answer, with what was lost before it; false when the follower takes none now. */
static bool answer(struct nc_tail *t, struct follower *f, const char *sensor, const char *type, const char *header, json_t *lines)
{
	json_t *reply =
		json_pack("{s:s, s:s, s:o, s:I}", "sensor", sensor, "type", type, "records", lines, "lost", (json_int_t)f->lost);

	if (reply && header)
		json_object_set_new(reply, "header", json_stringn(header, strcspn(header, "\n")));
	int rc = reply ? nc_control_more(t->server, f->token, reply) : -ENOMEM;
	if (rc == -EAGAIN)
		json_decref(reply);
	if (rc == -ENOENT)
		leave(t, f);
	else if (rc == 0)
		f->lost = 0;
	return rc == 0;
}

/* Who has gone is forgotten, and who has caught up is told what it missed. */
static void on_timer(void *user)
{
	struct nc_tail *t = user;

	for (size_t i = 0; i < NC_TAIL_MAX; i++) {
		struct follower *f = &t->list[i];
		if (!f->token)
			continue;
		int rc = nc_control_more(t->server, f->token, NULL);
		if (rc == -ENOENT)
			leave(t, f);
		else if (rc == 0 && f->lost)
			(void)answer(t, f, "", "", NULL, json_array());
	}
}

int nc_tail_new(struct nc_loop *loop, struct nc_control_server *server, struct nc_tail **ret)
{
	struct nc_tail *t = calloc(1, sizeof(*t));
	int rc = t ? 0 : -ENOMEM;

	if (!t)
		return rc;
	t->server = server;
	nc_buf_init(&t->plain, NC_BLOCK_INFLATED_MAX + 1);
	nc_buf_init(&t->line, LINE_BYTES);
	t->inflater = nc_inflater_new();
	rc = t->inflater ? nc_loop_add_timer(loop, NC_NS_PER_S, NC_NS_PER_S, on_timer, t, &t->timer) : -ENOMEM;
	if (rc) {
		nc_tail_free(t);
		return rc;
	}
	*ret = t;
	return 0;
}

void nc_tail_free(struct nc_tail *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < NC_TAIL_MAX; i++)
		if (t->list[i].token)
			nc_control_complete(t->server, t->list[i].token, NULL, NULL);
	if (t->timer)
		nc_loop_del_timer(t->timer);
	nc_inflater_free(t->inflater);
	nc_buf_free(&t->plain);
	nc_buf_free(&t->line);
	free(t);
}

int nc_tail_follow(struct nc_tail *t, uint64_t token, const struct nc_tail_wish *w)
{
	for (size_t i = 0; i < NC_TAIL_MAX; i++) {
		if (t->list[i].token)
			continue;
		t->list[i] = (struct follower){ .token = token, .wish = *w };
		t->count++;
		return 0;
	}
	return -EAGAIN;
}

size_t nc_tail_count(const struct nc_tail *t)
{
	return t ? t->count : 0;
}

static bool wants(const struct follower *f, const char *sensor, const struct nc_type *type)
{
	return f->token && (!f->wish.type || f->wish.type == type) && (!f->wish.sensor[0] || strcmp(f->wish.sensor, sensor) == 0);
}

/* One line of a record; false when it is none that can be shown. */
static bool format_line(struct nc_tail *t, struct nc_format *format, const struct nc_type *type, const struct nc_record_view *v)
{
	ProtobufCMessage *m = NULL;

	if (v->n <= NC_TAIL_RECORD_MAX && nc_record_valid(type->desc, v->p, v->n, false))
		m = protobuf_c_message_unpack(type->desc, NULL, v->n, v->p);
	if (!m)
		return false;
	nc_buf_reset(&t->line);
	nc_format_record(format, m, &t->line);
	protobuf_c_message_free_unpacked(m, NULL);
	return !t->line.failed && t->line.len > 0;
}

/* As many lines as make one answer; *done is how many records were taken. */
static json_t *piece(struct nc_tail *t, struct follower *f, struct nc_format *format, const struct nc_type *type, struct nc_rd *r,
                     uint64_t *done)
{
	json_t *lines = json_array();
	struct nc_record_view v;
	size_t bytes = 0;

	while (bytes < PIECE_TEXT && nc_record_next(r, &v)) {
		(*done)++;
		if (!format_line(t, format, type, &v)) {
			f->lost++;
			continue;
		}
		size_t n = t->line.len - (t->line.data[t->line.len - 1] == '\n');
		/* not UTF-8: jansson takes none */
		if (json_array_append_new(lines, json_stringn((const char *)t->line.data, n)) < 0)
			f->lost++;
		bytes += n;
	}
	return lines;
}

static void show(struct nc_tail *t, struct follower *f, const char *sensor, const struct nc_type *type, struct nc_rd r,
                 uint64_t count)
{
	struct nc_format_options o = nc_format_default;
	struct nc_buf header = { .max = LINE_BYTES };
	uint64_t done = 0, told = 0;
	char *bad;

	o.kind = f->wish.format;
	struct nc_format *format = nc_format_new(type, &o, NULL, &bad);
	if (format)
		nc_format_header(format, &header);
	while (format && done < count && !r.failed) {
		uint64_t before = done, lost = f->lost;
		json_t *lines = piece(t, f, format, type, &r, &done);
		if (done == before) {
			json_decref(lines);
			break;
		}
		if (!answer(t, f, sensor, type->name, header.len ? nc_buf_cstr(&header) : NULL, lines)) {
			f->lost = lost;
			break;
		}
		told = done;
	}
	f->lost += count > told ? count - told : 0;
	nc_format_free(format);
	nc_buf_free(&header);
}

/* Whether somebody wants to see this and can take it; those that can't have lost it. */
static bool anybody(struct nc_tail *t, const char *sensor, const struct nc_type *type, uint64_t count,
                    bool take[static NC_TAIL_MAX])
{
	bool any = false;

	for (size_t i = 0; i < NC_TAIL_MAX; i++) {
		struct follower *f = &t->list[i];
		take[i] = false;
		if (!wants(f, sensor, type))
			continue;
		int rc = nc_control_more(t->server, f->token, NULL);
		if (rc == -ENOENT)
			leave(t, f);
		else if (rc)
			f->lost += count;
		else
			any = take[i] = true;
	}
	return any;
}

static void show_all(struct nc_tail *t, const char *sensor, const struct nc_type *type, struct nc_rd r, uint64_t count,
                     const bool take[static NC_TAIL_MAX])
{
	for (size_t i = 0; i < NC_TAIL_MAX; i++)
		if (take[i])
			show(t, &t->list[i], sensor, type, r, count);
}

void nc_tail_records(struct nc_tail *t, const char *sensor, const struct nc_type *type, struct nc_rd records, uint64_t count)
{
	bool take[NC_TAIL_MAX];

	if (t && t->count && count && anybody(t, sensor, type, count, take))
		show_all(t, sensor, type, records, count, take);
}

void nc_tail_block(struct nc_tail *t, const char *sensor, const uint8_t *p, const struct nc_block_info *info)
{
	const struct nc_type *type = nc_type_by_number(info->type);
	bool take[NC_TAIL_MAX];

	if (!t || !t->count || !type || info->kind != NC_BLOCK_RECORDS || !anybody(t, sensor, type, info->count, take))
		return;
	if (nc_block_open(t->inflater, p, info->size, &t->plain) == 0)
		show_all(t, sensor, type, nc_rd_over(t->plain.data, t->plain.len), info->count, take);
}
