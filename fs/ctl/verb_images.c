/* SPDX-License-Identifier: MIT */
/* ctl/images. */
#include "fs/ctl/verb.h"
#include "fs/docker/images_table.h"

#include <time.h>

int verb_images(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
		struct err *err)
{
	(void)j;
	return images_table(fs->store, &fs->platform, args, time(NULL), out, err);
}
