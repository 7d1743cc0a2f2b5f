/* SPDX-License-Identifier: MIT */
/* "save?WORDS": an archive of images, as `docker save` writes it. */
#include "fs/ctl/saved.h"
#include "fs/ctl/vn_ctl.h"

int vn_ctl_save_new(struct request *rq, const char *path, const char *line, struct vnode **out,
		    struct err *err)
{
	autosaved s = {0};
	autowords args = WORDS_INIT;
	int r = words_split(line, &args, err);

	if (!r)
		r = saved_find(rq->fs, &args, &s, err);
	return r ? r : vn_save_new(path, s.images, s.count, out, err);
}
