/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_entry.h"

#include "store/tree/tree_link.h"
#include "store/tree/tree_walk.h"

#include <errno.h>
#include <string.h>

#define WHITEOUT	".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define SYMLINK_MAX	4095

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Runtimes know no time before 1970. */
static uint64_t time_of(const struct entry *e)
{
	return e->mtime < 0 ? tree_time_pack(0, 0) : tree_time_pack(e->mtime, e->mtime_ns);
}

/* The directory that an entry goes to; most entries go where the one before went. */
static int find_parent(struct tree_upper *u, size_t len, uint32_t *out, struct err *err)
{
	int r;

	if (len == u->last_len && memcmp(u->path, u->last, len) == 0) {
		*out = u->last_dir;
		return 0;
	}
	r = tree_walk_dir(u, u->path, len, true, out, err);
	if (r || *out == BUILD_NONE)
		return r;
	memcpy(u->last, u->path, len);
	u->last_len = len;
	u->last_dir = *out;
	return 0;
}

/* The kernel takes user.* on files and directories only, and no names outside these four spaces;
 * those of overlayfs would steer an overlay above the mount. */
static bool is_shown(const char *name, uint32_t type)
{
	if (strstr(name, ".overlay."))
		return false;
	if (has_prefix(name, "user."))
		return type == 0 || type == S_IFREG || type == S_IFDIR;
	return has_prefix(name, "trusted.") || has_prefix(name, "security.") ||
	       has_prefix(name, "system.");
}

static int take_xattrs(struct tree_upper *u, const struct entry *e, uint32_t *set, struct err *err)
{
	struct build_xattr shown[ENTRY_XATTRS_MAX];
	uint32_t count = 0;
	int r = 0;

	*set = TREE_NO_SET;
	for (uint32_t i = 0; i < e->xattr_count && i < ENTRY_XATTRS_MAX && !r; i++) {
		const struct xattr *x = &e->xattrs[i];

		if (!is_shown(x->name, e->mode & S_IFMT))
			continue;
		r = intern_add(&u->b->strings, x->name, strlen(x->name), &shown[count].name, err);
		if (!r)
			r = intern_add(&u->b->strings, x->value, x->size, &shown[count].value, err);
		count++;
	}
	if (r || !count)
		return r;
	return intern_add(&u->b->sets, shown, count * sizeof(shown[0]), set, err);
}

static int take_attrs(struct tree_upper *u, const struct entry *e, struct tree_attrs *out,
		      struct err *err)
{
	*out = (struct tree_attrs){.mode = e->mode & (S_IFMT | 07777), .layer = u->layer};
	if (S_ISLNK(e->mode))
		out->mode = S_IFLNK | 0777; /* Linux knows no other */
	/* chown(2) takes -1 for "leave it", and what root makes is root's. */
	out->uid = e->uid == UINT32_MAX ? 0 : e->uid;
	out->gid = e->gid == UINT32_MAX ? 0 : e->gid;
	return take_xattrs(u, e, &out->set, err);
}

/* What the types have of their own. The node has been added last. */
static int fill_node(struct tree_upper *u, uint32_t node, const struct entry *e, struct err *err)
{
	struct build_node *n = &u->b->nodes[node];

	switch (e->mode & S_IFMT) {
	case S_IFREG:
		n->file.data = e->data;
		n->file.size = e->size;
		if (!e->extent_count && e->stored != e->size)
			return err_set(err, EBADMSG, "%s: %llu bytes are stored of %llu", u->path,
				       (unsigned long long)e->stored, (unsigned long long)e->size);
		return e->extent_count ? tree_build_sparse(u->b, e, &n->file.sparse, err) : 0;
	case S_IFLNK:
		return intern_add(&u->b->strings, e->link, e->link_len, &n->link.target, err);
	case S_IFCHR:
	case S_IFBLK:
		n->device.major = e->dev_major;
		n->device.minor = e->dev_minor;
		return 0;
	case S_IFIFO:
		return 0;
	default:
		return err_set(err, EBADMSG, "%s: unknown type of file", u->path);
	}
}

static int add_dir(struct tree_upper *u, uint32_t dir, uint32_t name, const struct entry *e,
		   struct err *err)
{
	struct tree_build *b = u->b;
	uint32_t node = b->names[name].node;
	uint64_t time = time_of(e);
	struct tree_attrs attrs;
	int r = take_attrs(u, e, &attrs, err);

	if (r)
		return r;
	if (!tree_walk_is_dir(u, node)) {
		r = tree_build_dir(b, &attrs, time, dir, &node, err);
		if (!r) {
			tree_walk_set(u, name, node);
			b->names[name].whiteout = 0; /* it has taken the whiteout's place */
		}
		return r;
	}
	b->nodes[node].time = time;
	b->nodes[node].flags &= (uint16_t)~BUILD_IMPLICIT;
	return tree_build_set_attrs(b, node, &attrs, err);
}

static int add_other(struct tree_upper *u, uint32_t name, const struct entry *e, struct err *err)
{
	struct tree_attrs attrs;
	uint32_t node;
	int r = take_attrs(u, e, &attrs, err);

	if (!r)
		r = tree_build_node(u->b, &attrs, time_of(e), &node, err);
	if (!r)
		r = fill_node(u, node, e, err);
	if (!r)
		tree_walk_set(u, name, node);
	return r;
}

static int add_link(struct tree_upper *u, uint32_t name, const struct entry *e, struct err *err)
{
	struct tree_attrs attrs;
	int r = take_attrs(u, e, &attrs, err);

	if (r)
		return r;
	return tree_link_add(u, name, &attrs, time_of(e), err);
}

enum { ENTRY_MARK = 1 };

/* ENTRY_MARK: a mark, not a file; it has been made. */
static int add_whiteout(struct tree_upper *u, uint32_t dir, const char *name, struct err *err)
{
	const char *hidden = name + strlen(WHITEOUT);
	uint32_t string, at;
	int r;

	if (!has_prefix(name, WHITEOUT))
		return 0;
	if (strcmp(name, WHITEOUT_OPAQUE) == 0) {
		if (dir != u->root) /* overlayfs does not look there */
			u->b->nodes[dir].flags |= BUILD_OPAQUE;
		return ENTRY_MARK;
	}
	if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0) {
		u->dropped++; /* of nothing */
		return ENTRY_MARK;
	}
	r = intern_add(&u->b->strings, hidden, strlen(hidden), &string, err);
	if (!r)
		r = tree_build_name(u->b, dir, string, &at, err);
	if (r)
		return r;
	u->b->names[at].whiteout = 1;
	return ENTRY_MARK;
}

/* A character device 0:0 is what overlayfs itself takes for a whiteout. */
static bool is_overlay_whiteout(const struct tree_upper *u, const struct entry *e)
{
	return u->kind == TREE_MERGED && S_ISCHR(e->mode) && e->dev_major == 0 && e->dev_minor == 0;
}

static int add_named(struct tree_upper *u, uint32_t dir, const char *name, const struct entry *e,
		     struct err *err)
{
	uint32_t string, at;
	int r = intern_add(&u->b->strings, name, strlen(name), &string, err);

	if (!r)
		r = tree_build_name(u->b, dir, string, &at, err);
	if (r)
		return r;
	if (is_overlay_whiteout(u, e)) {
		tree_walk_set(u, at, BUILD_NONE);
		u->b->names[at].whiteout = 1;
		return 0;
	}
	if (S_ISDIR(e->mode))
		return add_dir(u, dir, at, e, err);
	return e->mode & S_IFMT ? add_other(u, at, e, err) : add_link(u, at, e, err);
}

static int add_root(struct tree_upper *u, const struct entry *e, struct err *err)
{
	struct build_node *root = &u->b->nodes[u->root];
	struct tree_attrs attrs;
	int r;

	if (!S_ISDIR(e->mode))
		return err_set(err, EBADMSG, "the root is no directory");
	r = take_attrs(u, e, &attrs, err);
	if (r)
		return r;
	root->time = time_of(e);
	root->flags &= (uint16_t)~BUILD_IMPLICIT;
	return tree_build_set_attrs(u->b, u->root, &attrs, err);
}

/* Cleans the paths of the entry into u->path and u->link; as tree_walk_clean. */
static int take_paths(struct tree_upper *u, const struct entry *e, size_t *len)
{
	size_t link_len;
	int r = tree_walk_clean(e->path, e->path_len, u->path, len);

	if (r != PATH_SHOWN)
		return r;
	if (S_ISLNK(e->mode) && (!e->link_len || e->link_len > SYMLINK_MAX))
		return PATH_HIDDEN;
	if (e->mode & S_IFMT)
		return PATH_SHOWN;
	return tree_walk_clean(e->link, e->link_len, u->link, &link_len);
}

int tree_entry_add(struct tree_upper *u, const struct entry *e, struct err *err)
{
	const char *slash, *name;
	uint32_t dir;
	size_t len;
	int r;

	if (take_paths(u, e, &len) == PATH_HIDDEN) {
		u->dropped++;
		return 0;
	}
	if (len == 0)
		return add_root(u, e, err);
	slash = strrchr(u->path, '/');
	name = slash ? slash + 1 : u->path;
	r = find_parent(u, slash ? (size_t)(slash - u->path) : 0, &dir, err);
	if (r)
		return r;
	if (dir == BUILD_NONE || u->b->nodes[dir].depth >= ENTRY_DEPTH_MAX) {
		u->dropped++;
		return 0;
	}
	r = u->kind == TREE_MERGED ? add_whiteout(u, dir, name, err) : 0;
	if (r)
		return r == ENTRY_MARK ? 0 : r;
	return add_named(u, dir, name, e, err);
}
