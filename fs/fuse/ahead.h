/* SPDX-License-Identifier: MIT */
/*
 * Reading ahead across files, for readers that read all of them in the order of the archive (tar,
 * grep -r, a scanner). The essay on top of ahead.c says how. It owns what it remembers of readers. It
 * has no threads: the worker that has answered a READ goes on with storing. Thread safe.
 */
#ifndef FS_AHEAD_H
#define FS_AHEAD_H

#include "fs/tree/view.h"
#include "store/base/err.h"

struct ahead;
int ahead_open(struct fs *fs, struct ahead **out, struct err *err);
void ahead_close(struct ahead *a); /* NULL is allowed */

/* What a worker does behind the answer to a request; view NULL: nothing. */
struct ahead_work {
	bool jumped;	   /* the READ is far from where this reader was, or begins in mid-file */
	struct view *view; /* held, so that it stays */
	pid_t pid;
	struct ahead_storing *storing; /* the worker's own */
};

/* To be called before a READ is answered. `out` is zeroed by the caller, as for ahead_listed. */
void ahead_read(struct ahead *a, struct view *w, uint32_t node, uint64_t offset, size_t len,
		pid_t pid, struct ahead_work *out);

/* To be called before the end of a directory's listing is told: the kernel knows all that is in it.
 * For a reader that goes on there, the first files are stored at once: 4 files, or 64 KiB, at most. */
void ahead_listed(struct ahead *a, struct view *w, uint32_t dir, pid_t pid, struct ahead_work *out);

/* Stores a range of a file of a view in the kernel's cache: 0 or -errno. The range has whole pages; the
 * last one may end with the file. */
int ahead_store_range(struct fs *fs, const struct view *w, uint32_t node, uint64_t offset,
		      size_t len);

/* To be called behind the answer: does the work, lets go of its view, and returns when enough is stored. */
void ahead_store(struct ahead *a, struct ahead_work *work);

#endif
