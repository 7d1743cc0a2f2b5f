/* SPDX-License-Identifier: MIT */
/*
 * A write(2) that a signal has interrupted, and that comes again: by itself (SA_RESTART), or by a
 * program that tries until it is done. Its job goes on for a while (CTL_GRACE_MS), and the same bytes
 * at the same place are no second request: who brings them gets what comes of the first. Not thread
 * safe: under the lock of the file.
 */
#ifndef FS_CTL_AGAIN_H
#define FS_CTL_AGAIN_H

#include "fs/core/vnode.h"

#define CTL_GRACE_MS 500

struct ctl_again {
	struct job *job; /* a reference: the last one, as long as nobody has what came of it */
	uint64_t offset; /* of what started it */
	size_t len;
	uint64_t sum;
};

/* The request waits for a job that it has started with these bytes. Gives the last one before it, which
 * the caller puts without the lock, as its end may want that; or NULL. */
struct job *ctl_again_started(struct ctl_again *a, struct request *rq, uint64_t offset,
			      const void *data, size_t len);

/* True where whoever started the last job has left it: the request waits for that one now. */
bool ctl_again_join(struct ctl_again *a, struct request *rq);

/* The job that the request waited for has ended, and was started by itself, by the same bytes, or by
 * others. It is the last one no more. */
enum ctl_again_whose { AGAIN_OURS, AGAIN_SAME, AGAIN_OTHER };
enum ctl_again_whose ctl_again_end(struct ctl_again *a, struct request *rq, uint64_t offset,
				   const void *data, size_t len);

/* There is no last one any more: it is given as above. */
struct job *ctl_again_take(struct ctl_again *a);

#endif
