/* SPDX-License-Identifier: MIT */
/*
 * A run of a parsed template over a value, as text/template's exec.go: one state, its variables,
 * and what is evaluated (template_eval.c). For template.c alone.
 */
#ifndef FS_TEMPLATE_EXEC_H
#define FS_TEMPLATE_EXEC_H

#include "fs/docker/template_tree.h"
#include "fs/docker/template_vars.h"

#include <stdint.h>

#define TEMPLATE_DEPTH_MAX 200 /* of nodes that are run within each other */

struct template_exec {
	const struct template_tree *tree;
	const char *name; /* of the template that runs: empty, or what a definition says */
	struct buf *out;
	struct json_object *root;
	bool headers;  /* template_run_headers */
	bool complete; /* a member that a map lacks is an error */
	struct template_vars vars;
	const struct template_node *at; /* the node that an error names */
	int depth;
	uint64_t *work; /* what is left of it (template.h) */
	struct err *err;
};

/* -EINVAL "template parsing error: template: :LINE:COLUMN: executing … at <…>: …". */
int template_exec_fail(struct template_exec *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A step that read or made so many bytes: -EINVAL where it was too many (template.h). */
int template_exec_work(struct template_exec *x, uint64_t bytes);

/* Enters a node in a node: -EINVAL where it is too deep. x->depth-- leaves it. */
int template_exec_enter(struct template_exec *x);

/* *out is a new reference; NULL is nil. */
int template_eval_pipeline(struct template_exec *x, struct json_object *dot,
			   const struct template_node *pipe, struct json_object **out);

/* Declares a variable of a pipeline, or assigns to it. */
int template_eval_bind(struct template_exec *x, const struct template_node *variable, bool assigns,
		       struct json_object *value);

#endif
