/* SPDX-License-Identifier: MIT */
/*
 * The words of a Go template, as text/template/parse cuts them: text, and between braces fields,
 * variables, constants and signs. A space is a word, as it parts arguments. Pure.
 */
#ifndef FS_TEMPLATE_LEX_H
#define FS_TEMPLATE_LEX_H

#include "store/base/err.h"

#include <stddef.h>

enum template_token_kind {
	TOKEN_ERROR, /* `error` says what is wrong; the last */
	TOKEN_EOF,
	TOKEN_TEXT,
	TOKEN_LEFT,  /* {{ */
	TOKEN_RIGHT, /* }} */
	TOKEN_SPACE,
	TOKEN_FIELD,	/* .Name */
	TOKEN_VARIABLE, /* $name, $ */
	TOKEN_IDENTIFIER,
	TOKEN_NUMBER,
	TOKEN_CHARACTER, /* 'a' */
	TOKEN_STRING,
	TOKEN_RAW, /* `…` */
	TOKEN_BOOL,
	TOKEN_DOT,
	TOKEN_NIL,
	TOKEN_PIPE,
	TOKEN_ASSIGN,
	TOKEN_DECLARE,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_CHAR, /* another sign */
	TOKEN_BLOCK,
	TOKEN_BREAK,
	TOKEN_CONTINUE,
	TOKEN_DEFINE,
	TOKEN_ELSE,
	TOKEN_END,
	TOKEN_IF,
	TOKEN_RANGE,
	TOKEN_TEMPLATE,
	TOKEN_WITH,
};

struct template_token {
	enum template_token_kind kind;
	const char *at; /* in the template */
	size_t len;
};

struct template_tokens {
	struct template_token *at; /* owned; ends with TOKEN_EOF or TOKEN_ERROR */
	size_t count;
	char error[100];
};

/* -ENOMEM. A mistake in the text is its last token. */
int template_lex(const char *text, struct template_tokens *out, struct err *err);
void template_tokens_clear(struct template_tokens *t);

#endif
