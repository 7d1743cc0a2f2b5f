/* SPDX-License-Identifier: MIT */
#include "registry/wire/challenge.h"

#include "store/base/buf.h"
#include "store/base/mem.h"

#include <string.h>
#include <strings.h>

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static const char *skip_commas(const char *s)
{
	return s + strspn(s, " \t,");
}

static size_t token_length(const char *s)
{
	size_t n = 0;

	while (is_token_char(s[n]))
		n++;
	return n;
}

/* The end of a token68 that fills its challenge (Negotiate YWJj==), or NULL where there is none. */
static const char *skip_token68(const char *s)
{
	size_t n = 0;

	while (is_token_char(s[n]) || s[n] == '/')
		n++;
	if (n == 0)
		return NULL;
	n += strspn(s + n, "=");
	s = skip_blanks(s + n);
	return *s == ',' || *s == '\0' ? s : NULL;
}

/* A value, quoted or not, onto *out; where it ends, or NULL where it is malformed. */
static const char *take_value(const char *s, struct buf *out)
{
	if (*s != '"') {
		size_t n = token_length(s);

		buf_append(out, s, n);
		return n ? s + n : NULL;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_putc(out, *s);
	}
	return *s == '"' ? s + 1 : NULL;
}

static char **param_slot(struct challenge *c, const char *name, size_t len)
{
	static const char *const names[] = {"realm", "service", "scope", "error"};
	char **slots[] = {&c->realm, &c->service, &c->scope, &c->error};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == len && !strncasecmp(names[i], name, len))
			return slots[i];
	return NULL;
}

/* One "name=value" of a challenge. *s moves behind it; *found is false, and nothing moved, where
 * there is none. The first of two equal names counts. */
static int take_param(const char **s, struct challenge *c, bool *found, struct err *err)
{
	autobuf value = BUF_INIT;
	const char *name = *s;
	size_t len = token_length(name);
	const char *p = skip_blanks(name + len);

	*found = false;
	if (len == 0 || *p != '=')
		return 0;
	p = take_value(skip_blanks(p + 1), &value);
	if (!p)
		return 0;

	char **slot = param_slot(c, name, len);

	if (slot && !*slot) {
		*slot = buf_steal(&value);
		if (!*slot)
			return err_nomem(err);
	}
	*found = true;
	*s = p;
	return 0;
}

static enum challenge_scheme scheme_of(const char *s, size_t len)
{
	if (len == 5 && !strncasecmp(s, "Basic", 5))
		return CHALLENGE_BASIC;
	if (len == 6 && !strncasecmp(s, "Bearer", 6))
		return CHALLENGE_BEARER;
	return CHALLENGE_OTHER;
}

/* After a comma comes either the next parameter of this challenge (token "=") or the next
 * scheme. */
static int parse_params(const char **s, struct challenge *c, struct err *err)
{
	const char *p = skip_blanks(*s);
	const char *end = skip_token68(p);
	bool found = true;

	if (end) {
		*s = end;
		return 0;
	}
	while (found) {
		int r = take_param(&p, c, &found, err);

		if (r < 0)
			return r;
		if (found)
			p = skip_commas(p);
	}
	*s = p;
	return 0;
}

static int parse_field(const char *s, struct challenge_list *out, struct err *err)
{
	for (s = skip_commas(s); *s && out->count < CHALLENGE_MAX; s = skip_commas(s)) {
		size_t len = token_length(s);

		if (len == 0 || (s[len] && !strchr(" \t,", s[len])))
			return 0;

		struct challenge *c = &out->list[out->count++];

		*c = (struct challenge){.scheme = scheme_of(s, len)};
		s += len;

		int r = parse_params(&s, c, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int challenge_parse(const struct header_list *h, struct challenge_list *out, struct err *err)
{
	size_t iter = 0;
	const char *value;

	out->count = 0;
	while ((value = header_next(h, "WWW-Authenticate", &iter))) {
		int r = parse_field(value, out, err);

		if (r < 0) {
			challenge_clear(out);
			return r;
		}
	}
	return 0;
}

void challenge_clear(struct challenge_list *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->list[i].realm);
		free(c->list[i].service);
		free(c->list[i].scope);
		free(c->list[i].error);
	}
	c->count = 0;
}

const struct challenge *challenge_find(const struct challenge_list *c, enum challenge_scheme scheme)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].scheme == scheme)
			return &c->list[i];
	return NULL;
}
