/* SPDX-License-Identifier: MIT */
/*
 * The locks that the kernel holds of directories. The kernel keeps a directory locked for a request
 * by name until that is answered; LOOKUPs share the lock. The kernel forgets a name under the same
 * lock, exclusively. So a thread that makes it forget a name waits for all LOOKUPs there, and later
 * LOOKUPs wait for that thread: when one LOOKUP waits for a registry, the directory stands still.
 *
 * Hence no name is forgotten in a directory where a request is parked. A LOOKUP that would be parked
 * while a name is being forgotten there gives way: its answer is ESTALE, for which the kernel walks
 * the path once more, but not a third time. So it must not have to give way twice:
 * - It waits for a moment first. A thread that has not begun yet to forget in the kernel, or is
 *   through there, ends meanwhile.
 * - Once it has given way, no name is forgotten anywhere until it has come again. No second name is
 *   being forgotten there either: names of a directory are forgotten one after the other.
 * - On its way it asks for the directories of its path, and waits there until the name is forgotten:
 *   the kernel gives a free lock to whoever asks next, not to whoever has waited for it. (A LOOKUP in
 *   the caller's working directory has no such way, and may end with ESTALE.)
 * Thread safe.
 */
#ifndef FS_DIR_LOCKS_H
#define FS_DIR_LOCKS_H

#include "store/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* One parked request, or one name that is being forgotten. The memory is the caller's. */
struct dir_lock {
	uint64_t dir; /* an inode number; 0: none */
	bool met;     /* of a name: a LOOKUP had to give way to it */
	LIST_ENTRY(dir_lock) link;
};

struct dir_locks;
int dir_locks_open(struct dir_locks **out, struct err *err);
void dir_locks_close(struct dir_locks *l); /* NULL is allowed */

/* A request in this directory (0: in none) is parked from now on, until dir_locks_unpark. */
void dir_locks_park(struct dir_locks *l, struct dir_lock *d, uint64_t dir);

/* Waits while a name is being forgotten in the directory of a parked LOOKUP, DIR_LOCKS_MOMENT_MS at
 * most. False where it still is: the LOOKUP has to give way. */
#define DIR_LOCKS_MOMENT_MS 20
#define DIR_LOCKS_AGAIN_MS  100 /* for so long a LOOKUP that gave way is expected again */
bool dir_locks_await(struct dir_locks *l, const struct dir_lock *d);

/* A LOOKUP in this directory is about to run. Waits, DIR_LOCKS_MOMENT_MS at most, while a name of
 * another directory is still being forgotten for which a LOOKUP has given way. */
void dir_locks_pass(struct dir_locks *l, uint64_t dir);

void dir_locks_unpark(struct dir_locks *l, struct dir_lock *d);

/* Whether any request is parked, or a LOOKUP that gave way is expected again. NULL is allowed. */
bool dir_locks_parked(struct dir_locks *l);

/* A name of this directory is to be forgotten: waits while another one is. False: it must not be, as a
 * request is parked there or a LOOKUP that gave way is expected again. True: it is being forgotten until
 * dir_locks_forgot, which gives false where a LOOKUP had to give way. */
bool dir_locks_forget(struct dir_locks *l, struct dir_lock *d, uint64_t dir);
bool dir_locks_forgot(struct dir_locks *l, struct dir_lock *d);

#endif
