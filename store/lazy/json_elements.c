/* SPDX-License-Identifier: MIT */
/*
 * This code only looks for the ends of elements: it counts brackets outside of strings. Everything
 * that the grammar forbids is still in the text of an element, or of the rest, when the strict
 * parser gets it. Only the commas between two elements are checked here, as the parser never sees
 * them.
 */
#include "store/lazy/json_elements.h"

#include "store/base/json_quoted.h"

#include <errno.h>
#include <string.h>

/* Where in the brackets and strings of a text its end lies. */
struct nesting {
	unsigned depth;
	unsigned commas;
	bool in_string, escaped;
};

enum elements_part {
	PART_REST,	   /* outside of the array */
	PART_FIRST,	   /* in the array, before the first element */
	PART_BEHIND_VALUE, /* … and so on */
	PART_BEHIND_COMMA,
	PART_ELEMENT,
};

struct json_elements {
	const char *key; /* borrowed, as is arg */
	json_element_fn on_element;
	void *arg;
	enum elements_part part;
	bool found;	    /* the array has begun */
	uint64_t count;	    /* of elements */
	struct buf rest;    /* the document, its array empty */
	struct buf element; /* as far as it has come */
	struct json_fields fields;
	struct nesting in_rest, in_element;
	size_t string, string_end; /* the last string of the outermost object, in rest */
};

int json_elements_open(const char *key, json_element_fn on_element, void *arg,
		       struct json_elements **out, struct err *err)
{
	struct json_elements *e = calloc(1, sizeof(*e));

	if (!e)
		return err_nomem(err);
	e->key = key;
	e->on_element = on_element;
	e->arg = arg;
	*out = e;
	return 0;
}

void json_elements_close(struct json_elements *e)
{
	if (!e)
		return;
	buf_free(&e->rest);
	buf_free(&e->element);
	json_fields_free(&e->fields);
	free(e);
}

static inline void nesting_step(struct nesting *n, char c)
{
	if (n->escaped) {
		n->escaped = false;
	} else if (n->in_string) {
		n->escaped = c == '\\';
		n->in_string = c != '"';
	} else if (c == '"') {
		n->in_string = true;
	} else if (c == ',') {
		n->commas++;
	} else if (c == '{' || c == '[') {
		n->depth++;
	} else if ((c == '}' || c == ']') && n->depth > 0) {
		n->depth--;
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A table has one code for what is malformed. */
static int malformed(int r, const struct err *why, struct err *err)
{
	return err_set(err, r == -EPROTO ? EBADMSG : -r, "%s", why->text);
}

static int check_limits(const struct buf *text, const struct nesting *n, struct err *err)
{
	if (buf_failed(text))
		return err_nomem(err);
	if (text->len > JSON_ELEMENT_MAX)
		return err_set(err, EBADMSG, "JSON: more than %u bytes", JSON_ELEMENT_MAX);
	if (n->commas > JSON_ELEMENT_VALUES)
		return err_set(err, EBADMSG, "JSON: more than %d values", JSON_ELEMENT_VALUES);
	return 0;
}

/* Whether the "[" that rest ends with begins the array: `"key" :` stands before it. */
static bool begins_array(const struct json_elements *e)
{
	const char *text = e->rest.data;
	size_t len = strlen(e->key), colon = e->string_end, at;

	if (e->string_end - e->string != len + 2 || memcmp(text + e->string + 1, e->key, len) != 0)
		return false;
	while (is_space(text[colon]))
		colon++;
	if (text[colon] != ':')
		return false;
	for (at = colon + 1; is_space(text[at]);)
		at++;
	return at == e->rest.len - 1;
}

static int rest_byte(struct json_elements *e, char c, struct err *err)
{
	bool was_string = e->in_rest.in_string;
	unsigned depth = e->in_rest.depth;

	buf_putc(&e->rest, c);
	nesting_step(&e->in_rest, c);
	if (depth == 1 && !was_string && e->in_rest.in_string)
		e->string = e->rest.len - 1;
	if (depth == 1 && was_string && !e->in_rest.in_string)
		e->string_end = e->rest.len;
	if (depth != 1 || was_string || c != '[' || buf_failed(&e->rest) || !begins_array(e))
		return check_limits(&e->rest, &e->in_rest, err);
	if (e->found)
		return err_set(err, EBADMSG, "JSON: a second \"%s\"", e->key);
	e->found = true;
	e->part = PART_FIRST;
	return 0;
}

static int between_byte(struct json_elements *e, char c, struct err *err)
{
	if (is_space(c))
		return 0;
	if (c == ',' && e->part == PART_BEHIND_VALUE) {
		e->part = PART_BEHIND_COMMA;
		return 0;
	}
	if (c == ']' && e->part != PART_BEHIND_COMMA) {
		e->part = PART_REST;
		return rest_byte(e, c, err);
	}
	if (e->part == PART_BEHIND_VALUE)
		return err_set(err, EBADMSG, "JSON: a comma or ] must follow an object in \"%s\"",
			       e->key);
	if (c != '{')
		return err_set(err, EBADMSG, "JSON: what \"%s\" has is no object", e->key);
	e->part = PART_ELEMENT;
	e->in_element = (struct nesting){.depth = 1};
	buf_reset(&e->element);
	buf_putc(&e->element, c);
	return 0;
}

static int end_element(struct json_elements *e, struct err *err)
{
	struct err why; /* written only where it is read */
	int r = json_fields_read(&e->fields, e->element.data, e->element.len, &why);

	e->part = PART_BEHIND_VALUE;
	e->count++;
	return r ? malformed(r, &why, err) : e->on_element(e->arg, &e->fields, err);
}

/* What nesting_step looks for outside of strings. */
static const bool structural[256] = {
    ['"'] = true, [','] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
};

/* The bytes of the element under way; how many, or -errno. */
static ssize_t element_bytes(struct json_elements *e, const char *data, size_t len, struct err *err)
{
	struct nesting in = e->in_element; /* a copy that can stay in registers */
	size_t n = 0;
	int r;

	while (n < len && in.depth > 0) {
		if (in.in_string && !in.escaped)
			n += json_quoted_plain((const unsigned char *)data + n, len - n);
		while (n < len && !in.in_string && !structural[(unsigned char)data[n]])
			n++;
		if (n < len)
			nesting_step(&in, data[n++]);
	}
	e->in_element = in;
	buf_append(&e->element, data, n);
	r = check_limits(&e->element, &e->in_element, err);
	if (!r && e->in_element.depth == 0)
		r = end_element(e, err);
	return r ? r : (ssize_t)n;
}

int json_elements_feed(struct json_elements *e, const void *data, size_t len, struct err *err)
{
	const char *at = data, *end = at + len;

	while (at < end) {
		bool inside = e->part != PART_REST;
		ssize_t n = 1;

		if (e->part == PART_ELEMENT)
			n = element_bytes(e, at, (size_t)(end - at), err);
		else if (inside)
			n = between_byte(e, *at, err) ?: n;
		else
			n = rest_byte(e, *at, err) ?: n;
		if (n < 0)
			return inside ? err_context(err, "entry %llu", (unsigned long long)e->count)
				      : (int)n;
		at += n;
	}
	return 0;
}

int json_elements_finish(struct json_elements *e, struct json_object **rest, struct err *err)
{
	autojson *doc = NULL;
	struct json_object *array = NULL;
	struct err why; /* written only where it is read */
	int r;

	if (e->part != PART_REST)
		return err_set(err, EBADMSG, "JSON: it ends in entry %llu of \"%s\"",
			       (unsigned long long)e->count, e->key);
	r = json_parse(e->rest.data ? e->rest.data : "", e->rest.len, &doc, &why);
	if (r)
		return malformed(r, &why, err);
	if (!json_object_is_type(doc, json_type_object) ||
	    !json_object_object_get_ex(doc, e->key, &array))
		return err_set(err, EBADMSG, "JSON: there is no \"%s\"", e->key);
	/* Go writes null for an array without elements. One that was not seen when it went by has
	 * escapes in its key. */
	if (array && (!e->found || !json_object_is_type(array, json_type_array)))
		return err_set(err, EBADMSG, "JSON: \"%s\" is no array", e->key);
	*rest = steal(&doc);
	return 0;
}
