/* SPDX-License-Identifier: MIT */
/*
 * Notifications: what the mount tells the kernel unasked. The kernel may let the sender wait: for
 * a page that a READ has locked, or a directory in which a LOOKUP is under way. A worker answers
 * that request, so there must be one that is in no notification. Two rules see to that. At most
 * `workers - 1` workers store at the same time. Once the end has begun, no notification begins any
 * more; the end waits for those under way while all workers still serve.
 * Thread safe.
 */
#ifndef FS_FUSE_NOTIFY_H
#define FS_FUSE_NOTIFY_H

#include "store/base/err.h"

#include <fuse_lowlevel.h>
#include <sys/uio.h>

struct fuse_notify;

int fuse_notify_open(struct fuse_session *fuse, struct fuse_notify **out, struct err *err);
void fuse_notify_close(struct fuse_notify *n); /* none is under way; NULL is allowed */

/* FUSE_NOTIFY_STORE by one of `workers` workers: `count` pieces (FUSE_NOTIFY_PIECES at most), one
 * behind the other, at `offset` of a file. 0; -ENOENT: the kernel does not know the inode; -EAGAIN:
 * too many workers store now, or the end has begun. */
#define FUSE_NOTIFY_PIECES 8
int fuse_notify_store(struct fuse_notify *n, unsigned workers, uint64_t ino, uint64_t offset,
		      const struct iovec *data, size_t count);

/* FUSE_NOTIFY_INVAL_ENTRY. A worker must not call it before it has answered its request. */
void fuse_notify_forget_name(struct fuse_notify *n, uint64_t parent, const char *name);

/* The same with FUSE_EXPIRE_ONLY (Linux 6.2; before, the name is forgotten). */
void fuse_notify_expire_name(struct fuse_notify *n, uint64_t parent, const char *name);

/* FUSE_NOTIFY_INVAL_INODE of the attributes alone. Waits for nothing. */
void fuse_notify_forget_attributes(struct fuse_notify *n, uint64_t ino);

/* The same with all pages of a file. Waits for READs and WRITEs of it: not for workers. */
void fuse_notify_forget_pages(struct fuse_notify *n, uint64_t ino);

/* From now on no notification begins: the functions above do nothing. */
void fuse_notify_stop(struct fuse_notify *n);

/* After fuse_notify_stop: returns when no notification is under way. Workers must still serve. */
void fuse_notify_wait(struct fuse_notify *n);

#endif
