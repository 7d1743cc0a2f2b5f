/* SPDX-License-Identifier: MIT */
/* The images that the words of `save` mean, and the names that they are saved under. */
#ifndef FS_SAVED_H
#define FS_SAVED_H

#include "fs/core/fs.h"
#include "fs/docker/args.h"
#include "fs/tree/vn_save.h"

struct saved {
	struct vn_save_image *images; /* owned, with what they hold */
	size_t count;
};

/* Looks in the store alone. `out` is zeroed by the caller, who clears it also after a failure. -ENOENT
 * "No such image: …", -EINVAL. */
int saved_find(struct fs *fs, const struct words *args, struct saved *out, struct err *err);
void saved_clear(struct saved *s);
#define autosaved __attribute__((cleanup(saved_clear))) struct saved

#endif
