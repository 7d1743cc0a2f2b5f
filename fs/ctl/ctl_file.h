/* SPDX-License-Identifier: MIT */
/*
 * The front of every file in ctl/. As the kernel sends no OPEN, each lookup makes a vnode, which is
 * that opener's own. The lookup's user counts as the one who asks, whoever gets the descriptor later.
 *
 * The content is made once: a thread makes it in a buffer of its own, without the lock, and publishes
 * it under the lock. Where two threads make it, the first to publish wins. A request that was written
 * meanwhile has published before both.
 */
#ifndef FS_CTL_FILE_H
#define FS_CTL_FILE_H

#include "fs/core/vnode.h"
#include "fs/ctl/verb.h"

#include <pthread.h>

struct ctl_file {
	struct vnode v;
	struct fs *fs;
	const struct verb *verb;
	bool owner; /* the owner has opened it */
	struct timespec made;
	pthread_mutex_t lock; /* no other is taken while it is held, and no verb runs */
	bool filled;	      /* under lock: the content is what shall be read */
	struct buf content;   /* under lock */
};

/* A file that is not yet in the inode table, as vnode_new_own makes it; NULL: out of memory. */
void *ctl_file_new(const struct vnode_ops *ops, size_t size, struct request *rq,
		   const struct verb *verb, const char *path);
void ctl_file_free(struct vnode *v); /* what a kind's `free` does last */

/* -EACCES where the user who opened it may not read it. */
int ctl_file_may_read(const struct ctl_file *f, struct err *err);
/* -EACCES where neither the owner nor root writes. */
int ctl_file_may_write(const struct request *rq, struct err *err);

/* Adds to the kind's mode (vnode_ops.mode) what others may; the kernel refuses open(2) by it
 * (fs/fuse/fuse_session.c). Sets the times. */
void ctl_file_stat(const struct ctl_file *f, struct stat *st);

/* Makes the content of a file that was not written to: the verb's usage, and for the owner the outcomes
 * of recent requests. Does nothing for a user who may not read. */
int ctl_file_fill_usage(struct ctl_file *f, struct err *err);

bool ctl_file_filled(struct ctl_file *f);
/* Takes the text as the content; false, and nothing is taken, where there is one already. */
bool ctl_file_publish(struct ctl_file *f, struct buf *text);
/* Appends up to len bytes of the content from offset. */
void ctl_file_copy(struct ctl_file *f, uint64_t offset, size_t len, struct buf *out);

#endif
