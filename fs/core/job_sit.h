/* SPDX-License-Identifier: MIT */
/*
 * A job that waits for another one on its own thread. What runs the calls of the kernel never does:
 * that parks them (vnode.h).
 */
#ifndef FS_JOB_SIT_H
#define FS_JOB_SIT_H

#include "fs/core/vnode.h"

/* Until the job has ended: 0, whatever it came to. -EINTR, -ETIMEDOUT: who waits is told to stop by
 * `cancel`, and has left the job. -EAGAIN: no thread is left that could run it. */
int job_sit(struct job *j, struct cancel *cancel, struct err *err);

/*
 * For a job's own request, of which a step gave r: where that is FS_WAIT, waits, and leaves in
 * rq->ended what it has waited for. FS_WAIT: the step is to be called again. Else what r was, or
 * why the wait ended. request_leave once there is no further step.
 */
int request_sit(struct request *rq, struct cancel *cancel, int r, struct err *err);
void request_leave(struct request *rq);

#endif
