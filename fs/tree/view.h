/* SPDX-License-Identifier: MIT */
/*
 * A view: a merged tree as it is mounted, with its layers open. It exists from the
 * first lookup of its name on, and gets its content when something below it is
 * touched: view_ready opens what lies in the store, or has it fetched and merged.
 * Owned by the inode table, whose slot is the upper half of its inode numbers.
 * Thread safe. Content stays until the view goes, unless what is derived from the blobs proves
 * damaged (store/base/mapped.h). Then view_ready and view_settle put an equal content in its place,
 * made again where it must be. The old content stays as long as the view, for threads that still read
 * it; what they read goes nowhere. After view_tree, view_stat and view_layer a caller asks view_check
 * before it answers with anything of that; the other functions have asked when they return.
 */
#ifndef FS_VIEW_H
#define FS_VIEW_H

#include "fs/tree/repo_image.h"
#include "fs/core/vnode.h"
#include "store/layer/layer.h"
#include "store/tree/tree.h"

#include <sys/stat.h>
#include <sys/uio.h>

struct view_content;

struct view {
	struct inode inode; /* its number is the slot */
	struct fs *fs;
	struct repo_image *image; /* a reference; ready */
	enum tree_kind kind;
	size_t first, count; /* its layers: [first, first + count) of the manifest */
	_Atomic(struct view_content *) content;
};

/* The view of an inode number, and the node in its tree; NULL: the number is of no view. */
static inline struct view *view_get(struct inodes *t, uint64_t ino, uint32_t *node)
{
	*node = (uint32_t)ino;
	return (struct view *)inodes_get(t, INODE_VIEW, ino);
}

/* The shared view of that path, made where there is none, with one more lookup counted. The image
 * must be ready. -ENOMEM. */
int view_find(struct request *rq, const char *path, struct repo_image *image, enum tree_kind kind,
	      size_t first, size_t count, struct found *out, struct err *err);

/* 0 when the tree and its layers are open; else FS_WAIT, or an error. */
int view_ready(struct request *rq, struct view *w, struct err *err);

/* After view_ready or view_settle, and after the tree was read: 0 where all that was read is right. Else
 * it is of no use: FS_WAIT, as the call runs again, or an error. */
int view_check(struct request *rq, struct view *w, struct err *err);

/* True where the content is in memory: what is known of the view will not change any more. */
bool view_is_open(const struct view *w);

/* Opens the view for its attributes, as view_ready does, where that takes no network: 0 or FS_WAIT. 0
 * also where it cannot be opened, or its layers are not in the store: view_stat has a stand-in then. */
int view_settle(struct request *rq, struct view *w);

/* Call it after view_ready, and so all functions below but view_stat and view_ino. */
const struct tree *view_tree(const struct view *w);

/* The attributes, st_ino included. Before the view is open only the root may be asked for, and gets a
 * stand-in. st_blocks is what is here of a file; *lasts: the attributes will not change any more. */
int view_stat(const struct view *w, uint32_t node, struct stat *out, bool *lasts);

/* Up to len bytes of a regular file from offset: the count (0 at the end), or -errno. -ENODATA: some
 * are not here (view_fetch). -EIO or -EBADMSG, too, where something derived was damaged, which
 * view_ready mends. */
ssize_t view_read(const struct view *w, uint32_t node, uint64_t offset, void *data, size_t len,
		  struct err *err);

/* The same without a copy where possible: 0, or -errno. The pieces lie in decoded spans and hold until
 * view_put_data; a count of 0 is the end of the file. A struct view_data is for one thread. */
#define VIEW_PIECES 8
struct view_data {
	struct layer *layer; /* borrowed */
	size_t count, len;
	struct iovec iov[VIEW_PIECES];
	struct layer_bytes held[VIEW_PIECES];
};
int view_get_data(const struct view *w, uint32_t node, uint64_t offset, size_t len,
		  struct view_data *out, struct err *err);
void view_put_data(struct view_data *d);

/* Fetches what is missing of these bytes, after reading them gave -ENODATA: FS_WAIT or -errno. */
int view_fetch(struct request *rq, const struct view *w, uint32_t node, uint64_t offset, size_t len,
	       struct err *err);

/* Decodes what lies at an offset of a layer's archive. `layer` is its number in the tree. */
void view_prepare(const struct view *w, uint32_t layer, uint64_t archive);

/* True where two regular files of one size are the same entry of the same layer, so that they hold the
 * same; nothing is read. False: not known. After view_ready of both. */
bool view_same_entry(const struct view *a, uint32_t a_node, const struct view *b, uint32_t b_node);

/* Compares two files of `size` bytes by digests (layer_compare). Ask view_check_digests of both views
 * afterwards: 0, or -EIO where digests are damaged, which view_ready mends. */
enum layer_sameness view_compare(const struct view *a, uint32_t a_node, const struct view *b,
				 uint32_t b_node, uint64_t size);
int view_check_digests(const struct view *w, struct err *err);

/* The layer that brought a node: its index in the manifest, or -1 where none did. */
ssize_t view_layer(const struct view *w, uint32_t node);

static inline uint64_t view_ino(const struct view *w, uint32_t node)
{
	return (uint64_t)w->inode.number << 32 | node;
}

#endif
