/* SPDX-License-Identifier: MIT */
#include "fs/tree/view_private.h"

#include "fs/tree/fetch_range.h"
#include "fs/tree/fetch_rest.h"
#include "fs/core/fs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAPS_MAX 10 /* times that a READ finds what it has missed a moment ago */

const struct tree *view_tree(const struct view *w)
{
	assert(view_is_open(w));
	return view_content(w)->tree;
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

/* Bytes of a file's content that are here. */
static uint64_t content_here(const struct view *w, const struct view_content *c, uint32_t node,
			     uint64_t size)
{
	struct layer *layer;
	struct tree_run run;
	uint64_t here = 0;

	for (uint64_t at = 0; at < size; at += run.length) {
		size_t len = size - at < SIZE_MAX ? (size_t)(size - at) : SIZE_MAX;

		if (find_run(w, c, node, at, len, &run, &layer, NULL) < 0 || run.length == 0)
			break;
		if (!run.hole)
			here += layer_here(layer, run.archive, run.length);
	}
	return here;
}

/* A file whose layer is here in part. One with content is never without a block: GNU tar takes that
 * for a file of zeros, and does not read it (--sparse). */
static bool count_blocks(const struct view *w, const struct view_content *c, uint32_t node,
			 struct stat *st)
{
	uint32_t number = tree_layer(c->tree, node);
	blkcnt_t here;

	if (!S_ISREG(st->st_mode) || st->st_blocks == 0 || number >= c->count ||
	    !layer_held(c->layers[number]))
		return true;
	here = (blkcnt_t)((content_here(w, c, node, (uint64_t)st->st_size) + 511) / 512);
	if (here >= st->st_blocks && !w->fs->cache_limit)
		return true;
	st->st_blocks = here > 0 ? here : 1;
	return false;
}

int view_stat(const struct view *w, uint32_t node, struct stat *out, bool *lasts)
{
	const struct view_content *c = view_content(w);
	int r = 0;

	*lasts = c != NULL;
	if (c) {
		r = tree_stat(c->tree, node, out);
		if (!r)
			*lasts = count_blocks(w, c, node, out);
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
	struct view_content *c = view_content(w);
	size_t done = 0;
	int r = read_runs(w, c, node, offset, data, len, &done, err);

	r = check_read(w, c, r, err);
	return r < 0 ? r : (ssize_t)done;
}

/* A container of the image would be started now: what its author wants early for that comes, too. Who
 * looks at one layer is about something else; and fetch=background has begun already. */
static void fetch_first_files(const struct view *w, struct view_content *c)
{
	bool all = w->kind == TREE_MERGED && w->first == 0 &&
		   w->count == repo_image_image(w->image)->manifest->layer_count;
	bool wanted = false;

	if (atomic_exchange(&c->fetched, true) || !all || w->fs->offline ||
	    w->fs->fetch != FETCH_LAZY)
		return;
	for (size_t i = 0; i < c->count; i++)
		wanted |= layer_index_landmark(layer_index(c->layers[i])) > 0;
	if (wanted)
		fetch_rest_early(w->fs, w->image);
}

int view_fetch(struct request *rq, const struct view *w, uint32_t node, uint64_t offset, size_t len,
	       struct err *err)
{
	struct view_content *c = view_content(w);
	struct layer_gap missing;
	struct layer *layer;
	struct tree_run run;
	int r = 0;

	for (size_t done = 0; !r && done < len; done += run.length) {
		r = find_run(w, c, node, offset + done, len - done, &run, &layer, err);
		if (r || run.length == 0)
			break;
		if (run.hole || !layer_missing(layer, run.archive, run.length, &missing))
			continue;
		r = fetch_range(rq, w->image, (size_t)view_layer(w, node), &missing, err);
		fetch_first_files(w, c);
		return r;
	}
	if (!r && rq->gaps++ >= GAPS_MAX)
		r = err_set(err, EIO, "%s: what was fetched cannot be read", w->inode.path);
	return r ? r : request_again(rq, err); /* it has come meanwhile */
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
	struct view_content *c = view_content(w);
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

void view_prepare(const struct view *w, uint32_t layer, uint64_t archive)
{
	const struct view_content *c = view_content(w);

	if (layer < c->count)
		layer_prepare(c->layers[layer], archive);
}

ssize_t view_layer(const struct view *w, uint32_t node)
{
	uint32_t layer = tree_layer(view_tree(w), node);

	return layer == TREE_NONE ? -1 : (ssize_t)(w->first + layer);
}

/* An open layer stands for its bytes and for the index by which they are read (layers.h): where both
 * are one, offsets in its archive mean the same. */
bool view_same_entry(const struct view *a, uint32_t a_node, const struct view *b, uint32_t b_node)
{
	const struct view_content *ca = view_content(a), *cb = view_content(b);
	uint64_t at = 0;

	for (;;) {
		struct layer *la, *lb;
		struct tree_run ra, rb;

		if (find_run(a, ca, a_node, at, SIZE_MAX, &ra, &la, NULL) ||
		    find_run(b, cb, b_node, at, SIZE_MAX, &rb, &lb, NULL) ||
		    ra.length != rb.length || ra.hole != rb.hole)
			return false;
		if (ra.length == 0)
			return true;
		if (!ra.hole && (la != lb || ra.archive != rb.archive))
			return false;
		at += ra.length;
	}
}

enum layer_sameness view_compare(const struct view *a, uint32_t a_node, const struct view *b,
				 uint32_t b_node, uint64_t size)
{
	const struct view_content *ca = view_content(a), *cb = view_content(b);
	struct layer *la, *lb;
	struct tree_run ra, rb;

	if (find_run(a, ca, a_node, 0, size, &ra, &la, NULL) ||
	    find_run(b, cb, b_node, 0, size, &rb, &lb, NULL) || ra.hole || rb.hole ||
	    ra.length != size || rb.length != size)
		return LAYER_MAYBE_SAME;
	return layer_compare(la, ra.archive, lb, rb.archive, size);
}

int view_check_digests(const struct view *w, struct err *err)
{
	struct view_content *c = view_content(w);

	for (size_t i = 0; i < c->count; i++) {
		if (layer_check_digests(c->layers[i]))
			continue;
		atomic_store(&c->damaged, true);
		return err_set(err, EIO, "%s: the digests of layer %zu were damaged", w->inode.path,
			       w->first + i);
	}
	return 0;
}
