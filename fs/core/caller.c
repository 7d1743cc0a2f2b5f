/* SPDX-License-Identifier: MIT */
#include "fs/core/caller.h"

#include "store/base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static const long creating[] = {
    SYS_symlinkat, SYS_renameat2,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_symlink /* not on every architecture */
    SYS_symlink,   SYS_rename,
#endif
};

bool caller_creates(pid_t pid)
{
	char path[64], text[64] = "";
	autoclose int fd = -1;
	long number;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	number = strtol(text, NULL, 10);
	for (size_t i = 0; i < sizeof(creating) / sizeof(creating[0]); i++)
		if (number == creating[i])
			return true;
	return false;
}
