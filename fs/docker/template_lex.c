/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_lex.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
	const char *at;
	struct template_tokens *out;
	int parens;
	bool no_memory;
};

static bool template_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Letters beyond ASCII are bytes of UTF-8. */
static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void emit(struct lexer *l, enum template_token_kind kind, const char *from)
{
	struct template_tokens *t = l->out;

	if ((t->count & (t->count + 1)) == 0) {
		struct template_token *grown =
		    reallocarray(t->at, 2 * (t->count + 1), sizeof(*grown));

		l->no_memory |= !grown;
		if (!grown)
			return;
		t->at = grown;
	}
	t->at[t->count++] = (struct template_token){kind, from, (size_t)(l->at - from)};
}

static bool lex_fail(struct lexer *l, const char *from, const char *what)
{
	snprintf(l->out->error, sizeof(l->out->error), "%s", what);
	emit(l, TOKEN_ERROR, from);
	return false;
}

static bool bad_character(struct lexer *l, const char *from)
{
	char what[40];

	if (!*l->at)
		return lex_fail(l, from, "unclosed action");
	snprintf(what, sizeof(what), "bad character U+%04X '%c'", (unsigned char)*l->at, *l->at);
	return lex_fail(l, from, what);
}

/* ---- what ends an action ---- */

/* " -}}", from its space on. */
static bool at_trimmed_end(const char *s)
{
	return template_is_space(*s) && s[1] == '-' && s[2] == '}' && s[3] == '}';
}

static bool at_end(const char *s)
{
	return (s[0] == '}' && s[1] == '}') || at_trimmed_end(s);
}

static void take_end(struct lexer *l, bool tell)
{
	const char *from;
	bool trim = at_trimmed_end(l->at);

	l->at += trim ? 2 : 0;
	from = l->at;
	l->at += 2;
	if (tell)
		emit(l, TOKEN_RIGHT, from);
	while (trim && template_is_space(*l->at))
		l->at++;
}

static bool at_terminator(const char *s)
{
	return !*s || template_is_space(*s) || strchr(".,|:()", *s) || at_end(s);
}

/* ---- words ---- */

static const struct {
	const char *word;
	enum template_token_kind kind;
} keywords[] = {
    {"block", TOKEN_BLOCK},
    {"break", TOKEN_BREAK},
    {"continue", TOKEN_CONTINUE},
    {"define", TOKEN_DEFINE},
    {"else", TOKEN_ELSE},
    {"end", TOKEN_END},
    {"if", TOKEN_IF},
    {"range", TOKEN_RANGE},
    {"nil", TOKEN_NIL},
    {"template", TOKEN_TEMPLATE},
    {"with", TOKEN_WITH},
    {"true", TOKEN_BOOL},
    {"false", TOKEN_BOOL},
};

static enum template_token_kind kind_of_word(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i].word) == len && !memcmp(keywords[i].word, word, len))
			return keywords[i].kind;
	return TOKEN_IDENTIFIER;
}

/* A name behind `mark` bytes (the dot or the dollar of it). */
static bool lex_name(struct lexer *l, enum template_token_kind kind, size_t mark)
{
	const char *from = l->at;

	l->at += mark;
	if (mark && at_terminator(l->at)) {
		emit(l, kind == TOKEN_FIELD ? TOKEN_DOT : kind, from);
		return true;
	}
	while (is_word(*l->at))
		l->at++;
	if (!at_terminator(l->at))
		return bad_character(l, from);
	if (!mark)
		kind = kind_of_word(from, (size_t)(l->at - from));
	emit(l, kind, from);
	return true;
}

/* What stands between two of a quote. */
static bool lex_quoted(struct lexer *l, enum template_token_kind kind, const char *unterminated)
{
	const char *from = l->at, quote = *l->at++;

	for (; *l->at != quote; l->at++) {
		if (*l->at == '\\' && kind != TOKEN_RAW && l->at[1] && l->at[1] != '\n')
			l->at++;
		else if (!*l->at || (*l->at == '\n' && kind != TOKEN_RAW))
			return lex_fail(l, from, unterminated);
	}
	l->at++;
	emit(l, kind, from);
	return true;
}

static void take_set(struct lexer *l, const char *set)
{
	while (*l->at && strchr(set, *l->at))
		l->at++;
}

static bool take_one(struct lexer *l, const char *set)
{
	if (!*l->at || !strchr(set, *l->at))
		return false;
	l->at++;
	return true;
}

static bool lex_number(struct lexer *l)
{
	const char *from = l->at, *digits = "0123456789_";
	bool hex = false;
	char what[80];

	take_one(l, "+-");
	if (*l->at == '0') {
		l->at++;
		hex = take_one(l, "xX");
		digits = hex ? "0123456789abcdefABCDEF_" : digits;
		if (!hex && take_one(l, "oObB"))
			digits = "01234567_";
	}
	take_set(l, digits);
	if (take_one(l, "."))
		take_set(l, digits);
	if (take_one(l, hex ? "pP" : "eE")) {
		take_one(l, "+-");
		take_set(l, "0123456789_");
	}
	if (!is_word(*l->at)) {
		emit(l, TOKEN_NUMBER, from);
		return true;
	}
	snprintf(what, sizeof(what), "bad number syntax: \"%.*s\"",
		 (int)(l->at - from + 1 < 40 ? l->at - from + 1 : 40), from);
	return lex_fail(l, from, what);
}

static bool lex_space(struct lexer *l)
{
	const char *from = l->at;

	while (template_is_space(*l->at) && !at_trimmed_end(l->at))
		l->at++;
	if (l->at > from)
		emit(l, TOKEN_SPACE, from);
	return true;
}

static bool lex_paren(struct lexer *l)
{
	const char *from = l->at;
	bool open = *l->at++ == '(';

	l->parens += open ? 1 : -1;
	if (l->parens < 0)
		return lex_fail(l, from, "unexpected right paren");
	emit(l, open ? TOKEN_OPEN : TOKEN_CLOSE, from);
	return true;
}

static bool lex_sign(struct lexer *l)
{
	const char *from = l->at++;
	char what[60];

	if (*from == ':') {
		if (*l->at != '=')
			return lex_fail(l, from, "expected :=");
		l->at++;
		emit(l, TOKEN_DECLARE, from);
		return true;
	}
	if (!isprint((unsigned char)*from)) {
		snprintf(what, sizeof(what), "unrecognized character in action: U+%04X",
			 (unsigned char)*from);
		return lex_fail(l, from, what);
	}
	emit(l, *from == '=' ? TOKEN_ASSIGN : *from == '|' ? TOKEN_PIPE : TOKEN_CHAR, from);
	return true;
}

/* The next word of an action: false where it is none. */
static bool lex_word(struct lexer *l)
{
	char c = *l->at;

	if (!c)
		return lex_fail(l, l->at, "unclosed action");
	if (template_is_space(c))
		return lex_space(l);
	if (c == '"')
		return lex_quoted(l, TOKEN_STRING, "unterminated quoted string");
	if (c == '`')
		return lex_quoted(l, TOKEN_RAW, "unterminated raw quoted string");
	if (c == '\'')
		return lex_quoted(l, TOKEN_CHARACTER, "unterminated character constant");
	if (c == '$')
		return lex_name(l, TOKEN_VARIABLE, 1);
	if (c == '.' && !isdigit((unsigned char)l->at[1]))
		return lex_name(l, TOKEN_FIELD, 1);
	if (c == '+' || c == '-' || c == '.' || isdigit((unsigned char)c))
		return lex_number(l);
	if (is_word(c))
		return lex_name(l, TOKEN_IDENTIFIER, 0);
	return c == '(' || c == ')' ? lex_paren(l) : lex_sign(l);
}

static bool lex_action(struct lexer *l)
{
	l->parens = 0;
	while (!at_end(l->at))
		if (!lex_word(l))
			return false;
	if (l->parens)
		return lex_fail(l, l->at, "unclosed left paren");
	take_end(l, true);
	return true;
}

static bool lex_comment(struct lexer *l)
{
	const char *from = l->at, *end = strstr(l->at, "*/");

	if (!end)
		return lex_fail(l, from, "unclosed comment");
	l->at = end + 2;
	if (!at_end(l->at))
		return lex_fail(l, from, "comment ends before closing delimiter");
	take_end(l, false);
	return true;
}

/* The text up to the next action, and "{{". False at the end. */
static bool lex_text(struct lexer *l, bool *trim)
{
	const char *from = l->at, *open = strstr(from, "{{");

	l->at = open ? open : from + strlen(from);
	*trim = open && open[2] == '-' && template_is_space(open[3]);
	while (*trim && l->at > from && template_is_space(l->at[-1]))
		l->at--;
	if (l->at > from)
		emit(l, TOKEN_TEXT, from);
	l->at = open ? open : l->at;
	if (!open)
		emit(l, TOKEN_EOF, l->at);
	return open;
}

int template_lex(const char *text, struct template_tokens *out, struct err *err)
{
	struct lexer l = {.at = text, .out = out};
	bool trim, good = true;

	*out = (struct template_tokens){0};
	while (good && lex_text(&l, &trim)) {
		const char *from = l.at;
		size_t mark = trim ? 2 : 0;

		if (l.at[2 + mark] == '/' && l.at[3 + mark] == '*') {
			l.at += 2 + mark;
			good = lex_comment(&l);
			continue;
		}
		l.at += 2;
		emit(&l, TOKEN_LEFT, from);
		l.at += mark;
		good = lex_action(&l);
	}
	return l.no_memory ? err_nomem(err) : 0;
}

void template_tokens_clear(struct template_tokens *t)
{
	free(t->at);
	*t = (struct template_tokens){0};
}
