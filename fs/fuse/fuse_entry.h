/* SPDX-License-Identifier: MIT */
/*
 * What the kernel is told of files, in the form of its protocol (linux/fuse.h).
 *
 * libfuse has functions for that, but they take a struct stat, and libfuse's is not always ours: it
 * has 32 bits for a time on i386, and on armhf before Debian 13. The protocol has 64 everywhere, so
 * a struct stat never goes to libfuse.
 */
#ifndef FS_FUSE_ENTRY_H
#define FS_FUSE_ENTRY_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/stat.h>

struct fuse_entry {
	uint64_t ino; /* 0: the kernel is to remember that there is no such name */
	struct stat attr;
	double name_timeout, timeout; /* of the name; of the attributes: seconds */
};

/* Replies, as libfuse's functions do: 0, or -errno where the kernel does not take it any more. */
int fuse_entry_reply(fuse_req_t req, const struct fuse_entry *e);
int fuse_entry_reply_attr(fuse_req_t req, const struct stat *st, double timeout);

/*
 * Puts an entry of a directory at `to`. Returns its length in bytes, or 0 where that is more than
 * `room`. `next` is the offset behind it. `plus`: with the inode and its attributes, for READDIRPLUS.
 */
size_t fuse_entry_put(char *to, size_t room, bool plus, const char *name,
		      const struct fuse_entry *e, off_t next);

#endif
