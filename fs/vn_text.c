/* SPDX-License-Identifier: MIT */
#include "fs/vn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	const struct vn_text *t = (const struct vn_text *)v;

	(void)rq;
	(void)err;
	if (offset < t->text.len)
		buf_append(out, t->text.data + offset,
			   len < t->text.len - offset ? len : t->text.len - offset);
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
		t = vnode_new(&text_ops, sizeof(*t), path);
	if (!t)
		return NULL;
	t->text = *text;
	*text = (struct buf)BUF_INIT;
	t->mtime = mtime;
	t->v.stable = stable;
	return &t->v;
}

struct vn_link {
	struct vnode v;
	char *target;
	struct timespec mtime;
};

static int link_stat(struct request *rq, struct vnode *v, struct stat *st, struct err *err)
{
	const struct vn_link *l = (const struct vn_link *)v;

	(void)rq;
	(void)err;
	st->st_size = (off_t)strlen(l->target);
	st->st_mtim = l->mtime;
	return 0;
}

static int link_readlink(struct request *rq, struct vnode *v, struct buf *out, struct err *err)
{
	(void)rq;
	(void)err;
	buf_puts(out, ((struct vn_link *)v)->target);
	return 0;
}

static void link_free(struct vnode *v)
{
	free(((struct vn_link *)v)->target);
}

static const struct vnode_ops link_ops = {
    .mode = S_IFLNK | 0777,
    .stat = link_stat,
    .readlink = link_readlink,
    .free = link_free,
};

struct vnode *vn_link_new(const char *path, const char *target, struct timespec mtime)
{
	struct vn_link *l;
	char key[VN_PATH_MAX + VN_PATH_MAX];

	snprintf(key, sizeof(key), "%s -> %s", path, target);
	l = vnode_new(&link_ops, sizeof(*l), key);
	if (!l)
		return NULL;
	l->mtime = mtime;
	l->target = strdup(target);
	if (!l->target) {
		vnode_free(&l->v);
		return NULL;
	}
	return &l->v;
}

const char *vn_join(char path[static VN_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, VN_PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name);

	return n < VN_PATH_MAX ? path : NULL;
}
