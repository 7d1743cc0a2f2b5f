/* SPDX-License-Identifier: MIT */
#include "fs/template_value.h"

#include "fs/json_text.h"
#include "store/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool template_truth(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return json_object_get_boolean(value);
	case json_type_int:
		return json_object_get_int64(value) != 0;
	case json_type_double:
		return json_object_get_double(value) != 0;
	case json_type_string:
		return json_object_get_string_len(value) > 0;
	case json_type_array:
		return json_object_array_length(value) > 0;
	case json_type_object:
		return json_object_object_length(value) > 0;
	default:
		return false;
	}
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object in Go's order; the caller frees the array. */
static const char **sorted_keys(struct json_object *o, size_t *count)
{
	const char **keys;
	size_t n = 0;

	*count = (size_t)json_object_object_length(o);
	keys = calloc(*count + 1, sizeof(*keys));
	if (!keys)
		return NULL;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	return keys;
}

static void print_object(struct buf *out, struct json_object *o)
{
	size_t count;
	autofree const char **keys = sorted_keys(o, &count);

	buf_puts(out, "map[");
	for (size_t i = 0; keys && i < count; i++) {
		buf_printf(out, "%s%s:", i ? " " : "", keys[i]);
		template_print(out, json_object_object_get(o, keys[i]));
	}
	buf_putc(out, ']');
}

void template_print(struct buf *out, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		buf_puts(out, "<no value>");
		break;
	case json_type_string:
		buf_append(out, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
		break;
	case json_type_array:
		buf_putc(out, '[');
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (i)
				buf_putc(out, ' ');
			template_print(out, json_object_array_get_idx(value, i));
		}
		buf_putc(out, ']');
		break;
	case json_type_object:
		print_object(out, value);
		break;
	default:
		buf_puts(out, json_object_get_string(value));
	}
}

size_t template_elements(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value);
	return json_object_is_type(value, json_type_object)
		   ? (size_t)json_object_object_length(value)
		   : 0;
}

struct json_object *template_element(struct json_object *value, size_t i)
{
	size_t count;
	autofree const char **keys = NULL;

	if (json_object_is_type(value, json_type_array))
		return json_object_get(json_object_array_get_idx(value, i));
	if (!json_object_is_type(value, json_type_object))
		return NULL;
	keys = sorted_keys(value, &count);
	return keys && i < count ? json_object_get(json_object_object_get(value, keys[i])) : NULL;
}

struct json_object *template_key(struct json_object *value, size_t i)
{
	size_t count;
	autofree const char **keys = NULL;

	if (!json_object_is_type(value, json_type_object))
		return json_object_new_int64((int64_t)i);
	keys = sorted_keys(value, &count);
	return keys && i < count ? json_object_new_string(keys[i]) : NULL;
}

/* ---- functions ---- */

static struct json_object *text_of(const struct buf *text)
{
	return buf_failed(text)
		   ? NULL
		   : json_object_new_string_len(text->data ? text->data : "", (int)text->len);
}

/* A function: its arguments are as many as it said. NULL: they are of the wrong kind. */
typedef struct json_object *(*function)(struct json_object *const *args, size_t count);

static const char zero_mark;

struct json_object *template_zero(enum json_type type)
{
	struct json_object *zero = type == json_type_array    ? json_object_new_array()
				   : type == json_type_object ? json_object_new_object()
							      : json_object_new_string("");

	if (zero)
		json_object_set_userdata(zero, (void *)&zero_mark, NULL);
	return zero;
}

static bool is_zero(struct json_object *value)
{
	return value && json_object_get_userdata(value) == &zero_mark;
}

/* The value without members that are zero: a new reference. */
static struct json_object *without_zeros(struct json_object *value)
{
	struct json_object *copy;

	if (!json_object_is_type(value, json_type_object))
		return json_object_get(value);
	copy = json_object_new_object();
	json_object_object_foreach(value, key, member)
	{
		if (copy && !is_zero(member))
			json_object_object_add(copy, key, without_zeros(member));
	}
	return copy;
}

static struct json_object *f_json(struct json_object *const *args, size_t count)
{
	bool null = is_zero(args[0]) && !json_object_is_type(args[0], json_type_string);
	autojson *value = null ? NULL : without_zeros(args[0]);
	autobuf text = BUF_INIT;

	(void)count;
	json_text_line(&text, value, JSON_TEXT_PLAIN);
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
	const char *format = json_object_get_string(args[0]);
	autobuf text = BUF_INIT;
	size_t next = 1;

	for (; format && *format; format++) {
		if (*format != '%' || !format[1]) {
			buf_putc(&text, *format);
		} else if (*++format == '%') {
			buf_putc(&text, '%');
		} else if (!strchr("svdq", *format) || next >= count) {
			return NULL;
		} else if (*format == 'q') {
			json_text_line(&text, args[next++], JSON_TEXT_PLAIN);
		} else {
			template_print(&text, args[next++]);
		}
	}
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
