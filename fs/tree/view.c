/* SPDX-License-Identifier: MIT */
#include "fs/tree/view_private.h"

#include "fs/tree/fetch.h"
#include "fs/tree/fetch_rest.h"
#include "fs/core/fs.h"
#include "fs/core/job.h"
#include "fs/core/layers.h"
#include "fs/core/room.h"
#include "fs/core/xattr_names.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void content_free(struct view_content *c)
{
	while (c) {
		struct view_content *older = c->older;

		for (size_t i = 0; i < c->count; i++)
			layers_put(c->table, c->layers[i]);
		tree_close(c->tree);
		free(c->layers);
		free(c);
		c = older;
	}
}
DEFINE_AUTO(struct view_content, content_free)

static bool is_intact(struct view_content *c)
{
	if (!tree_intact(c->tree))
		atomic_store(&c->damaged, true);
	return !atomic_load(&c->damaged);
}

static void view_free_inode(struct inode *i)
{
	struct view *w = (struct view *)i;

	content_free(atomic_load(&w->content));
	repo_image_put(w->image);
	free(i->path);
	free(w);
}

static struct view *view_new(struct fs *fs, const char *path, struct repo_image *image,
			     enum tree_kind kind, size_t first, size_t count)
{
	struct view *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->inode.free = view_free_inode;
	w->inode.path = strdup(path);
	if (!w->inode.path) {
		free(w);
		return NULL;
	}
	w->fs = fs;
	w->image = repo_image_get(image);
	w->kind = kind;
	w->first = first;
	w->count = count;
	return w;
}

int view_find(struct request *rq, const char *path, struct repo_image *image, enum tree_kind kind,
	      size_t first, size_t count, struct found *out, struct err *err)
{
	struct inode *i = inodes_find(rq->fs->inodes, INODE_VIEW, path);

	if (!i) {
		struct view *w = view_new(rq->fs, path, image, kind, first, count);

		i = w ? inodes_add(rq->fs->inodes, INODE_VIEW, &w->inode) : NULL;
	}
	if (!i)
		return err_nomem(err);
	out->view = (struct view *)i;
	out->node = TREE_ROOT;
	return 0;
}

bool view_is_open(const struct view *w)
{
	return view_content(w) != NULL;
}

/* Inode numbers that the kernel knows must not come to mean something else. */
static int check_same(const struct view *w, const struct view_content *old,
		      const struct view_content *new, struct err *err)
{
	if (!old || tree_checksum(old->tree) == tree_checksum(new->tree))
		return 0;
	return err_set(err, EIO, "%s: its tree was damaged, and has become another one",
		       w->inode.path);
}

/* So that whoever asks for them is not told that there are none. */
static int know_xattrs(struct fs *fs, const struct tree *t, struct err *err)
{
	struct xattr x;
	int r = 0;

	for (uint32_t i = 0; !r && tree_any_xattr(t, i, &x); i++)
		r = xattr_names_add(fs->xattr_names, x.name, err);
	return r;
}

static bool has_tables(const struct layer_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (layer_check_is_table(names[i].check))
			return true;
	return false;
}

/* Opens the tree and the layers from the store: -ENOENT where one of them is not there. What was
 * open and is damaged gives place. */
static int open_content(struct view *w, struct err *err)
{
	AUTO(content_free) struct view_content *c = calloc(1, sizeof(*c));
	const struct manifest *m = repo_image_image(w->image)->manifest;
	struct view_content *old = view_content(w);
	autofree struct layer_name *names = NULL;
	int r = 0;

	if (!c)
		return err_nomem(err);
	if (old && is_intact(old))
		return 0; /* another thread was faster */
	c->table = w->fs->layers;
	c->layers = calloc(w->count + 1, sizeof(*c->layers));
	names = image_layer_names(w->fs->store, m, w->first, w->count);
	if (!c->layers || !names)
		return err_nomem(err);
	if (w->fs->fetch == FETCH_WHOLE && !w->fs->offline && has_tables(names, w->count))
		return -ENOENT; /* what is read by a table is not there yet */
	for (; !r && c->count < w->count; c->count += !r)
		r = layers_get(c->table, &names[c->count], m->layers[w->first + c->count].size,
			       &c->layers[c->count], err);
	if (!r)
		r = tree_open(w->fs->store, w->kind, names, w->count, &c->tree, err);
	if (!r)
		r = check_same(w, old, c, err);
	if (!r)
		r = know_xattrs(w->fs, c->tree, err);
	if (r < 0)
		return r;
	if (w->fs->fetch == FETCH_BACKGROUND && !w->fs->offline && has_tables(names, w->count))
		fetch_rest(w->fs, w->image);
	room_watch(w->fs, &w->inode);
	c->older = old;
	if (atomic_compare_exchange_strong(&w->content, &old, c))
		c = NULL;
	else
		c->older = NULL;
	return 0;
}

/* True where the view is open; and view_check will look at what is open now. */
static bool use(struct request *rq, struct view *w)
{
	struct view_content *c = view_content(w);

	rq->content = c;
	return c && is_intact(c);
}

int view_ready(struct request *rq, struct view *w, struct err *err)
{
	int r;

	if (use(rq, w))
		return 0;
	r = open_content(w, err);
	if (!r)
		rq->content = view_content(w);
	if (r != -ENOENT)
		return r;
	r = fetch_tree(rq, w->image, w->kind, w->first, w->count, err);
	if (r)
		return r;
	err_context(err, "%s: not there although it was just fetched", w->inode.path);
	return -EIO;
}

int view_settle(struct request *rq, struct view *w)
{
	int r;

	if (use(rq, w))
		return 0;
	r = open_content(w, NULL);
	if (r == -ENOENT && image_layers_shown(w->fs->store, repo_image_image(w->image)->manifest,
					       w->first, w->count))
		r = fetch_tree(rq, w->image, w->kind, w->first, w->count, NULL);
	rq->content = view_content(w);
	return r == FS_WAIT ? r : 0;
}

int view_check(struct request *rq, struct view *w, struct err *err)
{
	struct view_content *c = view_content(w);
	int r;

	if (c == rq->content && (!c || is_intact(c)))
		return 0;
	r = view_ready(rq, w, err);
	return r ? r : request_again(rq, err);
}
