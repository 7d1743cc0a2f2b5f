/* SPDX-License-Identifier: MIT */
/*
 * An interpreter that goes over the text: what is not taken (the other branch of an if) is read
 * and evaluated all the same, with its output thrown away and no field missed, so that a mistake in
 * it is found; the body of a range is read once for each element.
 */
#include "fs/template.h"

#include "fs/template_expr.h"
#include "fs/template_value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define OUTPUT_MAX (16u << 20)

enum ending { END_OF_TEXT, END, ELSE, ELSE_IF };

static int block(struct template_expr *r, struct json_object *dot, enum ending *ending);

/* "}}", or "-}}", which takes the blanks behind it. */
static int close_action(struct template_expr *r)
{
	bool trim;

	template_expr_blanks(r);
	trim = *r->at == '-';
	if (!template_expr_at_close(r))
		return *r->at ? template_expr_fail(r, "unexpected \"%.10s\" in command", r->at)
			      : template_expr_fail(r, "unclosed action");
	r->at += trim ? 3 : 2;
	if (trim)
		template_expr_blanks(r);
	return 0;
}

static int body(struct template_expr *r, struct json_object *dot, bool live, enum ending *ending)
{
	bool was = r->live;
	size_t vars = r->vars.count;
	int rc;

	if (++r->depth > TEMPLATE_DEPTH_MAX)
		return template_expr_fail(r, "nested too deeply");
	r->live = was && live;
	rc = block(r, dot, ending);
	template_vars_forget(&r->vars, vars);
	r->live = was;
	r->depth--;
	if (!rc && *ending == END_OF_TEXT)
		rc = template_expr_fail(r, "unexpected EOF");
	return rc;
}

/* if and with: their condition comes; `with` makes it the dot. */
static int conditional(struct template_expr *r, struct json_object *dot, bool with)
{
	autojson *value = NULL;
	enum ending ending;
	struct template_names names;
	size_t vars = r->vars.count;
	bool truth;
	int rc = template_expr_declare(r, dot, &names, &value);

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
			rc = template_expr_fail(r, "expected end; found {{else}}");
	}
	template_vars_forget(&r->vars, vars);
	return rc;
}

/* "$v :=" is the element, "$k, $v :=" its number or key, and the element. */
static int bind_element(struct template_expr *r, const struct template_names *n,
			struct json_object *value, size_t i, struct json_object *element)
{
	autojson *key = template_key(value, i);
	int rc = n->count == 2 ? template_expr_bind(r, n->at[0], n->set, key) : 0;

	return rc || !n->count ? rc : template_expr_bind(r, n->at[n->count - 1], n->set, element);
}

/* The body for each element; once, not live, where there is none. */
static int range(struct template_expr *r, struct json_object *dot)
{
	autojson *value = NULL;
	enum ending ending = END;
	struct template_names names;
	const char *start;
	size_t count, vars = r->vars.count;
	int rc = template_expr_names(r, 2, &names);

	if (!rc)
		rc = template_expr_pipeline(r, dot, &value);
	if (!rc)
		rc = close_action(r);
	start = r->at;
	count = template_elements(value);
	for (size_t i = 0; !rc && i < (count ? count : 1); i++) {
		autojson *element = template_element(value, i);

		r->at = start;
		rc = template_expr_work(r, 0);
		if (!rc)
			rc = bind_element(r, &names, value, i, element);
		if (!rc)
			rc = body(r, element, count > 0, &ending);
		template_vars_forget(&r->vars, vars);
	}
	if (!rc && ending == ELSE)
		rc = body(r, dot, count == 0, &ending);
	return rc ? rc : ending == END ? 0 : template_expr_fail(r, "expected end; found {{else}}");
}

static int emit(struct template_expr *r, struct json_object *value)
{
	if (r->live)
		template_print(r->out, value);
	if (r->out->len > OUTPUT_MAX)
		return template_expr_fail(r, "an output of more than %u bytes", OUTPUT_MAX);
	return buf_failed(r->out) ? err_nomem(r->err) : 0;
}

static int comment(struct template_expr *r)
{
	const char *end = strstr(r->at, "*/");

	if (!end)
		return template_expr_fail(r, "unclosed comment");
	r->at = end + 2;
	return close_action(r);
}

/* What stands between {{ and }}; *ending is set where that ends the block. */
static int action(struct template_expr *r, struct json_object *dot, bool *ends, enum ending *ending)
{
	autojson *value = NULL;
	struct template_names names;
	int rc;

	*ends = true;
	template_expr_blanks(r);
	if (template_expr_word(r, "end")) {
		*ending = END;
		return close_action(r);
	}
	if (template_expr_word(r, "else")) {
		*ending = template_expr_word(r, "if") ? ELSE_IF : ELSE;
		return *ending == ELSE ? close_action(r) : 0;
	}
	*ends = false;
	if (!strncmp(r->at, "/*", 2))
		return comment(r);
	if (template_expr_word(r, "if"))
		return conditional(r, dot, false);
	if (template_expr_word(r, "with"))
		return conditional(r, dot, true);
	if (template_expr_word(r, "range"))
		return range(r, dot);
	rc = template_expr_declare(r, dot, &names, &value);
	if (!rc && !names.count)
		rc = emit(r, value);
	return rc ? rc : close_action(r);
}

/* Up to the end of the text, or what ends the block. */
static int block(struct template_expr *r, struct json_object *dot, enum ending *ending)
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

static int run(const char *text, struct json_object *value, bool headers, struct buf *out,
	       struct err *err)
{
	struct template_expr r = {.text = text,
				  .at = text,
				  .root = value,
				  .out = out,
				  .live = true,
				  .headers = headers,
				  .err = err};
	enum ending ending;
	int rc = block(&r, value, &ending);

	template_vars_forget(&r.vars, 0);
	if (!rc && ending != END_OF_TEXT)
		rc = template_expr_fail(&r, "unexpected {{%s}}", ending == END ? "end" : "else");
	return rc ? rc : buf_failed(out) ? err_nomem(err) : 0;
}

int template_run(const char *text, struct json_object *value, struct buf *out, struct err *err)
{
	return run(text, value, false, out, err);
}

int template_run_headers(const char *text, struct json_object *headers, struct buf *out,
			 struct err *err)
{
	return run(text, headers, true, out, err);
}
