/* SPDX-License-Identifier: MIT */
#include "registry/transfer/pull_merge.h"

#include "store/layer/layer_build.h"
#include "store/layer/layer_index.h"
#include "store/tree/tree.h"
#include "store/tree/tree_merge.h"

#include <errno.h>
#include <string.h>

#define TRIES 3 /* of what is derived, and gone when it is wanted */

struct pull_merge {
	const struct transfer *transfer; /* borrowed */
	struct layer_name *layers;	 /* owned; bottom first */
	size_t count, next;
	uint64_t entries; /* of the layers that are merged */
	struct tree_merge *merge;
};

static int open_tree(const struct transfer *t, enum tree_kind kind, const struct layer_name *layers,
		     size_t count, struct tree **out, struct err *err)
{
	struct digest name;
	int r = tree_digest(kind, layers, count, &name, err);

	if (!r)
		r = transfer_hold(t, &name, err);
	return r < 0 ? r : tree_open(t->store, kind, layers, count, out, err);
}

static int open_merge(const struct transfer *t, enum tree_kind kind,
		      const struct layer_name *layers, size_t count, struct pull_merge **out,
		      struct err *err)
{
	AUTO(pull_merge_close) struct pull_merge *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_nomem(err);
	*m = (struct pull_merge){
	    .transfer = t, .layers = calloc(count + 1, sizeof(*layers)), .count = count};
	if (!m->layers)
		return err_nomem(err);
	memcpy(m->layers, layers, count * sizeof(*layers));
	r = tree_merge_open(kind, &m->merge, err);
	if (!r)
		*out = steal(&m);
	return r;
}

int pull_merge_open(const struct transfer *t, const struct layer_name *layers, size_t count,
		    struct pull_merge **out, struct err *err)
{
	AUTO(tree_close) struct tree *tree = NULL;
	int r = open_tree(t, TREE_MERGED, layers, count, &tree, err);

	*out = NULL;
	return r == -ENOENT ? open_merge(t, TREE_MERGED, layers, count, out, err) : r;
}

void pull_merge_close(struct pull_merge *m)
{
	if (!m)
		return;
	tree_merge_close(m->merge);
	free(m->layers);
	free(m);
}

const struct digest *pull_merge_next(const struct pull_merge *m)
{
	return m->next < m->count ? &m->layers[m->next].blob : NULL;
}

/*
 * The table of contents of a layer, with the count of its entries; PULL_MERGE_LATER where that is
 * above `most`. What is derived may be deleted or damaged at any time: then it is made again.
 * -ENOENT would be taken for an answer of the registry's.
 */
static int read_toc(const struct transfer *t, const struct layer_name *layer, uint64_t most,
		    uint64_t *entries, struct buf *toc, struct err *err)
{
	int r = -ENOENT;

	for (int tries = TRIES; r == -ENOENT && tries > 0; tries--) {
		AUTO(layer_index_close) struct layer_index *index = NULL;

		if (tries < TRIES && layer->check == LAYER_CHECK_BLOCKS)
			r = layer_build_from_blob(t->store, &layer->blob, NULL, t->cancel, err);
		if (tries == TRIES || !r)
			r = layer_name_index(t->store, layer, &index, err);
		if (!r && (*entries = layer_index_entries(index)) > most)
			return PULL_MERGE_LATER;
		buf_reset(toc);
		if (!r)
			r = layer_index_copy_toc(index, toc, err);
	}
	return r == -ENOENT ? err_set(err, EIO, "what is derived from it does not stay") : r;
}

int pull_merge_layer(struct pull_merge *m, uint64_t most, struct err *err)
{
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	struct layer_name *layer = &m->layers[m->next];
	char text[DIGEST_TEXT_MAX];
	autobuf bytes = BUF_INIT;
	uint64_t entries = 0;
	int r;

	layer_name_renew(m->transfer->store, layer);
	r = read_toc(m->transfer, layer, most - m->entries, &entries, &bytes, err);
	if (r == PULL_MERGE_LATER)
		return r;
	if (!r)
		r = toc_reader_open(bytes.data, bytes.len, &toc, err);
	if (!r)
		r = tree_merge_layer(m->merge, toc, m->transfer->cancel, err);
	if (r < 0) {
		err_context(err, "layer %s", digest_text(&layer->blob, text));
		return r;
	}
	m->entries += entries;
	m->next++;
	return 0;
}

int pull_merge_finish(struct pull_merge *m, struct err *err)
{
	int r = 0;

	while (!r && m->next < m->count)
		r = pull_merge_layer(m, UINT64_MAX, err);
	return r < 0 ? r
		     : tree_merge_publish(m->merge, m->transfer->store, m->layers, m->count, err);
}

/* Two that build the same tree at once both publish it whole; the second replaces the first by an
 * equal one. */
static int make_tree(const struct transfer *t, enum tree_kind kind, struct layer_name *layers,
		     size_t count, struct err *err)
{
	AUTO(pull_merge_close) struct pull_merge *m = NULL;
	int r = open_merge(t, kind, layers, count, &m, err);

	if (!r)
		r = pull_merge_finish(m, err);
	if (!r)
		memcpy(layers, m->layers, count * sizeof(*layers));
	return r;
}

int pull_merge_tree(const struct transfer *t, enum tree_kind kind, struct layer_name *layers,
		    size_t count, struct tree **out, struct err *err)
{
	int r = open_tree(t, kind, layers, count, out, err);

	for (int tries = TRIES; r == -ENOENT && tries > 0; tries--) {
		r = make_tree(t, kind, layers, count, err);
		if (!r)
			r = tree_open(t->store, kind, layers, count, out, err);
	}
	return r == -ENOENT ? err_set(err, EIO, "a merged tree does not stay in the store") : r;
}
