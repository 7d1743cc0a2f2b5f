/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_diff.h"

#include "store/base/buf.h"
#include "store/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_BETWEEN_LOOKS 1024 /* at the cancel */

/* A directory of either tree, or of both. */
struct diff_level {
	uint32_t a, b;	     /* TREE_NONE: the other one has none */
	uint32_t at_a, at_b; /* the next entries, by name */
	size_t path;	     /* bytes of the path in front of its entries' names */
};

struct diff_walk {
	const struct tree_diff *d;
	struct diff_level *levels; /* owned: a directory within the other */
	size_t depth;
	struct buf path; /* owned */
	unsigned steps;
};

#define LEVELS_MAX (ENTRY_DEPTH_MAX + 1)

static int damaged_tree(struct err *err)
{
	return err_set(err, EIO, "a merged tree was damaged while it was read");
}

/* ---- one entry that both have ---- */

static bool has_xattr(const struct tree *t, uint32_t node, const struct xattr *x)
{
	struct xattr y;

	for (uint32_t i = 0; tree_xattr_at(t, node, i, &y); i++)
		if (!strcmp(x->name, y.name))
			return x->size == y.size && !memcmp(x->value, y.value, x->size);
	return false;
}

static bool nodes_same_xattrs(const struct tree_diff *d, uint32_t a, uint32_t b)
{
	struct xattr x;
	uint32_t count = 0;

	for (; tree_xattr_at(d->a, a, count, &x); count++)
		if (!has_xattr(d->b, b, &x))
			return false;
	return !tree_xattr_at(d->b, b, count, &x);
}

static bool same_target(const struct tree_diff *d, uint32_t a, uint32_t b)
{
	size_t a_len, b_len;
	const char *a_target = tree_symlink(d->a, a, &a_len);
	const char *b_target = tree_symlink(d->b, b, &b_len);

	return a_target && b_target && a_len == b_len && !memcmp(a_target, b_target, a_len);
}

/* What is of one type only: 1 where it is the same, 0, or -errno. */
static int same_inside(const struct tree_diff *d, const struct tree_change *c, unsigned *kind,
		       struct err *err)
{
	switch (c->a_stat.st_mode & S_IFMT) {
	case S_IFREG:
		*kind = TREE_CONTENT;
		if (c->a_stat.st_size != c->b_stat.st_size)
			return 0;
		return c->a_stat.st_size == 0
			   ? 1
			   : d->same(d->arg, c->a, c->b, (uint64_t)c->a_stat.st_size, err);
	case S_IFLNK:
		*kind = TREE_LINK;
		return same_target(d, c->a, c->b);
	case S_IFCHR:
	case S_IFBLK:
		*kind = TREE_DEVICE;
		return c->a_stat.st_rdev == c->b_stat.st_rdev;
	}
	return 1;
}

static int compare_nodes(const struct tree_diff *d, struct tree_change *c, struct err *err)
{
	const struct stat *a = &c->a_stat, *b = &c->b_stat;
	unsigned kind = 0;
	int r = 1;

	c->what = 0;
	if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT))
		c->what |= TREE_TYPE;
	else
		r = same_inside(d, c, &kind, err);
	if (r < 0)
		return err_context(err, "%s", c->path);
	if (!r)
		c->what |= kind;
	if ((a->st_mode & 07777) != (b->st_mode & 07777))
		c->what |= TREE_MODE;
	if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		c->what |= TREE_OWNER;
	if (!nodes_same_xattrs(d, c->a, c->b))
		c->what |= TREE_XATTRS;
	if (d->times &&
	    (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec))
		c->what |= TREE_TIMES;
	return 0;
}

/* ---- the walk ---- */

static int push_level(struct diff_walk *w, const struct tree_change *c, struct err *err)
{
	bool a = c->a != TREE_NONE && S_ISDIR(c->a_stat.st_mode);
	bool b = c->b != TREE_NONE && S_ISDIR(c->b_stat.st_mode);

	if (!a && !b)
		return 0;
	if (w->depth == LEVELS_MAX || !tree_intact(w->d->a) || !tree_intact(w->d->b))
		return damaged_tree(err);
	if (w->path.len > 1) /* the root's is the slash itself */
		buf_putc(&w->path, '/');
	w->levels[w->depth++] = (struct diff_level){
	    .a = a ? c->a : TREE_NONE, .b = b ? c->b : TREE_NONE, .path = w->path.len};
	return 0;
}

/* One entry, whose path is w->path, and of a directory the way into it. */
static int visit_entry(struct diff_walk *w, uint32_t a, uint32_t b, struct err *err)
{
	struct tree_change c = {.a = a, .b = b, .path = w->path.data};
	int r = 0;

	if (buf_failed(&w->path))
		return err_nomem(err);
	if ((a != TREE_NONE && tree_stat(w->d->a, a, &c.a_stat)) ||
	    (b != TREE_NONE && tree_stat(w->d->b, b, &c.b_stat)))
		return damaged_tree(err);
	if (a == TREE_NONE)
		c.what = TREE_ADDED;
	else if (b == TREE_NONE)
		c.what = TREE_REMOVED;
	else
		r = compare_nodes(w->d, &c, err);
	if (!r && c.what)
		r = w->d->found(w->d->arg, &c, err);
	return r ? r : push_level(w, &c, err);
}

/* Below 0: a comes first, or stands alone; above: b. */
static int which_first(bool has_a, const struct tree_dirent *a, bool has_b,
		       const struct tree_dirent *b)
{
	int order;

	if (!has_a || !has_b)
		return has_a ? -1 : 1;
	order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);
	return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* The next entry of the innermost directory; behind its last one, the way out of it. */
static int diff_step(struct diff_walk *w, struct err *err)
{
	struct diff_level *l = &w->levels[w->depth - 1];
	bool has_a = l->at_a < tree_dir_count(w->d->a, l->a);
	bool has_b = l->at_b < tree_dir_count(w->d->b, l->b);
	struct tree_dirent a = {0}, b = {0};
	int order;

	if (!has_a && !has_b) {
		w->depth--;
		return 0;
	}
	if ((has_a && !tree_dir_sorted_at(w->d->a, l->a, l->at_a, &a)) ||
	    (has_b && !tree_dir_sorted_at(w->d->b, l->b, l->at_b, &b)))
		return damaged_tree(err);
	order = which_first(has_a, &a, has_b, &b);
	l->at_a += order <= 0;
	l->at_b += order >= 0;
	w->path.len = l->path;
	buf_append(&w->path, order <= 0 ? a.name : b.name, order <= 0 ? a.len : b.len);
	return visit_entry(w, order <= 0 ? a.node : TREE_NONE, order >= 0 ? b.node : TREE_NONE,
			   err);
}

int tree_diff(const struct tree_diff *d, struct err *err)
{
	autofree struct diff_level *levels = calloc(LEVELS_MAX, sizeof(*levels));
	struct diff_walk w = {.d = d, .levels = levels};
	int r;

	if (!levels)
		return err_nomem(err);
	buf_putc(&w.path, '/');
	r = visit_entry(&w, TREE_ROOT, TREE_ROOT, err);
	while (!r && w.depth > 0) {
		if (w.steps++ % STEPS_BETWEEN_LOOKS == 0)
			r = cancel_check(d->cancel, err);
		if (!r)
			r = diff_step(&w, err);
	}
	buf_free(&w.path);
	return r;
}
