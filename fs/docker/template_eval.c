/* SPDX-License-Identifier: MIT */
/* Pipelines, commands and operands, function by function as exec.go has them. */
#include "fs/docker/template_exec.h"

#include "fs/docker/template_function.h"
#include "fs/docker/template_value.h"
#include "store/base/json.h"
#include "store/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What came through the pipe, as the last argument. */
struct final {
	bool is;
	struct json_object *value; /* borrowed */
};

static const char *node_text(const struct template_node *n, struct buf *text)
{
	template_tree_print(n, text);
	buf_putc(text, '\0');
	return buf_failed(text) ? "" : text->data;
}

/* ---- fields ---- */

/* What is no map has no fields. */
static int field_of_other(struct template_exec *x, struct json_object *value, const char *name)
{
	if (value)
		return template_exec_fail(x, "can't evaluate field %s in type %s", name,
					  template_type(value));
	if (x->complete)
		return template_exec_fail(x, "nil data; no entry for key \"%s\"", name);
	return 0;
}

/* One field of a value: *out is borrowed, NULL where a map lacks it. */
static int one_field(struct template_exec *x, struct json_object *value, const char *name,
		     struct json_object **out)
{
	const char *type = x->complete ? NULL : template_struct(value);

	*out = NULL;
	if (template_is_nil(value))
		return template_exec_fail(x, "nil pointer evaluating %s.%s", template_type(value),
					  name);
	if (!json_object_is_type(value, json_type_object))
		return field_of_other(x, value, name);
	if (!type && !x->complete && value == x->root)
		type = "struct";
	if (json_object_object_get_ex(value, name, out) && !(x->complete && template_is_nil(*out)))
		return 0;
	*out = NULL;
	if (type) {
		return islower((unsigned char)*name)
			   ? template_exec_fail(x, "%s is an unexported field of struct type %s",
						name, type)
			   : template_exec_fail(x, "can't evaluate field %s in type %s", name,
						type);
	}
	return x->complete ? template_exec_fail(x, "map has no entry for key \"%s\"", name) : 0;
}

/* ".A.B" of a value: a new reference. */
static int fields(struct template_exec *x, struct json_object *value, const char *at, size_t len,
		  struct json_object **out)
{
	const char *end = at + len;
	int r = 0;

	while (!r && at < end) {
		size_t n = 1;
		autofree char *name = NULL;

		while (at + n < end && at[n] != '.')
			n++;
		name = strndup(at + 1, n - 1);
		if (!name)
			return err_nomem(x->err);
		r = one_field(x, value, name, &value);
		at += n;
	}
	if (!r)
		*out = json_object_get(value);
	return r;
}

/* What is no function takes no arguments, and of a value's members none is a function. */
static int no_arguments(struct template_exec *x, const struct template_node *n,
			const struct template_node *command, const struct final *final)
{
	const char *name = memrchr(n->at, '.', n->len);
	autobuf text = BUF_INIT;

	if (!command || (!command->first->next && !final->is))
		return 0;
	if (name && (n->kind == NODE_FIELD || n->kind == NODE_VARIABLE || n->kind == NODE_CHAIN))
		return template_exec_fail(x, "%.*s is not a method but has arguments",
					  (int)(n->at + n->len - name - 1), name + 1);
	return template_exec_fail(x, "can't give argument to non-function %s", node_text(n, &text));
}

static int eval_variable(struct template_exec *x, const struct template_node *n,
			 struct json_object **out)
{
	const char *dot = memchr(n->at, '.', n->len);
	size_t len = dot ? (size_t)(dot - n->at) : n->len;
	struct json_object *value = NULL;

	x->at = n;
	if (!template_vars_get(&x->vars, n->at, len, &value))
		return template_exec_fail(x, "undefined variable: %.*s", (int)len, n->at);
	return fields(x, value, n->at + len, n->len - len, out);
}

/* ---- operands ---- */

static int eval_call(struct template_exec *x, struct json_object *dot,
		     const struct template_node *command, const struct template_node *name,
		     const struct final *final, struct json_object **out);

/* A node that is no command of its own. `command` is NULL for an argument. */
static int eval_operand(struct template_exec *x, struct json_object *dot,
			const struct template_node *n, const struct template_node *command,
			const struct final *final, struct json_object **out)
{
	autojson *value = NULL;
	int r;

	x->at = n;
	if (n->kind == NODE_IDENTIFIER)
		return eval_call(x, dot, command, n, final, out);
	r = no_arguments(x, n, command, final);
	if (r)
		return r;
	switch (n->kind) {
	case NODE_FIELD:
		return fields(x, dot, n->at, n->len, out);
	case NODE_VARIABLE:
		return eval_variable(x, n, out);
	case NODE_CHAIN:
		r = eval_operand(x, dot, n->first, NULL, &(struct final){0}, &value);
		x->at = n;
		return r ? r : fields(x, value, n->at, n->len, out);
	case NODE_PIPE:
		return template_eval_pipeline(x, dot, n, out);
	case NODE_NIL:
		return command ? template_exec_fail(x, "nil is not a command") : 0;
	case NODE_DOT:
		*out = json_object_get(dot);
		return 0;
	default:
		*out = json_object_get(n->value);
		return 0;
	}
}

/* ---- functions ---- */

struct arguments {
	struct json_object *at[TEMPLATE_ARGUMENTS_MAX]; /* owned */
	size_t count;
};

static void arguments_clear(struct arguments *a)
{
	for (size_t i = 0; i < a->count; i++)
		json_object_put(a->at[i]);
}

static int count_arguments(struct template_exec *x, const struct template_function *f, size_t got)
{
	if (got >= f->min && (got <= f->max || f->max == TEMPLATE_ARGUMENTS_MAX)) {
		if (got < TEMPLATE_ARGUMENTS_MAX)
			return 0;
		return template_exec_fail(x, "too many arguments for %s", f->name);
	}
	if (f->max == TEMPLATE_ARGUMENTS_MAX)
		return template_exec_fail(x,
					  "wrong number of args for %s: want at least %zu got %zu",
					  f->name, f->min, got);
	return template_exec_fail(x, "wrong number of args for %s: want %zu got %zu", f->name,
				  f->max, got);
}

static bool is_list_of_text(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
			return false;
	return true;
}

/* Go looks whether an argument is of the kind that the function takes: 's' text, 'i' a number, 'l' a
 * list of texts. */
static int check_argument(struct template_exec *x, const struct template_node *n, char kind,
			  struct json_object *value)
{
	static const char *const constants[] = {"string", "integer", "[]string"};
	static const char *const types[] = {"string", "int", "[]string"};
	size_t i = kind == 's' ? 0 : kind == 'i' ? 1 : 2;
	autobuf text = BUF_INIT;

	if (kind == 's'	  ? json_object_is_type(value, json_type_string)
	    : kind == 'i' ? json_object_is_type(value, json_type_int)
			  : is_list_of_text(value))
		return 0;
	x->at = n;
	if (n->kind == NODE_CONSTANT)
		return template_exec_fail(x, "expected %s; found %s", constants[i],
					  node_text(n, &text));
	if (n->kind == NODE_NIL)
		return template_exec_fail(x, "cannot assign nil to %s", types[i]);
	if (!value)
		return template_exec_fail(x, "invalid value; expected %s", types[i]);
	return template_exec_fail(x, "wrong type for value; expected %s; got %s", types[i],
				  template_type(value));
}

static char kind_of_argument(const struct template_function *f, size_t i)
{
	return f->kinds && i < strlen(f->kinds) ? f->kinds[i] : 'a';
}

/* "and" and "or" stop at what decides. */
static bool decides(const struct template_function *f, struct json_object *value)
{
	return (!strcmp(f->name, "and") && !template_truth(value)) ||
	       (!strcmp(f->name, "or") && template_truth(value));
}

static int run_function(struct template_exec *x, const struct template_function *f,
			const struct template_node *command, const struct arguments *a,
			struct json_object **out)
{
	struct err why = {0};
	struct template_call c = {.args = a->at, .count = a->count, .err = &why};
	uint64_t weight = 0;
	autobuf text = BUF_INIT;
	int r;

	for (size_t i = 0; f->whole && i < a->count; i++)
		weight += template_weight(a->at[i]);
	r = template_exec_work(x, weight);
	if (r)
		return r;
	if (!strcmp(f->name, "call")) {
		x->at = command;
		return template_exec_fail(x, "error calling call: non-function %s of type %s",
					  command->first && command->first->next
					      ? node_text(command->first->next, &text)
					      : "nil",
					  template_type(a->at[0]));
	}
	r = template_call(f, x->headers, &c, out);
	if (r == -ENOMEM)
		return err_nomem(x->err);
	if (!r)
		return template_exec_work(x, c.work);
	x->at = command;
	return template_exec_fail(x, "error calling %s: %s", f->name, why.text);
}

/* The arguments of a command, checked as they come; *decided: the last of them is the result. */
static int eval_arguments(struct template_exec *x, struct json_object *dot,
			  const struct template_function *f, const struct template_node *first,
			  struct arguments *a, bool *decided)
{
	static const struct final none;
	int r = 0;

	for (const struct template_node *n = first; !r && n && !*decided; n = n->next) {
		char kind = kind_of_argument(f, a->count);

		r = eval_operand(x, dot, n, NULL, &none, &a->at[a->count]);
		if (r)
			break;
		a->count++;
		if (kind != 'a' && !(x->headers && f->looks))
			r = check_argument(x, n, kind, a->at[a->count - 1]);
		*decided = !r && decides(f, a->at[a->count - 1]);
	}
	return r;
}

static int eval_call(struct template_exec *x, struct json_object *dot,
		     const struct template_node *command, const struct template_node *name,
		     const struct final *final, struct json_object **out)
{
	__attribute__((cleanup(arguments_clear))) struct arguments a = {.count = 0};
	autofree char *word = strndup(name->at, name->len);
	const struct template_function *f = word ? template_function_find(word) : NULL;
	const struct template_node *first = command ? command->first->next : NULL;
	bool decided = false;
	size_t got = final->is;
	int r;

	if (!f)
		return err_nomem(x->err);
	for (const struct template_node *n = first; n; n = n->next)
		got++;
	r = count_arguments(x, f, got);
	if (!r)
		r = eval_arguments(x, dot, f, first, &a, &decided);
	if (!r && final->is && !decided) {
		char kind = kind_of_argument(f, a.count);

		a.at[a.count++] = json_object_get(final->value);
		if (kind != 'a' && !(x->headers && f->looks))
			r = check_argument(x, name, kind, final->value);
	}
	if (r)
		return r;
	if (decided || !strcmp(f->name, "and") || !strcmp(f->name, "or")) {
		*out = json_object_get(a.at[a.count - 1]);
		return 0;
	}
	return run_function(x, f, command ? command : name, &a, out);
}

/* ---- pipelines ---- */

int template_eval_bind(struct template_exec *x, const struct template_node *variable, bool assigns,
		       struct json_object *value)
{
	value = json_object_get(value);
	if (assigns)
		return template_vars_set(&x->vars, variable->at, variable->len, value)
			   ? 0
			   : template_exec_fail(x, "undefined variable: %.*s", (int)variable->len,
						variable->at);
	return template_vars_declare(&x->vars, variable->at, variable->len, value)
		   ? 0
		   : err_nomem(x->err);
}

static int eval_commands(struct template_exec *x, struct json_object *dot,
			 const struct template_node *pipe, struct json_object **out)
{
	struct final final = {0};
	int r = 0;

	for (const struct template_node *c = pipe->first; !r && c; c = c->next) {
		struct json_object *value = NULL;

		r = template_exec_work(x, 0);
		if (!r)
			r = eval_operand(x, dot, c->first, c, &final, &value);
		json_object_put(final.value);
		final = (struct final){true, value};
	}
	*out = final.value;
	return r;
}

int template_eval_pipeline(struct template_exec *x, struct json_object *dot,
			   const struct template_node *pipe, struct json_object **out)
{
	autojson *value = NULL;
	int r = template_exec_enter(x);

	x->at = pipe;
	if (!r)
		r = eval_commands(x, dot, pipe, &value);
	x->depth--;
	for (const struct template_node *v = pipe->declared; !r && v; v = v->next)
		r = template_eval_bind(x, v, pipe->assigns, value);
	if (!r)
		*out = json_object_get(value);
	return r;
}
