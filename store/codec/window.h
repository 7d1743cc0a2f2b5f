/* SPDX-License-Identifier: MIT */
/*
 * The window of a seek point, reduced to what is needed. Deflate may refer to any of the 32 KiB
 * before a point, but refers to few of them: a tenth, in layers. The others become zeros, and the
 * window compresses to a fifth. Not thread safe.
 */
#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include "store/codec/codec.h"

struct window;
int window_open(struct window **out, struct err *err);
void window_close(struct window *w);
DEFINE_AUTO(struct window, window_close)

/* Compressed bytes as they come, from the stream's first on. A point is begun when the bytes in
 * front of it have been fed, or with the next ones. */
void window_feed(struct window *w, const void *data, size_t len);

/* A point of a gzip stream: its window is copied. */
void window_begin(struct window *w, const struct seek_point *p, const void *window);

/* True when enough was fed behind the point; what is taken before is not reduced as a rule. */
bool window_is_ready(const struct window *w);

/* The window of the point that was begun, p->window bytes, borrowed until the next one; ends it. */
const void *window_take(struct window *w);

#endif
