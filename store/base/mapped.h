/* SPDX-License-Identifier: MIT */
/*
 * A file that is mapped for reading, and that may fail while it is read: another program cuts it,
 * or its disk cannot give a page. The kernel tells that by SIGBUS, which would end the process, and
 * all mounts with it. Here all of the mapping becomes zeros then, for every thread that reads it,
 * and is marked as damaged before the first zero can be seen. So a thread that reads a mapping
 *
 *	- must find its way through zeros in any place, at any moment, without a fault of its own;
 *	- asks mapped_damaged behind the reading, and before what was read is given to anybody;
 *	- hands no pointer into it to a system call, which fails with EFAULT instead;
 *	- has SIGBUS not blocked: the kernel kills such a thread.
 *
 * A file that is cut inside a page has zeros behind its end, and a file that is written to has
 * other bytes, without a signal: against these it takes a look at the file, or checks of what it
 * holds. Opening sets the process's handler of SIGBUS; faults elsewhere go to the one before it.
 * Thread safe.
 */
#ifndef STORE_MAPPED_H
#define STORE_MAPPED_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct mapped;

/* The first `size` bytes of a file, which is not needed any more when this returns; > 0. */
int mapped_open(int fd, size_t size, struct mapped **out, struct err *err);
void mapped_close(struct mapped *m); /* nobody may read it any more; NULL is allowed */
DEFINE_AUTO(struct mapped, mapped_close)

const void *mapped_data(const struct mapped *m);

/* Whether anything that was read of it until now may have been zeros instead. It stays so. */
bool mapped_damaged(const struct mapped *m);

#endif
