/* SPDX-License-Identifier: MIT */
#include "fs/fuse_xattr.h"

#include "fs/inode.h"
#include "fs/view.h"

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

static int reply_provenance(struct call *c, const struct view *w, uint32_t node, struct err *err)
{
	const struct image *image = repo_image_image(w->image);
	ssize_t layer = view_layer(w, node);
	autobuf text = BUF_INIT;
	char digest[DIGEST_TEXT_MAX];

	if (layer < 0)
		return -ENODATA;
	if (!strcmp(c->name, "user.imagefs.layer")) {
		buf_printf(&text, "%zd %s", layer,
			   digest_text(&image->manifest->layers[layer].digest, digest));
	} else {
		const struct history *h = config_layer_history(image->config, (size_t)layer);

		buf_puts(&text, h && h->created_by ? h->created_by : "");
	}
	return buf_failed(&text) ? err_nomem(err) : reply_value(c, text.data, text.len);
}

int fuse_xattr_get(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);
	struct xattr x;

	if (!w || !view_is_open(w))
		return -ENODATA;
	if (!strcmp(c->name, "user.imagefs.layer") || !strcmp(c->name, "user.imagefs.created_by"))
		return reply_provenance(c, w, node, err);
	for (uint32_t i = 0; tree_xattr_at(view_tree(w), node, i, &x); i++)
		if (!strcmp(x.name, c->name))
			return reply_value(c, x.value, x.size);
	return -ENODATA;
}

int fuse_xattr_list(struct call *c, struct request *rq, struct err *err)
{
	uint32_t node;
	struct view *w = view_get(rq->fs->inodes, c->ino, &node);
	autobuf names = BUF_INIT;
	struct xattr x;

	if (w && view_is_open(w))
		for (uint32_t i = 0; tree_xattr_at(view_tree(w), node, i, &x); i++)
			buf_append(&names, x.name, strlen(x.name) + 1);
	return buf_failed(&names) ? err_nomem(err) : reply_value(c, names.data, names.len);
}
