/* SPDX-License-Identifier: MIT */
#include "fs/daemon/dead_mount.h"

#include <errno.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* By statfs, as attributes may still be cached. A request that was under way when the server went
 * is ECONNABORTED; every later one is ENOTCONN. */
bool dead_mount_at(const char *mountpoint)
{
	struct statfs st;

	return statfs(mountpoint, &st) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* As root umount2 does it; others have the setuid helper of FUSE, in a clean environment. */
void dead_mount_detach(const char *mountpoint)
{
	char *const argv[] = {"fusermount3", "-u", "-z", "-q", "--", (char *)mountpoint, NULL};
	char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	pid_t pid;

	if (umount2(mountpoint, MNT_DETACH) == 0)
		return;
	if (posix_spawn(&pid, "/usr/bin/fusermount3", NULL, NULL, argv, env) == 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}
