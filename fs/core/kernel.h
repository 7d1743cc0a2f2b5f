/* SPDX-License-Identifier: MIT */
/*
 * What the mount tells the kernel unasked, as far as the rooms below fs/fuse need it. Its maker
 * has it as the first part of what is its own. Thread safe.
 */
#ifndef FS_KERNEL_H
#define FS_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct kernel {
	/* Makes the kernel forget a name in a directory (an inode number); may wait for a LOOKUP in
	 * it. Does nothing once the end has begun. */
	void (*forget_name)(const struct kernel *k, uint64_t parent, const char *name);
	/* Makes the kernel ask for the attributes of an inode anew, and a directory's listing with
	 * them where its mtime has moved. Waits for nothing. */
	void (*forget_attributes)(const struct kernel *k, uint64_t ino);
	/* Puts pages of a file of a view into the kernel's cache. For workers, behind their answer.
	 * -ENOENT where it does not know the inode; -EAGAIN where it must not be asked now. */
	int (*store_pages)(const struct kernel *k, uint64_t ino, uint64_t offset,
			   const struct iovec *iov, size_t count);
};

#endif
