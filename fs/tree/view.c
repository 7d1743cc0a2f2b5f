/* SPDX-License-Identifier: MIT */
#include "fs/tree/view.h"

#include "fs/tree/fetch.h"
#include "fs/tree/fetch_range.h"
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

#define GAPS_MAX 10 /* times that a READ finds what it has missed a moment ago */

struct view_content {
	struct layers *table;
	struct tree *tree;     /* owned */
	struct layer **layers; /* references */
	size_t count;
	atomic_bool damaged;	    /* one of the layers, or the tree */
	struct view_content *older; /* owned: damaged, and maybe still being read */
};

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

static struct view_content *get_content(const struct view *w)
{
	return atomic_load_explicit(&w->content, memory_order_acquire);
}

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
	return get_content(w) != NULL;
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
	struct view_content *old = get_content(w);
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
	room_watch(w->fs);
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
	struct view_content *c = get_content(w);

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
		rq->content = get_content(w);
	if (r == -EMFILE)
		return room_make(rq, err);
	if (r != -ENOENT)
		return r;
	r = fetch_tree(rq, w->image, w->kind, w->first, w->count, err);
	if (r == -EMFILE)
		return room_make(rq, err);
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
	rq->content = get_content(w);
	return r == FS_WAIT ? r : 0;
}

static int run_nothing(struct job *j, void *arg, struct err *err)
{
	(void)j;
	(void)arg;
	(void)err;
	return 0;
}

/* Has the call run again, as the end of a job does. */
static int run_again(struct request *rq, struct err *err)
{
	const struct job_spec spec = {.title = "again", .class = "views", .run = run_nothing};

	return request_wait(rq, &spec, err);
}

int view_check(struct request *rq, struct view *w, struct err *err)
{
	struct view_content *c = get_content(w);
	int r;

	if (c == rq->content && (!c || is_intact(c)))
		return 0;
	r = view_ready(rq, w, err);
	return r ? r : run_again(rq, err);
}

const struct tree *view_tree(const struct view *w)
{
	assert(view_is_open(w));
	return get_content(w)->tree;
}

int view_stat(const struct view *w, uint32_t node, struct stat *out)
{
	const struct view_content *c = get_content(w);
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
static int find_run(const struct view *w, const struct view_content *c, uint32_t node,
		    uint64_t offset, size_t len, struct tree_run *run, struct layer **layer,
		    struct err *err)
{
	uint32_t number = tree_layer(c->tree, node);
	int r = tree_map(c->tree, node, offset, len, run);

	if (r < 0)
		return err_set(err, -r, "%s: node %u cannot be read", w->inode.path, node);
	if (run->length > 0 && !run->hole && number >= c->count)
		return err_set(err, EBADMSG, "%s: node %u has no layer", w->inode.path, node);
	*layer = number < c->count ? c->layers[number] : NULL;
	return 0;
}

static int layer_error(const struct view *w, struct view_content *c, const struct layer *layer,
		       uint32_t node, struct err *err)
{
	if (!layer_intact(layer))
		atomic_store(&c->damaged, true);
	return err_context(err, "%s: layer %zd", w->inode.path, view_layer(w, node));
}

/* Behind the reading, which came to r: 0, or an error. */
static int check_read(const struct view *w, struct view_content *c, int r, struct err *err)
{
	if (tree_intact(c->tree))
		return r;
	atomic_store(&c->damaged, true);
	return err_set(err, EIO, "%s: its tree was damaged while it was read", w->inode.path);
}

static int read_runs(const struct view *w, struct view_content *c, uint32_t node, uint64_t offset,
		     char *data, size_t len, size_t *done, struct err *err)
{
	while (*done < len) {
		struct layer *layer;
		struct tree_run run;
		int r = find_run(w, c, node, offset + *done, len - *done, &run, &layer, err);

		if (r < 0)
			return r;
		if (run.length == 0)
			break;
		if (run.hole)
			memset(data + *done, 0, run.length);
		else if (layer_read(layer, run.archive, data + *done, run.length, err) < 0)
			return layer_error(w, c, layer, node, err);
		*done += run.length;
	}
	return 0;
}

ssize_t view_read(const struct view *w, uint32_t node, uint64_t offset, void *data, size_t len,
		  struct err *err)
{
	struct view_content *c = get_content(w);
	size_t done = 0;
	int r = read_runs(w, c, node, offset, data, len, &done, err);

	r = check_read(w, c, r, err);
	return r < 0 ? r : (ssize_t)done;
}

int view_fetch(struct request *rq, const struct view *w, uint32_t node, uint64_t offset, size_t len,
	       struct err *err)
{
	struct view_content *c = get_content(w);
	struct layer_gap missing;
	struct layer *layer;
	struct tree_run run;
	int r = 0;

	for (size_t done = 0; !r && done < len; done += run.length) {
		r = find_run(w, c, node, offset + done, len - done, &run, &layer, err);
		if (r || run.length == 0)
			break;
		if (!run.hole && layer_missing(layer, run.archive, run.length, &missing))
			return fetch_range(rq, w->image, (size_t)view_layer(w, node), &missing,
					   err);
	}
	if (!r && rq->gaps++ >= GAPS_MAX)
		r = err_set(err, EIO, "%s: what was fetched cannot be read", w->inode.path);
	return r ? r : run_again(rq, err); /* it has come meanwhile */
}

static void add_piece(struct view_data *d, const struct layer_bytes *b)
{
	assert(d->count < VIEW_PIECES);
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

static int get_pieces(const struct view *w, struct view_content *c, uint32_t node, uint64_t offset,
		      size_t len, struct view_data *out, struct err *err)
{
	while (out->len < len) {
		size_t left = len - out->len;
		uint64_t at = offset + out->len;
		struct layer_bytes b;
		struct tree_run run;
		int r = find_run(w, c, node, at, left, &run, &out->layer, err);

		if (r || run.length == 0)
			return r;
		if (run.hole || out->count + 1 == VIEW_PIECES)
			return copy_rest(w, node, at, left, out, err);
		if (layer_get(out->layer, run.archive, run.length, &b, err) < 0)
			return layer_error(w, c, out->layer, node, err);
		add_piece(out, &b);
	}
	return 0;
}

int view_get_data(const struct view *w, uint32_t node, uint64_t offset, size_t len,
		  struct view_data *out, struct err *err)
{
	struct view_content *c = get_content(w);
	int r;

	*out = (struct view_data){0};
	r = get_pieces(w, c, node, offset, len, out, err);
	r = check_read(w, c, r, err);
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
	struct view_content *c = get_content(w);
	struct layer *layer;
	struct tree_run run;
	struct stat st;

	if (find_run(w, c, node, offset, len, &run, &layer, NULL) < 0 || run.length == 0 ||
	    run.hole || tree_stat(c->tree, node, &st) < 0)
		return false;
	*out = (struct file_part){layer_plain_fd(layer), run.archive, run.length};
	return out->fd >= 0 && (run.length == len || offset + run.length == (uint64_t)st.st_size) &&
	       check_read(w, c, 0, NULL) == 0;
}

void view_prepare(const struct view *w, uint32_t layer, uint64_t archive)
{
	const struct view_content *c = get_content(w);

	if (layer < c->count)
		layer_prepare(c->layers[layer], archive);
}

ssize_t view_layer(const struct view *w, uint32_t node)
{
	uint32_t layer = tree_layer(view_tree(w), node);

	return layer == TREE_NONE ? -1 : (ssize_t)(w->first + layer);
}
