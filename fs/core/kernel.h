/* SPDX-License-Identifier: MIT */
/*
 * What the mount tells the kernel unasked, as far as the rooms below fs/fuse need it. The struct that
 * implements it begins with it (fs/fuse/fuse_session.c). Thread safe.
 */
#ifndef FS_KERNEL_H
#define FS_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum forgotten {
	FORGOTTEN,
	FORGOTTEN_NOT,	  /* a request that is parked has the directory's lock (dir_locks.h) */
	FORGOTTEN_IN_WAY, /* forgotten, but a LOOKUP had to give way: forget no more, for a while */
};

struct kernel {
	/* Makes the kernel forget a name in a directory (an inode number); waits for the requests
	 * there that are not parked. Does nothing once the end has begun. */
	enum forgotten (*forget_name)(const struct kernel *k, uint64_t parent, const char *name);
	/* Makes the kernel ask for a name anew, without forgetting what it has: for names that the
	 * store has got. A process that is walking through a name when it is forgotten leaves an
	 * entry behind that no name leads to any more, so that it could never be forgotten. */
	enum forgotten (*expire_name)(const struct kernel *k, uint64_t parent, const char *name);
	/* Makes the kernel ask for the attributes of an inode anew, and a directory's listing with
	 * them where its mtime has moved. Waits for nothing. */
	void (*forget_attributes)(const struct kernel *k, uint64_t ino);
	/* For a worker that has answered and goes on with storing: it is no longer there for requests. */
	void (*go_on)(const struct kernel *k);
	/* Puts pages of a file of a view into the kernel's cache. For workers, behind their answer.
	 * -ENOENT where the kernel does not know the inode; -EAGAIN where it must not be told now. */
	int (*store_pages)(const struct kernel *k, uint64_t ino, uint64_t offset,
			   const struct iovec *iov, size_t count);
	/* Makes the kernel read a file anew, mapped pages as well. Waits for READs and WRITEs of the
	 * file, so workers must not call it. Does nothing once the end has begun. */
	void (*forget_pages)(const struct kernel *k, uint64_t ino);
};

#endif
