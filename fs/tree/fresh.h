/* SPDX-License-Identifier: MIT */
/*
 * The kernel keeps names below images/, and their attributes, for a tenth of a second
 * (FS_NAMES_LAST), so that a walk by full paths costs a few messages for each of them instead of a
 * dozen for each entry. A change by another process, or the end of the mount, is seen when that time
 * has passed. A change by this process is taken back at once: the difference of the catalogs, name by
 * name.
 *
 * A thread of its own tells the kernel, as that may wait (dir_locks.h). The job that has changed
 * something waits for that thread no longer than names last. The names of a directory where a request
 * is parked are not told but left to expire.
 *
 * The notification that makes the kernel look up all names anew (FUSE_NOTIFY_INC_EPOCH, Linux 6.16)
 * is of no use here: it takes away what others have mounted on a name below the mount, as bwrap
 * does with the proc/ of a root filesystem.
 *
 * Thread safe. Called by jobs, with no lock held.
 */
#ifndef FS_FRESH_H
#define FS_FRESH_H

#include "fs/core/fs.h"

int fresh_open(struct fs *fs, struct fresh **out, struct err *err);
void fresh_stop(struct fresh *f);  /* its thread ends; fresh_tell returns at once from now on */
void fresh_close(struct fresh *f); /* NULL is allowed */

enum fresh_what {
	FRESH_NAMES,	/* and listings */
	FRESH_LISTINGS, /* listings first, names later: only new names have come, or the job's own
			   request (rm, mv, ln) holds the lock of a directory */
};

/* When this returns, the kernel has nothing any more that was changed before. NULL is allowed. */
void fresh_tell(struct fresh *f, enum fresh_what what);

#endif
