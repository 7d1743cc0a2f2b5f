/* SPDX-License-Identifier: MIT */
/*
 * An interpreter that goes over the text: what is not taken (the other branch of an if) is read
 * and evaluated all the same, with its output thrown away and no field missed, so that a mistake in
 * it is found; the body of a range is read once for each element.
 */
#include "fs/template.h"

#include "fs/json_text.h"
#include "fs/template_value.h"
#include "store/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  32
#define OUTPUT_MAX (16u << 20)
#define WORD_MAX   64

struct run {
	const char *text; /* all of it */
	const char *at;	  /* what is read next */
	struct json_object *root;
	struct buf *out;
	bool live; /* what is read counts */
	int depth;
	struct err *err;
};

static int fail(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct run *r, const char *fmt, ...)
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

/* ---- words ---- */

static void skip_blanks(struct run *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

static bool at_close(const struct run *r)
{
	return !strncmp(r->at, "}}", 2) || (!strncmp(r->at, "-}}", 3));
}

static bool take_char(struct run *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

/* The identifier that comes, without taking it. */
static size_t peek_word(const struct run *r)
{
	size_t n = 0;

	while (isalnum((unsigned char)r->at[n]) || r->at[n] == '_')
		n++;
	return n;
}

static bool take_word(struct run *r, const char *word)
{
	size_t n;

	skip_blanks(r);
	n = peek_word(r);
	if (n != strlen(word) || strncmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static int take_string(struct run *r, struct json_object **out)
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
		return fail(r, "unterminated quoted string");
	r->at++;
	*out = json_object_new_string_len(text.data ? text.data : "", (int)text.len);
	return *out && !buf_failed(&text) ? 0 : err_nomem(r->err);
}

/* ---- values ---- */

static int pipeline(struct run *r, struct json_object *dot, struct json_object **out);

/* .A.B behind a value; the value is taken. */
static int fields(struct run *r, struct json_object *from, bool top, struct json_object **out)
{
	autojson *value = from;

	while (*r->at == '.' && (isalpha((unsigned char)r->at[1]) || r->at[1] == '_')) {
		char name[WORD_MAX];
		struct json_object *member = NULL;
		size_t n;

		r->at++;
		n = peek_word(r);
		if (n >= sizeof(name))
			return fail(r, "a name that is too long");
		memcpy(name, r->at, n);
		name[n] = '\0';
		r->at += n;
		if (!(json_object_is_type(value, json_type_object) &&
		      json_object_object_get_ex(value, name, &member)) &&
		    top && r->live)
			return fail(r, "executing \"\" at <.%s>: can't evaluate field %s", name,
				    name);
		member = json_object_get(member);
		json_object_put(value);
		value = member;
		top = false;
	}
	*out = steal(&value);
	return 0;
}

/* A constant, a field, or what is in parentheses. */
static int operand(struct run *r, struct json_object *dot, struct json_object **out)
{
	char *end;
	int rc;

	skip_blanks(r);
	*out = NULL;
	if (*r->at == '"' || *r->at == '`')
		return take_string(r, out);
	if (isdigit((unsigned char)*r->at) || (*r->at == '-' && isdigit((unsigned char)r->at[1]))) {
		*out = json_object_new_int64(strtoll(r->at, &end, 10));
		r->at = end;
		return 0;
	}
	if (take_word(r, "true") || take_word(r, "false")) {
		*out = json_object_new_boolean(r->at[-2] == 'u');
		return 0;
	}
	if (take_word(r, "nil"))
		return 0;
	if (take_char(r, '(')) {
		if (++r->depth > DEPTH_MAX)
			return fail(r, "nested too deeply");
		rc = pipeline(r, dot, out);
		r->depth--;
		if (!rc && !take_char(r, ')'))
			rc = fail(r, "unclosed left paren");
		return rc ? rc : fields(r, steal(out), false, out);
	}
	if (*r->at == '$') {
		r->at++;
		return fields(r, json_object_get(r->root), true, out);
	}
	if (*r->at != '.')
		return fail(r, "unexpected \"%.10s\" in operand", r->at);
	if (!isalpha((unsigned char)r->at[1]) && r->at[1] != '_') {
		r->at++;
		*out = json_object_get(dot);
		return 0;
	}
	return fields(r, json_object_get(dot), dot == r->root, out);
}

static bool at_end_of_command(struct run *r)
{
	skip_blanks(r);
	return !*r->at || at_close(r) || *r->at == '|' || *r->at == ')';
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

/* A function's arguments, and behind them what came through the pipe. Takes `piped`. */
static int call(struct run *r, struct json_object *dot, const char *name, bool has_piped,
		struct json_object *piped, struct json_object **out)
{
	__attribute__((cleanup(arguments_clear))) struct arguments a = {.count = 0};
	int rc = 0;

	while (!rc && !at_end_of_command(r)) {
		if (a.count == TEMPLATE_ARGUMENTS_MAX - 1)
			rc = fail(r, "too many arguments for %s", name);
		else
			rc = operand(r, dot, &a.at[a.count]);
		a.count += !rc;
	}
	if (has_piped)
		a.at[a.count++] = piped;
	if (rc)
		return rc;
	rc = template_call(name, a.at, a.count, out);
	if (rc == -ENOMEM)
		return err_nomem(r->err);
	if (rc == -ENOENT)
		return fail(r, "function \"%s\" not defined", name);
	return rc && r->live ? fail(r, "error calling %s: wrong arguments", name) : 0;
}

/* A command: a function with arguments, or an operand. */
static int command(struct run *r, struct json_object *dot, bool has_piped,
		   struct json_object *piped, struct json_object **out)
{
	char name[WORD_MAX];
	size_t n;

	skip_blanks(r);
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
	return has_piped ? fail(r, "non executable command in pipeline") : operand(r, dot, out);
}

static int pipeline(struct run *r, struct json_object *dot, struct json_object **out)
{
	struct json_object *value = NULL;
	int rc = command(r, dot, false, NULL, &value);

	while (!rc && take_char(r, '|')) {
		struct json_object *piped = value;

		value = NULL;
		rc = command(r, dot, true, piped, &value);
	}
	if (rc) {
		json_object_put(value);
		return rc;
	}
	*out = value;
	return 0;
}

/* ---- blocks ---- */

enum ending { END_OF_TEXT, END, ELSE, ELSE_IF };

static int block(struct run *r, struct json_object *dot, enum ending *ending);

/* "}}", or "-}}", which takes the blanks behind it. */
static int close_action(struct run *r)
{
	bool trim;

	skip_blanks(r);
	trim = *r->at == '-';
	if (!at_close(r))
		return *r->at ? fail(r, "unexpected \"%.10s\" in command", r->at)
			      : fail(r, "unclosed action");
	r->at += trim ? 3 : 2;
	if (trim)
		skip_blanks(r);
	return 0;
}

static int body(struct run *r, struct json_object *dot, bool live, enum ending *ending)
{
	bool was = r->live;
	int rc;

	if (++r->depth > DEPTH_MAX)
		return fail(r, "nested too deeply");
	r->live = was && live;
	rc = block(r, dot, ending);
	r->live = was;
	r->depth--;
	if (!rc && *ending == END_OF_TEXT)
		rc = fail(r, "unexpected EOF");
	return rc;
}

/* if and with: their condition comes; `with` makes it the dot. */
static int conditional(struct run *r, struct json_object *dot, bool with)
{
	autojson *value = NULL;
	enum ending ending;
	bool truth;
	int rc = pipeline(r, dot, &value);

	if (!rc)
		rc = close_action(r);
	truth = template_truth(value);
	if (!rc)
		rc = body(r, with && truth ? value : dot, truth, &ending);
	if (!rc && ending == ELSE_IF) {
		bool was = r->live;

		r->live = was && !truth;
		rc = conditional(r, dot, false);
		r->live = was;
	} else if (!rc && ending == ELSE) {
		rc = body(r, dot, !truth, &ending);
		if (!rc && ending != END)
			rc = fail(r, "expected end; found {{else}}");
	}
	return rc;
}

/* The body for each element; once, not live, where there is none. */
static int range(struct run *r, struct json_object *dot)
{
	autojson *value = NULL;
	enum ending ending = END;
	const char *start;
	size_t count;
	int rc = pipeline(r, dot, &value);

	if (!rc)
		rc = close_action(r);
	start = r->at;
	count = template_elements(value);
	for (size_t i = 0; !rc && i < (count ? count : 1); i++) {
		autojson *element = template_element(value, i);

		r->at = start;
		rc = body(r, element, count > 0, &ending);
	}
	if (!rc && ending == ELSE)
		rc = body(r, dot, count == 0, &ending);
	return rc ? rc : ending == END ? 0 : fail(r, "expected end; found {{else}}");
}

static int emit(struct run *r, struct json_object *value)
{
	if (r->live)
		template_print(r->out, value);
	if (r->out->len > OUTPUT_MAX)
		return fail(r, "an output of more than %u bytes", OUTPUT_MAX);
	return buf_failed(r->out) ? err_nomem(r->err) : 0;
}

static int comment(struct run *r)
{
	const char *end = strstr(r->at, "*/");

	if (!end)
		return fail(r, "unclosed comment");
	r->at = end + 2;
	return close_action(r);
}

/* What stands between {{ and }}; *ending is set where that ends the block. */
static int action(struct run *r, struct json_object *dot, bool *ends, enum ending *ending)
{
	autojson *value = NULL;
	int rc;

	*ends = true;
	skip_blanks(r);
	if (take_word(r, "end")) {
		*ending = END;
		return close_action(r);
	}
	if (take_word(r, "else")) {
		*ending = take_word(r, "if") ? ELSE_IF : ELSE;
		return *ending == ELSE ? close_action(r) : 0;
	}
	*ends = false;
	if (!strncmp(r->at, "/*", 2))
		return comment(r);
	if (take_word(r, "if"))
		return conditional(r, dot, false);
	if (take_word(r, "with"))
		return conditional(r, dot, true);
	if (take_word(r, "range"))
		return range(r, dot);
	rc = pipeline(r, dot, &value);
	if (!rc)
		rc = emit(r, value);
	return rc ? rc : close_action(r);
}

/* Up to the end of the text, or what ends the block. */
static int block(struct run *r, struct json_object *dot, enum ending *ending)
{
	bool ends = false;
	int rc = 0;

	*ending = END_OF_TEXT;
	while (!rc && !ends && *r->at) {
		const char *open = strstr(r->at, "{{");
		size_t len = open ? (size_t)(open - r->at) : strlen(r->at);
		bool trim = open && open[2] == '-' && isspace((unsigned char)open[3]);
		size_t keep = len;

		while (trim && keep && isspace((unsigned char)r->at[keep - 1]))
			keep--;
		if (r->live)
			buf_append(r->out, r->at, keep);
		r->at += len;
		if (!open)
			break;
		r->at += trim ? 3 : 2;
		rc = action(r, dot, &ends, ending);
	}
	return rc;
}

int template_run(const char *text, struct json_object *value, struct buf *out, struct err *err)
{
	struct run r = {
	    .text = text, .at = text, .root = value, .out = out, .live = true, .err = err};
	enum ending ending;
	int rc = block(&r, value, &ending);

	if (!rc && ending != END_OF_TEXT)
		rc = fail(&r, "unexpected {{%s}}", ending == END ? "end" : "else");
	return rc ? rc : buf_failed(out) ? err_nomem(err) : 0;
}
