/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as tables with aligned columns, for people: a new table every 100 records. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "record/plan.h"

#define ROWS 100u

/* Cells of up to ROWS rows wait in text; cell i ends at ends[i]. */
struct nc_table {
	size_t columns, rows;
	struct nc_buf text, cell;
	size_t *ends;   /* columns * ROWS */
	size_t *widths; /* in characters */
};

struct nc_table *nc_table_new(const struct nc_plan *plan)
{
	struct nc_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = plan->count;
	t->ends = calloc(t->columns * ROWS + 1, sizeof(*t->ends));
	t->widths = calloc(t->columns + 1, sizeof(*t->widths));
	if (t->ends && t->widths)
		return t;
	nc_table_free(t);
	return NULL;
}

void nc_table_free(struct nc_table *t)
{
	if (!t)
		return;
	nc_buf_free(&t->text);
	nc_buf_free(&t->cell);
	free(t->ends);
	free(t->widths);
	free(t);
}

static size_t characters(const uint8_t *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += (p[i] & 0xc0) != 0x80;
	return count;
}

static bool is_number(const struct nc_column *c)
{
	return !c->repeated && c->value <= NC_VALUE_DOUBLE && c->value != NC_VALUE_BOOL;
}

static void add_spaces(struct nc_buf *out, size_t n)
{
	while (n-- > 0)
		nc_buf_u8(out, ' ');
}

/* One cell: numbers to the right. */
static void add_cell(const struct nc_format *f, size_t column, const uint8_t *p, size_t n, struct nc_buf *out)
{
	size_t blanks = f->table->widths[column] - characters(p, n);
	bool right = is_number(&f->top->columns[column]);

	if (column > 0)
		nc_buf_add(out, "  ", 2);
	if (right)
		add_spaces(out, blanks);
	nc_buf_add(out, p, n);
	if (!right)
		add_spaces(out, blanks);
}

/* Ends a line that began at `start`, without blanks before its end. */
static void end_line(struct nc_buf *out, size_t start)
{
	while (!out->failed && out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
	nc_buf_u8(out, '\n');
}

static size_t cell_start(const struct nc_table *t, size_t cell)
{
	return cell > 0 ? t->ends[cell - 1] : 0;
}

static void measure(const struct nc_format *f)
{
	struct nc_table *t = f->table;

	for (size_t i = 0; i < t->columns; i++)
		t->widths[i] = strlen(f->top->columns[i].field->name);
	for (size_t cell = 0; cell < t->rows * t->columns; cell++) {
		size_t start = cell_start(t, cell);
		size_t width = characters(t->text.data + start, t->ends[cell] - start);
		if (width > t->widths[cell % t->columns])
			t->widths[cell % t->columns] = width;
	}
}

static void add_head(const struct nc_format *f, struct nc_buf *out)
{
	const struct nc_table *t = f->table;
	size_t line = out->len;

	for (size_t i = 0; i < t->columns; i++) {
		const char *name = f->top->columns[i].field->name;
		add_cell(f, i, (const uint8_t *)name, strlen(name), out);
	}
	end_line(out, line);
	for (size_t i = 0; i < t->columns; i++) {
		if (i > 0)
			nc_buf_add(out, "  ", 2);
		for (size_t k = 0; k < t->widths[i]; k++)
			nc_buf_u8(out, '-');
	}
	nc_buf_u8(out, '\n');
}

void nc_table_flush(const struct nc_format *f, struct nc_buf *out)
{
	struct nc_table *t = f->table;

	if (t->rows == 0 || t->text.failed)
		return;
	measure(f);
	add_head(f, out);
	size_t line = out->len;
	for (size_t cell = 0; cell < t->rows * t->columns; cell++) {
		size_t column = cell % t->columns, start = cell_start(t, cell);
		add_cell(f, column, t->text.data + start, t->ends[cell] - start, out);
		if (column + 1 < t->columns)
			continue;
		end_line(out, line);
		line = out->len;
	}
	nc_buf_u8(out, '\n');
	t->rows = 0;
	nc_buf_reset(&t->text);
}

/* Appends a cell's text so that it stays on its line. */
static void keep(struct nc_table *t)
{
	size_t room = 4 * t->cell.len + 1;
	char *to = (char *)nc_buf_reserve(&t->text, room);

	if (!to)
		return;
	nc_text_escape(to, room, t->cell.data, t->cell.len);
	while (*to++)
		t->text.len++;
}

void nc_table_record(const struct nc_format *f, const ProtobufCMessage *m, struct nc_buf *out)
{
	struct nc_table *t = f->table;

	for (size_t i = 0; i < t->columns; i++) {
		nc_buf_reset(&t->cell);
		nc_csv_column(f, &f->top->columns[i], m, &t->cell);
		keep(t);
		t->ends[t->rows * t->columns + i] = t->text.len;
	}
	t->rows++;
	if (t->text.failed || t->cell.failed)
		out->failed = true;
	if (t->rows == ROWS)
		nc_table_flush(f, out);
}
