/* SPDX-License-Identifier: MIT */
/*
 * What `docker history` prints of an image: a row for every line of the config's history, newest
 * first. SIZE is store/image.h's size of the line's layer. A history with more lines that brought
 * a layer than there are layers shows 0B for those above.
 */
#ifndef FS_HISTORY_TABLE_H
#define FS_HISTORY_TABLE_H

#include "store/buf.h"
#include "store/image.h"

/* Appends the table; times are seen from `now`, in seconds since 1970. -ENOMEM. */
int history_table(struct store *s, const struct image *i, int64_t now, struct buf *out,
		  struct err *err);

#endif
