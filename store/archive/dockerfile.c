/* SPDX-License-Identifier: MIT */
#include "store/archive/dockerfile.h"

#include <ctype.h>
#include <string.h>

static const char *environment(const struct json_object *env, const char *name, size_t len)
{
	for (size_t i = 0; env && i < json_object_array_length(env); i++) {
		const char *text = json_text(json_object_array_get_idx(env, i));

		if (text && strncmp(text, name, len) == 0 && text[len] == '=')
			return text + len + 1;
	}
	return "";
}

static bool dockerfile_is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* $NAME or ${NAME}: what ENV set before. Gives what is behind it. */
static const char *put_variable(const struct json_object *env, const char *p, struct buf *out)
{
	bool braces = p[1] == '{';
	const char *name = p + 1 + braces;
	size_t len = 0;

	while (dockerfile_is_name(name[len]))
		len++;
	if (len == 0 || (braces && name[len] != '}')) {
		buf_putc(out, '$');
		return p + 1;
	}
	buf_puts(out, environment(env, name, len));
	return name + len + braces;
}

const char *dockerfile_word(const struct json_object *env, const char *p, bool all, struct buf *out)
{
	char quote = 0;

	for (; *p && (quote || all || !isspace((unsigned char)*p));) {
		if (quote != '\'' && *p == '\\' && p[1]) {
			if (quote == '"' && !strchr("\"$\\", p[1]))
				buf_putc(out, '\\');
			buf_putc(out, p[1]);
			p += 2;
		} else if (quote != '\'' && *p == '$') {
			p = put_variable(env, p, out);
		} else if (*p == quote) {
			quote = 0;
			p++;
		} else if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p++;
		} else {
			buf_putc(out, *p++);
		}
	}
	buf_puts(out, "");
	return quote ? NULL : p;
}

struct json_object *dockerfile_exec_form(const char *text)
{
	struct json_object *o = NULL;

	if (*text != '[' || json_parse(text, strlen(text), &o, NULL))
		return NULL;
	if (json_object_is_type(o, json_type_array)) {
		size_t i = 0, n = json_object_array_length(o);

		while (i < n && json_text(json_object_array_get_idx(o, i)))
			i++;
		if (i == n)
			return o;
	}
	json_object_put(o);
	return NULL;
}

int64_t dockerfile_duration(const char *text, size_t len)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
	const char *end = text + len;
	double ns = 0;

	while (text < end) {
		char *unit;
		double n = strtod(text, &unit);
		size_t i = 0, letters = 0;

		while (unit + letters < end && isalpha((unsigned char)unit[letters]))
			letters++;
		while (i < 6 && (strlen(units[i].unit) != letters ||
				 strncmp(units[i].unit, unit, letters) != 0))
			i++;
		if (unit == text || i == 6 || !(n >= 0))
			return -1;
		ns += n * units[i].ns;
		text = unit + letters;
	}
	return len && ns < 9e18 ? (int64_t)ns : -1;
}
