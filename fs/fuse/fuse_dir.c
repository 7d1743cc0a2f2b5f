/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_dir.h"

#include "fs/fuse/fuse_entry.h"
#include "fs/core/inode.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static double seconds(enum lasting l)
{
	static const double of[] = {[LASTS_NOT] = 0,
				    [LASTS_SECOND] = 1,
				    [LASTS_WITH_NAMES] = FS_NAMES_LAST,
				    [LASTS] = FS_FOREVER};

	return of[l];
}

int fuse_dir_stat(struct request *rq, fuse_ino_t ino, struct stat *st, double *timeout,
		  struct err *err)
{
	uint32_t node;
	struct vnode *v = vnode_get(rq->fs->inodes, ino);
	struct view *w = view_get(rq->fs->inodes, ino, &node);

	*timeout = 0;
	if (w) {
		int r = view_settle(rq, w), check;
		bool lasts;

		if (r)
			return r;
		r = view_stat(w, node, st, &lasts);
		*timeout = lasts ? FS_FOREVER : view_is_open(w) ? FS_HERE_LASTS : 0;
		check = view_check(rq, w, err);
		return check ? check : r;
	}
	if (!v)
		return err_set(err, ESTALE, "unknown inode %llu", (unsigned long long)ino);
	*timeout = seconds(v->lasting);
	return vnode_stat(rq, v, st, err);
}

/* Replies with an entry whose lookup is counted already. */
static int reply_entry(struct call *c, struct request *rq, uint64_t ino, enum lasting lasting,
		       struct err *err)
{
	struct fuse_entry e = {.ino = ino, .name_timeout = seconds(lasting)};
	int r = fuse_dir_stat(rq, ino, &e.attr, &e.timeout, err);

	if (r || fuse_entry_reply(c->req, &e) != 0)
		inodes_forget(rq->fs->inodes, ino, 1);
	return r;
}

static int lookup_in_view(struct call *c, struct request *rq, struct view *w, uint32_t dir,
			  struct err *err)
{
	uint32_t node = TREE_NONE;
	int r = view_ready(rq, w, err);

	if (!r) {
		node = tree_lookup(view_tree(w), dir, c->name, strlen(c->name));
		r = view_check(rq, w, err);
	}
	if (r)
		return r;
	if (node == TREE_NONE) {
		fuse_entry_reply(c->req, &(struct fuse_entry){.name_timeout = FS_FOREVER});
		return 0;
	}
	inodes_count_lookups(rq->fs->inodes, view_ino(w, node), 1);
	return reply_entry(c, rq, view_ino(w, node), LASTS, err);
}

int fuse_dir_lookup(struct call *c, struct request *rq, struct err *err)
{
	uint32_t dir;
	struct vnode *v = vnode_get(rq->fs->inodes, c->ino);
	struct view *w = view_get(rq->fs->inodes, c->ino, &dir);
	struct found found = {0};
	int r;

	rq->lookup = true;
	if (w)
		return lookup_in_view(c, rq, w, dir, err);
	if (!v || !v->ops->lookup)
		return -ENOTDIR;
	if (strlen(c->name) > NAME_MAX)
		return -ENAMETOOLONG;
	r = v->ops->lookup(rq, v, c->name, &found, err);
	if (r == -ENOENT && found.lasting && !c->text) { /* not for symlink(2): it wants an inode */
		fuse_entry_reply(c->req,
				 &(struct fuse_entry){.name_timeout = seconds(found.lasting)});
		return 0;
	}
	if (r)
		return r;
	return reply_entry(c, rq,
			   found.view ? view_ino(found.view, found.node) : vnode_ino(found.vnode),
			   found.lasting, err);
}

/* A reply to READDIR or READDIRPLUS in the making. */
struct page {
	bool plus;
	char *data;
	size_t len, size;
};

/* False when the page is full. `next` is the offset behind the entry. */
static bool page_add(struct page *p, const char *name, const struct fuse_entry *e, off_t next)
{
	size_t len = fuse_entry_put(p->data + p->len, p->size - p->len, p->plus, name, e, next);

	assert(len <= p->size - p->len);
	p->len += len;
	return len > 0;
}

/* "." and "..", at offsets 0 and 1: without an inode in the entry, the kernel wants none. */
static bool page_add_dots(struct page *p, off_t *offset, uint64_t self, uint64_t parent)
{
	for (; *offset < 2; ++*offset) {
		struct fuse_entry e = {.attr = {.st_mode = S_IFDIR}};

		e.attr.st_ino = *offset ? parent : self;
		if (!page_add(p, *offset ? ".." : ".", &e, *offset + 1))
			return false;
	}
	return true;
}

/* *lookups: the entries that bring their inode, each a lookup that the kernel counts. */
static int fill_from_view(struct page *p, struct view *w, uint32_t dir, off_t offset,
			  uint64_t *lookups)
{
	const struct tree *t = view_tree(w);
	struct tree_dirent d;

	if (!page_add_dots(p, &offset, view_ino(w, dir), view_ino(w, tree_parent(t, dir))))
		return 0;
	for (; tree_dir_at(t, dir, (uint32_t)(offset - 2), &d); offset++) {
		struct fuse_entry e = {
		    .ino = view_ino(w, d.node), .name_timeout = FS_FOREVER, .timeout = FS_FOREVER};
		bool lasts;
		int r = view_stat(w, d.node, &e.attr, &lasts);

		if (r < 0)
			return r;
		if (!lasts)
			e.timeout = FS_HERE_LASTS;
		if (!page_add(p, d.name, &e, offset + 1))
			break;
		*lookups += p->plus;
	}
	return 0;
}

static int fill_from_vnode(struct page *p, struct request *rq, struct vnode *v, off_t offset,
			   struct err *err)
{
	struct listing l = {.names = BUF_INIT};
	const char *at;
	int r = v->ops->list ? v->ops->list(rq, v, &l, err) : -ENOTDIR;

	if (!r && buf_failed(&l.names))
		r = err_nomem(err);
	if (r || !page_add_dots(p, &offset, v->st_ino, v->st_ino)) {
		buf_free(&l.names);
		return r;
	}
	at = l.names.data;
	for (off_t k = 2; k < (off_t)l.count + 2; k++) {
		struct fuse_entry e = {.attr = {.st_ino = UINT32_MAX}};
		const char *name = at + 1;

		e.attr.st_mode = DTTOIF(*at);
		at = name + strlen(name) + 1;
		if (k >= offset && !page_add(p, name, &e, k + 1))
			break;
	}
	buf_free(&l.names);
	return 0;
}

int fuse_dir_read(struct call *c, struct request *rq, struct err *err)
{
	uint32_t dir;
	struct vnode *v = vnode_get(rq->fs->inodes, c->ino);
	struct view *w = view_get(rq->fs->inodes, c->ino, &dir);
	struct page p = {.plus = c->plus, .size = c->size};
	autofree char *data = NULL;
	uint64_t lookups = 0;
	int r = w ? view_ready(rq, w, err) : v ? 0 : -ESTALE;

	if (r)
		return r;
	p.data = data = malloc(c->size);
	if (!data)
		return err_nomem(err);
	if (w) {
		int filled = fill_from_view(&p, w, dir, c->offset, &lookups);

		r = view_check(rq, w, err);
		if (!r)
			r = filled;
	} else {
		r = fill_from_vnode(&p, rq, v, c->offset, err);
	}
	if (r)
		return r;
	if (w && p.len == 0 && !c->job)
		ahead_listed(rq->fs->ahead, w, dir, rq->pid, &c->ahead);
	if (lookups)
		inodes_count_lookups(rq->fs->inodes, c->ino, lookups);
	if (fuse_reply_buf(c->req, p.data, p.len) != 0 && lookups)
		inodes_forget(rq->fs->inodes, c->ino, lookups);
	return 0;
}
