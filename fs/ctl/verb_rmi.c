/* SPDX-License-Identifier: MIT */
/* ctl/rmi. */
#include "fs/tree/naming.h"
#include "fs/ctl/porcelain.h"
#include "fs/ctl/verb.h"

#include <errno.h>

/* Each is tried, and what they leave is deleted once: that reads the documents of all images that
 * stay. The error has the first failure's code and, a line each, what docker says
 * of all. */
static int remove_all(struct fs *fs, struct job *j, const struct words *images,
		      const struct removal *how, struct buf *answer, struct err *err)
{
	struct err all = {0}, last = {0};
	bool removed = false;

	for (size_t i = 0; i < images->count; i++) {
		struct err e = {0};
		int r = cancel_check(job_cancel(j), &e);

		if (!r)
			r = naming_remove(fs, images->at[i], how, answer, &e);
		removed |= !r;
		if (r == -ENOENT && how->force)
			porcelain_error(j, answer, e.text);
		else if (r && !all.code)
			all = e;
		else if (r && !err_add(&all, &e))
			porcelain_error(j, answer, e.text);
		if (r == -EINTR)
			break;
	}
	if (removed && how->only_names && naming_sweep(fs, &last) && !all.code)
		all = last;
	*err = all;
	return -all.code;
}

int verb_rmi(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	     struct err *err)
{
	struct removal how = {0};
	bool no_prune = false; /* of untagged parents: there are none here */
	const struct args_option options[] = {
	    {.name = "force", .letter = 'f', .flag = &how.force},
	    {.name = "no-prune", .flag = &no_prune},
	    {0},
	};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, options, &operands, err);

	if (!r)
		r = args_count("rmi", &operands, 1, SIZE_MAX, err);
	how.only_names = operands.count > 1;
	return r < 0 ? r : remove_all(fs, j, &operands, &how, answer, err);
}
