/* SPDX-License-Identifier: MIT */
#include "fs/docker/template.h"

#include "fs/docker/template_exec.h"
#include "fs/docker/template_function.h"
#include "fs/docker/template_value.h"
#include "store/base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a walk gives beside 0 and -errno. */
enum { WALK_BREAK = 1, WALK_CONTINUE = 2 };

static int template_walk(struct template_exec *x, struct json_object *dot,
			 const struct template_node *n);

/* ---- errors and bounds ---- */

int template_exec_fail(struct template_exec *x, const char *fmt, ...)
{
	const char *text = x->tree->text, *position = x->at->position, *line = text;
	autofree char *what = NULL;
	autobuf where = BUF_INIT;
	int number = 1;
	va_list ap;

	for (const char *c = text; c < position; c++)
		if (*c == '\n') {
			number++;
			line = c + 1;
		}
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	template_tree_print(x->at, &where);
	buf_putc(&where, '\0');
	return err_set(x->err, EINVAL,
		       "template parsing error: template: :%d:%td: executing \"%s\" at <%s>: %s",
		       number, position - line, x->name, buf_failed(&where) ? "" : where.data,
		       what ? what : "");
}

int template_exec_work(struct template_exec *x, uint64_t bytes)
{
	uint64_t cost = TEMPLATE_STEP + bytes;

	if (cost > *x->work) {
		*x->work = 0;
		return template_exec_fail(x, "too much work");
	}
	*x->work -= cost;
	return 0;
}

int template_exec_enter(struct template_exec *x)
{
	return ++x->depth > TEMPLATE_DEPTH_MAX ? template_exec_fail(x, "nested too deeply") : 0;
}

/* ---- what is printed ---- */

static int check_output(struct template_exec *x)
{
	if (buf_failed(x->out))
		return err_nomem(x->err);
	return x->out->len > TEMPLATE_TEXT_MAX
		   ? template_exec_fail(x, "an output of more than %u bytes", TEMPLATE_TEXT_MAX)
		   : 0;
}

static int walk_text(struct template_exec *x, const struct template_node *n)
{
	int r;

	x->at = n;
	r = template_exec_work(x, n->len);
	buf_append(x->out, n->at, n->len);
	return r ? r : check_output(x);
}

static int walk_action(struct template_exec *x, struct json_object *dot,
		       const struct template_node *n)
{
	autojson *value = NULL;
	int r = template_eval_pipeline(x, dot, n->pipe, &value);

	if (r || n->pipe->declared)
		return r;
	r = template_exec_work(x, template_weight(value));
	if (r)
		return r;
	if (value)
		template_print(x->out, value);
	else
		buf_puts(x->out, "<no value>");
	return check_output(x);
}

/* ---- blocks ---- */

/* The else that is one more arm. */
static const struct template_node *next_arm(const struct template_node *n)
{
	const struct template_node *first = n->other ? n->other->first : NULL;

	return first && !first->next && (first->kind == NODE_IF || first->kind == NODE_WITH) ? first
											     : NULL;
}

/* One arm: *next is the one to try then, or NULL. `with` makes its condition the dot. */
static int walk_arm(struct template_exec *x, struct json_object *dot, const struct template_node *n,
		    const struct template_node **next)
{
	autojson *value = NULL;
	int r;

	*next = NULL;
	x->at = n;
	r = template_exec_work(x, 0);
	if (!r)
		r = template_eval_pipeline(x, dot, n->pipe, &value);
	if (r)
		return r;
	if (template_truth(value))
		return template_walk(x, n->kind == NODE_WITH ? value : dot, n->list);
	*next = next_arm(n);
	return *next || !n->other ? 0 : template_walk(x, dot, n->other);
}

static int walk_condition(struct template_exec *x, struct json_object *dot,
			  const struct template_node *n)
{
	size_t vars = x->vars.count;
	int r = 0;

	while (!r && n)
		r = walk_arm(x, dot, n, &n);
	template_vars_forget(&x->vars, vars);
	return r;
}

/* The variables of a range are those of its pipeline, set anew for each element: one is the element
 * (of a number, how often), two are its number or key, and the element. */
static int bind_element(struct template_exec *x, const struct template_node *pipe,
			struct json_object *key, struct json_object *element)
{
	const struct template_node *first = pipe->declared, *second = first ? first->next : NULL;
	int r = 0;

	if (first)
		r = template_eval_bind(x, first, pipe->assigns, second ? key : element);
	return r || !second ? r : template_eval_bind(x, second, pipe->assigns, element);
}

/* One round: WALK_BREAK where it is the last. */
static int walk_element(struct template_exec *x, const struct template_node *n,
			struct json_object *key, struct json_object *element)
{
	size_t vars = x->vars.count;
	int r = template_exec_work(x, 0);

	if (!r)
		r = bind_element(x, n->pipe, key, element);
	if (!r)
		r = template_walk(x, element, n->list);
	template_vars_forget(&x->vars, vars);
	return r == WALK_CONTINUE ? 0 : r;
}

static int walk_items(struct template_exec *x, const struct template_node *n,
		      struct json_object *value, size_t *count)
{
	autoitems items = {0};
	int r = 0;

	if (!template_items_open(value, &items))
		return err_nomem(x->err);
	*count = items.count;
	for (size_t i = 0; !r && i < items.count; i++) {
		autojson *element = template_items_value(&items, i);
		autojson *key = template_items_key(&items, i);

		r = walk_element(x, n, key, element);
	}
	return r;
}

static int walk_number(struct template_exec *x, const struct template_node *n, int64_t end,
		       size_t *count)
{
	int r = 0;

	*count = end > 0;
	if (n->pipe->declared && n->pipe->declared->next)
		return template_exec_fail(
		    x, "can't use %lld to iterate over more than one variable", (long long)end);
	for (int64_t i = 0; !r && i < end; i++) {
		autojson *element = json_object_new_int64(i);

		r = element ? walk_element(x, n, element, element) : err_nomem(x->err);
	}
	return r;
}

/* What a range goes over; nil is an empty map. The variables of the pipeline are bound by the rounds:
 * here it is as if it had none. */
static int walk_range(struct template_exec *x, struct json_object *dot,
		      const struct template_node *n)
{
	struct template_node bare = *n->pipe;
	autojson *value = NULL;
	size_t count = 0, vars = x->vars.count;
	autobuf text = BUF_INIT;
	int r;

	bare.declared = NULL;
	r = template_eval_pipeline(x, dot, &bare, &value);
	if (r)
		return r;
	/* x->at may be `bare`, which ends with this function */
	if (x->at == &bare)
		x->at = n->pipe;
	switch (json_object_get_type(value)) {
	case json_type_null:
		break;
	case json_type_array:
	case json_type_object:
		r = walk_items(x, n, value, &count);
		break;
	case json_type_int:
		r = walk_number(x, n, json_object_get_int64(value), &count);
		break;
	default:
		template_print(&text, value);
		buf_putc(&text, '\0');
		return template_exec_fail(x, "range can't iterate over %s",
					  buf_failed(&text) ? "" : text.data);
	}
	template_vars_forget(&x->vars, vars);
	r = r == WALK_BREAK ? 0 : r;
	return !r && !count && n->other ? template_walk(x, dot, n->other) : r;
}

/* A template within sees its own value as $, and no variable of the one that calls it. */
static int walk_template(struct template_exec *x, struct json_object *dot,
			 const struct template_node *n)
{
	const struct template_definition *d = template_tree_find(x->tree, n->first->value);
	const char *name = x->name;
	size_t vars = x->vars.count, floor = x->vars.floor;
	struct json_object *value = NULL;
	int r = 0;

	x->at = n;
	if (!d)
		return template_exec_fail(x, "template %.*s not defined", (int)n->first->len,
					  n->first->at);
	if (n->pipe)
		r = template_eval_pipeline(x, dot, n->pipe, &value);
	if (r)
		return r;
	x->name = json_object_get_string(d->name);
	x->vars.floor = vars;
	if (!template_vars_declare(&x->vars, "$", 1, value))
		r = err_nomem(x->err);
	else
		r = template_walk(x, value, d->list);
	template_vars_forget(&x->vars, vars);
	x->vars.floor = floor;
	x->name = name;
	return r;
}

/* Variables that a list declares are seen up to the end of its block. */
static int walk_list(struct template_exec *x, struct json_object *dot,
		     const struct template_node *list)
{
	int r = 0;

	for (const struct template_node *n = list->first; !r && n; n = n->next)
		r = template_walk(x, dot, n);
	return r;
}

static int walk_node(struct template_exec *x, struct json_object *dot,
		     const struct template_node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		return walk_list(x, dot, n);
	case NODE_TEXT:
		return walk_text(x, n);
	case NODE_ACTION:
		return walk_action(x, dot, n);
	case NODE_RANGE:
		return walk_range(x, dot, n);
	case NODE_TEMPLATE:
		return walk_template(x, dot, n);
	case NODE_BREAK:
		return WALK_BREAK;
	case NODE_CONTINUE:
		return WALK_CONTINUE;
	default:
		return walk_condition(x, dot, n);
	}
}

static int template_walk(struct template_exec *x, struct json_object *dot,
			 const struct template_node *n)
{
	int r;

	x->at = n;
	r = template_exec_enter(x);
	if (!r)
		r = walk_node(x, dot, n);
	x->depth--;
	return r;
}

static int template_execute(const struct template_tree *tree, struct json_object *value,
			    const struct template_exec *how, uint64_t *work, struct buf *out,
			    struct err *err)
{
	struct template_exec x = *how;
	int r;

	x.tree = tree;
	x.name = "";
	x.out = out;
	x.work = work;
	x.root = value;
	x.err = err;
	x.at = tree->root;
	if (!template_vars_declare(&x.vars, "$", 1, json_object_get(value)))
		r = err_nomem(err);
	else
		r = template_walk(&x, value, tree->root);
	template_vars_clear(&x.vars);
	return r < 0 ? r : 0;
}

/* What is read costs, too: a byte as much as that of text. */
static int template_start(const char *text, struct json_object *value,
			  const struct template_exec *how, uint64_t *work, struct buf *out,
			  struct err *err)
{
	uint64_t own = TEMPLATE_WORK_MAX;
	uint64_t *left = work ? work : &own, read = strlen(text);
	autotree tree = {0};
	int r = template_tree_parse(text, &tree, err);

	*left = *left > read ? *left - read : 0;
	return r ? r : template_execute(&tree, value, how, left, out, err);
}

int template_check(const char *text, struct err *err)
{
	autotree tree = {0};

	return template_tree_parse(text, &tree, err);
}

int template_run(const char *text, struct json_object *value, uint64_t *work, struct buf *out,
		 struct err *err)
{
	return template_start(text, value, &(struct template_exec){0}, work, out, err);
}

int template_run_complete(const char *text, struct json_object *value, uint64_t *work,
			  struct buf *out, struct err *err)
{
	return template_start(text, value, &(struct template_exec){.complete = true}, work, out,
			      err);
}

int template_run_headers(const char *text, struct json_object *headers, uint64_t *work,
			 struct buf *out, struct err *err)
{
	return template_start(text, headers, &(struct template_exec){.headers = true}, work, out,
			      err);
}
