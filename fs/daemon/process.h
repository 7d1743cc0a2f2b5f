/* SPDX-License-Identifier: MIT */
/*
 * What a process gets from whoever starts it: descriptors, signals, limits, the umask. A shell,
 * cron, systemd and ssh all give something else. process_begin makes of it what the program can
 * live with. It is called once, before anything else and before there are threads. It knows nothing
 * of mounts.
 */
#ifndef FS_PROCESS_H
#define FS_PROCESS_H

#include "store/base/err.h"

/* -EMFILE where fewer than 64 files may be open; or why a closed standard descriptor cannot be opened. */
int process_begin(struct err *err);

/* For the background: makes a session of its own, and closes descriptors that were left open to it (a
 * lock that flock(1) holds, a pipe that somebody reads to its end). The standard ones stay, and so does
 * `keep`, which is none of them. */
void process_detach(int keep);

/* For a moment without work: memory that was freed goes back to the system. Some ms for each 100 MB; who
 * allocates meanwhile waits. */
void process_rest(void);

#endif
