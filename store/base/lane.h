/* SPDX-License-Identifier: MIT */
/*
 * Two stages of a stream side by side: one thread puts bytes into a lane, and the lane's own thread
 * takes them, in order. Between them lies a buffer of 1 MiB: lane_put waits while it is full. Owns
 * the thread and the buffer. One thread at a time puts, drains and closes. If no thread can be
 * started, lane_put itself takes the bytes.
 */
#ifndef STORE_LANE_H
#define STORE_LANE_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stddef.h>

/* Takes all `len` bytes; runs in the lane's thread. It is not called again after a failure. */
typedef int (*lane_take_fn)(void *arg, const void *data, size_t len, struct err *err);

struct lane;
int lane_open(lane_take_fn take, void *arg, struct lane **out, struct err *err);

/* Hands on a copy. Once a take has failed, each call returns that failure. */
int lane_put(struct lane *l, const void *data, size_t len, struct err *err);

/* Waits until all bytes are taken, so that results can be read until the next put. As lane_put. */
int lane_drain(struct lane *l, struct err *err);

/* Ends the thread; bytes that it has not taken are dropped. NULL is allowed. */
void lane_close(struct lane *l);
DEFINE_AUTO(struct lane, lane_close)

#endif
