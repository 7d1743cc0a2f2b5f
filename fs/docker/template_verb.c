/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_verb.h"

#include "fs/docker/template_constant.h"
#include "fs/docker/template_value.h"
#include "store/base/mem.h"
#include "store/base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 80 /* of a number in base 2, with its sign and front */

const char *template_verb_type(struct json_object *value)
{
	bool text = json_object_is_type(value, json_type_array);

	for (size_t i = 0; text && i < json_object_array_length(value); i++)
		text = json_object_is_type(json_object_array_get_idx(value, i), json_type_string);
	return !value ? "<nil>" : text ? "[]string" : template_type(value);
}

/* ---- filling up ---- */

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

static void put_padded(struct buf *out, const struct template_verb *v, const char *text, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += starts_character(text[i]);
	if (v->minus)
		buf_append(out, text, len);
	for (; v->has_width && width < v->width; width++)
		buf_putc(out, v->zero && !v->minus ? '0' : ' ');
	if (!v->minus)
		buf_append(out, text, len);
}

/* A number, whose zeros go between its front (sign, 0x) and its digits. */
static void put_number(struct buf *out, const struct template_verb *v, const char *front,
		       const char *digits)
{
	struct template_verb blank = *v;
	autobuf text = BUF_INIT;
	size_t used = strlen(front) + strlen(digits);

	buf_puts(&text, front);
	for (; v->zero && !v->minus && v->has_width && used < v->width; used++)
		buf_putc(&text, '0');
	buf_puts(&text, digits);
	blank.zero = false;
	put_padded(out, &blank, text.data ? text.data : "", text.len);
}

static const char *sign_of(const struct template_verb *v, bool negative)
{
	return negative ? "-" : v->plus ? "+" : v->space ? " " : "";
}

/* ---- what does not fit ---- */

static void put_bad(struct buf *out, const struct template_verb *v, struct json_object *value)
{
	buf_puts(out, "%!");
	buf_append(out, v->letter, v->letter_len);
	if (!value) {
		buf_puts(out, "(<nil>)");
		return;
	}
	buf_printf(out, "(%s=", template_verb_type(value));
	template_print(out, value);
	buf_putc(out, ')');
}

/* ---- numbers ---- */

static void digits_of(uint64_t n, unsigned base, bool upper, size_t precision,
		      char text[static DIGITS_MAX])
{
	const char *signs = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *at = text + DIGITS_MAX - 1, *start = at;

	*at = '\0';
	for (; n || start - at < (ptrdiff_t)precision; n /= base)
		if (at > text)
			*--at = signs[n % base];
		else
			break;
	memmove(text, at, strlen(at) + 1);
}

static void put_integer(struct buf *out, const struct template_verb *v, int64_t n, char letter)
{
	unsigned base = letter == 'b'			 ? 2
			: letter == 'o' || letter == 'O' ? 8
			: letter == 'x' || letter == 'X' ? 16
							 : 10;
	struct template_verb own = *v;
	char digits[DIGITS_MAX], front[8];

	own.zero = v->zero && !v->has_precision;
	digits_of(n < 0 ? 0 - (uint64_t)n : (uint64_t)n, base, letter == 'X',
		  v->has_precision ? (v->precision < 64 ? v->precision : 64) : 1, digits);
	snprintf(front, sizeof(front), "%s%s", sign_of(v, n < 0),
		 letter == 'O'			   ? "0o"
		 : !v->sharp || letter == 'v'	   ? ""
		 : letter == 'x'		   ? "0x"
		 : letter == 'X'		   ? "0X"
		 : letter == 'b'		   ? "0b"
		 : letter == 'o' && *digits != '0' ? "0"
						   : "");
	put_number(out, &own, front, digits);
}

static void put_code_point(struct buf *text, int64_t n)
{
	bool none = n < 0 || n > 0x10ffff || (n >= 0xd800 && n < 0xe000);

	utf8_encode(text, none ? UTF8_REPLACEMENT : (uint32_t)n);
}

static void put_integer_verb(struct buf *out, const struct template_verb *v,
			     struct json_object *value)
{
	int64_t n = json_object_get_int64(value);
	autobuf text = BUF_INIT;

	switch (*v->letter) {
	case 'v':
	case 'd':
	case 'b':
	case 'o':
	case 'O':
	case 'x':
	case 'X':
		put_integer(out, v, n, *v->letter);
		return;
	case 'c':
		put_code_point(&text, n);
		break;
	case 'q':
		buf_putc(&text, '\'');
		buf_puts(&text, n == '\'' || n == '\\' ? "\\" : "");
		put_code_point(&text, n);
		buf_putc(&text, '\'');
		break;
	case 'U':
		buf_printf(&text, "U+%04llX", (unsigned long long)n);
		if (v->sharp) {
			buf_puts(&text, " '");
			put_code_point(&text, n);
			buf_putc(&text, '\'');
		}
		break;
	default:
		put_bad(out, v, value);
		return;
	}
	put_padded(out, v, text.data ? text.data : "", text.len);
}

static void put_float_verb(struct buf *out, const struct template_verb *v,
			   struct json_object *value)
{
	double x = json_object_get_double(value);
	bool negative = x < 0, short_form = strchr("vgG", *v->letter) && !v->has_precision;
	int precision = !v->has_precision ? 6 : v->precision < 300 ? (int)v->precision : 300;
	char text[400];

	if (!strchr("vgGfFeE", *v->letter)) {
		put_bad(out, v, value);
		return;
	}
	x = negative ? -x : x;
	if (short_form)
		template_constant_float(x, text);
	else if (strchr("eE", *v->letter))
		snprintf(text, sizeof(text), "%.*e", precision, x);
	else if (strchr("fF", *v->letter))
		snprintf(text, sizeof(text), "%.*f", precision, x);
	else
		snprintf(text, sizeof(text), "%.*g", precision, x);
	if (strchr("GE", *v->letter))
		for (char *c = text; *c; c++)
			*c = (char)toupper((unsigned char)*c);
	put_number(out, v, sign_of(v, negative), *text == '+' ? text + 1 : text);
}

/* ---- text ---- */

static void put_hex(struct buf *out, const struct template_verb *v, const char *text, size_t len)
{
	const char *digits = *v->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	autobuf hex = BUF_INIT;

	if (v->has_precision && v->precision < len)
		len = v->precision;
	for (size_t i = 0; i < len; i++) {
		buf_puts(&hex, i && v->space ? " " : "");
		if (v->sharp && (!i || v->space))
			buf_puts(&hex, *v->letter == 'X' ? "0X" : "0x");
		buf_putc(&hex, digits[(unsigned char)text[i] >> 4]);
		buf_putc(&hex, digits[(unsigned char)text[i] & 15]);
	}
	put_padded(out, v, hex.data ? hex.data : "", hex.len);
}

/* Go's strconv.Quote: what can be shown is shown, unless ASCII alone is wanted (plus). */
static void quote_text(struct buf *out, const char *text, size_t len, bool ascii)
{
	static const char letters[] = "\a\b\f\n\r\t\v\"\\", names[] = "abfnrtv\"\\";

	buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		const char *simple = c ? strchr(letters, c) : NULL;
		size_t more = c < 0xc2 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : 0;
		uint32_t code = c & (0xffu >> (more + 2));

		for (size_t k = 1; k <= more; k++) {
			if (i + k >= len || starts_character(text[i + k])) {
				more = 0;
				break;
			}
			code = code << 6 | ((unsigned char)text[i + k] & 0x3f);
		}
		if (simple)
			buf_printf(out, "\\%c", names[simple - letters]);
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !more))
			buf_printf(out, "\\x%02x", c);
		else if (more && (ascii || code < 0xa0))
			buf_printf(out, "\\%c%0*x", code > 0xffff ? 'U' : 'u',
				   code > 0xffff ? 8 : 4, code);
		else
			buf_append(out, text + i, more + 1);
		i += more;
	}
	buf_putc(out, '"');
}

static void put_quoted(struct buf *out, const struct template_verb *v, const char *text, size_t len)
{
	autobuf quoted = BUF_INIT;

	if (v->sharp && *v->letter == 'q' && !memchr(text, '`', len)) {
		buf_putc(&quoted, '`');
		buf_append(&quoted, text, len);
		buf_putc(&quoted, '`');
	} else {
		quote_text(&quoted, text, len, v->plus);
	}
	put_padded(out, v, quoted.data, quoted.len);
}

static void put_text_verb(struct buf *out, const struct template_verb *v, struct json_object *value)
{
	const char *text = json_object_get_string(value);
	size_t len = (size_t)json_object_get_string_len(value);

	if (strchr("xX", *v->letter)) {
		put_hex(out, v, text, len);
		return;
	}
	if (v->has_precision)
		len = characters_length(text, len, v->precision);
	if (*v->letter == 'q' || (*v->letter == 'v' && v->sharp))
		put_quoted(out, v, text, len);
	else if (strchr("sv", *v->letter))
		put_padded(out, v, text, len);
	else
		put_bad(out, v, value);
}

/* ---- lists and maps: each of their values by the verb ---- */

static void put_items(struct buf *out, const struct template_verb *v, struct json_object *value)
{
	bool syntax = *v->letter == 'v' && v->sharp;
	autoitems items = {0};

	if (!template_items_open(value, &items)) {
		out->failed = true;
		return;
	}
	buf_puts(out, syntax ? template_verb_type(value) : items.keys ? "map" : "");
	buf_putc(out, syntax ? '{' : '[');
	for (size_t i = 0; i < items.count && out->len <= TEMPLATE_TEXT_MAX; i++) {
		autojson *key = items.keys ? template_items_key(&items, i) : NULL;
		autojson *item = template_items_value(&items, i);

		buf_puts(out, !i ? "" : syntax ? ", " : " ");
		if (key) {
			template_verb_print(out, v, key);
			buf_putc(out, ':');
		}
		template_verb_print(out, v, item);
	}
	buf_putc(out, syntax ? '}' : ']');
}

static void put_bool_verb(struct buf *out, const struct template_verb *v, struct json_object *value)
{
	const char *text = json_object_get_boolean(value) ? "true" : "false";

	if (strchr("tv", *v->letter))
		put_padded(out, v, text, strlen(text));
	else
		put_bad(out, v, value);
}

/* What a mark prints, for %v and %s. */
static bool put_marked(struct buf *out, const struct template_verb *v, struct json_object *value)
{
	autobuf text = BUF_INIT;

	if (!strchr("vs", *v->letter) || v->sharp || !template_is_marked(value))
		return false;
	template_print(&text, value);
	put_padded(out, v, text.data ? text.data : "", text.len);
	return true;
}

void template_verb_print(struct buf *out, const struct template_verb *v, struct json_object *value)
{
	const char *type = template_verb_type(value);

	if (*v->letter == 'T') {
		put_padded(out, v, type, strlen(type));
		return;
	}
	if (put_marked(out, v, value))
		return;
	switch (json_object_get_type(value)) {
	case json_type_null:
		if (*v->letter == 'v')
			put_padded(out, v, "<nil>", 5);
		else
			put_bad(out, v, NULL);
		break;
	case json_type_boolean:
		put_bool_verb(out, v, value);
		break;
	case json_type_int:
		put_integer_verb(out, v, value);
		break;
	case json_type_double:
		put_float_verb(out, v, value);
		break;
	case json_type_string:
		put_text_verb(out, v, value);
		break;
	default:
		put_items(out, v, value);
	}
}
