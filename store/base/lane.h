/* SPDX-License-Identifier: MIT */
/*
 * Two stages of a stream side by side: bytes that one thread puts into a lane are taken, in
 * order, by a thread of the lane. Between them lies a bounded buffer: lane_put waits while it is
 * full. Owns the thread and the buffer; one thread at a time puts, drains and closes. Where no
 * thread is to be had, bytes are taken in the call that puts them.
 */
#ifndef STORE_LANE_H
#define STORE_LANE_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stddef.h>

/* Takes all `len` bytes; runs in the lane's thread. A failure is the last call. */
typedef int (*lane_take_fn)(void *arg, const void *data, size_t len, struct err *err);

struct lane;
int lane_open(lane_take_fn take, void *arg, struct lane **out, struct err *err);

/* Hands on a copy. Gives the failure of bytes taken meanwhile, from then on always. */
int lane_put(struct lane *l, const void *data, size_t len, struct err *err);

/* Waits until all bytes are taken: what the taking wrote can then be read, until the next put. */
int lane_drain(struct lane *l, struct err *err);

/* Ends the thread; bytes that it has not taken are dropped. NULL is allowed. */
void lane_close(struct lane *l);
DEFINE_AUTO(struct lane, lane_close)

#endif
