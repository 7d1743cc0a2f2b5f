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

/* Seconds that the kernel may keep: */
#define FS_FOREVER    1e9 /* what goes by digest */
#define FS_NAMES_LAST 0.1 /* what index.json brings */
#define FS_HERE_LASTS 1.0 /* how much of a file is here (st_blocks), while that may grow */

#define FS_LOOKUP_LIMIT                                                                            \
	15000 /* ms that a lookup may wait for a registry: its directory is locked meanwhile */

struct fs {
	struct store *store;
	struct registry *registry;
	struct span_cache *spans;
	struct jobs *jobs;
	struct events *events;
	struct inodes *inodes;
	struct catalogs *catalogs;	 /* the store's names as places */
	struct fresh *fresh;		 /* takes changed names back from the kernel */
	struct outcomes *outcomes;	 /* of recent requests */
	struct layers *layers;		 /* the open layers, shared */
	struct fetch_plan *fetch_plan;	 /* which bytes of layers that are not here come next */
	struct cache_limit *cache_limit; /* for images that nobody pulled; NULL: no limit */
	struct xattr_names *xattr_names;
	struct dir_locks *dir_locks; /* directories that the kernel has locked */
	struct referrers *referrers;
	struct ahead *ahead;
	struct decoder *decoder;
	struct stats stats;
	struct platform platform;
	const struct kernel *kernel; /* the session's; NULL while there is none */
	/* Makes the kernel forget the blobs and views that nobody holds, so that they are closed. Blocks,
	 * as kernel->forget_name does. */
	void (*forget_open)(struct fs *fs);
	char *mountpoint;	/* owned; canonical */
	char *mountpoint_given; /* owned; absolute, as the user calls it */
	uint64_t image_root; /* our inode number of a root that is an image (image_root.h), or 0 */
	bool lookup_remote;
	bool offline;
	enum fetch_mode fetch;
	bool xattr;
	uid_t owner;
	gid_t group;
	struct timespec started;
	atomic_bool ending; /* no thread waits for the kernel to forget something any more */
	atomic_size_t strays, strays_new; /* all strays; those since they were last forgotten */
	atomic_size_t lent; /* bytes of answers that other users than the owner hold open */
	atomic_int_fast64_t no_room; /* ms: when a round of room.c last closed too little */
};

#endif
