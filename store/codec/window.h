/* SPDX-License-Identifier: MIT */
/*
 * The window of a seek point, reduced to the bytes that are needed. Deflate may refer to any of the
 * 32 KiB before a point. In layers it refers to a tenth of them. The others become zeros, so that
 * the window compresses to a fifth. Not thread safe.
 */
#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include "store/codec/codec.h"

struct window;
int window_open(struct window **out, struct err *err);
void window_close(struct window *w);
DEFINE_AUTO(struct window, window_close)

/* Takes compressed bytes as they come, from the stream's first on. A point that was begun lies in the
 * bytes that are fed next, or at most 16 bytes before them. */
void window_feed(struct window *w, const void *data, size_t len);

/* Begins a point of a gzip stream. The window is copied. */
void window_begin(struct window *w, const struct seek_point *p, const void *window);

/* True when enough was fed behind the point. A window that is taken before may not be reduced. */
bool window_is_ready(const struct window *w);

/* Ends the point, and returns its window: p->window bytes, borrowed until the next window_begin. */
const void *window_take(struct window *w);

#endif
