/* SPDX-License-Identifier: MIT */
#include "store/base/json_check.h"

#include "store/base/json_fields.h"
#include "store/base/json_quoted.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX    128 /* characters of a number */
#define KEYS_UNSORTED 24

/* A key of an object that is still open; its text, escapes resolved, lies in json_fields.folded. */
struct key {
	size_t text;
	size_t len;
	size_t at; /* offset in the document, for the message */
};

struct check {
	const unsigned char *start, *p, *end;
	unsigned depth;
	unsigned levels; /* of members that are kept */
	size_t values;
	struct json_fields *f;
	struct err *err;
};

static int value(struct check *c, bool free_keys, struct json_field *out);

static int broken_at(struct check *c, const unsigned char *at, const char *rule)
{
	return err_set(c->err, EPROTO, "invalid JSON at byte %zu: %s", (size_t)(at - c->start),
		       rule);
}

static int broken(struct check *c, const char *rule)
{
	return broken_at(c, c->p, rule);
}

static void skip_space(struct check *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static size_t skip_digits(struct check *c)
{
	const unsigned char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - from);
}

/* Whole numbers must fit into 64 bits: json-c would bend them. */
static int whole_number(struct check *c, const unsigned char *from, struct json_field *out)
{
	bool negative = *from == '-', over = false;
	uint64_t v = 0;

	for (const unsigned char *p = from + negative; p < c->p; p++)
		over |=
		    __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v);
	if (over || (negative && v > (uint64_t)INT64_MAX + 1))
		return broken_at(c, from, "a number is out of range");
	out->kind = JSON_WHOLE;
	out->negative = negative && v > 0;
	out->number = v;
	return 0;
}

/* And others must fit into a double. */
static int double_number(struct check *c, const unsigned char *from, struct json_field *out)
{
	char text[NUMBER_MAX + 1] = "";

	memcpy(text, from, (size_t)(c->p - from));
	out->kind = JSON_FRACTION;
	return isfinite(strtod(text, NULL)) ? 0 : broken_at(c, from, "a number is out of range");
}

static int number(struct check *c, struct json_field *out)
{
	const unsigned char *from = c->p;
	bool whole = true;

	if (*c->p == '-')
		c->p++;
	if (c->p < c->end && *c->p == '0')
		c->p++;
	else if (skip_digits(c) == 0)
		return broken(c, "not a value");
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		whole = false;
		if (skip_digits(c) == 0)
			return broken(c, "digits must follow the point of a number");
	}
	if (c->p < c->end && (*c->p | 0x20) == 'e') {
		c->p++;
		whole = false;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		if (skip_digits(c) == 0)
			return broken(c, "digits must follow the exponent sign of a number");
	}
	if (c->p - from > NUMBER_MAX)
		return broken_at(c, from, "a number is too long");
	return whole ? whole_number(c, from, out) : double_number(c, from, out);
}

static int word(struct check *c, const char *text, enum json_kind kind, struct json_field *out)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0)
		return broken(c, "not a value");
	c->p += len;
	out->kind = kind;
	return 0;
}

/*
 * Case folding as Go's encoding/json does it for ASCII names: beside A–Z, U+017F (long s) folds to
 * s and U+212A (Kelvin) to k. In place; returns the new length.
 */
static size_t fold(char *s, size_t len)
{
	size_t from, to = 0;

	for (from = 0; from < len; from++) {
		if (s[from] >= 'A' && s[from] <= 'Z') {
			s[to++] = (char)(s[from] | 0x20);
		} else if ((unsigned char)s[from] < 0x80) {
			s[to++] = s[from];
		} else if (len - from >= 2 && memcmp(s + from, "\xc5\xbf", 2) == 0) {
			s[to++] = 's';
			from += 1;
		} else if (len - from >= 3 && memcmp(s + from, "\xe2\x84\xaa", 3) == 0) {
			s[to++] = 'k';
			from += 2;
		} else {
			s[to++] = s[from];
		}
	}
	return to;
}

bool json_same_folded(const char *key, const char *name)
{
	char a[64], b[64];
	size_t key_len = strlen(key), name_len = strlen(name);

	if (key_len > sizeof(a) || name_len > sizeof(b))
		return false;
	memcpy(a, key, key_len);
	memcpy(b, name, name_len);
	key_len = fold(a, key_len);
	return key_len == fold(b, name_len) && memcmp(a, b, key_len) == 0;
}

static bool has_free_keys(const char *key, size_t len)
{
	static const char *const names[] = {"annotations",  "Labels", "Volumes",     "xattrs",
					    "ExposedPorts", "auths",  "credHelpers", "HttpHeaders"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == len && memcmp(names[i], key, len) == 0)
			return true;
	return false;
}

static int compare_keys(const void *a, const void *b, void *text)
{
	const struct key *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp((char *)text + x->text, (char *)text + y->text, len);

	if (order)
		return order;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool same_key(const struct check *c, const struct key *a, const struct key *b)
{
	return a->len == b->len &&
	       memcmp(c->f->folded.data + a->text, c->f->folded.data + b->text, a->len) == 0;
}

/* One of 64, by the length of a key and its ends: most keys of an object have one of their own. */
static uint64_t bit_of(const struct check *c, const struct key *k)
{
	const char *text = c->f->folded.data + k->text;

	return UINT64_C(1) << (k->len ? (k->len * 5 + text[0] * 9 + text[k->len - 1]) & 63 : 0);
}

/* Each key of the object that ends here against those before it; where they are many, they are
 * sorted, and each is compared with its neighbour alone. */
static int check_duplicates(struct check *c, size_t first_key)
{
	size_t count = (c->f->keys.len - first_key) / sizeof(struct key);
	size_t near = count > KEYS_UNSORTED ? 1 : count;
	uint64_t seen = 0;
	struct key *keys;

	if (buf_failed(&c->f->keys) || buf_failed(&c->f->folded))
		return err_nomem(c->err);
	if (count == 0)
		return 0;
	keys = (struct key *)(void *)(c->f->keys.data + first_key);
	if (near == 1)
		qsort_r(keys, count, sizeof(*keys), compare_keys, c->f->folded.data);
	for (size_t i = 0; i < count; seen |= bit_of(c, &keys[i++])) {
		size_t j = seen & bit_of(c, &keys[i]) ? i : 0;

		for (; j > 0 && i - j < near; j--)
			if (same_key(c, &keys[i], &keys[j - 1]))
				return broken_at(c, c->start + keys[i].at, "duplicate key");
	}
	return 0;
}

/* Up to the first byte of the value. The key is noted until its object ends. */
static int read_key(struct check *c, bool free_keys, bool *below_free, struct json_field *keep)
{
	struct buf *folded = &c->f->folded;
	struct key key = {.text = folded->len, .at = (size_t)(c->p - c->start)};
	const char *rule;
	char *text;

	if (c->p == c->end || *c->p != '"')
		return broken(c, "a key must be a string");
	buf_reserve(folded, 0); /* so that an empty key has an address, too */
	rule = json_quoted_read(&c->p, c->end, folded);
	if (rule)
		return broken(c, rule);
	if (buf_failed(folded))
		return err_nomem(c->err);
	text = folded->data + key.text;
	key.len = folded->len - key.text;
	if (memchr(text, '\0', key.len))
		return broken_at(c, c->start + key.at, "NUL in a key");
	skip_space(c);
	if (c->p == c->end || *c->p != ':')
		return broken(c, "a colon must follow a key");
	c->p++;
	skip_space(c);
	*below_free = c->p < c->end && *c->p == '{' && has_free_keys(text, key.len);
	keep->key_len = key.len;
	if (c->depth <= c->levels) { /* room for all that is kept was reserved: none of it moves */
		keep->key = c->f->text.data + c->f->text.len;
		buf_append(&c->f->text, text, key.len + 1);
	}
	if (!free_keys)
		key.len = fold(text, key.len);
	folded->len = key.text + key.len;
	buf_append(&c->f->keys, &key, sizeof(key));
	return 0;
}

/* "key": value */
static int member(struct check *c, bool free_keys)
{
	struct json_field field = {.level = c->depth};
	bool below_free = false, kept = c->depth <= c->levels;
	size_t at = c->f->list.len;
	int r = read_key(c, free_keys, &below_free, &field);

	if (!r && kept) /* its own place comes before the ones of what it has */
		buf_append(&c->f->list, &field, sizeof(field));
	if (!r)
		r = value(c, below_free, &field);
	if (r || !kept)
		return r;
	if (buf_failed(&c->f->list))
		return err_nomem(c->err);
	memcpy(c->f->list.data + at, &field, sizeof(field));
	return 0;
}

/* The members of an object or the values of an array, up to its closing bracket. */
static int members(struct check *c, bool object, bool free_keys)
{
	const unsigned char close = object ? '}' : ']';
	struct json_field unused = {0};
	int r;

	c->p++;
	skip_space(c);
	if (c->p < c->end && *c->p == close) {
		c->p++;
		return 0;
	}
	for (;;) {
		skip_space(c);
		r = object ? member(c, free_keys) : value(c, false, &unused);
		if (r)
			return r;
		skip_space(c);
		if (c->p < c->end && *c->p == ',') {
			c->p++;
			continue;
		}
		if (c->p == c->end || *c->p != close)
			return broken(c, object ? "a comma or } must follow a member"
						: "a comma or ] must follow a value");
		c->p++;
		return 0;
	}
}

static int container(struct check *c, bool object, bool free_keys, struct json_field *out)
{
	size_t first_key = c->f->keys.len, first_text = c->f->folded.len;
	int r;

	if (++c->depth > JSON_DEPTH_MAX)
		return broken(c, "nested too deep");
	r = members(c, object, free_keys);
	if (!r && object)
		r = check_duplicates(c, first_key);
	c->f->keys.len = first_key;
	c->f->folded.len = first_text;
	c->depth--;
	out->kind = object ? JSON_OBJECT : JSON_ARRAY;
	return r;
}

static int string(struct check *c, struct json_field *out)
{
	bool kept = out->key != NULL;
	size_t from = c->f->text.len;
	const char *rule = json_quoted_read(&c->p, c->end, kept ? &c->f->text : NULL);

	if (rule)
		return broken(c, rule);
	out->kind = JSON_STRING;
	if (kept) {
		out->text = c->f->text.data + from;
		out->len = c->f->text.len - from;
		buf_putc(&c->f->text, '\0');
	}
	return 0;
}

/* `free_keys`: where the value is an object, its keys are compared exactly. */
static int value(struct check *c, bool free_keys, struct json_field *out)
{
	skip_space(c);
	if (c->p == c->end)
		return broken(c, "the document ends too early");
	if (++c->values > JSON_VALUES_MAX)
		return broken(c, "too many values");
	switch (*c->p) {
	case '{':
		return container(c, true, free_keys, out);
	case '[':
		return container(c, false, false, out);
	case '"':
		return string(c, out);
	case 't':
		return word(c, "true", JSON_BOOL, out);
	case 'f':
		return word(c, "false", JSON_BOOL, out);
	case 'n':
		return word(c, "null", JSON_NULL, out);
	default:
		return number(c, out);
	}
}

static int check_document(struct check *c)
{
	struct json_field unused = {0};
	int r = value(c, false, &unused);

	if (r)
		return r;
	skip_space(c);
	return c->p == c->end ? 0 : broken(c, "bytes behind the document");
}

int json_check(const char *data, size_t len, struct err *err)
{
	autofields f = {0};
	const unsigned char *start = (const unsigned char *)data;
	struct check c = {.start = start, .p = start, .end = start + len, .f = &f, .err = err};

	return check_document(&c);
}

int json_fields_read(struct json_fields *f, const char *data, size_t len, struct err *err)
{
	const unsigned char *start = (const unsigned char *)data;
	struct check c = {.start = start, .p = start, .end = start + len, .f = f, .err = err};

	c.levels = JSON_FIELD_LEVELS;
	f->source = data;
	f->source_len = len;
	buf_reset(&f->list);
	buf_reset(&f->text);
	buf_reset(&f->keys);
	buf_reset(&f->folded);
	/* What a string says and its NUL take no more than the string and its quotes. A list
	 * without fields has an address, too. */
	if (!buf_reserve(&f->text, len) || !buf_reserve(&f->list, 0))
		return err_nomem(err);
	return check_document(&c);
}
