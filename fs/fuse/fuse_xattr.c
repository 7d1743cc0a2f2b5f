/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_xattr.h"

#include "fs/core/caller.h"
#include "fs/core/fs.h"
#include "fs/core/inode.h"
#include "fs/core/xattr_names.h"
#include "fs/tree/view.h"
#include "registry/wire/text.h"

#include <errno.h>
#include <string.h>

/* Replies as getxattr(2) and listxattr(2) want it: the size alone where size is 0. */
static int reply_value(struct call *c, const void *value, size_t len)
{
	if (c->size == 0)
		fuse_reply_xattr(c->req, len);
	else if (len > c->size)
		return -ERANGE;
	else
		fuse_reply_buf(c->req, value, len);
	return 0;
}

/* The layer that brought a node, or the line of the history that made that. */
static int get_provenance(const struct view *w, uint32_t node, const char *name, struct buf *out)
{
	const struct image *image = repo_image_image(w->image);
	ssize_t layer = view_layer(w, node);
	char digest[DIGEST_TEXT_MAX];

	if (layer < 0 || (size_t)layer >= image->manifest->layer_count)
		return -ENODATA;
	if (!strcmp(name, "user.imagefs.layer")) {
		buf_printf(out, "%zd %s", layer,
			   digest_text(&image->manifest->layers[layer].digest, digest));
	} else {
		const struct history *h = config_layer_history(image->config, (size_t)layer);

		buf_puts(out, h && h->created_by ? h->created_by : "");
		text_make_harmless(out, 0); /* config.json has its bytes */
	}
	return 0;
}

static bool is_provenance(const char *name)
{
	return !strcmp(name, "user.imagefs.layer") || !strcmp(name, "user.imagefs.created_by");
}

static int get_value(const struct view *w, uint32_t node, const struct call *c, struct buf *out)
{
	struct xattr x;

	if (is_provenance(c->name))
		return get_provenance(w, node, c->name, out);
	for (uint32_t i = 0; tree_xattr_at(view_tree(w), node, i, &x); i++) {
		if (strcmp(x.name, c->name) != 0)
			continue;
		buf_append(out, x.value, x.size);
		return 0;
	}
	return -ENODATA;
}

/*
 * gnulib's file-has-acl.c, and with it ls(1) of coreutils 9.7 and later, asks each file by a list of
 * this size whether it has an ACL or a label, and asks no more where a file supports no list. Python
 * and Go's libraries bring 256 and 128 bytes: they copy attributes, and EOPNOTSUPP may end them.
 */
#define GLANCE 152

/* None is a list, too: tar and getfattr complain of each file whose list is not supported. Of "trusted"
 * names the kernel gives no value to others, but leaves it to filesystems not to list them. */
static int get_names(const struct view *w, uint32_t node, const struct call *c, struct buf *out)
{
	const struct fuse_ctx *who = fuse_req_ctx(c->req);
	struct xattr x;
	int sees = -1; /* not asked yet */

	for (uint32_t i = 0; tree_xattr_at(view_tree(w), node, i, &x); i++) {
		if (strncmp(x.name, "trusted.", strlen("trusted.")) == 0) {
			if (sees < 0)
				sees = caller_sees_trusted(who->uid, who->pid);
			if (!sees)
				continue;
		}
		buf_append(out, x.name, strlen(x.name) + 1);
	}
	return 0;
}

/* For a glance, where nobody has what it looks for. */
static int get_some(const struct view *w, uint32_t node, const struct call *c, struct buf *out)
{
	get_names(w, node, c, out);
	return out->len ? 0 : -EOPNOTSUPP;
}

/* What `get` appends, copied: a system call cannot read what the tree's file has lost. */
static int reply(struct call *c, struct request *rq, struct view *w, uint32_t node,
		 int (*get)(const struct view *w, uint32_t node, const struct call *c,
			    struct buf *out),
		 struct err *err)
{
	autobuf out = BUF_INIT;
	int r = view_ready(rq, w, err), got;

	if (r)
		return r;
	got = get(w, node, c, &out);
	r = view_check(rq, w, err);
	if (r || got)
		return r ? r : got;
	return buf_failed(&out) ? err_nomem(err) : reply_value(c, out.data, out.len);
}

int fuse_xattr_get(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);

	/* Where no image has the name, the answer keeps a program from asking again. */
	if (!is_provenance(c->name) && !xattr_names_has(rq->fs->xattr_names, c->name))
		return -EOPNOTSUPP;
	return w && view_is_open(w) ? reply(c, rq, w, node, get_value, err) : -ENODATA;
}

int fuse_xattr_list(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);
	bool glance = c->size == GLANCE && !xattr_names_beyond_capability(rq->fs->xattr_names);

	return w && view_is_open(w) ? reply(c, rq, w, node, glance ? get_some : get_names, err)
				    : reply_value(c, NULL, 0);
}
