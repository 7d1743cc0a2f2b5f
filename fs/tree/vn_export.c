/* SPDX-License-Identifier: MIT */
/*
 * export/ of an image: image.tar, as `docker save` writes it, and rootfs.tar, as `docker export`
 * does. Neither exists: what is read is put together from the blobs, and from the merged tree.
 *
 * The size of rootfs.tar is known once the layers are there. A stat(2) fetches none, and shows 0
 * until then. But before the kernel reads, it asks for the size, and says so (struct request,
 * `reads`): this GETATTR fetches the layers, so that no reader is given an empty file.
 */
#include "fs/tree/vn.h"

#include "fs/tree/catalog.h"
#include "fs/core/fs.h"
#include "fs/tree/view.h"
#include "fs/tree/vn_save.h"
#include "store/tree/rootfs_tar.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

struct vn_export {
	struct vnode v;
	struct repo_image *image; /* a reference */
	pthread_mutex_t lock;
	struct view *view;	   /* of rootfs.tar: a lookup of it is counted */
	struct rootfs_tar *rootfs; /* of rootfs.tar, under lock until it is set: owned */
};

static void export_free(struct vnode *v)
{
	struct vn_export *x = (struct vn_export *)v;

	rootfs_tar_close(x->rootfs);
	if (x->view)
		inodes_forget(x->view->fs->inodes, view_ino(x->view, TREE_ROOT), 1);
	pthread_mutex_destroy(&x->lock);
	repo_image_put(x->image);
}

/* Of a new vnode, or NULL. */
static struct vn_export *export_of(struct vn_export *x, struct repo_image *i)
{
	if (!x)
		return NULL;
	x->image = repo_image_get(i);
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

/* ---- image.tar: vn_save.c ---- */

static void free_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

/* The tags of the repository that name the image. Owned by the caller. */
static int list_tags(struct request *rq, const struct ref *image, char ***out, size_t *count,
		     struct err *err)
{
	AUTO(catalog_put) struct catalog *c = NULL;
	autofree char *repository = ref_familiar_repository(image);
	const struct catalog_entry *e;
	size_t entries;
	int r = repository ? catalog_get(rq->fs->catalogs, rq->fs->store, &c, err) : err_nomem(err);

	*count = 0;
	if (r)
		return r;
	e = catalog_repository(c, repository, &entries);
	*out = calloc(entries + 1, sizeof(**out));
	for (size_t i = 0; *out && i < entries; i++)
		if (*e[i].tag && digest_equal(&e[i].name->descriptor.digest, &image->digest))
			(*out)[(*count)++] = strdup(e[i].name->reference);
	for (size_t i = 0; *out && i < *count; i++)
		if (!(*out)[i])
			r = err_nomem(err);
	return *out ? r : err_nomem(err);
}

/* Made anew by each lookup, as tags move. */
static int found_save(struct request *rq, const char *path, struct repo_image *i, struct found *out,
		      struct err *err)
{
	struct descriptor named = repo_image_image(i)->descriptor;
	struct vn_save_image saved = {.image = i, .named = &named, .named_count = 1};
	struct vnode *v = NULL;
	int r = list_tags(rq, repo_image_ref(i), &saved.references, &saved.count, err);

	if (!r)
		r = vn_save_new(path, &saved, 1, &v, err);
	free_list(saved.references, saved.count);
	return r ? r : vnode_found(rq, v, out, err);
}

/* ---- rootfs.tar ---- */

/* The plan, once the view is open. The lock also keeps one that has seen an older tree from coming
 * after one that has seen a newer. What was made of a tree that is damaged is not kept. */
static int vn_export_make_plan(struct vn_export *x, struct err *err)
{
	AUTO(rootfs_tar_close) struct rootfs_tar *plan = NULL;
	const struct tree *tree;
	int r = 0;

	pthread_mutex_lock(&x->lock);
	tree = view_tree(x->view);
	if (x->rootfs)
		rootfs_tar_use(x->rootfs, tree);
	else
		r = rootfs_tar_open(tree, &plan, err);
	if (!r && plan && tree_intact(tree))
		x->rootfs = steal(&plan);
	if (!r && !x->rootfs)
		r = err_set(err, EIO, "the tree was damaged while it was read");
	pthread_mutex_unlock(&x->lock);
	return r;
}

static int rootfs_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	struct vn_export *x = (struct vn_export *)v;
	int r = 0, check;

	st->st_mtim = repo_image_created(x->image);
	if (rq->lookup)
		return 0;
	r = rq->reads ? view_ready(rq, x->view, err) : view_settle(rq, x->view);
	if (r || !view_is_open(x->view))
		return r;
	r = vn_export_make_plan(x, err);
	if (!r)
		st->st_size = (off_t)rootfs_tar_size(x->rootfs);
	check = view_check(rq, x->view, err);
	return check ? check : r;
}

static int read_content(struct request *rq, struct vn_export *x, const struct rootfs_tar_part *p,
			size_t len, struct buf *out, struct err *err)
{
	char *room = buf_reserve(out, len);
	ssize_t n = room ? view_read(x->view, p->node, p->from, room, len, err) : err_nomem(err);

	if (n == -ENODATA)
		return view_fetch(rq, x->view, p->node, p->from, len, err);
	if (n < 0)
		return (int)n;
	out->len += (size_t)n;
	return (size_t)n < len ? err_set(err, EIO, "a file is shorter than it says") : 0;
}

static int read_parts(struct request *rq, struct vn_export *x, uint64_t offset, size_t end,
		      struct buf *out, struct err *err)
{
	while (out->len < end) {
		size_t before = out->len, room = end - before;
		struct rootfs_tar_part p;
		int r = rootfs_tar_at(x->rootfs, offset, &p, out, err);

		if (!r && p.content)
			r = read_content(rq, x, &p, p.length < room ? p.length : room, out, err);
		if (r || !p.length)
			return r;
		if (out->len > end)
			out->len = end;
		offset += out->len - before;
	}
	return 0;
}

static int rootfs_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		       struct buf *out, struct err *err)
{
	struct vn_export *x = (struct vn_export *)v;
	int r = view_ready(rq, x->view, err), check;

	if (r)
		return r;
	r = vn_export_make_plan(x, err);
	if (!r)
		r = read_parts(rq, x, offset, out->len + len, out, err);
	check = view_check(rq, x->view, err);
	return check ? check : r;
}

static const struct vnode_ops rootfs_ops = {
    .mode = S_IFREG | 0444,
    .stat = rootfs_stat,
    .read = rootfs_read,
    .free = export_free,
};

static int found_rootfs(struct request *rq, const char *path, const char *image_path,
			struct repo_image *i, struct found *out, struct err *err)
{
	struct found view = {0};
	char rootfs[VN_PATH_MAX];
	struct vn_export *x;
	int r;

	if (vnode_find(rq, path, out))
		return 0;
	if (!vn_join(rootfs, image_path, "rootfs"))
		return -ENAMETOOLONG;
	x = export_of(vnode_new(&rootfs_ops, sizeof(*x), path), i);
	r = x ? view_find(rq, rootfs, i, TREE_MERGED, 0, repo_image_image(i)->manifest->layer_count,
			  &view, err)
	      : err_nomem(err);
	if (r) {
		vnode_free(x ? &x->v : NULL);
		return r;
	}
	x->view = view.view;
	return vnode_found(rq, &x->v, out, err);
}

/* ---- the directory ---- */

static int dir_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	(void)rq;
	(void)err;
	st->st_mtim = repo_image_created(((struct vn_export *)v)->image);
	return 0;
}

static int dir_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
		      struct err *err)
{
	struct vn_export *x = (struct vn_export *)dir;
	autofree char *image_path = strdup(dir->inode.path);
	char path[VN_PATH_MAX];

	if (!image_path)
		return err_nomem(err);
	*strrchr(image_path, '/') = '\0';
	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	if (!strcmp(name, "image.tar"))
		return found_save(rq, path, x->image, out, err);
	if (strcmp(name, "rootfs.tar") != 0)
		return -ENOENT;
	return found_rootfs(rq, path, image_path, x->image, out, err);
}

static int dir_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	(void)rq;
	(void)dir;
	(void)err;
	listing_add(out, "image.tar", DT_REG);
	listing_add(out, "rootfs.tar", DT_REG);
	return 0;
}

static const struct vnode_ops dir_ops = {
    .mode = S_IFDIR | 0755,
    .stat = dir_stat,
    .lookup = dir_lookup,
    .list = dir_list,
    .free = export_free,
};

struct vnode *vn_export_new(const char *path, struct repo_image *i)
{
	struct vn_export *x = export_of(vnode_new(&dir_ops, sizeof(*x), path), i);

	if (!x)
		return NULL;
	x->v.lasting = LASTS;
	return &x->v;
}
