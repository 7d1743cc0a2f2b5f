/* SPDX-License-Identifier: MIT */
/*
 * What a process is about to do. A LOOKUP does not say whether its name is the last one of the
 * caller's path, or what stands behind it there. But the caller waits in its system call meanwhile,
 * and /proc tells which call that is, and where its path lies. Nothing is known of another user's
 * process, of one that may not be traced (kernel.yama.ptrace_scope, unless we are root), or of a
 * path that no system call has (io_uring).
 */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

#define CALLER_PATH_MAX 4096

struct caller {
	pid_t pid;
	bool creates; /* the call makes a name (symlink(2), rename(2), O_CREAT, …) and looks up
		       * whether that is free; `path` is the new name */
	bool looks;   /* the call needs what the path leads to: stat(2) and its like, open(2). False
		       * where it only goes on from there: chdir(2), readlink(2), O_DIRECTORY, O_PATH */
	char path[CALLER_PATH_MAX]; /* as the caller wrote it; "" where that is not known */
};

/* Fills all of `out`; what cannot be known is false, or "". */
void caller_read(pid_t pid, struct caller *out);

/* The part of c->path behind `name`: "" where the name is the last one, NULL where that is not known.
 * The name is looked up in the directory `dir`, whose end is compared with the path. */
const char *caller_behind(const struct caller *c, const char *dir, const char *name);

/* True where the path is an argument of the process: whoever started it wrote the path. */
bool caller_was_told(const struct caller *c);

/* Calls `each` with the paths that say where the process works: its working directory, its program,
 * and those of its arguments that begin with a slash. True as soon as `each` gives true. */
bool caller_any_place(const struct caller *c, bool (*each)(void *arg, const char *path), void *arg);

/* True where the kernel lets it see attributes of the namespace "trusted": for a user of 0, whose process has
 * CAP_SYS_ADMIN. A root of another user namespace comes with another user. */
bool caller_sees_trusted(uid_t uid, pid_t pid);

#endif
