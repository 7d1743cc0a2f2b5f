/* SPDX-License-Identifier: MIT */
/*
 * The FUSE session of a mount: mounting, serving, ending. One per process. Does not daemonize, and
 * owns nothing of struct fs.
 *
 * The end is a sequence, since the kernel, its readers and our threads wait for each other:
 *
 *  1. session_quiet: no notification begins any more.
 *  2. The caller ends all jobs. Requests that are parked on them are answered with EINTR, and a
 *     job's thread that is inside a notification returns: workers still serve the requests that
 *     the kernel holds pages and directories for.
 *  3. session_close: the last notifications end, workers storing pages among them.
 *  4. The workers end, each behind the request that it serves.
 *  5. The connection ends: what is still queued is answered by the kernel (ECONNABORTED, and
 *     ENOTCONN from then on), and the mount is detached.
 *
 * Nothing but the kernel bounds 2 and 3. The guard does (fs/daemon/guard.h): it aborts the
 * connection when they take too long.
 */
#ifndef FS_FUSE_SESSION_H
#define FS_FUSE_SESSION_H

#include "fs/daemon/ending.h"
#include "fs/core/fs.h"
#include "fs/daemon/guard.h"
#include "fs/core/options.h"

struct session;

/* Mounts, and starts to serve: from now on the mount answers. ending and guard are borrowed. */
int session_open(const struct options *o, struct fs *fs, struct ending *ending, struct guard *guard,
		 struct session **out, struct err *err);

/* Returns when the mount shall end: a signal came, or it was unmounted. 0, or -errno where the
 * connection failed. */
int session_wait(struct session *s, struct err *err);

/* Step 1 of the end. */
void session_quiet(struct session *s);

/* Steps 3 to 5: unmounts. No request may be parked any more. NULL is allowed. */
void session_close(struct session *s);
DEFINE_AUTO(struct session, session_close)

#endif
