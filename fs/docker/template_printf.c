/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_printf.h"

#include "fs/docker/json_text.h"
#include "fs/docker/template_value.h"
#include "store/base/json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDTH_MAX 1000

/* "%-20.12s" */
struct printf_verb {
	bool left, zeros;
	size_t width;
	bool has_precision;
	size_t precision;
	char letter;
};

static bool parse_number(const char **at, size_t *out)
{
	for (*out = 0; **at >= '0' && **at <= '9'; (*at)++) {
		*out = *out * 10 + (size_t)(**at - '0');
		if (*out > WIDTH_MAX)
			return false;
	}
	return true;
}

/* Behind the %; *at is left behind the letter. */
static bool parse_verb(const char **at, struct printf_verb *v)
{
	*v = (struct printf_verb){0};
	for (; **at == '-' || **at == '0'; (*at)++)
		*(**at == '-' ? &v->left : &v->zeros) = true;
	if (!parse_number(at, &v->width))
		return false;
	v->has_precision = **at == '.';
	if (v->has_precision) {
		(*at)++;
		if (!parse_number(at, &v->precision))
			return false;
	}
	v->letter = **at;
	if (!v->letter || !strchr("svdqxt", v->letter))
		return false;
	(*at)++;
	return true;
}

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* The length of the first n characters of UTF-8. */
static size_t characters_length(const char *text, size_t len, size_t n)
{
	size_t i = 0;

	while (i < len && (n || !starts_character(text[i])))
		n -= starts_character(text[i++]);
	return i;
}

static void put_hex(struct buf *out, const struct buf *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < text->len; i++) {
		buf_putc(out, digits[(unsigned char)text->data[i] >> 4]);
		buf_putc(out, digits[(unsigned char)text->data[i] & 15]);
	}
}

static void put_quoted(struct buf *out, const struct buf *text)
{
	autojson *string = json_object_new_string_len(text->data ? text->data : "", (int)text->len);

	json_text_line(out, string, JSON_TEXT_PLAIN, NULL);
}

/* The value, without what fills it up. */
static void put_value(struct buf *out, const struct printf_verb *v, struct json_object *value)
{
	autobuf text = BUF_INIT;

	if (v->letter == 'x' && json_object_is_type(value, json_type_int)) {
		int64_t n = json_object_get_int64(value);

		buf_printf(out, "%s%" PRIx64, n < 0 ? "-" : "",
			   n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
		return;
	}
	template_print(&text, value);
	if (v->has_precision && v->letter != 'd')
		text.len = characters_length(text.data, text.len, v->precision);
	if (v->letter == 'x')
		put_hex(out, &text);
	else if (v->letter == 'q')
		put_quoted(out, &text);
	else
		buf_append(out, text.data, text.len);
}

static void put_padded(struct buf *out, const struct printf_verb *v, const struct buf *text)
{
	bool number = v->zeros && !v->left && v->letter == 'd';
	size_t sign = number && text->len && *text->data == '-', width = 0;

	for (size_t i = 0; i < text->len; i++)
		width += starts_character(text->data[i]);
	buf_append(out, text->data, sign);
	if (v->left)
		buf_append(out, text->data, text->len);
	for (; width < v->width; width++)
		buf_putc(out, number ? '0' : ' ');
	if (!v->left)
		buf_append_range(out, text, sign, text->len);
}

bool template_printf(struct buf *out, const char *format, struct json_object *const *args,
		     size_t count)
{
	size_t next = 0;

	while (*format && out->len <= TEMPLATE_TEXT_MAX) {
		autobuf text = BUF_INIT;
		struct printf_verb v;

		if (*format != '%' || format[1] == '%') {
			buf_putc(out, *format);
			format += *format == '%' ? 2 : 1;
			continue;
		}
		format++;
		if (!parse_verb(&format, &v) || next == count)
			return false;
		put_value(&text, &v, args[next++]);
		put_padded(out, &v, &text);
		if (buf_failed(&text))
			return false;
	}
	return true;
}
