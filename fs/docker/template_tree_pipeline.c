/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_tree_parser.h"

#include "fs/docker/template_constant.h"
#include "fs/docker/template_function.h"
#include "store/base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

const struct template_token *template_parser_peek(const struct template_parser *p)
{
	return &p->tokens.at[p->next < p->tokens.count ? p->next : p->tokens.count - 1];
}

const struct template_token *template_parser_take(struct template_parser *p)
{
	const struct template_token *t = template_parser_peek(p);

	p->next++;
	return t;
}

static void template_skip_space(struct template_parser *p)
{
	while (template_parser_peek(p)->kind == TOKEN_SPACE)
		p->next++;
}

const struct template_token *template_parser_take_word(struct template_parser *p)
{
	template_skip_space(p);
	return template_parser_take(p);
}

enum template_token_kind template_parser_peek_word(struct template_parser *p)
{
	template_skip_space(p);
	return template_parser_peek(p)->kind;
}

/* ---- errors ---- */

int template_parser_fail(struct template_parser *p, const char *fmt, ...)
{
	size_t last = p->next < p->tokens.count ? p->next : p->tokens.count - 1;
	autofree char *what = NULL;
	int line = 1;
	va_list ap;

	for (const char *c = p->tree->text; c < p->tokens.at[last].at; c++)
		line += *c == '\n';
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	return err_set(p->err, EINVAL, "template parsing error: template: :%d: %s", line,
		       what ? what : "");
}

int template_parser_unexpected(struct template_parser *p, const struct template_token *t,
			       const char *context)
{
	if (t->kind == TOKEN_ERROR)
		return template_parser_fail(p, "%s", p->tokens.error);
	if (t->kind == TOKEN_EOF)
		return template_parser_fail(p, "unexpected EOF in %s", context);
	if (t->kind >= TOKEN_BLOCK)
		return template_parser_fail(p, "unexpected <%.*s> in %s", (int)t->len, t->at,
					    context);
	return template_parser_fail(
	    p, t->len > 10 ? "unexpected \"%.*s\"... in %s" : "unexpected \"%.*s\" in %s",
	    t->len > 10 ? 10 : (int)t->len, t->at, context);
}

/* ---- nodes ---- */

struct template_node *template_parser_node(struct template_parser *p, enum template_node_kind kind,
					   const struct template_token *t)
{
	struct template_node *n = calloc(1, sizeof(*n));

	if (!n) {
		err_nomem(p->err);
		return NULL;
	}
	*n = (struct template_node){
	    .kind = kind, .at = t->at, .len = t->len, .position = t->at, .made = p->tree->made};
	p->tree->made = n;
	return n;
}

static void node_append(struct template_node **list, struct template_node *n)
{
	while (*list)
		list = &(*list)->next;
	*list = n;
}

/* ---- operands ---- */

int template_parser_constant(struct template_parser *p, struct template_node *n,
			     enum template_token_kind kind)
{
	struct err why = {0};
	int r = 0;

	if (kind == TOKEN_BOOL)
		n->value = json_object_new_boolean(*n->at == 't');
	else if (kind == TOKEN_NUMBER)
		r = template_constant_number(n->at, n->len, &n->value, &why);
	else if (kind == TOKEN_CHARACTER)
		r = template_constant_character(n->at, n->len, &n->value, &why);
	else
		r = template_constant_text(n->at, n->len, &n->value, &why);
	if (r == -EINVAL)
		return template_parser_fail(p, "%s", why.text);
	return n->value ? 0 : err_nomem(p->err);
}

static int check_variable(struct template_parser *p, const struct template_token *t)
{
	if (t->len == 1)
		return 0;
	for (size_t i = 0; i < p->variable_count; i++)
		if (p->variables[i].len == t->len && !memcmp(p->variables[i].at, t->at, t->len))
			return 0;
	return template_parser_fail(p, "undefined variable \"%.*s\"", (int)t->len, t->at);
}

static int check_function(struct template_parser *p, const struct template_token *t)
{
	autofree char *name = strndup(t->at, t->len);

	if (!name)
		return err_nomem(p->err);
	return template_function_find(name)
		   ? 0
		   : template_parser_fail(p, "function \"%s\" not defined", name);
}

/* *out stays NULL where no term comes. */
static int term(struct template_parser *p, struct template_node **out)
{
	static const enum template_node_kind kinds[] = {
	    [TOKEN_FIELD] = NODE_FIELD,
	    [TOKEN_VARIABLE] = NODE_VARIABLE,
	    [TOKEN_IDENTIFIER] = NODE_IDENTIFIER,
	    [TOKEN_NUMBER] = NODE_CONSTANT,
	    [TOKEN_CHARACTER] = NODE_CONSTANT,
	    [TOKEN_STRING] = NODE_CONSTANT,
	    [TOKEN_RAW] = NODE_CONSTANT,
	    [TOKEN_BOOL] = NODE_CONSTANT,
	    [TOKEN_DOT] = NODE_DOT,
	    [TOKEN_NIL] = NODE_NIL,
	};
	const struct template_token *t = template_parser_take_word(p);
	int r = 0;

	if (t->kind == TOKEN_OPEN)
		return template_parser_pipeline(p, "parenthesized pipeline", TOKEN_CLOSE, out);
	if (t->kind < TOKEN_FIELD || t->kind > TOKEN_NIL) {
		p->next--;
		return 0;
	}
	if (t->kind == TOKEN_VARIABLE)
		r = check_variable(p, t);
	else if (t->kind == TOKEN_IDENTIFIER)
		r = check_function(p, t);
	if (r)
		return r;
	*out = template_parser_node(p, kinds[t->kind], t);
	if (!*out)
		return -ENOMEM;
	return (*out)->kind == NODE_CONSTANT ? template_parser_constant(p, *out, t->kind) : 0;
}

/* A term, and the fields behind it. */
static int parse_operand_node(struct template_parser *p, struct template_node **out)
{
	struct template_node *n = NULL, *chain;
	const struct template_token *from;
	int r = term(p, &n);

	*out = n;
	from = template_parser_peek(p);
	if (r || !n || from->kind != TOKEN_FIELD)
		return r;
	while (template_parser_peek(p)->kind == TOKEN_FIELD)
		p->next++;
	if (n->kind == NODE_CONSTANT || n->kind == NODE_NIL || n->kind == NODE_DOT)
		return template_parser_fail(p, "unexpected . after term \"%.*s\"", (int)n->len,
					    n->at);
	if (n->kind == NODE_FIELD || n->kind == NODE_VARIABLE) {
		n->len =
		    (size_t)(p->tokens.at[p->next - 1].at + p->tokens.at[p->next - 1].len - n->at);
		n->position = from->at;
		return 0;
	}
	chain = template_parser_node(p, NODE_CHAIN, from);
	if (!chain)
		return -ENOMEM;
	chain->len =
	    (size_t)(p->tokens.at[p->next - 1].at + p->tokens.at[p->next - 1].len - from->at);
	chain->first = n;
	*out = chain;
	return 0;
}

static int parse_command(struct template_parser *p, struct template_node **out)
{
	const struct template_token *t;
	struct template_node *c;
	int r;

	template_skip_space(p);
	c = *out = template_parser_node(p, NODE_COMMAND, template_parser_peek(p));
	if (!c)
		return -ENOMEM;
	do {
		struct template_node *n;

		r = parse_operand_node(p, &n);
		if (r)
			return r;
		if (n)
			node_append(&c->first, n);
		t = template_parser_take(p);
	} while (t->kind == TOKEN_SPACE);
	if (t->kind == TOKEN_RIGHT || t->kind == TOKEN_CLOSE)
		p->next--;
	else if (t->kind != TOKEN_PIPE)
		return template_parser_unexpected(p, t, "operand");
	return c->first ? 0 : template_parser_fail(p, "empty command");
}

/* ---- pipelines ---- */

static int declare(struct template_parser *p, struct template_node *pipe,
		   const struct template_token *t)
{
	struct template_node *n = template_parser_node(p, NODE_VARIABLE, t);

	if (!n)
		return -ENOMEM;
	node_append(&pipe->declared, n);
	if (p->variable_count == TEMPLATE_VARIABLES_MAX)
		return template_parser_fail(p, "too many variables");
	p->variables[p->variable_count++] = *t;
	return 0;
}

/* "$x :=", "$x =", in a range "$k, $v :=". What is none of that is given back. */
static int declarations(struct template_parser *p, struct template_node *pipe, const char *context)
{
	bool range = !strcmp(context, "range");
	enum template_token_kind kind;

	while (template_parser_peek_word(p) == TOKEN_VARIABLE) {
		size_t start = p->next;
		const struct template_token *v = template_parser_take(p);
		const struct template_token *sign = template_parser_take_word(p);
		int r;

		if (sign->kind == TOKEN_ASSIGN || sign->kind == TOKEN_DECLARE) {
			pipe->assigns = sign->kind == TOKEN_ASSIGN;
			return declare(p, pipe, v);
		}
		if (sign->kind != TOKEN_CHAR || *sign->at != ',') {
			p->next = start;
			return 0;
		}
		r = declare(p, pipe, v);
		if (r)
			return r;
		if (!range || pipe->declared->next)
			return template_parser_fail(p, "too many declarations in %s", context);
		kind = template_parser_peek_word(p);
		if (kind != TOKEN_VARIABLE && kind != TOKEN_RIGHT && kind != TOKEN_CLOSE)
			return template_parser_fail(p, "range can only initialize variables");
	}
	return 0;
}

static int check_pipeline(struct template_parser *p, const struct template_node *pipe,
			  const char *context)
{
	const struct template_node *c = pipe->first;

	if (!c)
		return template_parser_fail(p, "missing value for %s", context);
	c = c->next;
	for (int stage = 2; c; c = c->next, stage++)
		if (c->first->kind == NODE_CONSTANT || c->first->kind == NODE_DOT ||
		    c->first->kind == NODE_NIL)
			return template_parser_fail(
			    p, "non executable command in pipeline stage %d", stage);
	return 0;
}

static int parse_commands(struct template_parser *p, const char *context,
			  enum template_token_kind until, struct template_node *pipe)
{
	int r = declarations(p, pipe, context);

	while (!r) {
		const struct template_token *t = template_parser_take_word(p);
		struct template_node *c;

		if (t->kind == until)
			return check_pipeline(p, pipe, context);
		if (t->kind != TOKEN_OPEN && (t->kind < TOKEN_FIELD || t->kind > TOKEN_NIL))
			return template_parser_unexpected(p, t, context);
		p->next--;
		r = parse_command(p, &c);
		if (!r)
			node_append(&pipe->first, c);
	}
	return r;
}

int template_parser_pipeline(struct template_parser *p, const char *context,
			     enum template_token_kind until, struct template_node **out)
{
	int r;

	template_skip_space(p);
	*out = template_parser_node(p, NODE_PIPE, template_parser_peek(p));
	if (!*out)
		return -ENOMEM;
	if (++p->depth > TEMPLATE_NESTED_MAX)
		return template_parser_fail(p, "nested too deeply");
	r = parse_commands(p, context, until, *out);
	p->depth--;
	return r;
}
