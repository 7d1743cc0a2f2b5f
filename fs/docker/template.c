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

static int block(struct template_expr *t, struct json_object *dot, enum ending *ending);

/* "}}", or "-}}", which takes the blanks behind it. */
static int close_action(struct template_expr *t)
{
	bool trim;

	template_expr_blanks(t);
	trim = *t->at == '-';
	if (!template_expr_at_close(t))
		return *t->at ? template_expr_fail(t, "unexpected \"%.10s\" in command", t->at)
			      : template_expr_fail(t, "unclosed action");
	t->at += trim ? 3 : 2;
	if (trim)
		template_expr_blanks(t);
	return 0;
}

static int template_body(struct template_expr *t, struct json_object *dot, bool live,
			 enum ending *ending)
{
	bool was = t->live;
	size_t vars = t->vars.count;
	int r;

	if (++t->depth > TEMPLATE_DEPTH_MAX)
		return template_expr_fail(t, "nested too deeply");
	t->live = was && live;
	r = block(t, dot, ending);
	template_vars_forget(&t->vars, vars);
	t->live = was;
	t->depth--;
	if (!r && *ending == END_OF_TEXT)
		r = template_expr_fail(t, "unexpected EOF");
	return r;
}

/* The condition and body of one arm of an if or with; not live behind an arm that was taken. */
static int template_arm(struct template_expr *t, struct json_object *dot, bool with, bool *taken,
			enum ending *ending)
{
	autojson *value = NULL;
	struct template_names names;
	bool was = t->live, truth;
	int r;

	t->live = was && !*taken;
	r = template_expr_declare(t, dot, &names, &value);
	if (!r)
		r = close_action(t);
	truth = template_truth(value);
	if (!r)
		r = template_body(t, with && truth ? value : dot, truth, ending);
	t->live = was;
	*taken |= truth;
	return r;
}

/* if and with: their condition comes; `with` makes it the dot. */
static int conditional(struct template_expr *t, struct json_object *dot, bool with)
{
	enum ending ending;
	size_t vars = t->vars.count;
	bool taken = false;
	int r = template_arm(t, dot, with, &taken, &ending);

	while (!r && ending == ELSE_IF)
		r = template_arm(t, dot, false, &taken, &ending);
	if (!r && ending == ELSE) {
		r = template_body(t, dot, !taken, &ending);
		if (!r && ending != END)
			r = template_expr_fail(t, "expected end; found {{else}}");
	}
	template_vars_forget(&t->vars, vars);
	return r;
}

/* "$v :=" is the element, "$k, $v :=" its number or key, and the element. */
static int bind_element(struct template_expr *t, const struct template_names *n,
			const struct template_items *items, size_t i, struct json_object *element)
{
	autojson *key = n->count == 2 ? template_items_key(items, i) : NULL;
	int r = n->count == 2 ? template_expr_bind(t, n->at[0], n->set, key) : 0;

	return r || !n->count ? r : template_expr_bind(t, n->at[n->count - 1], n->set, element);
}

/* The body of a range for each element, from where the text stands. */
static int range_elements(struct template_expr *t, const struct template_names *names,
			  const struct template_items *items, enum ending *ending)
{
	const char *start = t->at;
	size_t vars = t->vars.count;
	int r = 0;

	for (size_t i = 0; !r && i < items->count; i++) {
		autojson *element = template_items_value(items, i);

		t->at = start;
		r = template_expr_work(t, 0);
		if (!r)
			r = bind_element(t, names, items, i, element);
		if (!r)
			r = template_body(t, element, true, ending);
		template_vars_forget(&t->vars, vars);
	}
	return r;
}

/* Where there is no element the body is read as that of an if which is false; its names are
 * there. */
static int range_none(struct template_expr *t, const struct template_names *names,
		      enum ending *ending)
{
	size_t vars = t->vars.count;
	int r = 0;

	for (size_t i = 0; !r && !names->set && i < names->count; i++)
		r = template_expr_bind(t, names->at[i], false, NULL);
	if (!r)
		r = template_body(t, NULL, false, ending);
	template_vars_forget(&t->vars, vars);
	return r;
}

static int range(struct template_expr *t, struct json_object *dot)
{
	autojson *value = NULL;
	autoitems items = {0};
	enum ending ending = END;
	struct template_names names;
	int r = template_expr_names(t, 2, &names);

	if (!r)
		r = template_expr_pipeline(t, dot, &value);
	if (!r)
		r = close_action(t);
	if (!r && !template_items_open(value, &items))
		r = err_nomem(t->err);
	if (!r)
		r = items.count ? range_elements(t, &names, &items, &ending)
				: range_none(t, &names, &ending);
	if (!r && ending == ELSE)
		r = template_body(t, dot, items.count == 0, &ending);
	return r ? r : ending == END ? 0 : template_expr_fail(t, "expected end; found {{else}}");
}

static int check_output(struct template_expr *t)
{
	if (buf_failed(t->out))
		return err_nomem(t->err);
	return t->out->len > TEMPLATE_TEXT_MAX
		   ? template_expr_fail(t, "an output of more than %u bytes", TEMPLATE_TEXT_MAX)
		   : 0;
}

static int template_emit(struct template_expr *t, struct json_object *value)
{
	int r = t->live ? template_expr_work(t, template_weight(value)) : 0;

	if (r || !t->live)
		return r;
	if (value)
		template_print(t->out, value);
	else
		buf_puts(t->out, "<no value>");
	return check_output(t);
}

/* The text up to the next action, of which *open is the "{{" or NULL. */
static int copy_text(struct template_expr *t, const char **open)
{
	const char *start = t->at;
	size_t keep;
	int r;

	*open = strstr(start, "{{");
	t->at = *open ? *open : start + strlen(start);
	keep = (size_t)(t->at - start);
	if (*open && (*open)[2] == '-' && isspace((unsigned char)(*open)[3]))
		while (keep && isspace((unsigned char)start[keep - 1]))
			keep--;
	if (t->live)
		buf_append(t->out, start, keep);
	r = template_expr_work(t, (uint64_t)(t->at - start));
	return r ? r : check_output(t);
}

static int comment(struct template_expr *t)
{
	const char *end = strstr(t->at, "*/");

	if (!end)
		return template_expr_fail(t, "unclosed comment");
	t->at = end + 2;
	return close_action(t);
}

/* What stands between {{ and }}; *ending is set where that ends the block. */
static int action(struct template_expr *t, struct json_object *dot, bool *ends, enum ending *ending)
{
	autojson *value = NULL;
	struct template_names names;
	int r;

	*ends = true;
	template_expr_blanks(t);
	if (template_expr_word(t, "end")) {
		*ending = END;
		return close_action(t);
	}
	if (template_expr_word(t, "else")) {
		*ending = template_expr_word(t, "if") ? ELSE_IF : ELSE;
		return *ending == ELSE ? close_action(t) : 0;
	}
	*ends = false;
	if (!strncmp(t->at, "/*", 2))
		return comment(t);
	if (template_expr_word(t, "if"))
		return conditional(t, dot, false);
	if (template_expr_word(t, "with"))
		return conditional(t, dot, true);
	if (template_expr_word(t, "range"))
		return range(t, dot);
	r = template_expr_declare(t, dot, &names, &value);
	if (!r && !names.count)
		r = template_emit(t, value);
	return r ? r : close_action(t);
}

/* Up to the end of the text, or what ends the block. */
static int block(struct template_expr *t, struct json_object *dot, enum ending *ending)
{
	bool ends = false;
	int r = 0;

	*ending = END_OF_TEXT;
	while (!r && !ends && *t->at) {
		const char *open;

		r = copy_text(t, &open);
		if (r || !open)
			break;
		t->at += open[2] == '-' && isspace((unsigned char)open[3]) ? 3 : 2;
		r = action(t, dot, &ends, ending);
		if (!r)
			r = template_expr_work(t, (uint64_t)(t->at - open) * ACTION_WEIGHT);
	}
	return r;
}

static int template_execute(const char *text, struct json_object *value, bool headers,
			    uint64_t *work, struct buf *out, struct err *err)
{
	uint64_t own = TEMPLATE_WORK_MAX;
	struct template_expr t = {.text = text,
				  .at = text,
				  .root = value,
				  .out = out,
				  .live = true,
				  .headers = headers,
				  .work = work ? work : &own,
				  .err = err};
	enum ending ending;
	int r = block(&t, value, &ending);

	template_vars_forget(&t.vars, 0);
	if (!r && ending != END_OF_TEXT)
		r = template_expr_fail(&t, "unexpected {{%s}}", ending == END ? "end" : "else");
	return r;
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
