/* SPDX-License-Identifier: MIT */
/*
 * The locks that the kernel holds of directories. A request by name has its directory's until it is
 * answered; LOOKUPs share it. A name is forgotten under the same lock, alone. So who makes the kernel
 * forget a name waits for all LOOKUPs there, and those that come after him wait behind him: when
 * one of them waits for a registry, the directory stands still.
 *
 * Hence no name is forgotten in a directory where a request is parked, and a LOOKUP that would be
 * parked while a name is being forgotten there gives way: its answer is ESTALE, for which the
 * kernel walks the path once more. Thread safe.
 */
#ifndef FS_DIR_LOCKS_H
#define FS_DIR_LOCKS_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Of a request that is parked, or of who forgets a name: the caller's memory. */
struct dir_lock {
	uint64_t dir; /* an inode number; 0: none */
	bool met;     /* of who forgets: a request came meanwhile */
	LIST_ENTRY(dir_lock) link;
};

struct dir_locks;
int dir_locks_open(struct dir_locks **out, struct err *err);
void dir_locks_close(struct dir_locks *l); /* NULL is allowed */

/* A request of this directory is to be parked (0: of none). False where a name is being forgotten
 * there: a LOOKUP has to give way. In either case until dir_locks_unpark. */
bool dir_locks_park(struct dir_locks *l, struct dir_lock *d, uint64_t dir);
void dir_locks_unpark(struct dir_locks *l, struct dir_lock *d);

/* Whether any request is parked. NULL is allowed. */
bool dir_locks_parked(struct dir_locks *l);

/* A name is to be forgotten; false where a request is parked there. True: until dir_locks_forgot,
 * which says whether none had to give way. */
bool dir_locks_forget(struct dir_locks *l, struct dir_lock *d, uint64_t dir);
bool dir_locks_forgot(struct dir_locks *l, struct dir_lock *d);

#endif
