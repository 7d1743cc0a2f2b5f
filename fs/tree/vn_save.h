/* SPDX-License-Identifier: MIT */
/*
 * Images as an archive that is nowhere on disk: a read puts it together from the blobs, and fetches a
 * layer that is not there. export/image.tar is one, and so is the file that ctl/save names.
 */
#ifndef FS_VN_SAVE_H
#define FS_VN_SAVE_H

#include "fs/core/vnode.h"
#include "fs/tree/repo_image.h"

/* An image, which must be ready, the full references with a tag that it is saved under, and what they
 * name (archive_save.h). */
struct vn_save_image {
	struct repo_image *image;
	struct descriptor *named; /* as in struct archive_save_image */
	size_t named_count;
	char **references;
	size_t count;
};

/* Takes at least one image; all is copied, or counted. *out is not yet in the inode table. */
int vn_save_new(const char *path, const struct vn_save_image *images, size_t count,
		struct vnode **out, struct err *err);

#endif
