/* SPDX-License-Identifier: MIT */
/*
 * What one mount consists of: the parts that its operations use, in one struct that is
 * passed along. Set up by fs/main.c before the first request and taken down after
 * the last. In between, only `stats`, `kernel` and the atomics at the end change.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "fs/core/kernel.h"
#include "fs/core/options.h"
#include "fs/core/stats.h"
#include "registry/api/registry.h"
#include "store/layer/layer.h"
#include "store/oci/platform.h"
#include "store/disk/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define FS_FOREVER    1e9 /* seconds: what goes by digest */
#define FS_NAMES_LAST 0.1 /* seconds: what index.json brings */
#define FS_HERE_LASTS 1.0 /* seconds: how much of a file is here, while it may become more */

#define FS_LOOKUP_LIMIT                                                                            \
	15000 /* ms that a lookup may wait for a registry: its directory is locked meanwhile */

struct fs {
	struct store *store;
	struct registry *registry;
	struct span_cache *spans;
	struct jobs *jobs;
	struct events *events;
	struct inodes *inodes;
	struct catalogs *catalogs;	 /* names as places */
	struct fresh *fresh;		 /* the kernel's names of them */
	struct outcomes *outcomes;	 /* of recent requests */
	struct layers *layers;		 /* open ones, shared */
	struct fetch_plan *fetch_plan;	 /* what is fetched of those that are read by a table */
	struct cache_limit *cache_limit; /* of what nobody pulled; NULL: there is none */
	struct xattr_names *xattr_names;
	struct dir_locks *dir_locks; /* in the kernel */
	struct referrers *referrers;
	struct ahead *ahead;
	struct decoder *decoder;
	struct stats stats;
	struct platform platform;
	const struct kernel *kernel; /* while there is a session, or NULL; its own */
	/* Makes the kernel forget all views that nobody holds, so that they are closed. Blocks, as
	 * kernel->forget_name: not for a job that somebody may wait for who looks up something. */
	void (*forget_views)(struct fs *fs);
	char *mountpoint;	/* owned; canonical */
	char *mountpoint_given; /* owned; absolute, as the user calls it */
	uint64_t
	    image_root; /* our number of the root, where that is an image (image_root.h), or 0 */
	bool lookup_remote;
	bool offline;
	enum fetch_mode fetch;
	bool xattr;
	uid_t owner;
	gid_t group;
	struct timespec started;
	atomic_bool ending; /* nothing waits for the kernel to forget something any more */
	atomic_size_t strays, strays_new; /* places that lead nowhere; since they were forgotten */
	atomic_size_t lent; /* bytes of answers that other users than the owner hold open */
	atomic_int_fast64_t no_room; /* when a round of room.c was last of no use, in ms */
};

#endif
