/* SPDX-License-Identifier: MIT */
#include "fs/view.h"

#include "fs/fetch.h"
#include "fs/fs.h"
#include "fs/layers.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct view_content {
	struct layers *table;
	struct tree *tree;     /* owned */
	struct layer **layers; /* references */
	size_t count;
};

static void content_free(struct view_content *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		layers_put(c->table, c->layers[i]);
	tree_close(c->tree);
	free(c->layers);
	free(c);
}
DEFINE_AUTO(struct view_content, content_free)

static void free_inode(struct inode *i)
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
	w->inode.free = free_inode;
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
	return atomic_load_explicit(&w->content, memory_order_acquire) != NULL;
}

/* Opens the tree and the layers from the store: -ENOENT where one of them is not there. */
static int open_content(struct view *w, struct err *err)
{
	AUTO(content_free) struct view_content *c = calloc(1, sizeof(*c));
	const struct manifest *m = repo_image_image(w->image)->manifest;
	struct view_content *none = NULL;
	autofree struct digest *digests = NULL;
	int r;

	if (!c)
		return err_nomem(err);
	c->table = w->fs->layers;
	c->layers = calloc(w->count + 1, sizeof(*c->layers));
	digests = image_layer_digests(m, w->first, w->count);
	if (!c->layers || !digests)
		return err_nomem(err);
	r = tree_open(w->fs->store, w->kind, digests, w->count, &c->tree, err);
	for (; !r && c->count < w->count; c->count += !r)
		r = layers_get(c->table, &digests[c->count], &c->layers[c->count], err);
	if (r < 0)
		return r;
	if (atomic_compare_exchange_strong(&w->content, &none, c))
		c = NULL;
	return 0;
}

int view_ready(struct request *rq, struct view *w, struct err *err)
{
	int r;

	if (view_is_open(w))
		return 0;
	r = open_content(w, err);
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

	if (view_is_open(w))
		return 0;
	r = open_content(w, NULL);
	if (r == -ENOENT && image_layers_local(w->fs->store, repo_image_image(w->image)->manifest,
					       w->first, w->count))
		r = fetch_tree(rq, w->image, w->kind, w->first, w->count, NULL);
	return r == FS_WAIT ? r : 0;
}

const struct tree *view_tree(const struct view *w)
{
	return atomic_load_explicit(&w->content, memory_order_acquire)->tree;
}

int view_stat(const struct view *w, uint32_t node, struct stat *out)
{
	const struct view_content *c = atomic_load_explicit(&w->content, memory_order_acquire);
	int r = 0;

	if (c) {
		r = tree_stat(c->tree, node, out);
	} else {
		*out = (struct stat){
		    .st_mode = S_IFDIR | 0755,
		    .st_nlink = 1,
		    .st_mtim = repo_image_created(w->image),
		    .st_blksize = 4096,
		};
		out->st_ctim = out->st_atim = out->st_mtim;
	}
	out->st_ino = view_ino(w, node);
	return r;
}

/* A run that is no hole leads to a layer. */
static int find_run(const struct view *w, uint32_t node, uint64_t offset, size_t len,
		    struct tree_run *run, struct layer **layer, struct err *err)
{
	const struct view_content *c = atomic_load_explicit(&w->content, memory_order_acquire);
	uint32_t number = tree_layer(c->tree, node);
	int r = tree_map(c->tree, node, offset, len, run);

	if (r < 0)
		return err_set(err, -r, "%s: node %u cannot be read", w->inode.path, node);
	if (run->length > 0 && !run->hole && number >= c->count)
		return err_set(err, EBADMSG, "%s: node %u has no layer", w->inode.path, node);
	*layer = number < c->count ? c->layers[number] : NULL;
	return 0;
}

static int layer_error(const struct view *w, uint32_t node, struct err *err)
{
	return err_context(err, "%s: layer %zd", w->inode.path, view_layer(w, node));
}

ssize_t view_read(const struct view *w, uint32_t node, uint64_t offset, void *data, size_t len,
		  struct err *err)
{
	size_t done = 0;

	while (done < len) {
		struct layer *layer;
		struct tree_run run;
		int r = find_run(w, node, offset + done, len - done, &run, &layer, err);

		if (r < 0)
			return r;
		if (run.length == 0)
			break;
		if (run.hole)
			memset((char *)data + done, 0, run.length);
		else if (layer_read(layer, run.archive, (char *)data + done, run.length, err) < 0)
			return layer_error(w, node, err);
		done += run.length;
	}
	return (ssize_t)done;
}

static void add_piece(struct view_data *d, const struct layer_bytes *b)
{
	d->held[d->count] = *b;
	d->iov[d->count++] = (struct iovec){(void *)b->data, b->len};
	d->len += b->len;
}

/* What is left, in a buffer of its own: from a hole on, or where the pieces become too many. */
static int copy_rest(const struct view *w, uint32_t node, uint64_t offset, size_t len,
		     struct view_data *d, struct err *err)
{
	struct layer_bytes b = {.owned = malloc(len)};
	ssize_t n = b.owned ? view_read(w, node, offset, b.owned, len, err) : err_nomem(err);

	if (n <= 0) {
		free(b.owned);
		return (int)n;
	}
	b.data = b.owned;
	b.len = (size_t)n;
	add_piece(d, &b);
	return 0;
}

int view_get_data(const struct view *w, uint32_t node, uint64_t offset, size_t len,
		  struct view_data *out, struct err *err)
{
	int r = 0;

	*out = (struct view_data){0};
	while (r == 0 && out->len < len) {
		size_t left = len - out->len;
		uint64_t at = offset + out->len;
		struct layer_bytes b;
		struct tree_run run;

		r = find_run(w, node, at, left, &run, &out->layer, err);
		if (r || run.length == 0)
			break;
		if (run.hole || out->count + 1 == VIEW_PIECES) {
			r = copy_rest(w, node, at, left, out, err);
			break;
		}
		r = layer_get(out->layer, run.archive, run.length, &b, err);
		if (r < 0)
			layer_error(w, node, err);
		else
			add_piece(out, &b);
	}
	if (r)
		view_put_data(out);
	return r;
}

void view_put_data(struct view_data *d)
{
	for (size_t i = 0; i < d->count; i++)
		layer_put(d->layer, &d->held[i]);
	d->count = 0;
}

bool view_find_plain(const struct view *w, uint32_t node, uint64_t offset, size_t len,
		     struct file_part *out)
{
	struct layer *layer;
	struct tree_run run;
	struct stat st;

	if (find_run(w, node, offset, len, &run, &layer, NULL) < 0 || run.length == 0 || run.hole ||
	    tree_stat(view_tree(w), node, &st) < 0)
		return false;
	*out = (struct file_part){layer_plain_fd(layer), run.archive, run.length};
	return out->fd >= 0 && (run.length == len || offset + run.length == (uint64_t)st.st_size);
}

void view_prepare(const struct view *w, uint32_t layer, uint64_t archive)
{
	const struct view_content *c = atomic_load_explicit(&w->content, memory_order_acquire);

	if (layer < c->count)
		layer_prepare(c->layers[layer], archive);
}

ssize_t view_layer(const struct view *w, uint32_t node)
{
	uint32_t layer = tree_layer(view_tree(w), node);

	return layer == TREE_NONE ? -1 : (ssize_t)(w->first + layer);
}
