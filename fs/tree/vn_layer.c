/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

#include "fs/core/fs.h"
#include "fs/tree/view.h"
#include "registry/wire/text.h"
#include "store/layer/layer_index.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* layers/, or one layer in it. */
struct vn_layer {
	struct vnode v;
	struct repo_image *image; /* a reference, ready */
	size_t layer;
};

static int layer_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	(void)rq;
	(void)err;
	st->st_mtim = repo_image_created(((struct vn_layer *)v)->image);
	return 0;
}

static void layer_free(struct vnode *v)
{
	repo_image_put(((struct vn_layer *)v)->image);
}

static struct vnode *layer_vnode(const struct vnode_ops *ops, const char *path,
				 struct repo_image *i, size_t layer)
{
	struct vn_layer *v = vnode_new(ops, sizeof(*v), path);

	if (!v)
		return NULL;
	v->v.lasting = LASTS;
	v->image = repo_image_get(i);
	v->layer = layer;
	return &v->v;
}

const char *vn_layer_name(size_t layer, size_t count, char name[static VN_LAYER_NAME_MAX])
{
	snprintf(name, VN_LAYER_NAME_MAX, "%0*zu", count > 100 ? count > 1000 ? 4 : 3 : 2, layer);
	return name;
}

static int layers_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
			 struct err *err)
{
	struct repo_image *i = ((struct vn_layer *)dir)->image;
	size_t count = repo_image_image(i)->manifest->layer_count;
	char path[VN_PATH_MAX], text[VN_LAYER_NAME_MAX];

	out->lasting = LASTS;
	for (size_t k = 0; k < count; k++) {
		if (strcmp(vn_layer_name(k, count, text), name) != 0)
			continue;
		if (!vn_join(path, dir->inode.path, name))
			return -ENAMETOOLONG;
		return vnode_found(rq, vn_layer_new(path, i, k), out, err);
	}
	return -ENOENT;
}

static int layers_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	size_t count = repo_image_image(((struct vn_layer *)dir)->image)->manifest->layer_count;
	char name[VN_LAYER_NAME_MAX];

	(void)rq;
	(void)err;
	for (size_t k = 0; k < count; k++)
		listing_add(out, vn_layer_name(k, count, name), DT_DIR);
	return 0;
}

static const struct vnode_ops layers_ops = {
    .mode = S_IFDIR | 0755,
    .stat = layer_stat,
    .lookup = layers_lookup,
    .list = layers_list,
    .free = layer_free,
};

struct vnode *vn_layers_new(const char *path, struct repo_image *i)
{
	return layer_vnode(&layers_ops, path, i, 0);
}

static int found_line(struct request *rq, const char *path, struct repo_image *i, const char *line,
		      struct found *out, struct err *err)
{
	autobuf text = BUF_INIT;

	buf_puts(&text, line);
	text_make_harmless(&text, 0); /* config.json has its bytes */
	buf_putc(&text, '\n');
	return vnode_found(rq, vn_text_new(path, &text, repo_image_created(i), true), out, err);
}

/* What du --apparent-size would say of the blob, and docker history of the layer: the bytes as the
 * registry has them, and those of the archive in it, which are known once it is indexed. */
static int found_size(struct request *rq, const char *path, const struct vn_layer *v,
		      struct found *out, struct err *err)
{
	const struct descriptor *d = &repo_image_image(v->image)->manifest->layers[v->layer];
	autobuf text = BUF_INIT;
	uint64_t archive;
	bool known = layer_index_peek(rq->fs->store, &d->digest, &archive, NULL) == 0;

	buf_printf(&text, "blob %" PRIu64 "\n", d->size);
	if (known)
		buf_printf(&text, "archive %" PRIu64 "\n", archive);
	else
		buf_puts(&text, "archive -\n");
	return vnode_found(rq, vn_text_new(path, &text, repo_image_created(v->image), false), out,
			   err);
}

static int layer_lookup(struct request *rq, struct vnode *dir, const char *name, struct found *out,
			struct err *err)
{
	const struct vn_layer *v = (const struct vn_layer *)dir;
	const struct image *image = repo_image_image(v->image);
	const struct descriptor *d = &image->manifest->layers[v->layer];
	char path[VN_PATH_MAX], text[DIGEST_TEXT_MAX];

	out->lasting = LASTS;
	if (!vn_join(path, dir->inode.path, name))
		return -ENAMETOOLONG;
	if (!strcmp(name, "diff"))
		return view_find(rq, path, v->image, TREE_DIFF, v->layer, 1, out, err);
	if (!strcmp(name, "rootfs"))
		return view_find(rq, path, v->image, TREE_MERGED, 0, v->layer + 1, out, err);
	if (!strcmp(name, "blob"))
		return vnode_find(rq, path, out)
			   ? 0
			   : vnode_found(rq,
					 vn_blob_new(path, v->image, &d->digest, d->size, v->layer),
					 out, err);
	if (!strcmp(name, "size")) {
		out->lasting = LASTS_NOT;
		return found_size(rq, path, v, out, err);
	}
	if (!strcmp(name, "digest"))
		return found_line(rq, path, v->image, digest_text(&d->digest, text), out, err);
	if (!strcmp(name, "diff_id") && v->layer < image->config->diff_id_count)
		return found_line(rq, path, v->image,
				  digest_text(&image->config->diff_ids[v->layer], text), out, err);
	if (!strcmp(name, "created_by")) {
		const struct history *h = config_layer_history(image->config, v->layer);

		return found_line(rq, path, v->image, h && h->created_by ? h->created_by : "", out,
				  err);
	}
	return -ENOENT;
}

/* rootfs/ is not listed: a walk over layers/ would see all files once more for every layer. */
static int layer_list(struct request *rq, struct vnode *dir, struct listing *out, struct err *err)
{
	const struct vn_layer *v = (const struct vn_layer *)dir;

	(void)rq;
	(void)err;
	listing_add(out, "blob", DT_REG);
	listing_add(out, "created_by", DT_REG);
	listing_add(out, "diff", DT_DIR);
	if (v->layer < repo_image_image(v->image)->config->diff_id_count)
		listing_add(out, "diff_id", DT_REG);
	listing_add(out, "digest", DT_REG);
	listing_add(out, "size", DT_REG);
	return 0;
}

static const struct vnode_ops layer_ops = {
    .mode = S_IFDIR | 0755,
    .stat = layer_stat,
    .lookup = layer_lookup,
    .list = layer_list,
    .free = layer_free,
};

struct vnode *vn_layer_new(const char *path, struct repo_image *i, size_t layer)
{
	return layer_vnode(&layer_ops, path, i, layer);
}
