/* SPDX-License-Identifier: MIT */
/*
 * A file that is mapped for reading. It may fail while it is read: another program cuts it, or its
 * disk cannot give a page. Then the kernel sends SIGBUS, which would end the process with all its
 * mounts. Instead all of the mapping becomes zeros, for every thread that reads it. It is marked as
 * damaged before the first zero can be seen. So a thread that reads a mapping
 *
 *	- must find its way through zeros in any place, at any moment, without a fault of its own;
 *	- asks mapped_damaged after reading, and before it gives to anybody what it read;
 *	- hands no pointer into it to a system call, which fails with EFAULT instead;
 *	- must not block SIGBUS: the kernel would kill the process.
 *
 * Two changes give no signal: a file that is cut inside a page shows zeros behind its end, and a
 * file that is written to shows other bytes. To find these, readers look at the file itself or
 * verify its contents. Opening sets the process's handler of SIGBUS; faults outside of mappings go
 * to the handler that was set before. Thread safe.
 */
#ifndef STORE_MAPPED_H
#define STORE_MAPPED_H

#include "store/base/err.h"
#include "store/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct mapped;

/* Maps the first `size` (> 0) bytes of a file. The caller may close fd afterwards. */
int mapped_open(int fd, size_t size, struct mapped **out, struct err *err);
void mapped_close(struct mapped *m); /* nobody may read it any more; NULL is allowed */
DEFINE_AUTO(struct mapped, mapped_close)

const void *mapped_data(const struct mapped *m);

/* True if anything that was read of it until now may have been zeros instead. It stays true. */
bool mapped_damaged(const struct mapped *m);

#endif
