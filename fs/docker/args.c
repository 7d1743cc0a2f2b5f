/* SPDX-License-Identifier: MIT */
#include "fs/docker/args.h"

#include "store/base/buf.h"
#include "store/base/mem.h"

#include <errno.h>
#include <string.h>

int words_add(struct words *w, const char *text, size_t len, struct err *err)
{
	char **grown = realloc(w->at, (w->count + 2) * sizeof(*grown));

	if (!grown)
		return err_nomem(err);
	w->at = grown;
	w->at[w->count] = strndup(text, len);
	if (!w->at[w->count])
		return err_nomem(err);
	w->at[++w->count] = NULL;
	return 0;
}

void words_clear(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->at[i]);
	free(w->at);
	*w = (struct words)WORDS_INIT;
}

static bool args_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Appends one word without its quotes; *at is left behind it. */
static int word_read(const char **at, struct buf *word, struct err *err)
{
	const char *s = *at;
	char quote = 0; /* ', ", or $ for $'…' */

	for (; *s && (quote || !args_is_blank(*s)); s++) {
		if (quote != '\'' && *s == '\\' && s[1])
			buf_putc(word, *++s == 'n' && quote == '$' ? '\n' : *s);
		else if (quote && *s == (quote == '$' ? '\'' : quote))
			quote = 0;
		else if (!quote && s[0] == '$' && s[1] == '\'')
			quote = *s++;
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else
			buf_putc(word, *s);
	}
	*at = s;
	if (quote)
		return err_set(err, EINVAL, "a quote (%c) without its end", quote);
	return buf_failed(word) ? err_nomem(err) : 0;
}

int words_split(const char *line, struct words *out, struct err *err)
{
	for (;;) {
		autobuf word = BUF_INIT;
		int r;

		while (args_is_blank(*line))
			line++;
		if (!*line)
			return 0;
		r = word_read(&line, &word, err);
		if (r < 0)
			return r;
		r = words_add(out, word.data ? word.data : "", word.len, err);
		if (r < 0)
			return r;
	}
}

/* ---- options ---- */

static const struct args_option *find_name(const struct args_option *o, const char *name,
					   size_t len)
{
	for (; o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct args_option *find_letter(const struct args_option *o, char letter)
{
	for (; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* The values that Go's strconv.ParseBool takes. */
static int parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		*out = strcmp(text, yes[i]) == 0;
		if (*out || strcmp(text, no[i]) == 0)
			return 0;
	}
	return -EINVAL;
}

static int option_set(const struct args_option *o, const char *value, struct err *err)
{
	char letter[] = {'-', o->letter, ',', ' ', 0};

	if (o->list)
		return words_add(o->list, value, strlen(value), err);
	if (o->value)
		*o->value = value;
	else if (parse_bool(value, o->flag) < 0)
		return err_set(err, EINVAL,
			       "invalid argument \"%s\" for \"%s--%s\" flag: strconv.ParseBool: "
			       "parsing \"%s\": invalid syntax",
			       value, o->letter ? letter : "", o->name, value);
	return 0;
}

/* "--name", "--name=value" or "--name value": the value may be words[*i + 1]. */
static int parse_long(const struct words *words, size_t *i, const struct args_option *options,
		      struct err *err)
{
	const char *name = words->at[*i] + 2;
	size_t len = strcspn(name, "=");
	const struct args_option *o = find_name(options, name, len);

	if (len == 0 || name[0] == '-')
		return err_set(err, EINVAL, "bad flag syntax: %s", words->at[*i]);
	if (!o)
		return err_set(err, EINVAL, "unknown flag: --%.*s", (int)len, name);
	if (name[len] == '=')
		return option_set(o, name + len + 1, err);
	if (o->flag)
		return option_set(o, "true", err);
	if (!words->at[*i + 1])
		return err_set(err, EINVAL, "flag needs an argument: --%s", name);
	return option_set(o, words->at[++*i], err);
}

/* "-q", "-qa", "-q=false", "-fvalue", "-f=value" or "-f value". */
static int parse_short(const struct words *words, size_t *i, const struct args_option *options,
		       struct err *err)
{
	const char *bundle = words->at[*i] + 1;

	for (const char *s = bundle; *s; s++) {
		const struct args_option *o = find_letter(options, *s);
		int r;

		if (!o)
			return err_set(err, EINVAL, "unknown shorthand flag: '%c' in -%s", *s, s);
		if (s[1] == '=')
			return option_set(o, s + 2, err);
		if (!o->flag && s[1])
			return option_set(o, s + 1, err);
		if (!o->flag && !words->at[*i + 1])
			return err_set(err, EINVAL, "flag needs an argument: '%c' in -%s", *s,
				       bundle);
		r = option_set(o, o->flag ? "true" : words->at[++*i], err);
		if (r < 0 || !o->flag)
			return r;
	}
	return 0;
}

int args_parse(const struct words *words, const struct args_option *options, struct words *operands,
	       struct err *err)
{
	bool only_operands = false;

	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->at[i];
		int r;

		if (only_operands || word[0] != '-' || !word[1]) {
			r = words_add(operands, word, strlen(word), err);
		} else if (strcmp(word, "--") == 0) {
			only_operands = true;
			r = 0;
		} else {
			r = word[1] == '-' ? parse_long(words, &i, options, err)
					   : parse_short(words, &i, options, err);
		}
		if (r)
			return r == -EINVAL ? err_exit(err, ARGS_EXIT) : r;
	}
	return 0;
}

int args_count(const char *verb, const struct words *operands, size_t min, size_t max,
	       struct err *err)
{
	const char *plural = max == 1 ? "" : "s";

	if (operands->count >= min && operands->count <= max)
		return 0;
	if (max == 0)
		return err_set(err, EINVAL, "'%s' accepts no arguments", verb);
	if (min == max)
		return err_set(err, EINVAL, "'%s' requires %zu argument%s", verb, max, plural);
	if (operands->count < min)
		return err_set(err, EINVAL, "'%s' requires at least %zu argument%s", verb, min,
			       min == 1 ? "" : "s");
	return err_set(err, EINVAL, "'%s' requires at most %zu argument%s", verb, max, plural);
}
