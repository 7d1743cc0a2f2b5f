/* SPDX-License-Identifier: MIT */
#include "fs/docker/recipe_text.h"

#include "store/base/utf8.h"
#include "store/base/mem.h"

#include <string.h>

/* One character, or what stands for it; gives how long it was. */
static size_t put_character(struct buf *out, const char *text, size_t len)
{
	uint32_t code;
	size_t n = utf8_decode(text, len, &code);

	if (n && (*text == '\t' || !utf8_is_control(code)))
		buf_append(out, text, n);
	else
		buf_putc(out, '?');
	return n ? n : 1;
}

void recipe_line(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		if (text[i] == '\n' || text[i] == '\r') {
			buf_putc(out, ' ');
			i++;
		} else {
			i += put_character(out, text + i, len - i);
		}
	}
}

void recipe_lines(struct buf *out, const char *text, size_t len)
{
	char last = 0;

	for (size_t i = 0; i < len;) {
		last = text[i];
		if (last == '\n' || (last == '\r' && i + 1 < len && text[i + 1] == '\n')) {
			buf_puts(out, last == '\n' ? "\n" : "");
			i++;
		} else {
			i += put_character(out, text + i, len - i);
		}
	}
	if (last != '\n')
		buf_putc(out, '\n');
}

static bool recipe_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A run of blanks that no words are parted by: it was the indentation of a line. What begins with #
 * there would be a comment. */
static bool was_line_end(const char *text, size_t at, size_t len)
{
	size_t run = 0;

	while (at + run < len && recipe_is_blank(text[at + run]))
		run++;
	return at + run < len && text[at + run] != '#' &&
	       (run >= 3 || (run == 2 && text[at + 1] == '\t'));
}

void recipe_command(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		bool first = i > 0 && !recipe_is_blank(text[i - 1]) && recipe_is_blank(text[i]);

		if (first && was_line_end(text, i, len)) {
			buf_puts(out, text[i] == '\t' ? "\\\n\t" : " \\\n");
			i++;
		} else {
			i += put_character(out, text + i, len - i);
		}
	}
}

/* Behind a backslash at its end, and blanks, a line is not over. */
static bool goes_on(const char *line, size_t len)
{
	while (len && (recipe_is_blank(line[len - 1]) || line[len - 1] == '\r'))
		len--;
	return len && line[len - 1] == '\\';
}

void recipe_closed(struct buf *out, const struct buf *lines)
{
	const char *line = lines->data, *end = line + lines->len;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline ? newline : end) - line);

		buf_puts(out, goes_on(line, len) && *line != '#' ? "# no instruction: " : "");
		buf_append(out, line, len);
		buf_putc(out, '\n');
		line += len + 1;
	}
	out->failed |= buf_failed(lines);
}

void recipe_quoted(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	buf_putc(out, '"');
	for (size_t i = 0; i < len;) {
		if (strchr("\"\\$", text[i]))
			buf_putc(out, '\\');
		if (text[i] == '\n')
			buf_putc(out, ' ');
		i += text[i] == '\n' ? 1 : put_character(out, text + i, len - i);
	}
	buf_putc(out, '"');
}

void recipe_exec(struct buf *out, const struct json_object *words)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < json_object_array_length(words); i++) {
		const char *text = json_object_to_json_string_ext(
		    json_object_array_get_idx(words, i), JSON_TEXT_FLAGS);

		buf_puts(out, i ? ", " : "");
		recipe_line(out, text ? text : "", text ? strlen(text) : 0);
	}
	buf_putc(out, ']');
}

/* A string as Go quotes it, which is JSON but for \x and the like; gives what is behind it, or NULL. */
static const char *next_quoted(const char *text, struct json_object *words)
{
	const char *end = text + 1;
	autofree char *json = NULL;
	struct json_object *word;

	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	if (!*end)
		return NULL;
	json = strndup(text, (size_t)(end + 1 - text));
	if (!json || json_parse(json, strlen(json), &word, NULL))
		return NULL;
	return json_object_array_add(words, word) ? NULL : end + 1;
}

static const char *next_bare(const char *text, struct json_object *words)
{
	size_t len = strcspn(text, " ]");

	return json_object_array_add(words, json_object_new_string_len(text, (int)len))
		   ? NULL
		   : text + len;
}

bool recipe_go_list(struct buf *out, const char *text)
{
	autojson *words = json_object_new_array();

	if (*text++ != '[' || !words)
		return false;
	for (text += strspn(text, " ,"); *text && *text != ']'; text += strspn(text, " ,")) {
		text = *text == '"' ? next_quoted(text, words) : next_bare(text, words);
		if (!text)
			return false;
	}
	if (*text != ']' || text[1 + strspn(text + 1, " ")])
		return false;
	recipe_exec(out, words);
	return true;
}
