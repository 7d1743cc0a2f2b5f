/* SPDX-License-Identifier: MIT */
/*
 * One side of a comparison: what a word means, as a tree whose files can be read. For a job, which
 * waits here for what has to be fetched. A side is for one thread; both sides are for the same.
 *
 * It stands on a view of the mount, under the path that this has in images/. So what is open is
 * shared with readers there, is fetched once, and is made again where it proves damaged.
 */
#ifndef FS_DIFF_SIDE_H
#define FS_DIFF_SIDE_H

#include "fs/core/job.h"
#include "fs/tree/view.h"

struct diff_side;

/* Which part of an image. */
struct diff_part {
	const char *platform; /* strictly that; NULL: the mount's, as ctl/inspect has it */
	enum { DIFF_IMAGE, DIFF_LAYER, DIFF_UP_TO } what;
	size_t layer; /* from 0: DIFF_LAYER has its own entries, DIFF_UP_TO all layers up to it */
};

/* Neither manifest nor config is fetched: -ENOENT says which pull brings them. Layers, or their
 * tables of contents, are fetched as for a reader of rootfs/. -EINVAL: the image has no such layer. */
int diff_side_open(struct fs *fs, struct job *j, const char *word, const struct diff_part *part,
		   struct diff_side **out, struct err *err);
void diff_side_close(struct diff_side *s); /* NULL is allowed */
DEFINE_AUTO(struct diff_side, diff_side_close)

/* Opens the tree again where it proved damaged. */
int diff_side_ready(struct diff_side *s, struct err *err);

const struct tree *diff_side_tree(const struct diff_side *s); /* until the next diff_side_ready */
const struct image *diff_side_image(const struct diff_side *s);
ssize_t diff_side_layer(const struct diff_side *s, uint32_t node); /* view_layer */

/* Two regular files of `size` bytes: 1 where they hold the same, 0 where not, or -errno. Nothing is read
 * where one entry of one layer is both files, or where both layers have their digests. These digests are
 * checked by diff_side_check, after all comparisons. */
int diff_sides_same(struct diff_side *a, uint32_t a_node, struct diff_side *b, uint32_t b_node,
		    uint64_t size, struct err *err);

/* 0 where all that was said so far is right. -EIO: something was damaged; compare again after
 * diff_side_ready, which mends it. */
int diff_side_check(struct diff_side *s, struct err *err);

#endif
