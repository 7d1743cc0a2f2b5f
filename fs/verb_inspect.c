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

/* The image that a word means, of a platform: strictly that, where one is asked for. */
static int open_image(struct fs *fs, const char *word, const char *platform, struct names **names,
		      struct image **out, struct err *err)
{
	autoresolved found = {0};
	struct platform wish = fs->platform;
	int r = platform ? platform_parse(platform, &wish, err) : 0;

	if (!r)
		r = resolve(fs->store, &fs->platform, word, &found, err);
	if (!r)
		r = image_open(fs->store, &found.list[0]->descriptor, &wish,
			       platform ? IMAGE_WISHED : IMAGE_LOCAL, out, err);
	if (!r &&
	    ((*out)->artifact || (platform && !platform_equal(&(*out)->config->platform, &wish)))) {
		r = (*out)->artifact
			? err_set(err, ENOENT, "%s is no image", word)
			: err_set(err, ENOENT,
				  "image with reference %s was found but does not provide the "
				  "specified platform (%s)",
				  word, platform);
		image_close(steal(out));
	}
	if (!r && names)
		*names = steal(&found.names);
	return r;
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

/* One line of a template for each, or all in an array. */
static int inspect_all(struct fs *fs, const struct words *images, const char *platform,
		       const char *format, struct buf *out, struct err *err)
{
	autojson *array = json_object_new_array();
	bool json = !format || !strcmp(format, "json");
	int r = array ? 0 : err_nomem(err);

	for (size_t i = 0; !r && i < images->count; i++) {
		AUTO(names_put) struct names *names = NULL;
		AUTO(image_close) struct image *image = NULL;
		struct json_object *o = NULL;

		r = open_image(fs, images->at[i], platform, &names, &image, err);
		if (!r) {
			o = inspect_object(fs->store, image, names);
			if (!o || json_object_array_add(array, o)) {
				json_object_put(o);
				r = err_nomem(err);
			}
		}
		if (!r && !json) {
			r = template_run(format, o, out, err);
			buf_putc(out, '\n');
		}
	}
	if (!r && json && format)
		json_text_line(out, array, JSON_TEXT_HTML);
	else if (!r && json)
		json_text_indented(out, array, JSON_TEXT_PLAIN);
	if (json)
		buf_putc(out, '\n');
	return r ? r : buf_failed(out) ? err_nomem(err) : 0;
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
