/* SPDX-License-Identifier: MIT */
/*
 * A tree in memory while it is built: nodes, names of nodes in directories, and their attributes,
 * each value kept once. Layers and rules are left to store/tree/tree_merge.c, the file to
 * store/tree/tree_write.c. Compact, as an image may have millions of files: about 100 bytes an
 * entry. Everything is named by its index; pointers into the arrays hold until the next addition.
 * Not thread safe.
 */
#ifndef STORE_TREE_BUILD_H
#define STORE_TREE_BUILD_H

#include "store/tar/entry.h"
#include "store/base/intern.h"
#include "store/tree/tree_format.h"

#define BUILD_NONE UINT32_MAX

enum {
	BUILD_IMPLICIT = 1, /* a directory that its layer has no entry for */
	BUILD_OPAQUE = 2,   /* a directory that hides what lower layers have in it */
	BUILD_PENDING = 4,  /* stands for a hard link whose target was not there yet */
	BUILD_VISITED = 8,  /* a BUILD_PENDING node that is being resolved */
};

struct build_node {
	uint64_t time;	/* tree_time_pack */
	uint32_t attrs; /* number in `attrs` */
	uint16_t flags;
	uint16_t depth;	 /* of a directory: components of its path */
	uint32_t number; /* in the file */
	uint32_t nlink;
	union {
		struct {
			uint64_t data, size;
			uint32_t sparse; /* index + 1 in `sparse`; 0: not sparse */
		} file;
		struct {
			uint32_t first, last; /* indexes of its names */
			uint32_t parent;
			uint32_t live; /* names that lead to a node; counted for the file */
		} dir;
		struct {
			uint32_t target; /* number in `strings`; of a hard link that waits, too */
			uint32_t name;	 /* of a hard link that waits: index of its name */
		} link;
		struct {
			uint32_t major, minor;
		} device;
	};
};

struct build_name {
	uint32_t dir;
	uint32_t string : 31;
	uint32_t whiteout : 1; /* hides what lower layers have under this name */
	uint32_t node;	       /* BUILD_NONE: the name leads nowhere */
	uint32_t next;	       /* in the same directory */
};

struct build_sparse {
	uint64_t stored;
	uint32_t first, count; /* in `extents` */
};

struct tree_build {
	struct build_node *nodes;
	uint32_t node_count, node_cap;
	struct build_name *names;
	uint32_t name_count, name_cap;
	struct build_sparse *sparse;
	uint32_t sparse_count, sparse_cap;
	struct extent *extents;
	uint32_t extent_count, extent_cap;
	struct intern strings; /* names, symlink targets, xattr names and values */
	struct intern attrs;   /* struct tree_attrs, whose xattrs are a number in `sets` */
	struct intern sets;    /* struct build_xattr[] */
	uint32_t *slots;       /* by directory and name: name + 1; 0: free */
	uint32_t slot_count, slot_used;
	uint64_t seed;
};

struct build_xattr {
	uint32_t name, value; /* numbers in `strings` */
};

int tree_build_init(struct tree_build *b, struct err *err);
void tree_build_free(struct tree_build *b); /* also one that is all zeros */

/* Adds a node with these attributes; sets *out to its index. */
int tree_build_node(struct tree_build *b, const struct tree_attrs *attrs, uint64_t time,
		    uint32_t *out, struct err *err);

/* Adds an empty directory below `parent` (its own index: a root). */
int tree_build_dir(struct tree_build *b, const struct tree_attrs *attrs, uint64_t time,
		   uint32_t parent, uint32_t *out, struct err *err);

/* The same for a directory that no layer has an entry for. */
int tree_build_implicit(struct tree_build *b, uint32_t parent, uint32_t *out, struct err *err);

/* Adds the map of a sparse file; sets *out to its index + 1. */
int tree_build_sparse(struct tree_build *b, const struct entry *e, uint32_t *out, struct err *err);

void tree_build_attrs(const struct tree_build *b, uint32_t node, struct tree_attrs *out);
int tree_build_set_attrs(struct tree_build *b, uint32_t node, const struct tree_attrs *attrs,
			 struct err *err);
uint32_t tree_build_type(const struct tree_build *b,
			 uint32_t node); /* S_IFMT bits; 0 of BUILD_NONE */

/* The index of a name in a directory, or BUILD_NONE. */
uint32_t tree_build_find(const struct tree_build *b, uint32_t dir, uint32_t string);

/* Sets *out to the index of a name; adds the name if it is new: it leads nowhere then. */
int tree_build_name(struct tree_build *b, uint32_t dir, uint32_t string, uint32_t *out,
		    struct err *err);

/* Moves a name into `dir`, which has no such name. Its old directory must not be used any more. */
int tree_build_move(struct tree_build *b, uint32_t name, uint32_t dir, struct err *err);

#endif
