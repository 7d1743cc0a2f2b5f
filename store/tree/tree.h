/* SPDX-License-Identifier: MIT */
/*
 * A merged tree shows the files that a container sees of a chain of layers, or (TREE_DIFF) those of
 * one layer, its whiteouts as the files that they are. It is built once by store/tree/tree_merge.h
 * into derived/trees/HEX, then used by mmap: a million files open in milliseconds and cost no
 * private memory. Read-only and thread safe once open. A node is named by its number: 0 is the root,
 * numbers ascend in the order in which content lies in the layers' archives. Every accessor checks
 * its bounds, so that a damaged file gives errors, never a crash.
 *
 * The file may be cut, written to or become unreadable while it is open (store/base/mapped.h). The
 * results of accessors are right if tree_intact is true afterwards. Else they may be anything, also
 * that a name is not found. Then the tree is to be opened again; after -ENOENT it is to be built.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include "store/base/digest.h"
#include "store/tar/entry.h"
#include "store/disk/store.h"
#include "store/layer/layer_name.h"

#include <stdbool.h>
#include <sys/stat.h>

#define TREE_ROOT 0u
#define TREE_NONE UINT32_MAX

enum tree_kind { TREE_MERGED, TREE_DIFF };

struct tree;

/*
 * Opens the tree of these layers (bottom first). -ENOENT: it was not built, is of another version or
 * damaged; then the caller builds it (tree_merge.h). The file's name is the sha256 over kind and
 * layers, so images that share a chain share the tree.
 */
int tree_open(struct store *s, enum tree_kind kind, const struct layer_name *layers, size_t count,
	      struct tree **out, struct err *err);

/* The same for a file anywhere. */
int tree_open_at(int dirfd, const char *path, enum tree_kind kind, struct tree **out,
		 struct err *err);
void tree_close(struct tree *t);
DEFINE_AUTO(struct tree, tree_close)

/* The digest over kind and layers that names a tree. */
int tree_digest(enum tree_kind kind, const struct layer_name *layers, size_t count,
		struct digest *out, struct err *err);

/* "derived/trees/HEX" for these layers. */
#define TREE_PATH_MAX 160
int tree_path(enum tree_kind kind, const struct layer_name *layers, size_t count,
	      char path[static TREE_PATH_MAX], struct err *err);

/* True if all that was read of it until now is as it was written. Costs an fstat(2). */
bool tree_intact(const struct tree *t);

/* Trees with the same checksum are equal byte by byte, so their nodes have the same numbers. */
uint64_t tree_checksum(const struct tree *t);

uint32_t tree_count(const struct tree *t); /* of nodes */

/* How many entries of the layers are left out, as no kernel can show them (names above 255 bytes and
 * the like: the essay in tree_merge.c has all). */
uint32_t tree_dropped(const struct tree *t);

/* Sets st_mode, st_nlink, st_uid, st_gid, st_rdev, st_size, st_blocks, st_blksize, st_mtim (= ctim =
 * atim); st_ino is the node's number + 1. nlink of a directory is 2 + its subdirectories. -EBADMSG: there
 * is no such node, or the tree is damaged. */
int tree_stat(const struct tree *t, uint32_t node, struct stat *out);

/* The layer (0 = bottom) that brought the node; TREE_NONE: no layer has an entry for it (a missing
 * parent). */
uint32_t tree_layer(const struct tree *t, uint32_t node);

uint32_t tree_lookup(const struct tree *t, uint32_t dir, const char *name,
		     size_t len);			  /* or TREE_NONE */
uint32_t tree_parent(const struct tree *t, uint32_t dir); /* the root's is the root */

/* The entries of a directory by position, in archive order: ascending node numbers, as far as hard links
 * allow it. False: there is no such position. */
struct tree_dirent {
	const char *name; /* NUL-terminated, in the mapping */
	size_t len;
	uint32_t node;
};
uint32_t tree_dir_count(const struct tree *t, uint32_t dir); /* 0 if it is no directory */
bool tree_dir_at(const struct tree *t, uint32_t dir, uint32_t position, struct tree_dirent *out);
/* The same in ascending order of the names' bytes. */
bool tree_dir_sorted_at(const struct tree *t, uint32_t dir, uint32_t position,
			struct tree_dirent *out);

const char *tree_symlink(const struct tree *t, uint32_t node, size_t *len); /* NULL: no symlink */

/* Extended attributes of a node by position: security.capability, user.*, trusted.* as stored. The merger
 * drops *.overlay.*, which would steer an overlay above this mount. False: behind the last. */
bool tree_xattr_at(const struct tree *t, uint32_t node, uint32_t position, struct xattr *out);

/* The attributes of all nodes together, each set of them once. False: behind the last. */
bool tree_any_xattr(const struct tree *t, uint32_t position, struct xattr *out);

/* Finds the bytes [offset, …) of a regular file: a run of at most `len` bytes that is a hole, or is
 * contiguous in its layer's uncompressed archive. length 0: the end of the file. -EBADMSG: it is no
 * regular file, or the tree is damaged. */
struct tree_run {
	uint64_t length;
	bool hole;
	uint64_t archive; /* offset in the uncompressed archive of tree_layer(node) */
};
int tree_map(const struct tree *t, uint32_t node, uint64_t offset, uint64_t len,
	     struct tree_run *out);

#endif
