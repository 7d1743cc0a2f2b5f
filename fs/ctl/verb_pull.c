/* SPDX-License-Identifier: MIT */
#include "fs/ctl/transfer_verb.h"
#include "fs/ctl/verb.h"

#include "registry/transfer/pull.h"

static int verb_pull_run(const struct transfer_verb *v, const struct ref *ref, struct err *err)
{
	return v->all ? pull_all_tags(&v->transfer, ref, err) : pull_image(&v->transfer, ref, err);
}

int verb_pull(struct fs *fs, struct job *j, const struct words *args, struct buf *answer,
	      struct err *err)
{
	return transfer_verb("pull", fs, j, args, answer, verb_pull_run, err);
}
