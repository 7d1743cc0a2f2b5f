/* SPDX-License-Identifier: MIT */
#include "store/tree/rootfs_tar.h"

#include "store/base/map.h"
#include "store/tar/tar_writer.h"

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
static struct tree_dirent name_of(const struct rootfs_tar *r, const struct item *i)
{
	struct tree_dirent e;

	if (!tree_dir_at(r->tree, r->items[i->parent].node, i->position & ~LINK, &e))
		e = (struct tree_dirent){.name = ""};
	return e;
}

/* Appends "usr/bin/ls"; "." for the root. From the last name to the first, as the items lead. */
static void rootfs_tar_put_path(const struct rootfs_tar *r, size_t item, struct buf *out)
{
	size_t len = 0;
	char *end;

	if (r->items[item].parent == NONE) {
		buf_putc(out, '.');
		return;
	}
	for (size_t i = item; i; i = r->items[i].parent)
		len += name_of(r, &r->items[i]).len + 1;
	end = buf_reserve(out, len);
	if (!end)
		return;
	out->len += len - 1;
	end += len;
	for (size_t i = item; i; i = r->items[i].parent) {
		struct tree_dirent e = name_of(r, &r->items[i]);

		if (e.len >= len) /* it was shorter before: the tree's file is being changed */
			break;
		*--end = '/';
		end -= e.len;
		len -= e.len + 1;
		memcpy(end, e.name, e.len);
	}
	out->data[out->len] = '\0';
}

static size_t link_target(const struct rootfs_tar *r, uint32_t node)
{
	return (size_t)(uintptr_t)map_get(r->links, &node, sizeof(node));
}

/* Appends an item's header; *content is what follows it. */
static int put_header(const struct rootfs_tar *r, size_t item, struct buf *out, uint64_t *content,
		      struct err *err)
{
	struct xattr xattrs[ENTRY_XATTRS_MAX];
	uint32_t node = r->items[item].node;
	bool link = r->items[item].position & LINK && r->items[item].parent != NONE;
	autobuf path = BUF_INIT, target = BUF_INIT;
	struct entry e = {0};
	struct stat st;
	int rc = tree_stat(r->tree, node, &st);

	if (rc < 0)
		return err_set(err, -rc, "tree: node %u", node);
	rootfs_tar_put_path(r, item, &path);
	if (link) {
		rootfs_tar_put_path(r, link_target(r, node), &target);
		e.link = target.data;
		e.link_len = target.len;
	} else {
		e.link = tree_symlink(r->tree, node, &e.link_len);
	}
	e.link = e.link ? e.link : "";
	while (!link && e.xattr_count < ENTRY_XATTRS_MAX &&
	       tree_xattr_at(r->tree, node, e.xattr_count, &xattrs[e.xattr_count]))
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

static int add_item(struct rootfs_tar *r, uint32_t parent, uint32_t position, uint32_t node,
		    struct err *err)
{
	uint64_t content;
	int rc;

	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 1024;
		struct item *items = reallocarray(r->items, room, sizeof(*items));

		if (!items)
			return err_nomem(err);
		r->items = items;
		r->room = room;
	}
	r->items[r->count] = (struct item){r->size, parent, position, node};
	buf_reset(&r->header);
	rc = put_header(r, r->count, &r->header, &content, err);
	if (rc)
		return rc;
	r->count++;
	r->size += r->header.len + content + tar_writer_padding(content);
	return 0;
}

/* 1 where the entry is a directory, whose entries come next. */
static int rootfs_tar_add_entry(struct rootfs_tar *r, uint32_t parent, uint32_t position,
				uint32_t node, struct err *err)
{
	uint32_t item = (uint32_t)r->count;
	struct stat st;
	int rc = tree_stat(r->tree, node, &st);

	if (rc < 0)
		return err_set(err, -rc, "tree: node %u", node);
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		if (link_target(r, node))
			position |= LINK;
		else if (map_put(r->links, &node, sizeof(node), (void *)(uintptr_t)item))
			return err_nomem(err);
	}
	rc = add_item(r, parent, position, node, err);
	return rc ? rc : S_ISDIR(st.st_mode);
}

/* All that is below the root, depth first; the items know the way back up. */
static int rootfs_tar_add_entries(struct rootfs_tar *r, struct err *err)
{
	uint32_t dir = 0, position = 0;
	struct tree_dirent e;
	int rc;

	for (;;) {
		if (!tree_dir_at(r->tree, r->items[dir].node, position, &e)) {
			if (!dir)
				return 0;
			position = r->items[dir].position + 1;
			dir = r->items[dir].parent;
			continue;
		}
		rc = rootfs_tar_add_entry(r, dir, position++, e.node, err);
		if (rc < 0)
			return rc;
		if (rc) {
			dir = (uint32_t)r->count - 1;
			position = 0;
		}
	}
}

int rootfs_tar_open(const struct tree *t, struct rootfs_tar **out, struct err *err)
{
	AUTO(rootfs_tar_close) struct rootfs_tar *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return err_nomem(err);
	r->tree = t;
	r->links = map_new();
	if (!r->links)
		return err_nomem(err);
	rc = add_item(r, NONE, 0, TREE_ROOT, err);
	if (!rc)
		rc = rootfs_tar_add_entries(r, err);
	buf_free(&r->header);
	if (rc)
		return rc;
	*out = steal(&r);
	return 0;
}

void rootfs_tar_use(struct rootfs_tar *r, const struct tree *t)
{
	r->tree = t;
}

void rootfs_tar_close(struct rootfs_tar *r)
{
	if (!r)
		return;
	if (r->links)
		map_free(r->links);
	buf_free(&r->header);
	free(r->items);
	free(r);
}

uint64_t rootfs_tar_size(const struct rootfs_tar *r)
{
	return r->size + TAR_WRITER_END;
}

/* ---- reading ---- */

/* The last item that begins at or before the offset. */
static size_t find_item(const struct rootfs_tar *r, uint64_t offset)
{
	size_t low = 0, high = r->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (r->items[middle].offset <= offset)
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

int rootfs_tar_at(const struct rootfs_tar *r, uint64_t offset, struct rootfs_tar_part *out,
		  struct buf *bytes, struct err *err)
{
	size_t item = find_item(r, offset);
	uint64_t at = offset - r->items[item].offset, content;
	autobuf header = BUF_INIT;
	int rc;

	*out = (struct rootfs_tar_part){0};
	if (offset >= rootfs_tar_size(r))
		return 0;
	if (offset >= r->size)
		return put_zeros(bytes, rootfs_tar_size(r) - offset, out, err);
	rc = put_header(r, item, &header, &content, err);
	if (rc)
		return rc;
	if (at < header.len) {
		buf_append(bytes, header.data + at, header.len - at);
		out->length = header.len - at;
		return buf_failed(bytes) ? err_nomem(err) : 0;
	}
	at -= header.len;
	if (at >= content)
		return put_zeros(bytes, content + tar_writer_padding(content) - at, out, err);
	*out = (struct rootfs_tar_part){content - at, true, r->items[item].node, at};
	return 0;
}
