/* SPDX-License-Identifier: MIT */
/*
 * The kinds of vnodes, a file each (vn_*.c; vn_image.c has platforms/ as well). A constructor gives
 * a vnode that is not yet in the inode table (vnode_found puts it there), or NULL when memory is out.
 * It copies its arguments, or takes a reference.
 */
#ifndef FS_VN_H
#define FS_VN_H

#include "fs/tree/repo_image.h"
#include "fs/core/vnode.h"
#include "store/tree/tree.h"

/* The root: README, images/, ctl/. `make_ctl` makes ctl/, which is of a room above. */
struct vnode *vn_root_new(struct vnode *(*make_ctl)(void));

/* images/ and what lies below it down to an image: `place` as in fs/tree/catalog.h. */
struct vnode *vn_place_new(const char *place);

/* The same for names without a colon (lookup_plain in vn_place.c): `place` is as above, but the path has
 * + for each colon, and so have the names that are found below it. */
struct vnode *vn_place_new_plain(const char *place, const char *path);

/* sha256/ or sha512/ at the top: images by digest. */
struct vnode *vn_digests_new(const char *algorithm);

/* A symlink. Each target has a number of its own, as the kernel caches targets. */
struct vnode *vn_link_new(const char *path, const char *target, struct timespec mtime);

/* A file of text that is at hand; takes the buffer's content. `stable` false: a snapshot, which each
 * lookup makes anew. */
struct vnode *vn_text_new(const char *path, struct buf *text, struct timespec mtime, bool stable);

/* True for a name that the directory of an image or artifact may hold: such a name is no place, also in
 * images/app/nope/config.json with app unknown. */
bool vn_image_has_name(const char *name);

/* The directory of an image, and what it holds. */
struct vnode *vn_image_new(const char *path, struct repo_image *i);
struct vnode *vn_platforms_new(const char *path, struct repo_image *i);
struct vnode *vn_layers_new(const char *path, struct repo_image *i);
struct vnode *vn_layer_new(const char *path, struct repo_image *i, size_t layer);

/* The name of a layer in layers/: as many digits as the last of `count` layers needs, at least two, so
 * that names sort. Returns name. */
#define VN_LAYER_NAME_MAX 24
const char *vn_layer_name(size_t layer, size_t count, char name[static VN_LAYER_NAME_MAX]);

struct vnode *vn_referrers_new(const char *path, struct repo_image *i);
/* blobs/ of an artifact, which must be ready. */
struct vnode *vn_blobs_new(const char *path, struct repo_image *i);

/* export/ of an image, which must be ready. */
struct vnode *vn_export_new(const char *path, struct repo_image *i);

/* A blob of the store, of `size` bytes, as a file. `layer`: whose blob it is, fetched when it is read;
 * VN_NO_LAYER for a document. */
#define VN_NO_LAYER SIZE_MAX
struct vnode *vn_blob_new(const char *path, struct repo_image *i, const struct digest *digest,
			  uint64_t size, size_t layer);

/* "dir/name" into a buffer; returns it, or NULL where it is too long. */
#define VN_PATH_MAX 8192
const char *vn_join(char path[static VN_PATH_MAX], const char *dir, const char *name);

#endif
