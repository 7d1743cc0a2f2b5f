/* SPDX-License-Identifier: MIT */
#include "registry/pull_tree.h"

#include "registry/pull_hold.h"
#include "store/layer_index.h"
#include "store/tree_format.h"
#include "store/tree_merge.h"

#include <errno.h>

struct pull_merge {
	const struct pull *pull;     /* borrowed, as are the layers */
	const struct digest *layers; /* bottom first */
	size_t count, next;
	uint64_t entries; /* of the layers that are merged */
	struct tree_merge *merge;
};

static int open_tree(const struct pull *p, enum tree_kind kind, const struct digest *layers,
		     size_t count, struct tree **out, struct err *err)
{
	struct digest name;
	int r = tree_digest(kind, layers, count, &name, err);

	if (r == 0)
		r = pull_hold(p, &name, err);
	return r < 0 ? r : tree_open(p->store, kind, layers, count, out, err);
}

static int open_merge(const struct pull *p, enum tree_kind kind, const struct digest *layers,
		      size_t count, struct pull_merge **out, struct err *err)
{
	AUTO(pull_merge_close) struct pull_merge *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_nomem(err);
	*m = (struct pull_merge){.pull = p, .layers = layers, .count = count};
	r = tree_merge_open(kind, &m->merge, err);
	if (r == 0)
		*out = steal(&m);
	return r;
}

int pull_merge_open(const struct pull *p, const struct digest *layers, size_t count,
		    struct pull_merge **out, struct err *err)
{
	AUTO(tree_close) struct tree *tree = NULL;
	int r = open_tree(p, TREE_MERGED, layers, count, &tree, err);

	*out = NULL;
	return r == -ENOENT ? open_merge(p, TREE_MERGED, layers, count, out, err) : r;
}

void pull_merge_close(struct pull_merge *m)
{
	if (!m)
		return;
	tree_merge_close(m->merge);
	free(m);
}

const struct digest *pull_merge_next(const struct pull_merge *m)
{
	return m->next < m->count ? &m->layers[m->next] : NULL;
}

int pull_merge_layer(struct pull_merge *m, uint64_t most, struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	const struct digest *layer = &m->layers[m->next];
	char text[DIGEST_TEXT_MAX];
	int r = layer_index_open(m->pull->store, layer, &index, err);

	if (r == 0 && layer_index_entries(index) > most - m->entries)
		return 1;
	if (r == 0)
		r = layer_index_toc(index, &toc, err);
	if (r == 0)
		r = tree_merge_layer(m->merge, toc, m->pull->cancel, err);
	if (index && r != -EINTR && !layer_index_intact(index)) {
		layer_index_remove(m->pull->store, layer);
		r = err_set(err, EIO, "its index was damaged while it was read");
	}
	if (r < 0) {
		err_context(err, "layer %s", digest_text(layer, text));
		return r;
	}
	m->entries += layer_index_entries(index);
	m->next++;
	return 0;
}

int pull_merge_finish(struct pull_merge *m, struct err *err)
{
	int r = 0;

	while (r == 0 && m->next < m->count)
		r = pull_merge_layer(m, UINT64_MAX, err);
	return r < 0 ? r : tree_merge_publish(m->merge, m->pull->store, m->layers, m->count, err);
}

int pull_tree(const struct pull *p, enum tree_kind kind, const struct digest *layers, size_t count,
	      struct tree **out, struct err *err)
{
	AUTO(pull_merge_close) struct pull_merge *m = NULL;
	int r = open_tree(p, kind, layers, count, out, err);

	if (r != -ENOENT)
		return r;
	/* Two that build the same tree at once both publish it whole; the second replaces the
	 * first by an equal one. */
	r = open_merge(p, kind, layers, count, &m, err);
	if (r == 0)
		r = pull_merge_finish(m, err);
	return r < 0 ? r : tree_open(p->store, kind, layers, count, out, err);
}
