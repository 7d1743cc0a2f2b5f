/* SPDX-License-Identifier: MIT */
/*
 * The grammar is that of text/template/parse (parse.go of Go 1.24), function by function, and so
 * are its sentences. The words stand in an array, so that a word is given back by one step.
 */
#include "fs/docker/template_tree.h"

#include "fs/docker/template_tree_parser.h"

#include <errno.h>
#include <stdlib.h>

/* How a list ended. */
enum list_end { AT_EOF, AT_END, AT_ELSE };

static int parse_list(struct template_parser *p, struct template_node **out, enum list_end *end);

static int expect_right(struct template_parser *p, const char *context)
{
	const struct template_token *t = template_parser_take_word(p);

	return t->kind == TOKEN_RIGHT ? 0 : template_parser_unexpected(p, t, context);
}

/* ---- actions ---- */

/* Behind an else: another arm of the same kind, which is *next; or the rest, up to the end. */
static int parse_else(struct template_parser *p, struct template_node *n,
		      struct template_node ***next)
{
	enum template_token_kind kind = template_parser_peek(p)->kind;
	enum list_end end;
	int r;

	if ((n->kind == NODE_IF && kind == TOKEN_IF) ||
	    (n->kind == NODE_WITH && kind == TOKEN_WITH)) {
		n->other = template_parser_node(p, NODE_LIST, template_parser_take(p));
		if (!n->other)
			return -ENOMEM;
		*next = &n->other->first;
		return 0;
	}
	r = parse_list(p, &n->other, &end);
	if (!r && end == AT_EOF)
		r = template_parser_fail(p, "unexpected EOF");
	return !r && end == AT_ELSE ? template_parser_fail(p, "expected end; found {{else}}") : r;
}

/* The condition and the body of one arm, and what its else leads to. */
static int parse_arm(struct template_parser *p, struct template_node *n, const char *context,
		     struct template_node ***next)
{
	enum list_end end = AT_EOF;
	int r = template_parser_pipeline(p, context, TOKEN_RIGHT, &n->pipe);

	if (r)
		return r;
	p->ranges += n->kind == NODE_RANGE;
	r = parse_list(p, &n->list, &end);
	p->ranges -= n->kind == NODE_RANGE;
	if (!r && end == AT_EOF)
		r = template_parser_fail(p, "unexpected EOF");
	return !r && end == AT_ELSE ? parse_else(p, n, next) : r;
}

/* "else if" and "else with" are an if or a with in the else, and end with it: any number of them, so
 * this is a loop. */
static int parse_control(struct template_parser *p, enum template_node_kind kind,
			 const char *context, struct template_node **out)
{
	size_t variables = p->variable_count;
	int r = 0;

	while (!r && out) {
		struct template_node **next = NULL;

		*out = template_parser_node(p, kind, template_parser_peek(p));
		r = *out ? parse_arm(p, *out, context, &next) : -ENOMEM;
		out = next;
	}
	p->variable_count = variables;
	return r;
}

static int leave_range(struct template_parser *p, enum template_node_kind kind, const char *shown,
		       struct template_node **out)
{
	const struct template_token *t = template_parser_take_word(p);

	if (t->kind != TOKEN_RIGHT)
		return template_parser_unexpected(p, t, shown);
	if (!p->ranges)
		return template_parser_fail(p, "%s outside {{range}}", shown);
	*out = template_parser_node(p, kind, t);
	return *out ? 0 : -ENOMEM;
}

/* The string that names a template. */
static int template_name(struct template_parser *p, const char *context, struct template_node **out)
{
	const struct template_token *t = template_parser_take_word(p);

	if (t->kind != TOKEN_STRING && t->kind != TOKEN_RAW)
		return template_parser_unexpected(p, t, context);
	*out = template_parser_node(p, NODE_CONSTANT, t);
	return *out ? template_parser_constant(p, *out, t->kind) : -ENOMEM;
}

static int add_definition(struct template_parser *p, const struct template_node *name,
			  struct template_node *list)
{
	struct template_definition *d;

	if (template_tree_find(p->tree, name->value))
		return template_parser_fail(p, "template: multiple definition of template %.*s",
					    (int)name->len, name->at);
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_nomem(p->err);
	*d = (struct template_definition){name->value, list, p->tree->definitions};
	p->tree->definitions = d;
	return 0;
}

/* The body of a define or block, up to its end. */
static int definition(struct template_parser *p, const struct template_node *name,
		      const char *context)
{
	size_t variables = p->variable_count;
	int ranges = p->ranges, r;
	struct template_node *list;
	enum list_end end;

	p->variable_count = 0;
	p->ranges = 0;
	r = parse_list(p, &list, &end);
	p->variable_count = variables;
	p->ranges = ranges;
	if (!r && end != AT_END)
		r = end == AT_EOF ? template_parser_fail(p, "unexpected EOF")
				  : template_parser_fail(p, "unexpected {{else}} in %s", context);
	return r ? r : add_definition(p, name, list);
}

static int parse_template(struct template_parser *p, bool block, struct template_node **out)
{
	const char *context = block ? "block clause" : "template clause";
	struct template_node *n = template_parser_node(p, NODE_TEMPLATE, template_parser_peek(p)),
			     *name = NULL;
	int r = n ? template_name(p, context, &name) : -ENOMEM;

	if (r)
		return r;
	n->first = name;
	n->position = name->at;
	*out = n;
	if (!block && template_parser_peek_word(p) == TOKEN_RIGHT)
		p->next++;
	else
		r = template_parser_pipeline(p, context, TOKEN_RIGHT, &n->pipe);
	return r || !block ? r : definition(p, name, context);
}

/* What stands behind {{. A node, or the end of a list. */
static int parse_action(struct template_parser *p, struct template_node **out, enum list_end *end)
{
	const struct template_token *t = template_parser_take_word(p);

	switch (t->kind) {
	case TOKEN_IF:
		return parse_control(p, NODE_IF, "if", out);
	case TOKEN_WITH:
		return parse_control(p, NODE_WITH, "with", out);
	case TOKEN_RANGE:
		return parse_control(p, NODE_RANGE, "range", out);
	case TOKEN_TEMPLATE:
	case TOKEN_BLOCK:
		return parse_template(p, t->kind == TOKEN_BLOCK, out);
	case TOKEN_BREAK:
		return leave_range(p, NODE_BREAK, "{{break}}", out);
	case TOKEN_CONTINUE:
		return leave_range(p, NODE_CONTINUE, "{{continue}}", out);
	case TOKEN_END:
		*end = AT_END;
		return expect_right(p, "end");
	case TOKEN_ELSE:
		*end = AT_ELSE;
		if (template_parser_peek_word(p) == TOKEN_IF ||
		    template_parser_peek_word(p) == TOKEN_WITH)
			return 0;
		return expect_right(p, "else");
	default:
		p->next--;
		*out = template_parser_node(p, NODE_ACTION, t);
		return *out ? template_parser_pipeline(p, "command", TOKEN_RIGHT, &(*out)->pipe)
			    : -ENOMEM;
	}
}

/* A define stands at the top alone. */
static int parse_define(struct template_parser *p)
{
	struct template_node *name = NULL;
	int r;

	p->next += 1;
	r = template_parser_take_word(p)->kind == TOKEN_DEFINE
		? template_name(p, "define clause", &name)
		: 0;
	if (!r)
		r = expect_right(p, "define clause");
	return r ? r : definition(p, name, "define clause");
}

static bool at_define(struct template_parser *p)
{
	size_t start = p->next;
	bool is;

	p->next++;
	is = template_parser_peek_word(p) == TOKEN_DEFINE;
	p->next = start;
	return is;
}

static int parse_list(struct template_parser *p, struct template_node **out, enum list_end *end)
{
	struct template_node **last;
	int r = 0;

	*end = AT_EOF;
	*out = template_parser_node(p, NODE_LIST, template_parser_peek(p));
	if (!*out)
		return -ENOMEM;
	if (++p->depth > TEMPLATE_NESTED_MAX)
		return template_parser_fail(p, "nested too deeply");
	last = &(*out)->first;
	while (!r && *end == AT_EOF && template_parser_peek(p)->kind != TOKEN_EOF) {
		const struct template_token *t = template_parser_peek(p);
		struct template_node *n = NULL;

		if (p->depth == 1 && t->kind == TOKEN_LEFT && at_define(p)) {
			r = parse_define(p);
			continue;
		}
		p->next++;
		if (t->kind == TOKEN_LEFT)
			r = parse_action(p, &n, end);
		else if (t->kind == TOKEN_TEXT)
			r = (n = template_parser_node(p, NODE_TEXT, t)) ? 0 : -ENOMEM;
		else
			r = template_parser_unexpected(p, t, "input");
		if (!r && n) {
			*last = n;
			last = &n->next;
		}
	}
	p->depth--;
	return r;
}

int template_tree_parse(const char *text, struct template_tree *out, struct err *err)
{
	struct template_parser p = {.tree = out, .err = err};
	enum list_end end;
	int r;

	*out = (struct template_tree){.text = text};
	r = template_lex(text, &p.tokens, err);
	if (!r)
		r = parse_list(&p, &out->root, &end);
	if (!r && end != AT_EOF)
		r = template_parser_fail(&p, "unexpected {{%s}}", end == AT_END ? "end" : "else");
	template_tokens_clear(&p.tokens);
	return r;
}

void template_tree_clear(struct template_tree *t)
{
	while (t->made) {
		struct template_node *n = t->made;

		t->made = n->made;
		json_object_put(n->value);
		free(n);
	}
	while (t->definitions) {
		struct template_definition *d = t->definitions;

		t->definitions = d->next;
		free(d);
	}
}

const struct template_definition *template_tree_find(const struct template_tree *t,
						     struct json_object *name)
{
	for (const struct template_definition *d = t->definitions; d; d = d->next)
		if (json_object_equal(d->name, name))
			return d;
	return NULL;
}

/* ---- nodes as text ---- */

static void print_nodes(const struct template_node *n, const char *between, struct buf *out)
{
	for (const char *sign = ""; n; n = n->next, sign = between) {
		bool parentheses = n->kind == NODE_PIPE;

		buf_puts(out, sign);
		buf_puts(out, parentheses ? "(" : "");
		template_tree_print(n, out);
		buf_puts(out, parentheses ? ")" : "");
	}
}

static void print_pipe(const struct template_node *n, struct buf *out)
{
	print_nodes(n->declared, ", ", out);
	if (n->declared)
		buf_puts(out, n->assigns ? " = " : " := ");
	print_nodes(n->first, " | ", out);
}

void template_tree_print(const struct template_node *n, struct buf *out)
{
	switch (n->kind) {
	case NODE_COMMAND:
		print_nodes(n->first, " ", out);
		break;
	case NODE_PIPE:
		print_pipe(n, out);
		break;
	case NODE_TEMPLATE:
		buf_puts(out, "{{template ");
		buf_append(out, n->first->at, n->first->len);
		if (n->pipe) {
			buf_putc(out, ' ');
			template_tree_print(n->pipe, out);
		}
		buf_puts(out, "}}");
		break;
	case NODE_CHAIN:
		print_nodes(n->first, "", out);
		buf_append(out, n->at, n->len);
		break;
	default:
		buf_append(out, n->at, n->len);
	}
}
