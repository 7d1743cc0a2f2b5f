/* SPDX-License-Identifier: MIT */
/*
 * A write(2) that a signal has interrupted, and that comes again: by itself (SA_RESTART), or by a
 * program that tries until it is done. Its job goes on for a while (CTL_GRACE_MS). The same bytes at
 * the same place are no second request then: their writer gets what comes of the first. Not thread
 * safe: the lock of the file guards it.
 */
#ifndef FS_CTL_AGAIN_H
#define FS_CTL_AGAIN_H

#include "fs/core/vnode.h"

#define CTL_GRACE_MS 500

struct ctl_again {
	struct job *job; /* a reference: the last one, until a writer has what came of it */
	uint64_t offset; /* offset, len and sum: of the bytes that started it */
	size_t len;
	uint64_t sum;
};

/* The request has started a job with these bytes and waits for it. Gives the last job before it, or
 * NULL. The caller puts that without the lock, as its end may take the lock. */
struct job *ctl_again_started(struct ctl_again *a, struct request *rq, uint64_t offset,
			      const void *data, size_t len);

/* True where the writer that started the last job has left it: the request waits for that job now. */
bool ctl_again_join(struct ctl_again *a, struct request *rq);

/* The job that the request waited for has ended. Says what had started it: this request, an earlier one
 * with the same bytes, or other bytes. It is no more the last job. */
enum ctl_again_whose { AGAIN_OURS, AGAIN_SAME, AGAIN_OTHER };
enum ctl_again_whose ctl_again_end(struct ctl_again *a, struct request *rq, uint64_t offset,
				   const void *data, size_t len);

/* Gives the last job, or NULL, as ctl_again_started does; from now on there is none. */
struct job *ctl_again_take(struct ctl_again *a);

#endif
