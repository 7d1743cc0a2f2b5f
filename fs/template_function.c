/* SPDX-License-Identifier: MIT */
#include "fs/template_function.h"

#include "fs/template_printf.h"
#include "fs/template_value.h"
#include "store/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *text_of(const struct buf *text)
{
	return buf_failed(text)
		   ? NULL
		   : json_object_new_string_len(text->data ? text->data : "", (int)text->len);
}

/* A function: its arguments are as many as it said. NULL: they are of the wrong kind. */
typedef struct json_object *(*function)(struct json_object *const *args, size_t count);

static struct json_object *f_json(struct json_object *const *args, size_t count)
{
	autobuf text = BUF_INIT;

	(void)count;
	template_json(&text, args[0]);
	return text_of(&text);
}

static struct json_object *map_text(struct json_object *value, int (*change)(int), bool first)
{
	autobuf text = BUF_INIT;
	bool start = true;

	template_print(&text, value);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (!first || start)
			text.data[i] = (char)change(c);
		start = isspace(c);
	}
	return text_of(&text);
}

static struct json_object *f_upper(struct json_object *const *args, size_t count)
{
	(void)count;
	return map_text(args[0], toupper, false);
}

static struct json_object *f_lower(struct json_object *const *args, size_t count)
{
	(void)count;
	return map_text(args[0], tolower, false);
}

static struct json_object *f_title(struct json_object *const *args, size_t count)
{
	(void)count;
	return map_text(args[0], toupper, true);
}

static struct json_object *f_len(struct json_object *const *args, size_t count)
{
	(void)count;
	if (json_object_is_type(args[0], json_type_string))
		return json_object_new_int(json_object_get_string_len(args[0]));
	return json_object_new_int64((int64_t)template_elements(args[0]));
}

/* What a map lacks is empty text, as in Go's map[string]string; behind a list's end is a mistake.
 */
static struct json_object *f_index(struct json_object *const *args, size_t count)
{
	struct json_object *at = args[0];

	for (size_t i = 1; i < count && at; i++) {
		bool is_array = json_object_is_type(at, json_type_array);
		int64_t n = json_object_get_int64(args[i]);

		if (is_array && (n < 0 || (size_t)n >= json_object_array_length(at)))
			return NULL;
		at = is_array ? json_object_array_get_idx(at, (size_t)n)
		     : json_object_is_type(at, json_type_object)
			 ? json_object_object_get(at, json_object_get_string(args[i]))
			 : NULL;
	}
	return at ? json_object_get(at) : json_object_new_string("");
}

static struct json_object *f_join(struct json_object *const *args, size_t count)
{
	autobuf text = BUF_INIT;

	(void)count;
	if (!json_object_is_type(args[0], json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(args[0]); i++) {
		if (i)
			template_print(&text, args[1]);
		template_print(&text, json_object_array_get_idx(args[0], i));
	}
	return text_of(&text);
}

static struct json_object *slice_array(struct json_object *array, size_t from, size_t to)
{
	struct json_object *part = json_object_new_array();

	for (; part && from < to; from++)
		json_object_array_add(part,
				      json_object_get(json_object_array_get_idx(array, from)));
	return part;
}

/* "slice x 1 3" is Go's x[1:3], of text in bytes. */
static struct json_object *f_slice(struct json_object *const *args, size_t count)
{
	bool text = json_object_is_type(args[0], json_type_string);
	size_t len, from, to;

	if (!text && !json_object_is_type(args[0], json_type_array))
		return NULL;
	for (size_t i = 1; i < count; i++)
		if (!json_object_is_type(args[i], json_type_int) ||
		    json_object_get_int64(args[i]) < 0)
			return NULL;
	len =
	    text ? (size_t)json_object_get_string_len(args[0]) : json_object_array_length(args[0]);
	from = count > 1 ? (size_t)json_object_get_int64(args[1]) : 0;
	to = count > 2 ? (size_t)json_object_get_int64(args[2]) : len;
	if (from > to || to > len)
		return NULL;
	return text ? json_object_new_string_len(json_object_get_string(args[0]) + from,
						 (int)(to - from))
		    : slice_array(args[0], from, to);
}

#define SPLIT_MAX 100000 /* parts; what is behind them is lost */

static struct json_object *f_split(struct json_object *const *args, size_t count)
{
	const char *text = json_object_get_string(args[0]), *by = json_object_get_string(args[1]);
	struct json_object *list = json_object_new_array();
	size_t len = by ? strlen(by) : 0;

	(void)count;
	while (text && list && json_object_array_length(list) < SPLIT_MAX) {
		const char *end = len ? strstr(text, by) : NULL;

		json_object_array_add(list,
				      json_object_new_string_len(
					  text, (int)(end ? (size_t)(end - text) : strlen(text))));
		text = end ? end + len : NULL;
	}
	return list;
}

static struct json_object *f_truncate(struct json_object *const *args, size_t count)
{
	autobuf text = BUF_INIT;
	int64_t limit = json_object_get_int64(args[1]);

	(void)count;
	template_print(&text, args[0]);
	if (limit >= 0 && text.len > (size_t)limit)
		text.len = (size_t)limit;
	return text_of(&text);
}

static struct json_object *f_pad(struct json_object *const *args, size_t count)
{
	autobuf text = BUF_INIT;
	int64_t before = json_object_get_int64(args[1]), after = json_object_get_int64(args[2]);

	(void)count;
	if (before < 0 || after < 0 || before > 1000 || after > 1000)
		return NULL;
	for (int64_t i = 0; i < before; i++)
		buf_putc(&text, ' ');
	template_print(&text, args[0]);
	if (text.len == (size_t)before) /* docker leaves empty text alone */
		text.len = after = 0;
	for (int64_t i = 0; i < after; i++)
		buf_putc(&text, ' ');
	return text_of(&text);
}

/* Go's Sprint puts blanks between those that are not text; Sprintln between all. */
static struct json_object *print_all(struct json_object *const *args, size_t count, bool line)
{
	autobuf text = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		if (i && (line || !(json_object_is_type(args[i], json_type_string) ||
				    json_object_is_type(args[i - 1], json_type_string))))
			buf_putc(&text, ' ');
		template_print(&text, args[i]);
	}
	if (line)
		buf_putc(&text, '\n');
	return text_of(&text);
}

static struct json_object *f_print(struct json_object *const *args, size_t count)
{
	return print_all(args, count, false);
}

static struct json_object *f_println(struct json_object *const *args, size_t count)
{
	return print_all(args, count, true);
}

static struct json_object *f_printf(struct json_object *const *args, size_t count)
{
	autobuf text = BUF_INIT;

	if (!json_object_is_type(args[0], json_type_string) ||
	    !template_printf(&text, json_object_get_string(args[0]), args + 1, count - 1))
		return NULL;
	return text_of(&text);
}

static int compare(struct json_object *a, struct json_object *b)
{
	autobuf x = BUF_INIT, y = BUF_INIT;

	if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
		int64_t m = json_object_get_int64(a), n = json_object_get_int64(b);

		return m < n ? -1 : m > n;
	}
	template_print(&x, a);
	template_print(&y, b);
	return strcmp(x.data ? x.data : "", y.data ? y.data : "");
}

static struct json_object *f_eq(struct json_object *const *args, size_t count)
{
	bool equal = false;

	for (size_t i = 1; i < count; i++)
		equal |= compare(args[0], args[i]) == 0;
	return json_object_new_boolean(equal);
}

#define COMPARISON(name, op)                                                                       \
	static struct json_object *name(struct json_object *const *args, size_t count)             \
	{                                                                                          \
		(void)count;                                                                       \
		return json_object_new_boolean(compare(args[0], args[1]) op 0);                    \
	}
COMPARISON(f_ne, !=)
COMPARISON(f_lt, <)
COMPARISON(f_le, <=)
COMPARISON(f_gt, >)
COMPARISON(f_ge, >=)

static struct json_object *f_not(struct json_object *const *args, size_t count)
{
	(void)count;
	return json_object_new_boolean(!template_truth(args[0]));
}

/* The first that decides, else the last. */
static struct json_object *first_that_is(bool truth, struct json_object *const *args, size_t count)
{
	size_t i = 0;

	while (i + 1 < count && template_truth(args[i]) != truth)
		i++;
	return args[i] ? json_object_get(args[i]) : json_object_new_boolean(false);
}

static struct json_object *f_and(struct json_object *const *args, size_t count)
{
	return first_that_is(false, args, count);
}

static struct json_object *f_or(struct json_object *const *args, size_t count)
{
	return first_that_is(true, args, count);
}

int template_call(const char *name, struct json_object *const *args, size_t count, bool headers,
		  struct json_object **out)
{
	static const struct {
		const char *name;
		function call;
		size_t min, max;
		bool looks; /* changes no more than how a value looks */
	} functions[] = {
	    {"json", f_json, 1, 1, true},
	    {"upper", f_upper, 1, 1, true},
	    {"lower", f_lower, 1, 1, true},
	    {"title", f_title, 1, 1, true},
	    {"len", f_len, 1, 1, false},
	    {"index", f_index, 1, TEMPLATE_ARGUMENTS_MAX, false},
	    {"slice", f_slice, 1, 3, false},
	    {"join", f_join, 2, 2, true},
	    {"split", f_split, 2, 2, true},
	    {"truncate", f_truncate, 2, 2, true},
	    {"pad", f_pad, 3, 3, false},
	    {"print", f_print, 0, TEMPLATE_ARGUMENTS_MAX, false},
	    {"println", f_println, 0, TEMPLATE_ARGUMENTS_MAX, false},
	    {"printf", f_printf, 1, TEMPLATE_ARGUMENTS_MAX, false},
	    {"eq", f_eq, 2, TEMPLATE_ARGUMENTS_MAX, false},
	    {"ne", f_ne, 2, 2, false},
	    {"lt", f_lt, 2, 2, false},
	    {"le", f_le, 2, 2, false},
	    {"gt", f_gt, 2, 2, false},
	    {"ge", f_ge, 2, 2, false},
	    {"not", f_not, 1, 1, false},
	    {"and", f_and, 1, TEMPLATE_ARGUMENTS_MAX, false},
	    {"or", f_or, 1, TEMPLATE_ARGUMENTS_MAX, false},
	};

	*out = NULL;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, name) != 0)
			continue;
		if (count < functions[i].min || count > functions[i].max)
			return -EINVAL;
		*out = headers && functions[i].looks ? json_object_get(args[0])
						     : functions[i].call(args, count);
		return *out ? 0 : -EINVAL;
	}
	return -ENOENT;
}
