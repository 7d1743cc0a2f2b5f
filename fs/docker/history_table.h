/* SPDX-License-Identifier: MIT */
/*
 * What `docker history` prints of an image: a row for every line of the config's history, newest
 * first. SIZE is the size of the line's layer (store/images/image.h). Where more lines claim to have
 * brought a layer than there are layers, those above show 0B.
 */
#ifndef FS_HISTORY_TABLE_H
#define FS_HISTORY_TABLE_H

#include "store/base/buf.h"
#include "store/images/image.h"

/* The options of the command. */
struct history_options {
	bool quiet, no_trunc;
	bool exact;	    /* --human=false: times and bytes in full */
	const char *format; /* or NULL */
};

/* Appends the table; times are seen from `now`, in seconds since 1970. */
int history_table(struct store *s, const struct image *i, const struct history_options *how,
		  int64_t now, struct buf *out, struct err *err);

#endif
