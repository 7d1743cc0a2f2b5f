/* SPDX-License-Identifier: MIT */
/* A mount whose server is gone: everything at its mount point is ENOTCONN until it is detached. */
#ifndef FS_DEAD_MOUNT_H
#define FS_DEAD_MOUNT_H

#include <stdbool.h>

/* True where a dead mount lies at the mount point. */
bool dead_mount_at(const char *mountpoint);

/* Detaches what is mounted there, as umount -l does. Silent where that is not permitted. */
void dead_mount_detach(const char *mountpoint);

#endif
