/* SPDX-License-Identifier: MIT */
/*
 * The FUSE session of a mount: mounting, the loop of workers, ending. One per
 * process. Does not daemonize, and owns nothing of struct fs.
 */
#ifndef FS_FUSE_SESSION_H
#define FS_FUSE_SESSION_H

#include "fs/fs.h"
#include "fs/options.h"

struct session;

/* Clears a dead mount at the mount point (its server was killed), if there is one. -ENOENT,
 * -ENOTDIR, … where the mount point is no good. */
int session_clear(const char *mountpoint, struct err *err);

/* Mounts. From now on requests queue up. */
int session_open(const struct options *o, struct fs *fs, struct session **out, struct err *err);

/* Serves requests until SIGTERM, SIGINT, SIGHUP, or an unmount. 0, or -errno where the loop failed.
 */
int session_loop(struct session *s, struct err *err);

/* Unmounts. No request may be parked any more. NULL is allowed. */
void session_close(struct session *s);
DEFINE_AUTO(struct session, session_close)

#endif
