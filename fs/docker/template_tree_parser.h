/* SPDX-License-Identifier: MIT */
/* What the two halves of the parser share: template_tree.c, lists and actions, and
 * template_tree_pipeline.c, what stands inside an action. */
#ifndef FS_TEMPLATE_TREE_PARSER_H
#define FS_TEMPLATE_TREE_PARSER_H

#include "fs/docker/template_lex.h"
#include "fs/docker/template_tree.h"

#define TEMPLATE_VARIABLES_MAX 64

struct template_parser {
	struct template_tree *tree;
	struct template_tokens tokens; /* owned */
	size_t next;
	struct template_token variables[TEMPLATE_VARIABLES_MAX];
	size_t variable_count;
	int ranges, depth;
	struct err *err;
};

/* Peek looks at the next token, take goes behind it; the _word ones pass over spaces before. */
const struct template_token *template_parser_peek(const struct template_parser *p);
const struct template_token *template_parser_take(struct template_parser *p);
enum template_token_kind template_parser_peek_word(struct template_parser *p);
const struct template_token *template_parser_take_word(struct template_parser *p);

/* -EINVAL "template parsing error: …", with the line. */
int template_parser_fail(struct template_parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int template_parser_unexpected(struct template_parser *p, const struct template_token *t,
			       const char *context);

struct template_node *template_parser_node(struct template_parser *p, enum template_node_kind kind,
					   const struct template_token *t); /* NULL: memory */
int template_parser_constant(struct template_parser *p, struct template_node *n,
			     enum template_token_kind kind);

/* Parses a pipeline up to a token of the kind `until`, which is taken. `context` is what Go calls the
 * pipeline in errors. */
int template_parser_pipeline(struct template_parser *p, const char *context,
			     enum template_token_kind until, struct template_node **out);

#endif
