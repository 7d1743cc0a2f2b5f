/* SPDX-License-Identifier: MIT */
#include "store/tree/tree.h"

#include "store/base/io.h"
#include "store/base/stamp.h"
#include "store/base/mapped.h"
#include "store/tree/tree_format.h"
#include "store/base/xxh.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define BLOCK 512

struct tree {
	struct mapped *map; /* owned */
	int fd;		    /* owned: to see whether somebody changes the file */
	struct timespec written;
	size_t size;
	struct tree_header header; /* a copy, checked; the sections, all in the mapping: */
	const struct tree_node *nodes;
	const struct tree_sparse *sparse;
	const struct tree_extent *extents;
	const struct tree_name *dirents;
	const uint32_t *by_name;
	const struct tree_attrs *attrs;
	const struct tree_set *sets;
	const struct tree_xattr *xattrs;
	const char *strings;
};

int tree_digest(enum tree_kind kind, const struct layer_name *layers, size_t count,
		struct digest *out, struct err *err)
{
	AUTO(hash_close) struct hash *hash = NULL;
	static const char *const hows[] = {[LAYER_CHECK_BLOCKS] = "\n",
					   [LAYER_CHECK_DIGESTS] = " table\n",
					   [LAYER_CHECK_PACKED] = " ztoc\n",
					   [LAYER_CHECK_REFERRED] = " referred\n"};
	const char *name = kind == TREE_DIFF ? "diff\n" : "merged\n";
	char text[DIGEST_TEXT_MAX];
	int r = hash_open(DIGEST_SHA256, &hash, err);

	if (r)
		return r;
	hash_update(hash, name, strlen(name));
	for (size_t i = 0; i < count; i++) {
		const char *how = hows[layers[i].check];

		digest_text(&layers[i].blob, text);
		hash_update(hash, text, strlen(text));
		hash_update(hash, how, strlen(how));
		if (layers[i].check != LAYER_CHECK_BLOCKS)
			hash_update(hash, layer_name_voucher(&layers[i]), LAYER_VOUCHER);
	}
	hash_final(hash, out);
	return 0;
}

int tree_path(enum tree_kind kind, const struct layer_name *layers, size_t count,
	      char path[static TREE_PATH_MAX], struct err *err)
{
	char hex[DIGEST_HEX_MAX];
	struct digest digest;
	int r = tree_digest(kind, layers, count, &digest, err);

	if (r)
		return r;
	snprintf(path, TREE_PATH_MAX, "derived/trees/%s", digest_hex(&digest, hex));
	return 0;
}

/* The sections one behind the other; false: they do not make up the file. */
static bool find_sections(struct tree *t)
{
	const struct tree_header *h = &t->header;
	const char *at = (const char *)mapped_data(t->map) + sizeof(*h);

	if (h->string_bytes > t->size || tree_file_size(h) != t->size || h->file_size != t->size)
		return false;
	t->nodes = (const void *)at;
	t->sparse = (const void *)(t->nodes + h->nodes);
	t->extents = (const void *)(t->sparse + h->sparse);
	t->dirents = (const void *)(t->extents + h->extents);
	t->by_name = (const void *)(t->dirents + h->dirents);
	t->attrs = (const void *)(t->by_name + h->dirents);
	t->sets = (const void *)(t->attrs + h->attrs);
	t->xattrs = (const void *)(t->sets + h->sets);
	t->strings = (const void *)(t->xattrs + h->xattrs);
	return true;
}

static bool is_whole(struct tree *t, enum tree_kind kind)
{
	const struct tree_header *h = &t->header;
	const char *map = mapped_data(t->map);
	size_t skip = offsetof(struct tree_header, version);

	return memcmp(h->magic, TREE_MAGIC, sizeof(h->magic)) == 0 && h->version == TREE_VERSION &&
	       h->byte_order == TREE_BYTE_ORDER && h->kind == kind && find_sections(t) &&
	       XXH3_64bits(map + skip, t->size - skip) == h->checksum &&
	       tree_parent(t, TREE_ROOT) == TREE_ROOT;
}

static int map_file(struct tree *t, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(t->fd, &st) < 0)
		return err_sys(err, "tree");
	t->size = (size_t)st.st_size;
	t->written = st.st_mtim;
	if (t->size < sizeof(struct tree_header))
		return err_set(err, ENOENT, "tree: too short");
	r = mapped_open(t->fd, t->size, &t->map, err);
	if (r)
		return err_context(err, "tree");
	memcpy(&t->header, mapped_data(t->map), sizeof(t->header));
	return 0;
}

int tree_open_at(int dirfd, const char *path, enum tree_kind kind, struct tree **out,
		 struct err *err)
{
	AUTO(tree_close) struct tree *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_nomem(err);
	t->fd = io_open(dirfd, path, O_RDONLY, 0, err);
	if (t->fd < 0)
		return t->fd;
	r = map_file(t, err);
	if (r)
		return r;
	if (!is_whole(t, kind))
		return err_set(err, ENOENT, "tree: damaged, or of another version");
	*out = steal(&t);
	return 0;
}

int tree_open(struct store *s, enum tree_kind kind, const struct layer_name *layers, size_t count,
	      struct tree **out, struct err *err)
{
	char path[TREE_PATH_MAX];
	int r = tree_path(kind, layers, count, path, err);

	return r ? r : tree_open_at(store_cachefd(s), path, kind, out, err);
}

void tree_close(struct tree *t)
{
	if (!t)
		return;
	mapped_close(t->map);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

bool tree_intact(const struct tree *t)
{
	struct stat st;

	return !mapped_damaged(t->map) && fstat(t->fd, &st) == 0 && (size_t)st.st_size == t->size &&
	       stamp_is_same(st.st_mtim, t->written);
}

uint64_t tree_checksum(const struct tree *t)
{
	return t->header.checksum;
}

uint32_t tree_count(const struct tree *t)
{
	return t->header.nodes;
}

uint32_t tree_dropped(const struct tree *t)
{
	return t->header.dropped;
}

/* The node if it is of this type (0: any), with what it shares with others; else NULL. */
static const struct tree_node *get_node(const struct tree *t, uint32_t node, uint32_t type,
					const struct tree_attrs **attrs)
{
	const struct tree_node *n = &t->nodes[node];

	if (node >= t->header.nodes || n->attrs >= t->header.attrs)
		return NULL;
	*attrs = &t->attrs[n->attrs];
	return type && ((*attrs)->mode & S_IFMT) != type ? NULL : n;
}

/* A directory whose entries are all there, or NULL. */
static const struct tree_node *get_dir(const struct tree *t, uint32_t dir)
{
	const struct tree_attrs *attrs;
	const struct tree_node *n = get_node(t, dir, S_IFDIR, &attrs);

	if (!n || n->dir.first > t->header.dirents ||
	    n->dir.count > t->header.dirents - n->dir.first)
		return NULL;
	return n;
}

/* The map of a sparse file, or NULL. */
static const struct tree_sparse *get_sparse(const struct tree *t, uint32_t node)
{
	uint32_t low = 0, high = t->header.sparse;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (t->sparse[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == t->header.sparse || t->sparse[low].node != node)
		return NULL;
	if (t->sparse[low].first > t->header.extents || t->sparse[low].count == 0 ||
	    t->sparse[low].count > t->header.extents - t->sparse[low].first)
		return NULL;
	return &t->sparse[low];
}

/* The `len` bytes of a string, or NULL. */
static const char *get_string(const struct tree *t, uint32_t offset, uint32_t len)
{
	uint64_t end = (uint64_t)offset + len;

	if (end >= t->header.string_bytes || t->strings[end] != '\0')
		return NULL;
	return t->strings + offset;
}

/* A name, whose length stands before it, or NULL. */
static const char *get_name(const struct tree *t, uint32_t offset, uint32_t *len)
{
	if (offset == 0 || offset >= t->header.string_bytes)
		return NULL;
	*len = (uint8_t)t->strings[offset - 1];
	return get_string(t, offset, *len);
}

int tree_stat(const struct tree *t, uint32_t node, struct stat *out)
{
	const struct tree_attrs *attrs;
	const struct tree_node *n = get_node(t, node, 0, &attrs);
	const struct tree_sparse *sparse;

	if (!n)
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	out->st_ino = (ino_t)node + 1;
	out->st_mode = attrs->mode;
	out->st_uid = attrs->uid;
	out->st_gid = attrs->gid;
	out->st_nlink = n->nlink & ~TREE_NLINK_SPARSE;
	out->st_blksize = 4096;
	out->st_mtim = out->st_ctim = out->st_atim = tree_time_unpack(n->time);
	switch (attrs->mode & S_IFMT) {
	case S_IFREG:
		sparse = n->nlink & TREE_NLINK_SPARSE ? get_sparse(t, node) : NULL;
		out->st_size = (off_t)n->file.size;
		out->st_blocks =
		    (blkcnt_t)(((sparse ? sparse->stored : n->file.size) + BLOCK - 1) / BLOCK);
		break;
	case S_IFDIR:
		out->st_size = 4096;
		break;
	case S_IFLNK:
		out->st_size = n->link.len;
		break;
	case S_IFCHR:
	case S_IFBLK:
		out->st_rdev = makedev(n->device.major, n->device.minor);
		break;
	}
	return 0;
}

uint32_t tree_layer(const struct tree *t, uint32_t node)
{
	const struct tree_attrs *attrs;

	return get_node(t, node, 0, &attrs) ? attrs->layer : TREE_NONE;
}

uint32_t tree_parent(const struct tree *t, uint32_t dir)
{
	const struct tree_node *n = get_dir(t, dir);

	return n && n->dir.parent < t->header.nodes ? n->dir.parent : TREE_NONE;
}

uint32_t tree_dir_count(const struct tree *t, uint32_t dir)
{
	const struct tree_node *n = get_dir(t, dir);

	return n ? n->dir.count : 0;
}

bool tree_dir_at(const struct tree *t, uint32_t dir, uint32_t position, struct tree_dirent *out)
{
	const struct tree_node *n = get_dir(t, dir);
	const struct tree_name *name;
	uint32_t len = 0;

	if (!n || position >= n->dir.count)
		return false;
	name = &t->dirents[n->dir.first + position];
	out->name = get_name(t, name->name, &len);
	out->len = len;
	out->node = name->node;
	return out->name && name->node < t->header.nodes;
}

bool tree_dir_sorted_at(const struct tree *t, uint32_t dir, uint32_t position,
			struct tree_dirent *out)
{
	const struct tree_node *n = get_dir(t, dir);

	return n && position < n->dir.count &&
	       tree_dir_at(t, dir, t->by_name[n->dir.first + position], out);
}

uint32_t tree_lookup(const struct tree *t, uint32_t dir, const char *name, size_t len)
{
	const struct tree_node *n = get_dir(t, dir);
	uint32_t low = 0, high = n ? n->dir.count : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct tree_dirent d;
		int order;

		if (!tree_dir_at(t, dir, t->by_name[n->dir.first + middle], &d))
			return TREE_NONE;
		order = memcmp(d.name, name, d.len < len ? d.len : len);
		if (order == 0 && d.len == len)
			return d.node;
		if (order < 0 || (order == 0 && d.len < len))
			low = middle + 1;
		else
			high = middle;
	}
	return TREE_NONE;
}

const char *tree_symlink(const struct tree *t, uint32_t node, size_t *len)
{
	const struct tree_attrs *attrs;
	const struct tree_node *n = get_node(t, node, S_IFLNK, &attrs);

	if (!n)
		return NULL;
	*len = n->link.len;
	return get_string(t, n->link.target, n->link.len);
}

bool tree_any_xattr(const struct tree *t, uint32_t position, struct xattr *out)
{
	const struct tree_xattr *x;
	uint32_t len;

	if (position >= t->header.xattrs)
		return false;
	x = &t->xattrs[position];
	out->name = get_name(t, x->name, &len);
	out->value = get_string(t, x->value, x->size);
	out->size = x->size;
	return out->name && out->value;
}

bool tree_xattr_at(const struct tree *t, uint32_t node, uint32_t position, struct xattr *out)
{
	const struct tree_attrs *attrs;
	const struct tree_set *set;

	if (!get_node(t, node, 0, &attrs) || attrs->set >= t->header.sets)
		return false;
	set = &t->sets[attrs->set];
	return position < set->count && set->first <= t->header.xattrs &&
	       tree_any_xattr(t, set->first + position, out);
}

/* The last extent that begins at or before the offset; `count` where all begin behind it. */
static uint32_t find_extent(const struct tree_extent *extents, uint32_t count, uint64_t offset)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (extents[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : count;
}

/* The run at `offset`, which is below the file's size, as long as it is. */
static void map_sparse(const struct tree *t, const struct tree_sparse *s, const struct tree_node *n,
		       uint64_t offset, struct tree_run *out)
{
	const struct tree_extent *extents = &t->extents[s->first];
	uint32_t i = find_extent(extents, s->count, offset);
	uint32_t next = i == s->count ? 0 : i + 1;
	uint64_t end = next < s->count ? extents[next].offset : n->file.size;

	out->hole = true;
	out->length = end - offset;
	if (i < s->count) {
		uint64_t stored = next < s->count ? extents[next].before : s->stored;
		uint64_t length = stored - extents[i].before, inside = offset - extents[i].offset;

		if (inside < length) {
			out->hole = false;
			out->length = length - inside;
			out->archive = n->file.data + extents[i].before + inside;
		}
	}
}

int tree_map(const struct tree *t, uint32_t node, uint64_t offset, uint64_t len,
	     struct tree_run *out)
{
	const struct tree_attrs *attrs;
	const struct tree_node *n = get_node(t, node, S_IFREG, &attrs);
	const struct tree_sparse *sparse;

	*out = (struct tree_run){0};
	if (!n)
		return -EBADMSG;
	if (offset >= n->file.size)
		return 0;
	if (n->nlink & TREE_NLINK_SPARSE) {
		sparse = get_sparse(t, node);
		if (!sparse)
			return -EBADMSG;
		map_sparse(t, sparse, n, offset, out);
	} else {
		out->length = n->file.size - offset;
		out->archive = n->file.data + offset;
	}
	if (out->length > len)
		out->length = len;
	return 0;
}
