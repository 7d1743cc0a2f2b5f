/* SPDX-License-Identifier: MIT */
/*
 * The locks that the kernel holds of directories. A request by name has its directory's until it is
 * answered; LOOKUPs share it. A name is forgotten under the same lock, alone. So who makes the kernel
 * forget a name waits for all LOOKUPs there, and those that come after him wait behind him: when
 * one of them waits for a registry, the directory stands still.
 *
 * Hence no name is forgotten in a directory where a request is parked, and a LOOKUP that would be
 * parked while a name is being forgotten there gives way: its answer is ESTALE, for which the
 * kernel walks the path once more, but not a third time. So it must not have to give way twice:
 * - It waits for a moment first. Who has not begun yet to forget in the kernel, or is through there,
 *   ends meanwhile.
 * - Behind it no name is forgotten anywhere until it has come again; nor was another one about to
 *   be, as names of a directory are forgotten one after the other.
 * - On its way it asks for the directories of its path, and waits there until the name is forgotten:
 *   the kernel gives a lock to who comes first, not to who has waited for it. (Who asks for a name in
 *   his working directory has no such way, and may have ESTALE.)
 * Thread safe.
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

/* A request of this directory is to be parked (0: of none). In either case until dir_locks_unpark. */
void dir_locks_park(struct dir_locks *l, struct dir_lock *d, uint64_t dir);

/* Waits while a name is being forgotten in the directory of a request that is parked, for a moment
 * at most. False where it still is: a LOOKUP has to give way. */
#define DIR_LOCKS_MOMENT_MS 20
#define DIR_LOCKS_AGAIN_MS  100 /* until it has come again */
bool dir_locks_await(struct dir_locks *l, const struct dir_lock *d);

/* A LOOKUP in this directory is about to run: waits, for a moment at most, where one in another
 * directory has given way for a name that is still being forgotten. */
void dir_locks_pass(struct dir_locks *l, uint64_t dir);

void dir_locks_unpark(struct dir_locks *l, struct dir_lock *d);

/* Whether any request is parked, or comes again. NULL is allowed. */
bool dir_locks_parked(struct dir_locks *l);

/* A name is to be forgotten; false where a request is parked there or comes again. True: until dir_locks_forgot,
 * which says whether none had to give way. */
bool dir_locks_forget(struct dir_locks *l, struct dir_lock *d, uint64_t dir);
bool dir_locks_forgot(struct dir_locks *l, struct dir_lock *d);

#endif
