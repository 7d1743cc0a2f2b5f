/* SPDX-License-Identifier: MIT */
/* ctl/inspect: of images of the store. */
#include "fs/docker/inspect.h"
#include "fs/docker/json_text.h"
#include "fs/docker/resolve.h"
#include "fs/docker/template.h"
#include "fs/ctl/porcelain.h"
#include "fs/ctl/verb.h"

#include <errno.h>
#include <string.h>

#define ANSWER_MAX    (64u << 20) /* bytes of all that one request prints */
#define EXIT_TEMPLATE 64	  /* docker's exit status where the template is wrong */
#define WORK_OF_IMAGE (64u << 10) /* that a template may do, besides TEMPLATE_WORK_MAX for all */

struct inspection {
	struct fs *fs;
	const char *platform; /* or NULL */
	const char *format;   /* a template; "json": on one line; NULL: indented */
	uint64_t work;	      /* left of the template's */
	size_t printed;
	struct buf *out;
};

static bool has_template(const struct inspection *n)
{
	return n->format && strcmp(n->format, "json") != 0;
}

/* A line for each; of one that fails there is nothing. docker asks Go's struct first, and the
 * document itself where that fails. */
static int print_template(struct inspection *n, struct json_object *o, struct err *err)
{
	size_t before = n->out->len;
	struct err first = {0};
	int r;

	inspect_as_struct(o);
	r = template_run(n->format, o, &n->work, n->out, &first);
	if (r == -EINVAL) {
		n->out->len = before;
		r = template_run_complete(n->format, o, &n->work, n->out, err);
	} else if (r) {
		*err = first;
	}
	if (r)
		n->out->len = before;
	else
		buf_putc(n->out, '\n');
	return r;
}

/* As a member of the array that all are printed as: each is let go of when it is printed, as their
 * documents may be large. */
static int print_member(struct inspection *n, struct json_object *o, struct err *err)
{
	autojson *array = json_object_new_array();
	autobuf text = BUF_INIT;
	size_t front = n->printed ? 1 : 0, end = n->format ? 1 : 2; /* "[", "]" or "\n]" */
	int r;

	if (!array || json_object_array_add(array, json_object_get(o)))
		return err_nomem(err);
	r = (n->format ? json_text_line : json_text_indented)(&text, array, JSON_TEXT_PLAIN, err);
	if (r)
		return r;
	buf_puts(n->out, n->printed ? "," : "");
	buf_append_range(n->out, &text, front, text.len - front - end);
	return 0;
}

/* docker ends a line of which there is nothing. */
static void print_end(struct inspection *n)
{
	if (has_template(n))
		buf_puts(n->out, n->printed ? "" : "\n");
	else
		buf_puts(n->out, !n->printed ? "[]\n" : n->format ? "]\n" : "\n]\n");
}

enum { INSPECT_FAILED = 1 };

/* INSPECT_FAILED: it is not there, or lacks what the template wants; the others go on. */
static int inspect_one(struct inspection *n, const char *word, struct err *missing, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	AUTO(image_close) struct image *image = NULL;
	autojson *o = NULL;
	int r;

	if (resolve_image(n->fs->store, &n->fs->platform, word, n->platform, &names, &image,
			  missing))
		return INSPECT_FAILED;
	o = inspect_object(n->fs->store, image, names);
	if (!o)
		return err_nomem(err);
	r = has_template(n) ? print_template(n, o, missing) : print_member(n, o, err);
	if (r == -EINVAL && has_template(n))
		return INSPECT_FAILED;
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r)
		return r;
	n->printed++;
	return n->out->len > ANSWER_MAX
		   ? err_set(err, EFBIG, "inspect: more than %u bytes", ANSWER_MAX)
		   : 0;
}

/* Each is tried, and those that are there are printed. The error has the first failure's code and
 * a line for each. */
static int inspect_all(struct inspection *n, struct job *j, const struct words *images,
		       struct err *err)
{
	autobuf rest = BUF_INIT; /* of the failures, for which the error has no room */
	struct err all = {0};
	int r = 0;

	n->work = TEMPLATE_WORK_MAX + (uint64_t)images->count * WORK_OF_IMAGE;
	for (size_t i = 0; r >= 0 && i < images->count; i++) {
		struct err missing = {0};

		r = j ? cancel_check(job_cancel(j), err) : 0;
		if (!r)
			r = inspect_one(n, images->at[i], &missing, err);
		if (r == INSPECT_FAILED && !all.code)
			all = missing;
		else if (r == INSPECT_FAILED && !err_add(&all, &missing))
			buf_printf(&rest, "%s%s", rest.len ? "\n" : "", missing.text);
	}
	if (r < 0)
		return r;
	print_end(n);
	if (rest.len)
		porcelain_error(j, n->out, rest.data);
	if (buf_failed(n->out) || buf_failed(&rest))
		return err_nomem(err);
	if (!all.code)
		return 0;
	*err = all;
	return -all.code;
}

int verb_inspect(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		 struct err *err)
{
	struct inspection n = {.fs = fs, .out = out};
	struct platform ignored = fs->platform;
	const char *type = NULL;
	bool size = false;
	const struct args_option options[] = {
	    {.name = "format", .letter = 'f', .value = &n.format},
	    {.name = "platform", .value = &n.platform},
	    {.name = "size", .letter = 's', .flag = &size},
	    {.name = "type", .value = &type},
	    {0},
	};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("inspect", &operands, 1, SIZE_MAX, err);
	if (!r && type && *type && strcmp(type, "image") != 0)
		r = err_set(err, ENOENT, "No such %s: %s", type, operands.at[0]);
	if (!r && n.platform)
		r = platform_parse(n.platform, &ignored, err);
	if (n.format && !*n.format)
		n.format = NULL;
	if (!r && has_template(&n) && template_check(n.format, err))
		return err_exit(err, EXIT_TEMPLATE);
	if (!r)
		r = inspect_all(&n, j, &operands, err);
	if (size)
		porcelain_error(j, out, "WARNING: --size ignored for image");
	return r;
}
