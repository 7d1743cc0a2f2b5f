/* SPDX-License-Identifier: MIT */
/* ctl/history and ctl/inspect: of images of the store. */
#include "fs/history_table.h"
#include "fs/inspect.h"
#include "fs/json_text.h"
#include "fs/resolve.h"
#include "fs/template.h"
#include "fs/verb.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int lacks_platform(const char *word, const char *platform, struct err *err)
{
	return err_set(err, ENOENT,
		       "image with reference %s was found but does not provide the specified "
		       "platform (%s)",
		       word, platform);
}

/* The image that a word means, of a platform: strictly that, where one is asked for. */
static int open_image(struct fs *fs, const char *word, const char *platform, struct names **names,
		      struct image **out, struct err *err)
{
	AUTO(image_close) struct image *image = NULL;
	autoresolved found = {0};
	struct platform wish = fs->platform;
	int r = platform ? platform_parse(platform, &wish, err) : 0;

	if (!r)
		r = resolve(fs->store, &fs->platform, word, &found, err);
	if (r)
		return r;
	r = image_open(fs->store, &found.list[0]->descriptor, &wish,
		       platform ? IMAGE_WISHED : IMAGE_LOCAL, &image, err);
	if (r)
		return r == -ENOENT && platform ? lacks_platform(word, platform, err) : r;
	if (image->artifact)
		return err_set(err, ENOENT, "%s is no image", word);
	if (platform && !platform_equal(&image->config->platform, &wish))
		return lacks_platform(word, platform, err);
	if (names)
		*names = steal(&found.names);
	*out = steal(&image);
	return 0;
}

int verb_history(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		 struct err *err)
{
	struct history_options how = {0};
	const char *platform = NULL;
	bool human = true;
	const struct args_option options[] = {
	    {.name = "quiet", .letter = 'q', .flag = &how.quiet},
	    {.name = "no-trunc", .flag = &how.no_trunc},
	    {.name = "human", .letter = 'H', .flag = &human},
	    {.name = "format", .value = &how.format},
	    {.name = "platform", .value = &platform},
	    {0},
	};
	AUTO(image_close) struct image *image = NULL;
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	(void)j;
	if (!r)
		r = args_count("history", &operands, 1, 1, err);
	if (!r)
		r = open_image(fs, operands.at[0], platform, NULL, &image, err);
	how.exact = !human;
	return r ? r : history_table(fs->store, image, &how, time(NULL), out, err);
}

static int inspect_one(struct fs *fs, const char *word, const char *platform,
		       struct json_object *array, struct err *err)
{
	AUTO(names_put) struct names *names = NULL;
	AUTO(image_close) struct image *image = NULL;
	struct json_object *o;
	int r = open_image(fs, word, platform, &names, &image, err);

	if (r)
		return r;
	o = inspect_object(fs->store, image, names);
	if (o && json_object_array_add(array, o) == 0)
		return 0;
	json_object_put(o);
	return err_nomem(err);
}

/* A line for each. */
static int print_templates(struct json_object *array, const char *template, struct buf *out,
			   struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);
		size_t before = out->len;

		inspect_add_zeros(o);
		r = template_run(template, o, out, err);
		if (r)
			out->len = before;
		else
			buf_putc(out, '\n');
	}
	return r;
}

/* Each is tried, and those that are there are printed. The error has the first failure's code and
 * a line for each. */
static int inspect_all(struct fs *fs, const struct words *images, const char *platform,
		       const char *format, struct buf *out, struct err *err)
{
	autojson *array = json_object_new_array();
	autobuf rest = BUF_INIT; /* of the failures, for which the error has no room */
	struct err all = {0};
	int r = array ? 0 : err_nomem(err);

	for (size_t i = 0; array && i < images->count; i++) {
		struct err e = {0};
		int one = inspect_one(fs, images->at[i], platform, array, &e);

		if (one && !all.code)
			all = e;
		else if (one && !err_add(&all, &e))
			buf_printf(&rest, "%s\n", e.text);
	}
	if (!r && format && strcmp(format, "json") != 0) {
		r = print_templates(array, format, out, err);
	} else if (!r) {
		(format ? json_text_line : json_text_indented)(out, array, JSON_TEXT_PLAIN);
		buf_putc(out, '\n');
	}
	buf_append(out, rest.data, rest.len);
	if (!r && buf_failed(out))
		r = err_nomem(err);
	if (r || !all.code)
		return r;
	*err = all;
	return -all.code;
}

int verb_inspect(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		 struct err *err)
{
	const char *format = NULL, *platform = NULL;
	const struct args_option options[] = {
	    {.name = "format", .letter = 'f', .value = &format},
	    {.name = "platform", .value = &platform},
	    {0},
	};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	(void)j;
	if (!r)
		r = args_count("inspect", &operands, 1, SIZE_MAX, err);
	return r ? r : inspect_all(fs, &operands, platform, format, out, err);
}
