/* SPDX-License-Identifier: MIT */
/*
 * The board of a transfer under way: docker's lines so far, and how far each of its blobs is. The
 * thread that transfers writes it. Whoever has the token that was given with the request reads it.
 * Thread safe; its lock is held only to copy.
 */
#ifndef FS_BOARD_H
#define FS_BOARD_H

#include "store/base/buf.h"
#include "store/base/digest.h"

#include <pthread.h>

#define BOARD_TOKEN_MAX 65 /* with its NUL */

struct board {
	char token[BOARD_TOKEN_MAX]; /* empty: nobody watches */
	pthread_mutex_t lock;
	struct buf lines;	  /* each with its newline */
	struct board_blob *blobs; /* owned */
	size_t count;
};

void board_init(struct board *b);
void board_destroy(struct board *b);

/* They do nothing where `b` is NULL or nobody watches. A line or blob for which there is no memory is
 * not shown. `done` and `total` are bytes. */
void board_line(struct board *b, const char *line);
void board_blob(struct board *b, const struct digest *d, uint64_t done, uint64_t total);

/* Appends "line TEXT" for each line from number `from` (the first is 0) on, then "blob ID DONE TOTAL"
 * for each blob. ID has the digits that docker's lines have (DIGEST_ID_DIGITS). */
void board_print(struct board *b, size_t from, struct buf *out);

#endif
