/* SPDX-License-Identifier: MIT */
/*
 * What stands inside the braces of a Go template: words, constants, fields, variables, calls and
 * pipelines, and the reader that goes over the text. For template.c alone.
 */
#ifndef FS_TEMPLATE_EXPR_H
#define FS_TEMPLATE_EXPR_H

#include "fs/docker/template_vars.h"
#include "store/base/buf.h"
#include "store/base/err.h"
#include "store/base/json.h"

#define TEMPLATE_DEPTH_MAX 32

struct template_expr {
	const char *text; /* all of it */
	const char *at;	  /* what is read next */
	struct json_object *root;
	struct buf *out;
	bool live;    /* what is read counts; else it is only read, and all values are nil */
	bool headers; /* template_run_headers */
	struct template_vars vars;
	int depth;
	uint64_t *work; /* what is left of it */
	struct err *err;
};

/* -EINVAL "template parsing error: …", with the line. */
int template_expr_fail(struct template_expr *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void template_expr_blanks(struct template_expr *t);		    /* goes over them */
bool template_expr_at_close(const struct template_expr *t);	    /* }} or -}} comes */
bool template_expr_word(struct template_expr *t, const char *word); /* takes it where it comes */

/* A step that read or made so many bytes: -EINVAL where it was too many (template.h). */
int template_expr_work(struct template_expr *t, uint64_t bytes);

/* *out is a new reference; NULL is nil. */
int template_expr_pipeline(struct template_expr *t, struct json_object *dot,
			   struct json_object **out);

/* What may stand in front of a pipeline: "$x :=", "$x =", in a range "$k, $v :=". */
struct template_names {
	char at[2][TEMPLATE_VAR_NAME_MAX];
	size_t count; /* 0: none */
	bool set;     /* = */
};

int template_expr_names(struct template_expr *t, size_t max, struct template_names *n);
int template_expr_bind(struct template_expr *t, const char *name, bool set,
		       struct json_object *value);

/* A pipeline that a variable may be declared for. */
int template_expr_declare(struct template_expr *t, struct json_object *dot,
			  struct template_names *n, struct json_object **out);

#endif
