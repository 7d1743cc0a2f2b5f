/* SPDX-License-Identifier: MIT */
/*
 * The files that a container sees of its layers (OCI image specification, layer.md, "Applying
 * Changesets") after a runtime has laid them out by overlayfs. Overlayfs is right here, also where
 * the specification reads otherwise; store/README.md has the cases. Where runtimes refuse a layer for
 * a wrong entry, only that entry is left out, and counted.
 *
 * A layer is first made a tree by itself, as in the upper directory of an overlay:
 *
 *  - Entries count in the order of the archive, and the last of a name wins. A directory over a
 *    directory of the same layer keeps its children; all else replaces what was there, subtree and
 *    all. An entry for the root sets the root's metadata; a root that is no directory is refused.
 *  - Paths are cleaned; above the root lies the root. What Linux cannot show (components
 *    above 255 bytes, paths above 4096, more than 1024 deep, empty symlinks or such above 4095) is
 *    left out and counted.
 *  - A parent that no entry of the layer brings is made. One that is a symlink of this layer is
 *    followed inside the root, at most 40 times; one that is another file of it becomes a
 *    directory. What lies behind a loop is left out.
 *  - A hard link is another name of a file: of one that the layer has by then, else of one in the
 *    layers below (by its path there; no symlink is followed), else of one that the layer has at its
 *    end. The link's owner, mode, time and extended attributes become the file's, since containerd
 *    and docker set them through the link. A link to a file that the layer has taken away before is
 *    another whiteout. A link to nothing, or to a directory, is left out.
 *  - ".wh.NAME" hides NAME of the layers below, and no file of its own layer, wherever it stands. A
 *    directory of that name behind it takes its place: what lies below shows again. ".wh..wh..opq"
 *    hides all that the layers below have in its directory, except in the root. Both make the
 *    directory that they stand in. A device 0:0 is a whiteout, as overlayfs takes it for one. A
 *    whiteout of nothing (".wh.", ".wh..", ".wh...") is left out.
 *  - Extended attributes: those of the four name spaces that Linux has, user.* on files and
 *    directories only, *.overlay.* never. Times before 1970 are 0.
 *
 * Then that tree is laid over the one below:
 *
 *  - A directory over a directory merges with it, and has the upper one's metadata. A directory that
 *    was only made, not brought by an entry, has the lower one's. If there is none below, it is 0755,
 *    root's, and from 1970, so that it is the same every time.
 *  - Everything else replaces what is below it. So a symlink of a lower layer that stands where a
 *    parent is needed is replaced by a directory, and never followed.
 *
 * A diff (TREE_DIFF) is the first half alone, whiteouts and devices 0:0 being the files that they
 * are. A hard link that leads out of it is left out.
 *
 * Cost: laying a layer over costs its own entries, not those below, since its names are moved down
 * into the tree that is there.
 */
#include "store/tree/tree_merge.h"

#include "store/base/io.h"
#include "store/tree/tree_entry.h"
#include "store/tree/tree_link.h"
#include "store/tree/tree_upper.h"
#include "store/tree/tree_walk.h"
#include "store/tree/tree_write.h"

#include <errno.h>

#define CANCEL_EVERY 4096 /* entries */

struct tree_merge {
	struct tree_build build;
	struct tree_upper upper; /* the layer under way */
	uint32_t root;		 /* of what is merged so far; BUILD_NONE before the first layer */
};

int tree_merge_open(enum tree_kind kind, struct tree_merge **out, struct err *err)
{
	AUTO(tree_merge_close) struct tree_merge *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_nomem(err);
	m->root = BUILD_NONE;
	m->upper.b = &m->build;
	m->upper.kind = kind;
	r = tree_build_init(&m->build, err);
	if (r)
		return r;
	*out = steal(&m);
	return 0;
}

void tree_merge_close(struct tree_merge *m)
{
	if (!m)
		return;
	tree_upper_free(&m->upper);
	tree_build_free(&m->build);
	free(m);
}

static int overlay(struct tree_build *b, uint32_t lower, uint32_t upper, uint32_t *out,
		   struct err *err);

/* One name of an upper directory over the lower directory. */
static int overlay_name(struct tree_build *b, uint32_t lower, uint32_t name, struct err *err)
{
	struct build_name upper = b->names[name];
	uint32_t at = tree_build_find(b, lower, upper.string);
	uint32_t below = at == BUILD_NONE ? BUILD_NONE : b->names[at].node;
	uint32_t node = upper.node;
	int r = 0;

	if (upper.whiteout)
		below = BUILD_NONE;
	else if (node == BUILD_NONE)
		return 0;
	if (S_ISDIR(tree_build_type(b, node))) {
		r = overlay(b, below, node, &node, err);
		if (!r)
			b->nodes[node].dir.parent = lower;
	}
	if (r)
		return r;
	if (at != BUILD_NONE) {
		b->names[at].node = node;
		return 0;
	}
	return node == BUILD_NONE ? 0 : tree_build_move(b, name, lower, err);
}

/*
 * The upper directory over what is below (or BUILD_NONE); *out is the one that has become both. As
 * deep as the tree, which has at most ENTRY_DEPTH_MAX levels.
 */
static int overlay(struct tree_build *b, uint32_t lower, uint32_t upper, uint32_t *out,
		   struct err *err)
{
	struct build_node *u = &b->nodes[upper];
	struct build_node *l = lower == BUILD_NONE ? NULL : &b->nodes[lower];
	bool both = S_ISDIR(tree_build_type(b, lower)), implicit = u->flags & BUILD_IMPLICIT;
	uint32_t next;
	int r = 0;

	*out = upper;
	if (!both)
		return 0;
	if (u->flags & BUILD_OPAQUE) {
		if (implicit) {
			u->attrs = l->attrs;
			u->time = l->time;
		}
		return 0;
	}
	if (!implicit) {
		l->attrs = u->attrs;
		l->time = u->time;
	}
	*out = lower;
	for (uint32_t name = u->dir.first; name != BUILD_NONE && !r; name = next) {
		next = b->names[name].next;
		r = overlay_name(b, lower, name, err);
	}
	return r;
}

static int tree_merge_add_entries(struct tree_merge *m, struct toc_reader *entries,
				  struct cancel *cancel, struct err *err)
{
	struct entry e;
	int r;

	for (uint32_t i = 0; (r = toc_reader_next(entries, &e, err)) == TOC_ENTRY; i++) {
		r = i % CANCEL_EVERY ? 0 : cancel_check(cancel, err);
		if (!r)
			r = tree_entry_add(&m->upper, &e, err);
		if (r)
			return r;
	}
	return r;
}

int tree_merge_layer(struct tree_merge *m, struct toc_reader *entries, struct cancel *cancel,
		     struct err *err)
{
	uint32_t layer = m->upper.layer;
	int r;

	if (m->upper.kind == TREE_DIFF && m->root != BUILD_NONE)
		return err_set(err, EINVAL, "the tree of a single layer takes one");
	r = tree_upper_begin(&m->upper, m->root, err);
	if (!r)
		r = tree_merge_add_entries(m, entries, cancel, err);
	if (!r)
		r = tree_link_settle(&m->upper, err);
	if (!r)
		r = overlay(&m->build, m->root, m->upper.root, &m->root, err);
	if (r) {
		err_context(err, "layer %u", layer);
		return r;
	}
	m->upper.layer++;
	return 0;
}

int tree_merge_write(struct tree_merge *m, int fd, struct err *err)
{
	int r = 0;

	if (m->root == BUILD_NONE) { /* no layer at all: an empty root */
		r = tree_upper_begin(&m->upper, BUILD_NONE, err);
		m->root = m->upper.root;
	}
	return r ? r : tree_write(&m->build, m->root, m->upper.kind, m->upper.dropped, fd, err);
}

int tree_merge_publish(struct tree_merge *m, struct store *s, const struct layer_name *layers,
		       size_t count, struct err *err)
{
	char path[TREE_PATH_MAX];
	struct io_tmp tmp;
	int r = tree_path(m->upper.kind, layers, count, path, err);

	if (!r)
		r = io_mkdirs(store_cachefd(s), "derived/trees", 0700, err);
	if (!r)
		r = io_tmp_open(store_cachefd(s), path, 0600, &tmp, err);
	if (r)
		return r;
	r = tree_merge_write(m, tmp.fd, err);
	if (!r)
		r = io_tmp_commit(&tmp, path, err);
	io_tmp_abort(&tmp);
	return r;
}
