/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_walk.h"

#include <errno.h>
#include <string.h>

#define SYMLINK_HOPS 40
/* Bytes of path that symlinks may put in front of all entries of a layer. Real layers take a few
 * million; without a bound, an entry of 512 bytes could cost milliseconds. */
#define SYMLINK_BYTES (256u << 20)

int tree_walk_clean(const char *path, size_t len, char to[static ENTRY_PATH_MAX + 1],
		    size_t *out_len)
{
	size_t out = 0, depth = 0;

	if (len > ENTRY_PATH_MAX)
		return PATH_HIDDEN;
	for (const char *at = path, *end = path + len; at < end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t n = (size_t)((slash ? slash : end) - at);

		if (n == 2 && at[0] == '.' && at[1] == '.') {
			while (out > 0 && to[--out] != '/')
				;
			depth -= depth > 0; /* above the root lies the root */
		} else if (n > ENTRY_NAME_MAX) {
			return PATH_HIDDEN;
		} else if (n > 0 && !(n == 1 && at[0] == '.')) {
			if (out)
				to[out++] = '/';
			memcpy(to + out, at, n);
			out += n;
			depth++;
		}
		at += n + 1;
	}
	to[out] = '\0';
	*out_len = out;
	return depth <= ENTRY_DEPTH_MAX ? PATH_SHOWN : PATH_HIDDEN;
}

bool tree_walk_is_dir(const struct tree_upper *u, uint32_t node)
{
	return S_ISDIR(tree_build_type(u->b, node));
}

/* Where a name leads now. A directory or symlink that it led to may be part of the remembered
 * parent's path. */
void tree_walk_set(struct tree_upper *u, uint32_t name, uint32_t node)
{
	uint32_t type = tree_build_type(u->b, u->b->names[name].node);

	if (S_ISDIR(type) || S_ISLNK(type))
		u->last_len = SIZE_MAX;
	u->b->names[name].node = node;
}

/* The directory or symlink of this name; with `make`, what is neither becomes a directory. *out is
 * BUILD_NONE where there is none. */
static int tree_walk_step(struct tree_upper *u, uint32_t dir, const char *name, size_t len,
			  bool make, uint32_t *out, struct err *err)
{
	struct tree_build *b = u->b;
	uint32_t string, at, type;
	int r;

	*out = BUILD_NONE;
	string = intern_find(&b->strings, name, len);
	at = string == INTERN_NONE ? BUILD_NONE : tree_build_find(b, dir, string);
	type = at == BUILD_NONE ? 0 : tree_build_type(b, b->names[at].node);
	if (S_ISDIR(type) || S_ISLNK(type)) {
		*out = b->names[at].node;
		return 0;
	}
	if (!make || len > ENTRY_NAME_MAX || b->nodes[dir].depth >= ENTRY_DEPTH_MAX)
		return 0;
	r = intern_add(&b->strings, name, len, &string, err);
	if (!r)
		r = tree_build_name(b, dir, string, &at, err);
	if (!r)
		r = tree_build_implicit(b, dir, out, err);
	if (r)
		return r;
	tree_walk_set(u, at, *out);
	return 0;
}

/* Puts the symlink's target in front of the rest of the path, in u->walk. */
static int tree_walk_follow(struct tree_upper *u, uint32_t symlink, const char **at,
			    const char **end, struct err *err)
{
	size_t rest = (size_t)(*end - *at);
	uint32_t len;
	const char *target = intern_get(&u->b->strings, u->b->nodes[symlink].link.target, &len);

	u->followed += len + 1 + rest;
	if (len + 1 + rest > sizeof(u->walk) || u->followed > SYMLINK_BYTES)
		return err_set(err, EBADMSG, "%s: symlinks make it too long", u->path);
	memmove(u->walk + len + 1, *at, rest);
	memcpy(u->walk, target, len);
	u->walk[len] = '/';
	*at = u->walk;
	*end = u->walk + len + 1 + rest;
	return 0;
}

int tree_walk_dir(struct tree_upper *u, const char *path, size_t len, bool make, uint32_t *out,
		  struct err *err)
{
	const char *at = path, *end = path + len;
	uint32_t dir = u->root, next;
	int hops = 0, r;

	*out = BUILD_NONE;
	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *name = at;
		size_t n = (size_t)((slash ? slash : end) - at);

		at = slash ? slash + 1 : end;
		if (n == 0 || (n == 1 && name[0] == '.'))
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			dir = u->b->nodes[dir].dir.parent;
			continue;
		}
		r = tree_walk_step(u, dir, name, n, make, &next, err);
		if (r || next == BUILD_NONE)
			return r;
		if (tree_walk_is_dir(u, next)) {
			dir = next;
			continue;
		}
		if (++hops > SYMLINK_HOPS)
			return 0;
		if (*intern_get(&u->b->strings, u->b->nodes[next].link.target, NULL) == '/')
			dir = u->root;
		r = tree_walk_follow(u, next, &at, &end, err);
		if (r)
			return r;
	}
	*out = dir;
	return 0;
}

int tree_walk_file(struct tree_upper *u, const char *path, uint32_t *out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	uint32_t dir, string, at;
	int r = tree_walk_dir(u, path, (size_t)(name - path), false, &dir, err);

	*out = BUILD_NONE;
	if (r || dir == BUILD_NONE)
		return r;
	string = intern_find(&u->b->strings, name, strlen(name));
	at = string == INTERN_NONE ? BUILD_NONE : tree_build_find(u->b, dir, string);
	if (at != BUILD_NONE)
		*out = u->b->names[at].node;
	return 0;
}

bool tree_walk_is_hidden(const struct tree_upper *u, const char *path)
{
	uint32_t dir = u->root;

	while (*path && tree_walk_is_dir(u, dir)) {
		size_t n = strcspn(path, "/");
		uint32_t string = intern_find(&u->b->strings, path, n);
		uint32_t name =
		    string == INTERN_NONE ? BUILD_NONE : tree_build_find(u->b, dir, string);

		if (u->b->nodes[dir].flags & BUILD_OPAQUE ||
		    (name != BUILD_NONE && u->b->names[name].whiteout))
			return true;
		dir = name == BUILD_NONE ? BUILD_NONE : u->b->names[name].node;
		path += path[n] ? n + 1 : n;
	}
	return false;
}

uint32_t tree_walk_below(const struct tree_upper *u, const char *path)
{
	uint32_t node = u->below;

	while (node != BUILD_NONE && *path) {
		size_t n = strcspn(path, "/");
		uint32_t string = intern_find(&u->b->strings, path, n), name = BUILD_NONE;

		if (tree_walk_is_dir(u, node) && string != INTERN_NONE)
			name = tree_build_find(u->b, node, string);
		node = name == BUILD_NONE ? BUILD_NONE : u->b->names[name].node;
		path += path[n] ? n + 1 : n;
	}
	return node;
}
