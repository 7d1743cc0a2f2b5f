/* SPDX-License-Identifier: MIT */
/* ctl/help. */
#include "fs/ctl/verb.h"

int verb_help(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err)
{
	int r = verb_no_arguments("help", args, err);

	(void)fs;
	(void)j;
	if (r < 0)
		return r;
	buf_puts(
	    out,
	    "Requests: echo ARGUMENTS > ctl/VERB   (cat ctl/VERB tells what became of them)\n"
	    "Answers:  cat ctl/VERB, or cat 'ctl/VERB?ARGUMENTS' (a slash is written %2F)\n\n");
	for (size_t i = 0; i < verbs_count; i++)
		buf_printf(out, "%-8s %s\n%s%s%s", verbs[i].name, verbs[i].summary,
			   *verbs[i].usage ? "             " : "", verbs[i].usage,
			   *verbs[i].usage ? "\n" : "");
	return 0;
}
