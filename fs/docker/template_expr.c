/* SPDX-License-Identifier: MIT */
#include "fs/docker/template_expr.h"

#include "fs/docker/template_function.h"
#include "fs/docker/template_value.h"
#include "store/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64

int template_expr_fail(struct template_expr *t, const char *fmt, ...)
{
	autofree char *what = NULL;
	int line = 1;
	va_list ap;

	for (const char *c = t->text; c < t->at; c++)
		line += *c == '\n';
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	return err_set(t->err, EINVAL, "template parsing error: template: :%d: %s", line,
		       what ? what : "");
}

int template_expr_work(struct template_expr *t, uint64_t bytes)
{
	uint64_t cost = TEMPLATE_STEP + bytes;

	if (cost > *t->work) {
		*t->work = 0;
		return template_expr_fail(t, "too much work");
	}
	*t->work -= cost;
	return 0;
}

/* ---- words ---- */

void template_expr_blanks(struct template_expr *t)
{
	while (isspace((unsigned char)*t->at))
		t->at++;
}

bool template_expr_at_close(const struct template_expr *t)
{
	return !strncmp(t->at, "}}", 2) || (!strncmp(t->at, "-}}", 3));
}

static bool take_char(struct template_expr *t, char c)
{
	template_expr_blanks(t);
	if (*t->at != c)
		return false;
	t->at++;
	return true;
}

/* The identifier that comes, without taking it. */
static size_t peek_word(const struct template_expr *t)
{
	size_t n = 0;

	while (isalnum((unsigned char)t->at[n]) || t->at[n] == '_')
		n++;
	return n;
}

bool template_expr_word(struct template_expr *t, const char *word)
{
	size_t n;

	template_expr_blanks(t);
	n = peek_word(t);
	if (n != strlen(word) || strncmp(t->at, word, n) != 0)
		return false;
	t->at += n;
	return true;
}

static int template_expr_take_string(struct template_expr *t, struct json_object **out)
{
	char quote = *t->at++;
	autobuf text = BUF_INIT;

	while (*t->at && *t->at != quote) {
		char c = *t->at++;

		if (c == '\\' && quote == '"' && *t->at) {
			c = *t->at++;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		buf_putc(&text, c);
	}
	if (*t->at != quote)
		return template_expr_fail(t, "unterminated quoted string");
	t->at++;
	if (!buf_failed(&text))
		*out = json_object_new_string_len(text.data ? text.data : "", (int)text.len);
	return *out ? 0 : err_nomem(t->err);
}

static int take_number(struct template_expr *t, struct json_object **out)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(t->at, &end, 0);
	if (errno == ERANGE)
		return template_expr_fail(t, "integer overflow: \"%.*s\"",
					  end - t->at < WORD_MAX ? (int)(end - t->at) : WORD_MAX,
					  t->at);
	t->at = end;
	*out = json_object_new_int64(n);
	return *out ? 0 : err_nomem(t->err);
}

/* ---- values ---- */

/* .A.B behind a value; the value is taken. */
static int fields(struct template_expr *t, struct json_object *from, bool top,
		  struct json_object **out)
{
	autojson *value = from;

	while (*t->at == '.' && (isalpha((unsigned char)t->at[1]) || t->at[1] == '_')) {
		char name[WORD_MAX];
		struct json_object *member = NULL;
		size_t n;

		t->at++;
		n = peek_word(t);
		if (n >= sizeof(name))
			return template_expr_fail(t, "a name that is too long");
		memcpy(name, t->at, n);
		name[n] = '\0';
		t->at += n;
		if (!(json_object_is_type(value, json_type_object) &&
		      json_object_object_get_ex(value, name, &member)) &&
		    top && t->live)
			return template_expr_fail(
			    t, "executing \"\" at <.%s>: can't evaluate field %s", name, name);
		member = json_object_get(member);
		json_object_put(value);
		value = member;
		top = false;
	}
	*out = steal(&value);
	return 0;
}

/* "$", or "$name": the name, empty for $ itself. */
static int take_variable(struct template_expr *t, char name[static TEMPLATE_VAR_NAME_MAX])
{
	size_t n;

	t->at++;
	n = peek_word(t);
	if (n >= TEMPLATE_VAR_NAME_MAX)
		return template_expr_fail(t, "a name that is too long");
	memcpy(name, t->at, n);
	name[n] = '\0';
	t->at += n;
	return 0;
}

static int variable(struct template_expr *t, struct json_object **out)
{
	char name[TEMPLATE_VAR_NAME_MAX];
	struct json_object *value = t->root;
	int r = take_variable(t, name);

	if (!r && *name && !template_vars_get(&t->vars, name, &value))
		r = template_expr_fail(t, "undefined variable \"$%s\"", name);
	return r ? r : fields(t, json_object_get(value), !*name, out);
}

static int parentheses(struct template_expr *t, struct json_object *dot, struct json_object **out)
{
	autojson *value = NULL;
	int r;

	if (++t->depth > TEMPLATE_DEPTH_MAX)
		return template_expr_fail(t, "nested too deeply");
	r = template_expr_pipeline(t, dot, &value);
	t->depth--;
	if (!r && !take_char(t, ')'))
		r = template_expr_fail(t, "unclosed left paren");
	return r ? r : fields(t, steal(&value), false, out);
}

/* A constant, a field, or what is in parentheses. */
static int operand(struct template_expr *t, struct json_object *dot, struct json_object **out)
{
	template_expr_blanks(t);
	*out = NULL;
	if (*t->at == '"' || *t->at == '`')
		return template_expr_take_string(t, out);
	if (isdigit((unsigned char)*t->at) || (*t->at == '-' && isdigit((unsigned char)t->at[1])))
		return take_number(t, out);
	if (template_expr_word(t, "true") || template_expr_word(t, "false")) {
		*out = json_object_new_boolean(t->at[-2] == 'u');
		return 0;
	}
	if (template_expr_word(t, "nil"))
		return 0;
	if (take_char(t, '('))
		return parentheses(t, dot, out);
	if (*t->at == '$')
		return variable(t, out);
	if (*t->at != '.')
		return template_expr_fail(t, "unexpected \"%.10s\" in operand", t->at);
	if (!isalpha((unsigned char)t->at[1]) && t->at[1] != '_') {
		t->at++;
		*out = json_object_get(dot);
		return 0;
	}
	return fields(t, json_object_get(dot), dot == t->root, out);
}

static bool at_end_of_command(struct template_expr *t)
{
	template_expr_blanks(t);
	return !*t->at || template_expr_at_close(t) || *t->at == '|' || *t->at == ')';
}

struct arguments {
	struct json_object *at[TEMPLATE_ARGUMENTS_MAX]; /* owned */
	size_t count;
};

static void arguments_clear(struct arguments *a)
{
	for (size_t i = 0; i < a->count; i++)
		json_object_put(a->at[i]);
}

static int call_function(struct template_expr *t, const char *name, const struct arguments *a,
			 struct json_object **out)
{
	const struct template_function *f = template_function_find(name);
	struct err why = {0};
	struct template_call c = {.args = a->at, .count = a->count, .err = &why};
	uint64_t weight = 0;
	int r;

	if (!f)
		return template_expr_fail(t, "function \"%s\" not defined", name);
	if (!t->live)
		return 0;
	for (size_t i = 0; f->whole && i < a->count; i++)
		weight += template_weight(a->at[i]);
	r = template_expr_work(t, weight);
	if (r)
		return r;
	r = template_call(f, t->headers, &c, out);
	if (r == -ENOMEM)
		return err_nomem(t->err);
	return r ? template_expr_fail(t, "error calling %s: %s", name, why.text)
		 : template_expr_work(t, c.work);
}

/* A function's arguments, and behind them what came through the pipe. Takes `piped`. */
static int call(struct template_expr *t, struct json_object *dot, const char *name, bool has_piped,
		struct json_object *piped, struct json_object **out)
{
	__attribute__((cleanup(arguments_clear))) struct arguments a = {.count = 0};
	int r = 0;

	while (!r && !at_end_of_command(t)) {
		if (a.count == TEMPLATE_ARGUMENTS_MAX - 1)
			r = template_expr_fail(t, "too many arguments for %s", name);
		else
			r = operand(t, dot, &a.at[a.count]);
		a.count += !r;
	}
	if (has_piped)
		a.at[a.count++] = piped;
	return r ? r : call_function(t, name, &a, out);
}

/* A command: a function with arguments, or an operand. */
static int template_expr_command(struct template_expr *t, struct json_object *dot, bool has_piped,
				 struct json_object *piped, struct json_object **out)
{
	char name[WORD_MAX];
	size_t n;

	template_expr_blanks(t);
	n = peek_word(t);
	if (n && n < sizeof(name) && isalpha((unsigned char)*t->at)) {
		memcpy(name, t->at, n);
		name[n] = '\0';
		if (strcmp(name, "true") && strcmp(name, "false") && strcmp(name, "nil")) {
			t->at += n;
			return call(t, dot, name, has_piped, piped, out);
		}
	}
	json_object_put(piped);
	return has_piped ? template_expr_fail(t, "non executable command in pipeline")
			 : operand(t, dot, out);
}

int template_expr_pipeline(struct template_expr *t, struct json_object *dot,
			   struct json_object **out)
{
	struct json_object *value = NULL;
	int r = template_expr_command(t, dot, false, NULL, &value);

	while (!r && take_char(t, '|')) {
		struct json_object *piped = value;

		value = NULL;
		r = template_expr_command(t, dot, true, piped, &value);
	}
	if (r) {
		json_object_put(value);
		return r;
	}
	*out = value;
	return 0;
}

/* ---- declarations ---- */

int template_expr_names(struct template_expr *t, size_t max, struct template_names *n)
{
	const char *start;

	n->count = 0;
	template_expr_blanks(t);
	start = t->at;
	while (n->count < max && *t->at == '$') {
		int r = take_variable(t, n->at[n->count]);

		if (r)
			return r;
		n->count++;
		if (!take_char(t, ','))
			break;
		template_expr_blanks(t);
	}
	n->set = n->count && *t->at == '=';
	if (n->count && (n->set || !strncmp(t->at, ":=", 2))) {
		t->at += n->set ? 1 : 2;
		return 0;
	}
	n->count = 0;
	t->at = start;
	return 0;
}

int template_expr_bind(struct template_expr *t, const char *name, bool set,
		       struct json_object *value)
{
	value = json_object_get(value);
	if (set)
		return template_vars_set(&t->vars, name, value)
			   ? 0
			   : template_expr_fail(t, "undefined variable \"$%s\"", name);
	return template_vars_declare(&t->vars, name, value)
		   ? 0
		   : template_expr_fail(t, "too many variables");
}

int template_expr_declare(struct template_expr *t, struct json_object *dot,
			  struct template_names *n, struct json_object **out)
{
	int r = template_expr_names(t, 1, n);

	if (!r)
		r = template_expr_pipeline(t, dot, out);
	if (!r && n->count && (t->live || !n->set))
		r = template_expr_bind(t, n->at[0], n->set, *out);
	return r;
}
