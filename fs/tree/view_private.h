/* SPDX-License-Identifier: MIT */
/*
 * What is inside a view: for view.c, which opens it, and view_read.c, which reads it.
 */
#ifndef FS_VIEW_PRIVATE_H
#define FS_VIEW_PRIVATE_H

#include "fs/tree/view.h"

#include <stdatomic.h>

struct view_content {
	struct layers *table;
	struct tree *tree;     /* owned */
	struct layer **layers; /* references */
	size_t count;
	atomic_bool fetched;	    /* missing bytes were asked for */
	atomic_bool damaged;	    /* one of the layers, or the tree, is damaged */
	struct view_content *older; /* owned: damaged, and maybe still being read */
};

/* NULL: it is not open. */
static inline struct view_content *view_content(const struct view *w)
{
	return atomic_load_explicit(&w->content, memory_order_acquire);
}

#endif
