/* SPDX-License-Identifier: MIT */
#include "store/tree/rootfs_tar.h"

#include "store/base/map.h"
#include "store/tar/tar_writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LINK UINT32_C(0x80000000) /* of position: a hard link to an earlier item */
#define NONE UINT32_MAX		  /* of parent: the root itself */

/* An entry of the archive. Its directory is the entry `parent` (0: the root), in which it stands at
 * `position`. */
struct item {
	uint64_t offset; /* of its header */
	uint32_t parent, position, node;
};

struct rootfs_tar {
	_Atomic(const struct tree *) tree; /* borrowed */
	struct item *items;		   /* owned; by offset; the first is the root */
	size_t count, room;
	uint64_t size;	   /* without the end */
	struct map *links; /* owned: nodes with several names → the item that has the content */
	struct buf header; /* while it is made */
};

/* ---- entries ---- */

/* The name that an item has in its directory. */
static struct tree_dirent name_of(const struct rootfs_tar *tar, const struct item *i)
{
	struct tree_dirent e;

	if (!tree_dir_at(tar->tree, tar->items[i->parent].node, i->position & ~LINK, &e))
		e = (struct tree_dirent){.name = ""};
	return e;
}

/* Appends "usr/bin/ls"; "." for the root. From the last name to the first, as the items lead. */
static void rootfs_tar_put_path(const struct rootfs_tar *tar, size_t item, struct buf *out)
{
	size_t len = 0;
	char *end;

	if (tar->items[item].parent == NONE) {
		buf_putc(out, '.');
		return;
	}
	for (size_t i = item; i; i = tar->items[i].parent)
		len += name_of(tar, &tar->items[i]).len + 1;
	end = buf_reserve(out, len);
	if (!end)
		return;
	out->len += len - 1;
	end += len;
	for (size_t i = item; i; i = tar->items[i].parent) {
		struct tree_dirent e = name_of(tar, &tar->items[i]);

		if (e.len >= len) /* it was shorter before: the tree's file is being changed */
			break;
		*--end = '/';
		end -= e.len;
		len -= e.len + 1;
		memcpy(end, e.name, e.len);
	}
	out->data[out->len] = '\0';
}

static size_t link_target(const struct rootfs_tar *tar, uint32_t node)
{
	return (size_t)(uintptr_t)map_get(tar->links, &node, sizeof(node));
}

/* Appends an item's header; *content is what follows it. */
static int put_header(const struct rootfs_tar *tar, size_t item, struct buf *out, uint64_t *content,
		      struct err *err)
{
	struct xattr xattrs[ENTRY_XATTRS_MAX];
	uint32_t node = tar->items[item].node;
	bool link = tar->items[item].position & LINK && tar->items[item].parent != NONE;
	autobuf path = BUF_INIT, target = BUF_INIT;
	struct entry e = {0};
	struct stat st;
	int r = tree_stat(tar->tree, node, &st);

	if (r < 0)
		return err_set(err, -r, "tree: node %u", node);
	rootfs_tar_put_path(tar, item, &path);
	if (link) {
		rootfs_tar_put_path(tar, link_target(tar, node), &target);
		e.link = target.data;
		e.link_len = target.len;
	} else {
		e.link = tree_symlink(tar->tree, node, &e.link_len);
	}
	e.link = e.link ? e.link : "";
	while (!link && e.xattr_count < ENTRY_XATTRS_MAX &&
	       tree_xattr_at(tar->tree, node, e.xattr_count, &xattrs[e.xattr_count]))
		e.xattr_count++;
	e.path = path.data;
	e.path_len = path.len;
	e.mode = link ? st.st_mode & 07777 : st.st_mode;
	e.uid = st.st_uid;
	e.gid = st.st_gid;
	e.size = (uint64_t)st.st_size;
	e.mtime = st.st_mtim.tv_sec;
	e.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	e.dev_major = major(st.st_rdev);
	e.dev_minor = minor(st.st_rdev);
	e.xattrs = xattrs;
	*content = !link && S_ISREG(st.st_mode) ? e.size : 0;
	return buf_failed(&path) || buf_failed(&target) ? err_nomem(err)
							: tar_writer_header(&e, out, err);
}

/* ---- the plan ---- */

static int add_item(struct rootfs_tar *tar, uint32_t parent, uint32_t position, uint32_t node,
		    struct err *err)
{
	uint64_t content;
	int r;

	if (tar->count == tar->room) {
		size_t room = tar->room ? 2 * tar->room : 1024;
		struct item *items = reallocarray(tar->items, room, sizeof(*items));

		if (!items)
			return err_nomem(err);
		tar->items = items;
		tar->room = room;
	}
	assert(tar->count < tar->room);
	tar->items[tar->count] = (struct item){tar->size, parent, position, node};
	buf_reset(&tar->header);
	r = put_header(tar, tar->count, &tar->header, &content, err);
	if (r)
		return r;
	tar->count++;
	tar->size += tar->header.len + content + tar_writer_padding(content);
	return 0;
}

enum { ITEM_DIR = 1 };

/* ITEM_DIR: the entry is a directory, whose entries come next. */
static int rootfs_tar_add_entry(struct rootfs_tar *tar, uint32_t parent, uint32_t position,
				uint32_t node, struct err *err)
{
	uint32_t item = (uint32_t)tar->count;
	struct stat st;
	int r = tree_stat(tar->tree, node, &st);

	if (r < 0)
		return err_set(err, -r, "tree: node %u", node);
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		if (link_target(tar, node))
			position |= LINK;
		else if (map_put(tar->links, &node, sizeof(node), (void *)(uintptr_t)item))
			return err_nomem(err);
	}
	r = add_item(tar, parent, position, node, err);
	return r ? r : S_ISDIR(st.st_mode) ? ITEM_DIR : 0;
}

/* All that is below the root, depth first; the items know the way back up. */
static int rootfs_tar_add_entries(struct rootfs_tar *tar, struct err *err)
{
	uint32_t dir = 0, position = 0;
	struct tree_dirent e;
	int r;

	for (;;) {
		if (!tree_dir_at(tar->tree, tar->items[dir].node, position, &e)) {
			if (!dir)
				return 0;
			position = tar->items[dir].position + 1;
			dir = tar->items[dir].parent;
			continue;
		}
		r = rootfs_tar_add_entry(tar, dir, position++, e.node, err);
		if (r < 0)
			return r;
		if (r == ITEM_DIR) {
			dir = (uint32_t)tar->count - 1;
			position = 0;
		}
	}
}

int rootfs_tar_open(const struct tree *t, struct rootfs_tar **out, struct err *err)
{
	AUTO(rootfs_tar_close) struct rootfs_tar *tar = calloc(1, sizeof(*tar));
	int r;

	if (!tar)
		return err_nomem(err);
	tar->tree = t;
	tar->links = map_new();
	if (!tar->links)
		return err_nomem(err);
	r = add_item(tar, NONE, 0, TREE_ROOT, err);
	if (!r)
		r = rootfs_tar_add_entries(tar, err);
	buf_free(&tar->header);
	if (r)
		return r;
	*out = steal(&tar);
	return 0;
}

void rootfs_tar_use(struct rootfs_tar *tar, const struct tree *t)
{
	tar->tree = t;
}

void rootfs_tar_close(struct rootfs_tar *tar)
{
	if (!tar)
		return;
	if (tar->links)
		map_free(tar->links);
	buf_free(&tar->header);
	free(tar->items);
	free(tar);
}

uint64_t rootfs_tar_size(const struct rootfs_tar *tar)
{
	return tar->size + TAR_WRITER_END;
}

/* ---- reading ---- */

/* The last item that begins at or before the offset. */
static size_t find_item(const struct rootfs_tar *tar, uint64_t offset)
{
	size_t low = 0, high = tar->count;

	assert(high > 0); /* the root, at least */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (tar->items[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int put_zeros(struct buf *bytes, uint64_t count, struct rootfs_tar_part *out,
		     struct err *err)
{
	char *room = buf_reserve(bytes, count);

	if (!room)
		return err_nomem(err);
	memset(room, 0, count);
	bytes->len += count;
	*out = (struct rootfs_tar_part){.length = count};
	return 0;
}

int rootfs_tar_at(const struct rootfs_tar *tar, uint64_t offset, struct rootfs_tar_part *out,
		  struct buf *bytes, struct err *err)
{
	size_t item = find_item(tar, offset);
	uint64_t at = offset - tar->items[item].offset, content;
	autobuf header = BUF_INIT;
	int r;

	*out = (struct rootfs_tar_part){0};
	if (offset >= rootfs_tar_size(tar))
		return 0;
	if (offset >= tar->size)
		return put_zeros(bytes, rootfs_tar_size(tar) - offset, out, err);
	r = put_header(tar, item, &header, &content, err);
	if (r)
		return r;
	if (at < header.len) {
		buf_append(bytes, header.data + at, header.len - at);
		out->length = header.len - at;
		return buf_failed(bytes) ? err_nomem(err) : 0;
	}
	at -= header.len;
	if (at >= content)
		return put_zeros(bytes, content + tar_writer_padding(content) - at, out, err);
	*out = (struct rootfs_tar_part){content - at, true, tar->items[item].node, at};
	return 0;
}
