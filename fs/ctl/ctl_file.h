/* SPDX-License-Identifier: MIT */
/*
 * The front of every file in ctl/. As the kernel sends no OPEN, each lookup makes a vnode, which is
 * that opener's own. The lookup decides who asks, for whoever is given the descriptor later.
 *
 * Its content is made once: without the lock, in a buffer of who makes it, and published under it.
 * Two that make it at the same time are as good as one, and a request that was written meanwhile
 * is better than both.
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
	bool owner; /* who opens it is the owner */
	struct timespec made;
	pthread_mutex_t lock; /* no other is taken while it is held, and no verb runs */
	bool filled;	      /* under lock, as the content: it is what shall be read */
	struct buf content;
};

/* A file that is not yet in the inode table, or NULL: vnode_new_own. */
void *ctl_file_new(const struct vnode_ops *ops, size_t size, struct request *rq,
		   const struct verb *verb, const char *path);
void ctl_file_free(struct vnode *v); /* what a kind's `free` does last */

/* -EACCES where who opened it may not read it. */
int ctl_file_may_read(const struct ctl_file *f, struct err *err);
/* -EACCES where who writes is not the owner. */
int ctl_file_may_write(const struct request *rq, struct err *err);

/* The mode, by which the kernel refuses open(2) (fs/fuse/fuse_session.c): the kind's
 * (vnode_ops.mode), and what others may. The times. */
void ctl_file_stat(const struct ctl_file *f, struct stat *st);

/* The content of a file that was not written to: the verb's usage, and for the owner the outcomes
 * of recent requests. A look by who may not read is none. */
int ctl_file_fill_usage(struct ctl_file *f, struct err *err);

bool ctl_file_filled(struct ctl_file *f);
/* Takes a content; false, and nothing taken, where there is one. */
bool ctl_file_publish(struct ctl_file *f, struct buf *text);
/* Appends up to len bytes of the content from offset. */
void ctl_file_copy(struct ctl_file *f, uint64_t offset, size_t len, struct buf *out);

#endif
