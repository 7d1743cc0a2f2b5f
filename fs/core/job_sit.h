/* SPDX-License-Identifier: MIT */
/*
 * A job that waits for another one on its own thread. A FUSE worker never does: it parks its call
 * (vnode.h).
 */
#ifndef FS_JOB_SIT_H
#define FS_JOB_SIT_H

#include "fs/core/vnode.h"

/* Returns 0 when the job has ended, whatever it came to. -EINTR, -ETIMEDOUT: the waiting job was told to
 * stop by its `cancel`, and has left the other one. -EAGAIN: no thread is left that could run that. The
 * reference stays the caller's. */
int job_sit(struct job *j, struct cancel *cancel, struct err *err);

/*
 * For a request that a job makes itself, when a step gave r. Where r is FS_WAIT, waits for rq->wait
 * and leaves that in rq->ended; returns FS_WAIT, as the step is to be called again, or why the wait
 * ended. Any other r is returned as it is. Call request_leave when there is no further step.
 */
int request_sit(struct request *rq, struct cancel *cancel, int r, struct err *err);
void request_leave(struct request *rq);

#endif
