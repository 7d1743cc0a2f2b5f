/* SPDX-License-Identifier: MIT */
#include "fs/tree/vn.h"

struct vn_text {
	struct vnode v;
	struct buf text;
	struct timespec mtime;
};

static int text_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	const struct vn_text *t = (const struct vn_text *)v;

	(void)rq;
	(void)err;
	st->st_size = (off_t)t->text.len;
	st->st_mtim = t->mtime;
	return 0;
}

static int text_read(struct request *rq, struct vnode *v, uint64_t offset, size_t len,
		     struct buf *out, struct err *err)
{
	(void)rq;
	(void)err;
	buf_append_range(out, &((struct vn_text *)v)->text, offset, len);
	return 0;
}

static void text_free(struct vnode *v)
{
	buf_free(&((struct vn_text *)v)->text);
}

static const struct vnode_ops text_ops = {
    .mode = S_IFREG | 0444,
    .stat = text_stat,
    .read = text_read,
    .free = text_free,
};

struct vnode *vn_text_new(const char *path, struct buf *text, struct timespec mtime, bool stable)
{
	struct vn_text *t = NULL;

	if (!buf_failed(text))
		t = (stable ? vnode_new : vnode_new_own)(&text_ops, sizeof(*t), path);
	if (!t)
		return NULL;
	t->text = *text;
	*text = (struct buf)BUF_INIT;
	t->mtime = mtime;
	t->v.lasting = stable ? LASTS : LASTS_NOT;
	return &t->v;
}
