/* SPDX-License-Identifier: MIT */
/*
 * What `docker history` prints of an image: a row for every line of the config's history, newest
 * first. SIZE is store/images/image.h's size of the line's layer. A history with more lines that
 * brought a layer than there are layers shows 0B for those above.
 */
#ifndef FS_HISTORY_TABLE_H
#define FS_HISTORY_TABLE_H

#include "store/base/buf.h"
#include "store/images/image.h"

/* Those of the command. */
struct history_options {
	bool quiet, no_trunc;
	bool exact;	    /* --human=false: times and bytes in full */
	const char *format; /* or NULL */
};

/* Appends the table; times are seen from `now`, in seconds since 1970. */
int history_table(struct store *s, const struct image *i, const struct history_options *how,
		  int64_t now, struct buf *out, struct err *err);

#endif
