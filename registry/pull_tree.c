/* SPDX-License-Identifier: MIT */
#include "registry/pull_hold.h"

#include "store/layer_index.h"
#include "store/tree_format.h"
#include "store/tree_merge.h"

#include <errno.h>

static int merge_layer(const struct pull *p, struct tree_merge *m, const struct digest *layer,
		       struct err *err)
{
	AUTO(layer_index_close) struct layer_index *index = NULL;
	AUTO(toc_reader_close) struct toc_reader *toc = NULL;
	char text[DIGEST_TEXT_MAX];
	int r = layer_index_open(p->store, layer, &index, err);

	if (r == 0)
		r = layer_index_toc(index, &toc, err);
	if (r == 0)
		r = tree_merge_layer(m, toc, p->cancel, err);
	if (r < 0)
		err_context(err, "layer %s", digest_text(layer, text));
	return r;
}

static int build(const struct pull *p, enum tree_kind kind, const struct digest *layers,
		 size_t count, struct err *err)
{
	AUTO(tree_merge_close) struct tree_merge *m = NULL;
	int r = tree_merge_open(kind, &m, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = merge_layer(p, m, &layers[i], err);
	if (r == 0)
		r = tree_merge_publish(m, p->store, layers, count, err);
	return r;
}

int pull_tree(const struct pull *p, enum tree_kind kind, const struct digest *layers, size_t count,
	      struct tree **out, struct err *err)
{
	struct digest name;
	int r = tree_digest(kind, layers, count, &name, err);

	if (r == 0)
		r = pull_hold(p, &name, err);
	if (r == 0)
		r = tree_open(p->store, kind, layers, count, out, err);
	if (r != -ENOENT)
		return r;
	/* Two that build the same tree at once both publish it whole; the second replaces the
	 * first by an equal one. */
	r = build(p, kind, layers, count, err);
	return r < 0 ? r : tree_open(p->store, kind, layers, count, out, err);
}
