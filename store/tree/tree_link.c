/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_link.h"

#include "store/tree/tree_walk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Gives the file what the link's entry says: container tools set owner, mode and time through the
 * link, too. */
static int link_attrs(struct tree_upper *u, uint32_t node, const struct tree_attrs *link,
		      uint64_t time, struct err *err)
{
	struct tree_attrs attrs;

	tree_build_attrs(u->b, node, &attrs);
	if (!S_ISLNK(attrs.mode))
		attrs.mode = (attrs.mode & S_IFMT) | (link->mode & 07777);
	attrs.uid = link->uid;
	attrs.gid = link->gid;
	if (link->set != TREE_NO_SET)
		attrs.set = link->set;
	u->b->nodes[node].time = time;
	return tree_build_set_attrs(u->b, node, &attrs, err);
}

/* A hard link whose target may come later, or lies in a lower layer. */
static int add_pending(struct tree_upper *u, uint32_t name, const struct tree_attrs *attrs,
		       uint64_t time, struct err *err)
{
	struct tree_build *b = u->b;
	uint32_t node, target;
	int r = intern_add(&b->strings, u->link, strlen(u->link), &target, err);

	if (!r)
		r = tree_build_node(b, attrs, time, &node, err);
	if (r)
		return r;
	if (u->pending_count == u->pending_cap) {
		uint32_t cap = u->pending_cap ? 2 * u->pending_cap : 64;
		void *grown = realloc(u->pending, cap * sizeof(*u->pending));

		if (!grown)
			return err_nomem(err);
		u->pending = grown;
		u->pending_cap = cap;
	}
	b->nodes[node].flags = BUILD_PENDING;
	b->nodes[node].link.target = target;
	b->nodes[node].link.name = name;
	u->pending[u->pending_count++] = node;
	tree_walk_set(u, name, node);
	return 0;
}

int tree_link_add(struct tree_upper *u, uint32_t name, const struct tree_attrs *attrs,
		  uint64_t time, struct err *err)
{
	uint32_t node;
	int r = tree_walk_file(u, u->link, &node, err);

	if (r)
		return r;
	if (node == BUILD_NONE && u->kind == TREE_MERGED && tree_walk_is_hidden(u, u->link)) {
		u->dropped++; /* another name of a whiteout is a whiteout */
		tree_walk_set(u, name, BUILD_NONE);
		u->b->names[name].whiteout = 1;
		return 0;
	}
	if (node == BUILD_NONE)
		node = tree_walk_below(u, u->link);
	if (tree_walk_is_dir(u, node)) {
		u->dropped++;
		return 0;
	}
	if (node == BUILD_NONE || u->b->nodes[node].flags & BUILD_PENDING)
		return add_pending(u, name, attrs, time, err);
	tree_walk_set(u, name, node);
	return link_attrs(u, node, attrs, time, err);
}

/* The file that a waiting hard link leads to: another one that waits, or BUILD_NONE. */
static int pending_target(struct tree_upper *u, uint32_t node, uint32_t *out, struct err *err)
{
	const char *target = intern_get(&u->b->strings, u->b->nodes[node].link.target, NULL);
	int r = tree_walk_file(u, target, out, err);

	/* A circle of links leads nowhere. */
	if (!r && *out != BUILD_NONE && u->b->nodes[*out].flags & BUILD_VISITED)
		*out = BUILD_NONE;
	return r;
}

/* Lets the name lead to the file, and takes the mark off the node that stood for it. */
static int tree_link_settle_one(struct tree_upper *u, uint32_t node, uint32_t file, struct err *err)
{
	struct build_node *n = &u->b->nodes[node];
	struct tree_attrs attrs;

	assert(n->flags & BUILD_PENDING && n->link.name < u->b->name_count);
	n->flags = 0;
	u->b->names[n->link.name].node = file;
	if (file == BUILD_NONE) {
		u->dropped++;
		return 0;
	}
	tree_build_attrs(u->b, node, &attrs);
	return link_attrs(u, file, &attrs, n->time, err);
}

/* Follows links that wait to the file at their end, then settles them from there backwards, so
 * that each is followed once. */
static int tree_link_resolve(struct tree_upper *u, uint32_t node, uint32_t *chain, struct err *err)
{
	uint32_t count = 0, file = node;
	int r = 0;

	do {
		assert(count < u->pending_count);
		chain[count++] = file;
		u->b->nodes[file].flags |= BUILD_VISITED;
		r = pending_target(u, file, &file, err);
	} while (!r && file != BUILD_NONE && u->b->nodes[file].flags & BUILD_PENDING);
	if (!r && tree_walk_is_dir(u, file))
		file = BUILD_NONE;
	while (!r && count > 0)
		r = tree_link_settle_one(u, chain[--count], file, err);
	return r;
}

int tree_link_settle(struct tree_upper *u, struct err *err)
{
	autofree uint32_t *chain = NULL;
	int r = 0;

	if (!u->pending_count)
		return 0;
	chain = calloc(u->pending_count, sizeof(*chain));
	if (!chain)
		return err_nomem(err);
	for (uint32_t i = 0; i < u->pending_count && !r; i++) {
		uint32_t node = u->pending[i];

		/* Those that are settled, or that a later entry replaced, are done. */
		if (u->b->nodes[node].flags & BUILD_PENDING &&
		    u->b->names[u->b->nodes[node].link.name].node == node)
			r = tree_link_resolve(u, node, chain, err);
	}
	return r;
}
