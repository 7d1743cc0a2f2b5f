/* SPDX-License-Identifier: MIT */
/*
 * What a transfer under way has to tell: docker's lines so far, and how far each of its blobs is.
 * The thread that transfers writes it, and whoever watches reads it, by a token that was given with
 * the request. Thread safe; its lock is held for copies alone.
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

/* What there is no memory for is not shown; nothing is kept where `b` is NULL or nobody watches. */
void board_line(struct board *b, const char *line);
void board_blob(struct board *b, const struct digest *d, uint64_t done, uint64_t total);

/* Appends "line TEXT" for each line from number `from` on, then "blob ID DONE TOTAL" for each blob
 * that was told of; ID as in the lines. */
void board_print(struct board *b, size_t from, struct buf *out);

#endif
