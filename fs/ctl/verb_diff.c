/* SPDX-License-Identifier: MIT */
/*
 * ctl/diff: what is otherwise in one image than in another, by path. Its exit status is that of
 * diff(1): 0 the same, 1 not, 2 trouble.
 *
 * Times are no change unless they are asked for. Each build gives each file that it writes the time of
 * that moment, so all would have changed in two builds of one Dockerfile; and nothing that runs in a
 * container is known to depend on them.
 */
#include "fs/ctl/diff_report.h"
#include "fs/ctl/verb.h"
#include "fs/docker/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_DIFFERENT 1
#define EXIT_TROUBLE   2
#define TRIES	       3 /* where something derived proves damaged, and is made again */

struct diff_question {
	struct fs *fs;
	struct job *job;
	bool quiet, times;
	struct diff_report_options how;
	struct words platforms, layers, up_to; /* owned: none, one for both, or one for each */
	struct diff_side *a, *b;	       /* owned */
	struct diff_report *report;	       /* owned; NULL where it is quiet */
	bool different;
};

static void diff_question_clear(struct diff_question *c)
{
	words_clear(&c->platforms);
	words_clear(&c->layers);
	words_clear(&c->up_to);
	diff_report_close(c->report);
	diff_side_close(c->a);
	diff_side_close(c->b);
}

/* ---- which two ---- */

static int check_values(const char *option, const struct words *values, struct err *err)
{
	if (values->count <= 2)
		return 0;
	err_set(err, EINVAL, "--%s: one for both images, or one for each", option);
	return err_exit(err, ARGS_EXIT);
}

static int parse_layer(const char *text, size_t *out, struct err *err)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	if (!errno && *text >= '0' && *text <= '9' && !*end)
		return 0;
	err_set(err, EINVAL, "%s: layers are numbered from 0", text);
	return err_exit(err, ARGS_EXIT);
}

/* The value for that side, or NULL. */
static const char *diff_value(const struct words *values, size_t side)
{
	return values->count == 0 ? NULL : values->at[values->count == 2 ? side : 0];
}

static int open_one(struct diff_question *c, const char *word, size_t side, struct diff_side **out,
		    struct err *err)
{
	const char *layer = diff_value(&c->layers, side), *up_to = diff_value(&c->up_to, side);
	struct diff_part part = {.platform = diff_value(&c->platforms, side)};
	int r = 0;

	if (layer || up_to) {
		part.what = layer ? DIFF_LAYER : DIFF_UP_TO;
		r = parse_layer(layer ? layer : up_to, &part.layer, err);
	}
	return r ? r : diff_side_open(c->fs, c->job, word, &part, out, err);
}

/* One image is compared with itself, where an option says what of it with what. */
static int open_both(struct diff_question *c, const struct words *images, struct err *err)
{
	bool alone = c->platforms.count == 2 || c->layers.count == 2 || c->up_to.count == 2;
	int r = check_values("platform", &c->platforms, err);

	if (!r)
		r = check_values("layer", &c->layers, err);
	if (!r)
		r = check_values("up-to", &c->up_to, err);
	if (!r)
		r = args_count("diff", images, alone ? 1 : 2, 2, err);
	if (!r && c->layers.count && c->up_to.count) {
		err_set(err, EINVAL, "--layer and --up-to exclude each other");
		r = err_exit(err, ARGS_EXIT);
	}
	if (!r)
		r = open_one(c, images->at[0], 0, &c->a, err);
	if (!r)
		r = open_one(c, images->at[images->count - 1], 1, &c->b, err);
	return r;
}

/* ---- the comparison ---- */

static int diff_content(void *arg, uint32_t a, uint32_t b, uint64_t size, struct err *err)
{
	struct diff_question *c = arg;

	return diff_sides_same(c->a, a, c->b, b, size, err);
}

enum { FOUND_ENOUGH = 1 };

static int change_found(void *arg, const struct tree_change *change, struct err *err)
{
	struct diff_question *c = arg;

	c->different = true;
	return c->report ? diff_report_add(c->report, change, err) : FOUND_ENOUGH;
}

static int compare_once(struct diff_question *c, struct buf *out, struct err *err)
{
	struct tree_diff d = {
	    .times = c->times,
	    .cancel = job_cancel(c->job),
	    .arg = c,
	    .same = diff_content,
	    .found = change_found,
	};
	int r = diff_side_ready(c->a, err), check = 0;

	if (!r)
		r = diff_side_ready(c->b, err);
	if (r)
		return r;
	d.a = diff_side_tree(c->a);
	d.b = diff_side_tree(c->b);
	c->different = false;
	diff_report_close(c->report);
	c->report = NULL;
	if (!c->quiet)
		r = diff_report_open(c->a, c->b, &c->how, out, &c->report, err);
	if (!r)
		r = tree_diff(&d, err);
	if (r >= 0)
		check = diff_side_check(c->a, err);
	if (r >= 0 && !check)
		check = diff_side_check(c->b, err);
	if (check || r < 0)
		return check ? check : r;
	return !r && c->report ? diff_report_end(c->report, err) : 0;
}

/* Of what is printed behind damage nothing stays. */
static int compare_all(struct diff_question *c, struct buf *out, struct err *err)
{
	const size_t before = out->len;
	int r = -EIO;

	for (int tries = TRIES; (r == -EIO || r == -EBADMSG) && tries > 0; tries--) {
		out->len = before;
		r = compare_once(c, out, err);
	}
	if (r)
		out->len = before;
	return r;
}

int verb_diff(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err)
{
	__attribute__((cleanup(diff_question_clear))) struct diff_question c = {.fs = fs, .job = j};
	bool human = true;
	const struct args_option options[] = {
	    {.name = "quiet", .letter = 'q', .flag = &c.quiet},
	    {.name = "summary", .flag = &c.how.summary},
	    {.name = "times", .flag = &c.times},
	    {.name = "human", .letter = 'H', .flag = &human},
	    {.name = "format", .value = &c.how.format},
	    {.name = "platform", .list = &c.platforms},
	    {.name = "layer", .list = &c.layers},
	    {.name = "up-to", .list = &c.up_to},
	    {0},
	};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	c.how.exact = !human;
	if (!r)
		r = open_both(&c, &operands, err);
	if (!r)
		r = compare_all(&c, out, err);
	if (r)
		return err->exit_status ? r : err_exit(err, EXIT_TROUBLE);
	*err = (struct err){.exit_status = c.different ? EXIT_DIFFERENT : 0};
	return 0;
}
