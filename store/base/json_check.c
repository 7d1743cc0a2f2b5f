/* SPDX-License-Identifier: MIT */
#include "store/base/json_check.h"

#include "store/base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 128 /* characters of a number */

/* A key of an object that is still open; its text, escapes resolved, lies in check.text. */
struct key {
	size_t text;
	size_t len;
	size_t at; /* offset in the document, for the message */
};

struct check {
	const unsigned char *start, *p, *end;
	unsigned depth;
	size_t values;
	struct buf keys; /* a stack of struct key */
	struct buf text;
	struct err *err;
};

static int value(struct check *c, bool free_keys);

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

/* Length of the UTF-8 sequence at p (RFC 3629: shortest form, no surrogates), 0 where it is
 * none. */
static size_t utf8_length(const unsigned char *p, const unsigned char *end)
{
	unsigned char first = p[0], low = 0x80, high = 0xbf;
	size_t len, i;

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		len = 2;
	else if (first >= 0xe0 && first <= 0xef)
		len = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		len = 4;
	else
		return 0;
	if ((size_t)(end - p) < len)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static void put_utf8(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_putc(out, (char)code);
	} else if (code < 0x800) {
		buf_putc(out, (char)(0xc0 | code >> 6));
		buf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buf_putc(out, (char)(0xe0 | code >> 12));
		buf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_putc(out, (char)(0xf0 | code >> 18));
		buf_putc(out, (char)(0x80 | (code >> 12 & 0x3f)));
		buf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* Four hex digits at p; -1 where there are none. */
static int hex4(const unsigned char *p, const unsigned char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* \uXXXX, with a second one where that is the first half of a pair. p stands behind the u. */
static int unicode_escape(struct check *c, struct buf *out)
{
	int high = hex4(c->p, c->end), low;

	if (high < 0)
		return broken(c, "four hex digits must follow \\u");
	c->p += 4;
	if (high >= 0xdc00 && high <= 0xdfff)
		return broken(c, "second half of a surrogate pair without the first");
	if (high < 0xd800 || high > 0xdbff) {
		if (out && high == 0)
			return broken(c, "NUL in a key");
		if (out)
			put_utf8(out, (unsigned)high);
		return 0;
	}
	if (c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u')
		return broken(c, "first half of a surrogate pair without the second");
	low = hex4(c->p + 2, c->end);
	if (low < 0xdc00 || low > 0xdfff)
		return broken(c, "first half of a surrogate pair without the second");
	c->p += 6;
	if (out)
		put_utf8(out,
			 0x10000 + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00));
	return 0;
}

static int escape(struct check *c, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (c->p == c->end)
		return broken(c, "a string does not end");
	if (*c->p == 'u') {
		c->p++;
		return unicode_escape(c, out);
	}
	found = *c->p ? strchr(from, *c->p) : NULL;
	if (!found)
		return broken(c, "unknown escape");
	c->p++;
	if (out)
		buf_putc(out, to[found - from]);
	return 0;
}

/* A string, its escapes resolved into *out (only where not NULL: for keys). */
static int json_check_string(struct check *c, struct buf *out)
{
	size_t len;
	int r;

	c->p++;
	while (c->p < c->end) {
		if (*c->p == '"') {
			c->p++;
			return 0;
		}
		if (*c->p == '\\') {
			c->p++;
			r = escape(c, out);
			if (r)
				return r;
			continue;
		}
		if (*c->p < 0x20)
			return broken(c, "control character in a string");
		len = utf8_length(c->p, c->end);
		if (len == 0)
			return broken(c, "not UTF-8");
		if (out)
			buf_append(out, c->p, len);
		c->p += len;
	}
	return broken(c, "a string does not end");
}

static size_t skip_digits(struct check *c)
{
	const unsigned char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - from);
}

/* Whole numbers must fit into 64 bits and others into a double: json-c would bend them. */
static int number_range(struct check *c, const unsigned char *from, bool whole)
{
	char text[NUMBER_MAX + 1];
	size_t len = (size_t)(c->p - from);

	if (len > NUMBER_MAX)
		return broken_at(c, from, "a number is too long");
	memcpy(text, from, len);
	text[len] = '\0';
	errno = 0;
	if (whole && text[0] == '-')
		(void)!strtoll(text, NULL, 10);
	else if (whole)
		(void)!strtoull(text, NULL, 10);
	else if (isfinite(strtod(text, NULL)))
		return 0;
	else
		errno = ERANGE;
	return errno == ERANGE ? broken_at(c, from, "a number is out of range") : 0;
}

static int number(struct check *c)
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
	return number_range(c, from, whole);
}

static int word(struct check *c, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0)
		return broken(c, "not a value");
	c->p += len;
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

/* Sorts the keys of the object that ends here and looks at the neighbours. */
static int check_duplicates(struct check *c, size_t first_key)
{
	size_t count = (c->keys.len - first_key) / sizeof(struct key);
	struct key *keys;

	if (buf_failed(&c->keys) || buf_failed(&c->text))
		return err_nomem(c->err);
	if (count < 2)
		return 0;
	keys = (struct key *)(void *)(c->keys.data + first_key);
	qsort_r(keys, count, sizeof(*keys), compare_keys, c->text.data);
	for (size_t i = 1; i < count; i++)
		if (keys[i].len == keys[i - 1].len &&
		    memcmp(c->text.data + keys[i].text, c->text.data + keys[i - 1].text,
			   keys[i].len) == 0)
			return broken_at(c, c->start + keys[i].at, "duplicate key");
	return 0;
}

/* "key": value. What was noted of the key stays on the stack until its object ends. */
static int member(struct check *c, bool free_keys)
{
	struct key key = {.text = c->text.len, .at = (size_t)(c->p - c->start)};
	bool below_free;
	int r;

	if (c->p == c->end || *c->p != '"')
		return broken(c, "a key must be a string");
	buf_reserve(&c->text, 0); /* so that an empty key has an address, too */
	r = json_check_string(c, &c->text);
	if (r)
		return r;
	if (buf_failed(&c->text))
		return err_nomem(c->err);
	key.len = c->text.len - key.text;
	below_free = has_free_keys(c->text.data + key.text, key.len);
	if (!free_keys && key.len)
		key.len = fold(c->text.data + key.text, key.len);
	c->text.len = key.text + key.len;
	buf_append(&c->keys, &key, sizeof(key));
	skip_space(c);
	if (c->p == c->end || *c->p != ':')
		return broken(c, "a colon must follow a key");
	c->p++;
	return value(c, below_free);
}

/* The members of an object or the values of an array, up to its closing bracket. */
static int members(struct check *c, bool object, bool free_keys)
{
	const unsigned char close = object ? '}' : ']';
	int r;

	c->p++;
	skip_space(c);
	if (c->p < c->end && *c->p == close) {
		c->p++;
		return 0;
	}
	for (;;) {
		skip_space(c);
		r = object ? member(c, free_keys) : value(c, false);
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

static int container(struct check *c, bool object, bool free_keys)
{
	size_t first_key = c->keys.len, first_text = c->text.len;
	int r;

	if (++c->depth > JSON_DEPTH_MAX)
		return broken(c, "nested too deep");
	r = members(c, object, free_keys);
	if (!r && object)
		r = check_duplicates(c, first_key);
	c->keys.len = first_key;
	c->text.len = first_text;
	c->depth--;
	return r;
}

/* `free_keys`: where the value is an object, its keys are compared exactly. */
static int value(struct check *c, bool free_keys)
{
	skip_space(c);
	if (c->p == c->end)
		return broken(c, "the document ends too early");
	if (++c->values > JSON_VALUES_MAX)
		return broken(c, "too many values");
	switch (*c->p) {
	case '{':
		return container(c, true, free_keys);
	case '[':
		return container(c, false, false);
	case '"':
		return json_check_string(c, NULL);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	default:
		return number(c);
	}
}

int json_check(const char *data, size_t len, struct err *err)
{
	autobuf keys = BUF_INIT, text = BUF_INIT;
	const unsigned char *start = (const unsigned char *)data;
	struct check c = {.start = start, .p = start, .end = start + len, .err = err};
	int r;

	r = value(&c, false);
	keys = c.keys; /* owned by this frame, whatever the outcome */
	text = c.text;
	if (r)
		return r;
	skip_space(&c);
	return c.p == c.end ? 0 : broken(&c, "bytes behind the document");
}
