/* SPDX-License-Identifier: MIT */
/*
 * An interpreter that goes over the text: what is not taken (the other branch of an if) is read all
 * the same, so that a mistake in it is found, but nothing of it is called; the body of a range is
 * read once for each element.
 */
#include "fs/docker/template.h"

#include "fs/docker/template_expr.h"
#include "fs/docker/template_value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define ACTION_WEIGHT 8 /* a byte between braces costs as much as so many of text */

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

static int template_body(struct template_expr *r, struct json_object *dot, bool live,
			 enum ending *ending)
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

/* The condition and body of one arm of an if or with; not live behind an arm that was taken. */
static int template_arm(struct template_expr *r, struct json_object *dot, bool with, bool *taken,
			enum ending *ending)
{
	autojson *value = NULL;
	struct template_names names;
	bool was = r->live, truth;
	int rc;

	r->live = was && !*taken;
	rc = template_expr_declare(r, dot, &names, &value);
	if (!rc)
		rc = close_action(r);
	truth = template_truth(value);
	if (!rc)
		rc = template_body(r, with && truth ? value : dot, truth, ending);
	r->live = was;
	*taken |= truth;
	return rc;
}

/* if and with: their condition comes; `with` makes it the dot. */
static int conditional(struct template_expr *r, struct json_object *dot, bool with)
{
	enum ending ending;
	size_t vars = r->vars.count;
	bool taken = false;
	int rc = template_arm(r, dot, with, &taken, &ending);

	while (!rc && ending == ELSE_IF)
		rc = template_arm(r, dot, false, &taken, &ending);
	if (!rc && ending == ELSE) {
		rc = template_body(r, dot, !taken, &ending);
		if (!rc && ending != END)
			rc = template_expr_fail(r, "expected end; found {{else}}");
	}
	template_vars_forget(&r->vars, vars);
	return rc;
}

/* "$v :=" is the element, "$k, $v :=" its number or key, and the element. */
static int bind_element(struct template_expr *r, const struct template_names *n,
			const struct template_items *items, size_t i, struct json_object *element)
{
	autojson *key = n->count == 2 ? template_items_key(items, i) : NULL;
	int rc = n->count == 2 ? template_expr_bind(r, n->at[0], n->set, key) : 0;

	return rc || !n->count ? rc : template_expr_bind(r, n->at[n->count - 1], n->set, element);
}

/* The body of a range for each element, from where the text stands. */
static int range_elements(struct template_expr *r, const struct template_names *names,
			  const struct template_items *items, enum ending *ending)
{
	const char *start = r->at;
	size_t vars = r->vars.count;
	int rc = 0;

	for (size_t i = 0; !rc && i < items->count; i++) {
		autojson *element = template_items_value(items, i);

		r->at = start;
		rc = template_expr_work(r, 0);
		if (!rc)
			rc = bind_element(r, names, items, i, element);
		if (!rc)
			rc = template_body(r, element, true, ending);
		template_vars_forget(&r->vars, vars);
	}
	return rc;
}

/* Where there is no element the body is read as that of an if which is false; its names are
 * there. */
static int range_none(struct template_expr *r, const struct template_names *names,
		      enum ending *ending)
{
	size_t vars = r->vars.count;
	int rc = 0;

	for (size_t i = 0; !rc && !names->set && i < names->count; i++)
		rc = template_expr_bind(r, names->at[i], false, NULL);
	if (!rc)
		rc = template_body(r, NULL, false, ending);
	template_vars_forget(&r->vars, vars);
	return rc;
}

static int range(struct template_expr *r, struct json_object *dot)
{
	autojson *value = NULL;
	autoitems items = {0};
	enum ending ending = END;
	struct template_names names;
	int rc = template_expr_names(r, 2, &names);

	if (!rc)
		rc = template_expr_pipeline(r, dot, &value);
	if (!rc)
		rc = close_action(r);
	if (!rc && !template_items_open(value, &items))
		rc = err_nomem(r->err);
	if (!rc)
		rc = items.count ? range_elements(r, &names, &items, &ending)
				 : range_none(r, &names, &ending);
	if (!rc && ending == ELSE)
		rc = template_body(r, dot, items.count == 0, &ending);
	return rc ? rc : ending == END ? 0 : template_expr_fail(r, "expected end; found {{else}}");
}

static int check_output(struct template_expr *r)
{
	if (buf_failed(r->out))
		return err_nomem(r->err);
	return r->out->len > TEMPLATE_TEXT_MAX
		   ? template_expr_fail(r, "an output of more than %u bytes", TEMPLATE_TEXT_MAX)
		   : 0;
}

static int template_emit(struct template_expr *r, struct json_object *value)
{
	int rc = r->live ? template_expr_work(r, template_weight(value)) : 0;

	if (rc || !r->live)
		return rc;
	if (value)
		template_print(r->out, value);
	else
		buf_puts(r->out, "<no value>");
	return check_output(r);
}

/* The text up to the next action, of which *open is the "{{" or NULL. */
static int copy_text(struct template_expr *r, const char **open)
{
	const char *start = r->at;
	size_t keep;
	int rc;

	*open = strstr(start, "{{");
	r->at = *open ? *open : start + strlen(start);
	keep = (size_t)(r->at - start);
	if (*open && (*open)[2] == '-' && isspace((unsigned char)(*open)[3]))
		while (keep && isspace((unsigned char)start[keep - 1]))
			keep--;
	if (r->live)
		buf_append(r->out, start, keep);
	rc = template_expr_work(r, (uint64_t)(r->at - start));
	return rc ? rc : check_output(r);
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
		rc = template_emit(r, value);
	return rc ? rc : close_action(r);
}

/* Up to the end of the text, or what ends the block. */
static int block(struct template_expr *r, struct json_object *dot, enum ending *ending)
{
	bool ends = false;
	int rc = 0;

	*ending = END_OF_TEXT;
	while (!rc && !ends && *r->at) {
		const char *open;

		rc = copy_text(r, &open);
		if (rc || !open)
			break;
		r->at += open[2] == '-' && isspace((unsigned char)open[3]) ? 3 : 2;
		rc = action(r, dot, &ends, ending);
		if (!rc)
			rc = template_expr_work(r, (uint64_t)(r->at - open) * ACTION_WEIGHT);
	}
	return rc;
}

static int template_execute(const char *text, struct json_object *value, bool headers,
			    uint64_t *work, struct buf *out, struct err *err)
{
	uint64_t own = TEMPLATE_WORK_MAX;
	struct template_expr r = {.text = text,
				  .at = text,
				  .root = value,
				  .out = out,
				  .live = true,
				  .headers = headers,
				  .work = work ? work : &own,
				  .err = err};
	enum ending ending;
	int rc = block(&r, value, &ending);

	template_vars_forget(&r.vars, 0);
	if (!rc && ending != END_OF_TEXT)
		rc = template_expr_fail(&r, "unexpected {{%s}}", ending == END ? "end" : "else");
	return rc;
}

int template_run(const char *text, struct json_object *value, uint64_t *work, struct buf *out,
		 struct err *err)
{
	return template_execute(text, value, false, work, out, err);
}

int template_run_headers(const char *text, struct json_object *headers, uint64_t *work,
			 struct buf *out, struct err *err)
{
	return template_execute(text, headers, true, work, out, err);
}
