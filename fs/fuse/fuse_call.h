/* SPDX-License-Identifier: MIT */
/*
 * One message of the kernel on its way to its reply. A worker runs it. Where the call must
 * wait for a job, it is parked and the worker goes on; the job's end runs it again. An interrupt
 * ends a parked call at once with EINTR.
 *
 * A call holds its inodes, from its begin until its thread is done with it: the kernel may forget
 * them as soon as it has the answer.
 *
 * The jobs' lock decides which thread replies to a parked call, that of an interrupt or that of the
 * job's end: job_leave gives true only where the end does not have the call. The end first takes back
 * the interrupt function, which waits for one that is running, so that none sees a freed call. libfuse
 * holds the request's lock while it calls the interrupt function, and permits a reply from there.
 */
#ifndef FS_FUSE_CALL_H
#define FS_FUSE_CALL_H

#include "fs/fuse/ahead.h"
#include "fs/core/fs.h"
#include "fs/core/dir_locks.h"
#include "fs/core/job.h"
#include "fs/core/vnode.h"

#include <fuse_lowlevel.h>

struct call {
	fuse_req_t req; /* freed with the answer */
	/* Does the work and replies: 0; or FS_WAIT; or -errno, which is then the reply. */
	int (*run)(struct call *c, struct request *rq, struct err *err);
	fuse_ino_t ino;
	fuse_ino_t to;	  /* rename */
	const char *name; /* owned once parked, as are text and data */
	const char *text; /* a symlink's target, a new name; or NULL */
	const void *data;
	size_t size;
	off_t offset;
	int mask;		 /* access: R_OK, W_OK, X_OK; setattr: FUSE_SET_ATTR_… */
	bool plus;		 /* readdir: with entries */
	bool reads;		 /* getattr: of the kernel's read path */
	bool direct;		 /* read: past the kernel's cache */
	bool gives_way;		 /* lookup: ESTALE makes the kernel ask once more */
	struct ahead_work ahead; /* out: what call_run does behind the reply */
	/* set by call_run */
	struct fs *fs;
	struct inode *held, *held_to; /* of ino and to, held; NULL: a stale number, or no `to` */
	/* of a parked call */
	struct dir_lock lock, lock_to; /* of ino (where there is a name) and to */
	unsigned rooms;		       /* request.rooms, from one run to the next */
	unsigned gaps;		       /* request.gaps, the same */
	bool joined;		       /* request.joined, the same */
	struct job_waiter waiter;
	struct job *job; /* a reference: what it waits for, or has waited for last */
};

/* Runs a call that lies on the caller's stack. */
void call_run(struct call *c);

#endif
