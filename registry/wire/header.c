/* SPDX-License-Identifier: MIT */
#include "registry/wire/header.h"

#include "store/base/mem.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool header_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int header_append(struct header_list *h, char *name, const char *value, struct err *err)
{
	if (h->count == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 16;
		struct header *list = reallocarray(h->list, cap, sizeof(*list));

		if (!list)
			return err_nomem(err);
		h->list = list;
		h->cap = cap;
	}
	h->list[h->count++] = (struct header){.name = name, .value = value};
	return 0;
}

int header_add(struct header_list *h, const char *line, size_t len, struct err *err)
{
	while (len &&
	       (line[len - 1] == '\r' || line[len - 1] == '\n' || header_is_blank(line[len - 1])))
		len--;
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return err_set(err, EPROTO, "a control character in a header");

	const char *colon = memchr(line, ':', len);

	if (!colon || colon == line)
		return 0;
	autofree char *copy = strndup(line, len);

	if (!copy)
		return err_nomem(err);

	size_t name = (size_t)(colon - line);
	size_t value = name + 1;

	copy[name] = '\0';
	while (header_is_blank(copy[value]))
		value++;

	int r = header_append(h, copy, copy + value, err);

	if (!r)
		steal(&copy);
	return r;
}

void header_clear(struct header_list *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->list[i].name);
	free(h->list);
	*h = (struct header_list)HEADER_LIST_INIT;
}

const char *header_next(const struct header_list *h, const char *name, size_t *iter)
{
	while (*iter < h->count) {
		const struct header *field = &h->list[(*iter)++];

		if (!strcasecmp(field->name, name))
			return field->value;
	}
	return NULL;
}

const char *header_get(const struct header_list *h, const char *name)
{
	size_t iter = 0;

	return header_next(h, name, &iter);
}

/* Digits at *s, moved behind them. No sign, no blank, no overflow. */
static bool header_take_number(const char **s, uint64_t *out)
{
	uint64_t value = 0;
	const char *p = *s;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	if (p == *s)
		return false;
	*s = p;
	*out = value;
	return true;
}

bool header_number(const struct header_list *h, const char *name, uint64_t *out)
{
	const char *s = header_get(h, name);

	return s && header_take_number(&s, out) && *s == '\0';
}

static const char *range_value(const struct header_list *h)
{
	const char *s = header_get(h, "Content-Range");

	if (!s || strncasecmp(s, "bytes ", 6))
		return NULL;
	s += 6;
	while (header_is_blank(*s))
		s++;
	return s;
}

bool header_content_range(const struct header_list *h, uint64_t *first, uint64_t *last,
			  uint64_t *size)
{
	const char *s = range_value(h);

	if (!s || !header_take_number(&s, first) || *s++ != '-' || !header_take_number(&s, last) ||
	    *s++ != '/')
		return false;
	if (!strcmp(s, "*"))
		*size = UINT64_MAX;
	else if (!header_take_number(&s, size) || *s)
		return false;
	return *first <= *last && *last < *size;
}

bool header_unsatisfied_size(const struct header_list *h, uint64_t *size)
{
	const char *s = range_value(h);

	return s && !strncmp(s, "*/", 2) && (s += 2, header_take_number(&s, size)) && *s == '\0';
}

bool header_is_encoded(const struct header_list *h)
{
	static const char *const codings[] = {"gzip", "x-gzip",	    "deflate", "compress",
					      "br",   "x-compress", "zstd"};
	size_t iter = 0;
	const char *s;

	while ((s = header_next(h, "Content-Encoding", &iter)))
		while (*(s += strspn(s, " \t,"))) {
			size_t len = strcspn(s, " \t,");

			for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++)
				if (strlen(codings[i]) == len && !strncasecmp(s, codings[i], len))
					return true;
			s += len;
		}
	return false;
}

/* The end of one parameter of a link, at its ';', its ',' or its NUL; quoted strings are skipped
 * whole. */
static const char *param_end(const char *s)
{
	bool quoted = false;

	for (; *s && (quoted || (*s != ';' && *s != ',')); s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (quoted && *s == '\\' && s[1])
			s++;
	}
	return s;
}

/* Whether a parameter is rel=next, rel="next", or has next among several relations. */
static bool is_rel_next(const char *s, const char *end)
{
	while (s < end && header_is_blank(*s))
		s++;
	if (end - s < 4 || strncasecmp(s, "rel", 3))
		return false;
	for (s += 3; s < end && header_is_blank(*s);)
		s++;
	if (s == end || *s++ != '=')
		return false;
	while (s < end) {
		while (s < end && strchr(" \t\"", *s))
			s++;

		const char *word = s;

		while (s < end && !strchr(" \t\"", *s))
			s++;
		if (s - word == 4 && !strncasecmp(word, "next", 4))
			return true;
	}
	return false;
}

/* The target of a link, in angle brackets or, as some registries have it, without them. Moves *s
 * behind it. */
static const char *take_target(const char **s, size_t *len)
{
	const char *target = *s;

	if (*target != '<') {
		*len = strcspn(target, "; \t");
		*s += *len;
		return *len ? target : NULL;
	}

	const char *close = strchr(++target, '>');

	if (!close)
		return NULL;
	*len = (size_t)(close - target);
	*s = close + 1;
	return target;
}

/* One field: #( "<" target ">" *( ";" parameter ) ) */
static const char *find_next(const char *s, size_t *len)
{
	while (*s) {
		const char *target;
		bool next = false;

		while (header_is_blank(*s) || *s == ',')
			s++;
		target = take_target(&s, len);
		if (!target)
			return NULL;
		while (header_is_blank(*s))
			s++;
		while (*s == ';') {
			const char *end = param_end(s + 1);

			next = next || is_rel_next(s + 1, end);
			s = end;
		}
		if (next)
			return target;
	}
	return NULL;
}

int header_link_next(const struct header_list *h, char **out, struct err *err)
{
	size_t iter = 0;
	const char *value;

	*out = NULL;
	while ((value = header_next(h, "Link", &iter))) {
		size_t len;
		const char *target = find_next(value, &len);

		if (!target)
			continue;
		*out = strndup(target, len);
		return *out ? 0 : err_nomem(err);
	}
	return 0;
}
