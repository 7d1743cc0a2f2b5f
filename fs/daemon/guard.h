/* SPDX-License-Identifier: MIT */
/*
 * The guard of a mount: a process beside the daemon, which ends what the daemon cannot end.
 *
 * A thread inside a notification (FUSE_NOTIFY_STORE, FUSE_NOTIFY_INVAL_ENTRY) waits in the kernel,
 * unkillable, for pages or a directory that a request holds. The daemon's other threads answer that
 * request. Where they are gone (kill -9, a crash), the thread waits for ever: it holds /dev/fuse, so
 * the connection stays, and every reader waits too. Only an abort of the connection frees them all.
 * The guard aborts it when the daemon's main thread dies, or when the announced end takes too long.
 * It also detaches the mount that a dead daemon left.
 *
 * Holds no descriptor of the mount, and no lock. Used by the main thread alone.
 */
#ifndef FS_GUARD_H
#define FS_GUARD_H

#include "store/base/err.h"
#include "store/base/mem.h"

struct guard;

/* Starts the guard, and waits until it watches; to be called before there are other threads. The guard
 * writes its name over argv, in its own process. */
int guard_start(int argc, char **argv, const char *mountpoint, struct guard **out, struct err *err);

/* The mount is there. device: the minor number of its st_dev, which is the connection's number. */
void guard_mounted(struct guard *g, unsigned device);

/* The end begins. After GUARD_LIMIT_MS the guard aborts the connection. */
#define GUARD_LIMIT_MS 1000
void guard_ending(struct guard *g);

/* The mount is no more. Ends the guard. NULL is allowed. */
void guard_close(struct guard *g);
DEFINE_AUTO(struct guard, guard_close)

#endif
