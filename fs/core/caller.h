/* SPDX-License-Identifier: MIT */
/*
 * What a process is about to do. A LOOKUP does not say what it is for: whether it is the end of the
 * path that was asked for, and what stands behind it. But the caller waits in its system call
 * meanwhile, and /proc tells which that is, and where the path lies. Nothing is known of another
 * user's process, of one that may not be traced (kernel.yama.ptrace_scope, for who is not root), or
 * of a path that no system call has (io_uring).
 */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

#define CALLER_PATH_MAX 4096

struct caller {
	pid_t pid;
	bool creates; /* symlink(2), rename(2), O_CREAT, …: it looks a name up to see that it is
		       * free; `path` is the new name */
	bool looks;   /* stat(2) and its like, open(2): what the path leads to has to be there. Not
		       * for who wants a directory to go on from: chdir(2), O_DIRECTORY, O_PATH */
	char path[CALLER_PATH_MAX]; /* as the caller wrote it; "" where that is not known */
};

void caller_read(pid_t pid, struct caller *out);

/* What stands behind a name in the path, where the name is looked up in the directory `dir` (the
 * end of its path is compared): "" where it is the last one. NULL where that is not known. */
const char *caller_behind(const struct caller *c, const char *dir, const char *name);

/* True where the path is an argument of the process: somebody has written it. */
bool caller_was_told(const struct caller *c);

/* Calls `each` with paths that say where the process works: its directory, its program, its
 * arguments as they are (absolute ones). True as soon as `each` says so. */
bool caller_any_place(const struct caller *c, bool (*each)(void *arg, const char *path), void *arg);

#endif
