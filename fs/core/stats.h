/* SPDX-License-Identifier: MIT */
/* Counters of one mount (fs/ctl/verb_stats.c prints them). Counting is a relaxed atomic
 * addition. */
#ifndef FS_STATS_H
#define FS_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum stats_op {
	OP_LOOKUP,
	OP_FORGET,
	OP_GETATTR,
	OP_SETATTR,
	OP_READLINK,
	OP_OPEN,
	OP_READ,
	OP_WRITE,
	OP_FLUSH,
	OP_RELEASE,
	OP_FSYNC,
	OP_OPENDIR,
	OP_READDIR,
	OP_READDIRPLUS,
	OP_RELEASEDIR,
	OP_GETXATTR,
	OP_LISTXATTR,
	OP_STATFS,
	OP_ACCESS,
	OP_CHANGE,
	OP_COUNT
};

struct stats {
	atomic_uint_fast64_t requests[OP_COUNT];
	atomic_uint_fast64_t parked; /* requests that waited for a job */
	atomic_uint_fast64_t interrupted;
	atomic_uint_fast64_t read_bytes;
	atomic_uint_fast64_t stored; /* parts of files stored ahead of their reader */
	atomic_uint_fast64_t stored_bytes;
	atomic_uint_fast64_t ranges; /* of layers that are read before they are here: fetched */
	atomic_uint_fast64_t range_bytes;
	atomic_uint_fast64_t evicted_bytes; /* by cache_max */
};

static inline void stats_add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

const char *stats_op_name(enum stats_op op); /* "lookup" */
uint64_t stats_requests(const struct stats *s); /* of all kinds */

#endif
