/* SPDX-License-Identifier: MIT */
#include "fs/rows.h"

#include "fs/json_text.h"
#include "fs/table.h"
#include "fs/template.h"
#include "store/mem.h"

#include <string.h>

void rows_set(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

/* "\t" and "\n", as they are written. */
static char *unescape(const char *text)
{
	char *copy = strdup(text), *to = copy;

	if (!copy)
		return NULL;
	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && (from[1] == 't' || from[1] == 'n'))
			*to++ = *++from == 't' ? '\t' : '\n';
		else
			*to++ = *from;
	}
	*to = '\0';
	return copy;
}

/* A line as the cells of a table, parted by tabs. */
static void put_cells(struct table *t, const char *line)
{
	autofree char *copy = strdup(line);
	char *rest = copy;

	for (size_t i = 0; copy && i < t->columns; i++) {
		const char *cell = rest ? strsep(&rest, "\t") : "";

		table_cell(t, cell);
	}
}

static int put_row(struct table *t, const char *template, struct json_object *row, struct err *err)
{
	autobuf line = BUF_INIT;
	int r = template_run(template, row, &line, err);

	buf_putc(&line, '\0');
	if (!r && buf_failed(&line))
		r = err_nomem(err);
	if (!r)
		put_cells(t, line.data);
	return r;
}

static int print_table(struct json_object *rows, const struct rows_field *fields,
		       const char *template, struct buf *out, struct err *err)
{
	autojson *headers = json_object_new_object();
	autotable t = TABLE_INIT(1);
	int r;

	for (const char *c = template; *c; c++)
		t.columns += *c == '\t';
	for (; headers && fields->name; fields++)
		rows_set(headers, fields->name, fields->header);
	r = headers ? put_row(&t, template, headers, err) : err_nomem(err);
	for (size_t i = 0; !r && i < json_object_array_length(rows); i++)
		r = put_row(&t, template, json_object_array_get_idx(rows, i), err);
	if (!r)
		table_print(&t, out);
	return r;
}

static int print_lines(struct json_object *rows, const char *template, struct buf *out,
		       struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (template)
			r = template_run(template, row, out, err);
		else
			json_text_line(out, row, JSON_TEXT_HTML);
		buf_putc(out, '\n');
	}
	return r;
}

int rows_print(struct json_object *rows, const struct rows_field *fields, const char *table,
	       const char *format, struct buf *out, struct err *err)
{
	bool is_table = !*format || !strcmp(format, "table") || !strncmp(format, "table ", 6);
	autofree char *template = NULL;
	int r;

	if (is_table && strlen(format) > 6)
		table = format + 6;
	template = unescape(is_table ? table : format);
	if (!template)
		return err_nomem(err);
	if (is_table)
		r = print_table(rows, fields, template, out, err);
	else
		r = print_lines(rows, strcmp(format, "json") ? template : NULL, out, err);
	return r ? r : buf_failed(out) ? err_nomem(err) : 0;
}
