/* SPDX-License-Identifier: MIT */
/*
 * What a process gets from whoever starts it: descriptors, signals, limits, the umask. A shell,
 * cron, systemd, ssh and a credential's prompt all give something else; process_begin makes one of
 * it that the program can live with. It is called once, before anything else and before there are
 * threads. It knows nothing of mounts.
 */
#ifndef FS_PROCESS_H
#define FS_PROCESS_H

#include "store/base/err.h"

/* -EMFILE and the like where there is no descriptor to be had. */
int process_begin(struct err *err);

/* For the background: a session of its own; and descriptors that were left open to it (a lock that
 * flock(1) holds, a pipe that somebody reads to its end) are closed, but for `keep`, which is none
 * of the standard ones. */
void process_detach(int keep);

#endif
