/* SPDX-License-Identifier: MIT */
/*
 * What a process is about to do. A LOOKUP does not say what it is for, but the kernel's record of
 * the caller's system call does.
 */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/* True where the process is in symlink(2) or rename(2): it looks a name up only to see that it is
 * free. False where nothing is known. */
bool caller_creates(pid_t pid);

#endif
