/* SPDX-License-Identifier: MIT */
/* The functions of templates that make text. */
#include "fs/docker/template_function.h"
#include "fs/docker/template_value.h"
#include "store/base/json.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PAD_MAX	  1000
#define SPLIT_MAX 100000 /* parts; each takes more memory than its bytes */

static int map_text(struct template_call *c, int (*change)(int), bool first,
		    struct json_object **out)
{
	autobuf text = BUF_INIT;
	bool start = true;
	const char *from;
	size_t len;
	int r = template_text(c, 0, &from, &len);

	if (r)
		return r;
	buf_append(&text, from, len);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		if (!first || start)
			text.data[i] = (char)change(byte);
		start = byte < 0x80 && !isalnum(byte) && byte != '_'; /* Go's strings.Title */
	}
	return template_give(c, &text, out);
}

int template_f_upper(struct template_call *c, struct json_object **out)
{
	return map_text(c, toupper, false, out);
}

int template_f_lower(struct template_call *c, struct json_object **out)
{
	return map_text(c, tolower, false, out);
}

int template_f_title(struct template_call *c, struct json_object **out)
{
	return map_text(c, toupper, true, out);
}

/* What is too long already grows no more. */
static bool has_room(const struct buf *text)
{
	return text->len <= TEMPLATE_TEXT_MAX;
}

int template_f_join(struct template_call *c, struct json_object **out)
{
	struct json_object *list = c->args[0];
	autobuf text = BUF_INIT;
	const char *by;
	size_t len;
	int r = template_text(c, 1, &by, &len);

	if (!r && !json_object_is_type(list, json_type_array))
		r = err_set(c->err, EINVAL, "wrong type for value; expected []string; got %s",
			    template_type(list));
	if (r)
		return r;
	for (size_t i = 0; i < json_object_array_length(list) && has_room(&text); i++) {
		if (i)
			buf_append(&text, by, len);
		template_print(&text, json_object_array_get_idx(list, i));
	}
	return template_give(c, &text, out);
}

/* The length of what stands in front of the next separator, which may be empty: then parts are
 * characters. */
static size_t template_text_part_length(const char *text, size_t len, const char *by, size_t by_len)
{
	const char *end = by_len ? memmem(text, len, by, by_len) : NULL;
	size_t n = 1;

	if (by_len)
		return end ? (size_t)(end - text) : len;
	while (n < len && ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static int template_text_add_part(struct template_call *c, struct json_object *list,
				  const char *text, size_t len)
{
	struct json_object *part;

	c->work += 64 + len;
	if (json_object_array_length(list) == SPLIT_MAX)
		return err_set(c->err, EINVAL, "more than %d parts", SPLIT_MAX);
	part = json_object_new_string_len(text, (int)len);
	if (part && json_object_array_add(list, part) == 0)
		return 0;
	json_object_put(part);
	return err_nomem(c->err);
}

int template_f_split(struct template_call *c, struct json_object **out)
{
	autojson *list = json_object_new_array();
	const char *text, *by;
	size_t len, by_len;
	bool more = true;
	int r = list ? template_text(c, 0, &text, &len) : err_nomem(c->err);

	if (!r)
		r = template_text(c, 1, &by, &by_len);
	while (!r && more && (len || by_len)) {
		size_t n = template_text_part_length(text, len, by, by_len);

		r = template_text_add_part(c, list, text, n);
		more = n < len;
		n += more ? by_len : 0;
		text += n;
		len -= n;
	}
	return r ? r : template_give_value(c, json_object_get(list), out);
}

int template_f_truncate(struct template_call *c, struct json_object **out)
{
	const char *text;
	size_t len;
	int64_t limit;
	int r = template_text(c, 0, &text, &len);

	if (!r)
		r = template_number(c, 1, &limit);
	if (!r && limit < 0)
		r = err_set(c->err, EINVAL, "slice bounds out of range [:%lld]", (long long)limit);
	if (r)
		return r;
	if ((uint64_t)limit < len)
		len = (size_t)limit;
	c->work += len;
	return template_give_value(c, json_object_new_string_len(text, (int)len), out);
}

static int take_width(struct template_call *c, size_t i, int64_t *out)
{
	int r = template_number(c, i, out);

	if (!r && (*out < 0 || *out > PAD_MAX))
		r = err_set(c->err, EINVAL, "a width that is none of 0 to %d", PAD_MAX);
	return r;
}

int template_f_pad(struct template_call *c, struct json_object **out)
{
	autobuf padded = BUF_INIT;
	const char *text;
	size_t len;
	int64_t before, after;
	int r = template_text(c, 0, &text, &len);

	if (!r)
		r = take_width(c, 1, &before);
	if (!r)
		r = take_width(c, 2, &after);
	if (r)
		return r;
	if (!len) /* docker leaves empty text alone */
		before = after = 0;
	while (before-- > 0)
		buf_putc(&padded, ' ');
	buf_append(&padded, text, len);
	while (after-- > 0)
		buf_putc(&padded, ' ');
	return template_give(c, &padded, out);
}

/* Go's Sprint puts blanks between those that are not text; Sprintln between all. */
static int template_text_print_all(struct template_call *c, bool line, struct json_object **out)
{
	autobuf text = BUF_INIT;

	for (size_t i = 0; i < c->count && has_room(&text); i++) {
		if (i && (line || !(json_object_is_type(c->args[i], json_type_string) ||
				    json_object_is_type(c->args[i - 1], json_type_string))))
			buf_putc(&text, ' ');
		template_print(&text, c->args[i]);
	}
	if (line)
		buf_putc(&text, '\n');
	return template_give(c, &text, out);
}

int template_f_print(struct template_call *c, struct json_object **out)
{
	return template_text_print_all(c, false, out);
}

int template_f_println(struct template_call *c, struct json_object **out)
{
	return template_text_print_all(c, true, out);
}
