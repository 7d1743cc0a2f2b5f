/* SPDX-License-Identifier: MIT */
/*
 * The file of a merged tree, derived/trees/HEX, for store/tree/ alone. Numbers are in the machine's
 * own byte order; a file of the other one is refused, and built again. Behind the header follow,
 * without gaps:
 *
 *	struct tree_node    nodes[]    by number: 0 the root, then as the layers' archives have them
 *	struct tree_sparse  sparse[]   maps of sparse files, by node
 *	struct tree_extent  extents[]
 *	struct tree_name    dirents[]  one directory after the other, each by number of the node
 *	uint32_t            by_name[]  for each directory: positions in it, by the bytes of the names
 *	struct tree_attrs   attrs[]
 *	struct tree_set     sets[]     of extended attributes
 *	struct tree_xattr   xattrs[]
 *	char                strings[]  each: its length in a byte (0: above 255), its bytes, a NUL
 *
 * A node takes 32 bytes. Values that nodes have in common (mode, owner, layer, extended attributes)
 * are kept once. So a file costs about 60 bytes with its name. Offsets into strings[] lead to the
 * bytes of a string; the length of a name stands right before it.
 */
#ifndef STORE_TREE_FORMAT_H
#define STORE_TREE_FORMAT_H

#include "store/tree/tree.h"

#define TREE_MAGIC	"imagetre"
#define TREE_VERSION	2
#define TREE_BYTE_ORDER 0x01020304
#define TREE_NO_SET	UINT32_MAX

struct tree_header {
	char magic[8];
	uint64_t checksum; /* XXH3 of all that follows */
	uint32_t version;
	uint32_t byte_order;
	uint64_t file_size;
	uint64_t string_bytes;
	uint32_t kind;
	uint32_t dropped; /* entries of the layers that no kernel could show */
	uint32_t nodes;	  /* counts of the sections; by_name has as many as dirents */
	uint32_t sparse;
	uint32_t extents;
	uint32_t dirents;
	uint32_t attrs;
	uint32_t sets;
	uint32_t xattrs;
	uint32_t unused; /* 0 */
};

#define TREE_NLINK_SPARSE (1u << 31)

struct tree_node {
	uint64_t time;	/* tree_time_pack */
	uint32_t attrs; /* in attrs[] */
	uint32_t nlink; /* with TREE_NLINK_SPARSE set for a file with a map */
	union {
		struct {
			uint64_t data; /* offset in the archive of its layer */
			uint64_t size;
		} file;
		struct {
			uint32_t first, count; /* in dirents[] */
			uint32_t parent;
			uint32_t unused;
		} dir;
		struct {
			uint32_t target, len; /* in strings[] */
			uint64_t unused;
		} link;
		struct {
			uint32_t major, minor;
			uint64_t unused;
		} device;
	};
};

struct tree_sparse {
	uint64_t stored;
	uint32_t node;
	uint32_t first, count; /* in extents[] */
	uint32_t unused;
};

struct tree_extent {
	uint64_t offset; /* in the file */
	uint64_t before; /* bytes of the file stored before it; the next one's tells its length */
};

struct tree_name {
	uint32_t name; /* in strings[] */
	uint32_t node;
};

struct tree_attrs {
	uint32_t mode, uid, gid;
	uint32_t layer; /* TREE_NONE: none */
	uint32_t set;	/* TREE_NO_SET: no extended attributes */
};

struct tree_set {
	uint32_t first, count; /* in xattrs[] */
};

struct tree_xattr {
	uint32_t name;	      /* in strings[] */
	uint32_t value, size; /* in strings[] */
};

/* The file is mapped as it lies on the disk. */
_Static_assert(sizeof(struct tree_header) == 80 && offsetof(struct tree_header, checksum) == 8 &&
		   offsetof(struct tree_header, version) == 16 &&
		   offsetof(struct tree_header, file_size) == 24 &&
		   offsetof(struct tree_header, nodes) == 48 &&
		   offsetof(struct tree_header, xattrs) == 72,
	       "tree_header");
_Static_assert(sizeof(struct tree_node) == 32 && offsetof(struct tree_node, file) == 16 &&
		   offsetof(struct tree_node, file.size) == 24 &&
		   offsetof(struct tree_node, dir.parent) == 24 &&
		   offsetof(struct tree_node, link.len) == 20 &&
		   offsetof(struct tree_node, device.minor) == 20,
	       "tree_node");
_Static_assert(sizeof(struct tree_sparse) == 24 && offsetof(struct tree_sparse, node) == 8 &&
		   offsetof(struct tree_sparse, count) == 16,
	       "tree_sparse");
_Static_assert(sizeof(struct tree_extent) == 16 && offsetof(struct tree_extent, before) == 8,
	       "tree_extent");
_Static_assert(sizeof(struct tree_name) == 8 && offsetof(struct tree_name, node) == 4, "tree_name");
_Static_assert(sizeof(struct tree_attrs) == 20 && offsetof(struct tree_attrs, layer) == 12 &&
		   offsetof(struct tree_attrs, set) == 16,
	       "tree_attrs");
_Static_assert(sizeof(struct tree_set) == 8 && offsetof(struct tree_set, count) == 4, "tree_set");
_Static_assert(sizeof(struct tree_xattr) == 12 && offsetof(struct tree_xattr, size) == 8,
	       "tree_xattr");

/*
 * A time in 64 bits: 34 of seconds from TREE_TIME_MIN, 30 of nanoseconds. That is the range of
 * ext4, 1901 to 2446. A time outside becomes the nearest one inside.
 */
#define TREE_TIME_MIN (-(INT64_C(1) << 31))
#define TREE_TIME_MAX (TREE_TIME_MIN + (INT64_C(1) << 34) - 1)

static inline uint64_t tree_time_pack(int64_t seconds, uint32_t ns)
{
	if (seconds < TREE_TIME_MIN)
		return 0;
	if (seconds > TREE_TIME_MAX) {
		seconds = TREE_TIME_MAX;
		ns = 0;
	}
	return (uint64_t)(seconds - TREE_TIME_MIN) << 30 | ns;
}

static inline struct timespec tree_time_unpack(uint64_t time)
{
	return (struct timespec){(int64_t)(time >> 30) + TREE_TIME_MIN, time & ((1u << 30) - 1)};
}

/* The size of a file with the counts of this header. Counts of 32 bits cannot overflow it; string_bytes
 * can, so the caller checks that first. */
static inline uint64_t tree_file_size(const struct tree_header *h)
{
	return sizeof(*h) + (uint64_t)h->nodes * sizeof(struct tree_node) +
	       (uint64_t)h->sparse * sizeof(struct tree_sparse) +
	       (uint64_t)h->extents * sizeof(struct tree_extent) +
	       (uint64_t)h->dirents * (sizeof(struct tree_name) + sizeof(uint32_t)) +
	       (uint64_t)h->attrs * sizeof(struct tree_attrs) +
	       (uint64_t)h->sets * sizeof(struct tree_set) +
	       (uint64_t)h->xattrs * sizeof(struct tree_xattr) + h->string_bytes;
}

#endif
