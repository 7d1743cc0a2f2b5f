/* SPDX-License-Identifier: MIT */
/*
 * For fsck.c, which finds the blobs, and fsck_read.c, which reads them.
 */
#ifndef STORE_FSCK_PRIVATE_H
#define STORE_FSCK_PRIVATE_H

#include "store/images/fsck.h"

/* Reads and sorts these blobs, the largest first, by a thread a processor, and sets their states. */
int fsck_read(struct store *s, struct fsck_blob **blobs, size_t count, struct cancel *cancel,
	      const struct fsck_watch *watch, struct err *err);

#endif
