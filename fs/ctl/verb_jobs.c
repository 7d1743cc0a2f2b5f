/* SPDX-License-Identifier: MIT */
/* ctl/jobs. */
#include "fs/ctl/verb.h"

#include "fs/core/job_table.h"

int verb_jobs(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	      struct err *err)
{
	int r = verb_no_arguments("jobs", args, err);

	(void)j;
	if (!r)
		job_table_print(fs->jobs, out);
	return r;
}
