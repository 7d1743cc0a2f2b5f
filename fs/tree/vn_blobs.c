/* SPDX-License-Identifier: MIT */
/* blobs/ of an artifact: each of its blobs as a file, fetched when it is read. */
#include "fs/tree/vn.h"

#include "store/images/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

struct vn_blobs {
	struct vnode v;
	struct repo_image *image;    /* a reference, ready */
	struct artifact_names names; /* owned */
};

static int blobs_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	(void)rq;
	(void)err;
	st->st_mtim = repo_image_created(((struct vn_blobs *)v)->image);
	return 0;
}

static int blobs_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
			struct err *err)
{
	const struct vn_blobs *v = (const struct vn_blobs *)dir;
	const struct manifest *m = repo_image_image(v->image)->manifest;
	char path[VN_PATH_MAX];

	out->lasting = LASTS;
	for (size_t k = 0; k < v->names.count; k++) {
		const struct descriptor *d = &m->layers[k];

		if (strcmp(v->names.at[k], name) != 0)
			continue;
		if (!vn_join(path, dir->inode.path, name))
			return -ENAMETOOLONG;
		return vnode_find(rq, path, out)
			   ? 0
			   : vnode_found(rq, vn_blob_new(path, v->image, &d->digest, d->size, k),
					 out, err);
	}
	return -ENOENT;
}

static int blobs_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	const struct vn_blobs *v = (const struct vn_blobs *)dir;

	(void)rq;
	(void)err;
	for (size_t k = 0; k < v->names.count; k++)
		listing_add(out, v->names.at[k], DT_REG);
	return 0;
}

static void blobs_free(struct vnode *dir)
{
	struct vn_blobs *v = (struct vn_blobs *)dir;

	artifact_names_clear(&v->names);
	repo_image_put(v->image);
}

static const struct vnode_ops blobs_ops = {
    .mode = S_IFDIR | 0755,
    .stat = blobs_stat,
    .lookup = blobs_lookup,
    .list = blobs_list,
    .free = blobs_free,
};

struct vnode *vn_blobs_new(const char *path, struct repo_image *i)
{
	struct vn_blobs *v = vnode_new(&blobs_ops, sizeof(*v), path);

	if (!v)
		return NULL;
	v->v.lasting = LASTS;
	v->image = repo_image_get(i);
	if (artifact_names(repo_image_image(i)->manifest, &v->names, NULL) < 0) {
		vnode_free(&v->v);
		return NULL;
	}
	return &v->v;
}
