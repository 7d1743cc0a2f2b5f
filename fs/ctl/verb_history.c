/* SPDX-License-Identifier: MIT */
/* ctl/history: of an image of the store. */
#include "fs/ctl/verb.h"
#include "fs/docker/history_table.h"
#include "fs/docker/resolve.h"

#include <time.h>

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
		r = resolve_image(fs->store, &fs->platform, operands.at[0], platform, NULL, &image,
				  err);
	how.exact = !human;
	return r ? r : history_table(fs->store, image, &how, time(NULL), out, err);
}
