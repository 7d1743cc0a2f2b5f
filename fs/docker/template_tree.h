/* SPDX-License-Identifier: MIT */
/*
 * A Go template, parsed: nodes as text/template/parse has them. Owns its nodes; borrows the text. The
 * parser finds mistakes also in parts that would not be run. Not thread safe while it is made,
 * read-only afterwards.
 */
#ifndef FS_TEMPLATE_TREE_H
#define FS_TEMPLATE_TREE_H

#include "store/base/buf.h"
#include "store/base/err.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_NESTED_MAX 100 /* blocks and parentheses in each other */

enum template_node_kind {
	NODE_LIST, /* first: what it holds */
	NODE_TEXT,
	NODE_ACTION, /* pipe */
	NODE_IF,     /* pipe, list, other */
	NODE_RANGE,
	NODE_WITH,
	NODE_TEMPLATE, /* pipe or NULL; value: its name */
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_PIPE,    /* declared: its variables; first: its commands */
	NODE_COMMAND, /* first: its arguments */
	NODE_CHAIN,   /* first: the value that has the fields in its text */
	NODE_FIELD,
	NODE_VARIABLE, /* with its fields */
	NODE_IDENTIFIER,
	NODE_DOT,
	NODE_NIL,
	NODE_CONSTANT, /* value */
};

struct template_node {
	enum template_node_kind kind;
	const char *at; /* its text in the template */
	size_t len;
	const char *position;	    /* what an error points at */
	struct template_node *next; /* in the list that it is in */
	struct template_node *first, *declared, *pipe, *list, *other;
	bool assigns;		    /* of a pipe: = and not := */
	struct json_object *value;  /* owned */
	struct template_node *made; /* the one made before it */
};

/* A {{define}} or {{block}}. */
struct template_definition {
	struct json_object *name; /* borrowed: of a node */
	struct template_node *list;
	struct template_definition *next;
};

struct template_tree {
	const char *text;
	struct template_node *root;
	struct template_definition *definitions; /* owned */
	struct template_node *made;		 /* owned: all nodes */
};

/* -EINVAL "template parsing error: template: :LINE: …", -ENOMEM. */
int template_tree_parse(const char *text, struct template_tree *out, struct err *err);
void template_tree_clear(struct template_tree *t);
#define autotree __attribute__((cleanup(template_tree_clear))) struct template_tree

/* NULL where there is none of that name. */
const struct template_definition *template_tree_find(const struct template_tree *t,
						     struct json_object *name);

/* Appends the node as Go shows it in errors. */
void template_tree_print(const struct template_node *n, struct buf *out);

#endif
