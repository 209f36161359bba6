/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text in aligned columns. */
#include <stdlib.h>
#include <string.h>

#include "netcap/tool.h"

#define COLUMNS_MAX 16u

/* Cells one after the other, each ended by a NUL. */
struct nc_grid {
	unsigned columns;
	uint32_t right;
	size_t cells;
	size_t widths[COLUMNS_MAX];
	struct nc_buf text;
};

struct nc_grid *nc_grid_new(unsigned columns, uint32_t right)
{
	struct nc_grid *g = columns > 0 && columns <= COLUMNS_MAX ? calloc(1, sizeof(*g)) : NULL;

	if (g) {
		g->columns = columns;
		g->right = right;
	}
	return g;
}

void nc_grid_free(struct nc_grid *g)
{
	if (!g)
		return;
	nc_buf_free(&g->text);
	free(g);
}

static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void nc_grid_add(struct nc_grid *g, const char *fmt, ...)
{
	size_t start = g->text.len;
	va_list ap;

	va_start(ap, fmt);
	nc_buf_vprintf(&g->text, fmt, ap);
	va_end(ap);
	nc_buf_u8(&g->text, '\0');
	if (g->text.failed)
		return;
	size_t width = width_of((const char *)g->text.data + start);
	if (width > g->widths[g->cells % g->columns])
		g->widths[g->cells % g->columns] = width;
	g->cells++;
}

/* Ends a line that began at `start`, without blanks before its end. */
static void end_line(struct nc_buf *out, size_t start)
{
	while (!out->failed && out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
	nc_buf_u8(out, '\n');
}

bool nc_grid_print(struct nc_grid *g, struct nc_buf *out)
{
	const char *cell = (const char *)g->text.data;

	if (g->text.failed)
		return false;
	size_t start = out->len;
	for (size_t i = 0; i < g->cells; i++, cell += strlen(cell) + 1) {
		size_t column = i % g->columns;
		size_t blanks = g->widths[column] - width_of(cell);
		bool right = g->right >> column & 1;
		for (size_t k = 0; right && k < blanks; k++)
			nc_buf_u8(out, ' ');
		nc_buf_str(out, cell);
		for (size_t k = 0; !right && k < blanks; k++)
			nc_buf_u8(out, ' ');
		if (column + 1 < g->columns) {
			nc_buf_str(out, "  ");
		} else {
			end_line(out, start);
			start = out->len;
		}
	}
	return !out->failed;
}
