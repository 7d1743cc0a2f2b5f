/* SPDX-License-Identifier: MIT */
#include "fs/docker/json_text.h"

#include "registry/wire/text.h"

#include <errno.h>
#include <string.h>

struct writer {
	struct buf *out;
	size_t start; /* length of what was in front */
	enum json_text_escape escape;
	bool indented;
	int depth;
};

static void write_value(struct writer *w, struct json_object *value);

/* All controls are escaped, also those that go beyond JSON's: what steers a terminal, turns the
 * direction of writing, or ends a line for JavaScript (U+2028). */
static void write_string(struct writer *w, const char *s, size_t len)
{
	static const char named[] = "\"\\\n\r\t\b\f";
	static const char letters[] = "\"\\nrtbf";

	buf_putc(w->out, '"');
	for (size_t i = 0; i < len; i++) {
		const char *at = s[i] ? strchr(named, s[i]) : NULL;
		uint32_t code;
		size_t control = at ? 0 : text_control(s + i, len - i, &code);
		bool html = w->escape == JSON_TEXT_HTML && s[i] && strchr("<>&", s[i]);

		if (at) {
			buf_putc(w->out, '\\');
			buf_putc(w->out, letters[at - named]);
		} else if (html) {
			buf_printf(w->out, "\\u%04x", (unsigned char)s[i]);
		} else if (control && (code || !s[i])) {
			buf_printf(w->out, "\\u%04x", code);
			i += control - 1;
		} else {
			buf_putc(w->out, s[i]);
		}
	}
	buf_putc(w->out, '"');
}

static void new_line(struct writer *w)
{
	if (!w->indented)
		return;
	buf_putc(w->out, '\n');
	for (int i = 0; i < w->depth; i++)
		buf_puts(w->out, "    ");
}

static bool is_full(const struct writer *w)
{
	return w->out->len - w->start > JSON_TEXT_MAX;
}

static void write_object(struct writer *w, struct json_object *value)
{
	const char *separator = "";

	buf_putc(w->out, '{');
	w->depth++;
	json_object_object_foreach(value, key, member)
	{
		if (is_full(w))
			break;
		buf_puts(w->out, separator);
		new_line(w);
		write_string(w, key, strlen(key));
		buf_puts(w->out, w->indented ? ": " : ":");
		write_value(w, member);
		separator = ",";
	}
	w->depth--;
	if (*separator)
		new_line(w);
	buf_putc(w->out, '}');
}

static void write_array(struct writer *w, struct json_object *value)
{
	size_t count = json_object_array_length(value);

	buf_putc(w->out, '[');
	w->depth++;
	for (size_t i = 0; i < count && !is_full(w); i++) {
		if (i)
			buf_putc(w->out, ',');
		new_line(w);
		write_value(w, json_object_array_get_idx(value, i));
	}
	w->depth--;
	if (count)
		new_line(w);
	buf_putc(w->out, ']');
}

static void write_value(struct writer *w, struct json_object *value)
{
	const char *text;

	if (is_full(w))
		return;
	switch (json_object_get_type(value)) {
	case json_type_object:
		write_object(w, value);
		break;
	case json_type_array:
		write_array(w, value);
		break;
	case json_type_string:
		write_string(w, json_object_get_string(value),
			     (size_t)json_object_get_string_len(value));
		break;
	default: /* null, true, a number */
		text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
		if (text)
			buf_puts(w->out, text);
		else
			w->out->failed = true;
	}
}

static int write_all(struct writer *w, struct json_object *value, struct err *err)
{
	w->start = w->out->len;
	write_value(w, value);
	if (buf_failed(w->out))
		return err_nomem(err);
	return is_full(w) ? err_set(err, EFBIG, "more than %u bytes of JSON", JSON_TEXT_MAX) : 0;
}

int json_text_line(struct buf *out, struct json_object *value, enum json_text_escape escape,
		   struct err *err)
{
	return write_all(&(struct writer){.out = out, .escape = escape}, value, err);
}

int json_text_indented(struct buf *out, struct json_object *value, enum json_text_escape escape,
		       struct err *err)
{
	return write_all(&(struct writer){.out = out, .escape = escape, .indented = true}, value,
			 err);
}
