/* SPDX-License-Identifier: MIT */
/*
 * For fsck.c, which finds what there is, and fsck_read.c, which reads it.
 */
#ifndef STORE_FSCK_PRIVATE_H
#define STORE_FSCK_PRIVATE_H

#include "store/images/fsck.h"

/* Reads these blobs through by as many threads as there are processors, the largest first, and sets their states. Sorts them. */
int fsck_read(struct store *s, struct fsck_blob **blobs, size_t count, struct cancel *cancel,
	      const struct fsck_watch *watch, struct err *err);

#endif
