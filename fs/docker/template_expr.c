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

int template_expr_fail(struct template_expr *r, const char *fmt, ...)
{
	autofree char *what = NULL;
	int line = 1;
	va_list ap;

	for (const char *c = r->text; c < r->at; c++)
		line += *c == '\n';
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	return err_set(r->err, EINVAL, "template parsing error: template: :%d: %s", line,
		       what ? what : "");
}

int template_expr_work(struct template_expr *r, uint64_t bytes)
{
	uint64_t cost = TEMPLATE_STEP + bytes;

	if (cost > *r->work) {
		*r->work = 0;
		return template_expr_fail(r, "too much work");
	}
	*r->work -= cost;
	return 0;
}

/* ---- words ---- */

void template_expr_blanks(struct template_expr *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

bool template_expr_at_close(const struct template_expr *r)
{
	return !strncmp(r->at, "}}", 2) || (!strncmp(r->at, "-}}", 3));
}

static bool take_char(struct template_expr *r, char c)
{
	template_expr_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

/* The identifier that comes, without taking it. */
static size_t peek_word(const struct template_expr *r)
{
	size_t n = 0;

	while (isalnum((unsigned char)r->at[n]) || r->at[n] == '_')
		n++;
	return n;
}

bool template_expr_word(struct template_expr *r, const char *word)
{
	size_t n;

	template_expr_blanks(r);
	n = peek_word(r);
	if (n != strlen(word) || strncmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static int template_expr_take_string(struct template_expr *r, struct json_object **out)
{
	char quote = *r->at++;
	autobuf text = BUF_INIT;

	while (*r->at && *r->at != quote) {
		char c = *r->at++;

		if (c == '\\' && quote == '"' && *r->at) {
			c = *r->at++;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		buf_putc(&text, c);
	}
	if (*r->at != quote)
		return template_expr_fail(r, "unterminated quoted string");
	r->at++;
	if (!buf_failed(&text))
		*out = json_object_new_string_len(text.data ? text.data : "", (int)text.len);
	return *out ? 0 : err_nomem(r->err);
}

static int take_number(struct template_expr *r, struct json_object **out)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(r->at, &end, 0);
	if (errno == ERANGE)
		return template_expr_fail(r, "integer overflow: \"%.*s\"",
					  end - r->at < WORD_MAX ? (int)(end - r->at) : WORD_MAX,
					  r->at);
	r->at = end;
	*out = json_object_new_int64(n);
	return *out ? 0 : err_nomem(r->err);
}

/* ---- values ---- */

/* .A.B behind a value; the value is taken. */
static int fields(struct template_expr *r, struct json_object *from, bool top,
		  struct json_object **out)
{
	autojson *value = from;

	while (*r->at == '.' && (isalpha((unsigned char)r->at[1]) || r->at[1] == '_')) {
		char name[WORD_MAX];
		struct json_object *member = NULL;
		size_t n;

		r->at++;
		n = peek_word(r);
		if (n >= sizeof(name))
			return template_expr_fail(r, "a name that is too long");
		memcpy(name, r->at, n);
		name[n] = '\0';
		r->at += n;
		if (!(json_object_is_type(value, json_type_object) &&
		      json_object_object_get_ex(value, name, &member)) &&
		    top && r->live)
			return template_expr_fail(
			    r, "executing \"\" at <.%s>: can't evaluate field %s", name, name);
		member = json_object_get(member);
		json_object_put(value);
		value = member;
		top = false;
	}
	*out = steal(&value);
	return 0;
}

/* "$", or "$name": the name, empty for $ itself. */
static int take_variable(struct template_expr *r, char name[static TEMPLATE_VAR_NAME_MAX])
{
	size_t n;

	r->at++;
	n = peek_word(r);
	if (n >= TEMPLATE_VAR_NAME_MAX)
		return template_expr_fail(r, "a name that is too long");
	memcpy(name, r->at, n);
	name[n] = '\0';
	r->at += n;
	return 0;
}

static int variable(struct template_expr *r, struct json_object **out)
{
	char name[TEMPLATE_VAR_NAME_MAX];
	struct json_object *value = r->root;
	int rc = take_variable(r, name);

	if (!rc && *name && !template_vars_get(&r->vars, name, &value))
		rc = template_expr_fail(r, "undefined variable \"$%s\"", name);
	return rc ? rc : fields(r, json_object_get(value), !*name, out);
}

static int parentheses(struct template_expr *r, struct json_object *dot, struct json_object **out)
{
	autojson *value = NULL;
	int rc;

	if (++r->depth > TEMPLATE_DEPTH_MAX)
		return template_expr_fail(r, "nested too deeply");
	rc = template_expr_pipeline(r, dot, &value);
	r->depth--;
	if (!rc && !take_char(r, ')'))
		rc = template_expr_fail(r, "unclosed left paren");
	return rc ? rc : fields(r, steal(&value), false, out);
}

/* A constant, a field, or what is in parentheses. */
static int operand(struct template_expr *r, struct json_object *dot, struct json_object **out)
{
	template_expr_blanks(r);
	*out = NULL;
	if (*r->at == '"' || *r->at == '`')
		return template_expr_take_string(r, out);
	if (isdigit((unsigned char)*r->at) || (*r->at == '-' && isdigit((unsigned char)r->at[1])))
		return take_number(r, out);
	if (template_expr_word(r, "true") || template_expr_word(r, "false")) {
		*out = json_object_new_boolean(r->at[-2] == 'u');
		return 0;
	}
	if (template_expr_word(r, "nil"))
		return 0;
	if (take_char(r, '('))
		return parentheses(r, dot, out);
	if (*r->at == '$')
		return variable(r, out);
	if (*r->at != '.')
		return template_expr_fail(r, "unexpected \"%.10s\" in operand", r->at);
	if (!isalpha((unsigned char)r->at[1]) && r->at[1] != '_') {
		r->at++;
		*out = json_object_get(dot);
		return 0;
	}
	return fields(r, json_object_get(dot), dot == r->root, out);
}

static bool at_end_of_command(struct template_expr *r)
{
	template_expr_blanks(r);
	return !*r->at || template_expr_at_close(r) || *r->at == '|' || *r->at == ')';
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

static int call_function(struct template_expr *r, const char *name, const struct arguments *a,
			 struct json_object **out)
{
	const struct template_function *f = template_function_find(name);
	struct err why = {0};
	struct template_call c = {.args = a->at, .count = a->count, .err = &why};
	uint64_t weight = 0;
	int rc;

	if (!f)
		return template_expr_fail(r, "function \"%s\" not defined", name);
	if (!r->live)
		return 0;
	for (size_t i = 0; f->whole && i < a->count; i++)
		weight += template_weight(a->at[i]);
	rc = template_expr_work(r, weight);
	if (rc)
		return rc;
	rc = template_call(f, r->headers, &c, out);
	if (rc == -ENOMEM)
		return err_nomem(r->err);
	return rc ? template_expr_fail(r, "error calling %s: %s", name, why.text)
		  : template_expr_work(r, c.work);
}

/* A function's arguments, and behind them what came through the pipe. Takes `piped`. */
static int call(struct template_expr *r, struct json_object *dot, const char *name, bool has_piped,
		struct json_object *piped, struct json_object **out)
{
	__attribute__((cleanup(arguments_clear))) struct arguments a = {.count = 0};
	int rc = 0;

	while (!rc && !at_end_of_command(r)) {
		if (a.count == TEMPLATE_ARGUMENTS_MAX - 1)
			rc = template_expr_fail(r, "too many arguments for %s", name);
		else
			rc = operand(r, dot, &a.at[a.count]);
		a.count += !rc;
	}
	if (has_piped)
		a.at[a.count++] = piped;
	return rc ? rc : call_function(r, name, &a, out);
}

/* A command: a function with arguments, or an operand. */
static int template_expr_command(struct template_expr *r, struct json_object *dot, bool has_piped,
				 struct json_object *piped, struct json_object **out)
{
	char name[WORD_MAX];
	size_t n;

	template_expr_blanks(r);
	n = peek_word(r);
	if (n && n < sizeof(name) && isalpha((unsigned char)*r->at)) {
		memcpy(name, r->at, n);
		name[n] = '\0';
		if (strcmp(name, "true") && strcmp(name, "false") && strcmp(name, "nil")) {
			r->at += n;
			return call(r, dot, name, has_piped, piped, out);
		}
	}
	json_object_put(piped);
	return has_piped ? template_expr_fail(r, "non executable command in pipeline")
			 : operand(r, dot, out);
}

int template_expr_pipeline(struct template_expr *r, struct json_object *dot,
			   struct json_object **out)
{
	struct json_object *value = NULL;
	int rc = template_expr_command(r, dot, false, NULL, &value);

	while (!rc && take_char(r, '|')) {
		struct json_object *piped = value;

		value = NULL;
		rc = template_expr_command(r, dot, true, piped, &value);
	}
	if (rc) {
		json_object_put(value);
		return rc;
	}
	*out = value;
	return 0;
}

/* ---- declarations ---- */

int template_expr_names(struct template_expr *r, size_t max, struct template_names *n)
{
	const char *start;

	n->count = 0;
	template_expr_blanks(r);
	start = r->at;
	while (n->count < max && *r->at == '$') {
		int rc = take_variable(r, n->at[n->count]);

		if (rc)
			return rc;
		n->count++;
		if (!take_char(r, ','))
			break;
		template_expr_blanks(r);
	}
	n->set = n->count && *r->at == '=';
	if (n->count && (n->set || !strncmp(r->at, ":=", 2))) {
		r->at += n->set ? 1 : 2;
		return 0;
	}
	n->count = 0;
	r->at = start;
	return 0;
}

int template_expr_bind(struct template_expr *r, const char *name, bool set,
		       struct json_object *value)
{
	value = json_object_get(value);
	if (set)
		return template_vars_set(&r->vars, name, value)
			   ? 0
			   : template_expr_fail(r, "undefined variable \"$%s\"", name);
	return template_vars_declare(&r->vars, name, value)
		   ? 0
		   : template_expr_fail(r, "too many variables");
}

int template_expr_declare(struct template_expr *r, struct json_object *dot,
			  struct template_names *n, struct json_object **out)
{
	int rc = template_expr_names(r, 1, n);

	if (!rc)
		rc = template_expr_pipeline(r, dot, out);
	if (!rc && n->count && (r->live || !n->set))
		rc = template_expr_bind(r, n->at[0], n->set, *out);
	return rc;
}
