/* SPDX-License-Identifier: MIT */
#include "fs/core/stats.h"

#include <assert.h>

static const char *const op_names[OP_COUNT] = {
    [OP_LOOKUP] = "lookup",
    [OP_FORGET] = "forget",
    [OP_GETATTR] = "getattr",
    [OP_SETATTR] = "setattr",
    [OP_READLINK] = "readlink",
    [OP_OPEN] = "open",
    [OP_READ] = "read",
    [OP_WRITE] = "write",
    [OP_FLUSH] = "flush",
    [OP_RELEASE] = "release",
    [OP_FSYNC] = "fsync",
    [OP_OPENDIR] = "opendir",
    [OP_READDIR] = "readdir",
    [OP_READDIRPLUS] = "readdirplus",
    [OP_RELEASEDIR] = "releasedir",
    [OP_GETXATTR] = "getxattr",
    [OP_LISTXATTR] = "listxattr",
    [OP_STATFS] = "statfs",
    [OP_ACCESS] = "access",
    [OP_CHANGE] = "change",
};

const char *stats_op_name(enum stats_op op)
{
	assert(op < OP_COUNT && op_names[op]);
	return op_names[op];
}

uint64_t stats_requests(const struct stats *s)
{
	uint64_t all = 0;

	for (int op = 0; op < OP_COUNT; op++)
		all += atomic_load_explicit(&s->requests[op], memory_order_relaxed);
	return all;
}
