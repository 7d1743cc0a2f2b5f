/* SPDX-License-Identifier: MIT */
#include "fs/docker/table.h"

#include "store/base/utf8.h"
#include "store/base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define COLUMN_MIN 10
#define PADDING	   3

void table_cell(struct table *t, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t code;

	while (*s) {
		size_t len = utf8_decode(s, UTF8_MAX, &code);

		if (!len || utf8_is_control(code))
			buf_putc(&t->cells, *s == '\t' || *s == '\n' || *s == '\r' ? ' ' : '?');
		else
			buf_append(&t->cells, s, len);
		s += len ? len : 1;
	}
	buf_append(&t->cells, "", 1);
}

void table_row(struct table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->columns; i++)
		table_cell(t, cells[i]);
}

void table_clear(struct table *t)
{
	buf_free(&t->cells);
}

/* Columns of a terminal, as docker counts them: East Asian wide and fullwidth characters take 2. */
static size_t code_columns(uint32_t c)
{
	bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) ||
		    (c >= 0x3041 && c <= 0x33ff) || (c >= 0x3400 && c <= 0x4dbf) ||
		    (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xa000 && c <= 0xa4cf) ||
		    (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
		    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
		    (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
		    (c >= 0x20000 && c <= 0x3fffd);

	return wide ? 2 : 1;
}

/* What stands above the character before it: in cells no column, though docker's Ellipsis counts
 * one. */
static bool is_combining(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) ||
	       (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe00 && c <= 0xfe0f);
}

static size_t cell_width(const char *cell)
{
	size_t width = 0;

	while (*cell) {
		uint32_t code = 0;
		size_t len = utf8_decode(cell, UTF8_MAX, &code);

		width += is_combining(code) ? 0 : code_columns(code);
		cell += len ? len : 1;
	}
	return width;
}

static void find_widths(const struct table *t, size_t *widths)
{
	const char *end = t->cells.data + t->cells.len;
	size_t column = 0;

	for (size_t i = 0; i < t->columns; i++)
		widths[i] = COLUMN_MIN;
	for (const char *cell = t->cells.data; cell < end; cell += strlen(cell) + 1) {
		size_t width = cell_width(cell) + PADDING;

		if (width > widths[column])
			widths[column] = width;
		column = (column + 1) % t->columns;
	}
}

/* The blanks, and bytes that are no characters' first besides. */
static bool is_too_long(const struct table *t, const size_t *widths, size_t cells)
{
	uint64_t row = 0;

	for (size_t i = 0; i + 1 < t->columns; i++)
		row += widths[i];
	return t->cells.len > TABLE_MAX || row * (cells / t->columns) > TABLE_MAX;
}

static size_t count_cells(const struct table *t)
{
	const char *end = t->cells.data + t->cells.len;
	size_t n = 0;

	for (const char *cell = t->cells.data; cell < end; cell += strlen(cell) + 1)
		n++;
	return n;
}

static void print_cells(const struct table *t, const size_t *widths, struct buf *out)
{
	const char *end = t->cells.data + t->cells.len;
	size_t column = 0;

	for (const char *cell = t->cells.data; cell < end; cell += strlen(cell) + 1) {
		buf_puts(out, cell);
		if (++column == t->columns) {
			buf_putc(out, '\n');
			column = 0;
			continue;
		}
		for (size_t width = cell_width(cell); width < widths[column - 1]; width++)
			buf_putc(out, ' ');
	}
}

int table_print(const struct table *t, struct buf *out, struct err *err)
{
	autofree size_t *widths = calloc(t->columns, sizeof(*widths));

	if (!widths || buf_failed(&t->cells))
		return err_nomem(err);
	if (!t->cells.len)
		return 0;
	find_widths(t, widths);
	if (is_too_long(t, widths, count_cells(t)))
		return err_set(err, EFBIG, "a table of more than %u bytes", TABLE_MAX);
	print_cells(t, widths, out);
	return buf_failed(out) ? err_nomem(err) : 0;
}

void table_ellipsis(struct buf *out, const char *text, size_t columns)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t width = 0, fits = 0;

	while (*s && width <= columns) {
		uint32_t code = 0;
		size_t len = utf8_decode(s, UTF8_MAX, &code);

		width += code_columns(code);
		s += len ? len : 1;
		if (width <= columns - 1)
			fits = (size_t)(s - (const unsigned char *)text);
	}
	if (width <= columns) {
		buf_puts(out, text);
		return;
	}
	buf_append(out, text, fits);
	buf_puts(out, "\u2026");
}
