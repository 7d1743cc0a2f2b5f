/* SPDX-License-Identifier: MIT */
/*
 * The workers of a session: threads that read the kernel's requests and serve them, one at a time
 * each. There are more of them as long as none waits for a request, up to FUSE_LOOP_WORKERS. Owns
 * the threads and their buffers; the session and its descriptor are borrowed.
 *
 * All workers read the session's descriptor. A reply has to leave by the descriptor that its request
 * came from, and libfuse's public functions know only that one, so there is no clone_fd. With the
 * loop of libfuse 3.14 a clone for each thread took 0.91 to 1.01 of the time: GETATTR and READ, 1
 * and 8 callers, 2 processors.
 */
#ifndef FS_FUSE_LOOP_H
#define FS_FUSE_LOOP_H

#include "fs/daemon/ending.h"
#include "store/base/err.h"

#include <fuse_lowlevel.h>

#define FUSE_LOOP_WORKERS   16
#define FUSE_LOOP_MAX_WRITE (1u << 20) /* bytes of a WRITE, for which each worker has room */

struct fuse_loop;

/* Reads and serves one request, INIT, in the calling thread. -ENODEV: there is no mount any more;
 * -EPROTO: libfuse ends the session over it. */
int fuse_loop_greet(struct fuse_session *fuse, struct err *err);

/* Starts the first worker. `ending` is told when the connection ends. *out is set before the worker
 * runs, and also on failure: the caller stops it. */
int fuse_loop_start(struct fuse_session *fuse, struct ending *ending, struct fuse_loop **out,
		    struct err *err);

/* For a worker that has answered its request and goes on with work of its own: another one looks for
 * requests at once. */
void fuse_loop_go_on(struct fuse_loop *l);

/* How many workers there are. The number only grows, until the stop. */
unsigned fuse_loop_workers(const struct fuse_loop *l);

/* Ends the workers, each behind the request that it serves, and frees the loop. NULL is allowed.
 * What the kernel still has queued is answered by the end of the connection. */
void fuse_loop_stop(struct fuse_loop *l);

/* 0, or -errno where the connection ended otherwise than by an unmount. */
int fuse_loop_error(const struct fuse_loop *l);

#endif
