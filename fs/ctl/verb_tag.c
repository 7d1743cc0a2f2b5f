/* SPDX-License-Identifier: MIT */
/* ctl/tag. */
#include "fs/ctl/verb.h"
#include "fs/tree/naming.h"

int verb_tag(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	     struct err *err)
{
	const struct args_option none[] = {{0}};
	autowords operands = WORDS_INIT;
	int r = args_parse(args, none, &operands, err);

	(void)j;
	(void)answer;
	if (!r)
		r = args_count("tag", &operands, 2, 2, err);
	return r < 0 ? r : naming_tag(fs, operands.at[0], operands.at[1], err);
}
