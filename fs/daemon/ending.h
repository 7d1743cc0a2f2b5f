/* SPDX-License-Identifier: MIT */
/*
 * What ends a mount: SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGXCPU (as a last warning), or the end of
 * its connection. The signals are blocked in the calling thread and in all that it makes afterwards;
 * the main thread waits for them. A signal that was ignored when the program started (nohup) stays
 * ignored. Thread safe.
 */
#ifndef FS_ENDING_H
#define FS_ENDING_H

#include "store/base/err.h"
#include "store/base/mem.h"

struct ending;

/* To be called before there are other threads. */
int ending_open(struct ending **out, struct err *err);
void ending_close(struct ending *e); /* NULL is allowed; the signals stay blocked */
DEFINE_AUTO(struct ending, ending_close)

/* The connection has ended. */
void ending_tell(struct ending *e);

/* Returns when the mount shall end. */
void ending_wait(const struct ending *e);

#endif
