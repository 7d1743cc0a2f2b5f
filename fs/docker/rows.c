/* SPDX-License-Identifier: MIT */
#include "fs/docker/rows.h"

#include "fs/docker/json_text.h"
#include "fs/docker/table.h"
#include "fs/docker/template.h"
#include "store/base/mem.h"

#include <errno.h>
#include <string.h>

#define WORK_OF_ROW (16u << 10)

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
static int put_cells(struct table *t, const char *line, struct err *err)
{
	autofree char *copy = strdup(line);
	char *rest = copy;

	if (!copy)
		return err_nomem(err);
	for (size_t i = 0; i < t->columns; i++) {
		const char *cell = rest ? strsep(&rest, "\t") : "";

		table_cell(t, cell);
	}
	return 0;
}

typedef int (*run_fn)(const char *text, struct json_object *value, uint64_t *work, struct buf *out,
		      struct err *err);

/* What the template of all rows may do: each has a share, whatever the others take. */
static uint64_t work_of(struct json_object *rows)
{
	return TEMPLATE_WORK_MAX + (uint64_t)json_object_array_length(rows) * WORK_OF_ROW;
}

static int put_row(struct table *t, const char *template, run_fn run, struct json_object *row,
		   uint64_t *work, struct err *err)
{
	autobuf line = BUF_INIT;
	int r = run(template, row, work, &line, err);

	buf_putc(&line, '\0');
	if (!r && buf_failed(&line))
		r = err_nomem(err);
	if (!r)
		r = put_cells(t, line.data, err);
	if (!r && t->cells.len > TABLE_MAX)
		r = err_set(err, EFBIG, "a table of more than %u bytes", TABLE_MAX);
	return r;
}

static struct json_object *headers_of(const struct rows_field *fields)
{
	struct json_object *headers = json_object_new_object();

	for (; headers && fields->name; fields++)
		rows_set(headers, fields->name, fields->header);
	return headers;
}

static int print_table(struct json_object *rows, const struct rows_field *fields,
		       const char *template, struct buf *out, struct err *err)
{
	autojson *headers = headers_of(fields);
	autotable t = TABLE_INIT(1);
	uint64_t work = work_of(rows);
	int r;

	for (const char *c = template; *c; c++)
		t.columns += *c == '\t';
	r = headers ? put_row(&t, template, template_run_headers, headers, &work, err)
		    : err_nomem(err);
	for (size_t i = 0; !r && i < json_object_array_length(rows); i++)
		r = put_row(&t, template, template_run, json_object_array_get_idx(rows, i), &work,
			    err);
	return r ? r : table_print(&t, out, err);
}

/* A mistake in the template is found where there is no row, too. Of rows before one that fails docker
 * prints nothing. */
static int print_lines(struct json_object *rows, const char *template, struct buf *out,
		       struct err *err)
{
	uint64_t work = work_of(rows);
	size_t before = out->len;
	int r = template_check(template, err);

	for (size_t i = 0; !r && i < json_object_array_length(rows); i++) {
		r = template_run(template, json_object_array_get_idx(rows, i), &work, out, err);
		buf_putc(out, '\n');
	}
	if (r)
		out->len = before;
	return r;
}

static int print_json(struct json_object *rows, struct buf *out, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < json_object_array_length(rows); i++) {
		r = json_text_line(out, json_object_array_get_idx(rows, i), JSON_TEXT_HTML, err);
		buf_putc(out, '\n');
	}
	return r;
}

bool rows_is_json(const char *format)
{
	return format && (!strcmp(format, "json") || !strcmp(format, "{{json .}}") ||
			  !strcmp(format, "{{ json . }}"));
}

bool rows_is_raw(const char *format)
{
	return format && !strcmp(format, "raw");
}

bool rows_is_own_table(const char *format)
{
	return !format || !*format || !strcmp(format, "table");
}

/* "table TEMPLATE"; docker wants no blank there. */
bool rows_is_table(const char *format)
{
	return format && !strncmp(format, "table", 5) && format[5];
}

/* docker takes blanks around a format for nothing. */
static const char *without_table(const char *format)
{
	format += rows_is_table(format) ? 5 : 0;
	return format + strspn(format, " ");
}

int rows_print(struct json_object *rows, const struct rows_field *fields, const char *table,
	       const char *format, struct buf *out, struct err *err)
{
	bool own = rows_is_own_table(format);
	autofree char *template = unescape(own ? table : without_table(format));
	int r = 0;

	if (!template)
		return err_nomem(err);
	if (own || rows_is_table(format))
		r = print_table(rows, fields, template, out, err);
	else if (rows_is_json(format))
		r = print_json(rows, out, err);
	else
		r = print_lines(rows, template, out, err);
	return r ? r : buf_failed(out) ? err_nomem(err) : 0;
}

int rows_print_one(struct json_object *o, const char *format, struct buf *out, struct err *err)
{
	autofree char *template =
	    unescape(rows_is_json(format) ? "{{json .}}" : without_table(format));
	int r = template ? template_run(template, o, NULL, out, err) : err_nomem(err);

	if (!r)
		buf_putc(out, '\n');
	return r ? r : buf_failed(out) ? err_nomem(err) : 0;
}
